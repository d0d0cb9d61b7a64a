/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/compare/verdict.h"
#include "num/special.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

double student_tail(double t, double df)
{
  if (t == 0) return 1;
  if (!isfinite(t)) return isnan(t) ? 1 : 0;
  return special3_call(ELBO_BETA_P, df / 2, 0.5, log(df) - 2 * log(fabs(t)));
}

static double variance_of_mean(const moments *m, int k, int j)
{
  return m->n > 1 ? m->projected_m2[k][j] / (double)(m->n - 1) / (double)m->n : 0;
}

/* Welch 1947: the degrees of freedom of a difference of two means of unequal variances. */
static double degrees(double a, long na, double b, long nb)
{
  double below = (na > 1 ? a * a / (double)(na - 1) : 0) + (nb > 1 ? b * b / (double)(nb - 1) : 0);
  return below > 0 ? (a + b) * (a + b) / below : 1e9;
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Holm 1979: the i-th smallest of n tails against alpha / (n - i); the first decides whether any is rejected. */
static bool any_rejected(double *tails, int n)
{
  enum { ERROR_PER_MILLE = 1 };
  qsort(tails, (size_t)n, sizeof *tails, ascending);
  return tails[0] < 1e-3 * ERROR_PER_MILLE / n;
}

verdict verdict_of(const moments *m, const moments *r, int k)
{
  double tails[PROJECTIONS], squared = 0, norm = 0;
  verdict v = { 0 };
  for (size_t i = 0; i < m->g->P; i++) {
    if (!group_holds(m->g, k, i)) continue;
    double d = m->mean[i] - r->mean[i];
    squared += d * d;
    norm += r->mean[i] * r->mean[i];
  }
  /* A projection adds float-rounded numbers of random sign, so its rounding is of the order of the norm times epsilon. */
  double rounding = 16 * (double)FLT_EPSILON * sqrt(norm);
  for (int j = 0; j < PROJECTIONS; j++) {
    double a = variance_of_mean(m, k, j), b = variance_of_mean(r, k, j), se = fmax(sqrt(a + b), rounding);
    double difference = m->projected_mean[k][j] - r->projected_mean[k][j];
    tails[j] = se > 0 ? student_tail(difference / se, degrees(a, m->n, b, r->n)) : 1;
  }
  v.bias = sqrt(squared);
  double own = moments_of(m, k).trace, theirs = r->n > 1 ? moments_of(r, k).trace : 0;
  v.chance = sqrt(own / (double)m->n + theirs / (double)r->n);
  v.word = any_rejected(tails, PROJECTIONS) ? "biased" : v.chance > 0.5 * sqrt(norm) && norm > 0 ? "cannot tell" : "unbiased";
  return v;
}
