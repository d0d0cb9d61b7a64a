/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tril.h - a lower triangle L by rows, its diagonal in log, as a working scale_tril [K(K+1)/2] has
 * it. Vectors are [K]; in place. */
#ifndef TRIL_H
#define TRIL_H

#include <math.h>
#include <elbo/kernel.h>

/* Where entry i, j <= i stands. */
ELBO_INLINE size_t tril_at(int i, int j)
{
  return (size_t)i * (size_t)(i + 1) / 2 + (size_t)j;
}
/* z <- L^-1 z */
ELBO_INLINE void tril_solve(int K, const double *l, double *z)
{
  for (int i = 0; i < K; i++) {
    for (int j = 0; j < i; j++) z[i] -= l[tril_at(i, j)] * z[j];
    z[i] *= exp(-l[tril_at(i, i)]);
  }
}
/* z <- L^-T z */
ELBO_INLINE void tril_solve_transposed(int K, const double *l, double *z)
{
  for (int i = K - 1; i >= 0; i--) {
    for (int j = i + 1; j < K; j++) z[i] -= l[tril_at(j, i)] * z[j];
    z[i] *= exp(-l[tril_at(i, i)]);
  }
}
/* z <- L z */
ELBO_INLINE void tril_times(int K, const double *l, double *z)
{
  for (int i = K - 1; i >= 0; i--) {
    z[i] *= exp(l[tril_at(i, i)]);
    for (int j = 0; j < i; j++) z[i] += l[tril_at(i, j)] * z[j];
  }
}
/* z <- L' z */
ELBO_INLINE void tril_times_transposed(int K, const double *l, double *z)
{
  for (int j = 0; j < K; j++) {
    z[j] *= exp(l[tril_at(j, j)]);
    for (int i = j + 1; i < K; i++) z[j] += l[tril_at(i, j)] * z[i];
  }
}
/* dl <- the derivatives by the working triangle where those by L are a b'. */
ELBO_INLINE void tril_outer(int K, const double *l, const double *a, const double *b, double *dl)
{
  for (int i = 0; i < K; i++)
    for (int j = 0; j <= i; j++)
      dl[tril_at(i, j)] = a[i] * b[j] * (i == j ? exp(l[tril_at(i, i)]) : 1);
}
ELBO_INLINE double tril_log_det(int K, const double *l)
{
  double sum = 0;
  for (int i = 0; i < K; i++) sum += l[tril_at(i, i)];
  return sum;
}
/* The diagonal of L L'. */
ELBO_INLINE void tril_variances(int K, const double *l, double *out)
{
  for (int i = 0; i < K; i++) {
    out[i] = exp(2 * l[tril_at(i, i)]);
    for (int j = 0; j < i; j++) out[i] += l[tril_at(i, j)] * l[tril_at(i, j)];
  }
}

#endif
