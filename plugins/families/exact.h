/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * exact.h - small functions in double that several families need, written so that no digit
 * cancels.
 *
 * A divergence of q from p gets what it needs of q, and p's working parameters; dq and dp, the
 * gradients by the working parameters of both, as many as there are, are overwritten, or NULL where
 * they are not wanted. No other pointer is NULL, unless its comment says so. All are [exec]. */
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

/* The entropy of log x, x from Gamma(a, 1): lgamma(a) + a - a psi(a); of a large a by Stirling's
 * series (DLMF 5.11.1, 5.11.2), whose large terms cancel here. */
ELBO_INLINE double log_gamma_entropy(const elbo_call *c, double a)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  if (a < 8) return f(ELBO_LGAMMA, a, 0) + a - a * f(ELBO_DIGAMMA, a, 0);
  return HALF_LOG_2PI + 0.5 - 0.5 * log(a) + f(ELBO_STIRLING, a, 0) - a * f(ELBO_STIRLING_DA, a, 0);
}

/* lgamma(x) = x log x - x + F(x), F by Stirling's formula. Between b and a = b - d, value = F(b) -
 * F(a) - d F'(a), the Bregman divergence of F, which is convex, and its derivatives. */
typedef struct {
  double value, by_a, by_b;
} lgamma_gap;
ELBO_INLINE lgamma_gap lgamma_from(const elbo_call *c, double a, double b, double d)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double by_a = -d * f(ELBO_TRIGAMMA_REST, a, 0);
  if (b > 0.5 * a)
    return (lgamma_gap){ f(ELBO_LGAMMA_REST, a, d), by_a, f(ELBO_DIGAMMA_REST, a, d) };
  /* far below, d has no digits of b left */
  double slope_a = f(ELBO_STIRLING_DA, a, 0) - 0.5 / a,
         slope_b = f(ELBO_STIRLING_DA, b, 0) - 0.5 / b;
  double value = f(ELBO_STIRLING, b, 0) - f(ELBO_STIRLING, a, 0) + 0.5 * log(a / b) - d * slope_a;
  return (lgamma_gap){ value, by_a, slope_b - slope_a };
}

/* b (e^y - 1 - y), the divergence of two Poisson distributions, and its derivative by y; more: b
 * e^y, for where e^y is not small beside 1, or overflows. */
ELBO_INLINE double poisson_gap(double b, double y, double more, double *by_y)
{
  *by_y = y < 1 ? b * expm1(y) : more - b;
  return y < 1 ? b * em1(y) : more - b * (1 + y);
}

/* KL(Gamma(a, .) || Gamma(b, .)), r the log of p's rate over q's: a (e^r - 1) - (b-a) r + lgamma(b)
 * - lgamma(a) - (b-a) psi(a) (Penny 2001, eq. 16) is, with y = r - log(b/a) the log of the ratio of
 * the means, b (e^y - 1 - y) and the gap of lgamma, neither below 0: no digit cancels. */
typedef struct {
  double value, by_log_a, by_log_b, by_r;
} gammas_kl;
ELBO_INLINE gammas_kl kl_gammas(const elbo_call *c, double log_a, double log_b, double r)
{
  double a = exp(log_a), b = exp(log_b), y = r - (log_b - log_a), by_y;
  lgamma_gap g = lgamma_from(c, a, b, a * expm1(log_b - log_a));
  double value = poisson_gap(b, y, a * exp(r), &by_y) + g.value;
  return (gammas_kl){ value, by_y + a * g.by_a, b * (g.by_b - y), by_y };
}

/* The log of C/c over A/a, of two Dirichlets' totals A, C and their concentrations a, c of corner
 * k; where a is most of A, C/A has few digits beside c/a, and the other corners tell: (a C - c A) /
 * (c A) with a C - c A = a (sum of their moves) - (c - a) (their sum). */
