/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/weights.h"
#include "base/sort.h"

#include <float.h>
#include <math.h>

size_t weights_tail(size_t K)
{
  double M = ceil(fmin(0.2 * (double)K, 3 * sqrt((double)K)));
  return M >= 5 ? (size_t)M : 0;
}

void largest_add(double *heap, size_t room, double x)
{
  size_t at = 0;
  if (!(x > heap[0])) return;
  for (size_t child; (child = 2 * at + 1) < room; at = child) {
    if (child + 1 < room && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= x) break;
    heap[at] = heap[child];
  }
  heap[at] = x;
}

/* k of their eq. 6 at a given b: the negative of their k, which is the shape in the usual sign. */
static double shape_at(double b, const double *x, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += log1p(-b * x[i]);
  return sum / (double)n;
}

/* b is averaged over a grid of 30 + sqrt n points with the profile likelihood as weights (Zhang and
 * Stephens 2009, eqs. 3 to 6 and 9). */
double pareto_shape(const double *x, size_t n)
{
  size_t m = 30 + (size_t)sqrt((double)n);
  double quarter = x[(size_t)fmax(0, floor((double)n / 4 + 0.5) - 1)], sum = 0, mean = 0,
         top = -INFINITY;
  for (int pass = 0; pass < 2; pass++) /* the largest likelihood first, against overflow */
    for (size_t j = 1; j <= m; j++) {
      double b = 1 / x[n - 1] + (1 - sqrt((double)m / ((double)j - 0.5))) / (3 * quarter),
             k = shape_at(b, x, n);
      double l = (double)n * (log(-b / k) - k - 1);
      if (isnan(l)) continue;
      if (pass == 0) {
        top = fmax(top, l);
      } else {
        sum += exp(l - top);
        mean += b * exp(l - top);
      }
    }
  double k = shape_at(mean / sum, x, n);
  return (k * (double)n + 10 * 0.5) / ((double)n + 10); /* a prior worth 10 observations of 0.5 */
}

double weights_khat(double *log_w, size_t M, double *work)
{
  sort_doubles(log_w, M + 1);
  double top = log_w[M], cutoff = exp(log_w[0] - top),
         rounding = 64 * (double)FLT_EPSILON * fmax(1, fabs(top));
  if (!(top - log_w[0] > rounding)) return NAN;
  for (size_t i = 0; i < M; i++) work[i] = exp(log_w[i + 1] - top) - cutoff;
  size_t first = 0;
  while (first < M && !(work[first] > 0)) first++; /* ties with the cutoff */
  return M - first < 5 || isinf(log_w[0]) ? NAN : pareto_shape(work + first, M - first);
}
