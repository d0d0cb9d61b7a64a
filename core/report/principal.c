/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plane in which points vary most: two principal components (Pearson 1901). */
#include "report/principal.h"
#include "base/mem.h"
#include "num/special.h"

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
  double *room = mem_new(2 * n + 2, n * sizeof *room, "the plane of the latents", e);
  if (!room) return e->status;
  double *mean = room, *value = mean + n, *c = value + n, *v = c + n * n, all = 0;
  covariance(at, rows, n, mean, c);
  for (size_t j = 0; j < n; j++) all += c[j * n + j];
  if (!eigen_symmetric(n, c, value, v))
    fail(e, ELBO_E_MEMORY, "no memory for the plane of %zu latents; free some memory", n);
  for (size_t k = 0; k < 2 && !e->status; k++) {
    share[k] = all > 0 ? value[k] / all : 0;
    project(at, rows, n, mean, v, k, xy + k);
  }
  mem_free(room);
  return e->status;
}
