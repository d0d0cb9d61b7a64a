/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must come out of a comparison, on models small enough. Verdicts err with probability 1e-3
 * for an estimator (infer/compare/verdict.h); seeds are fixed: what passes once passes always. */
#define FIXTURE_THREADS 1 /* many small steps */
#include "study_fixture.h"

#include "infer/compare/sampler.h"
#include "infer/compare/timing.h"
#include "infer/compare/verdict.h"

#include <malloc.h>

/* Minibatches of 5: since some rows are far from their mean, variance over squared norm is smaller
   than with 20, and costs a quarter. Near the posterior no row is, and 20 are better. */
#define LINEAR(Q, ESTIMATOR) LINEAR_OF(Q, "", "", ESTIMATOR, "5")
#define LINEAR_20(Q, ESTIMATOR) LINEAR_OF(Q, "", "", ESTIMATOR, "20")
#define LINEAR_BY(Q, DIM, ROAD) LINEAR_OF(Q, DIM, ROAD, "{name: sgvb_a, samples: 16}", "5")
#define LINEAR_OF(Q, DIM, ROAD, ESTIMATOR, ROWS)                                                   \
  "name: linear\nseed: 3\ndata: {x: {builtin: linear_gaussian, rows: 60}}\nmodel:\n"               \
  "  p:\n    z: {family: " Q DIM ", size: 2}\n"                                                    \
  "    x: {family: normal, given: z, net: {hidden: []}, scale: learn}\n"                           \
  "  q:\n    z: {family: " Q ", given: x, net: {hidden: []}" ROAD "}\n"                            \
  "estimator: " ESTIMATOR "\ntrain: {epochs: 1, batch_size: " ROWS "}\n"
#define BERNOULLI                                                                                  \
  "name: bernoulli\nseed: 2\ndata: {x: {train: b.csv}}\nmodel:\n"                                  \
  "  p:\n    z: {family: bernoulli, size: 3}\n    x: {family: bernoulli, given: z, net: {hidden: " \
  "[]}}\n"                                                                                         \
  "  q:\n    z: {family: bernoulli, given: x, net: {hidden: []}}\n"                                \
  "estimator: {name: score_loo, samples: 16}\ntrain: {epochs: 1, batch_size: 10}\n"

static void write_bits(void)
{
  FILE *f = fopen(in_folder("b.csv"), "w");
  for (int i = 0; i < 20; i++)
    fprintf(f, "%d,%d,%d,%d,%d\n", i & 1, i >> 1 & 1, i >> 2 & 1, (i * 7) % 3 == 0, (i & 3) == 3);
  ck_assert_int_eq(fclose(f), 0);
}

/* ---- statistics */
START_TEST(test_student)
{
  ck_assert_double_eq_tol(student_tail(12.706204736, 1), 0.05, 1e-9);
  ck_assert_double_eq_tol(student_tail(-2.228138852, 10), 0.05, 1e-9);
  ck_assert_double_eq_tol(student_tail(1.959963985, 1e9), 0.05, 1e-8);
  ck_assert_double_eq(student_tail(0, 5), 1);
}
END_TEST

static double normal_from(uint64_t *state)
{
  double sum = -6;
  for (int i = 0; i < 12; i++) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    sum += (double)(*state >> 11) * 0x1p-53;
  }
  return sum;
}

static moments *synthetic(const groups *g, long n, double shift, uint64_t *state, float *room)
{
  error e = { 0 };
  moments *m;
  ck_assert(!moments_new(g, n, &m, &e));
  for (long r = 0; r < n; r++) {
    for (size_t i = 0; i < g->P; i++) room[i] = (float)(10 + shift + normal_from(state));
    moments_add(m, room);
  }
  moments_finish(m);
  return m;
}

static int count_biased(const groups *g, int trials, double shift)
{
  uint64_t state = 1;
  int biased = 0;
  float *room = malloc(g->P * sizeof *room);
  for (int i = 0; i < trials; i++) {
    moments *a = synthetic(g, 60, shift, &state, room), *b = synthetic(g, 60, 0, &state, room);
    verdict v[GROUPS];
    bool any = false;
    verdicts_of(a, b, v);
    for (int k = 0; k < g->n; k++) any |= !strcmp(v[k].word, "biased");
    biased += any;
    moments_free(a), moments_free(b);
  }
  free(room);
  return biased;
}

/* 200 pairs at a rate of 1e-3: more than 3 false alarms in any group have probability 6e-5. A bias
   of 2.5 times chance is found. */
START_TEST(test_error_rates)
{
  elbo_experiment *x = open_experiment(LINEAR("normal", "{name: sgvb_a}"));
  sampler p;
  error e = { 0 };
  ck_assert(!sampler_new(x->study, NULL, 20, 1, &p, &e));
  ck_assert_int_le(count_biased(&p.groups, 200, 0), 3);
  ck_assert_int_ge(count_biased(&p.groups, 100, 2.5 * sqrt(2.0 / 60)), 90);
  sampler_free(&p);
  elbo_experiment_free(x);
}
END_TEST

