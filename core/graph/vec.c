/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "graph/vec.h"
#include "graph/levels.h"

#include <string.h>

ELBO_INLINE void add(size_t n, const float *x, const float *b, float *y)
{
  for (size_t i = 0; i < n; i++) y[i] = x[i] + b[i];
}
LEVELS(add, (size_t n, const float *x, const float *b, float *y), n, x, b, y)

ELBO_INLINE void axpy(size_t n, float a, const float *restrict x, float *restrict y)
{
  for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}
LEVELS(axpy, (size_t n, float a, const float *x, float *y), n, a, x, y)

ELBO_INLINE void scale(size_t n, float a, const float *restrict x, float *restrict y)
{
  for (size_t i = 0; i < n; i++) y[i] = a * x[i];
}
LEVELS(scale, (size_t n, float a, const float *x, float *y), n, a, x, y)

ELBO_INLINE void scale_here(size_t n, float a, float *x)
{
  for (size_t i = 0; i < n; i++) x[i] *= a;
}
LEVELS(scale_here, (size_t n, float a, float *x), n, a, x)

/* COLUMNS at a time stay in registers over all rows. */
ELBO_INLINE void column_sums(size_t rows, size_t n, const float *restrict x, size_t ld,
                             float *restrict y)
{
  enum { COLUMNS = 64 };
  size_t j = 0;
  for (; j + COLUMNS <= n; j += COLUMNS) {
    float sum[COLUMNS];
    for (int k = 0; k < COLUMNS; k++) sum[k] = y[j + k];
    for (size_t i = 0; i < rows; i++)
      for (int k = 0; k < COLUMNS; k++) sum[k] += x[i * ld + j + k];
    for (int k = 0; k < COLUMNS; k++) y[j + k] = sum[k];
  }
  for (size_t i = 0; i < rows; i++)
    for (size_t k = j; k < n; k++) y[k] += x[i * ld + k];
}
LEVELS(column_sums, (size_t rows, size_t n, const float *x, size_t ld, float *y), rows, n, x, ld, y)

/* 32 lanes, added in a fixed tree. */
ELBO_INLINE void squares(size_t n, const float *x, double *sum)
{
  enum { LANES = 32, BLOCK = 4096 };
  double total = 0;
  for (size_t from = 0; from < n; from += BLOCK) {
    size_t m = n - from < BLOCK ? n - from : BLOCK, i = 0;
    float lane[LANES] = { 0 };
    for (; i + LANES <= m; i += LANES)
      for (int k = 0; k < LANES; k++) lane[k] += x[from + i + k] * x[from + i + k];
    for (; i < m; i++) lane[i % LANES] += x[from + i] * x[from + i];
    for (int half = LANES / 2; half; half /= 2)
      for (int k = 0; k < half; k++) lane[k] += lane[k + half];
    total += lane[0];
  }
  *sum = total;
}
LEVELS(squares, (size_t n, const float *x, double *sum), n, x, sum)

static void (*const add_at[])(size_t, const float *, const float *, float *) = LEVEL_SET(add);
static void (*const axpy_at[])(size_t, float, const float *, float *) = LEVEL_SET(axpy);
static void (*const scale_at[])(size_t, float, const float *, float *) = LEVEL_SET(scale);
static void (*const here_at[])(size_t, float, float *) = LEVEL_SET(scale_here);
static void (*const sums_at[])(size_t, size_t, const float *, size_t,
                               float *) = LEVEL_SET(column_sums);
static void (*const squares_at[])(size_t, const float *, double *) = LEVEL_SET(squares);

void vec_add(int level, size_t n, const float *x, const float *b, float *y)
{
  add_at[level](n, x, b, y);
}

void vec_put(int level, size_t n, float a, const float *x, float *y, int accumulate)
{
  (accumulate ? axpy_at : scale_at)[level](n, a, x, y);
}

void vec_scale(int level, size_t n, float a, float *x)
{
  here_at[level](n, a, x);
}

void vec_column_sums(int level, size_t rows, size_t n, const float *x, size_t ld, float *y,
                     int accumulate)
{
  if (!accumulate) memset(y, 0, n * sizeof *y);
  sums_at[level](rows, n, x, ld, y);
}

double vec_squares(int level, size_t n, const float *x)
{
  double sum;
  squares_at[level](n, x, &sum);
  return sum;
}
