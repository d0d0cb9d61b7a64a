/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vec.h - loops over rows of floats, at the CPU's level. Buffers do not overlap unless said. */
#ifndef ELBO_GRAPH_VEC_H
#define ELBO_GRAPH_VEC_H

#include <stddef.h>

/* y = x + b; y may be x */
void vec_add(int level, size_t n, const float *x, const float *b, float *y);
/* x = a x */
void vec_scale(int level, size_t n, float a, float *x);
/* y (+)= a x by `add` */
void vec_put(int level, size_t n, float a, const float *x, float *y, int add);
/* y [n] (+)= the sum over rows of x [rows][n], rows ld apart; each column in the order of its
 * rows */
void vec_column_sums(int level, size_t rows, size_t n, const float *x, size_t ld, float *y,
                     int add);
/* The sum of squares in an order that depends on n alone; float lanes within blocks of 4096, double
 * across them. */
double vec_squares(int level, size_t n, const float *x);

#endif
