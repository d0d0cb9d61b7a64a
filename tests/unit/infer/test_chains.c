/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Estimators with two latents: chains, q: x -> z1 -> z2 and p: z2 -> z1 -> x, and mixed roads, one
 * latent on a score road and the other on a path, side by side or one the parent of the other. The
 * truth is made of the parameters by hand. Error rates: expectation.h. */
#define SPREAD 1.1
#define STRONG "q.s.head.logits.weight", 2, 4 /* where u is a parent of s, it decides */
#include "expectation.h"

#define TWO(DATA, P, Q) "name: t\ndata: {x: {train: " DATA "}}\nmodel:\n  p:\n" P "  q:\n" Q
#define SWITCHES SWITCHES_BY("")
#define SWITCHES_BY(GRADIENT)                                                                      \
  TWO("bits.csv",                                                                                  \
      "    z2: {family: bernoulli, size: 1, logits: learn}\n"                                      \
      "    z1: {family: bernoulli, size: 2, given: z2, net: {hidden: []}}\n"                       \
      "    x: {family: bernoulli, given: z1, net: {hidden: []}}\n",                                \
      "    z1: {family: bernoulli, given: x, net: {hidden: []}" GRADIENT "}\n"                     \
      "    z2: {family: bernoulli, given: z1, net: {hidden: []}}\n")
#define NORMALS                                                                                    \
  TWO("pairs.csv",                                                                                 \
      "    z2: {family: normal, size: 1}\n"                                                        \
      "    z1: {family: normal, size: 1, given: z2, net: {hidden: []}, scale: 0.8}\n"              \
      "    x: {family: normal, given: z1, net: {hidden: []}, scale: 0.7}\n",                       \
      "    z1: {family: normal, given: x, net: {hidden: []}}\n"                                    \
      "    z2: {family: normal, given: z1, net: {hidden: []}, scale: learn}\n")
/* s: a switch, u: a normal number whose p has s as its parent. GRADIENT: the road of s. */
#define MIXED(Q_S, Q_U, FIRST, SECOND, GRADIENT)                                                   \
  TWO("pairs.csv",                                                                                 \
      "    s: {family: bernoulli, size: 1, logits: learn}\n"                                       \
      "    u: {family: normal, size: 1, given: s, net: {hidden: []}, scale: 1.2}\n"                \
      "    x: {family: normal, given: [s, u], net: {hidden: []}, scale: 0.7}\n",                   \
      FIRST(Q_S, Q_U, GRADIENT) SECOND(Q_S, Q_U, GRADIENT))
#define LINE_S(Q_S, Q_U, GRADIENT)                                                                 \
  "    s: {family: bernoulli, given: " Q_S ", net: {hidden: []}, gradient: " GRADIENT "}\n"
#define LINE_U(Q_S, Q_U, GRADIENT) "    u: {family: normal, given: " Q_U ", net: {hidden: []}}\n"
#define APART(GRADIENT) MIXED("x", "x", LINE_S, LINE_U, GRADIENT)
#define SWITCH_FIRST(GRADIENT) MIXED("x", "[x, s]", LINE_S, LINE_U, GRADIENT)
#define PATH_FIRST(GRADIENT) MIXED("[x, u]", "x", LINE_U, LINE_S, GRADIENT)

static const double bits_x[BATCH][2] = { { 0, 1 }, { 1, 1 }, { 1, 0 }, { 0, 1 } };
static const double pairs_x[BATCH][2] = {
  { 0.5, -1 }, { 1.25, 0.75 }, { -0.5, 0.25 }, { -1.5, -0.5 }
};

/* ---- the truths. The trapezoidal rule is exact to rounding for what falls off at both ends; the
   bound of K samples has branch points near the real line, which ask for small steps. */
enum { SIDE = 25, POINTS = 81 };
static const double wide = 0.6, narrow = 0.17;