/* One pass in blocks against two passes over all. */
START_TEST(test_moments)
{
  enum { N = 47 };
  elbo_experiment *x = open_experiment(LINEAR("normal", "{name: sgvb_a}"));
  sampler p;
  error e = { 0 };
  uint64_t state = 7;
  ck_assert(!sampler_new(x->study, NULL, 20, 1, &p, &e));
  const groups *g = &p.groups;
  float *all = malloc(N * g->P * sizeof *all);
  moments *m;
  ck_assert(!moments_new(g, N, &m, &e));
  for (size_t i = 0; i < N * g->P; i++) all[i] = (float)(1e3 + normal_from(&state));
  for (size_t r = 0; r < N; r++) moments_add(m, all + r * g->P);
  moments_finish(m);
  double trace = 0, squares = 0, ratios = 0;
  for (size_t i = 0; i < g->P; i++) {
    double mean = 0, m2 = 0;
    for (size_t r = 0; r < N; r++) mean += (double)all[r * g->P + i] / N;
    for (size_t r = 0; r < N; r++) m2 += pow((double)all[r * g->P + i] - mean, 2);
    ck_assert_double_eq_tol(m->mean[i], mean, 1e-9);
    trace += m2 / (N - 1), squares += mean * mean,
        ratios += mean / sqrt(m2 / (N - 1)) / (double)g->P;
  }
  group_moments out[GROUPS], se[GROUPS];
  moments_read(m, out, se);
  ck_assert_str_eq(g->list[g->n_leaves].name, "all");
  ck_assert_double_eq_tol(out[g->n_leaves].trace, trace, 1e-8 * trace);
  ck_assert_double_eq_tol(out[g->n_leaves].squared_norm, squares - trace / N, 1e-9 * squares);
  ck_assert_double_eq_tol(out[g->n_leaves].snr, ratios, 1e-8 * ratios);
  ck_assert_double_gt(se[g->n_leaves].trace, 0);
  free(all);
  moments_free(m);
  sampler_free(&p);
  elbo_experiment_free(x);
}
END_TEST

/* ---- estimators */
typedef struct fault fault;
static void plant(model *m, const fault *f);

/* `repeats` gradients from number `first` on. */
static moments *run_one(const char *yaml, uint64_t first, long repeats, const fault *f,
                        void (*set)(sampler *), sampler *p, elbo_experiment **x)
{
  error e = { 0 };
  moments *m;
  *x = open_experiment(yaml);
  ck_assert_msg(!sampler_new((*x)->study, NULL, (size_t)(*x)->study->x->train.batch_size, 1, p, &e),
                "%s", e.text);
  if (set) set(p);
  if (f) plant((*x)->study->model, f);
  ck_assert_msg(!sampler_run(p, first, repeats, &m, &e), "%s", e.text);
  return m;
}

static int group_named(const groups *g, const char *name)
{
  for (int k = 0; k < g->n; k++)
    if (!strcmp(g->list[k].name, name)) return k;
  ck_abort_msg("no group %s", name);
  return -1;
}

/* Near the exact posterior, where the weights are even enough for the law of large K: `size` says
   how near. */
static void set_near(sampler *p, float size)
{
  for (size_t i = 0; i < p->groups.P; i++) p->params[i] = 0;
  for (int k = 0; k < p->groups.n_leaves; k++)
    for (size_t i = 0; i < p->groups.P && !strcmp(p->groups.list[k].name, "p.x.head.loc"); i++)
      if (p->groups.leaf_of[i] == k) p->params[i] = size * (1 + 0.5f * (float)(i % 3));
}
static void near(sampler *p)
{
  set_near(p, 0.05f);
}
static void nearer(sampler *p)
{
  set_near(p, 0.01f);
}

/* The slope of log |mean| / sqrt(variance) of q's gradient over log K, by least squares weighted
   with the standard errors, and its own. The squared norm is debiased: a mean of |mean| / sd over
   numbers would level off at what pure noise gives. */
typedef struct slope {
  double at, se;
} slope;

static slope snr_slope(const char *const *yaml, const double *K, int n, long repeats,
                       void (*set)(sampler *))
{
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (int i = 0; i < n; i++) {
    sampler p;
    elbo_experiment *x;
    group_moments all[GROUPS], se[GROUPS];
    moments *m = run_one(yaml[i], 1, repeats, NULL, set, &p, &x);
    int q = group_named(&p.groups, "q");
    moments_read(m, all, se);
    double error = hypot(se[q].squared_norm / all[q].squared_norm, se[q].trace / all[q].trace) / 2;
    double share = 1 / (error * error), lx = log(K[i]),
           ly = log(all[q].squared_norm / all[q].trace) / 2;
    w += share, wx += share * lx, wy += share * ly, wxx += share * lx * lx, wxy += share * lx * ly;
    moments_free(m);
    sampler_free(&p);
    elbo_experiment_free(x);
  }
  double below = w * wxx - wx * wx;
  return (slope){ (w * wxy - wx * wy) / below, sqrt(w / below) };
}