ELBO_INLINE double share_growth(int K, const double *q, const double *p, int k, double all,
                                double growth)
{
  double a = exp(q[k]), sum = 0, more = 0;
  if (a <= 0.5 * all) return growth - (p[k] - q[k]);
  for (int j = 0; j < K; j++) {
    sum += j == k ? 0 : exp(q[j]);
    more += j == k ? 0 : exp(q[j]) * expm1(p[j] - q[j]);
  }
  return log1p((a * more - a * expm1(p[k] - q[k]) * sum) / (exp(p[k]) * all));
}

/* KL between two Dirichlets of K log concentrations: that of the Gammas whose shares they are (y:
 * the log of the ratio of the means), less the gap of the totals. */
ELBO_INLINE double kl_dirichlets(const elbo_call *c, int K, const double *q, const double *p,
                                 double *dq, double *dp)
{
  double all = 0, other = 0, more = 0;
  for (int k = 0; k < K; k++) {
    all += exp(q[k]);
    other += exp(p[k]);
    more += exp(q[k]) * expm1(p[k] - q[k]);
  }
  lgamma_gap total = lgamma_from(c, all, other, more);
  double growth = other > 0.5 * all ? log1p(more / all) : log(other / all), value = -total.value;
  for (int k = 0; k < K; k++) {
    double a = exp(q[k]), b = exp(p[k]), y = share_growth(K, q, p, k, all, growth), by_y;
    lgamma_gap g = lgamma_from(c, a, b, a * expm1(p[k] - q[k]));
    value += poisson_gap(b, y, a * (other / all), &by_y) + g.value;
    if (dq) dq[k] = by_y + a * (g.by_a - total.by_a);
    if (dp) dp[k] = b * (g.by_b - total.by_b - y);
  }
  return value;
}

/* Gamma(a, rate) as an exponential family: T = (log x, x), h = 1 (Nielsen and Garcia 2009). By log
 * a and log rate. */
ELBO_INLINE double gamma_natural(const elbo_call *c, const double *w, double *eta, double *mean)
{
  double (*f)(uint32_t, double, double) = c->host->special, a = exp(w[0]);
  eta[0] = expm1(w[0]);
  eta[1] = -exp(w[1]);
  mean[0] = f(ELBO_DIGAMMA, a, 0) - w[1];
  mean[1] = exp(w[0] - w[1]);
  return f(ELBO_LGAMMA, a, 0) - a * w[1];
}
ELBO_INLINE void gamma_natural_pull(const elbo_call *c, const double *w, const double *deta,
                                    const double *dmean, double *dw)
{
  double a = exp(w[0]), mean = exp(w[0] - w[1]);
  dw[0] = a * (deta[0] + dmean[0] * c->host->special(ELBO_TRIGAMMA, a, 0)) + dmean[1] * mean;
  dw[1] = -deta[1] * exp(w[1]) - dmean[0] - dmean[1] * mean;
}
#define GAMMA_CARRIER "log x, x"

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

/* A uniform's interval [low, low + e^log_width]: `low` is exact, and the high end, which came
   through log width, is met to its rounding. */