/* The i-th place of n, and what of a standard normal is there. */
static double place_of(int i, int n, double step)
{
  return (i - n / 2) * step;
}

static double share_of(int i, int n, double step)
{
  return step * exp(log_normal(place_of(i, n, step), 0, 0));
}

static void switches(subject *t, size_t row, points *to)
{
  const double *x = bits_x[row];
  to->n = 8;
  for (int i = 0; i < 8; i++) {
    double z1[2] = { i & 1, i >> 1 & 1 }, z2 = i >> 2,
           q = log_bernoulli(z2, affine(t, "q.z2.head.logits", 0, 2, z1)),
           p = log_bernoulli(z2, (double)named(t, "p.z2.param.logits")[0]);
    for (size_t k = 0; k < 2; k++) {
      q += log_bernoulli(z1[k], affine(t, "q.z1.head.logits", k, 2, x));
      p += log_bernoulli(z1[k], affine(t, "p.z1.head.logits", k, 1, &z2));
      p += log_bernoulli(x[k], affine(t, "p.x.head.logits", k, 2, z1));
    }
    to->prob[i] = exp(q), to->f[i] = p - q;
  }
}

static void normals(subject *t, size_t row, points *to)
{
  const double *x = pairs_x[row];
  double loc = affine(t, "q.z1.head.loc", 0, 2, x),
         scale = affine(t, "q.z1.head.log_scale", 0, 2, x),
         scale2 = (double)named(t, "q.z2.param.log_scale")[0];
  to->n = SIDE * SIDE;
  for (int i = 0; i < SIDE; i++) {
    double z1 = loc + exp(scale) * place_of(i, SIDE, wide),
           loc2 = affine(t, "q.z2.head.loc", 0, 1, &z1);
    for (int j = 0; j < SIDE; j++) {
      double z2 = loc2 + exp(scale2) * place_of(j, SIDE, wide), f = log_normal(z2, 0, 0);
      f += log_normal(z1, affine(t, "p.z1.head.loc", 0, 1, &z2), log(0.8));
      for (size_t k = 0; k < 2; k++)
        f += log_normal(x[k], affine(t, "p.x.head.loc", k, 1, &z1), log(0.7));
      f -= log_normal(z1, loc, scale) + log_normal(z2, loc2, scale2);
      to->prob[i * SIDE + j] = share_of(i, SIDE, wide) * share_of(j, SIDE, wide),
                          to->f[i * SIDE + j] = f;
    }
  }
}

/* log p(x, s, u) */
static double mixed_joint(const subject *t, const double *x, double s, double u)
{
  double su[2] = { s, u }, sum = log_bernoulli(s, (double)named(t, "p.s.param.logits")[0]) +
                                 log_normal(u, affine(t, "p.u.head.loc", 0, 1, &s), log(1.2));
  for (size_t k = 0; k < 2; k++)
    sum += log_normal(x[k], affine(t, "p.x.head.loc", k, 2, su), log(0.7));
  return sum;
}

/* `s_sees`, `u_sees`: what q's nets are given, of x and the other one. */
static void mixed(const subject *t, size_t row, size_t s_sees, size_t u_sees, points *to)
{
  to->n = 2 * POINTS;
  for (int i = 0; i < 2 * POINTS; i++) {
    double s = i / POINTS, e = place_of(i % POINTS, POINTS, narrow);
    double xs[3] = { pairs_x[row][0], pairs_x[row][1], s }, xu[3] = { xs[0], xs[1] };
    double loc = affine(t, "q.u.head.loc", 0, u_sees, xs),
           scale = affine(t, "q.u.head.log_scale", 0, u_sees, xs), u = loc + exp(scale) * e;
    xu[2] = u;
    double log_s = log_bernoulli(s, affine(t, "q.s.head.logits", 0, s_sees, xu));
    to->prob[i] = share_of(i % POINTS, POINTS, narrow) * exp(log_s);
    to->f[i] = mixed_joint(t, pairs_x[row], s, u) - log_s - log_normal(u, loc, scale);
  }
}

