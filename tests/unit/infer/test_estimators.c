/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every estimator's expected gradient with one latent: discrete by all combinations of states,
 * normal under a linear model by quadrature. Error rates: expectation.h. */
#include "expectation.h"
#include "infer/compare/tuples.h"

#define DISCRETE(z, how)                                                                           \
  "name: t\ndata: {x: {train: bits.csv}}\nmodel:\n  p:\n    z: {" z ", logits: learn}\n"           \
  "    x: {family: bernoulli, given: z, net: {hidden: [3], activation: tanh}}\n  q:\n    z: {" how \
  ", given: x, net: {hidden: []}}\n"
#define BITS DISCRETE("family: bernoulli, size: 2", "family: bernoulli")
#define CLASSES DISCRETE("family: categorical, dim: 3, size: 1", "family: categorical")
#define GAUSS                                                                                      \
  "name: t\ndata: {x: {train: pairs.csv}}\nmodel:\n  p:\n    z: {family: normal, size: 1}\n"       \
  "    x: {family: normal, given: z, net: {hidden: []}, scale: 0.7}\n"                             \
  "  q:\n    z: {family: normal, given: x, net: {hidden: []}}\n"

/* ---- the truth. t enumerates: log p and log q of every state are there */
static void states(subject *t, size_t row, points *to)
{
  const model *m = t->s->model;
  int z = m->q_order[0], x = variable_find(m, "x");
  double sum = 0;
  if (row == 0) forward(t, 0, 0);
  to->n = t->K;
  for (size_t k = 0; k < t->K; k++) {
    double q = value_at(t, t->m->mg.log_q[z], k * BATCH + row);
    sum += to->prob[k] = exp(q);
    to->f[k] = value_at(t, t->m->mg.log_p[z], k * BATCH + row) +
               value_at(t, t->m->mg.log_p[x], k * BATCH + row) - q;
  }
  for (size_t k = 0; k < t->K; k++) to->prob[k] /= sum;
}

static const double pairs_x[BATCH][2] = {
  { 0.5, -1 }, { 1.25, 0.75 }, { -0.5, 0.25 }, { -1.5, -0.5 }
};

/* One normal latent: the trapezoidal rule is exact to rounding for what falls off at both ends. */
static void grid(subject *t, size_t row, points *to)
{
  enum { POINTS = 31 };
  const double *x = pairs_x[row], step = 0.5;
  double loc = affine(t, "q.z.head.loc", 0, 2, x), ls = affine(t, "q.z.head.log_scale", 0, 2, x);
  to->n = POINTS;
  for (int i = 0; i < POINTS; i++) {
    double e = (i - POINTS / 2) * step, z = loc + exp(ls) * e;
    to->prob[i] = step * exp(log_normal(e, 0, 0));
    to->f[i] = log_normal(z, 0, 0) - log_normal(z, loc, ls);
    for (size_t k = 0; k < 2; k++)
      to->f[i] += log_normal(x[k], affine(t, "p.x.head.loc", k, 1, &z), log(0.7));
  }
}

