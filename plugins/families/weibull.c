/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Weibull(scale = s, concentration = k): F(x) = 1 - exp(-(x / s)^k), x > 0. Johnson, Kotz and
 * Balakrishnan 1994, eq. 21.3. The value form is y = log x: with t = k (y - log s) the standard
 * exponential variate is e^t. */
#include "exact.h"

#define PI2_6 1.64493406684822643647 /* pi^2 / 6 */

enum { LOG_S, LOG_K };
static const elbo_param params[] = {
  { "scale", ELBO_POSITIVE, 0, 1.0, "the value that 1 - 1/e lie below" },
  { "concentration", ELBO_POSITIVE, 0, 1.0, "shape" },
};

static double edge(const double *y, const double *w, double *dx, double *dw)
{
  if (dx) dx[0] = 0;
  if (dw) dw[LOG_S] = dw[LOG_K] = 0;
  if (y[0] > 0 || w[LOG_K] > 0) return -INFINITY;
  return w[LOG_K] == 0 ? -w[LOG_S] : INFINITY;
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  (void)c;
  if (isinf(y[0])) return edge(y, w, dx, dw);
  double k = exp(w[LOG_K]), t = k * (y[0] - w[LOG_S]), m = expm1(t);
  if (dx) dx[0] = -k * m - 1;
  if (dw) {
    dw[LOG_S] = k * m;
    dw[LOG_K] = 1 - t * m;
  }
  return w[LOG_K] + t - exp(t) - y[0];
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double d = log(-log1p(-u)) * exp(-w[LOG_K]);
  if (dw) {
    dw[LOG_S] = 1;
    dw[LOG_K] = -d;
  }
  return w[LOG_S] + d;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  (void)c;
  double k = exp(w[LOG_K]), t = k * (y - w[LOG_S]), e = exp(t), s = exp(-e);
  if (dw) {
    double f = e > 0 && s > 0 ? (upper ? -e : e) * s : 0; /* dF/dt */
    dw[LOG_S] = -k * f;
    dw[LOG_K] = f != 0 ? t * f : 0;
  }
  return upper ? s : -expm1(-e);
}

/* Gamma(1 + 2e) - Gamma(1 + e)^2 = Gamma(1 + e)^2 expm1(lgamma(1 + 2e) - 2 lgamma(1 + e)), whose
   exponent is that of the Bregman divergences of lgamma at 1. */
static double variance(const elbo_call *c, const double *w)
{
  double e = exp(-w[LOG_K]), (*f)(uint32_t, double, double) = c->host->special;
  double l = f(ELBO_LGAMMA_BREGMAN, 1, 2 * e) - 2 * f(ELBO_LGAMMA_BREGMAN, 1, e);
  return exp(2 * (w[LOG_S] + f(ELBO_LGAMMA, 1 + e, 0))) * expm1(l);
}
static double mean(const elbo_call *c, const double *w)
{
  return exp(w[LOG_S] + c->host->special(ELBO_LGAMMA, 1 + exp(-w[LOG_K]), 0));
}
static double entropy(const double *w)
{
  return -EULER_GAMMA * expm1(-w[LOG_K]) + w[LOG_S] - w[LOG_K] + 1;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  out[0] = which == ELBO_ENTROPY    ? entropy(w)
           : which == ELBO_MEAN     ? mean(c, w)
           : which == ELBO_VARIANCE ? variance(c, w)
           : w[LOG_K] > 0           ? exp(w[LOG_S] + log(-expm1(-w[LOG_K])) * exp(-w[LOG_K]))
                                    : 0;
  return ELBO_OK;
}

static double kl_weibull(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  double k = exp(p[LOG_K]), d = k * (q[LOG_S] - p[LOG_S]), by_t, by_d,
         value = kl_weibull_pair(c, p[LOG_K] - q[LOG_K], d, &by_t, &by_d);
  if (dq) {
    dq[LOG_S] = k * by_d;
    dq[LOG_K] = -by_t;
  }
  if (dp) {
    dp[LOG_S] = -k * by_d;
    dp[LOG_K] = by_t + d * by_d;
  }
  return value;
}

/* Weibull(1 / rate, 1). */
static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  double w[] = { -p[0], 0 }, d[2], value = kl_weibull(c, q, w, dq, d);
  if (dp) dp[0] = -d[LOG_S];
  return value;
}