static void apart(subject *t, size_t row, points *to)
{
  mixed(t, row, 2, 2, to);
}
static void switch_first(subject *t, size_t row, points *to)
{
  mixed(t, row, 2, 3, to);
}
static void path_first(subject *t, size_t row, points *to)
{
  mixed(t, row, 3, 2, to);
}

/* ---- the rows */
static const struct {
  const char *model, *estimator;
  point_rule *rule;
  size_t K; /* of the bound of so many samples; 0: the ELBO */
  bool biased;
  int times; /* so many STEPS; 0: once */
} rows[] = {
  { SWITCHES, "enumerate", switches },
  { SWITCHES, "{name: score, samples: 2}", switches },
  { SWITCHES, "{name: score, samples: 4, noise: antithetic}", switches },
  { SWITCHES, "score_baseline", switches },
  { SWITCHES, "{name: score_loo, samples: 3}", switches },
  { SWITCHES_BY(", gradient: disarm"), "{name: score, samples: 4}", switches },
  { SWITCHES, "{name: vimco, samples: 2}", switches, .K = 2 },
  { SWITCHES, "{name: vimco, samples: 4}", switches, .K = 4 },
  { SWITCHES, "{name: rws, samples: 3}", switches, .K = 3, .biased = true },
  { SWITCHES, "{name: concrete, temperature: 1}", switches, .biased = true },
  { NORMALS, "{name: sgvb_a, samples: 2}", normals },
  { NORMALS, "{name: sgvb_a, samples: 4, noise: sobol}", normals },
  { NORMALS, "{name: sgvb_b, samples: 2}", normals },
  { NORMALS, "{name: sgvb_b, samples: 2, noise: antithetic}", normals },
  { NORMALS, "{name: stl, samples: 2}", normals },
  { NORMALS, "score", normals },
  { NORMALS, "score_baseline", normals },
  { NORMALS, "{name: score_loo, samples: 2}", normals },
  { NORMALS, "{name: iwae, samples: 2}", normals, .K = 2 },
  { NORMALS, "{name: vimco, samples: 2}", normals, .K = 2 },
  { NORMALS, "{name: iwae_stl, samples: 2}", normals, .K = 2, .biased = true },
  { APART("score"), "{name: sgvb_a, samples: 2}", apart },
  { APART("score_baseline"), "sgvb_b", apart },
  { APART("score_loo"), "{name: sgvb_b, samples: 2}", apart },
  { APART("score_loo"), "{name: stl, samples: 3}", apart },
  { APART("disarm"), "{name: sgvb_a, samples: 2}", apart },
  { APART("enumerate"), "sgvb_a", apart },
  { APART("vimco"), "{name: iwae, samples: 2}", apart, .K = 2 },
  { APART("vimco"), "{name: dreg, samples: 2}", apart, .K = 2 },
  { APART("concrete"), "sgvb_a", apart, .biased = true },
  { SWITCH_FIRST("score"), "{name: sgvb_a, samples: 2}", switch_first },
  { SWITCH_FIRST("score_loo"), "{name: sgvb_b, samples: 2}", switch_first },
  { SWITCH_FIRST("score_loo"), "{name: stl, samples: 3}", switch_first },
  { SWITCH_FIRST("disarm"), "{name: stl, samples: 2}", switch_first },
  { SWITCH_FIRST("enumerate"), "sgvb_b", switch_first },
  { SWITCH_FIRST("vimco"), "{name: iwae, samples: 2}", switch_first, .K = 2 },
  { PATH_FIRST("score"), "{name: sgvb_a, samples: 2}", path_first },
  { PATH_FIRST("score_loo"), "{name: sgvb_a, samples: 2}", path_first },
  { PATH_FIRST("score_loo"), "{name: stl, samples: 3}", path_first },
  { PATH_FIRST("enumerate"), "stl", path_first },
  { PATH_FIRST("vimco"), "{name: iwae, samples: 2}", path_first, .K = 2, .times = 8 },
};

