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

#define LN_2 0.69314718055994530942
#define LN_2_LOW 2.3190468138462996e-17 /* log 2 less its double */

/* log(1 - e^z), z <= 0 (Maechler 2012, eq. 7). */
ELBO_INLINE double log1mexp(double z)
{
  return z > -LN_2 ? log(-expm1(z)) : log1p(-exp(z));
}

/* An infinite divergence, which has no gradient: 0. */
ELBO_INLINE double kl_infinite(int n, int n2, double *dq, double *dp)
{
  for (int k = 0; dq && k < n; k++) dq[k] = 0;
  for (int k = 0; dp && k < n2; k++) dp[k] = 0;
  return INFINITY;
}

/* KL(q || Exponential(rate)) = -h - log rate + rate m, for q >= 0; an infinite mean is told by
   m. */
ELBO_INLINE double kl_to_exponential(const exact_moments *q, int n, const double *p, double *dq,
                                     double *dp)
{
  double rate = exp(p[0]);
  if (isinf(q->m)) return kl_infinite(n, 1, dq, dp);
  for (int k = 0; dq && k < n; k++) dq[k] = -q->dh[k] + rate * q->dm[k];
  if (dp) dp[0] = rate * q->m - 1;
  return -q->h - p[0] + rate * q->m;
}

/* KL(q || Gamma(a, rate)) for q > 0 of entropy h, mean m and l = E log x. */
typedef struct {
  double h, m, l;
  double dh[2], dm[2], dl[2];
} exact_log_moments;
ELBO_INLINE double kl_to_gamma(const elbo_call *c, const exact_log_moments *q, int n,
                               const double *p, double *dq, double *dp)
{
  double a = exp(p[0]), less = expm1(p[0]), rate = exp(p[1]); /* less = a - 1 */
  if (isinf(q->m)) return kl_infinite(n, 2, dq, dp);
  for (int k = 0; dq && k < n; k++) dq[k] = -q->dh[k] - less * q->dl[k] + rate * q->dm[k];
  if (dp) {
    dp[0] = a * (c->host->special(ELBO_DIGAMMA, a, 0) - p[1] - q->l);
    dp[1] = rate * q->m - a;
  }
  return -q->h - a * p[1] + c->host->special(ELBO_LGAMMA, a, 0) - less * q->l + rate * q->m;
}

/* Between two Weibull distributions, as between the Gumbel distributions of -log x: with t =
   log(k_p / k_q), d = k_p (log s_q - log s_p) it is e^d Gamma(1 + e^t) - 1 - d - t + gamma (e^t -
   1) = em1(l) + b, l = d + lgamma(1 + e^t), b the Bregman divergence of lgamma at 1. Bauckhage
   2013, eq. 7. */
ELBO_INLINE double kl_weibull_pair(const elbo_call *c, double t, double d, double *by_t,
                                   double *by_d)
{
  double b = c->host->special(ELBO_LGAMMA_BREGMAN, 1, expm1(t)), ratio = exp(t),
         l = d + t - EULER_GAMMA * expm1(t) + b;
  *by_t = ratio * (EULER_GAMMA + exp(l) * c->host->special(ELBO_DIGAMMA, 1 + ratio, 0)) - 1;
  *by_d = expm1(l);
  return em1(l) + b;
}

/* KL(Bernoulli(logits a) || Bernoulli(logits b)) and its derivatives. Of the rarer outcome, of
   probability p, with d = b - a: log1p(p expm1(d)) - p d = p em1(d) - phi(p expm1(d)). */
ELBO_INLINE double logits_kl(double logits_q, double logits_p, double *dq, double *dp)
{
  *dq = *dp = 0;
  if (logits_q == logits_p) return 0;
  double turn = logits_q > 0 ? -1 : 1, a = turn * logits_q, b = turn * logits_p, d = b - a;
  if (isinf(b)) return INFINITY;
  double p = sigmoid(a), q = sigmoid(-a);
  if (!isinf(a)) *dq = -turn * p * q * d;
  *dp = turn * (d > 0 ? -sigmoid(b) * q * expm1(-d) : p * sigmoid(-b) * expm1(d));
  if (isinf(a)) return softplus(b);
  if (fabs(d) < 1) return p * em1(d) - phi(p * expm1(d));
  return -p * d + softplus(b) - softplus(a);
}

/* Counts 0, 1, .. to `high`: the least k with cdf(k) >= u, by steps that double from a guess and
   then halve; by the smaller of the two tails. */
typedef double count_cdf(const elbo_call *, double k, const double *w, int upper, double *dw);
ELBO_INLINE int reaches(const elbo_call *c, count_cdf *cdf, double k, double u, const double *w)
{
  if (k < 0) return 0;
  return u <= 0.5 ? cdf(c, k, w, 0, NULL) >= u : cdf(c, k, w, 1, NULL) <= 1 - u;
}
ELBO_INLINE double least_count(const elbo_call *c, count_cdf *cdf, double u, const double *w,
                               double guess, double high)
{
  if (!(u > 0)) return 0;
  if (u >= 1) return high;
  double k = fmin(fmax(floor(guess), 0), high), low = k, up = k, step = 1;
  if (reaches(c, cdf, k, u, w))
    for (low = k - 1; reaches(c, cdf, low, u, w); low -= step *= 2) up = low;
  else
    for (up = k + 1; up < high && !reaches(c, cdf, up, u, w); up += step *= 2) low = up;
  low = fmax(low, -1);
  up = fmin(up, high);
  for (k = floor((low + up) / 2); up - low > 1 && k > low && k < up; k = floor((low + up) / 2))
    if (reaches(c, cdf, k, u, w))
      up = k;
    else
      low = k;
  return up;
}

/* The normal quantile moved by the skew: mean + sd z + skew sd (z^2 - 1) / 6 (Cornish and Fisher
   1938), a guess for the above. */
ELBO_INLINE double guess_count(const elbo_call *c, double u, double mean, double sd, double skew_sd)
{
  double z = u > 0 && u < 1 ? c->host->special(ELBO_NDTRI, u, 0) : 0;
  return mean + sd * z + skew_sd * (z * z - 1) / 6;
}

/* The mode of counts whose mass rises from k - 1 to k while k < t and is level at k = t: the
   smaller of a tie. t is right to `slack` of it. */
ELBO_INLINE double count_mode(double t, double slack)
{
  double whole = nearbyint(t);
  return fmax(ceil(fabs(t - whole) <= slack * t ? whole : t) - 1, 0);
}
#define MODE_SLACK 1e-14

#endif
