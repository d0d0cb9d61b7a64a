/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/special.h"
#include <check.h>
#include <elbo/plugin.h>
#include <math.h>

/* Expected values: to 17 digits from 60-digit arithmetic (mpmath); rel: worst relative error allowed. */
typedef struct {
  uint32_t id;
  double a, b, value, rel;
} row;
static const row rows[] = {
#include "special_rows.h"
};

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
  static const uint32_t positive[] = { ELBO_LGAMMA,        ELBO_DIGAMMA,     ELBO_TRIGAMMA,
                                       ELBO_STIRLING,      ELBO_STIRLING_DA, ELBO_BD0,
                                       ELBO_GAMMA_P,       ELBO_GAMMA_Q,     ELBO_GAMMA_PULL,
                                       ELBO_LGAMMA_BREGMAN };
  for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
    ck_assert_double_nan(special_call(positive[i], -1.5, 1));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("special");
  TCase *t = tcase_create("all");
  tcase_add_loop_test(t, values, 0, sizeof rows / sizeof *rows);
  tcase_add_test(t, outside);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