START_TEST(expected_gradient)
{
  subject t = subject_of(rows[_i].model, rows[_i].estimator);
  expect_gradient(&t, rows[_i].model, rows[_i].estimator, rows[_i].rule, rows[_i].K,
                  STEPS * (rows[_i].times ? rows[_i].times : 1), rows[_i].biased);
  leave(&t);
}
END_TEST

/* ---- B on chains: q(z1) = N(0, 1), q(z2|z1) = N(z1, 0.01), p(z1|z2) = N(z2, 1). The term of z1,
   E[log q(z1) - log p(z1|z2)], is (0.01 - 1) / 2; the mean of KL(q(z1) || p(z1|z2)) over z2, which
   is drawn after z1, would be (0.01 + 1) / 2. */
#define TOY                                                                                        \
  TWO("pairs.csv",                                                                                 \
      "    z2: {family: normal, size: 1}\n"                                                        \
      "    z1: {family: normal, size: 1, given: z2, net: {hidden: []}, scale: 1}\n"                \
      "    x: {family: normal, given: z1, net: {hidden: []}, scale: 1}\n",                         \
      "    z1: {family: normal, given: x, net: {hidden: []}, scale: 1}\n"                          \
      "    z2: {family: normal, given: z1, net: {hidden: []}, scale: 0.1}\n")

START_TEST(a_term_of_a_chain)
{
  enum { STEPS_OF_TOY = 40 };
  subject t = subject_of(TOY, "{name: sgvb_b, samples: 1000}");
  int z1 = variable_find(t.s->model, "z1"), z2 = variable_find(t.s->model, "z2");
  const model_graph *mg = &t.m->mg;
  size_t draws = t.K * BATCH;
  double sum = 0, n = (double)(STEPS_OF_TOY * draws);
  text plan = { 0 };
  error e = { 0 };
  for (size_t i = 0; i < t.floats; i++) t.params[i] = 0;
  set_number(&t, "p.z1.head.loc.weight", 0, 1), set_number(&t, "q.z2.head.loc.weight", 0, 1);
  ck_assert(mg->kl[z1] == NODE_NONE && mg->kl[z2] != NODE_NONE);
  for (uint64_t step = 0; step < STEPS_OF_TOY; step++) {
    forward(&t, step, 0);
    for (size_t k = 0; k < draws; k++)
      sum += value_at(&t, mg->log_q[z1], k) - value_at(&t, mg->log_p[z1], k);
  }
  /* (z2^2 - 2 z1 z2) / 2 has a deviation below 0.72 */
  ck_assert_double_eq_tol(sum / n, -0.495, 5 * 0.72 / sqrt(n));
  ck_assert(!model_plan(t.s->model, &plan, &e));
  ck_assert_msg(strstr(plan.s, "latent z1: sgvb_b, drawn by location_scale, A's sampled log q - "
                               "log p, since its parent z2 in p is drawn after it in q\n"),
                "%s", plan.s);
  ck_assert_ptr_nonnull(strstr(plan.s, "latent z2: sgvb_b, drawn by location_scale, KL("));
  text_free(&plan);
  leave(&t);
}
END_TEST

/* ---- weights held still, not parameters: at the exact posterior of two layers, f does not move
   with the draws. z1 ~ N(c, a^2 + 0.8^2) under p, x_k ~ N(b_k z1 + d_k, 0.7^2), z2 | z1 by Bayes.
 */