/* K^-1/2 for iwae (Rainforth et al. 2018, theorem 1), K^1/2 for dreg (Tucker et al. 2019, section
   6), within four standard errors and what K from 4 on leaves of lower orders, 0.03: by chance a
   right slope fails with a probability below 1e-4. */
START_TEST(test_signal_to_noise)
{
  static const double K[] = { 4, 16, 64 };
  static const char *const iwae[] = { LINEAR_20("normal", "{name: iwae, samples: 4}"),
                                      LINEAR_20("normal", "{name: iwae, samples: 16}"),
                                      LINEAR_20("normal", "{name: iwae, samples: 64}") };
  static const char *const dreg[] = { LINEAR_20("normal", "{name: dreg, samples: 4}"),
                                      LINEAR_20("normal", "{name: dreg, samples: 16}"),
                                      LINEAR_20("normal", "{name: dreg, samples: 64}") };
  slope falls = snr_slope(iwae, K, 3, 2000, near), rises = snr_slope(dreg, K, 3, 500, nearer);
  ck_assert_msg(fabs(falls.at + 0.5) < 0.03 + 4 * falls.se, "iwae: %.3f +- %.3f", falls.at,
                falls.se);
  ck_assert_msg(fabs(rises.at - 0.5) < 0.03 + 4 * rises.se, "dreg: %.3f +- %.3f", rises.at,
                rises.se);
  ck_assert_msg(falls.se < 0.06 && rises.se < 0.02, "%.3f %.3f", falls.se, rises.se);
}
END_TEST

static elbo_compare_result compare(elbo_experiment *x, const char *const *names,
                                   const char *const *roads, long repeats)
{
  elbo_compare_options o = {
    .size = sizeof o, .estimators = names, .reparams = roads, .repeats = repeats, .seed = 5
  };
  elbo_compare_result r;
  ck_assert_msg(!elbo_compare(x, &o, &r), "%s", elbo_last_error(context));
  return r;
}

static const elbo_compare_row *row_of(const elbo_compare_result *r, const char *estimator,
                                      const char *road)
{
  for (size_t i = 0; i < r->n; i++)
    if (!strcmp(r->rows[i].estimator, estimator) && !strcmp(r->rows[i].group, "all") &&
        !strcmp(r->rows[i].reparam, road))
      return &r->rows[i];
  ck_abort_msg("no row of %s", estimator);
  return NULL;
}

static const elbo_compare_row *expect(const elbo_compare_result *r, const char *estimator,
                                      const char *road, const char *verdict)
{
  const elbo_compare_row *row = row_of(r, estimator, road);
  ck_assert_msg(row->verdict && !strcmp(row->verdict, verdict),
                "%s: %s, bias %g, by chance %g, |mean| %g, %s", estimator,
                row->verdict ? row->verdict : row->reason, row->bias, row->bias_chance,
                row->mean_norm, row->reference);
  return row;
}

/* `unbiased` where a bias of 5 % of the gradient's norm, spread over its numbers, would have been
   found with probability 0.97 (verdict.h). */
static void expect_unbiased(const elbo_compare_result *r, const char *estimator, const char *road,
                            const char *reference)
{
  const elbo_compare_row *row = expect(r, estimator, road, "unbiased");
  ck_assert_msg(VERDICT_REACH * row->bias_chance < 0.05 * row->mean_norm, "%s: by chance %g of %g",
                estimator, row->bias_chance, row->mean_norm);
  ck_assert_msg(!strncmp(row->reference, reference, strlen(reference)), "%s: %s", estimator,
                row->reference);
}

/* As many gradients as expect_unbiased needs for what varies most in each list. */
#define EXACT "exact (linear-Gaussian), by "
static const struct {
  const char *names[5], *references[4]; /* NULL: it is biased */
  long samples, repeats;
} contests[] = {
  { { "sgvb_a", "sgvb_b", "stl", "score_loo" },
    { EXACT "sgvb_b", EXACT "sgvb_a", EXACT "sgvb_b", EXACT "sgvb_b" },
    16,
    2000 },
  { { "score", "score_baseline" }, { EXACT "sgvb_b", EXACT "sgvb_b" }, 16, 14000 },
  { { "iwae", "dreg", "iwae_stl" }, { "dreg, K 4", "iwae, K 4", NULL }, 4, 1000 },
  { { "vimco" }, { "dreg, K 4" }, 4, 14000 },
};

