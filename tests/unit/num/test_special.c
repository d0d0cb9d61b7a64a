/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/special.h"
#include <check.h>
#include <elbo/plugin.h>
#include <math.h>

/* Expected values: to 17 digits from 60-digit arithmetic (mpmath); rel: worst relative error
 * allowed. */
typedef struct {
  uint32_t id;
  double a, b, value, rel;
} row;
static const row rows[] = {
#include "special_rows.h"
};

typedef struct {
  uint32_t id;
  double a, b, c, value, rel;
} row3;
static const row3 rows3[] = {
#include "special3_rows.h"
};

START_TEST(values3)
{
  num_start();
  const row3 *r = &rows3[_i];
  double got = special3_call(r->id, r->a, r->b, r->c);
  ck_assert_msg(fabs(got - r->value) <= r->rel * fabs(r->value),
                "id %u (%.17g, %.17g, %.17g): %.17g, not %.17g, rel %.3g", r->id, r->a, r->b, r->c,
                got, r->value, fabs(got / r->value - 1));
}
END_TEST

/* The ends, and what mirrors itself: I_x(a, b) = 1 - I_{1-x}(b, a). */
START_TEST(ends3)
{
  num_start();
  ck_assert_double_eq(special3_call(ELBO_BETA_P, 2, 3, -INFINITY), 0);
  ck_assert_double_eq(special3_call(ELBO_BETA_P, 2, 3, INFINITY), 1);
  ck_assert_double_eq(special3_call(ELBO_BETA_Q, 2, 3, INFINITY), 0);
  ck_assert_double_eq(special3_call(ELBO_BETA_INV, 2, 3, 0), -INFINITY);
  ck_assert_double_eq(special3_call(ELBO_BETA_INV, 2, 3, 1), INFINITY);
  ck_assert_double_eq_tol(special3_call(ELBO_BETA_PULL, 2, 3, INFINITY), 13.0 / 18, 1e-15);
  ck_assert_double_eq(special3_call(ELBO_BETA_Q, 0.3, 70, -2),
                      special3_call(ELBO_BETA_P, 70, 0.3, 2));
  ck_assert_double_eq(special3_call(ELBO_VON_MISES_P, 3, 0.4, 0.4), 0);
  double whole = special3_call(ELBO_VON_MISES_P, 3, -0.7, -0.7 + 6.28318530717958648);
  ck_assert_double_eq_tol(whole, 1, 1e-14);
}
END_TEST

START_TEST(outside3)
{
  num_start();
  ck_assert_double_nan(special3_call(0, 1, 1, 0));
  ck_assert_double_nan(special3_call(ELBO_SPECIAL3_END, 1, 1, 0));
  for (uint32_t id = 1; id < ELBO_SPECIAL3_END; id++) {
    ck_assert_double_nan(special3_call(id, NAN, 1, 1));
    ck_assert_double_nan(special3_call(id, 2, NAN, 1));
    ck_assert_double_nan(special3_call(id, 2, 1, NAN));
    ck_assert_double_nan(special3_call(id, -1, 1, 1));
  }
  ck_assert_double_nan(special3_call(ELBO_VON_MISES_P, 2, 1e18, 1e18));
}
END_TEST

START_TEST(values)
{
  num_start();
  const row *r = &rows[_i];
  double got = special_call(r->id, r->a, r->b);
  ck_assert_msg(fabs(got - r->value) <= r->rel * fabs(r->value),
                "id %u (%.17g, %.17g): %.17g, not %.17g, rel %.3g", r->id, r->a, r->b, got,
                r->value, fabs(got / r->value - 1));
}
END_TEST

START_TEST(outside)
{
  num_start();
  ck_assert_double_nan(special_call(0, 1, 1));
  ck_assert_double_nan(special_call(ELBO_SPECIAL_END, 1, 1));
  for (uint32_t id = 1; id < ELBO_SPECIAL_END; id++) ck_assert_double_nan(special_call(id, NAN, 1));
  static const uint32_t positive[] = { ELBO_LGAMMA,         ELBO_DIGAMMA,     ELBO_TRIGAMMA,
                                       ELBO_STIRLING,       ELBO_STIRLING_DA, ELBO_BD0,
                                       ELBO_GAMMA_P,        ELBO_GAMMA_Q,     ELBO_GAMMA_PULL,
                                       ELBO_LGAMMA_BREGMAN, ELBO_GAMMA_INV,   ELBO_GAMMA_INV_Q,
                                       ELBO_DIGAMMA_GAP,    ELBO_LBETA,       ELBO_DIGAMMA_REST,
                                       ELBO_STUDENT_PULL,   ELBO_LOG_I0E,     ELBO_BESSEL_GAP,
                                       ELBO_LOG_I0_BREGMAN, ELBO_LGAMMA_REST, ELBO_TRIGAMMA_REST };
  for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
    ck_assert_double_nan(special_call(positive[i], -1.5, 1));
  ck_assert_double_nan(special_call(ELBO_CB_NORM, 1, 4));
  ck_assert_double_nan(special_call(ELBO_CB_NORM_EVEN, 1, 0.5));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("special");
  TCase *t = tcase_create("all");
  tcase_add_loop_test(t, values, 0, sizeof rows / sizeof *rows);
  tcase_add_test(t, outside);
  tcase_add_loop_test(t, values3, 0, sizeof rows3 / sizeof *rows3);
  tcase_add_test(t, ends3);
  tcase_add_test(t, outside3);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
