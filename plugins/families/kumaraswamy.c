/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Kumaraswamy(concentration1 = a, concentration0 = b): F(x) = 1 - (1 - x^a)^b on (0, 1). Jones
 * 2009, eq. 1 to 3. The value form is y = logit x, in which neither end rounds. */
#include "exact.h"

enum { LOG_A, LOG_B };
static const elbo_param params[] = {
  { "concentration1", ELBO_POSITIVE, 0, 1.0, "power at 0" },
  { "concentration0", ELBO_POSITIVE, 0, 1.0, "power at 1" },
};
#define LARGE 8.0

/* log x, q = a log x, l = log(1 - x^a), its slope by y and by log a. */
typedef struct {
  double log_x, l, by_y, by_a;
} point;
static point point_of(double y, double log_a)
{
  double log_x = -softplus(-y), q = exp(log_a) * log_x, k = 1 / expm1(-q);
  if (y > 36 && log_a - y < -36) return (point){ log_x, log_a - y, -1, 1 };
  return (point){ log_x, log1mexp(q), -k * exp(log_a) * sigmoid(-y), -k * q };
}

/* The limits at x = 0 and 1: of (e - 1) log 0 plus what is left. */
static double edge(const double *y, const double *w, double *dx, double *dw)
{
  double e = w[y[0] > 0 ? LOG_B : LOG_A];
  if (dx) dx[0] = 0;
  if (dw) dw[LOG_A] = dw[LOG_B] = 0;
  return e > 0 ? -INFINITY : e < 0 ? INFINITY : w[LOG_A] + w[LOG_B];
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  (void)c;
  if (isinf(y[0])) return edge(y, w, dx, dw);
  point p = point_of(y[0], w[LOG_A]);
  double less_a = expm1(w[LOG_A]), less_b = expm1(w[LOG_B]);
  if (dx) dx[0] = less_a * sigmoid(-y[0]) + less_b * p.by_y;
  if (dw) {
    dw[LOG_A] = 1 + exp(w[LOG_A]) * p.log_x + less_b * p.by_a;
    dw[LOG_B] = 1 + exp(w[LOG_B]) * p.l;
  }
  return w[LOG_A] + w[LOG_B] + less_a * p.log_x + less_b * p.l;
}

/* 1 - x^a = (1 - u)^(1/b) = e^l; beyond 1 - x = e^-36, where x is 1, by log(1 - x) = l - log a. */
static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double l = log1p(-u) * exp(-w[LOG_B]), far = l - w[LOG_A], y = -far;
  if (!(l < -40 && far < -36)) {
    double log_x = (l < -40 ? -exp(l) : log1mexp(l)) * exp(-w[LOG_A]);
    y = log_x - log1mexp(log_x);
  }
  if (dw) {
    point p = point_of(y, w[LOG_A]);
    int inside = !isinf(y);
    dw[LOG_A] = inside ? -p.by_a / p.by_y : 0;
    dw[LOG_B] = inside ? -p.l / p.by_y : 0;
  }
  return y;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  (void)c;
  if (dw) dw[LOG_A] = dw[LOG_B] = 0;
  if (isinf(y)) return (y < 0) == !!upper;
  point p = point_of(y, w[LOG_A]);
  double b = exp(w[LOG_B]), s = exp(b * p.l);
  if (dw && s > 0) {
    double f = (upper ? b : -b) * s;
    dw[LOG_A] = f * p.by_a;
    dw[LOG_B] = f * p.l;
  }
  return upper ? s : -expm1(b * p.l);
}

/* lgamma(b + d) - lgamma(b); from 8 on by Stirling's errors. */
static double lgamma_step(const elbo_call *c, double b, double d)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  if (b < LARGE) return f(ELBO_LGAMMA, b + d, 0) - f(ELBO_LGAMMA, b, 0);
  return (b - 0.5) * log1p(d / b) + d * (log(b + d) - 1) + f(ELBO_STIRLING, b + d, 0) -
         f(ELBO_STIRLING, b, 0);
}

/* E x^n = Gamma(1 + d) Gamma(1 + b) / Gamma(1 + b + d), d = n/a (Jones 2009, eq. 3.1). Where b is
 * the smaller one, its log goes by steps of b, so that each part is of the size of b: lgamma's step
 * from c is b psi(c) and the Bregman divergence. */
static double log_mean(const elbo_call *c, const double *w)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double d = exp(-w[LOG_A]), b = exp(w[LOG_B]);
  if (b >= d) return f(ELBO_LGAMMA, 1 + d, 0) - lgamma_step(c, 1 + b, d);
  return f(ELBO_LGAMMA_BREGMAN, 1, b) - f(ELBO_LGAMMA_BREGMAN, 1 + d, b) -
         b * f(ELBO_DIGAMMA_GAP, 1, d);
}

