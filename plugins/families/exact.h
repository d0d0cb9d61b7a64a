/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * exact.h - small functions in double that several families need, written so that no digit
 * cancels. */
#ifndef EXACT_H
#define EXACT_H

#include <math.h>
#include <elbo/kernel.h>

#define HALF_LOG_2PI 0.91893853320467274178
#define EULER_GAMMA 0.57721566490153286061

ELBO_INLINE double softplus(double t)
{
  return fmax(t, 0) + log1p(exp(-fabs(t)));
}
ELBO_INLINE double sigmoid(double t)
{
  return t < 0 ? exp(t) / (1 + exp(t)) : 1 / (1 + exp(-t));
}

/* expm1(t) - t: a divergence of near equals lives in it. */
ELBO_INLINE double em1(double t)
{
  if (!(fabs(t) < 0.3)) return expm1(t) - t;
  double term = t * t / 2, sum = term;
  for (int k = 3; fabs(term) > 1e-17 * sum; k++) sum += term *= t / k;
  return sum;
}

/* t - log1p(t), by log1p(t) = 2 artanh(t / (2 + t)). */
ELBO_INLINE double phi(double t)
{
  if (!(fabs(t) < 0.3)) return t - log1p(t);
  double r = t / (2 + t), z = r * r, term = r, sum = 0;
  for (int k = 3; k < 24; k += 2) sum += (term *= z) / k;
  return t * r - 2 * sum;
}

/* KL(q || Normal(loc, s)) for q of entropy h, mean m, variance v, whose derivatives by its two
   (or one) parameters are dh, dm, dv. */
typedef struct {
  double h, m, v;
  double dh[2], dm[2], dv[2];
} exact_moments;
ELBO_INLINE double kl_to_normal(const exact_moments *q, int n, const double *p, double *dq,
                                double *dp)
{
  double i = exp(-p[1]), d = (q->m - p[0]) * i, v = q->v * i * i;
  for (int k = 0; dq && k < n; k++) dq[k] = -q->dh[k] + d * i * q->dm[k] + 0.5 * i * i * q->dv[k];
  if (dp) {
    dp[0] = -d * i;
    dp[1] = 1 - v - d * d;
  }
  return -q->h + p[1] + HALF_LOG_2PI + 0.5 * (v + d * d);
}

#endif
