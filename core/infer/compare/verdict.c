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

/* The degrees of freedom of a difference of two means of unequal variances (Welch 1947). */
static double degrees(double a, long na, double b, long nb)
{
  const double normal = 1e9;
  double below = (na > 1 ? a * a / (double)(na - 1) : 0) + (nb > 1 ? b * b / (double)(nb - 1) : 0);
  return below > 0 ? (a + b) * (a + b) / below : normal;
}

/* A group's tail: the smallest of its projections, times their number (Bonferroni). */
static double group_tail(const moments *m, const moments *r, int k, double rounding)
{
  double least = 1;
  for (int j = 0; j < PROJECTIONS; j++) {
    double a = variance_of_mean(m, k, j), b = variance_of_mean(r, k, j),
           se = fmax(sqrt(a + b), rounding);
    double difference = m->projected_mean[k][j] - r->projected_mean[k][j];
    if (se > 0)
      least = fmin(least, student_tail(difference / se, degrees(a, m->n, b, r->n)));
    else if (difference != 0)
      least = 0;
  }
  return fmin(1, least * PROJECTIONS);
}

/* The i-th smallest of n tails is rejected when it and all before it are below error / (n - i), i
   from 0 (Holm 1979). */
static void reject(const double *tails, int n, bool *rejected)
{
  for (int i = 0; i < n; i++) {
    int least = -1;
    for (int k = 0; k < n; k++)
      if (!rejected[k] && (least < 0 || tails[k] < tails[least])) least = k;
    if (!(tails[least] < VERDICT_ERROR / (n - i))) return;
    rejected[least] = true;
  }
}

static bool holds(const groups *g, int k, int other)
{
  for (int i = 0; i < 2; i++)
    if (g->list[other].leaves[i] & ~g->list[k].leaves[i]) return false;
  return true;
}

static bool holds_rejected(const groups *g, int k, const bool *rejected)
{
  for (int i = 0; i < g->n; i++)
    if (rejected[i] && holds(g, k, i)) return true;
  return false;
}

static void differences(const moments *m, const moments *r, verdict *out)
{
  const groups *g = m->g;
  double leaf[GROUPS] = { 0 };
  for (size_t i = 0; i < g->P; i++) {
    double d = m->mean[i] - r->mean[i];
    leaf[g->leaf_of[i]] += d * d;
  }
  for (int k = 0; k < g->n; k++) {
    double sum = 0;
    for (int l = 0; l < g->n_leaves; l++) sum += group_has_leaf(g, k, l) ? leaf[l] : 0;
    out[k].bias = sqrt(sum);
  }
}

static double of_one(double trace)
{
  return isnan(trace) ? 0 : trace;
}

/* A gradient is a sum of float-rounded terms about as large as one estimate of all numbers
   together: a group's own terms may cancel (stl by phi at the posterior), and only their rounding
   is left. A projection adds them with random signs. */
static double rounding_of(const group_moments *own, const group_moments *theirs)
{
  double spread = fmax(of_one(own->trace), of_one(theirs->trace));
  return 16 * (double)FLT_EPSILON * sqrt(fmax(0, theirs->squared_norm) + spread);
}

void verdicts_of(const moments *m, const moments *r, verdict out[GROUPS])
{
  const groups *g = m->g;
  group_moments own[GROUPS], theirs[GROUPS];
  double tails[GROUPS];
  bool rejected[GROUPS] = { false };
  moments_read(m, own, NULL);
  moments_read(r, theirs, NULL);
  differences(m, r, out);
  double rounding = rounding_of(&own[g->n_leaves], &theirs[g->n_leaves]); /* of "all" */
  for (int k = 0; k < g->n; k++) {
    double a = of_one(own[k].trace), b = of_one(theirs[k].trace),
           norm = sqrt(fmax(0, theirs[k].squared_norm));
    out[k].chance = sqrt(a / (double)m->n + b / (double)r->n);
    out[k].word = out[k].chance > rounding && VERDICT_REACH * out[k].chance > norm / 2
                      ? "cannot tell"
                      : "unbiased";
    tails[k] = group_tail(m, r, k, rounding);
  }
  reject(tails, g->n, rejected);
  for (int k = 0; k < g->n; k++)
    if (holds_rejected(g, k, rejected)) out[k].word = "biased";
}
