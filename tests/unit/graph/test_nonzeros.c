/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products by non-zeros against the same sums in double, at every level of the CPU: shapes around
 * the sizes that the loops are cut by, fills from nothing to everything. */
#include "graph/nonzeros.h"
#include "num/special.h"

#include <check.h>
#include <math.h>
#include <string.h>

enum { MOST = 300 * 200 };
static const struct {
  size_t rows, in, outs;
} shapes[] = { { 1, 1, 1 },     { 3, 63, 65 },   { 100, 64, 64 }, { 128, 130, 16 },
               { 129, 80, 50 }, { 300, 17, 20 }, { 10, 150, 200 } };
/* Numbers in [0, 1) that look random: of (i, which). */
static double scattered(unsigned i, unsigned which)
{
  uint64_t x = 0x9e3779b97f4a7c15u * (1 + i + 1000003u * (uint64_t)which);
  x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
  return (double)(x >> 32) * 0x1p-32;
}

/* -1: a single number of the whole x. */
static const double fills[] = { 0, -1, 0.1, 0.5, 1 };

typedef struct numbers {
  size_t rows, in, outs, ldx, ldw, ldy;
  float x[MOST], w[MOST], y[MOST], start[MOST];
  uint64_t marks[300 * 4];
  nonzeros z;
} numbers;
static numbers now;

/* Ones and fractions of both signs; what lies between the rows is NaN, and is not to be read. */
static void make(int shape, double fill, int level)
{
  now.rows = shapes[shape].rows, now.in = shapes[shape].in, now.outs = shapes[shape].outs;
  now.ldx = now.in + 1, now.ldw = now.in + 3, now.ldy = now.outs + 2;
  size_t words = nonzeros_words(now.in), count = 0, want = 0;
  for (unsigned i = 0; i < MOST; i++) {
    double u = scattered(i, 1), v = scattered(i, 2);
    bool is = fill < 0 ? i == now.in / 2 : u < fill;
    now.x[i] = !is ? (float)copysign(0, v - 0.5) : v < 0.5 ? 1 : (float)(4 * v - 3);
    now.w[i] = (float)(scattered(i, 3) - 0.5);
    now.start[i] = now.y[i] = (float)scattered(i, 4);
  }
  for (size_t i = 0; i < now.rows; i++) {
    now.x[i * now.ldx + now.in] = NAN;
    count += nonzeros_mark(level, now.in, now.x + i * now.ldx, now.marks + i * words);
    for (size_t j = 0; j < now.in; j++) want += now.x[i * now.ldx + j] != 0;
  }
  ck_assert_uint_eq(count, want);
  now.z = (nonzeros){ now.rows, now.in, now.x, now.marks, now.ldx, words };
}

/* |got - want| within what sums of `terms` floats of size `size` lose at worst. */
static void close_to(float got, double want, double size, size_t terms, const char *what)
{
  double room = size * (double)(terms + 1) * 0x1p-24 + 1e-30;
  ck_assert_msg(fabs((double)got - want) <= room, "%s, %zu x %zu x %zu: %.9g, expected %.9g", what,
                now.rows, now.in, now.outs, (double)got, want);
}

static void check_forward(int level)
{
  nonzeros_forward(level, &now.z, now.outs, now.w, now.ldw, now.y, now.ldy);
  for (size_t i = 0; i < now.rows; i++)
    for (size_t o = 0; o < now.outs; o++) {
      double want = 0, size = 0;
      for (size_t j = 0; j < now.in; j++) {
        double term = (double)now.x[i * now.ldx + j] * (double)now.w[o * now.ldw + j];
        want += term, size += fabs(term);
      }
      close_to(now.y[i * now.ldy + o], want, size, now.in, "forward");
    }
  for (size_t i = 0; i < now.rows; i++)
    for (size_t o = i * now.ldy + now.outs; o < (i + 1) * now.ldy; o++)
      ck_assert(now.y[o] == now.start[o]);
}