START_TEST(test_verdicts)
{
  elbo_experiment *x = open_experiment(LINEAR("normal", "{name: sgvb_a}"));
  elbo_compare_options o = { .size = sizeof o,
                             .estimators = contests[_i].names,
                             .samples = (const long[]){ contests[_i].samples, 0 },
                             .repeats = contests[_i].repeats,
                             .seed = 5 };
  elbo_compare_result r;
  ck_assert_msg(!elbo_compare(x, &o, &r), "%s", elbo_last_error(context));
  for (int i = 0; contests[_i].names[i]; i++)
    if (contests[_i].references[i])
      expect_unbiased(&r, contests[_i].names[i], "", contests[_i].references[i]);
    else
      expect(&r, contests[_i].names[i], "", "biased");
  elbo_experiment_free(x);
}
END_TEST

START_TEST(test_wake_verdict)
{
  static const char *const names[] = { "rws", NULL };
  elbo_experiment *x = open_experiment(LINEAR("normal", "{name: sgvb_a, samples: 4}"));
  elbo_compare_result r = compare(x, names, NULL, 1500);
  expect(&r, "rws", "", "biased");
  ck_assert_int_eq(strncmp(row_of(&r, "rws", "")->reference, "rws, K 256", 10), 0);
  elbo_experiment_free(x);
}
END_TEST

/* The exact sum has no variance; what knows more than f alone is far below the naive one. */
START_TEST(test_bernoulli)
{
  static const char *const names[] = { "enumerate", "score", "score_baseline", "score_loo",
                                       "disarm",    "rebar", "concrete",       "rws",
                                       "sgvb_a",    NULL };
  write_bits();
  elbo_experiment *x = open_experiment(BERNOULLI);
  elbo_compare_result r = compare(x, names, NULL, 1500);
  ck_assert_double_eq(row_of(&r, "enumerate", "")->variance, 0);
  expect_unbiased(&r, "enumerate", "", "score_loo, K 10");
  for (int i = 1; i < 6; i++) expect_unbiased(&r, names[i], "", "enumerate");
  for (int i = 3; i < 6; i++) {
    double times = row_of(&r, "score", "")->variance / row_of(&r, names[i], "")->variance;
    ck_assert_msg(times > 8, "%s: %g", names[i], times);
  }
  expect(&r, "concrete", "", "biased");
  expect(&r, "rws", "", "biased");
  ck_assert_ptr_null(row_of(&r, "sgvb_a", "")->verdict);
  ck_assert(row_of(&r, "sgvb_a", "")->reason[0] && isnan(row_of(&r, "sgvb_a", "")->variance));
  elbo_experiment_free(x);
}
END_TEST

/* The minibatch is the same for every gradient, its binarization too: nothing is left to vary. */
START_TEST(test_one_binarization)
{
  static const char *const names[] = { "enumerate", NULL };
  elbo_experiment *x = open_experiment(
      "name: digits\nseed: 2\ndata: {x: {builtin: digits, rows: 60, prepare: {scale: 255, "
      "binarize: "
      "dynamic}}}\nmodel:\n  p:\n    z: {family: bernoulli, size: 2}\n    x: {family: bernoulli, "
      "given: z, net: {hidden: []}}\n  q:\n    z: {family: bernoulli, given: x, net: {hidden: "
      "[]}}\n"
      "estimator: enumerate\ntrain: {epochs: 1, batch_size: 10}\n");
  elbo_compare_result r = compare(x, names, NULL, 20);
  ck_assert_double_eq(row_of(&r, "enumerate", "")->variance, 0);
  ck_assert_double_gt(row_of(&r, "enumerate", "")->mean_norm, 0);
  elbo_experiment_free(x);
}
END_TEST

static const char *verdict_of(const elbo_compare_result *r, const char *estimator,
                              const char *group)
{
  for (size_t i = 0; i < r->n; i++)
    if (!strcmp(r->rows[i].estimator, estimator) && !strcmp(r->rows[i].group, group))
      return r->rows[i].verdict;
  ck_abort_msg("no group %s of %s", group, estimator);
  return NULL;
}

/* Bounds of K draws of states have an exact reference too; what rws has of theta is unbiased. */
START_TEST(test_bounds_of_states)
{
  static const char *const names[] = { "vimco", "rws", NULL };
  write_bits();
  elbo_experiment *x = open_experiment(BERNOULLI);
  elbo_compare_options o = { .size = sizeof o,
                             .estimators = names,
                             .samples = (const long[]){ 4, 0 },
                             .repeats = 4000,
                             .seed = 5 };
  elbo_compare_result r;
  ck_assert_msg(!elbo_compare(x, &o, &r), "%s", elbo_last_error(context));
  expect_unbiased(&r, "vimco", "", "enumerate, all draws of K 4");
  ck_assert_str_eq(expect(&r, "rws", "", "biased")->reference, "enumerate, all draws of K 4");
  ck_assert_str_eq(verdict_of(&r, "rws", "q"), "biased");
  ck_assert_str_eq(verdict_of(&r, "rws", "p"), "unbiased");
  elbo_experiment_free(x);
}
END_TEST

