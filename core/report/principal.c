/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plane in which points vary most: two principal components (Pearson 1901), by Jacobi's
 * rotations of the covariance (Golub and Van Loan 2013, section 8.5). */
#include "report/principal.h"
#include "base/mem.h"

#include <math.h>
#include <stddef.h>

static void covariance(const float *at, size_t rows, size_t n, double *mean, double *c)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < n; j++) mean[j] += (double)at[i * n + j] / (double)rows;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < n; j++)
      for (size_t k = 0; k <= j; k++)
        c[j * n + k] += ((double)at[i * n + j] - mean[j]) * ((double)at[i * n + k] - mean[k]);
  for (size_t j = 0; j < n; j++)
    for (size_t k = 0; k < j; k++) c[k * n + j] = c[j * n + k];
}

/* Rotates rows and columns p and q of c so that c[p][q] is 0; v collects the rotations. */
static void rotate(double *c, double *v, size_t n, size_t p, size_t q)
{
  double tau = (c[q * n + q] - c[p * n + p]) / (2 * c[p * n + q]);
  double t = copysign(1, tau) / (fabs(tau) + hypot(1, tau)), cs = 1 / hypot(1, t), sn = t * cs;
  for (size_t k = 0; k < n; k++) {
    double a = c[k * n + p], b = c[k * n + q];
    c[k * n + p] = cs * a - sn * b, c[k * n + q] = sn * a + cs * b;
  }
  for (size_t k = 0; k < n; k++) {
    double a = c[p * n + k], b = c[q * n + k];
    c[p * n + k] = cs * a - sn * b, c[q * n + k] = sn * a + cs * b;
    a = v[k * n + p], b = v[k * n + q];
    v[k * n + p] = cs * a - sn * b, v[k * n + q] = sn * a + cs * b;
  }
}

static void diagonalise(double *c, double *v, size_t n)
{
  enum { SWEEPS = 30 };
  for (size_t j = 0; j < n; j++) v[j * n + j] = 1;
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    bool still = false;
    for (size_t p = 0; p < n; p++)
      for (size_t q = p + 1; q < n; q++) {
        double least = 1e-15 * sqrt(fabs(c[p * n + p])) * sqrt(fabs(c[q * n + q]));
        if (!(fabs(c[p * n + q]) > least)) continue;
        rotate(c, v, n, p, q);
        still = true;
      }
    if (!still) return;
  }
}

/* Column `axis` of v; its largest part is positive, so that the picture does not depend on signs.
 */
static void project(const float *at, size_t rows, size_t n, const double *mean, const double *v,
                    size_t axis, float *to)
{
  size_t largest = 0;
  for (size_t j = 0; j < n; j++)
    if (fabs(v[j * n + axis]) > fabs(v[largest * n + axis])) largest = j;
  double sign = v[largest * n + axis] < 0 ? -1 : 1;
  for (size_t i = 0; i < rows; i++) {
    double sum = 0;
    for (size_t j = 0; j < n; j++) sum += ((double)at[i * n + j] - mean[j]) * v[j * n + axis];
    to[2 * i] = (float)(sign * sum);
  }
}

elbo_status principal_plane(const float *at, size_t rows, size_t n, float *xy, double share[2],
                            error *e)
{
  double *room = mem_new(2 * n + 1, n * sizeof *room, "the plane of the latents", e);
  if (!room) return e->status;
  double *mean = room, *c = room + n, *v = c + n * n, all = 0;
  size_t axis[2] = { 0, 1 };
  covariance(at, rows, n, mean, c);
  diagonalise(c, v, n);
  if (c[n + 1] > c[0]) axis[0] = 1, axis[1] = 0;
  for (size_t j = 2; j < n; j++) {
    double here = c[j * n + j];
    if (here > c[axis[0] * n + axis[0]])
      axis[1] = axis[0], axis[0] = j;
    else if (here > c[axis[1] * n + axis[1]])
      axis[1] = j;
  }
  for (size_t j = 0; j < n; j++) all += c[j * n + j];
  for (size_t k = 0; k < 2; k++) {
    share[k] = all > 0 ? c[axis[k] * n + axis[k]] / all : 0;
    project(at, rows, n, mean, v, axis[k], xy + k);
  }
  mem_free(room);
  return ELBO_DONE;
}
