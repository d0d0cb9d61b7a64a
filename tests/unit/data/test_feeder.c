/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rows that stay in their files: the numbers of memory, an order that is a permutation and a
 * function of the epoch, and files that change underneath. */
#include "base/mem.h"
#include "data/feeder.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 1013, D = 23, BUFFER = 200, BATCH = 60 };
static char path[] = "/tmp/elbo-feeder-XXXXXX";

static void put_file(const char *header, size_t head, const void *at, size_t n)
{
  memcpy(path + sizeof path - 7, "XXXXXX", 6);
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, header, head), (ssize_t)head);
  ck_assert_int_eq(write(fd, at, n), (ssize_t)n);
  close(fd);
}

/* ROWS x D numbers of a type of npy, each a whole number from 0 to 250. */
static void put_npy(const char *descr)
{
  static uint8_t body[ROWS * D * 8];
  char header[128];
  size_t bytes = (size_t)(descr[2] - '0');
  memset(body, 0, sizeof body);
  for (size_t i = 0; i < ROWS * D; i++) {
    uint8_t v = (uint8_t)(i % 7 == 0 ? 0 : (i * 37 + i / 23 * 5) % 251), *to = body + i * bytes;
    float f = v;
    double g = v;
    if (descr[1] == 'f') {
      memcpy(to, bytes == 4 ? (void *)&f : (void *)&g, bytes);
    } else {
      to[0] = v;
    }
    for (size_t k = 0; descr[0] == '>' && k < bytes / 2; k++) {
      uint8_t t = to[k];
      to[k] = to[bytes - 1 - k], to[bytes - 1 - k] = t;
    }
  }
  int n = snprintf(header, sizeof header,
                   "\x93NUMPY\x01%c%c%c{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), "
                   "}\n",
                   0, 90, 0, descr, ROWS, D);
  header[8] = (char)(n - 10);
  put_file(header, (size_t)n, body, ROWS * D * bytes);
}

static dataset in_memory(const prepare *p)
{
  error e = { 0 };
  dataset d = { .prepare = *p, .seed = 7, .stream = 3, .rows = ROWS };
  ck_assert_msg(!array_read(path, 0, &d.x, &e), "%s", e.text);
  ck_assert_ptr_null(d.x.file);
  return d;
}

static dataset in_file(const prepare *p)
{
  error e = { 0 };
  dataset d = { .prepare = *p, .seed = 7, .stream = 3, .rows = ROWS };
  ck_assert_msg(!array_open(path, 0, &d.x, &e), "%s", e.text);
  ck_assert_ptr_nonnull(d.x.file);
  ck_assert_ptr_null(d.x.at);
  return d;
}

static const char *const types[] = { "|u1", "<f4", ">f4", "<f8", ">f8", "<i2", ">i4" };
enum { TYPES = sizeof types / sizeof *types };
static const prepare preparations[] = {
  { 0 },
  { .scale = 255, .binarize = BINARIZE_DYNAMIC },
  { .scale = 255, .binarize = BINARIZE_STATIC },
  { .dequantize = true, .scale = 256, .clip = true, .clip_low = 0.1, .clip_high = 0.9 },
  { .standardize = true },
  { .dequantize = true, .scale = 3, .standardize = true },
};
enum { PREPARATIONS = sizeof preparations / sizeof *preparations };

static void ready(dataset *d, data_facts *f)
{
  error e = { 0 };
  if (d->prepare.standardize) ck_assert_msg(!dataset_standardize(d, &e), "%s", e.text);
  ck_assert_msg(!dataset_facts(d, f, &e), "%s", e.text);
}

