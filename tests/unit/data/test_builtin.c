/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "base/zip.h"
#include "data/dataset.h"
#include "data/made.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void make(const char *name, uint64_t seed, int split, size_t rows, array *x, array *labels)
{
  error e = { 0 };
  ck_assert_msg(builtin_make(name, seed, split, rows, x, labels, &e) == ELBO_DONE, "%s", e.text);
}

START_TEST(rows_depend_on_seed_and_number_alone)
{
  static const char *const names[] = { "digits", "linear_gaussian", "pinwheel" };
  for (int i = 0; i < 3; i++) {
    array longer, shorter, other, test;
    make(names[i], 1, 0, 50, &longer, NULL);
    make(names[i], 1, 0, 20, &shorter, NULL);
    make(names[i], 2, 0, 20, &other, NULL);
    make(names[i], 1, 1, 20, &test, NULL);
    size_t n = 20 * shorter.D * (shorter.type == ARRAY_U8 ? 1 : sizeof(float));
    ck_assert(memcmp(longer.at, shorter.at, n) == 0);
    ck_assert(memcmp(shorter.at, other.at, n) != 0 && memcmp(shorter.at, test.at, n) != 0);
    array_free(&longer), array_free(&shorter), array_free(&other), array_free(&test);
  }
}
END_TEST

START_TEST(digits_are_inked_and_balanced)
{
  enum { N = 5000 };
  array x, y;
  int count[10] = { 0 };
  double sum = 0;
  make("digits", 1, 0, N, &x, &y);
  ck_assert(x.kind == KIND_BUILTIN && x.type == ARRAY_U8 && x.rank == 2 && x.dims[0] == 28 &&
            x.dims[1] == 28 && x.D == 784);
  ck_assert(y.type == ARRAY_U8 && y.rank == 0 && y.D == 1 && y.rows == N);
  for (int i = 0; i < N; i++) {
    double row = 0, border = 0;
    for (int j = 0; j < 784; j++) {
      row += x.u8[784 * i + j];
      border += j < 28 || j >= 756 || j % 28 == 0 || j % 28 == 27 ? x.u8[784 * i + j] : 0;
    }
    ck_assert_msg(row > 20 * 255 && border < 255, "row %d: ink %g, on the border %g", i, row / 255,
                  border / 255);
    sum += row;
    count[y.u8[i]]++;
  }
  for (int k = 0; k < 10; k++) ck_assert_int_le(abs(count[k] - N / 10), 100); /* 4.7 deviations */
  ck_assert(fabs(sum / 255 / 784 / N - 0.13) < 0.04); /* MNIST's mean is 0.131 */
  array_free(&x), array_free(&y);
}
END_TEST

/* A digit's mean picture tells it: nearest means of one half name most of the other half. */
START_TEST(digits_can_be_told_apart)
{
  enum { N = 4000 };
  static float mean[10][784];
  array x, y;
  int count[10] = { 0 }, right = 0;
  make("digits", 3, 0, N, &x, &y);
  for (int i = 0; i < N / 2; i++, count[y.u8[i - 1]]++)
    for (int j = 0; j < 784; j++) mean[y.u8[i]][j] += x.u8[784 * i + j];
  for (int i = N / 2; i < N; i++) {
    int best = 0;
    double least = INFINITY;
    for (int k = 0; k < 10; k++) {
      double d = 0;
      for (int j = 0; j < 784; j++) {
        double off = x.u8[784 * i + j] - (double)mean[k][j] / count[k];
        d += off * off;
      }
      best = d < least ? k : best;
      least = d < least ? d : least;
    }
    right += best == y.u8[i];
  }
  ck_assert_msg(right > N / 2 * 7 / 10, "%d of %d", right, N / 2);
  array_free(&x), array_free(&y);
}
END_TEST

/* The same bits on every machine: a checksum of pictures. */
START_TEST(digits_are_the_same_everywhere)
{
  uint8_t pixels[DIGIT_PIXELS];
  uint32_t crc = 0;
  for (uint32_t row = 0; row < 1000; row++) {
    digit_draw((philox_key){ { 1, 2 } }, 0, row, pixels);
    crc = crc32_of(crc, pixels, sizeof pixels);
  }
  ck_assert_uint_eq(crc, 0x4B78D024u);
}
END_TEST

/* Mean and covariance of the rows are those of the model, and the mean evidence is minus its
   entropy. */