/* ---- the rows */
typedef struct row {
  const char *model, *estimator;
  size_t K; /* of the bound of so many samples; 0: the ELBO */
  bool biased;
} row;
static const row rows[] = {
  { BITS, "enumerate" },
  { BITS, "score" },
  { BITS, "{name: score, samples: 3}" },
  { BITS, "{name: score, samples: 4, noise: antithetic}" },
  { BITS, "{name: score, samples: 4, noise: sobol}" },
  { BITS, "score_baseline" },
  { BITS, "{name: score_baseline, samples: 2}" },
  { BITS, "{name: score_loo, samples: 3}" },
  { BITS, "{name: rebar, temperature: 0.6}" },
  { BITS, "{name: rebar, samples: 3}" },
  { BITS, "{name: rebar, samples: 2, scale: 0.4}" },
  { BITS, "{name: disarm, samples: 2}" },
  { BITS, "{name: disarm, samples: 4}" },
  { BITS, "{name: vimco, samples: 2}", .K = 2 },
  { BITS, "{name: vimco, samples: 5}", .K = 5 },
  { BITS, "{name: rws, samples: 2}", .K = 2, .biased = true },
  { BITS, "{name: rws, samples: 4}", .K = 4, .biased = true },
  { BITS, "{name: concrete, temperature: 1}", .biased = true },
  { BITS, "{name: concrete, temperature: 1, density: relaxed}", .biased = true },
  { CLASSES, "enumerate" },
  { CLASSES, "score" },
  { CLASSES, "score_baseline" },
  { CLASSES, "{name: score_loo, samples: 2}" },
  { CLASSES, "{name: score, samples: 4, noise: sobol}" },
  { CLASSES, "{name: rebar, samples: 2}" },
  { CLASSES, "{name: vimco, samples: 2}", .K = 2 },
  { CLASSES, "{name: vimco, samples: 6}", .K = 6 },
  { CLASSES, "{name: concrete, temperature: 1}", .biased = true },
  { CLASSES, "{name: concrete, temperature: 1, density: relaxed}", .biased = true },
  { GAUSS, "sgvb_a" },
  { GAUSS, "{name: sgvb_a, samples: 4, noise: antithetic}" },
  { GAUSS, "{name: sgvb_a, samples: 4, noise: sobol}" },
  { GAUSS, "sgvb_b" },
  { GAUSS, "{name: sgvb_b, samples: 2, noise: antithetic}" },
  { GAUSS, "stl" },
  { GAUSS, "{name: stl, samples: 4, noise: sobol}" },
  { GAUSS, "score" },
  { GAUSS, "score_baseline" },
  { GAUSS, "{name: score_loo, samples: 2}" },
  { GAUSS, "{name: iwae, samples: 2}", .K = 2 },
  { GAUSS, "{name: iwae, samples: 3}", .K = 3 },
  { GAUSS, "{name: dreg, samples: 2}", .K = 2 },
  { GAUSS, "{name: dreg, samples: 3}", .K = 3 },
  { GAUSS, "{name: vimco, samples: 2}", .K = 2 },
  { GAUSS, "{name: vimco, samples: 3}", .K = 3 },
  { GAUSS, "{name: rws, samples: 3}", .K = 3, .biased = true },
  { GAUSS, "{name: iwae_stl, samples: 2}", .K = 2, .biased = true },
  { GAUSS, "{name: iwae_stl, samples: 3}", .K = 3, .biased = true },
};
enum { ROWS = sizeof rows / sizeof *rows };

START_TEST(expected_gradient)
{
  const row *c = &rows[_i];
  bool gauss = !strcmp(c->model, GAUSS);
  subject t = subject_of(c->model, gauss ? "sgvb_a" : "enumerate");
  expect_gradient(&t, c->model, c->estimator, gauss ? grid : states, c->K, STEPS, c->biased);
  leave(&t);
}
END_TEST

/* ---- the exact expectation of objectives of K draws (compare/tuples.h). The differences
   of sums of float densities are right to some 5e-6. */
static const struct {
  const char *model;
  const bound_rule *objective;
  size_t draws;
} exact[] = {
  { BITS, &bound_iwae, 1 },    { BITS, &bound_iwae, 2 },    { BITS, &bound_iwae, 5 },
  { CLASSES, &bound_iwae, 3 }, { CLASSES, &bound_iwae, 7 }, { BITS, &bound_wake, 3 },
  { CLASSES, &bound_wake, 4 },
};

/* log q weighed by p(s|x) as it was at first: its derivative by phi is that of -KL(p(z|x) || q). */
static double posterior[BATCH][8];

static void keep_posterior(subject *t)
{
  points p;
  for (size_t b = 0; b < BATCH; b++) {
    double sum = 0;
    states(t, b, &p);
    for (size_t k = 0; k < p.n; k++) sum += p.prob[k] * exp(p.f[k]);
    for (size_t k = 0; k < p.n; k++) posterior[b][k] = p.prob[k] * exp(p.f[k]) / sum;
  }
}

static void wake(subject *t, size_t row, points *to)
{
  states(t, row, to);
  for (size_t k = 0; k < to->n; k++) to->f[k] = log(to->prob[k]), to->prob[k] = posterior[row][k];
}