START_TEST(a_file_gives_the_numbers_of_memory)
{
  const prepare *p = &preparations[_i % PREPARATIONS];
  put_npy(types[_i / PREPARATIONS]);
  dataset a = in_memory(p), b = in_file(p);
  data_facts f, g;
  memset(&f, 0, sizeof f), memset(&g, 0, sizeof g);
  ready(&a, &f), ready(&b, &g);
  ck_assert_mem_eq(&f, &g, sizeof f);
  if (p->standardize) {
    ck_assert_mem_eq(a.mean, b.mean, D * sizeof *a.mean);
    ck_assert_mem_eq(a.scale, b.scale, D * sizeof *a.scale);
  }
  uint32_t index[] = { 5, 6, 7, ROWS - 101, 0, 512, 511 };
  a.first = b.first = 100, a.rows = b.rows = ROWS - 100; /* as held-out rows are */
  enum { N = sizeof index / sizeof *index };
  static float raw[N * D], x[N * D], y[N * D];
  const void *at[N];
  error e = { 0 };
  ck_assert_msg(!dataset_fetch(&b, index, N, raw, at, &e), "%s", e.text);
  dataset_rows(&a, index, NULL, N, 4, x);
  dataset_rows(&b, index, at, N, 4, y);
  ck_assert_mem_eq(x, y, sizeof x);
  dataset_free(&a), dataset_free(&b);
  unlink(path);
}
END_TEST

/* ---- the order */
typedef struct taken {
  uint32_t row[ROWS];
  float values[ROWS * D];
} taken;

static feeder *feed(const dataset *d)
{
  error e = { 0 };
  feeder *f;
  const dataset *sets[] = { d, d };
  row_order o = row_order_make(9, d->rows, BUFFER, 2 * array_row_bytes(&d->x));
  ck_assert_uint_gt(row_order_groups(&o), 5);
  ck_assert_uint_gt(o.block, 1);
  ck_assert_msg(!feeder_new(sets, 2, &o, &f, &e), "%s", e.text);
  return f;
}

static void take(feeder *f, const dataset *d, uint64_t epoch, size_t from, taken *t)
{
  error e = { 0 };
  const void *first[BATCH], *second[BATCH], **const at[] = { first, second };
  for (; from < d->rows; from += BATCH) {
    size_t n = d->rows - from < BATCH ? d->rows - from : BATCH;
    ck_assert_msg(!feeder_take(f, epoch, from, n, t->row + from, at, &e), "%s", e.text);
    dataset_rows(d, t->row + from, first, n, (uint32_t)epoch, t->values + from * D);
    for (size_t i = 0; i < n; i++) ck_assert_mem_eq(first[i], second[i], array_row_bytes(&d->x));
  }
}

START_TEST(an_epoch_is_a_permutation_of_the_rows)
{
  static taken t[2];
  static float x[ROWS * D];
  put_npy(types[_i]);
  prepare p = { .scale = 255, .binarize = BINARIZE_DYNAMIC };
  dataset a = in_memory(&p), b = in_file(&p);
  feeder *f = feed(&b);
  size_t as_before = 0;
  for (uint64_t epoch = 0; epoch < 2; epoch++) {
    bool seen[ROWS] = { 0 };
    take(f, &b, epoch, 0, &t[epoch]);
    for (size_t i = 0; i < ROWS; i++) {
      ck_assert_uint_lt(t[epoch].row[i], ROWS);
      ck_assert(!seen[t[epoch].row[i]]);
      seen[t[epoch].row[i]] = true;
    }
    dataset_rows(&a, t[epoch].row, NULL, ROWS, (uint32_t)epoch, x);
    ck_assert_mem_eq(x, t[epoch].values, sizeof x);
  }
  for (size_t i = 0; i < ROWS; i++) as_before += t[0].row[i] == t[1].row[i];
  ck_assert_uint_lt(as_before, 15);
  feeder_free(f);
  dataset_free(&a), dataset_free(&b);
  unlink(path);
}
END_TEST

