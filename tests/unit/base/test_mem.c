/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

START_TEST(sizes_do_not_wrap)
{
  size_t bytes;
  ck_assert(mem_size(3, 5, &bytes) && bytes == 15);
  ck_assert(!mem_size(SIZE_MAX / 2, 3, &bytes));
  ck_assert(!mem_size(SIZE_MAX, 1, &bytes));
  error e = { 0 };
  ck_assert_ptr_null(mem_new(SIZE_MAX / 4, 8, "rows", &e));
  ck_assert_int_eq(e.status, ELBO_E_MEMORY);
  ck_assert_ptr_nonnull(strstr(e.text, "rows"));
  ck_assert_ptr_null(mem_new_aligned(SIZE_MAX / 2, 1, "rows", NULL));
}
END_TEST

START_TEST(arrays_are_zeroed_and_aligned)
{
  for (size_t n = 0; n < 200; n += 33) {
    unsigned char *a = mem_new_aligned(n, 1, "a", NULL), *b = mem_new(n, 1, "b", NULL);
    ck_assert(a && b && (uintptr_t)a % 64 == 0);
    for (size_t i = 0; i < (n + 63) / 64 * 64; i++) ck_assert_int_eq(a[i], 0);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(b[i], 0);
    mem_free(a);
    mem_free(b);
  }
}
END_TEST

START_TEST(growing_keeps_and_zeroes)
{
  int *list = NULL;
  size_t room = 0;
  for (int i = 0; i < 1000; i++) {
    ck_assert_int_eq(mem_grow(&list, &room, (size_t)i + 1, sizeof *list, "list", NULL), ELBO_DONE);
    ck_assert_int_eq(list[i], 0);
    list[i] = i;
  }
  for (int i = 0; i < 1000; i++) ck_assert_int_eq(list[i], i);
  for (size_t i = 1000; i < room; i++) ck_assert_int_eq(list[i], 0);
  size_t before = room;
  ck_assert_int_eq(mem_grow(&list, &room, SIZE_MAX, sizeof *list, "list", NULL), ELBO_E_MEMORY);
  ck_assert(room == before && list[999] == 999);
  mem_free(list);
}
END_TEST

START_TEST(faults_come_when_ordered)
{
  uint64_t before = mem_count();
  mem_fail_at(2, false);
  for (int i = 1; i <= 3; i++) {
    error e = { 0 };
    void *p = mem_new(1, 8, "thing", &e);
    ck_assert_int_eq(p == NULL, i == 2);
    ck_assert_int_eq(e.status, i == 2 ? ELBO_E_MEMORY : ELBO_DONE);
    mem_free(p);
  }
  ck_assert_uint_eq(mem_count() - before, 2);
  mem_fail_at(1, true);
  ck_assert_ptr_null(mem_new(1, 8, "thing", NULL));
  ck_assert_ptr_null(mem_copy_string("thing", NULL));
  mem_fail_at(0, false);
}
END_TEST

START_TEST(arenas_hold_many_things)
{
  arena *a = arena_new(NULL);
  char *first = arena_string(a, "first", NULL);
  for (size_t n = 0; n < 40000; n += 97) {
    unsigned char *p = arena_get(a, n, 1, NULL);
    ck_assert(p && (uintptr_t)p % 16 == 0);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) used += p[i] != 0;
    ck_assert_uint_eq(used, 0);
    memset(p, 0xAA, n);
  }
  ck_assert_str_eq(first, "first");
  ck_assert_str_eq(arena_format(a, NULL, "%d-%s", 7, "x"), "7-x");
  error e = { 0 };
  ck_assert_ptr_null(arena_get(a, SIZE_MAX / 2, 4, &e));
  ck_assert_int_eq(e.status, ELBO_E_MEMORY);
  mem_fail_at(1, true);
  ck_assert_ptr_null(arena_get(a, 100000, 1, NULL));
  mem_fail_at(0, false);
  arena_free(a);
  arena_free(NULL);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("base/mem");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_test(t, sizes_do_not_wrap);
  tcase_add_test(t, arrays_are_zeroed_and_aligned);
  tcase_add_test(t, growing_keeps_and_zeroes);
  tcase_add_test(t, faults_come_when_ordered);
  tcase_add_test(t, arenas_hold_many_things);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
