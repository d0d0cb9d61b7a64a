/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"

#include <check.h>
#undef fail /* check's old macro of that name */
#include <stdlib.h>
#include <string.h>

START_TEST(status_has_words)
{
  ck_assert_str_eq(elbo_status_text(ELBO_DONE), "done");
  ck_assert_str_eq(elbo_status_text(ELBO_E_FILES), "file system");
  ck_assert_str_eq(elbo_status_text((elbo_status)-99), "unknown status");
}
END_TEST

START_TEST(first_error_stays)
{
  error e = { 0 };
  ck_assert_int_eq(fail(&e, ELBO_E_DATA, "row %d", 3), ELBO_E_DATA);
  ck_assert_int_eq(fail(&e, ELBO_E_FILES, "later"), ELBO_E_FILES);
  ck_assert_int_eq(e.status, ELBO_E_DATA);
  ck_assert_str_eq(e.text, "row 3");
  ck_assert_int_eq(error_prefix(&e, "%s", "a.npy"), ELBO_E_DATA);
  ck_assert_str_eq(e.text, "a.npy: row 3");
  error_clear(&e);
  ck_assert_int_eq(error_prefix(&e, "x"), ELBO_DONE);
  ck_assert_str_eq(e.text, "");
  ck_assert_int_eq(fail(NULL, ELBO_E_DATA, "nowhere"), ELBO_E_DATA);
}
END_TEST

START_TEST(long_text_is_cut_at_a_character)
{
  static char word[6001];
  for (int i = 0; i < 6000; i += 2) memcpy(word + i, "\xC3\xA9", 2);
  for (int shift = 0; shift < 2; shift++) {
    error e = { 0 };
    fail(&e, ELBO_E_DATA, "%s%s", shift ? "x" : "", word);
    size_t n = strlen(e.text);
    ck_assert(n <= sizeof e.text - 1 && n > sizeof e.text - 6);
    ck_assert(utf8_valid(e.text, n));
    ck_assert_str_eq(e.text + n - 3, "...");
    error_prefix(&e, "%s", word);
    ck_assert(utf8_valid(e.text, strlen(e.text)));
    ck_assert_str_eq(e.text + strlen(e.text) - 3, "...");
  }
}
END_TEST

START_TEST(text_is_printable)
{
  error e = { 0 };
  fail(&e, ELBO_E_DATA, "a\x1B[31m \xFF b\x7F\n\xC3\xA9\n\n");
  ck_assert_str_eq(e.text, "a?[31m ? b?\n\xC3\xA9");
}
END_TEST

START_TEST(problems_are_collected)
{
  problems p = { .file = "e.yaml" };
  error e = { 0 };
  ck_assert_int_eq(problems_error(&p, &e), ELBO_DONE);
  problem_add(&p, (place){ 3, 7 }, ELBO_E_USAGE, "unknown key '%s'", "sise");
  problem_add(&p, (place){ 0, 0 }, ELBO_E_DATA, "no data");
  ck_assert_int_eq(problems_error(&p, &e), ELBO_E_USAGE);
  ck_assert_str_eq(e.text, "e.yaml:3:7: unknown key 'sise'\ne.yaml: no data");
  for (int i = 0; i < 500; i++) problem_add(&p, (place){ i + 4, 1 }, ELBO_E_USAGE, "%060d", i);
  ck_assert_int_eq(p.n, 100);
  error_clear(&e);
  problems_error(&p, &e);
  char *more = strstr(e.text, "\n... and ");
  ck_assert_ptr_nonnull(more);
  int told = 0;
  for (char *s = e.text; s < more; s++) told += *s == '\n';
  ck_assert_int_eq(told + 1 + atoi(more + 9), 100);
  problems_free(&p);
}
END_TEST

START_TEST(problems_without_memory)
{
  for (int n = 1; n <= 4; n++) {
    problems p = { 0 };
    error e = { 0 };
    mem_fail_at((uint64_t)n, true);
    problem_add(&p, (place){ 1, 1 }, ELBO_E_USAGE, "one");
    problem_add(&p, (place){ 2, 1 }, ELBO_E_USAGE, "two");
    ck_assert_int_eq(p.n, 2);
    ck_assert_int_lt(problems_error(&p, &e), 0);
    ck_assert_int_gt(strlen(e.text), 0);
    mem_fail_at(0, false);
    problems_free(&p);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("base/error");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_test(t, status_has_words);
  tcase_add_test(t, first_error_stays);
  tcase_add_test(t, long_text_is_cut_at_a_character);
  tcase_add_test(t, text_is_printable);
  tcase_add_test(t, problems_are_collected);
  tcase_add_test(t, problems_without_memory);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
