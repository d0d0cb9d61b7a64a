/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "data/dataset.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static dataset bytes_of(const uint8_t *at, size_t rows, size_t D)
{
  dataset d = { .x = { .type = ARRAY_U8, .rows = rows, .rank = 1, .dims = { D }, .D = D },
                .seed = 7,
                .stream = 3,
                .rows = rows };
  d.x.u8 = mem_new(rows * D, 1, "test", NULL);
  memcpy(d.x.u8, at, rows * D);
  return d;
}

static dataset floats_of(const float *at, size_t rows, size_t D)
{
  dataset d = { .x = { .type = ARRAY_F32, .rows = rows, .rank = 1, .dims = { D }, .D = D },
                .seed = 7,
                .stream = 3,
                .rows = rows };
  d.x.f32 = mem_new(rows * D, sizeof(float), "test", NULL);
  memcpy(d.x.f32, at, rows * D * sizeof(float));
  return d;
}

/* The same numbers stored as floats. */
static dataset as_floats(const dataset *d)
{
  dataset f = *d;
  f.x.type = ARRAY_F32;
  f.x.f32 = mem_new(d->x.rows * d->x.D, sizeof(float), "test", NULL);
  for (size_t i = 0; i < d->x.rows * d->x.D; i++) f.x.f32[i] = d->x.u8[i];
  return f;
}

static void fill(uint8_t *at, size_t n)
{
  for (size_t i = 0; i < n; i++) at[i] = i % 7 == 0 ? 0 : i % 11 == 0 ? 255 : (uint8_t)(i * 37);
}

START_TEST(decodes_scales_clips)
{
  dataset d = bytes_of((uint8_t[]){ 0, 51, 255, 1 }, 2, 2);
  uint32_t index[] = { 1, 0, 1 };
  float out[6];
  d.prepare = (prepare){ .scale = 255, .clip = true, .clip_low = 0.1, .clip_high = 0.9 };
  dataset_rows(&d, index, NULL, 3, 0, out);
  const float want[] = { 0.9f, 0.1f, 0.1f, 0.2f, 0.9f, 0.1f };
  for (int i = 0; i < 6; i++) ck_assert(out[i] == want[i]);
  dataset_free(&d);
}
END_TEST

START_TEST(standardizes)
{
  float x[] = { 100, 1, 5, 2, 3, 5, 4, 5, 5 };
  dataset d = floats_of(x, 3, 3);
  uint32_t index[] = { 0, 1 };
  float out[6];
  d.first = 1, d.rows = 2;
  d.prepare.standardize = true;
  ck_assert_int_eq(dataset_standardize(&d, NULL), ELBO_DONE);
  ck_assert(d.mean[0] == 3 && d.scale[0] == 1 && d.mean[1] == 4 && d.mean[2] == 5 &&
            d.scale[2] == 1);
  dataset_rows(&d, index, NULL, 2, 0, out);
  const float want[] = { -1, -1, 0, 1, 1, 0 };
  for (int i = 0; i < 6; i++) ck_assert(out[i] == want[i]);
  dataset_free(&d);
  d = bytes_of((uint8_t[]){ 0, 255, 2, 255 }, 2, 2);
  d.prepare = (prepare){ .standardize = true, .dequantize = true, .scale = 2 };
  ck_assert_int_eq(dataset_standardize(&d, NULL), ELBO_DONE);
  ck_assert(d.mean[0] == 0.75f && d.scale[0] == 0.5f && d.mean[1] == 127.75f && d.scale[1] == 1);
  dataset_free(&d);
}
END_TEST

START_TEST(binarizes_by_threshold)
{
  dataset d = bytes_of((uint8_t[]){ 0, 127, 128, 255 }, 1, 4);
  float out[4];
  d.prepare = (prepare){ .scale = 255, .binarize = BINARIZE_THRESHOLD };
  dataset_rows(&d, (uint32_t[]){ 0 }, NULL, 1, 0, out);
  ck_assert(out[0] == 0 && out[1] == 0 && out[2] == 1 && out[3] == 1);
  dataset_free(&d);
}
END_TEST

/* A value's share of ones over many visits is the value; 0 and 1 are certain; neighbours do not
   go together. */
