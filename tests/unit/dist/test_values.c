/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forms of values: there and back in double, float against double, slopes against differences. */
#include "dist/family.h"
#include "num/special.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double plain[] = { 1e-30, 1e-6, 0.01, 0.3, 0.5, 0.7, 0.999 };
enum { N = sizeof plain / sizeof *plain, FORMS = ELBO_X_LOG_SIMPLEX + 1, LONG = 53 };

START_TEST(there_and_back)
{
  double y[N], x[N];
  value_from_plain((uint32_t)_i, N, plain, y);
  value_to_plain((uint32_t)_i, N, y, x);
  for (int i = 0; i < N; i++) ck_assert_double_eq_tol(x[i] / plain[i], 1, 1e-13);
  memcpy(x, plain, sizeof x);
  value_from_plain((uint32_t)_i, N, x, x);
  ck_assert_mem_eq(x, y, sizeof x);
}
END_TEST

START_TEST(ends_are_kept)
{
  double x[] = { 0, 1 }, y[2];
  value_from_plain(ELBO_X_LOGIT, 2, x, y);
  ck_assert(y[0] == -INFINITY && y[1] == INFINITY);
  value_to_plain(ELBO_X_LOGIT, 2, y, y);
  ck_assert(y[0] == 0 && y[1] == 1);
  float z[] = { -INFINITY, 0 };
  value_convert_f32(cpu_level(), ELBO_X_LOG, ELBO_X_LOGIT, 2, z, z);
  ck_assert(z[0] == -INFINITY && z[1] == INFINITY);
}
END_TEST

/* 53 numbers, so that a row ends inside a block. */
static void spread(uint32_t form, double *exact, float *x)
{
  for (int i = 0; i < LONG; i++) {
    double p = plain[i % N] * (1 - 0.002 * i), y;
    value_from_plain(form, 1, &p, &y);
    x[i] = (float)y;
    exact[i] = x[i];
  }
}

static double converted(uint32_t from, uint32_t to, double x)
{
  double p, y;
  if (from == to) return x;
  if (from == ELBO_X_LOG && to == ELBO_X_LOGIT) return x - log(-expm1(x));
  if (from == ELBO_X_LOGIT && to == ELBO_X_LOG) return -(fmax(-x, 0) + log1p(exp(-fabs(x))));
  value_to_plain(from, 1, &x, &p);
  value_from_plain(to, 1, &p, &y);
  return y;
}

/* For each pair of forms and each level of the CPU. */
START_TEST(float_like_double)
{
  uint32_t pair = (uint32_t)_i / ELBO_LEVELS, from = pair / FORMS, to = pair % FORMS;
  int level = _i % ELBO_LEVELS;
  double exact[LONG];
  float x[LONG], y[LONG], z[LONG];
  if (level > cpu_level()) return;
  spread(from, exact, x);
  value_convert_f32(level, from, to, LONG, x, y);
  memcpy(z, x, sizeof z);
  value_convert_f32(level, from, to, LONG, z, z);
  ck_assert_mem_eq(y, z, sizeof z);
  for (int i = 0; i < LONG; i++) {
    double want = converted(from, to, exact[i]);
    ck_assert_msg(fabs(y[i] - want) <= 6e-7 * fmax(fabs(want), want < 0 || to ? 1 : 0),
                  "%u -> %u at %g: %g, not %g", from, to, exact[i], y[i], want);
  }
}
END_TEST

START_TEST(slopes)
{
  uint32_t from = (uint32_t)_i / FORMS, to = (uint32_t)_i % FORMS;
  double exact[LONG];
  float x[LONG], y[LONG], g[LONG], dx[LONG];
  spread(from, exact, x);
  value_convert_f32(cpu_level(), from, to, LONG, x, y);
  for (int i = 0; i < LONG; i++) g[i] = (float)(i - 20) / 8;
  value_convert_back_f32(cpu_level(), from, to, LONG, x, y, g, dx);
  for (int i = 0; i < LONG; i++) {
    double h =
        1e-4 * (from == ELBO_X_PLAIN ? fmin(exact[i], 1 - exact[i]) : fmin(1, fabs(exact[i])));
    double slope =
        (converted(from, to, exact[i] + h) - converted(from, to, exact[i] - h)) / (2 * h);
    ck_assert_msg(fabs(dx[i] - g[i] * slope) <= 1e-4 * fabs(g[i] * slope) + 1e-30,
                  "%u -> %u at %g: %g, not %g", from, to, exact[i], dx[i], g[i] * slope);
  }
  value_convert_back_f32(cpu_level(), from, to, LONG, x, y, g, g);
  ck_assert_mem_eq(g, dx, sizeof g);
}
END_TEST

START_TEST(no_gradient_stays_none)
{
  float x[] = { 0, 0, 1 }, y[3], g[] = { 0, 1, 0 };
  value_convert_f32(cpu_level(), ELBO_X_PLAIN, ELBO_X_LOGIT, 3, x, y);
  value_convert_back_f32(cpu_level(), ELBO_X_PLAIN, ELBO_X_LOGIT, 3, x, y, g, g);
  ck_assert(g[0] == 0 && isinf(g[1]) && g[2] == 0);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("dist/values");
  TCase *t = tcase_create("forms");
  tcase_add_loop_test(t, there_and_back, 0, FORMS);
  tcase_add_test(t, ends_are_kept);
  tcase_add_loop_test(t, float_like_double, 0, FORMS * FORMS * ELBO_LEVELS);
  tcase_add_loop_test(t, slopes, 0, FORMS * FORMS);
  tcase_add_test(t, no_gradient_stays_none);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
