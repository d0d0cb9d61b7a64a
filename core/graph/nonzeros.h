/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nonzeros.h - products that visit only the non-zeros of x [rows][in]: for data that are mostly
 * zeros, as drawn digits are. Any values multiply; the order of every sum is fixed by the place in
 * x, so the bits do not depend on how rows and outs are cut. Buffers do not overlap. */
#ifndef ELBO_GRAPH_NONZEROS_H
#define ELBO_GRAPH_NONZEROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of x, and where its non-zeros are. */
typedef struct nonzeros {
  size_t rows, in;
  const float *x;        /* row i at x + i * ld */
  const uint64_t *marks; /* row i at marks + i * marks_ld: bit j % 64 of word j / 64 */
  size_t ld, marks_ld;
} nonzeros;

/* Words for the marks of a row of n numbers. */
static inline size_t nonzeros_words(size_t n)
{
  return (n + 63) / 64;
}
/* Marks what is not 0 (NaN is not) in x [n]; how many. */
size_t nonzeros_mark(int level, size_t n, const float *x, uint64_t *marks);
/* y [rows][outs] = x w^T, w [outs][in]. A weight that is not finite makes its whole column of y
 * NaN, where a dense product multiplies it by zeros. */
void nonzeros_forward(int level, const nonzeros *z, size_t outs, const float *w, size_t ldw,
                      float *y, size_t ldy);
/* dw [outs][in] (+)= g^T x, g [rows][outs]. A row of g meets the columns where its row of x is not
 * zero, and no others. */
void nonzeros_gradient(int level, const nonzeros *z, size_t outs, const float *g, size_t ldg,
                       float *dw, size_t ldw, bool add);

#endif
