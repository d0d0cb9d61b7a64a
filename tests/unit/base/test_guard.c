/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/guard.h"

#include <check.h>
#include <string.h>

static void expect_fault(const void *at, const char *deed, const char *name)
{
  guard_fault f;
  ck_assert_msg(guard_broken(at, &f), "nothing is known of %s", name);
  ck_assert_str_eq(f.operation, "work");
  ck_assert_str_eq(f.deed, deed);
  ck_assert_str_eq(f.name, name);
}

START_TEST(copies_go_in_and_come_back)
{
  static double big[5000], to[5000];
  double x[3] = { 1, 2, 3 }, dx[2] = { 0 };
  error e = { 0 };
  guards *g = guards_new(&e);
  for (int turn = 0; turn < 2; turn++) {
    guard_set *s = guard_take(g, "work");
    const double *in = guard_in(s, "x", turn ? big : x, turn ? sizeof big : sizeof x);
    double *out = guard_out(s, "dx", turn ? to : dx, turn ? sizeof to : sizeof dx);
    ck_assert(in && out && !guard_short(s));
    ck_assert_ptr_null(guard_in(s, "none", NULL, 8));
    ck_assert_ptr_null(guard_out(s, "none", NULL, 8));
    ck_assert(!memcmp(in, turn ? big : x, turn ? sizeof big : sizeof x));
    out[1] = 7;
    guard_give(s);
  }
  ck_assert(dx[1] == 7 && to[1] == 7);
  guards_free(g);
}
END_TEST

/* The output alone can be written; the first byte behind either is a fault, and so is one before
 * the first page. */
START_TEST(a_fault_has_words)
{
  double x[3] = { 1, 2, 3 }, dx[2] = { 0 };
  error e = { 0 };
  guards *g = guards_new(&e);
  guard_set *s = guard_take(g, "work");
  const double *in = guard_in(s, "x", x, sizeof x);
  double *out = guard_out(s, "dx", dx, sizeof dx);
  expect_fault(in, "wrote into its input", "x");
  expect_fault(in + 3, "reached past the end of its input", "x");
  expect_fault(out + 2, "wrote past the end of its output", "dx");
  expect_fault(in + 3 - 4096 / sizeof *in - 1, "reached before the start of", "x");
  guard_fault f;
  ck_assert(!guard_broken(&x, &f));
  /* a call within the call: its own memory, then that of the call around it again */
  guard_set *inner = guard_take(g, "inner");
  ck_assert(!guard_broken(in, &f));
  guard_give(inner);
  expect_fault(in, "wrote into its input", "x");
  guard_give(s);
  ck_assert(!guard_broken(in, &f));
  guards_free(g);
}
END_TEST

static void write_beside(int which)
{
  guarded g;
  ck_assert(guarded_new(&g, 24, (guard_kind){ .before = which == 1, .read_only = which == 2 }));
  volatile char *at = g.at;
  ((char *)g.host)[0] = 5;
  ck_assert(at[0] == 5);
  at[which == 0 ? 24 : which == 1 ? -1 : 0] = 1;
}

/* after the last, before the first, into what is read */
START_TEST(beside_is_a_fault)
{
  write_beside(_i);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("base/guard");
  TCase *c = tcase_create("guard");
  tcase_add_test(c, copies_go_in_and_come_back);
  tcase_add_test(c, a_fault_has_words);
#if !defined(__SANITIZE_ADDRESS__) /* whose own report ends the test */
  tcase_add_loop_test_raise_signal(c, beside_is_a_fault, 11, 0, 3);
#endif
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed > 0;
}
