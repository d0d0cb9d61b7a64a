/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/philox.h"
#include "num/special.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The known answers of Random123 1.14, tests/kat_vectors, philox4x32 10. */
START_TEST(known_answers)
{
  uint32_t out[4];
  philox_block((philox_key){ { 0, 0 } }, 0, 0, 0, 0, out);
  ck_assert_uint_eq(out[0], 0x6627e8d5u);
  ck_assert_uint_eq(out[1], 0xe169c58du);
  ck_assert_uint_eq(out[2], 0xbc57ac4cu);
  ck_assert_uint_eq(out[3], 0x9b00dbd8u);
  philox_block((philox_key){ { 0xa4093822, 0x299f31d0 } }, 0x243f6a88, 0x85a308d3, 0x13198a2e,
               0x03707344, out);
  ck_assert_uint_eq(out[0], 0xd16cfe09u);
  ck_assert_uint_eq(out[1], 0x94fdcceb);
  ck_assert_uint_eq(out[2], 0x5001e420);
}
END_TEST

START_TEST(many_blocks_are_single_ones)
{
  uint32_t c1[PHILOX_LANES], c2[PHILOX_LANES], many[4][PHILOX_LANES], one[4];
  philox_key key = philox_make_key(11, 12);
  if (_i > cpu_level()) return;
  for (uint32_t l = 0; l < PHILOX_LANES; l++) c1[l] = 0xFFFFFFF0u + l, c2[l] = 77 * l;
  philox_blocks(_i, key, 5, c1, c2, 6, many);
  for (int l = 0; l < PHILOX_LANES; l++) {
    philox_block(key, 5, c1[l], c2[l], 6, one);
    for (int k = 0; k < 4; k++) ck_assert_uint_eq(many[k][l], one[k]);
  }
}
END_TEST

START_TEST(rows_equal_scalars)
{
  philox_key key = philox_make_key(7, STREAM_DRAW);
  float u[37], z[37];
  elbo_noise_row r = { .key = key, .first = 5, .row = 11, .step = 3, .level = _i };
  if (_i > cpu_level()) return;
  noise_row_uniform(&r, 37, u);
  noise_row_normal(&r, 37, z);
  for (uint32_t j = 0; j < 37; j++) {
    elbo_noise a = { key, 5 + j, 11, 3, 0 }, b = a;
    ck_assert_float_eq_tol(u[j], (float)noise_uniform(&a), 6e-8f);
    double want = noise_normal(&b);
    ck_assert_double_eq_tol(z[j], want, 1e-7 * fabs(want) + 1e-11);
  }
}
END_TEST

START_TEST(rows_do_not_depend_on_length)
{
  float long_row[100], short_row[100];
  elbo_noise_row r = { .key = philox_make_key(1, 2), .level = _i };
  if (_i > cpu_level()) return;
  noise_row_normal(&r, 100, long_row);
  for (size_t d = 1; d < 100; d += 7) {
    noise_row_normal(&r, d, short_row);
    ck_assert_mem_eq(long_row, short_row, d * sizeof(float));
  }
  r.first = 3;
  noise_row_normal(&r, 90, short_row);
  ck_assert_mem_eq(long_row + 3, short_row, 90 * sizeof(float));
}
END_TEST

/* Normals made for several rows together are those of each row by itself, bit for bit, in whatever
   order rows are asked for, mirrored ones too. */
START_TEST(rows_made_together)
{
  enum { ROWS = 7 };
  if (_i > cpu_level()) return;
  for (size_t d = 1; d <= NOISE_AHEAD; d++) {
    float alone[ROWS * NOISE_AHEAD], together[ROWS * NOISE_AHEAD], made[ROWS * NOISE_AHEAD];
    elbo_noise_row rows[ROWS];
    noise_ahead ahead = { .rows = rows, .n = ROWS, .d = d, .normals = made };
    for (uint32_t i = 0; i < ROWS; i++) {
      noise_tie tie = { .kind = i == 4 ? NOISE_ANTITHETIC : NOISE_IID, .sample = i };
      rows[i] = (elbo_noise_row){
        .key = philox_make_key(7, 1), .first = 2, .row = 100 * i, .step = 3, .tie = tie, .level = _i
      };
      noise_row_normal(&rows[i], d, alone + i * d);
    }
    for (int i = 0; i < ROWS; i++) rows[i].ahead = &ahead;
    for (int i = ROWS - 1; i >= 0; i--) noise_row_normal(&rows[i], d, together + (size_t)i * d);
    ck_assert(ahead.there);
    ck_assert_mem_eq(alone, together, ROWS * d * sizeof(float));
  }
  ck_assert(noise_gains_ahead(2) && noise_gains_ahead(20) && !noise_gains_ahead(16) &&
            !noise_gains_ahead(50));
  for (size_t d = NOISE_AHEAD + 1; d < 1000; d++) ck_assert(!noise_gains_ahead(d));
}
END_TEST

/* The first 2^m points of each coordinate lie one in each interval of 2^-m, those of each pair of
 * the first two one in each square. */