START_TEST(all_draws)
{
  subject t = subject_of(exact[_i].model, "enumerate");
  double want[MOST_PARAMS], by_phi[MOST_PARAMS];
  bool wakes = exact[_i].objective == &bound_wake;
  error e = { 0 };
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = BATCH, .samples = t.K };
  true_gradient(&t, states, exact[_i].draws, want);
  keep_posterior(&t);
  true_gradient(&t, wake, 0, by_phi);
  double bound = objective_of(&t, states, exact[_i].draws);
  ck_assert(tuples_fit(t.s->model, exact[_i].draws, BATCH));
  ck_assert(!tuples_fit(t.s->model, 4000, BATCH));
  tuples_take(t.s->model, exact[_i].objective, exact[_i].draws);
  machine_free(t.m);
  ck_assert_msg(!machine_new(t.s, &o, NULL, t.params, t.grads, &t.m, &e), "%s", e.text);
  machine_feed_split(t.m, SPLIT_TRAIN, first_rows, BATCH, 0, &e);
  forward(&t, 0, 0);
  ck_assert(!run_backward(t.m->run, &e));
  ck_assert_double_eq_tol((double)*run_value(t.m->run, t.m->mg.objective), bound, 2e-6);
  for (size_t i = 0; i < t.floats; i++) {
    double w = wakes && learned(&t, i, "q.") ? by_phi[i] : want[i];
    if (learned(&t, i, ""))
      ck_assert_msg(fabs((double)t.grads[i] - w) < 1e-5, "%g, expected %g", (double)t.grads[i], w);
  }
  leave(&t);
}
END_TEST

static double variance_of(const char *model, const char *estimator)
{
  moments m;
  subject t = subject_of(model, estimator);
  sample_gradients(&t, STEPS, &m);
  leave(&t);
  return m.variance;
}

/* What each is for: the variance beside that of the plain one at as many samples. */
START_TEST(variances)
{
  double score = variance_of(BITS, "{name: score, samples: 2}"),
         path = variance_of(GAUSS, "{name: sgvb_a, samples: 4}");
  ck_assert(variance_of(BITS, "enumerate") < 1e-10 * score);
  ck_assert_double_lt(variance_of(BITS, "{name: score_baseline, samples: 2}"), 0.7 * score);
  ck_assert_double_lt(variance_of(BITS, "{name: score_loo, samples: 2}"), 0.5 * score);
  ck_assert_double_lt(variance_of(BITS, "{name: rebar, samples: 2}"), 0.5 * score);
  double unscaled = variance_of(BITS, "{name: rebar, samples: 2, scale: 0}");
  /* nothing is left of the control variate */
  ck_assert_double_eq_tol(unscaled, score, 0.2 * score);
  ck_assert_double_lt(variance_of(BITS, "{name: disarm, samples: 2}"), 0.5 * score);
  ck_assert_double_lt(variance_of(GAUSS, "{name: sgvb_a, samples: 4, noise: sobol}"), 0.5 * path);
}
END_TEST

/* Its least value is a parameter. */
#define PARETO                                                                                     \
  "name: t\ndata: {x: {train: pairs.csv}}\nmodel:\n  p:\n    z: {family: exponential, size: 1}\n"  \
  "    x: {family: normal, given: z, net: {hidden: []}}\n"                                         \
  "  q:\n    z: {family: pareto, given: x, net: {hidden: []}}\n"