/* Weibull(sqrt(2) scale, 2). */
static double kl_rayleigh(const elbo_call *c, const double *q, const double *p, double *dq,
                          double *dp)
{
  double w[] = { p[0] + 0.5 * LN_2, LN_2 }, d[2], value = kl_weibull(c, q, w, dq, d);
  if (dp) dp[0] = d[LOG_S];
  return value;
}

/* By log k: e = 1/k falls as k grows. */
static double mean_slope(const elbo_call *c, const double *w)
{
  double e = exp(-w[LOG_K]);
  return -e * mean(c, w) * c->host->special(ELBO_DIGAMMA, 1 + e, 0);
}

/* With e = 1/k the log of the mean less E log x is lgamma(1+e) + gamma e; its derivative, psi(1+e)
   - psi(1). */
static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double e = exp(-q[LOG_K]), g = EULER_GAMMA * e;
  exact_log_moments t = { .h = entropy(q),
                          .m = mean(c, q),
                          .l = q[LOG_S] - g,
                          .gap = f(ELBO_LGAMMA_BREGMAN, 1, e),
                          .dh = { 1, g - 1 },
                          .dl = { 1, g },
                          .dgap = { 0, -e * (f(ELBO_DIGAMMA_REST, 1, e) + log1p(e)) } };
  return kl_to_gamma(c, &t, 2, p, dq, dp);
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  double e = exp(-q[LOG_K]), m = mean(c, q), slope = mean_slope(c, q), v = variance(c, q);
  double second = v + m * m; /* E x^2 = s^2 Gamma(1 + 2e) */
  double by_k = -2 * e * second * c->host->special(ELBO_DIGAMMA, 1 + 2 * e, 0) - 2 * m * slope;
  exact_moments t = { entropy(q), m, v, { 1, EULER_GAMMA * e - 1 }, { m, slope }, { 2 * v, by_k } };
  return kl_to_normal(&t, 2, p, dq, dp);
}

/* log x = log s - g / k, g a Gumbel variate. */
static double kl_log_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  (void)c;
  double e = exp(-q[LOG_K]), g = EULER_GAMMA * e, v = PI2_6 * e * e;
  exact_moments t = {
    1 + EULER_GAMMA - q[LOG_K], q[LOG_S] - g, v, { 0, -1 }, { 1, g }, { 0, -2 * v }
  };
  return kl_to_normal(&t, 2, p, dq, dp);
}

/* From Gamma(a, rate): E x^k = Gamma(a + k) / Gamma(a) / rate^k. */
static double kl_from_gamma(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double a = exp(q[0]), k = exp(p[LOG_K]), psi = f(ELBO_DIGAMMA, a, 0),
         tri = f(ELBO_TRIGAMMA, a, 0);
  double d = q[1] + p[LOG_S], l = k * (psi - d) + f(ELBO_LGAMMA_BREGMAN, a, k), e = exp(l);
  double next = f(ELBO_DIGAMMA, a + k, 0);
  if (dq) {
    dq[0] = a * ((a - k) * tri - 1 + e * (next - psi));
    dq[1] = k - k * e;
  }
  if (dp) {
    dp[LOG_S] = k - k * e;
    dp[LOG_K] = -1 + k * (d - psi) + k * e * (next - d);
  }
  return (a - k) * psi + k * d - a - f(ELBO_LGAMMA, a, 0) - p[LOG_K] + e;
}

static const elbo_kl kls[] = {
  { "weibull", "weibull", kl_weibull, { NULL } },
  { "weibull", "exponential", kl_exponential, { NULL } },
  { "weibull", "rayleigh", kl_rayleigh, { NULL } },
  { "weibull", "gamma", kl_gamma, { NULL } },
  { "weibull", "normal", kl_normal, { NULL } },
  { "weibull", "log_normal", kl_log_normal, { NULL } },
  { "gamma", "weibull", kl_from_gamma, { NULL } },
};

static const elbo_family weibull = {
  ELBO_FAMILY_SIZES,
  .name = "weibull",
  .summary = "power of a waiting time",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOG,
  .support = { ELBO_SUP_POSITIVE, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return exp(log_scale + lgamma(1 + exp(-log_concentration)));",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, weibull);
