/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool under stress: tiny jobs, more threads than cores, workers asleep and awake. */
#include "graph/pool.h"
#include "base/mem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PARTS = 16, JOBS = 100000, MOST_THREADS = 8 };

typedef struct job {
  long done[PARTS]; /* written by the thread of the part alone: a barrier that leaks shows as a
                       count that is short */
  int parts;
} job;

static void count(void *arg, int part, int parts)
{
  job *j = arg;
  if (parts == j->parts) j->done[part]++;
}

START_TEST(tiny_jobs)
{
  error e = { 0 };
  pool *p = pool_new(_i, &e);
  ck_assert_msg(p != NULL, "%s", e.text);
  ck_assert_int_eq(pool_threads(p), _i);
  job j = { { 0 }, 0 };
  long want[PARTS] = { 0 };
  for (int n = 0; n < JOBS / MOST_THREADS; n++) {
    j.parts = 1 + n % PARTS;
    for (int i = 0; i < j.parts; i++) want[i]++;
    pool_run(p, count, &j, j.parts);
    for (int i = 0; i < j.parts; i++)
      ck_assert_msg(j.done[i] == want[i], "job %d: part %d ran %ld times, not %ld", n, i, j.done[i],
                    want[i]);
  }
  pool_free(p);
}
END_TEST

START_TEST(jobs_after_sleep)
{
  error e = { 0 };
  pool *p = pool_new(3, &e);
  job j = { { 0 }, PARTS };
  for (int n = 0; n < 20; n++) {
    usleep(3000); /* long after a worker has stopped spinning */
    pool_run(p, count, &j, PARTS);
    for (int i = 0; i < PARTS; i++) ck_assert(j.done[i] == n + 1);
  }
  pool_free(p);
}
END_TEST

START_TEST(made_and_freed)
{
  for (int n = 0; n < 100; n++) {
    error e = { 0 };
    pool *p = pool_new(1 + n % MOST_THREADS, &e);
    job j = { { 0 }, 2 };
    if (n % 2) pool_run(p, count, &j, 2);
    pool_free(p);
  }
  pool_free(NULL);
}
END_TEST

START_TEST(counts_are_refused)
{
  error e = { 0 };
  ck_assert(!pool_new(0, &e) && e.status == ELBO_E_USAGE &&
            strstr(e.text, "threads: 0 is not between 1 and 1024"));
  error many = { 0 };
  ck_assert(!pool_new(1025, &many) && many.status == ELBO_E_USAGE);
  ck_assert_int_ge(cpu_count(), 1);
}
END_TEST

START_TEST(memory_runs_out)
{
  for (uint64_t n = 1; n <= 2; n++) {
    error e = { 0 };
    mem_fail_at(n, false);
    ck_assert(!pool_new(2, &e) && e.status == ELBO_E_MEMORY);
    mem_fail_at(0, false);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("graph/pool");
  TCase *t = tcase_create("pool");
  tcase_set_timeout(t, 100);
  tcase_add_loop_test(t, tiny_jobs, 1, MOST_THREADS + 1);
  tcase_add_test(t, jobs_after_sleep);
  tcase_add_test(t, made_and_freed);
  tcase_add_test(t, counts_are_refused);
  tcase_add_test(t, memory_runs_out);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
