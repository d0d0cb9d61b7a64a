/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/weights.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

enum { MOST = 3000 };

/* The i-th of n expected places of a generalised Pareto distribution of shape k and scale 1. */
static double quantile(double k, size_t i, size_t n)
{
  double p = ((double)i + 0.5) / (double)n;
  return k == 0 ? -log1p(-p) : expm1(-k * log1p(-p)) / k;
}

START_TEST(test_shape_of_known_tails)
{
  static const double shapes[] = { -0.3, 0, 0.3, 0.7, 1, 1.5 };
  double x[MOST];
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    for (size_t i = 0; i < MOST; i++) x[i] = quantile(shapes[s], i, MOST);
    ck_assert_double_eq_tol(pareto_shape(x, MOST), shapes[s], 0.03);
    double before = pareto_shape(x, MOST);
    for (size_t i = 0; i < MOST; i++) x[i] *= 1e6; /* a scale does not show */
    ck_assert_double_eq_tol(pareto_shape(x, MOST), before, 1e-9);
  }
}
END_TEST

/* With few numbers the prior draws k towards 0.5 by a tenth part of 10 observations. */
START_TEST(test_prior)
{
  double x[10];
  for (size_t i = 0; i < 10; i++) x[i] = quantile(0, i, 10);
  double k = pareto_shape(x, 10);
  ck_assert_double_gt(k, 0);
  ck_assert_double_lt(k, 0.5);
}
END_TEST

/* Weights exp(a e), e standard exponential, are Pareto of shape a: P(w > t) = t^(-1/a). */
START_TEST(test_khat_of_pareto_weights)
{
  static const double shapes[] = { 0.2, 0.5, 0.9 };
  enum { K = 20000 };
  size_t M = weights_tail(K);
  double *heap = malloc((M + 1) * sizeof *heap), *work = malloc((M + 1) * sizeof *work);
  for (size_t s = 0; s < 3; s++) {
    for (size_t i = 0; i <= M; i++) heap[i] = -INFINITY;
    for (size_t i = 0; i < K; i++) { /* in a scattered order, far from 1 */
      double u = ((double)(i * 7919 % K) + 0.5) / K;
      largest_add(heap, M + 1, -1000 - shapes[s] * log(u));
    }
    ck_assert_double_eq_tol(weights_khat(heap, M, work), shapes[s], 0.06);
    ck_assert_double_eq_tol(heap[M], -1000 - shapes[s] * log(0.5 / K), 1e-9);
    ck_assert_double_eq_tol(heap[0], -1000 - shapes[s] * log(((double)M + 0.5) / K), 1e-9);
  }
  free(heap), free(work);
}
END_TEST

START_TEST(test_no_tail)
{
  double same[11] = { 0 }, work[11];
  ck_assert(isnan(weights_khat(same, 10, work)));
  ck_assert_uint_eq(weights_tail(1000), 95);
  ck_assert_uint_eq(weights_tail(100), 20);
  ck_assert_uint_eq(weights_tail(20), 0);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("weights");
  TCase *t = tcase_create("weights");
  tcase_add_test(t, test_shape_of_known_tails);
  tcase_add_test(t, test_prior);
  tcase_add_test(t, test_khat_of_pareto_weights);
  tcase_add_test(t, test_no_tail);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
