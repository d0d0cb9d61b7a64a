/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Half-Cauchy(scale): |x| of a Cauchy(0, scale). Gelman 2006, section 3.2. Mean and variance are
 * infinite. */
#include "exact.h"

#define PI 3.14159265358979323846
#define LOG_PI 1.14472988584940017414

static const elbo_param params[] = {
  { "scale", ELBO_POSITIVE, 0, 1.0, "median" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[0]), z = x[0] * t, k = z > 1 ? 1 / z : z;
  double ratio = (1 - k) * (1 + k) / (1 + k * k); /* |z^2 - 1| / (z^2 + 1) */
  int inside = x[0] >= 0 && !isinf(x[0]);
  if (dx) dx[0] = inside ? -2 * k / (1 + k * k) * t : 0;
  if (dw) dw[0] = inside ? (z > 1 ? ratio : -ratio) : 0;
  return inside ? LN_2 - LOG_PI - w[0] - (z > 1e150 ? 2 * log(z) : log1p(z * z)) : -INFINITY;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double x = exp(w[0]) * (u < 0.5 ? tan(PI / 2 * u) : 1 / tan(PI / 2 * (1 - u)));
  if (dw) dw[0] = x;
  return x;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double z = x > 0 ? x * exp(-w[0]) : 0, k = z > 1 ? 1 / z : z;
  if (dw) dw[0] = (upper ? 2 : -2) / PI * k / (1 + k * k);
  return 2 / PI * (upper ? atan2(1, z) : atan(z));
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

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  if (which == ELBO_MEAN || which == ELBO_VARIANCE) return ELBO_UNDEFINED;
  out[0] = which == ELBO_ENTROPY ? LOG_PI + LN_2 + w[0] : 0;
  return ELBO_OK;
}

/* That of the whole Cauchy distributions at loc 0: log(1 + sinh(t/2)^2), t = log(s_q / s_p). */
static double kl_half_cauchy(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  double t = q[0] - p[0], s = sinh(t / 2);
  if (dq) dq[0] = tanh(t / 2);
  if (dp) dp[0] = -tanh(t / 2);
  return log1p(s * s);
}

/* E x^2 and E x are infinite. */
static double kl_one(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  (void)c, (void)q, (void)p;
  return kl_infinite(1, 1, dq, dp);
}

static const elbo_kl kls[] = {
  { "half_cauchy", "half_cauchy", kl_half_cauchy, { NULL } },
  { "half_cauchy", "half_normal", kl_one, { NULL } },
  { "half_cauchy", "exponential", kl_one, { NULL } },
};

static const char *const uses[] = { "cauchy", NULL };

static const elbo_family half_cauchy = {
  ELBO_FAMILY_SIZES,
  .name = "half_cauchy",
  .summary = "absolute value of a Cauchy",
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
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, half_cauchy);