static const struct {
  const char *model, *estimator, *said;
} refused[] = {
  { GAUSS, "{name: score_loo, samples: 2, noise: antithetic}",
    "noise antithetic does not go with estimator score_loo: it needs draws that are independent" },
  { GAUSS, "{name: iwae, samples: 2, noise: sobol}",
    "noise sobol does not go with estimator iwae" },
  { BITS, "{name: disarm, samples: 2, noise: antithetic}",
    "its draws come in antithetic pairs already" },
  { GAUSS, "{name: sgvb_a, samples: 3, noise: antithetic}",
    "antithetic draws come in pairs, and there are 3 samples" },
  { BITS, "{name: disarm, samples: 3}", "antithetic draws come in pairs" },
  { BITS, "disarm", "estimator disarm needs at least 2 samples" },
  { GAUSS, "vimco", "estimator vimco needs at least 2 samples, and has 1" },
  { GAUSS, "score_loo", "estimator score_loo needs at least 2 samples, and has 1" },
  { GAUSS, "enumerate", "z: normal has no small finite support to enumerate (-inf < x < inf)" },
  { PARETO, "score",
    "z: estimator score needs a support that no learned parameter moves, and scale" },
  { PARETO, "stl", "z: estimator stl needs a support that no learned parameter moves, and scale" },
  { PARETO, "{name: vimco, samples: 2}", "z: estimator vimco needs a support that no learned" },
  { BITS, "sgvb_a", "z: estimator sgvb_a differentiates through the draw, and bernoulli can't be" },
  { CLASSES, "{name: disarm, samples: 2}", "estimator disarm is for binary draws by logits" },
  { GAUSS, "concrete", "estimator concrete needs a relaxed twin: normal has no relaxed twin" },
  { GAUSS, "rebar", "estimator rebar needs a relaxed twin" },
  { GAUSS, "{name: sgvb_a, temperature: 0.5}",
    "temperature is of relaxed values, and no latent has any" },
  { BITS, "{name: rebar, density: relaxed}", "density is of estimator concrete" },
  { BITS, "{name: score, scale: 0.5}", "scale is of rebar's control variate" },
  { "name: t\ndata: {x: {train: pairs.csv}}\nmodel:\n  p:\n    z: {family: normal, size: 41}\n"
    "    x: {family: normal, given: z, net: {hidden: []}}\n  q:\n    z: {family: normal, given: x, "
    "net: {hidden: []}}\n",
    "{name: sgvb_a, samples: 4, noise: sobol}", "more than the 40 coordinates" },
  { "name: t\ndata: {x: {train: pairs.csv}}\nmodel:\n  p:\n    z: {family: gamma, size: 1}\n"
    "    x: {family: normal, given: z, net: {hidden: []}}\n  q:\n    z: {family: gamma, given: x, "
    "net: {hidden: []}}\n",
    "{name: sgvb_a, samples: 4, noise: sobol}",
    "a draw of gamma takes no fixed number of noise values" },
  { "name: t\ndata: {x: {train: bits.csv}}\nmodel:\n  p:\n    y: {family: bernoulli, size: 1}\n    "
    "z: {family: bernoulli, size: 1}\n"
    "    x: {family: bernoulli, given: [y, z], net: {hidden: []}}\n  q:\n    y: {family: "
    "bernoulli, given: x, net: {hidden: []}}\n"
    "    z: {family: bernoulli, given: [x, y], net: {hidden: []}}\n",
    "{name: disarm, samples: 2}",
    "is refused where a latent has a latent parent in q, and z has y: both draws of a pair" },
  { "name: t\ndata: {x: {train: bits.csv}}\nmodel:\n  p:\n    y: {family: bernoulli, size: 1}\n    "
    "z: {family: bernoulli, size: 1}\n"
    "    x: {family: bernoulli, given: [y, z], net: {hidden: []}}\n  q:\n    y: {family: "
    "bernoulli, given: x, net: {hidden: []}}\n"
    "    z: {family: bernoulli, given: x, net: {hidden: []}, gradient: score}\n",
    "rebar", "estimator rebar must be that of all latents" },
};
enum { REFUSED = sizeof refused / sizeof *refused };

START_TEST(what_is_refused)
{
  expect_refusal(refused[_i].model, refused[_i].estimator, refused[_i].said);
}
END_TEST

/* sgvb_b where a known KL can be used, else sgvb_a, else score_loo with the samples it needs. */
static const struct {
  const char *model, *name;
  size_t K;
} automatic[] = { { GAUSS, "sgvb_b", 1 }, { PARETO, "sgvb_a", 1 }, { BITS, "score_loo", 2 } };

START_TEST(what_auto_takes)
{
  subject t = subject_of(automatic[_i].model, "auto");
  const model *m = t.s->model;
  ck_assert_str_eq(m->variable[m->q_order[0]].estimator->name, automatic[_i].name);
  ck_assert_uint_eq(m->samples, automatic[_i].K);
  ck_assert(m->estimator_reason && !strncmp(m->estimator_reason, "auto: ", 6));
  leave(&t);
}
END_TEST

/* Noise other than iid is for score, sgvb_a, sgvb_b and stl, and refused with the reason. */
START_TEST(noise_of_each)
{
  const estimator_kind *k = estimator_table[_i];
  static const char *const free_ones[] = { "score", "sgvb_a", "sgvb_b", "stl" };
  bool fits = false, bits = k->relaxes || k->controls || k->mirrors || k->enumerates;
  for (int i = 0; i < 4; i++) fits |= !strcmp(k->name, free_ones[i]);
  for (int kind = NOISE_ANTITHETIC; kind <= NOISE_SOBOL; kind++) {
    char estimator[128], said[128];
    snprintf(estimator, sizeof estimator, "{name: %s, samples: 4, noise: %s}", k->name,
             noise_names[kind]);
    snprintf(said, sizeof said, "z: noise %s does not go with estimator %s: it", noise_names[kind],
             k->name);
    if (!fits) {
      expect_refusal(bits ? BITS : GAUSS, estimator, said);
      continue;
    }
    subject t = subject_of(GAUSS, estimator);
    ck_assert_int_eq((int)t.s->model->variable[t.s->model->q_order[0]].noise.kind, kind);
    leave(&t);
  }
}
END_TEST