START_TEST(draws_with_the_right_chance)
{
  enum { VISITS = 20000, D = 9 };
  static const uint8_t x[D] = { 0, 255, 51, 128, 1, 254, 200, 100, 30 };
  dataset d = bytes_of(x, 1, D);
  double ones[D] = { 0 }, both = 0;
  float out[D];
  d.prepare = (prepare){ .scale = 255, .binarize = BINARIZE_DYNAMIC };
  for (uint32_t v = 0; v < VISITS; v++) {
    dataset_rows(&d, (uint32_t[]){ 0 }, NULL, 1, v, out);
    for (int j = 0; j < D; j++) {
      ck_assert(out[j] == 0 || out[j] == 1);
      ones[j] += out[j];
    }
    both += out[6] * out[7];
  }
  for (int j = 0; j < D; j++) {
    double p = x[j] / 255.0, sd = sqrt(p * (1 - p) / VISITS);
    ck_assert_msg(fabs(ones[j] / VISITS - p) <= 4.5 * sd, "%d: %g", x[j], ones[j] / VISITS);
  }
  double p = 200.0 / 255 * 100 / 255;
  ck_assert(fabs(both / VISITS - p) < 4.5 * sqrt(p * (1 - p) / VISITS));
  dataset_free(&d);
}
END_TEST

START_TEST(static_is_fixed_dynamic_is_not)
{
  enum { D = 785 };
  uint8_t x[2 * D];
  float a[D], b[D], c[D];
  fill(x, sizeof x);
  dataset d = bytes_of(x, 2, D);
  d.prepare = (prepare){ .scale = 255, .binarize = BINARIZE_STATIC };
  dataset_rows(&d, (uint32_t[]){ 1 }, NULL, 1, 1, a);
  dataset_rows(&d, (uint32_t[]){ 1 }, NULL, 1, 2, b);
  ck_assert(memcmp(a, b, sizeof a) == 0);
  d.prepare.binarize = BINARIZE_DYNAMIC;
  dataset_rows(&d, (uint32_t[]){ 1 }, NULL, 1, 1, b);
  dataset_rows(&d, (uint32_t[]){ 1 }, NULL, 1, 2, c);
  ck_assert(memcmp(a, b, sizeof a) != 0 && memcmp(b, c, sizeof a) != 0);
  d.stream = 4;
  dataset_rows(&d, (uint32_t[]){ 1 }, NULL, 1, 1, c);
  ck_assert(memcmp(b, c, sizeof a) != 0);
  dataset_free(&d);
}
END_TEST

/* Bytes or floats, all rows or some, a window or all: the same bits for the same row of the
   file. */
START_TEST(any_road_gives_the_same_bits)
{
  enum { ROWS = 6, D = 43 };
  uint8_t x[ROWS * D];
  fill(x, sizeof x);
  for (int kind = 0; kind < 8; kind++) {
    dataset d = bytes_of(x, ROWS, D);
    d.prepare =
        (prepare){ .scale = 256, .dequantize = kind >= 4, .binarize = (binarize_kind)(kind % 4) };
    dataset f = as_floats(&d);
    float all[ROWS * D], one[D], other[ROWS * D];
    uint32_t index[ROWS] = { 0, 1, 2, 3, 4, 5 };
    dataset_rows(&d, index, NULL, ROWS, 9, all);
    dataset_rows(&f, index, NULL, ROWS, 9, other);
    ck_assert(memcmp(all, other, sizeof all) == 0);
    d.first = 2, d.rows = 4;
    for (uint32_t i = 0; i < 4; i++) {
      dataset_rows(&d, &i, NULL, 1, 9, one);
      ck_assert(memcmp(one, all + (i + 2) * D, sizeof one) == 0);
    }
    dataset_free(&d);
    dataset_free(&f);
  }
}
END_TEST

START_TEST(dequantizes_within_its_cell)
{
  enum { VISITS = 20000, D = 3 };
  static const uint8_t x[D] = { 0, 100, 255 };
  dataset d = bytes_of(x, 1, D);
  d.prepare = (prepare){ .scale = 256, .dequantize = true };
  double sum[D] = { 0 }, squares[D] = { 0 };
  float out[D];
  for (uint32_t v = 0; v < VISITS; v++) {
    dataset_rows(&d, (uint32_t[]){ 0 }, NULL, 1, v, out);
    for (int j = 0; j < D; j++) {
      ck_assert(out[j] >= x[j] / 256.0f && out[j] < (x[j] + 1) / 256.0f);
      double u = out[j] * 256.0 - x[j];
      sum[j] += u;
      squares[j] += u * u;
    }
  }
  for (int j = 0; j < D; j++) {
    ck_assert(fabs(sum[j] / VISITS - 0.5) < 4.5 * sqrt(1 / 12.0 / VISITS));
    ck_assert(fabs(squares[j] / VISITS - 1 / 3.0) < 4.5 * sqrt(4 / 45.0 / VISITS));
  }
  dataset_free(&d);
}
END_TEST