static const struct {
  const char *experiment, *roads[4], *by[2];
} two_roads[] = {
  { LINEAR_BY("laplace", "", ""),
    { "location_scale", "inverse_cdf" },
    { LINEAR_BY("laplace", "", ", reparam: location_scale"),
      LINEAR_BY("laplace", "", ", reparam: inverse_cdf") } },
  { LINEAR_BY("multivariate_normal", ", dim: 2", ""),
    { "location_scale", "composition" },
    { LINEAR_BY("multivariate_normal", ", dim: 2", ", reparam: location_scale"),
      LINEAR_BY("multivariate_normal", ", dim: 2", ", reparam: composition") } },
};

/* The same expectation by both, each against another estimator's, and one against the other. */
START_TEST(test_two_roads)
{
  static const char *const names[] = { "sgvb_a", NULL };
  const char *const *roads = two_roads[_i].roads;
  elbo_experiment *x = open_experiment(two_roads[_i].experiment);
  elbo_compare_result r = compare(x, names, roads, 1500);
  for (int i = 0; roads[i]; i++) expect_unbiased(&r, "sgvb_a", roads[i], "sgvb_b");
  elbo_experiment_free(x);
  sampler p[2];
  elbo_experiment *of[2];
  verdict v[GROUPS];
  moments *m = run_one(two_roads[_i].by[0], 1, 1500, NULL, NULL, &p[0], &of[0]),
          *n = run_one(two_roads[_i].by[1], 100000, 1500, NULL, NULL, &p[1], &of[1]);
  verdicts_of(m, n, v);
  ck_assert_str_eq(v[group_named(&p[0].groups, "all")].word, "unbiased");
  moments_free(m), moments_free(n);
  for (int i = 0; i < 2; i++) sampler_free(&p[i]), elbo_experiment_free(of[i]);
}
END_TEST

/* ---- planted errors */
static void weigh_loo(const row_samples *s, float *to, size_t stride, double factor)
{
  double mean = samples_mean(s->f);
  for (size_t k = 0; k < s->f.K; k++)
    to[k * stride] =
        (float)(factor * ((double)s->f.at[k * s->f.stride] - mean) / (double)(s->f.K - 1));
}

static void loo_right(const row_samples *s, float *to, size_t stride)
{
  weigh_loo(s, to, stride, 1);
}
static void loo_sign(const row_samples *s, float *to, size_t stride)
{
  weigh_loo(s, to, stride, -1);
}
static void loo_over_K(const row_samples *s, float *to, size_t stride)
{
  weigh_loo(s, to, stride, 1 / (double)s->f.K);
}
static void loo_off(const row_samples *s, float *to, size_t stride)
{
  weigh_loo(s, to, stride, 1.05);
}

/* Mnih and Rezende 2016, eqs. 6 and 10, with factors before the learning signal and the weights. */
static void weigh_vimco(const row_samples *s, float *to, size_t stride, double signal,
                        double weights)
{
  enum { MOST = 64 };
  size_t K = s->f.K;
  float other[MOST];
  double bound = samples_log_mean_exp(s->f);
  ck_assert_uint_le(K, MOST);
  for (size_t k = 0; k < K; k++) other[k] = s->f.at[k * s->f.stride];
  for (size_t k = 0; k < K; k++) {
    float own = other[k];
    other[k] = (float)((samples_mean(s->f) * (double)K - (double)own) / (double)(K - 1));
    double without = samples_log_mean_exp((samples_view){ other, 1, K });
    to[k * stride] =
        (float)(signal * (bound - without) - weights * exp((double)own - bound) / (double)K);
    other[k] = own;
  }
}

static void vimco_right(const row_samples *s, float *to, size_t stride)
{
  weigh_vimco(s, to, stride, 1, 1);
}
static void vimco_sign(const row_samples *s, float *to, size_t stride)
{
  weigh_vimco(s, to, stride, -1, 1);
}
static void vimco_weights_sign(const row_samples *s, float *to, size_t stride)
{
  weigh_vimco(s, to, stride, 1, -1);
}
static void vimco_over_K(const row_samples *s, float *to, size_t stride)
{
  weigh_vimco(s, to, stride, 1 / (double)s->f.K, 1);
}

/* A bound whose paths have a factor. */
static void scaled_path(const row_samples *s, float *to, size_t stride, double factor)
{
  bound_iwae.path(s, to, stride);
  for (size_t k = 0; k < s->f.K; k++) to[k * stride] *= (float)factor;
}
static void path_sign(const row_samples *s, float *to, size_t stride)
{
  scaled_path(s, to, stride, -1);
}
static void path_over_K(const row_samples *s, float *to, size_t stride)
{
  scaled_path(s, to, stride, 1 / (double)s->f.K);
}

