/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Log-normal(loc, scale): x = e^y, y Normal(loc, scale), which is the value form. Johnson, Kotz
 * and Balakrishnan 1994, eq. 14.2. r = (y - loc) / scale. */
#include "loc_scale.h"

enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mean of log x" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "standard deviation of log x" },
};

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (y[0] - w[LOC]) * t;
  int inside = !isinf(y[0]);
  if (dx) dx[0] = inside ? -r * t - 1 : 0;
  if (dw) {
    dw[LOC] = inside ? r * t : 0;
    dw[LOG_SCALE] = inside ? (r - 1) * (r + 1) : 0;
  }
  return inside ? -0.5 * r * r - w[LOG_SCALE] - HALF_LOG_2PI - y[0] : -INFINITY;
}

static double entropy(const double *w)
{
  return w[LOC] + w[LOG_SCALE] + HALF_LOG_2PI + 0.5;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double v = exp(2 * w[LOG_SCALE]);
  out[0] = which == ELBO_ENTROPY    ? entropy(w)
           : which == ELBO_MEAN     ? exp(w[LOC] + v / 2)
           : which == ELBO_VARIANCE ? exp(2 * w[LOC] + v) * expm1(v)
                                    : exp(w[LOC] - v);
  return ELBO_OK;
}

/* That of the normal distributions of log x. */
static double kl_log_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  (void)c;
  double t = 2 * (q[LOG_SCALE] - p[LOG_SCALE]), i = exp(-p[LOG_SCALE]), d = (q[LOC] - p[LOC]) * i;
  if (dq) {
    dq[LOC] = d * i;
    dq[LOG_SCALE] = expm1(t);
  }
  if (dp) {
    dp[LOC] = -d * i;
    dp[LOG_SCALE] = -expm1(t) - d * d;
  }
  return em1(t) / 2 + d * d / 2;
}

/* KL(LogNormal || Gamma(a, rate)) = -H - a log rate + lgamma(a) - (a-1) loc + rate E x: with y the
   log of the ratio of the means, v = scale^2 and s Stirling's error it is a (e^y - 1 - y) + a v/2 -
   1/2 - log(a v)/2 + s(a), which is small where the two are alike. */
static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  double a = exp(p[0]), v = exp(2 * q[LOG_SCALE]), log_mean = q[LOC] + v / 2,
         y = p[1] + log_mean - p[0], by_y, gap = poisson_gap(a, y, exp(p[1] + log_mean), &by_y);
  if (dq) {
    dq[LOC] = by_y;
    dq[LOG_SCALE] = v * (a + by_y) - 1;
  }
  if (dp) {
    dp[0] = a * (v / 2 - y + c->host->special(ELBO_STIRLING_DA, a, 0)) - 0.5;
    dp[1] = by_y;
  }
  return gap + a * v / 2 - 0.5 - q[LOG_SCALE] - 0.5 * p[0] + c->host->special(ELBO_STIRLING, a, 0);
}

static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  double v = exp(2 * q[LOG_SCALE]), m = exp(q[LOC] + v / 2);
  exact_moments t = { .h = entropy(q), .m = m, .dh = { 1, 1 }, .dm = { m, v * m } };
  return kl_to_exponential(&t, 2, p, dq, dp);
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double v = exp(2 * q[LOG_SCALE]), m = exp(q[LOC] + v / 2), second = m * m * exp(v),
         variance = m * m * expm1(v);
  exact_moments t = { entropy(q),   m,
                      variance,     { 1, 1 },
                      { m, v * m }, { 2 * variance, 4 * v * second - 2 * v * m * m } };
  return kl_to_normal(&t, 2, p, dq, dp);
}

/* E (x / s)^k = exp(k (loc - log s) + k^2 scale^2 / 2) */
static double kl_weibull(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  (void)c;
  double k = exp(p[1]), d = k * (q[LOC] - p[0]), v = k * k * exp(2 * q[LOG_SCALE]),
         e = exp(d + v / 2);
  if (dq) {
    dq[LOC] = k * e - k;
    dq[LOG_SCALE] = v * e - 1;
  }
  if (dp) {
    dp[0] = k - k * e;
    dp[1] = e * (d + v) - d - 1;
  }
  return -q[LOG_SCALE] - HALF_LOG_2PI - 0.5 - p[1] - d + e;
}

/* That of 1/x, which is log-normal too. */
static double kl_inverse_gamma(const elbo_call *c, const double *q, const double *p, double *dq,
                               double *dp)
{
  double turned[2] = { -q[LOC], q[LOG_SCALE] }, value = kl_gamma(c, turned, p, dq, dp);
  if (dq) dq[LOC] = -dq[LOC];
  return value;
}

/* psi''(a) = -sum 2 / (a + k)^3: 10 terms, then its asymptotic series (DLMF 5.15.9). */
static double tetragamma(double a)
{
  double sum = 0;
  for (; a < 10; a++) sum -= 2 / (a * a * a);
  double i = 1 / a, z = i * i;
  return sum - z * (1 + i + z * (0.5 - z * (1.0 / 6 - z * (1.0 / 6 - z * (0.3 - z * 5.0 / 6)))));
}
/* From Gamma(a, rate): log x has the mean psi(a) - log rate, the variance psi'(a) and the entropy
   lgamma(a) + a - a psi(a). */
static double kl_from_gamma(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  double a = exp(q[0]), (*f)(uint32_t, double, double) = c->host->special,
         psi = f(ELBO_DIGAMMA, a, 0), tri = f(ELBO_TRIGAMMA, a, 0);
  exact_moments t = { log_gamma_entropy(c, a),  psi - q[1],      tri,
                      { a * (1 - a * tri), 0 }, { a * tri, -1 }, { a * tetragamma(a), 0 } };
  return kl_to_normal(&t, 2, p, dq, dp);
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  float t = elbo_expf(-in[2]), r = (in[0] - in[1]) * t;
  int inside = elbo_absf(in[0]) < ELBO_INFF || in[0] != in[0];
  float slope = inside ? r * t : 0.0f;
  grad[0] = inside ? -slope - 1.0f : 0.0f;
  grad[1] = slope;
  grad[2] = inside ? (r - 1.0f) * (r + 1.0f) : 0.0f;
  return inside ? -0.5f * r * r - in[2] - (float)HALF_LOG_2PI - in[0] : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 2)

static const elbo_kl kls[] = {
  { "log_normal", "log_normal", kl_log_normal, { NULL } },
  { "log_normal", "gamma", kl_gamma, { NULL } },
  { "log_normal", "exponential", kl_exponential, { NULL } },
  { "log_normal", "normal", kl_normal, { NULL } },
  { "log_normal", "weibull", kl_weibull, { NULL } },
  { "log_normal", "inverse_gamma", kl_inverse_gamma, { NULL } },
  { "gamma", "log_normal", kl_from_gamma, { NULL } },
};

static const char *const uses[] = { "normal", NULL };

static const elbo_family log_normal = {
  ELBO_FAMILY_SIZES,
  .name = "log_normal",
  .summary = "exponential of a normal",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOG,
  .support = { ELBO_SUP_POSITIVE, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "composition",
  .noise_per_event = 1,
  .uses = uses,
  .icdf = normal_icdf,
  .draw = normal_draw,
  .pull = pull_loc_scale,
  .cdf = normal_cdf,
  .moment = moment,
  .mean_in_c = "return exp(loc + exp(2 * log_scale) / 2);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, log_normal);
