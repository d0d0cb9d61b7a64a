/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "base/text.h"

#include <check.h>
#undef fail /* check's old macro of that name */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void expect_shortest(double v, const char *wanted)
{
  text t = { 0 };
  text_shortest(&t, v);
  ck_assert_str_eq(t.s, wanted);
  text_free(&t);
}

START_TEST(texts_grow)
{
  text t = { 0 };
  for (int i = 0; i < 100; i++) text_format(&t, "%d,", i);
  text_add(&t, "end");
  text_add_n(&t, "xyz", 2);
  ck_assert_uint_eq(t.n, strlen(t.s));
  ck_assert_str_eq(t.s + t.n - 8, "99,endxy");
  mem_fail_at(1, true);
  for (int i = 0; i < 100; i++) text_add(&t, "0123456789");
  mem_fail_at(0, false);
  ck_assert(t.failed);
  size_t n = t.n;
  text_add(&t, "more");
  ck_assert_uint_eq(t.n, n);
  text_free(&t);
  ck_assert_ptr_null(t.s);
}
END_TEST

START_TEST(numbers_are_short_and_exact)
{
  expect_shortest(0.1, "0.1");
  expect_shortest(1.0 / 3, "0.3333333333333333");
  expect_shortest(100000, "100000");
  expect_shortest(999999999999999.0, "999999999999999");
  expect_shortest(1e15, "1e+15");
  expect_shortest(-0.0, "-0");
  expect_shortest(INFINITY, "inf");
  expect_shortest(-INFINITY, "-inf");
  expect_shortest(-NAN, "nan");
  const double values[] = { DBL_MAX, DBL_MIN, 5e-324, 0.1 + 0.2, M_PI, -1e-7, 123456789.123456789 };
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    text t = { 0 };
    double v;
    text_shortest(&t, values[i]);
    ck_assert(number_read(t.s, t.n, &v));
    ck_assert_double_eq(v, values[i]);
    text_free(&t);
  }
}
END_TEST

START_TEST(numbers_know_no_locale)
{
  /* Which comma locales there are differs; where there is none, the test holds trivially. */
  static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8",
                                       "ru_RU.UTF-8" };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (setlocale(LC_ALL, names[i])) break;
  text t = { 0 };
  text_number(&t, 1.5, 6);
  text_format(&t, " %.2f %g", 2.25, 0.125);
  ck_assert_str_eq(t.s, "1.5 2.25 0.125");
  text_free(&t);
  double v;
  ck_assert(number_read("1.5", 3, &v) && v == 1.5);
  error e = { 0 };
  fail(&e, ELBO_E_DATA, "%g", 0.5);
  ck_assert_str_eq(e.text, "0.5");
}
END_TEST

START_TEST(decimals_are_read_strictly)
{
  static const struct {
    const char *s;
    double v;
  } good[] = { { "1", 1 },   { "-2.5", -2.5 }, { "1e-3", 1e-3 }, { ".5", .5 },
               { "+7.", 7 }, { "1E+2", 100 },  { "0e-999", 0 },  { "4.9e-324", 5e-324 } };
  static const char *const bad[] = { "",       "-",     ".",   "e5",    "1e", "1e+",   "0x10",
                                     "inf",    "nan",   "1,5", " 1",    "1 ", "1e999", "-1e999",
                                     "1e-999", "1.2.3", "--1", "1_000", "1f" };
  double v;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    ck_assert_msg(number_read(good[i].s, strlen(good[i].s), &v), "%s", good[i].s);
    ck_assert_double_eq(v, good[i].v);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_msg(!number_read(bad[i], strlen(bad[i]), &v), "%s", bad[i]);
  ck_assert(number_read("12345", 2, &v) && v == 12);
  char *digits = malloc(5000);
  memset(digits, '1', 5000);
  ck_assert(!number_read(digits, 5000, &v));
  free(digits);
}
END_TEST

START_TEST(integers_are_read_to_their_bounds)
{
  int64_t v;
  ck_assert(number_read_int("9223372036854775807", 19, &v) && v == INT64_MAX);
  ck_assert(number_read_int("-9223372036854775808", 20, &v) && v == INT64_MIN);
  ck_assert(number_read_int("+042", 4, &v) && v == 42);
  static const char *const bad[] = { "9223372036854775808",
                                     "-9223372036854775809",
                                     "18446744073709551616",
                                     "",
                                     "+",
                                     "1.0",
                                     "1e3",
                                     "0x1",
                                     " 1" };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_msg(!number_read_int(bad[i], strlen(bad[i]), &v), "%s", bad[i]);
}
END_TEST

START_TEST(utf8_is_told)
{
  static const char *const good[] = {
    "", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"
  };
  static const char *const bad[] = { "\x80",
                                     "\xC0\x80",
                                     "\xC3",
                                     "\xE0\x80\x80",
                                     "\xED\xA0\x80",
                                     "\xF5\x80\x80\x80",
                                     "\xF4\x90\x80\x80",
                                     "\xE2\x82",
                                     "a\xFFz",
                                     "\xF0\x8F\xBF\xBF" };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    ck_assert(utf8_valid(good[i], strlen(good[i])));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert(!utf8_valid(bad[i], strlen(bad[i])));
  ck_assert_uint_eq(utf8_step("\xE2\x82\xAC", 3), 3);
  ck_assert_uint_eq(utf8_step("\xE2\x82\xAC", 2), 0);
  ck_assert_uint_eq(utf8_step("", 0), 0);
}
END_TEST

START_TEST(near_words_are_found)
{
  static const char *const words[] = { "normal", "laplace", "gumbel", "gamma", "bernoulli" };
  ck_assert_str_eq(nearest_word("normla", words, 5), "normal");
  ck_assert_str_eq(nearest_word("NORMAL", words, 5), "normal");
  ck_assert_str_eq(nearest_word("gama", words, 5), "gamma");
  ck_assert_str_eq(nearest_word("bernouli", words, 5), "bernoulli");
  ck_assert_str_eq(nearest_word("gmama", words, 5), "gamma"); /* one swap; as two changes too far */
  static const char *const alike[] = { "size", "sizes", "sized" };
  ck_assert_str_eq(nearest_word("size", alike, 3), "size");
  ck_assert_ptr_null(nearest_word("poisson", words, 5));
  ck_assert_ptr_null(nearest_word("", words, 5));
  char longer[200];
  memset(longer, 'a', 199);
  longer[199] = '\0';
  ck_assert_ptr_null(nearest_word(longer, words, 5));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("base/text");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_test(t, texts_grow);
  tcase_add_test(t, numbers_are_short_and_exact);
  tcase_add_test(t, numbers_know_no_locale);
  tcase_add_test(t, decimals_are_read_strictly);
  tcase_add_test(t, integers_are_read_to_their_bounds);
  tcase_add_test(t, utf8_is_told);
  tcase_add_test(t, near_words_are_found);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