struct fault {
  score_rule *score;
  void (*path)(const row_samples *s, float *to, size_t stride);
  bool no_stop, no_scale;
};

static bound_rule wrong_bound;
static estimator_kind wrong_kind;
static void plant(model *m, const fault *f)
{
  if (f->score) m->score = f->score;
  if (f->path) {
    wrong_bound = *m->objective;
    wrong_bound.path = f->path;
    m->objective = &wrong_bound;
  }
  for (int i = 0; i < m->n_q; i++) {
    variable *v = &m->variable[m->q_order[i]];
    wrong_kind = *v->estimator;
    wrong_kind.hold_q &= !f->no_stop;
    wrong_kind.scale_path &= !f->no_scale;
    v->estimator = &wrong_kind;
  }
}

#define OF(ESTIMATOR) LINEAR("normal", ESTIMATOR)
static const struct {
  const char *what, *yaml, *reference;
  fault fault;
  const char *word;
} planted[] = {
  { "score_loo",
    OF("{name: score_loo, samples: 16}"),
    OF("sgvb_b"),
    { .score = loo_right },
    "unbiased" },
  { "score_loo, sign",
    OF("{name: score_loo, samples: 4}"),
    OF("sgvb_b"),
    { .score = loo_sign },
    "biased" },
  { "score_loo, 1/K",
    OF("{name: score_loo, samples: 4}"),
    OF("sgvb_b"),
    { .score = loo_over_K },
    "biased" },
  { "score_loo, 5 % off",
    OF("{name: score_loo, samples: 16}"),
    OF("sgvb_b"),
    { .score = loo_off },
    "biased" },
  { "stl without a stop is A",
    OF("{name: stl, samples: 4}"),
    OF("sgvb_b"),
    { .no_stop = true },
    "unbiased" },
  { "vimco",
    OF("{name: vimco, samples: 8}"),
    OF("{name: iwae, samples: 8}"),
    { .score = vimco_right },
    "unbiased" },
  { "vimco, sign",
    OF("{name: vimco, samples: 8}"),
    OF("{name: iwae, samples: 8}"),
    { .score = vimco_sign },
    "biased" },
  { "vimco, sign of the weights",
    OF("{name: vimco, samples: 8}"),
    OF("{name: iwae, samples: 8}"),
    { .score = vimco_weights_sign },
    "biased" },
  { "vimco, 1/K",
    OF("{name: vimco, samples: 8}"),
    OF("{name: iwae, samples: 8}"),
    { .score = vimco_over_K },
    "biased" },
  { "vimco without a stop",
    OF("{name: vimco, samples: 8}"),
    OF("{name: iwae, samples: 8}"),
    { .no_stop = true },
    "biased" },
  { "dreg",
    OF("{name: dreg, samples: 4}"),
    OF("{name: iwae, samples: 4}"),
    { .score = NULL },
    "unbiased" },
  { "dreg without a stop",
    OF("{name: dreg, samples: 4}"),
    OF("{name: iwae, samples: 4}"),
    { .no_stop = true },
    "biased" },
  { "dreg, weights not squared",
    OF("{name: dreg, samples: 4}"),
    OF("{name: iwae, samples: 4}"),
    { .no_scale = true },
    "biased" },
  { "dreg, sign",
    OF("{name: dreg, samples: 4}"),
    OF("{name: iwae, samples: 4}"),
    { .path = path_sign },
    "biased" },
  { "dreg, 1/K",
    OF("{name: dreg, samples: 4}"),
    OF("{name: iwae, samples: 4}"),
    { .path = path_over_K },
    "biased" },
};

START_TEST(test_planted)
{
  sampler p, q;
  elbo_experiment *x, *y;
  verdict v[GROUPS];
  moments *m = run_one(planted[_i].yaml, 1, 2000, &planted[_i].fault, NULL, &p, &x);
  moments *r = run_one(planted[_i].reference, 1 << 20, 3000, NULL, NULL, &q, &y);
  verdicts_of(m, r, v);
  int all = group_named(&p.groups, "all");
  ck_assert_msg(!strcmp(v[all].word, planted[_i].word),
                "%s: %s, expected %s: bias %g, by chance %g", planted[_i].what, v[all].word,
                planted[_i].word, v[all].bias, v[all].chance);
  moments_free(m), moments_free(r);
  sampler_free(&p), sampler_free(&q);
  elbo_experiment_free(x), elbo_experiment_free(y);
}
END_TEST

/* Relaxed values are as warm as they are when a run has done so many epochs. */
static void four_epochs(sampler *p)
{
  p->epochs = 4;
}

