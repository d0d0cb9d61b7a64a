/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reparametrizers with the families that name them: what applies, draws in law, the fast road
 * against the slow one, gradients. */
#include "plugins.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static elbo_noise_row row_at(uint32_t row)
{
  return (elbo_noise_row){
    .key = philox_make_key(7, STREAM_DRAW), .row = row, .step = 3, .level = cpu_level()
  };
}
static elbo_noise event_of(const elbo_noise_row *r, uint32_t j)
{
  return (elbo_noise){ .key = r->key, .element = r->first + j, .row = r->row, .step = r->step };
}

static const struct {
  const char *road, *family, *missing;
} bindings[] = {
  { "location_scale", "normal", NULL },
  { "location_scale", "laplace", NULL },
  { "location_scale", "gumbel", NULL },
  { "location_scale", "bernoulli", "the hook `standard`" },
  { "location_scale", "gamma", "values in their plain form" },
  { "inverse_cdf", "normal", NULL },
  { "inverse_cdf", "laplace", NULL },
  { "inverse_cdf", "gumbel", NULL },
  { "inverse_cdf", "gamma", NULL },
  { "inverse_cdf", "continuous_bernoulli", NULL },
  { "inverse_cdf", "bernoulli", "a continuous support" },
  { "implicit", "gamma", NULL },
  { "implicit", "normal", "the hook `draw`" },
  { "implicit", "bernoulli", "a continuous support" },
  { "composition", "gamma", NULL },
  { "composition", "bernoulli", "the hook `pull`" },
  { "location_scale", "cauchy", NULL },
  { "location_scale", "logistic", NULL },
  { "inverse_cdf", "cauchy", NULL },
  { "inverse_cdf", "logistic", NULL },
  { "location_scale", "exponential", NULL },
  { "location_scale", "uniform", NULL },
  { "location_scale", "triangular", NULL },
  { "location_scale", "student_t", NULL },
  { "location_scale", "multivariate_normal", NULL },
  { "location_scale", "multivariate_student_t", NULL },
  { "location_scale", "truncated_normal", "the hook `standard`" },
  { "location_scale", "rayleigh", "the hook `standard`" },
  { "composition", "student_t", NULL },
  { "inverse_cdf", "exponential", NULL },
  { "inverse_cdf", "rayleigh", NULL },
  { "inverse_cdf", "pareto", NULL },
  { "inverse_cdf", "weibull", NULL },
  { "inverse_cdf", "reciprocal", NULL },
  { "inverse_cdf", "gompertz", NULL },
  { "inverse_cdf", "uniform", NULL },
  { "inverse_cdf", "triangular", NULL },
  { "inverse_cdf", "log_normal", NULL },
  { "inverse_cdf", "half_normal", NULL },
  { "inverse_cdf", "half_cauchy", NULL },
  { "inverse_cdf", "kumaraswamy", NULL },
  { "inverse_cdf", "truncated_normal", NULL },
  { "composition", "log_normal", NULL },
  { "composition", "logit_normal", NULL },
  { "composition", "half_normal", NULL },
  { "composition", "half_cauchy", NULL },
  { "composition", "logistic", "the hook `draw`" },
};

/* A call with the families that f draws from. */
static elbo_call call_of(const elbo_family *f)
{
  static const elbo_family *uses[8];
  for (int i = 0; f->uses && f->uses[i] && i < 8; i++) uses[i] = open_family(f->uses[i]);
  return (elbo_call){ .size = sizeof(elbo_call), .host = &test_host, .K = 1, .uses = uses };
}

START_TEST(what_is_missing)
{
  const elbo_reparam *r = open_reparam(bindings[_i].road);
  const char *text = r->missing(open_family(bindings[_i].family));
  ck_assert_pstr_eq(text, bindings[_i].missing);
}
END_TEST

