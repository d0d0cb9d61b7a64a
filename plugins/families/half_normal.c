/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Half-normal(scale): |x| of a Normal(0, scale). Johnson, Kotz and Balakrishnan 1994, section
 * 10.2. */
#include "exact.h"

#define SQRT_2_PI 0.79788456080286535588 /* sqrt(2 / pi) */
#define INV_SQRT_2 0.70710678118654752440
#define VARIANCE 0.36338022763241865692 /* 1 - 2 / pi */

static const elbo_param params[] = {
  { "scale", ELBO_POSITIVE, 0, 1.0, "standard deviation of the whole normal" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[0]), z = x[0] * t;
  int inside = x[0] >= 0 && !isinf(x[0]);
  if (dx) dx[0] = inside ? -z * t : 0;
  if (dw) dw[0] = inside ? (z - 1) * (z + 1) : 0;
  return inside ? LN_2 - HALF_LOG_2PI - w[0] - 0.5 * z * z : -INFINITY;
}

/* Near 0, where (1 - u)/2 has lost u, by Newton steps from two terms of the series of erf^-1. */
static double quantile(const elbo_call *c, double u)
{
  if (u >= 1) return INFINITY;
  if (u > 0.1) return -c->host->special(ELBO_NDTRI, (1 - u) / 2, 0);
  double z = u / SQRT_2_PI * (1 + u * u * 0.26179938779914943654); /* pi / 12 */
  for (int i = 0; i < 3; i++) z -= (erf(z * INV_SQRT_2) - u) / (SQRT_2_PI * exp(-0.5 * z * z));
  return z;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double x = exp(w[0]) * quantile(c, u);
  if (dw) dw[0] = x;
  return x;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double z = x > 0 ? x * exp(-w[0]) : 0, f = SQRT_2_PI * exp(-0.5 * z * z);
  if (dw) dw[0] = f > 0 ? (upper ? z : -z) * f : 0;
  return upper ? erfc(z * INV_SQRT_2) : erf(z * INV_SQRT_2);
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = exp(w[0]) * fabs(c->uses[0]->standard(c, e));
  return ELBO_OK;
}

static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                    double *dw)
{
  (void)c, (void)w;
  dw[0] = dx[0] * x[0];
  return ELBO_OK;
}

static double entropy(const double *w)
{
  return w[0] + HALF_LOG_2PI - LN_2 + 0.5;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  out[0] = which == ELBO_ENTROPY    ? entropy(w)
           : which == ELBO_MEAN     ? SQRT_2_PI * exp(w[0])
           : which == ELBO_VARIANCE ? VARIANCE * exp(2 * w[0])
                                    : 0;
  return ELBO_OK;
}

static double kl_half_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  double t = 2 * (q[0] - p[0]);
  if (dq) dq[0] = expm1(t);
  if (dp) dp[0] = -expm1(t);
  return em1(t) / 2;
}

static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  exact_moments t = { .h = entropy(q), .m = SQRT_2_PI * exp(q[0]), .dh = { 1 } };
  t.dm[0] = t.m;
  return kl_to_exponential(&t, 1, p, dq, dp);
}

/* E log x = log s - (gamma + log 2)/2 */
static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  exact_log_moments t = { .h = entropy(q),
                          .m = SQRT_2_PI * exp(q[0]),
                          .l = q[0] - 0.5 * (EULER_GAMMA + LN_2),
                          .gap = log(SQRT_2_PI) + 0.5 * (EULER_GAMMA + LN_2),
                          .dh = { 1 },
                          .dl = { 1 } };
  return kl_to_gamma(c, &t, 1, p, dq, dp);
}

static const elbo_kl kls[] = {
  { "half_normal", "half_normal", kl_half_normal, { NULL } },
  { "half_normal", "exponential", kl_exponential, { NULL } },
  { "half_normal", "gamma", kl_gamma, { NULL } },
};

static const char *const uses[] = { "normal", NULL };

static const elbo_family half_normal = {
  ELBO_FAMILY_SIZES,
  .name = "half_normal",
  .summary = "absolute value of a normal",
  .params = params,
  .n_params = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_POSITIVE, 1, 0, NULL },
  .log_prob = log_prob,
  .reparam = "composition",
  .noise_per_event = 1,
  .uses = uses,
  .icdf = icdf,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return 0.79788456080286535588 * exp(log_scale);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, half_normal);
