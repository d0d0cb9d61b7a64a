/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run_fixture.h"

/* builtin linear_gaussian: x = W z + b + 0.5 noise, z of 2 numbers (core/data/builtin.c). */
static const double W[5][2] = {
  { 1.0, 0.0 }, { 0.5, -1.0 }, { -0.8, 0.6 }, { 0.0, 1.2 }, { 0.7, 0.7 }
};
static const double B[5] = { 0.5, -1.0, 0.0, 2.0, -0.3 };
static const double SIGMA = 0.5;

#define LINEAR(FAMILY, Q)                                                                          \
  "name: linear\nseed: 3\n"                                                                        \
  "data: {x: {builtin: linear_gaussian, rows: 200, test_rows: 1300}}\n"                            \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    z: {family: " FAMILY ", size: 2}\n"                                                         \
  "    x: {family: normal, given: z, net: {hidden: []}, scale: learn}\n"                           \
  "  q:\n"                                                                                         \
  "    z: {family: " Q ", given: x, net: {hidden: []}}\n"                                          \
  "estimator: {name: sgvb_a}\n"                                                                    \
  "train: {epochs: 1, batch_size: 50}\n"

/* The true p; q: the exact posterior mean, and the diagonal of the precision W'W / sigma^2 + I. */
static void set_linear(const graph *g, float *params)
{
  float *w = tensor_of(g, params, "p.x.head.loc.weight"),
        *b = tensor_of(g, params, "p.x.head.loc.bias");
  float *s = tensor_of(g, params, "p.x.param.log_scale");
  float *qw = tensor_of(g, params, "q.z.head.loc.weight"),
        *qb = tensor_of(g, params, "q.z.head.loc.bias");
  float *sw = tensor_of(g, params, "q.z.head.log_scale.weight");
  float *sb = tensor_of(g, params, "q.z.head.log_scale.bias");
  double L[2][2] = { { 1, 0 }, { 0, 1 } };
  for (int j = 0; j < 5; j++)
    for (int k = 0; k < 2; k++)
      for (int l = 0; l < 2; l++) L[k][l] += W[j][k] * W[j][l] / (SIGMA * SIGMA);
  double det = L[0][0] * L[1][1] - L[0][1] * L[1][0];
  double inverse[2][2] = { { L[1][1] / det, -L[0][1] / det }, { -L[1][0] / det, L[0][0] / det } };
  for (int k = 0; k < 2; k++) {
    qb[k] = 0;
    sb[k] = (float)(-0.5 * log(L[k][k]));
    for (int j = 0; j < 5; j++) {
      double m = (inverse[k][0] * W[j][0] + inverse[k][1] * W[j][1]) / (SIGMA * SIGMA);
      w[2 * j + k] = (float)W[j][k];
      qw[5 * k + j] = (float)m;
      sw[5 * k + j] = 0;
      qb[k] -= (float)(m * B[j]);
    }
  }
  for (int j = 0; j < 5; j++) b[j] = (float)B[j], s[j] = (float)log(SIGMA);
}

static elbo_evaluation evaluate(elbo_run *r, long samples, uint64_t seed)
{
  elbo_evaluate_options o = { .size = sizeof o, .samples = samples, .seed = seed };
  elbo_evaluation v;
  ck_assert_msg(!elbo_run_evaluate(r, &o, &v), "%s", elbo_last_error(context));
  return v;
}

static double sum_of(const elbo_evaluation *v)
{
  double sum = 0;
  for (size_t i = 0; i < v->n_latents; i++) sum += v->kl_per_latent[i];
  return sum;
}

START_TEST(test_evidence_is_the_closed_form)
{
  elbo_run *r = make_run(LINEAR("normal", "normal"), set_linear);
  double exact = builtin_linear_gaussian_evidence(&r->study->data[SPLIT_TEST][0].x);
  elbo_evaluation v = evaluate(r, 200, 7);
  ck_assert_uint_eq(v.rows, 1300);
  ck_assert_str_eq(v.split, "test");
  ck_assert_double_eq_tol(v.log_likelihood, exact, 0.01);
  ck_assert_double_lt(v.elbo, exact);
  ck_assert_double_gt(v.elbo, exact - 1);
  /* the spread over rows of log p(x): half a chi-squared of 5, so sqrt(5/2) */
  ck_assert_double_eq_tol(v.log_likelihood_se, sqrt(2.5 / 1300), 0.006);
  ck_assert_double_eq_tol(v.elbo, v.reconstruction - v.kl, 1e-12);
  ck_assert_int_eq(v.active_units, 2);
  ck_assert(v.ess > 1 && v.ess < 200 && v.khat < 0.7 && isnan(v.bits_per_dim));
  ck_assert(v.khat_heavy >= 0 && v.khat_heavy < 0.3 && !v.row_figures);
  ck_assert(!v.improper);
  elbo_run_free(r);
}
END_TEST

