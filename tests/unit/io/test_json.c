/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/json.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

START_TEST(written_text_is_compact)
{
  text t = { 0 };
  json_out j;
  json_begin(&j, &t);
  json_open(&j, NULL, '{');
  json_string(&j, "s", "a\"b\\c\n\x01\xFF\xC3\xA9");
  json_string(&j, "none", NULL);
  json_open(&j, "list", '[');
  json_int(&j, NULL, INT64_MIN);
  json_number(&j, NULL, 0.1);
  json_open(&j, NULL, '{');
  json_close(&j, '}');
  json_number(&j, NULL, NAN);
  json_float(&j, NULL, 1.0 / 3, 4);
  json_float(&j, NULL, -INFINITY, 4);
  json_close(&j, ']');
  json_bool(&j, "yes", true);
  json_null(&j, "no");
  json_close(&j, '}');
  ck_assert_str_eq(t.s, "{\"s\":\"a\\\"b\\\\c\\u000a\\u0001\xEF\xBF\xBD\xC3\xA9\",\"none\":null,"
                        "\"list\":[-9223372036854775808,0.1,{},null,"
                        "0.3333,null],\"yes\":true,\"no\":null}");
  text_free(&t);
}
END_TEST

START_TEST(too_deep_a_writer_fails)
{
  text t = { 0 };
  json_out j;
  json_begin(&j, &t);
  for (int i = 0; i < 32; i++) json_open(&j, NULL, '[');
  ck_assert(!t.failed);
  json_open(&j, NULL, '[');
  ck_assert(t.failed);
  text_free(&t);
}
END_TEST

START_TEST(values_are_read)
{
  static const char s[] = "{\"z\": 1, \"a\": [1.5, true, null, \"x\"], \"m\": {}}";
  char why[200];
  json_value *v = json_read(s, sizeof s - 1, why, sizeof why);
  ck_assert_msg(v != NULL, "%s", why);
  ck_assert_int_eq(json_kind_of(v), JSON_OBJECT);
  ck_assert_uint_eq(json_length(v), 3);
  const char *key = json_key_after(v, NULL);
  ck_assert_str_eq(key, "z");
  ck_assert_str_eq(key = json_key_after(v, key), "a");
  ck_assert_str_eq(key = json_key_after(v, key), "m");
  ck_assert_ptr_null(json_key_after(v, key));
  ck_assert_ptr_null(json_get(v, "nope"));
  ck_assert(isnan(json_number_of(NULL)) && isnan(json_number_of(v)));
  ck_assert_int_eq(json_as_int(json_get(v, "z")), 1);
  ck_assert_double_eq(json_number_of(json_get(v, "z")), 1);
  const json_value *a = json_get(v, "a");
  ck_assert_uint_eq(json_length(a), 4);
  ck_assert_double_eq(json_number_of(json_item(a, 0)), 1.5);
  ck_assert_int_eq(json_kind_of(json_item(a, 1)), JSON_BOOL);
  ck_assert_int_eq(json_as_int(json_item(a, 1)), 1);
  ck_assert_int_eq(json_kind_of(json_item(a, 2)), JSON_NULL);
  ck_assert_str_eq(json_text(json_item(a, 3)), "x");
  ck_assert_uint_eq(json_length(json_get(v, "m")), 0);
  json_free(v);
}
END_TEST

static char *repeat(const char *s, size_t times, const char *end)
{
  size_t n = strlen(s);
  char *all = malloc(n * times + strlen(end) + 1);
  for (size_t i = 0; i < times; i++) memcpy(all + i * n, s, n);
  strcpy(all + n * times, end);
  return all;
}

START_TEST(bad_text_is_refused)
{
  static const char *const bad[] = {
    "",    "{",           "{\"a\":1,\"a\":2}", "[1,]",
    "1 2", "\"\\u0000\"", "[1e999]",           "[18446744073709551616]",
    "nan", "{a:1}",       "\"\xFF\"",          "'a'"
  };
  char why[200];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    why[0] = '\0';
    ck_assert_msg(!json_read(bad[i], strlen(bad[i]), why, sizeof why), "%s", bad[i]);
    ck_assert_int_gt(strlen(why), 0);
  }
  char *deep = repeat("[", 100000, ""), *many = repeat("[],", 100000, "");
  ck_assert_ptr_null(json_read(deep, strlen(deep), why, sizeof why));
  ck_assert_ptr_nonnull(strstr(why, "levels"));
  ck_assert_ptr_null(json_read(many, strlen(many), why, sizeof why));
  ck_assert_ptr_nonnull(strstr(why, "values"));
  free(deep);
  free(many);
  char *nested =
      repeat("[", 64, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
  json_value *v = json_read(nested, strlen(nested), why, sizeof why);
  ck_assert_msg(v != NULL, "%s", why);
  json_free(v);
  free(nested);
}
END_TEST

START_TEST(numbers_round_trip)
{
  const double values[] = { 0.1, 1e-300, -1.7976931348623157e308, 1e15, 123456.789, 5e-324 };
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    text t = { 0 };
    json_out j;
    json_begin(&j, &t);
    json_number(&j, NULL, values[i]);
    char why[200];
    json_value *v = json_read(t.s, t.n, why, sizeof why);
    ck_assert_msg(v != NULL, "%s: %s", t.s, why);
    ck_assert_double_eq(json_number_of(v), values[i]);
    json_free(v);
    text_free(&t);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("io/json");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_test(t, written_text_is_compact);
  tcase_add_test(t, too_deep_a_writer_fails);
  tcase_add_test(t, values_are_read);
  tcase_add_test(t, bad_text_is_refused);
  tcase_add_test(t, numbers_round_trip);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