static data_facts facts_of(dataset *d)
{
  data_facts f;
  error e = { 0 };
  ck_assert_msg(dataset_facts(d, &f, &e) == ELBO_DONE, "%s", e.text);
  return f;
}

START_TEST(knows_the_facts)
{
  dataset d = bytes_of((uint8_t[]){ 0, 0, 255, 0, 51, 255 }, 2, 3);
  data_facts f = facts_of(&d);
  ck_assert(f.rows == 2 && f.D == 3 && f.rank == 1 && f.dims[0] == 3);
  ck_assert(f.low == 0 && f.high == 255 && f.integers && !f.binary && f.constant_columns == 2 &&
            f.at_low == 3 && f.at_high == 0);
  d.prepare.scale = 255;
  f = facts_of(&d);
  ck_assert(f.low == 0 && f.high == 1 && !f.integers && f.at_low == 3 && f.at_high == 2 &&
            !f.any_negative);
  d.prepare.binarize = BINARIZE_DYNAMIC;
  f = facts_of(&d);
  ck_assert(f.low == 0 && f.high == 1 && f.integers && f.binary && f.constant_columns == 2 &&
            f.at_low == 4 && f.at_high == 2);
  d.prepare.binarize = BINARIZE_THRESHOLD;
  f = facts_of(&d);
  ck_assert(f.binary && f.constant_columns == 3 && f.at_low == 4 && f.at_high == 2);
  d.prepare = (prepare){ .scale = 256, .dequantize = true };
  f = facts_of(&d);
  ck_assert(f.low == 0 && f.high == 1 && !f.integers && f.constant_columns == 0 && f.at_low == 0 &&
            f.at_high == 0);
  d.prepare = (prepare){ .standardize = true };
  ck_assert_int_eq(dataset_standardize(&d, NULL), ELBO_DONE);
  f = facts_of(&d);
  ck_assert(f.low == -1 && f.high == 1 && f.any_negative && f.first_negative == 1 &&
            f.constant_columns == 2);
  dataset_free(&d);
  float x[] = { 9, 9, 1, 2, 1, -3 };
  d = floats_of(x, 3, 2);
  d.first = 1, d.rows = 2;
  f = facts_of(&d);
  ck_assert(f.low == -3 && f.high == 2 && f.integers && !f.binary && f.constant_columns == 1 &&
            f.any_negative && f.first_negative == 3 && f.at_high == 2);
  dataset_free(&d);
}
END_TEST

START_TEST(refuses_what_is_no_probability)
{
  uint8_t x[] = { 0, 1, 0, 200 };
  dataset d = bytes_of(x, 2, 2);
  data_facts f;
  for (int k = BINARIZE_STATIC; k <= BINARIZE_THRESHOLD; k++) {
    error e = { 0 };
    d.prepare.binarize = (binarize_kind)k;
    ck_assert_int_eq(dataset_facts(&d, &f, &e), ELBO_E_DATA);
    ck_assert_msg(strstr(e.text, binarize_name(d.prepare.binarize)) &&
                      strstr(e.text, "200 at row 1, column 1"),
                  "%s", e.text);
  }
  dataset_free(&d);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
  dataset d = bytes_of((uint8_t[]){ 1, 2, 3, 4 }, 2, 2);
  data_facts f;
  uint64_t n;
  for (n = 1;; n++) {
    error e = { 0 };
    mem_fail_at(n, false);
    elbo_status status = dataset_standardize(&d, &e);
    status = status ? status : dataset_facts(&d, &f, &e);
    mem_fail_at(0, false);
    if (status == ELBO_DONE) break;
    ck_assert_int_eq(status, ELBO_E_MEMORY);
  }
  ck_assert(n > 6);
  dataset_free(&d);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("data/prepare");
  TCase *c = tcase_create("all");
  tcase_add_test(c, decodes_scales_clips);
  tcase_add_test(c, standardizes);
  tcase_add_test(c, binarizes_by_threshold);
  tcase_add_test(c, draws_with_the_right_chance);
  tcase_add_test(c, static_is_fixed_dynamic_is_not);
  tcase_add_test(c, any_road_gives_the_same_bits);
  tcase_add_test(c, dequantizes_within_its_cell);
  tcase_add_test(c, knows_the_facts);
  tcase_add_test(c, refuses_what_is_no_probability);
  tcase_add_test(c, survives_lack_of_memory);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
