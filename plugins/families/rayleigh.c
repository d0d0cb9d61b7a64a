/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rayleigh(scale): f(x) = x / scale^2 exp(-z^2/2), z = x / scale > 0. Johnson, Kotz and
 * Balakrishnan 1994, eq. 18.76. It is a Weibull of concentration 2 and scale sqrt(2) scale. */
#include "exact.h"

#define SQRT_PI_2 1.25331413731550025121 /* sqrt(pi / 2) */
#define VARIANCE 0.42920367320510338077  /* 2 - pi / 2 */

static const elbo_param params[] = {
  { "scale", ELBO_POSITIVE, 0, 1.0, "mode" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double z = x[0] * exp(-w[0]);
  int inside = x[0] > 0 && !isinf(x[0]);
  if (dx) dx[0] = inside ? (1 - z) * (1 + z) / x[0] : 0;
  if (dw) dw[0] = inside ? z * z - 2 : 0;
  return inside ? log(x[0]) - 2 * w[0] - 0.5 * z * z : -INFINITY;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double x = sqrt(-2 * log1p(-u)) * exp(w[0]);
  if (dw) dw[0] = x;
  return x;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double z = x > 0 ? x * exp(-w[0]) : 0, t = 0.5 * z * z, e = exp(-t);
  if (dw) dw[0] = e > 0 ? (upper ? 2 : -2) * t * e : 0;
  return upper ? e : -expm1(-t);
}

static double entropy(const double *w)
{
  return 1 + w[0] - 0.5 * LN_2 + 0.5 * EULER_GAMMA;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  out[0] = which == ELBO_ENTROPY    ? entropy(w)
           : which == ELBO_MEAN     ? SQRT_PI_2 * exp(w[0])
           : which == ELBO_VARIANCE ? VARIANCE * exp(2 * w[0])
                                    : exp(w[0]);
  return ELBO_OK;
}

static double kl_rayleigh(const elbo_call *c, const double *q, const double *p, double *dq,
                          double *dp)
{
  (void)c;
  double t = 2 * (q[0] - p[0]);
  if (dq) dq[0] = 2 * expm1(t);
  if (dp) dp[0] = -2 * expm1(t);
  return em1(t);
}

static double kl_weibull(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  double k = exp(p[1]), d = k * (q[0] + 0.5 * LN_2 - p[0]), by_t, by_d,
         value = kl_weibull_pair(c, p[1] - LN_2, d, &by_t, &by_d);
  if (dq) dq[0] = k * by_d;
  if (dp) {
    dp[0] = -k * by_d;
    dp[1] = by_t + d * by_d;
  }
  return value;
}

static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  exact_log_moments t = { .h = entropy(q),
                          .m = SQRT_PI_2 * exp(q[0]),
                          .l = q[0] + 0.5 * (LN_2 - EULER_GAMMA),
                          .gap = log(SQRT_PI_2) + 0.5 * (EULER_GAMMA - LN_2),
                          .dh = { 1 },
                          .dl = { 1 } };
  return kl_to_gamma(c, &t, 1, p, dq, dp);
}

static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  exact_moments t = { .h = entropy(q), .m = SQRT_PI_2 * exp(q[0]), .dh = { 1 } };
  t.dm[0] = t.m;
  return kl_to_exponential(&t, 1, p, dq, dp);
}

/* E x^2 = 2 s_q^2 */
static double kl_half_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  double v = exp(2 * (q[0] - p[0]));
  if (dq) dq[0] = 2 * v - 1;
  if (dp) dp[0] = 1 - 2 * v;
  return -entropy(q) + HALF_LOG_2PI - LN_2 + p[0] + v;
}

static const elbo_kl kls[] = {
  { "rayleigh", "rayleigh", kl_rayleigh, { NULL } },
  { "rayleigh", "weibull", kl_weibull, { NULL } },
  { "rayleigh", "gamma", kl_gamma, { NULL } },
  { "rayleigh", "exponential", kl_exponential, { NULL } },
  { "rayleigh", "half_normal", kl_half_normal, { NULL } },
};

static const elbo_family rayleigh = {
  ELBO_FAMILY_SIZES,
  .name = "rayleigh",
  .summary = "length of a plane normal vector",
  .params = params,
  .n_params = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_POSITIVE, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return 1.25331413731550025121 * exp(log_scale);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, rayleigh);