/* KL(q || p) by hand: q = N(m, s^2) of each number, from the posterior means of the test rows. */
START_TEST(test_kl_of_each_latent)
{
  elbo_run *r = make_run(LINEAR("normal", "normal"), set_linear);
  const array *x = &r->study->data[SPLIT_TEST][0].x;
  elbo_evaluation v = evaluate(r, 0, 7);
  error e = { 0 };
  model_graph mg;
  ck_assert(!model_build(r->study->model, &(graph_options){ GRAPH_DECODE, 1, 1, false }, &mg, &e));
  const float *qw = tensor_of(mg.g, r->params, "q.z.head.loc.weight");
  const float *qb = tensor_of(mg.g, r->params, "q.z.head.loc.bias");
  const float *sb = tensor_of(mg.g, r->params, "q.z.head.log_scale.bias");
  ck_assert_uint_eq(v.n_latents, 2);
  for (int k = 0; k < 2; k++) {
    double sum = 0;
    for (size_t i = 0; i < x->rows; i++) {
      double m = (double)qb[k];
      for (int j = 0; j < 5; j++) m += (double)qw[5 * k + j] * (double)x->f32[5 * i + (size_t)j];
      sum += 0.5 * (m * m + exp(2 * (double)sb[k]) - 1) - (double)sb[k];
    }
    ck_assert_double_eq_tol(v.kl_per_latent[k], sum / (double)x->rows, 1e-4);
  }
  ck_assert_double_eq_tol(sum_of(&v), v.kl, 1e-5);
  ck_assert(isnan(v.log_likelihood) && isnan(v.log_likelihood_se));
  model_graph_free(&mg);
  elbo_run_free(r);
}
END_TEST

/* Whether or not a plugin knows the KL of the pair, the parts fit and the bound holds. */
START_TEST(test_other_priors)
{
  static const char *const yaml[] = { LINEAR("laplace", "normal"), LINEAR("gumbel", "normal"),
                                      LINEAR("normal", "laplace"), LINEAR("normal", "gumbel") };
  for (size_t i = 0; i < sizeof yaml / sizeof *yaml; i++) {
    elbo_run *r = make_run(yaml[i], set_linear);
    elbo_evaluation v = evaluate(r, 64, 5);
    ck_assert_double_eq_tol(sum_of(&v), v.kl, 1e-4);
    ck_assert_double_le(v.elbo, v.log_likelihood);
    elbo_run_free(r);
  }
}
END_TEST

/* A sampled KL has the known one as its mean. */
START_TEST(test_sampled_kl_agrees)
{
  elbo_run *r = make_run(LINEAR("normal", "normal"), set_linear);
  elbo_evaluation known = evaluate(r, 400, 7);
  double kl[2] = { known.kl_per_latent[0], known.kl_per_latent[1] };
  r->study->model->variable[1].why_not_kl = "the test says so";
  elbo_evaluation sampled = evaluate(r, 400, 7);
  for (int k = 0; k < 2; k++) {
    ck_assert_double_eq_tol(sampled.kl_per_latent[k], kl[k], 0.01);
    ck_assert_double_ne(sampled.kl_per_latent[k], kl[k]);
  }
  ck_assert_double_eq(sampled.log_likelihood, known.log_likelihood);
  elbo_run_free(r);
}
END_TEST

#define DIGITS(X, PREPARE, MORE)                                                                   \
  "name: digits\nseed: 2\n"                                                                        \
  "data: {x: {builtin: digits, rows: 60, test_rows: 100, prepare: " PREPARE "}}\n"                 \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    z2: {family: normal, size: 2}\n"                                                            \
  "    z1: {family: normal, size: 3, given: z2, net: {hidden: [4]}}\n"                             \
  "    x: {family: " X ", given: z1, net: {hidden: [7]}" MORE "}\n"                                \
  "  q:\n"                                                                                         \
  "    z1: {family: normal, given: x, net: {hidden: [6]}}\n"                                       \
  "    z2: {family: normal, given: z1, net: {hidden: [5]}}\n"                                      \
  "estimator: {name: sgvb_a}\n"                                                                    \
  "train: {epochs: 1, batch_size: 50}\n"