/* Of small d and b by lgamma(1 + t) = -gamma t + sum of zeta(k) (-t)^k / k (DLMF 5.7.3): the powers
 * of d alone, of b alone and the terms of k = 2 cancel, and what is left of k is -C(k, m) (2^m - 2)
 * b^(k-m) d^m, m from 2 to k - 1. */
static double small_excess(double d, double b)
{
  static const double zeta[] = { 1.20205690315959429, 1.08232323371113819, 1.03692775514336993,
                                 1.01734306198444914, 1.00834927738192283, 1.00407735619794434,
                                 1.00200839282608221, 1.00099457512781809, 1.00049418860411946,
                                 1.00024608655330805, 1.00012271334757849, 1.0000612481350587 };
  double sum = 0;
  for (int k = sizeof zeta / sizeof *zeta + 2; k > 2; k--) {
    double terms = 0, binomial = k;
    for (int m = 2; m < k; m++) {
      binomial *= (double)(k - m + 1) / m;
      terms += binomial * (ldexp(1, m) - 2) * pow(b, k - m) * pow(d, m);
    }
    sum += (k % 2 ? 1 : -1) * zeta[k - 3] / k * terms;
  }
  return sum;
}

/* log E x^2 - 2 log E x. By steps of d the linear terms cancel, and Bregman divergences are left.
 */
static double log_excess(const elbo_call *c, double d, double b)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  if (fmax(b, d) < 0x1p-6) return small_excess(d, b);
  if (b < d)
    return b * (2 * f(ELBO_DIGAMMA_GAP, 1, d) - f(ELBO_DIGAMMA_GAP, 1, 2 * d)) -
           f(ELBO_LGAMMA_BREGMAN, 1, b) - f(ELBO_LGAMMA_BREGMAN, 1 + 2 * d, b) +
           2 * f(ELBO_LGAMMA_BREGMAN, 1 + d, b);
  return (f(ELBO_LGAMMA_BREGMAN, 1, 2 * d) - 2 * f(ELBO_LGAMMA_BREGMAN, 1, d)) -
         (f(ELBO_LGAMMA_BREGMAN, 1 + b, 2 * d) - 2 * f(ELBO_LGAMMA_BREGMAN, 1 + b, d));
}

static double variance(const elbo_call *c, const double *w)
{
  double l = log_excess(c, exp(-w[LOG_A]), exp(w[LOG_B]));
  return exp(2 * log_mean(c, w) + l) * -expm1(-l); /* (E x)^2 alone may underflow */
}

/* H = 1 - 1/b + (1 - 1/a) (psi(b + 1) + gamma) - log(a b) */
static double entropy(const elbo_call *c, const double *w)
{
  double h = c->host->special(ELBO_DIGAMMA, 1 + exp(w[LOG_B]), 0) + EULER_GAMMA;
  return -expm1(-w[LOG_B]) - expm1(-w[LOG_A]) * h - w[LOG_A] - w[LOG_B];
}

/* A pole before a peak, the lower of two; x^a = (a - 1)/(a b - 1) between. */
static double mode(const double *w)
{
  double a = w[LOG_A], b = w[LOG_B];
  if (a < 0 || (a == 0 && b >= 0)) return 0;
  if (b <= 0) return 1;
  return exp(log(expm1(a) / expm1(a + b)) * exp(-a));
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  out[0] = which == ELBO_ENTROPY    ? entropy(c, w)
           : which == ELBO_MEAN     ? exp(log_mean(c, w))
           : which == ELBO_VARIANCE ? variance(c, w)
                                    : mode(w);
  return ELBO_OK;
}

/* Uniform(low, log width) around (0, 1): log width less the entropy. */
static double kl_uniform(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  double i = exp(-q[LOG_A]), b = exp(q[LOG_B]);
  if (!interval_holds(p[0], p[1], 0, 1)) return kl_infinite(2, 2, dq, dp);
  if (dq) {
    double (*f)(uint32_t, double, double) = c->host->special;
    dq[LOG_A] = 1 - i * (f(ELBO_DIGAMMA, 1 + b, 0) + EULER_GAMMA);
    dq[LOG_B] = 1 - 1 / b + expm1(-q[LOG_A]) * b * f(ELBO_TRIGAMMA, 1 + b, 0);
  }
  if (dp) dp[0] = 0, dp[1] = 1;
  return p[1] - entropy(c, q);
}

static const elbo_kl kls[] = { { "kumaraswamy", "uniform", kl_uniform, { NULL } } };

static const elbo_family kumaraswamy = {
  ELBO_FAMILY_SIZES,
  .name = "kumaraswamy",
  .summary = "a beta with a closed cdf",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOGIT,
  .support = { ELBO_SUP_UNIT, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = 1,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, kumaraswamy);
