/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The real sets under DATA_DIR (build option data_dir): shapes, means of the pixels / 255, ranges.
 * Skipped, saying so, without them. */
#include "base/file.h"
#include "data/dataset.h"
#include <check.h>
#include <math.h>
#include <stdio.h>

#ifndef DATA_DIR
#define DATA_DIR ""
#endif

static const struct {
  const char *file;
  size_t rows;
  int rank;
  size_t height, width;
  double mean; /* of values / 255, to 5e-5; 0: not known */
  double low, high;
} sets[] = {
  { "mnist/train-images-idx3-ubyte.gz", 60000, 2, 28, 28, 0.1307, 0, 255 },
  { "mnist/train-labels-idx1-ubyte.gz", 60000, 0, 0, 0, 0, 0, 9 },
  { "mnist/t10k-images-idx3-ubyte.gz", 10000, 2, 28, 28, 0.1325, 0, 255 },
  { "mnist/t10k-labels-idx1-ubyte.gz", 10000, 0, 0, 0, 0, 0, 9 },
  { "fashion-mnist/train-images-idx3-ubyte.gz", 60000, 2, 28, 28, 0.2860, 0, 255 },
  { "fashion-mnist/t10k-images-idx3-ubyte.gz", 10000, 2, 28, 28, 0.2868, 0, 255 },
  { "frey-face/frey_faces.npy", 1965, 2, 28, 20, 0.6057, 8, 238 },
};
enum { SETS = sizeof sets / sizeof *sets };

START_TEST(reads_real_sets)
{
  char path[4096];
  dataset d = { 0 };
  data_facts f;
  error e = { 0 };
  snprintf(path, sizeof path, "%s/%s", DATA_DIR, sets[_i].file);
  ck_assert_msg(array_read(path, 0, &d.x, &e) == ELBO_DONE, "%s", e.text);
  ck_assert(d.x.type == ARRAY_U8 && d.x.rows == sets[_i].rows && d.x.rank == sets[_i].rank);
  ck_assert(d.x.dims[0] == sets[_i].height && d.x.dims[1] == sets[_i].width);
  double sum = 0;
  for (size_t i = 0; i < d.x.rows * d.x.D; i++) sum += d.x.u8[i];
  double mean = sum / 255 / (double)(d.x.rows * d.x.D);
  ck_assert_msg(sets[_i].mean == 0 || fabs(mean - sets[_i].mean) <= 5e-5, "mean %.5f", mean);
  d.rows = d.x.rows;
  ck_assert_int_eq(dataset_facts(&d, &f, &e), ELBO_DONE);
  ck_assert(f.low == sets[_i].low && f.high == sets[_i].high && f.integers);
  dataset_free(&d);
}
END_TEST

START_TEST(limit_reads_the_first_rows)
{
  array all, some;
  error e = { 0 };
  const char *path = DATA_DIR "/mnist/t10k-images-idx3-ubyte.gz";
  ck_assert_int_eq(array_read(path, 0, &all, &e), ELBO_DONE);
  ck_assert_int_eq(array_read(path, 123, &some, &e), ELBO_DONE);
  ck_assert_uint_eq(some.rows, 123);
  ck_assert_mem_eq(some.u8, all.u8, 123 * 784);
  array_free(&all);
  array_free(&some);
}
END_TEST

int main(void)
{
  if (!file_exists(DATA_DIR "/mnist/t10k-images-idx3-ubyte.gz")) {
    printf("skipped: no real sets under \"%s\" (build option data_dir)\n", DATA_DIR);
    return 77;
  }
  Suite *s = suite_create("data/real");
  TCase *c = tcase_create("all");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, reads_real_sets, 0, SETS);
  tcase_add_test(c, limit_reads_the_first_rows);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