START_TEST(linear_gaussian_has_its_evidence)
{
  enum { N = 20000 };
  static const double W[5][2] = { { 1.0, 0.0 },
                                  { 0.5, -1.0 },
                                  { -0.8, 0.6 },
                                  { 0.0, 1.2 },
                                  { 0.7, 0.7 } },
                      b[5] = { 0.5, -1.0, 0.0, 2.0, -0.3 };
  array x;
  make("linear_gaussian", 5, 0, N, &x, NULL);
  ck_assert(x.D == 5 && x.rank == 1 && x.dims[0] == 5);
  for (int i = 0; i < 5; i++)
    for (int j = 0; j <= i; j++) {
      double want = W[i][0] * W[j][0] + W[i][1] * W[j][1] + (i == j ? 0.25 : 0), sum = 0;
      for (int r = 0; r < N; r++) sum += (x.f32[5 * r + i] - b[i]) * (x.f32[5 * r + j] - b[j]);
      ck_assert_msg(fabs(sum / N - want) < 0.08, "covariance %d %d: %g, not %g", i, j, sum / N,
                    want);
    }
  /* |W W' + s^2 I| = s^6 |s^2 I + W'W| (Sylvester). */
  double a = 0.25, c = 0, d = 0.25;
  for (int i = 0; i < 5; i++)
    a += W[i][0] * W[i][0], c += W[i][0] * W[i][1], d += W[i][1] * W[i][1];
  double log_det = 3 * log(0.25) + log(a * d - c * c),
         entropy = 0.5 * (5 * log(2 * M_PI) + log_det + 5);
  double got = builtin_linear_gaussian_evidence(&x);
  ck_assert_msg(fabs(got + entropy) < 4.5 * sqrt(2.5 / N), "%g, not %g", got, -entropy);
  /* at x = b exactly, only the constant is left */
  for (int j = 0; j < 5; j++) x.f32[j] = (float)b[j];
  x.rows = 1;
  ck_assert(fabs(builtin_linear_gaussian_evidence(&x) + 0.5 * (5 * log(2 * M_PI) + log_det)) <
            1e-12);
  x.rows = N;
  array_free(&x);
}
END_TEST

START_TEST(pinwheel_has_five_arms)
{
  enum { N = 5000 };
  array x, y;
  int count[5] = { 0 };
  make("pinwheel", 1, 0, N, &x, &y);
  ck_assert(x.D == 2 && x.type == ARRAY_F32);
  for (int i = 0; i < N; i++) { /* turned back, a point lies along its arm */
    double r = hypot(x.f32[2 * i], x.f32[2 * i + 1]) / 10,
           angle = 2 * M_PI * y.u8[i] / 5 + 0.25 * exp(r);
    double along = (cos(angle) * x.f32[2 * i] - sin(angle) * x.f32[2 * i + 1]) / 10;
    ck_assert_msg(r < 0.3 || fabs(along - r) < 0.1 * r + 0.05, "row %d", i);
    count[y.u8[i]]++;
  }
  for (int k = 0; k < 5; k++) ck_assert_int_le(abs(count[k] - N / 5), 130);
  array_free(&x), array_free(&y);
}
END_TEST

START_TEST(refuses)
{
  array x, y;
  error e = { 0 };
  ck_assert_int_eq(builtin_make("digit", 1, 0, 1, &x, NULL, &e), ELBO_E_USAGE);
  ck_assert_msg(strstr(e.text, "nearest is \"digits\""), "%s", e.text);
  e = (error){ 0 };
  ck_assert_int_eq(builtin_make("digits", 1, 0, 0, &x, NULL, &e), ELBO_E_USAGE);
  make("linear_gaussian", 1, 0, 2, &x, &y);
  ck_assert(y.at == NULL && y.rows == 0);
  array_free(&x);
  for (int n = 1; n <= 2; n++) {
    e = (error){ 0 };
    mem_fail_at((uint64_t)n, false);
    ck_assert_int_eq(builtin_make("digits", 1, 0, 2, &x, &y, &e), ELBO_E_MEMORY);
    mem_fail_at(0, false);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("data/builtin");
  TCase *c = tcase_create("all");
  tcase_add_test(c, rows_depend_on_seed_and_number_alone);
  tcase_add_test(c, digits_are_inked_and_balanced);
  tcase_add_test(c, digits_can_be_told_apart);
  tcase_add_test(c, digits_are_the_same_everywhere);
  tcase_add_test(c, linear_gaussian_has_its_evidence);
  tcase_add_test(c, pinwheel_has_five_arms);
  tcase_add_test(c, refuses);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