static void check_chunks(elbo_run *r)
{
  static const size_t chunks[] = { 1, 5, 36 };
  elbo_evaluation all = evaluate(r, 37, 9);
  double kl = sum_of(&all);
  for (size_t i = 0; i < 3; i++) {
    r->chunk = chunks[i];
    elbo_evaluation v = evaluate(r, 37, 9);
    ck_assert_double_eq(v.elbo, all.elbo);
    ck_assert_double_eq(v.log_likelihood, all.log_likelihood);
    ck_assert_double_eq(v.elbo_se, all.elbo_se);
    ck_assert_double_eq(sum_of(&v), kl);
  }
  ck_assert_double_ne(evaluate(r, 37, 10).elbo, all.elbo);
  elbo_run_free(r);
}

START_TEST(test_chunks_do_not_show)
{
  check_chunks(make_run(LINEAR("normal", "normal"), NULL));
  check_chunks(make_run(DIGITS("bernoulli", "{scale: 255, binarize: dynamic}", ""), NULL));
}
END_TEST

/* One number, z and x: q is the exact posterior, so every weight is p(x), whatever K is. */
static const char line[] = "name: line\n"
                           "data: {x: {train: a.csv}}\n"
                           "model:\n"
                           "  p:\n"
                           "    z: {family: normal, size: 1}\n"
                           "    x: {family: normal, given: z, net: {hidden: []}, scale: 0.5}\n"
                           "  q:\n"
                           "    z: {family: normal, given: x, net: {hidden: []}}\n"
                           "train: {epochs: 1, batch_size: 3}\n";

static void set_exact(const graph *g, float *params)
{
  *tensor_of(g, params, "p.x.head.loc.weight") = 2;
  *tensor_of(g, params, "p.x.head.loc.bias") = 1;
  *tensor_of(g, params, "q.z.head.loc.weight") = 8.0f / 17;
  *tensor_of(g, params, "q.z.head.loc.bias") = -8.0f / 17;
  *tensor_of(g, params, "q.z.head.log_scale.weight") = 0;
  *tensor_of(g, params, "q.z.head.log_scale.bias") = (float)(-0.5 * log(17));
}

START_TEST(test_exact_posterior)
{
  static const double x[3] = { 0.25, -3, 4.5 };
  double sum = 0, squares = 0;
  write_text("a.csv", "0.25\n-3\n4.5\n");
  elbo_run *r = make_run(line, set_exact);
  for (int i = 0; i < 3; i++) {
    double p = -0.5 * log(2 * M_PI * 4.25) - (x[i] - 1) * (x[i] - 1) / (2 * 4.25);
    sum += p / 3, squares += p * p / 3;
  }
  r->study->model->variable[1].why_not_kl =
      "the test says so"; /* with a sampled KL each term is exact */
  for (long K = 0; K < 20; K += 9) {
    elbo_evaluation v = evaluate(r, K, 3);
    ck_assert_str_eq(v.split, "train");
    ck_assert_double_eq_tol(v.elbo, sum, 1e-5);
    ck_assert_double_eq_tol(v.elbo_se, sqrt((squares - sum * sum) / 2), 1e-5);
    if (K) ck_assert_double_eq_tol(v.log_likelihood, sum, 1e-5);
    if (K) ck_assert_double_eq_tol(v.ess, (double)K, 1e-4); /* equal weights */
    ck_assert(isnan(v.khat));
    if (K) ck_assert_double_eq_tol(v.log_likelihood_se, v.elbo_se, 1e-5);
  }
  elbo_run_free(r);
}
END_TEST

/* A chain: the KL of z1 must be sampled (z2 is drawn after it), that of z2 differs from sample to
 * sample. */