/* Why score_loo is refused them: with f = a + b e + c e^2 and draws at e and -e, the gradient by
   loc is (f(e) - f(-e)) e, whose mean is 2 b, where the truth is b. */
START_TEST(mirrored_pairs_under_score_loo)
{
  enum { MANY = 20000 };
  subject t = subject_of(GAUSS, "{name: score_loo, samples: 2}");
  error e = { 0 };
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = BATCH, .samples = 2 };
  double want[MOST_PARAMS], mean[MOST_PARAMS] = { 0 }, square[MOST_PARAMS] = { 0 };
  true_gradient(&t, grid, 0, want);
  machine_free(t.m);
  t.s->model->variable[t.s->model->q_order[0]].noise.kind = NOISE_ANTITHETIC;
  ck_assert_msg(!machine_new(t.s, &o, NULL, t.params, t.grads, &t.m, &e), "%s", e.text);
  machine_feed_split(t.m, SPLIT_TRAIN, first_rows, BATCH, 0, &e);
  for (uint64_t step = 0; step < MANY; step++) {
    forward(&t, step, 0);
    ck_assert(!run_backward(t.m->run, &e));
    for (size_t i = 0; i < t.floats; i++)
      mean[i] += (double)t.grads[i] / MANY, square[i] += pow((double)t.grads[i], 2) / MANY;
  }
  for (size_t i = 0; i < t.floats; i++) {
    double se = sqrt((square[i] - mean[i] * mean[i]) / MANY);
    if (!learned(&t, i, "q.z.head.loc")) continue;
    ck_assert_msg(fabs(mean[i] - 2 * want[i]) < limit * se && se < 0.05 * fabs(want[i]),
                  "%g +- %g, twice %g", mean[i], se, want[i]);
  }
  leave(&t);
}
END_TEST

/* from (to / from)^(epochs / E), then it stays. */
START_TEST(temperature)
{
  subject t = subject_of(BITS, "{name: concrete, temperature: {from: 2, to: 0.5, epochs: 4}}");
  static const double want[] = { 2, 1.4142135623730951, 1, 0.70710678118654757, 0.5, 0.5 };
  for (int i = 0; i < 6; i++)
    ck_assert_double_eq_tol(model_temperature(t.s->model, i), want[i], 1e-15);
  leave(&t);
  t = subject_of(BITS, "rebar");
  ck_assert(model_temperature(t.s->model, 3) == 0.5);
  leave(&t);
}
END_TEST

/* The first step has none; a step's own f is never in its baseline. */
START_TEST(moving_average)
{
  baseline b = { 0 };
  ck_assert(baseline_value(&b) == 0);
  baseline_see(&b, -10);
  ck_assert_double_eq_tol(baseline_value(&b), -10, 1e-12);
  baseline_see(&b, -1);
  ck_assert_double_eq_tol(baseline_value(&b), (-10 * 0.8 - 1) / 1.8, 1e-12);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("infer/estimators");
  TCase *t = tcase_create("estimators");
  tcase_set_timeout(t, 120);
  tcase_add_unchecked_fixture(t, expectation_start, fixture_end);
  tcase_add_loop_test(t, expected_gradient, 0, ROWS);
  tcase_add_loop_test(t, all_draws, 0, sizeof exact / sizeof *exact);
  tcase_add_test(t, variances);
  tcase_add_loop_test(t, what_is_refused, 0, REFUSED);
  tcase_add_loop_test(t, what_auto_takes, 0, sizeof automatic / sizeof *automatic);
  tcase_add_loop_test(t, noise_of_each, 0, n_estimators);
  tcase_add_test(t, mirrored_pairs_under_score_loo);
  tcase_add_test(t, temperature);
  tcase_add_test(t, moving_average);
  suite_add_tcase(s, t);
  return run_suite(s);
}