START_TEST(sobol_fills)
{
  static sobol net;
  sobol_start(&net);
  for (uint32_t d = 0; d < SOBOL_DIMS; d++) {
    bool seen[1024] = { false };
    for (uint32_t k = 0; k < 1024; k++) seen[sobol_at(&net, d, k) >> (SOBOL_BITS - 10)] = true;
    for (int i = 0; i < 1024; i++) ck_assert_msg(seen[i], "coordinate %u leaves out %d/1024", d, i);
  }
  bool square[1024] = { false };
  for (uint32_t k = 0; k < 1024; k++)
    square[(sobol_at(&net, 0, k) >> (SOBOL_BITS - 5)) * 32 +
           (sobol_at(&net, 1, k) >> (SOBOL_BITS - 5))] = true;
  for (int i = 0; i < 1024; i++) ck_assert(square[i]);
}
END_TEST

/* Rows and scalars agree where samples hang together; the second of a pair is the mirror of the
 * first. */
START_TEST(ties)
{
  if (_i > cpu_level()) return;
  static sobol net;
  sobol_start(&net);
  for (int kind = NOISE_ANTITHETIC; kind < NOISE_KINDS; kind++)
    for (uint32_t k = 0; k < 6; k++) {
      float u[20], z[20], u0[20], z0[20];
      noise_tie tie = { kind, k, &net, 0, 2 };
      elbo_noise_row r = { .key = philox_make_key(7, 1),
                           .row = 11,
                           .step = 3,
                           .tie = tie,
                           .level = _i },
                     first = r;
      first.tie.sample = 0;
      noise_row_uniform(&r, 20, u), noise_row_normal(&r, 20, z);
      noise_row_uniform(&first, 20, u0), noise_row_normal(&first, 20, z0);
      for (size_t j = 0; j < 20; j++) {
        elbo_noise a = noise_of_event(&r, j), b = a;
        ck_assert(u[j] > 0 && u[j] < 1);
        ck_assert_float_eq_tol(u[j], (float)noise_uniform(&a), 1.2e-7f);
        ck_assert_double_eq_tol((double)z[j], noise_normal(&b), 1e-6);
        if (kind == NOISE_SOBOL) {
          double shift =
              (double)u[j] - (double)u0[j] - ldexp(sobol_at(&net, 2 * (uint32_t)j, k), -SOBOL_BITS);
          ck_assert_double_eq_tol(shift, round(shift), 2e-7);
        } else {
          ck_assert_float_eq_tol(u[j], k % 2 ? 1 - u0[j] : u0[j], 1.2e-7f);
          ck_assert(z[j] == (k % 2 ? -z0[j] : z0[j]));
        }
      }
    }
}
END_TEST

START_TEST(moments)
{
  enum { N = 200000 };
  float *z = malloc(N * sizeof *z);
  elbo_noise_row r = { .key = philox_make_key(3, 4), .level = cpu_level() };
  double m[5] = { 0 };
  noise_row_normal(&r, N, z);
  for (int i = 0; i < N; i++)
    for (int k = 1; k < 5; k++) m[k] += pow(z[i], k) / N;
  ck_assert_double_eq_tol(m[1], 0, 6 / sqrt(N));
  ck_assert_double_eq_tol(m[2], 1, 6 * sqrt(2.0 / N));
  ck_assert_double_eq_tol(m[3], 0, 6 * sqrt(15.0 / N));
  ck_assert_double_eq_tol(m[4], 3, 6 * sqrt(96.0 / N));
  noise_row_uniform(&r, N, z);
  double s = 0;
  for (int i = 0; i < N; i++) {
    ck_assert(z[i] > 0 && z[i] < 1);
    s += z[i] / N;
  }
  ck_assert_double_eq_tol(s, 0.5, 6 / sqrt(12.0 * N));
  free(z);
}
END_TEST

START_TEST(draws_do_not_depend_on_what_was_drawn_before)
{
  elbo_noise a = { philox_make_key(9, 9), 1, 2, 3, 0 }, b = a;
  noise_uniform(&a);
  noise_exponential(&b);
  ck_assert_double_eq(noise_normal(&a), noise_normal(&b));
}
END_TEST

START_TEST(shuffles)
{
  enum { N = 1000 };
  uint32_t a[N], b[N];
  char seen[N] = { 0 };
  philox_key key = philox_make_key(0, STREAM_SHUFFLE);
  philox_shuffle(key, 0, N, a);
  for (int i = 0; i < N; i++) seen[a[i]]++;
  for (int i = 0; i < N; i++) ck_assert_int_eq(seen[i], 1);
  philox_shuffle(key, 1, N, b);
  ck_assert_mem_ne(a, b, sizeof a);
  philox_shuffle(key, 0, N, b);
  ck_assert_mem_eq(a, b, sizeof a);
  int count[3] = { 0 };
  for (uint64_t i = 0; i < 30000; i++) count[philox_below(key, i, 0, 3)]++;
  for (int k = 0; k < 3; k++) ck_assert_int_le(abs(count[k] - 10000), 500);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("philox");
  TCase *t = tcase_create("all");
  tcase_add_test(t, known_answers);
  tcase_add_loop_test(t, many_blocks_are_single_ones, 0, ELBO_LEVELS);
  tcase_add_loop_test(t, rows_equal_scalars, 0, ELBO_LEVELS);
  tcase_add_loop_test(t, rows_do_not_depend_on_length, 0, ELBO_LEVELS);
  tcase_add_loop_test(t, rows_made_together, 0, ELBO_LEVELS);
  tcase_add_test(t, sobol_fills);
  tcase_add_loop_test(t, ties, 0, ELBO_LEVELS);
  tcase_add_test(t, moments);
  tcase_add_test(t, draws_do_not_depend_on_what_was_drawn_before);
  tcase_add_test(t, shuffles);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
