/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Curves of a metrics file: whole while it is short, thinned but with every peak where it is
 * long. */
#include "infer/curves.h"
#include "base/mem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char path[] = "metrics.jsonl";

static void write_lines(int n, int peak)
{
  FILE *f = fopen(path, "w");
  for (int i = 0; i < n; i++)
    fprintf(f, "{\"step\":%d,\"epoch\":%d,\"objective\":%d,\"elbo\":%d,\"seconds\":%d}\n", i, i,
            i % 2, i == peak ? 1000 : -i, 2 * i);
  fclose(f);
}

static curves *read_again(void)
{
  curves *c;
  error e = { 0 };
  ck_assert_int_eq(curves_read(path, &c, &e), ELBO_DONE);
  return c;
}

START_TEST(short_ones_are_whole)
{
  write_lines(CURVE_BUNDLES, 7);
  curves *c = read_again();
  const curve *v = &c->of[CURVE_TRAIN][CURVE_ELBO];
  ck_assert_uint_eq(v->n, CURVE_BUNDLES);
  for (size_t i = 0; i < v->n; i++) {
    ck_assert_double_eq(v->x[CURVE_STEP][i], (double)i);
    ck_assert_double_eq(v->x[CURVE_SECONDS][i], 2 * (double)i);
    ck_assert_double_eq(v->y[i], i == 7 ? 1000 : -(double)i);
  }
  ck_assert_uint_eq(c->of[CURVE_TEST][CURVE_ELBO].n, 0);
  ck_assert_uint_eq(c->of[CURVE_TRAIN][CURVE_KL].n, 0);
  mem_free(c);
}
END_TEST

START_TEST(long_ones_keep_their_peaks)
{
  static const int lengths[] = { CURVE_BUNDLES + 1, 1000, 50003 };
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
    int n = lengths[k], peaks = 0;
    write_lines(n, n / 3);
    int64_t before = mem_live();
    curves *c = read_again();
    ck_assert_int_eq(mem_live(), before + 1);
    const curve *v = &c->of[CURVE_TRAIN][CURVE_ELBO];
    ck_assert_uint_le(v->n, CURVE_MOST);
    ck_assert_uint_ge(v->n, CURVE_BUNDLES / 2);
    ck_assert_double_eq(v->x[CURVE_STEP][0], 0);
    ck_assert_double_eq(v->x[CURVE_STEP][v->n - 1], n - 1);
    for (size_t i = 0; i < v->n; i++) peaks += v->y[i] == 1000;
    for (size_t i = 1; i < v->n; i++)
      ck_assert_double_gt(v->x[CURVE_STEP][i], v->x[CURVE_STEP][i - 1]);
    ck_assert_int_eq(peaks, 1);
    mem_free(c);
  }
}
END_TEST

/* Logged every 2 steps, 3 or 4 steps an epoch: the mean of an epoch stands at its end, behind the
 * line of the same step where there is one. */
START_TEST(means_of_epochs_are_no_spikes)
{
  static const int steps[] = { 3, 4 };
  for (int k = 0; k < 2; k++) {
    FILE *f = fopen(path, "w");
    for (int i = 1; i <= 12; i++) {
      double epoch = (double)i / steps[k];
      if (i % 2 == 0) fprintf(f, "{\"step\":%d,\"epoch\":%.17g,\"elbo\":%d}\n", i, epoch, i);
      if (i % steps[k]) continue;
      fprintf(f, "{\"step\":%d,\"epoch\":%.17g,\"elbo\":-100}\n", i, epoch);
      fprintf(f, "{\"split\":\"test\",\"step\":%d,\"epoch\":%.17g,\"elbo\":5}\n", i, epoch);
    }
    fclose(f);
    curves *c = read_again();
    const curve *v = &c->of[CURVE_TRAIN][CURVE_ELBO];
    ck_assert_uint_eq(v->n, 6);
    for (size_t i = 0; i < v->n; i++) ck_assert_double_eq(v->y[i], 2 * (double)(i + 1));
    ck_assert_uint_eq(c->of[CURVE_TEST][CURVE_ELBO].n, (size_t)(12 / steps[k]));
    mem_free(c);
  }
}
END_TEST

START_TEST(what_is_no_metrics_is_counted)
{
  FILE *f = fopen(path, "w");
  fputs("[1]\nnull\n{\"split\":\"other\",\"elbo\":1}\n{\"split\":4}\n{\"elbo\":1e400}\n\n", f);
  for (int i = 0; i < 300000; i++) fputc('x', f);
  fputs("\n{\"split\":\"test\",\"epoch\":2,\"elbo\":-3,\"kl\":null,\"kl_weight\":0.5}\n{\"elbo\":5",
        f);
  fclose(f);
  curves *c = read_again();
  ck_assert_uint_eq(c->lines, 8);
  ck_assert_uint_eq(c->strange, 7);
  ck_assert_uint_eq(c->of[CURVE_TEST][CURVE_ELBO].n, 1);
  ck_assert_double_eq(c->of[CURVE_TEST][CURVE_ELBO].y[0], -3);
  ck_assert_uint_eq(c->of[CURVE_TRAIN][CURVE_ELBO].n, 0);
  ck_assert(c->weighted);
  mem_free(c);
}
END_TEST

int main(void)
{
  char folder[] = "/tmp/elbo-curves-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  Suite *s = suite_create("curves");
  TCase *t = tcase_create("curves");
  tcase_add_test(t, short_ones_are_whole);
  tcase_add_test(t, long_ones_keep_their_peaks);
  tcase_add_test(t, means_of_epochs_are_no_spikes);
  tcase_add_test(t, what_is_no_metrics_is_counted);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  unlink(path);
  return chdir("/") || rmdir(folder) || failed;
}