/* Begun in mid-epoch, as resuming does, and then somewhere else again. */
START_TEST(the_order_needs_no_history)
{
  static taken whole, part;
  put_npy("|u1");
  prepare p = { 0 };
  dataset d = in_file(&p);
  feeder *f = feed(&d), *g = feed(&d);
  for (uint64_t epoch = 0; epoch < 4; epoch++) take(f, &d, epoch, 0, &whole);
  for (size_t from = 8 * BATCH;; from -= 4 * BATCH) {
    memset(&part, 0, sizeof part);
    take(g, &d, 3, from, &part);
    ck_assert_mem_eq(part.row + from, whole.row + from, (ROWS - from) * sizeof *part.row);
    if (from == 0) break;
  }
  feeder_free(f), feeder_free(g);
  dataset_free(&d);
  unlink(path);
}
END_TEST

/* Neighbours in the file end up far from each other. */
START_TEST(rows_are_mixed)
{
  static taken t;
  put_npy("|u1");
  prepare p = { 0 };
  dataset d = in_file(&p);
  feeder *f = feed(&d);
  double first = 0, neighbours = 0;
  for (uint64_t epoch = 0; epoch < 40; epoch++) {
    take(f, &d, epoch, 0, &t);
    for (size_t i = 0; i < BATCH; i++) first += t.row[i];
    for (size_t i = 1; i < ROWS; i++) neighbours += t.row[i] == t.row[i - 1] + 1;
  }
  /* The first batch of an epoch holds rows from everywhere: mean 506, its standard error over the
     blocks (of 3 rows) 292 / sqrt(40 * 20) = 10. */
  ck_assert_double_lt(fabs(first / (40 * BATCH) - 506), 50);
  ck_assert_double_lt(neighbours / 40, 20);
  feeder_free(f);
  dataset_free(&d);
  unlink(path);
}
END_TEST

/* Blocks (of 3 rows) begin at other rows in each epoch. */
START_TEST(blocks_hold_other_rows_each_epoch)
{
  static taken t;
  put_npy("|u1");
  prepare p = { 0 };
  dataset d = in_file(&p);
  feeder *f = feed(&d);
  size_t begins[3] = { 0 };
  for (uint64_t epoch = 0; epoch < 20; epoch++) {
    bool in_group[ROWS + 1] = { 0 };
    take(f, &d, epoch, 0, &t);
    for (size_t i = 0; i < 102; i++) in_group[t.row[i] + 1] = true;
    for (size_t row = 0; row < ROWS; row++) begins[row % 3] += in_group[row + 1] && !in_group[row];
  }
  for (int k = 0; k < 3; k++) ck_assert_uint_gt(begins[k], 30);
  feeder_free(f);
  dataset_free(&d);
  unlink(path);
}
END_TEST

/* ---- files that change underneath */
START_TEST(a_file_that_shrinks_is_refused)
{
  put_npy("|u1");
  prepare p = { 0 };
  dataset d = in_file(&p);
  data_facts facts;
  error e = { 0 };
  feeder *f = feed(&d);
  uint32_t index[BATCH];
  const void *first[BATCH], *second[BATCH], **const at[] = { first, second };
  ck_assert_int_eq(truncate(path, 128 + 300 * D), 0);
  elbo_status status = ELBO_DONE;
  for (size_t from = 0; from < ROWS - BATCH && !status; from += BATCH)
    status = feeder_take(f, 0, from, BATCH, index, at, &e);
  ck_assert_int_eq(status, ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, "shrank") && strstr(e.text, path), "%s", e.text);
  e = (error){ 0 };
  ck_assert_int_eq(dataset_facts(&d, &facts, &e), ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, "now it ends at byte 7028"), "%s", e.text);
  /* Put back, it goes on. */
  ck_assert_int_eq(truncate(path, 128 + ROWS * D), 0);
  e = (error){ 0 };
  ck_assert_int_eq(feeder_take(f, 1, 0, BATCH, index, at, &e), ELBO_DONE);
  feeder_free(f);
  dataset_free(&d);
  unlink(path);
}
END_TEST

