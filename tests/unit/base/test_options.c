/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/options.h"

#include <check.h>
#include <string.h>

typedef struct {
  size_t size;
  long first, second;
} two;

/* Of the caller's struct, as long as he says: what is taken. */
static const struct {
  two given;
  long first, second;
} rows[] = {
  { { sizeof(two), 1, 2 }, 1, 2 },
  { { offsetof(two, second), 1, 2 }, 1, 0 }, /* built against an older header */
  { { sizeof(size_t), 1, 2 }, 0, 0 },
  { { 2 * sizeof(two), 1, 2 }, 1, 2 }, /* against a newer one */
};

START_TEST(as_far_as_it_goes)
{
  error e = { 0 };
  two o = { 7, 7, 7 };
  ck_assert_int_eq(options_take(&o, sizeof o, &rows[_i].given, "two", &e), ELBO_DONE);
  ck_assert_uint_eq(o.size, sizeof o);
  ck_assert_int_eq(o.first, rows[_i].first);
  ck_assert_int_eq(o.second, rows[_i].second);
}
END_TEST

START_TEST(none_and_unset)
{
  error e = { 0 };
  two o = { 7, 7, 7 }, unset = { 0, 1, 2 };
  ck_assert_int_eq(options_take(&o, sizeof o, NULL, "two", &e), ELBO_DONE);
  ck_assert(o.size == sizeof o && !o.first && !o.second);
  ck_assert_int_eq(options_take(&o, sizeof o, &unset, "two", &e), ELBO_E_USAGE);
  ck_assert_str_eq(e.text, "two.size is 0; set it to sizeof(two)");
  ck_assert(!o.first && !o.second);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("options");
  TCase *t = tcase_create("all");
  tcase_add_loop_test(t, as_far_as_it_goes, 0, sizeof rows / sizeof *rows);
  tcase_add_test(t, none_and_unset);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