START_TEST(test_chain)
{
  elbo_run *r = make_run(DIGITS("bernoulli", "{scale: 255, binarize: dynamic}", ""), NULL);
  elbo_evaluation v = evaluate(r, 20, 1);
  double elbo = v.elbo, likelihood = v.log_likelihood;
  ck_assert_uint_eq(v.n_latents, 5);
  ck_assert_double_eq_tol(sum_of(&v), v.kl, 1e-4);
  ck_assert_double_lt(v.elbo, v.log_likelihood);
  ck_assert_double_eq_tol(v.bits_per_dim, -v.log_likelihood / (784 * log(2)), 1e-12);
  ck_assert_str_eq(v.likelihood, "x: bernoulli on binarized data (dynamic)");
  v = evaluate(r, 20, 1);
  ck_assert(v.elbo == elbo && v.log_likelihood == likelihood);
  elbo_run_free(r);
}
END_TEST

START_TEST(test_words)
{
  error e = { 0 };
  bool improper;
  elbo_run *r = make_run(DIGITS("bernoulli", "{scale: 255}", ", improper: allow"), NULL);
  ck_assert(!run_words(r, &improper, &e));
  ck_assert_str_eq(r->likelihood.s, "x: not a density: bernoulli on grey levels");
  ck_assert(improper && isnan(run_bits(r, -100)));
  ck_assert_str_eq(run_bits_problem(r), "the likelihood is not a density");
  elbo_run_free(r);
  r = make_run(DIGITS("continuous_bernoulli", "{scale: 255}", ""), NULL);
  elbo_evaluation v = evaluate(r, 2, 1);
  ck_assert_str_eq(v.likelihood, "x: continuous_bernoulli density on [0,1]");
  ck_assert(!v.improper && isnan(v.bits_per_dim));
  ck_assert(v.bits_reason && !strncmp(v.bits_reason, "a density of continuous data", 28));
  elbo_run_free(r);
}
END_TEST

/* x + u over 256 has the density of x + u times 256 a number. */
START_TEST(test_bits_of_dequantized_data)
{
  elbo_run *r =
      make_run(DIGITS("continuous_bernoulli", "{dequantize: true, scale: 256}", ""), NULL);
  elbo_evaluation v = evaluate(r, 2, 1);
  double want = (-v.log_likelihood / 784 + log(256)) / log(2);
  ck_assert_double_eq_tol(v.bits_per_dim, want, 1e-9);
  ck_assert_double_gt(v.bits_per_dim, 0);
  ck_assert_ptr_null(v.bits_reason);
  elbo_run_free(r);
}
END_TEST

/* A latent in log form, beside an input and another one: with the KL known, and as sampled. */
#define MIXED                                                                                      \
  "name: mixed\nseed: 3\n"                                                                         \
  "data:\n"                                                                                        \
  "  x: {builtin: linear_gaussian, rows: 50, test_rows: 40}\n"                                     \
  "  y: {builtin: pinwheel, rows: 50, test_rows: 40, prepare: {scale: 20}}\n"                      \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    z: {family: gamma, size: 3}\n"                                                              \
  "    u: {family: normal, size: 2}\n"                                                             \
  "    x: {family: normal, given: [z, u, y], net: {hidden: [3]}, scale: 1}\n"                      \
  "  q:\n"                                                                                         \
  "    z: {family: gamma, given: [x, y], net: {hidden: [4]}}\n"                                    \
  "    u: {family: normal, given: x, net: {hidden: [4]}}\n"                                        \
  "train: {epochs: 1, batch_size: 20}\n"

START_TEST(test_mixed)
{
  elbo_run *r = make_run(MIXED, NULL);
  for (int known = 1; known >= 0; known--) {
    elbo_evaluation v = evaluate(r, 50, 5);
    ck_assert_uint_eq(v.n_latents, 5);
    ck_assert_double_eq_tol(sum_of(&v), v.kl, 1e-4);
    ck_assert_double_lt(v.elbo, v.log_likelihood);
    ck_assert_int_ge(v.active_units, 0);
    for (int i = 0; i < r->study->model->n; i++)
      r->study->model->variable[i].why_not_kl = "the test says so";
  }
  elbo_array a;
  ck_assert_msg(!elbo_run_sample(r, 90, 1, false, &a), "%s", elbo_last_error(context));
  ck_assert_msg(!elbo_run_traverse(r, 4, 1, 3, &a), "%s", elbo_last_error(context));
  ck_assert_uint_eq(a.rows, 16);
  for (size_t i = 0; i < 80; i++) ck_assert(isfinite(a.values[i]));
  elbo_run_free(r);
}
END_TEST