START_TEST(what_is_not_finite_is_found_in_a_file)
{
  put_npy("<f4");
  FILE *f = fopen(path, "r+");
  float bad = INFINITY;
  for (size_t i = 700; i <= 900; i += 100) {
    fseek(f, -(long)(ROWS * D * sizeof bad) + (long)((i * D + 4) * sizeof bad), SEEK_END);
    fwrite(&bad, sizeof bad, 1, f);
  }
  fclose(f);
  prepare p = { 0 };
  dataset d = in_file(&p);
  data_facts facts;
  error e = { 0 };
  ck_assert_int_eq(dataset_facts(&d, &facts, &e), ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, "3 of 23299 values") && strstr(e.text, "row 700, column 4"), "%s",
                e.text);
  dataset_free(&d);
  unlink(path);
}
END_TEST

/* Passes go by parts of a megabyte; what they find has its place in the whole. */
START_TEST(places_count_from_the_first_part)
{
  enum { MANY = 700001, BAD = 612345 };
  char header[] = "\x93NUMPY\x01\x00\x36\x00{'descr': '<f4', 'fortran_order': False, 'shape': "
                  "(700001,)}";
  float *x = mem_new(MANY, sizeof *x, "", NULL);
  prepare p = { 0 };
  data_facts f;
  data_stray at;
  bool found;
  error e = { 0 };
  for (size_t i = 0; i < MANY; i++) x[i] = (float)(i % 2);
  x[BAD] = -0.5f;
  header[8] = (char)(sizeof header - 1 - 10);
  put_file(header, sizeof header - 1, x, MANY * sizeof *x);
  dataset d = in_file(&p);
  d.rows = MANY;
  ck_assert_msg(!dataset_facts(&d, &f, &e), "%s", e.text);
  ck_assert(f.any_negative);
  ck_assert_uint_eq(f.first_negative, BAD);
  ck_assert_msg(!dataset_strays(&d, 2, &found, &at, &e), "%s", e.text);
  ck_assert(found);
  ck_assert_uint_eq(at.row, BAD);
  ck_assert_int_eq(at.fitting, 3);
  mem_free(x);
  dataset_free(&d);
  unlink(path);
}
END_TEST

START_TEST(what_cannot_stay_in_its_file_says_so)
{
  array a;
  error e = { 0 };
  put_file("1,2\n3,4\n", 8, "", 0);
  ck_assert_msg(!array_open(path, 0, &a, &e), "%s", e.text);
  ck_assert_int_eq(a.kind, KIND_CSV);
  ck_assert_ptr_null(a.file);
  ck_assert_ptr_null(a.at);
  unlink(path);
  put_npy("|u1");
  ck_assert_int_eq(truncate(path, 1000), 0);
  ck_assert_int_eq(array_open(path, 0, &a, &e), ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, "cut short"), "%s", e.text);
  unlink(path);
}
END_TEST

/* ---- */
static Suite *suite(void)
{
  Suite *s = suite_create("feeder");
  TCase *t = tcase_create("feeder");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, a_file_gives_the_numbers_of_memory, 0, TYPES * PREPARATIONS);
  tcase_add_loop_test(t, an_epoch_is_a_permutation_of_the_rows, 0, TYPES);
  tcase_add_test(t, the_order_needs_no_history);
  tcase_add_test(t, rows_are_mixed);
  tcase_add_test(t, blocks_hold_other_rows_each_epoch);
  tcase_add_test(t, places_count_from_the_first_part);
  tcase_add_test(t, a_file_that_shrinks_is_refused);
  tcase_add_test(t, what_is_not_finite_is_found_in_a_file);
  tcase_add_test(t, what_cannot_stay_in_its_file_says_so);
  suite_add_tcase(s, t);
  return s;
}

int main(void)
{
  SRunner *r = srunner_create(suite());
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
