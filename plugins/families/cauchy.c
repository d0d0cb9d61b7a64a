/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Cauchy(loc, scale): f(x) = 1 / (pi scale (1 + r^2)), r = (x - loc) / scale. Johnson, Kotz and
 * Balakrishnan 1994, eq. 16.1. Mean and variance do not exist. */
#include "loc_scale.h"

#define PI 3.14159265358979323846
#define LOG_PI 1.14472988584940017414

enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "median and mode" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "half the distance of the quartiles" },
};

/* 2 r / (1 + r^2), (r^2 - 1) / (r^2 + 1) and log(1 + r^2), for any finite r. */
static double twice(double r)
{
  return fabs(r) > 1 ? 2 / (r + 1 / r) : 2 * r / (1 + r * r);
}
static double ratio(double r)
{
  double k = fabs(r) > 1 ? 1 / r : r, q = (1 - k) * (1 + k) / (1 + k * k);
  return fabs(r) > 1 ? q : -q;
}
static double log_height(double r)
{
  return fabs(r) > 1e150 ? 2 * log(fabs(r)) : log1p(r * r);
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (x[0] - w[LOC]) * t;
  int inside = !isinf(x[0]);
  if (dx) dx[0] = inside ? -twice(r) * t : 0;
  if (dw) {
    dw[LOC] = inside ? twice(r) * t : 0;
    dw[LOG_SCALE] = inside ? ratio(r) : 0;
  }
  return inside ? -LOG_PI - w[LOG_SCALE] - log_height(r) : -INFINITY;
}

/* From the nearer of 0, 1/2 and 1, each distance being exact. */
static double quantile(double u)
{
  double middle = u - 0.5;
  if (fabs(middle) < 0.25) return tan(PI * middle);
  return u < 0.5 ? -1 / tan(PI * u) : 1 / tan(PI * (1 - u));
}

static double standard(const elbo_call *c, elbo_noise *e)
{
  return quantile(c->host->uniform(e));
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  return at_standard(quantile(u), w, dw);
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (x - w[LOC]) * t, sign = upper ? 1 : -1;
  if (dw) {
    dw[LOC] = sign * t / (PI * (1 + r * r));
    dw[LOG_SCALE] = sign * twice(r) / (2 * PI);
  }
  return atan2(1, upper ? r : -r) / PI;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  if (which == ELBO_MEAN || which == ELBO_VARIANCE) return ELBO_UNDEFINED;
  out[0] = which == ELBO_ENTROPY ? LOG_PI + 2 * LN_2 + w[LOG_SCALE] : w[LOC];
  return ELBO_OK;
}

/* log(((s_q + s_p)^2 + (m_q - m_p)^2) / (4 s_q s_p)) (Chyzak and Nielsen 2019, theorem 1) = log(1
   + sinh(t/2)^2 + e^2), t = log(s_q / s_p), e = (m_q - m_p) / (2 sqrt(s_q s_p)). */
static double kl_cauchy(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double t = q[LOG_SCALE] - p[LOG_SCALE], i = 0.5 * exp(-0.5 * (q[LOG_SCALE] + p[LOG_SCALE])),
         e = (q[LOC] - p[LOC]) * i, s = sinh(t / 2), n = 1 + s * s + e * e;
  double by_t = 0.5 * sinh(t) / n, by_e = e / n;
  if (dq) {
    dq[LOC] = 2 * by_e * i;
    dq[LOG_SCALE] = by_t - by_e * e;
  }
  if (dp) {
    dp[LOC] = -2 * by_e * i;
    dp[LOG_SCALE] = -by_t - by_e * e;
  }
  return log1p(s * s + e * e);
}

static const elbo_kl kls[] = { { "cauchy", "cauchy", kl_cauchy, { NULL } } };

static const elbo_family cauchy = {
  ELBO_FAMILY_SIZES,
  .name = "cauchy",
  .summary = "ratio of two normals",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_REAL, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "location_scale",
  .noise_per_event = 1,
  .standard = standard,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = 1,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, cauchy);