static bool stop_now(void *user)
{
  return ++*(int *)user > 2;
}

static void last_fraction(void *user, double f)
{
  ck_assert_double_gt(f, *(double *)user);
  *(double *)user = f;
}

START_TEST(test_options)
{
  elbo_run *r = make_run(LINEAR("normal", "normal"), NULL);
  elbo_evaluation v;
  int asked = 0;
  double fraction = 0;
  elbo_evaluate_options o = { .size = sizeof o, .samples = 8, .stop = stop_now, .user = &asked };
  r->chunk = 2;
  ck_assert_int_eq(elbo_run_evaluate(r, &o, &v), ELBO_E_STOPPED);
  o = (elbo_evaluate_options){
    .size = sizeof o, .samples = 8, .progress = last_fraction, .user = &fraction
  };
  ck_assert_int_eq(elbo_run_evaluate(r, &o, &v), ELBO_DONE);
  ck_assert_double_eq(fraction, 1);
  o = (elbo_evaluate_options){ .size = sizeof o, .samples = -1 };
  ck_assert_int_eq(elbo_run_evaluate(r, &o, &v), ELBO_E_USAGE);
  elbo_run_free(r);
}
END_TEST

START_TEST(test_open_refuses)
{
  elbo_run *r = make_run(LINEAR("normal", "normal"), NULL);
  elbo_run_free(r);
  unlink(in_folder("checkpoint.safetensors"));
  ck_assert_int_ne(elbo_run_open(context, folder, NULL, NULL, &r), ELBO_DONE);
  ck_assert_ptr_null(r);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), "checkpoint.safetensors"));
  ck_assert_int_ne(elbo_run_open(context, in_folder("none"), NULL, NULL, &r), ELBO_DONE);
}
END_TEST

/* Whichever allocation fails, the call says so and leaves nothing behind; afterwards it works. */
START_TEST(test_out_of_memory)
{
  elbo_run *r = make_run(DIGITS("bernoulli", "{scale: 255, binarize: dynamic}", ""), NULL);
  elbo_evaluate_options o = { .size = sizeof o, .samples = 3, .seed = 1 };
  elbo_evaluation v;
  elbo_array a;
  double elbo = evaluate(r, 3, 1).elbo;
  for (uint64_t n = 1, failed = 1; failed; n += 1 + n / 16) {
    mem_fail_at(n, false);
    failed = elbo_run_evaluate(r, &o, &v) == ELBO_E_MEMORY;
    failed |= elbo_run_sample(r, 5, 1, false, &a) == ELBO_E_MEMORY;
    failed |= elbo_run_traverse(r, 3, 0, 4, &a) == ELBO_E_MEMORY;
    mem_fail_at(0, false);
  }
  ck_assert_double_eq(evaluate(r, 3, 1).elbo, elbo);
  elbo_run_free(r);
  for (uint64_t n = 1;; n += 1 + n / 16) {
    mem_fail_at(n, false);
    elbo_status status = elbo_run_open(context, folder, NULL, NULL, &r);
    mem_fail_at(0, false);
    if (!status) break;
    ck_assert_ptr_null(r);
  }
  elbo_run_free(r);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("run_evaluate");
  TCase *c = tcase_create("run_evaluate");
  tcase_add_checked_fixture(c, fixture_start, fixture_end);
  tcase_set_timeout(c, 60);
  tcase_add_test(c, test_evidence_is_the_closed_form);
  tcase_add_test(c, test_kl_of_each_latent);
  tcase_add_test(c, test_other_priors);
  tcase_add_test(c, test_sampled_kl_agrees);
  tcase_add_test(c, test_chunks_do_not_show);
  tcase_add_test(c, test_exact_posterior);
  tcase_add_test(c, test_chain);
  tcase_add_test(c, test_words);
  tcase_add_test(c, test_bits_of_dequantized_data);
  tcase_add_test(c, test_mixed);
  tcase_add_test(c, test_options);
  tcase_add_test(c, test_open_refuses);
  tcase_add_test(c, test_out_of_memory);
  suite_add_tcase(s, c);
  SRunner *run_all = srunner_create(s);
  srunner_run_all(run_all, CK_NORMAL);
  int failed = srunner_ntests_failed(run_all);
  srunner_free(run_all);
  return failed != 0;
}