/* g lies in w. */
static void check_gradient(int level, bool add)
{
  static float dw[MOST];
  memcpy(dw, now.start, sizeof dw);
  nonzeros_gradient(level, &now.z, now.outs, now.w, now.ldy, dw, now.ldw, add);
  for (size_t o = 0; o < now.outs; o++)
    for (size_t j = 0; j < now.in; j++) {
      double want = add ? (double)now.start[o * now.ldw + j] : 0, size = fabs(want);
      for (size_t i = 0; i < now.rows; i++) {
        double term = (double)now.x[i * now.ldx + j] * (double)now.w[i * now.ldy + o];
        want += term, size += fabs(term);
      }
      close_to(dw[o * now.ldw + j], want, size, now.rows + 2, add ? "added" : "gradient");
    }
  for (size_t o = 0; o < now.outs; o++)
    for (size_t j = o * now.ldw + now.in; j < (o + 1) * now.ldw; j++)
      ck_assert(dw[j] == now.start[j]);
}

START_TEST(against_double)
{
  for (int level = 0; level <= cpu_level(); level++)
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
      make(_i, fills[f], level);
      check_forward(level);
      check_gradient(level, false);
      check_gradient(level, true);
    }
}
END_TEST

/* Cut in pieces, as threads share it, a product has the same bits. */
START_TEST(cut_in_pieces)
{
  static float whole[MOST], pieces[MOST];
  make(4, 0.2, cpu_level());
  int level = cpu_level();
  nonzeros_forward(level, &now.z, now.outs, now.w, now.ldw, whole, now.ldy);
  nonzeros top = now.z, rest = now.z;
  top.rows = 48, rest.rows -= 48;
  rest.x += 48 * now.ldx, rest.marks += 48 * rest.marks_ld;
  nonzeros_forward(level, &top, 16, now.w, now.ldw, pieces, now.ldy);
  nonzeros_forward(level, &top, now.outs - 16, now.w + 16 * now.ldw, now.ldw, pieces + 16, now.ldy);
  nonzeros_forward(level, &rest, now.outs, now.w, now.ldw, pieces + 48 * now.ldy, now.ldy);
  ck_assert(!memcmp(whole, pieces, now.rows * now.ldy * sizeof *whole));
  memset(whole, 0, sizeof whole), memset(pieces, 0, sizeof pieces);
  nonzeros_gradient(level, &now.z, now.outs, now.w, now.ldy, whole, now.ldw, false);
  nonzeros_gradient(level, &now.z, 32, now.w, now.ldy, pieces, now.ldw, false);
  nonzeros_gradient(level, &now.z, now.outs - 32, now.w + 32, now.ldy, pieces + 32 * now.ldw,
                    now.ldw, false);
  ck_assert(!memcmp(whole, pieces, now.outs * now.ldw * sizeof *whole));
}
END_TEST

/* As in a dense product: a weight that is not finite is not hidden by zeros of x; NaN in x is not
 * taken for a zero. */
START_TEST(not_finite)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  for (int level = 0; level <= cpu_level(); level++)
    for (int k = 0; k < 3; k++) {
      make(1, 0, level);
      now.w[7 * now.ldw + 62] = bad[k];
      nonzeros_forward(level, &now.z, now.outs, now.w, now.ldw, now.y, now.ldy);
      for (size_t i = 0; i < now.rows; i++)
        for (size_t o = 0; o < now.outs; o++) ck_assert(isnan(now.y[i * now.ldy + o]) == (o == 7));
    }
  float x[3] = { 0, NAN, 0 };
  uint64_t marks;
  ck_assert_uint_eq(nonzeros_mark(cpu_level(), 3, x, &marks), 1);
  ck_assert_uint_eq(marks, 2);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("graph/nonzeros");
  TCase *t = tcase_create("nonzeros");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, against_double, 0, (int)(sizeof shapes / sizeof *shapes));
  tcase_add_test(t, cut_in_pieces);
  tcase_add_test(t, not_finite);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