static double first_mean(const char *yaml, void (*set)(sampler *))
{
  sampler p;
  elbo_experiment *x;
  moments *m = run_one(yaml, 1, 20, NULL, set, &p, &x);
  double sum = 0;
  for (size_t i = 0; i < m->g->P; i++) sum += fabs(m->mean[i]);
  moments_free(m);
  sampler_free(&p);
  elbo_experiment_free(x);
  return sum;
}

#define CONCRETE(T) "{name: concrete, temperature: " T "}"
START_TEST(test_temperature)
{
  char cold[2048], cooling[2048];
  const char *const whole = BERNOULLI, *at = strstr(whole, "estimator:");
  int n = (int)(at - whole);
  const char *end = strstr(at, "train:");
  write_bits();
  snprintf(cold, sizeof cold, "%.*sestimator: %s\n%s", n, whole, CONCRETE("0.5"), end);
  snprintf(cooling, sizeof cooling, "%.*sestimator: %s\n%s", n, whole,
           CONCRETE("{from: 2, to: 0.5, epochs: 4}"), end);
  ck_assert(first_mean(cooling, four_epochs) == first_mean(cold, NULL));
  ck_assert(first_mean(cooling, NULL) != first_mean(cold, NULL));
}
END_TEST

START_TEST(test_training)
{
  static const char *const names[] = { "sgvb_a", "sgvb_b", NULL };
  elbo_experiment *x = open_experiment(LINEAR("normal", "{name: sgvb_a}"));
  elbo_compare_options o = { .size = sizeof o, .estimators = names, .repeats = 20, .epochs = 3 };
  elbo_compare_result r;
  const model *before = x->study->model;
  ck_assert_msg(!elbo_compare(x, &o, &r), "%s", elbo_last_error(context));
  ck_assert_uint_eq(r.n_curves, 2);
  for (size_t i = 0; i < 2; i++) {
    ck_assert_uint_gt(r.curves[i].n, 0);
    for (size_t k = 0; k < r.curves[i].n; k++)
      ck_assert(isfinite(r.curves[i].elbo[k]) && r.curves[i].seconds[k] >= 0);
  }
  ck_assert_ptr_eq(x->study->model, before);
  ck_assert_int_eq(
      elbo_compare(x,
                   &(elbo_compare_options){ .size = sizeof o,
                                            .estimators = (const char *const[]){ "sgvb", NULL } },
                   &r),
      ELBO_E_USAGE);
  elbo_experiment_free(x);
}
END_TEST

typedef struct patience {
  int asked, most;
} patience;
static bool stop_after(void *user)
{
  patience *p = user;
  return ++p->asked > p->most;
}

/* Which estimator gave the gradient that it is asked after; never stops. */
typedef struct turns {
  const study *s;
  const char *taken[256];
  int n;
} turns;
static bool note_turn(void *user)
{
  turns *t = user;
  ck_assert_int_lt(t->n, 256);
  t->taken[t->n++] = t->s->model->variable[t->s->model->q_order[0]].estimator->name;
  return false;
}

/* Ten rounds in which each has one turn at the clock, who does not apply none; then one after the
   other, 20 gradients each. Both references are exact, and ask nobody. */
START_TEST(test_turns)
{
  static const char *const names[] = { "sgvb_a", "concrete", "sgvb_b", "stl", NULL };
  static const char *const who[] = { "sgvb_a", "sgvb_b", "stl" };
  elbo_experiment *x = open_experiment(LINEAR("normal", "{name: sgvb_a}"));
  turns t = { .s = x->study };
  elbo_compare_options o = {
    .size = sizeof o, .estimators = names, .repeats = 20, .stop = note_turn, .user = &t
  };
  elbo_compare_result r;
  ck_assert_msg(!elbo_compare(x, &o, &r), "%s", elbo_last_error(context));
  ck_assert_int_eq(t.n, 3 * TIMING_ROUNDS + 3 * 20);
  for (int i = 0; i < t.n; i++) {
    int turn = i < 3 * TIMING_ROUNDS ? i % 3 : (i - 3 * TIMING_ROUNDS) / 20;
    ck_assert_msg(!strcmp(t.taken[i], who[turn]), "turn %d was that of %s", i, t.taken[i]);
  }
  for (int i = 0; i < 3; i++) ck_assert(row_of(&r, who[i], "")->ms_per_gradient > 0);
  elbo_experiment_free(x);
}
END_TEST