ELBO_INLINE double interval_slack(double low, double log_width)
{
  return 0x1p-50 * (fabs(low) + exp(log_width) * (1 + fabs(log_width)));
}
/* Does [from, to] lie within it? */
ELBO_INLINE int interval_holds(double low, double log_width, double from, double to)
{
  return from >= low && to - low <= exp(log_width) + interval_slack(low, log_width);
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

/* KL(q || Gamma(a, rate)) for q > 0 of entropy h, mean m, l = E log x and gap = log m - l, which is
 * not below 0 (Jensen). -h - a log rate + lgamma(a) - (a-1) l + rate m is, with y = log(rate m / a)
 * the log of the ratio of the means and F = lgamma(a) - a log a + a, l - h + F + a (e^y - 1 - y) +
 * a gap: no term of the size of a log a is left to cancel. */
typedef struct {
  double h, m, l, gap;
  double dh[2], dl[2], dgap[2];
} exact_log_moments;
ELBO_INLINE double kl_to_gamma(const elbo_call *c, const exact_log_moments *q, int n,
                               const double *p, double *dq, double *dp)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double a = exp(p[0]), more = exp(p[1]) * q->m, y = log(q->m) + p[1] - p[0], by_y;
  if (isinf(q->m)) return kl_infinite(n, 2, dq, dp);
  double value = poisson_gap(a, y, more, &by_y) + a * q->gap;
  for (int k = 0; dq && k < n; k++)
    dq[k] = -q->dh[k] + q->dl[k] + by_y * q->dl[k] + more * q->dgap[k];
  if (dp) {
    dp[0] = a * (f(ELBO_STIRLING_DA, a, 0) + q->gap - y) - 0.5;
    dp[1] = by_y;
  }
  return q->l - q->h + value + f(ELBO_STIRLING, a, 0) + HALF_LOG_2PI - 0.5 * p[0];
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
ELBO_INLINE double logits_kl(double logits_q, double logits_p, double *by_q, double *by_p)
{
  *by_q = *by_p = 0;
  if (logits_q == logits_p) return 0;
  double turn = logits_q > 0 ? -1 : 1, a = turn * logits_q, b = turn * logits_p, d = b - a;
  if (isinf(b)) return INFINITY;
  double p = sigmoid(a), q = sigmoid(-a);
  if (!isinf(a)) *by_q = -turn * p * q * d;
  *by_p = turn * (d > 0 ? -sigmoid(b) * q * expm1(-d) : p * sigmoid(-b) * expm1(d));
  if (isinf(a)) return softplus(b);
  if (fabs(d) < 1) return p * em1(d) - phi(p * expm1(d));
  return -p * d + softplus(b) - softplus(a);
}

/* k (1-p) - m p, p = 1 / (1 + exp(-logits)): the slope by the logits of k events and m others;
   about p = 1/2 by p = (1 + tanh(logits/2)) / 2. */
ELBO_INLINE double logits_slope(double k, double m, double logits)
{
  if (fabs(logits) < 1) return (k - m) / 2 - (k + m) / 2 * tanh(logits / 2);
  return (k > 0 ? k * sigmoid(-logits) : 0) - (m > 0 ? m * sigmoid(logits) : 0);
}

/* exp(w) - 2, relatively right near w = log 2. */
ELBO_INLINE double exp_minus_2(double w)
{
  return 2 * expm1((w - 0.6931471805599453) - 2.3190468138462996e-17);
}

/* The call for a family that this one uses and that uses none itself. */
ELBO_INLINE elbo_call inner_call(const elbo_call *c)
{
  elbo_call inner = *c;
  inner.K = 1;
  inner.uses = NULL;
  return inner;
}

/* A divergence that a used family supplies; NaN where it does not. */
ELBO_INLINE double inner_kl(const elbo_call *c, const elbo_family *used, const char *q,
                            const char *p, const double *w, const double *w2, double *dw,
                            double *dw2)
{
  elbo_call inner = inner_call(c);
  for (uint32_t i = 0; i < used->n_kls; i++)
    if (!strcmp(used->kls[i].q, q) && !strcmp(used->kls[i].p, p))
      return used->kls[i].kl(&inner, w, w2, dw, dw2);
  return NAN;
}

/* For kernels, in double: lgamma and psi after a shift by 8 by Stirling's series
   (DLMF 5.11.1, 5.11.2), whose error is 1e-14 from 8 on. */
ELBO_INLINE double lgamma_psi(double a, double *psi)
{
  int small = a < 8;
  double prod = 1, slope = 0; /* a (a + 1) .. (a + 7) and its derivative */
  for (int k = 0; k < 8; k++) {
    slope = slope * (a + k) + prod;
    prod *= a + k;
  }
  prod = small ? prod : 1;
  slope = small ? slope : 0;
  double t = small ? a + 8 : a, i = 1 / t, z = i * i, l = elbo_log(t);
  double s = i * (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z / 1188))));
  double ds = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z / 132))));
  *psi = l - 0.5 * i - ds - slope / prod;
  return (t - 0.5) * l - t + HALF_LOG_2PI + s - elbo_log(prod);
}

#endif