static void set_posterior(subject *t)
{
  const float *b = named(t, "p.x.head.loc.weight"), *d = named(t, "p.x.head.loc.bias");
  double a = (double)named(t, "p.z1.head.loc.weight")[0],
         c = (double)named(t, "p.z1.head.loc.bias")[0], noise = 0.64, prior = a * a + noise,
         precision = 1 / prior, below = 1 + a * a / noise, at = c / prior;
  for (size_t k = 0; k < 2; k++) precision += (double)(b[k] * b[k]) / 0.49;
  for (size_t k = 0; k < 2; k++) {
    at -= (double)(b[k] * d[k]) / 0.49;
    set_number(t, "q.z1.head.loc.weight", k, (float)((double)b[k] / 0.49 / precision));
    set_number(t, "q.z1.head.log_scale.weight", k, 0);
  }
  set_number(t, "q.z1.head.loc.bias", 0, (float)(at / precision));
  set_number(t, "q.z1.head.log_scale.bias", 0, (float)(-0.5 * log(precision)));
  set_number(t, "q.z2.head.loc.weight", 0, (float)(a / noise / below));
  set_number(t, "q.z2.head.loc.bias", 0, (float)(-a * c / noise / below));
  set_number(t, "q.z2.param.log_scale", 0, (float)(-0.5 * log(below)));
}

static double variance_at_posterior(const char *estimator)
{
  moments m;
  subject t = subject_of(NORMALS, estimator);
  set_posterior(&t);
  sample_gradients(&t, 500, &m);
  leave(&t);
  return m.variance;
}

START_TEST(held_weights)
{
  double a = variance_at_posterior("sgvb_a"), stl = variance_at_posterior("stl");
  ck_assert_double_gt(a, 0.1);
  ck_assert_msg(stl < 1e-9 * a, "%g of %g", stl, a);
}
END_TEST

static const struct {
  const char *model, *estimator, *said;
} refused[] = {
  { NORMALS, "{name: dreg, samples: 2}",
    "z2: estimator dreg is refused where a latent has a latent parent in q, and z2 has z1: it is "
    "known for latents without latent parents only" },
  { SWITCHES, "{name: disarm, samples: 2}",
    "z2: estimator disarm is refused where a latent has a latent parent in q" },
  { SWITCHES, "rebar", "z2: estimator rebar is refused where a latent has a latent parent in q" },
  { PATH_FIRST("vimco"), "{name: dreg, samples: 2}",
    "s: estimator vimco is refused where its parent u in q has dreg" },
  { SWITCH_FIRST("vimco"), "{name: dreg, samples: 2}",
    "u: estimator dreg is refused where a latent has a latent parent in q" },
  { PATH_FIRST("score_loo"), "{name: sgvb_b, samples: 2}",
    "estimator sgvb_b applies to no latent: u: its parent s in p is drawn after it in q" },
  { APART("rebar"), "{name: sgvb_a, samples: 2}", "estimator rebar must be that of all latents" },
  { APART("rws"), "{name: iwae, samples: 2}",
    "s: estimator rws climbs the wake bound, the experiment's iwae the iwae bound" },
  { APART("enumerate"), "{name: iwae, samples: 2}",
    "s: estimator enumerate climbs the elbo bound, the experiment's iwae the iwae bound" },
  { APART("score"), "{name: iwae, samples: 2}",
    "s: estimator score climbs the elbo bound, the experiment's iwae the iwae bound" },
};

START_TEST(what_is_refused)
{
  expect_refusal(refused[_i].model, refused[_i].estimator, refused[_i].said);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("infer/chains");
  TCase *t = tcase_create("chains");
  tcase_set_timeout(t, 120);
  tcase_add_unchecked_fixture(t, expectation_start, fixture_end);
  tcase_add_loop_test(t, expected_gradient, 0, sizeof rows / sizeof *rows);
  tcase_add_test(t, a_term_of_a_chain);
  tcase_add_test(t, held_weights);
  tcase_add_loop_test(t, what_is_refused, 0, sizeof refused / sizeof *refused);
  suite_add_tcase(s, t);
  return run_suite(s);
}