/* ---- memory */
static size_t bytes_now(void)
{
  struct mallinfo2 m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

/* Asked after every gradient. */
static bool note_bytes(void *user)
{
  size_t *most = user, now = bytes_now();
  if (now > *most) *most = now;
  return false;
}

/* The most bytes that a comparison holds over what its experiment does; *P: learned numbers. */
static double peak_of(int width, const long *samples, double *P)
{
  static const char *const names[] = { "sgvb_a", "sgvb_b", "iwae", "dreg", NULL };
  char yaml[512];
  snprintf(yaml, sizeof yaml,
           "name: wide\nseed: 1\ndata: {x: {builtin: linear_gaussian, rows: 20}}\nmodel:\n  p:\n"
           "    z: {family: normal, size: 2}\n    x: {family: normal, given: z, net: {hidden: [%d, "
           "%d]}}\n  q:\n    z: {family: normal, given: x, net: {hidden: [4]}}\nestimator: sgvb_b\n"
           "train: {epochs: 1, batch_size: 1}\n",
           width, width);
  elbo_experiment *x = open_experiment(yaml);
  *P = (double)elbo_experiment_parameters(x);
  size_t before = bytes_now(), most = 0;
  elbo_compare_options o = { .size = sizeof o,
                             .estimators = names,
                             .samples = samples,
                             .repeats = 20,
                             .stop = note_bytes,
                             .user = &most };
  elbo_compare_result r;
  ck_assert_msg(!elbo_compare(x, &o, &r), "%s", elbo_last_error(context));
  elbo_experiment_free(x);
  return most > before ? (double)(most - before) : 0;
}

/* For each learned number: 4 for its value and 4 for its gradient, two of what group and projection
   it is in, 32 for the moments that are under way, 8 for those of the estimator that waits for its
   reference, and 8 for each reference that is done: two of the ELBO and two of a bound. No number
   of samples has more. */
START_TEST(test_memory)
{
  static const long few[] = { 8, 0 }, many[] = { 2, 4, 6, 8, 0 };
  double P[3], narrow = peak_of(60, few, &P[0]), wide = peak_of(180, few, &P[1]),
               more = peak_of(180, many, &P[2]), each = (wide - narrow) / (P[1] - P[0]);
  if (bytes_now() == 0) return; /* an allocator that keeps no count, as sanitizers' */
  ck_assert_msg(each > 4 + 4 + 2 + 32 && each < 4 + 4 + 2 + 32 + 8 + 4 * 8 + 10,
                "%g bytes a number", each);
  ck_assert_msg(more < wide + 8 * P[1], "%g bytes with one number of samples, %g with 4", wide,
                more);
}
END_TEST

START_TEST(test_timing)
{
  timing t = timing_of((const double[]){ 5, 3, 1, 2, 4, 900, 3, 3, 4, 2 });
  ck_assert_double_eq(t.median, 3);
  ck_assert_double_eq_tol(t.se, 1.4826 * sqrt(3.14159265358979323846 / 20), 1e-15);
}
END_TEST

/* What was done till then is there: sgvb_a after both were timed and its 20 gradients, both when
   training has begun. */
START_TEST(test_stopped)
{
  static const char *const names[] = { "sgvb_a", "stl", NULL };
  static const struct {
    int most;
    bool first, second;
  } cases[] = {
    { 10, false, false }, { 30, false, false }, { 45, true, false }, { 65, true, true }
  };
  elbo_experiment *x = open_experiment(LINEAR("normal", "{name: sgvb_a}"));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    patience p = { .most = cases[i].most };
    elbo_compare_options o = { .size = sizeof o,
                               .estimators = names,
                               .repeats = 20,
                               .epochs = 50,
                               .stop = stop_after,
                               .user = &p };
    elbo_compare_result r;
    bool found[2] = { false, false };
    ck_assert_int_eq(elbo_compare(x, &o, &r), ELBO_E_STOPPED);
    for (size_t k = 0; k < r.n; k++)
      found[!strcmp(r.rows[k].estimator, "stl")] |= r.rows[k].variance > 0;
    ck_assert_int_eq(found[0], cases[i].first);
    ck_assert_int_eq(found[1], cases[i].second);
    ck_assert_uint_eq(r.n_curves, 0);
  }
  elbo_experiment_free(x);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("compare");
  TCase *t = tcase_create("compare");
  tcase_add_checked_fixture(t, fixture_start, fixture_end);
  tcase_set_timeout(t, 60);
  tcase_add_test(t, test_student);
  tcase_add_test(t, test_error_rates);
  tcase_add_test(t, test_moments);
  tcase_add_test(t, test_signal_to_noise);
  tcase_add_loop_test(t, test_verdicts, 0, sizeof contests / sizeof *contests);
  tcase_add_test(t, test_wake_verdict);
  tcase_add_test(t, test_bernoulli);
  tcase_add_test(t, test_one_binarization);
  tcase_add_test(t, test_bounds_of_states);
  tcase_add_loop_test(t, test_two_roads, 0, 2);
  tcase_add_loop_test(t, test_planted, 0, sizeof planted / sizeof *planted);
  tcase_add_test(t, test_temperature);
  tcase_add_test(t, test_turns);
  tcase_add_test(t, test_timing);
  tcase_add_test(t, test_memory);
  tcase_add_test(t, test_training);
  tcase_add_test(t, test_stopped);
  suite_add_tcase(s, t);
  return run_suite(s);
}