static int by_size(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov against the family's own cdf; 2.75 / sqrt(n) is passed with probability
   5e-7, and the seed is fixed. */
START_TEST(draws_follow_the_cdf)
{
  enum { N = 20000 };
  static double z[N];
  const elbo_reparam *r = open_reparam(bindings[_i].road);
  const elbo_family *f = open_family(bindings[_i].family);
  if (bindings[_i].missing || f->event_rank) return;
  double w[4] = { f->n_params == 1 ? -2.5 : -0.7, 0.4, -1.5, 2.5 }, worst = 0;
  elbo_noise_row row = row_at(0);
  elbo_call call = call_of(f);
  for (uint32_t i = 0; i < N; i++) {
    elbo_noise e = event_of(&row, i);
    ck_assert_int_eq(r->forward(f, &call, &e, w, &z[i]), ELBO_OK);
  }
  qsort(z, N, sizeof z[0], by_size);
  for (int i = 0; i < N; i++)
    worst = fmax(worst, fabs(f->cdf(&test_call, z[i], w, 0, NULL) - (i + 0.5) / N));
  ck_assert_double_lt(worst, 2.75 / sqrt(N));
}
END_TEST

/* A gamma of tiny shape: log x = log G(a + 1) + log(U) / a, of mean psi(a) and spread
   sqrt(psi'(a)). */
START_TEST(gamma_draws_do_not_underflow)
{
  enum { N = 20000 };
  const elbo_family *f = open_family("gamma");
  double a = 1e-3, w[2] = { log(a), 0 }, sum = 0, lowest = 0, y;
  elbo_noise_row row = row_at(1);
  for (uint32_t i = 0; i < N; i++) {
    elbo_noise e = event_of(&row, i);
    f->draw(&test_call, &e, w, &y);
    sum += y;
    lowest = fmin(lowest, y);
  }
  double spread = sqrt(special_call(ELBO_TRIGAMMA, a, 0) / N);
  ck_assert_double_lt(fabs(sum / N - special_call(ELBO_DIGAMMA, a, 0)), 5 * spread);
  ck_assert_double_lt(lowest, -5000);
}
END_TEST

START_TEST(bernoulli_draws_and_points)
{
  enum { N = 20000 };
  const elbo_family *f = open_family("bernoulli");
  double w = -1.2, x, p, ones = 0;
  elbo_noise_row row = row_at(2);
  f->moment(&test_call, ELBO_MEAN, &w, &p);
  for (uint32_t i = 0; i < N; i++) {
    elbo_noise e = event_of(&row, i);
    f->draw(&test_call, &e, &w, &x);
    ones += x;
  }
  ck_assert_double_lt(fabs(ones / N - p), 5 * sqrt(p * (1 - p) / N));
  ck_assert(f->support_point(&test_call, 0, &w) == 0 && f->support_point(&test_call, 1, &w) == 1);
  ck_assert(isnan(f->support_point(&test_call, 2, &w)));
}
END_TEST

/* Every road that a family allows brings dz back to the same dw, value by value. */
static const char *const roads[] = { "location_scale", "inverse_cdf", "implicit", "composition" };
START_TEST(roads_agree)
{
  enum { N = 200 };
  const elbo_reparam *own = open_reparam(bindings[_i].road), *other;
  const elbo_family *f = open_family(bindings[_i].family);
  double w[4] = { f->n_params == 1 ? -2.5 : -0.7, 0.4, -1.5, 2.5 }, z, dz = 1.5, a[4], b[4];
  if (bindings[_i].missing || f->event_rank) return;
  elbo_noise_row row = row_at(9);
  elbo_call call = call_of(f);
  for (uint32_t i = 0; i < N; i++) {
    elbo_noise e = event_of(&row, i);
    own->forward(f, &call, &e, w, &z);
    ck_assert_int_eq(own->backward(f, &call, &z, w, &dz, a), ELBO_OK);
    for (int k = 0; k < 4; k++) {
      other = open_reparam(roads[k]);
      if (other->missing(f)) continue;
      ck_assert_int_eq(other->backward(f, &call, &z, w, &dz, b), ELBO_OK);
      for (uint32_t p = 0; p < f->n_params; p++)
        ck_assert_double_le(fabs(a[p] - b[p]), 1e-8 * fabs(a[p]) + 1e-12);
    }
  }
}
END_TEST

static const char *const located[] = { "normal", "laplace", "gumbel", "logistic" };

START_TEST(fast_road_is_the_slow_one)
{
  enum { D = 53 };
  const elbo_reparam *r = open_reparam("location_scale");
  const elbo_family *f = open_family(located[_i]);
  elbo_noise_row row = row_at(5);
  float loc[D], log_scale[D], z[D], dz[D], dloc[D], dscale[D];
  const float *w[2] = { loc, log_scale };
  float *dw[2] = { dloc, dscale };
  for (int j = 0; j < D; j++) {
    loc[j] = 0.1f * (float)j - 2;
    log_scale[j] = 0.05f * (float)j - 1;
    dz[j] = (float)(j % 7) - 3;
  }
  for (int level = 0; level <= cpu_level(); level++) {
    ck_assert_int_eq(r->forward_f32[level](f, &test_call, &row, D, w, z), ELBO_OK);
    ck_assert_int_eq(r->backward_f32[level](f, &test_call, D, z, w, dz, dw), ELBO_OK);
    for (uint32_t j = 0; j < D; j++) {
      double at[2] = { loc[j], log_scale[j] }, y, d[2], up = dz[j], here = z[j];
      elbo_noise e = event_of(&row, j);
      r->forward(f, &test_call, &e, at, &y);
      ck_assert_double_le(fabs(y - z[j]),
                          1e-5 * (1 + fabs(y - at[0])) * exp(fmax(at[1], 0)) + 1e-6 * fabs(at[0]));
      r->backward(f, &test_call, &here, at, &up, d);
      ck_assert(dloc[j] == (float)d[0]);
      ck_assert_double_le(fabs(dscale[j] - d[1]), 1e-6 * (fabs(up) * (fabs(here) + fabs(at[0]))));
    }
  }
}
END_TEST

/* A rate is a scale's inverse, and a family may lack a place. No family of ours has bulk variates
   for that: here an exponential is lent some. */
static elbo_rc ramp(const elbo_call *c, const elbo_noise_row *e, size_t d, float *out)
{
  (void)c, (void)e;
  for (size_t j = 0; j < d; j++) out[j] = 0.25f * (float)j;
  return ELBO_OK;
}
START_TEST(fast_road_of_a_rate)
{
  enum { D = 21 };
  const elbo_reparam *r = open_reparam("location_scale");
  elbo_family f = *open_family("exponential");
  elbo_noise_row row = row_at(5);
  float log_rate[D], z[D], dz[D], by_rate[D];
  const float *w[1] = { log_rate };
  float *dw[1] = { by_rate };
  for (int k = 0; k < ELBO_LEVELS; k++) f.standard_f32[k] = ramp;
  for (int j = 0; j < D; j++) log_rate[j] = 0.3f * (float)j - 3, dz[j] = (float)(j % 5) - 2;
  for (int level = 0; level <= cpu_level(); level++) {
    ck_assert_int_eq(r->forward_f32[level](&f, &test_call, &row, D, w, z), ELBO_OK);
    ck_assert_int_eq(r->backward_f32[level](&f, &test_call, D, z, w, dz, dw), ELBO_OK);
    for (int j = 0; j < D; j++) {
      double want = 0.25 * j * exp(-(double)log_rate[j]);
      ck_assert_double_le(fabs((double)z[j] - want), 3e-7 * want);
      ck_assert(by_rate[j] == -dz[j] * z[j]);
    }
  }
}
END_TEST

/* A vector's triangle: dz brought back is dz by differences at fixed noise. */
START_TEST(triangle_at_fixed_noise)
{
  enum { K = 3, W = 10 };
  const elbo_reparam *r = open_reparam("location_scale");
  const elbo_family *f = open_family(_i ? "multivariate_student_t" : "multivariate_normal");
  double w[W] = { 0.7, 0.3, -1, 2, 0.2, 0.5, -0.4, -0.9, 1.5, 0.1 }, z[K], low[K], high[K], dw[W];
  double dz[K] = { 1, -2, 0.5 }, *v = _i ? w : w + 1;
  elbo_noise_row row = row_at(3);
  elbo_call call = call_of(f);
  call.K = K;
  for (uint32_t i = 0; i < 20; i++) {
    elbo_noise e = event_of(&row, i), e0 = e;
    ck_assert_int_eq(r->forward(f, &call, &e, v, z), ELBO_OK);
    ck_assert_int_eq(r->backward(f, &call, z, v, dz, dw), ELBO_OK);
    for (int k = _i; k < W - 1 + _i; k++) {
      double h = 1e-5, keep = v[k], want = 0;
      e = e0, v[k] = keep + h, r->forward(f, &call, &e, v, high);
      e = e0, v[k] = keep - h, r->forward(f, &call, &e, v, low);
      v[k] = keep;
      for (int j = 0; j < K; j++) want += dz[j] * (high[j] - low[j]) / (2 * h);
      ck_assert_double_le(fabs(dw[k] - want), 1e-8 * (1 + fabs(want)) * (1 + fabs(z[0])));
    }
  }
}
END_TEST

/* In the far tail, where u rounds to 1, the road along the cdf still knows the way:
   dz/dlog_scale = z - loc. */
START_TEST(pathwise_in_the_tail)
{
  const elbo_reparam *r = open_reparam("inverse_cdf");
  const elbo_family *f = open_family(located[_i]);
  for (double x = 5; x < 36; x += 5) {
    double w[2] = { 0.5, 0 }, dx = 1, dw[2];
    ck_assert_int_eq(r->backward(f, &test_call, &x, w, &dx, dw), ELBO_OK);
    ck_assert_double_le(fabs(dw[0] - 1), 1e-11);
    ck_assert_double_le(fabs(dw[1] - (x - 0.5)), 1e-11 * x);
  }
}
END_TEST

/* Two classes are a beta, also where x of one is 1 to all its digits: what is left lies in log x of
 * the other alone. Derivatives by log a_k of log x_1. */
static const struct {
  double a, b, logit;
} corners[] = { { 1e-3, 2e-3, 50 }, { 1e-3, 2e-3, 900 }, { 1e-3, 2e-3, -900 }, { 0.02, 3, 40 },
                { 5, 0.01, 300 },   { 1e-3, 1e-3, 5e4 }, { 2, 3, 0.4 } };

START_TEST(next_to_a_corner)
{
  double a = corners[_i].a, b = corners[_i].b, logit = corners[_i].logit, e = exp(-fabs(logit));
  const elbo_family *dirichlet = open_family("dirichlet"), *beta = open_family("beta");
  elbo_call c = call_of(beta);
  double small = -fabs(logit) - log1p(e), large = -log1p(e), w[2] = { log(a), log(b) };
  double y[2] = { logit > 0 ? large : small, logit > 0 ? small : large };
  double v[2], one = 1;
  ck_assert_int_eq(beta->pull(&c, &logit, w, &one, v), ELBO_OK);
  c = call_of(dirichlet);
  c.K = 2;
  for (int k = 0; k < 2; k++) {
    double dx[2] = { k == 0, k == 1 }, dw[2], side = k ? -1 : 1;
    double other = logit > 0 ? (k ? 1 : e) / (1 + e) : (k ? e : 1) / (1 + e);
    ck_assert_int_eq(dirichlet->pull(&c, y, w, dx, dw), ELBO_OK);
    for (int j = 0; j < 2; j++) {
      double want = side * v[j] * other; /* d log x = (1-x) d logit x */
      ck_assert_msg(fabs(dw[j] - want) <= 1e-11 * fabs(want), "%d %d: %.15g, expected %.15g", k, j,
                    dw[j], want);
    }
  }
}
END_TEST

int main(void)
{
  num_start();
  Suite *s = suite_create("roads");
  TCase *c = tcase_create("roads");
  tcase_set_timeout(c, 60);
  int n = sizeof bindings / sizeof bindings[0];
  tcase_add_loop_test(c, what_is_missing, 0, n);
  tcase_add_loop_test(c, draws_follow_the_cdf, 0, n);
  tcase_add_loop_test(c, roads_agree, 0, n);
  tcase_add_test(c, gamma_draws_do_not_underflow);
  tcase_add_test(c, bernoulli_draws_and_points);
  tcase_add_loop_test(c, fast_road_is_the_slow_one, 0, 4);
  tcase_add_test(c, fast_road_of_a_rate);
  tcase_add_loop_test(c, triangle_at_fixed_noise, 0, 2);
  tcase_add_loop_test(c, pathwise_in_the_tail, 0, 4);
  tcase_add_loop_test(c, next_to_a_corner, 0, sizeof corners / sizeof corners[0]);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
