/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Laplace(loc, scale): f(x) = exp(-|r|) / (2 scale), r = (x - loc) / scale. Kotz, Kozubowski and
 * Podgorski 2001, eq. 2.1.1. */
#include "loc_scale.h"

#define LOG_2 0.69314718055994530942
#define SQRT_2_PI 0.79788456080286535588 /* sqrt(2 / pi) */

enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "median and mean" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "mean absolute deviation" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (x[0] - w[LOC]) * t;
  int inside = !isinf(x[0]);
  double slope = inside && x[0] != w[LOC] ? copysign(t, r) : 0;
  if (dx) dx[0] = -slope;
  if (dw) {
    dw[LOC] = slope;
    dw[LOG_SCALE] = inside ? fabs(r) - 1 : 0;
  }
  return inside ? -fabs(r) - w[LOG_SCALE] - LOG_2 : -INFINITY;
}

/* log of twice the smaller tail, with the sign of the larger side: both ends are reached with
   all digits of u. */
static double quantile(double u)
{
  return u < 0.5 ? log(2 * u) : -log(2 * (1 - u));
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
  double t = exp(-w[LOG_SCALE]), r = (x - w[LOC]) * t, half = 0.5 * exp(-fabs(r));
  if (dw) {
    double f = upper ? half : -half;
    dw[LOC] = f * t;
    dw[LOG_SCALE] = half > 0 ? f * r : 0;
  }
  return (r < 0) != !!upper ? half : 1 - half;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  out[0] = which == ELBO_ENTROPY    ? 1 + LOG_2 + w[LOG_SCALE]
           : which == ELBO_VARIANCE ? 2 * exp(2 * w[LOG_SCALE])
                                    : w[LOC];
  return ELBO_OK;
}

/* With t = log(s_q / s_p), a = |m_q - m_p| / s_q: e^t (a + e^-a) - t - 1. */
static double kl_laplace(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  (void)c;
  double t = q[LOG_SCALE] - p[LOG_SCALE], m = q[LOC] - p[LOC], a = fabs(m) * exp(-q[LOG_SCALE]),
         e = exp(t);
  double by_loc = copysign(expm1(-a), m) * exp(-p[LOG_SCALE]);
  if (dq) {
    dq[LOC] = by_loc;
    dq[LOG_SCALE] = expm1(t) + e * (expm1(-a) + a * exp(-a));
  }
  if (dp) {
    dp[LOC] = -by_loc;
    dp[LOG_SCALE] = -expm1(t) - e * em1(-a);
  }
  return em1(t) + e * em1(-a);
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double v = 2 * exp(2 * q[LOG_SCALE]);
  exact_moments m = { 1 + LOG_2 + q[LOG_SCALE], q[LOC], v, { 0, 1 }, { 1, 0 }, { 0, 2 * v } };
  return kl_to_normal(&m, 2, p, dq, dp);
}

/* KL(Normal(m, s) || Laplace): E|x - loc| = s sqrt(2/pi) exp(-r^2/2) + (m - loc) (1 - 2
   Phi(-r)), r = (m - loc) / s. */
static double kl_from_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  double s = exp(q[LOG_SCALE]), i = exp(-p[LOG_SCALE]), d = q[LOC] - p[LOC], r = d / s;
  double side = erf(r * 0.70710678118654752440), peak = s * SQRT_2_PI * exp(-0.5 * r * r),
         mean = (peak + d * side) * i;
  if (dq) {
    dq[LOC] = side * i;
    dq[LOG_SCALE] = peak * i - 1;
  }
  if (dp) {
    dp[LOC] = -side * i;
    dp[LOG_SCALE] = 1 - mean;
  }
  return p[LOG_SCALE] - q[LOG_SCALE] + LOG_2 - HALF_LOG_2PI - 0.5 + mean;
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  float t = elbo_expf(-in[2]), z = in[0] - in[1], r = elbo_absf(z) * t;
  int inside = elbo_absf(in[0]) < ELBO_INFF || in[0] != in[0];
  float slope = inside && z != 0.0f ? elbo_signf(t, z) : 0.0f;
  grad[0] = -slope;
  grad[1] = slope;
  grad[2] = inside ? r - 1.0f : 0.0f;
  return inside ? -r - in[2] - (float)LOG_2 : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 2)

ELBO_INLINE float quantile_f32(float u)
{
  float l = elbo_logf(2.0f * (u < 0.5f ? u : 1.0f - u));
  return u < 0.5f ? l : -l;
}
ELBO_INLINE elbo_rc standard_rows(int level, const elbo_call *c, const elbo_noise_row *e, size_t d,
                                  float *out)
{
  (void)level;
  c->host->uniform_f32(e, d, out);
  elbo_map(quantile_f32, d, out);
  return ELBO_OK;
}
ELBO_KERNEL(standard_f32, standard_rows,
            (const elbo_call *c, const elbo_noise_row *e, size_t d, float *out), c, e, d, out)

static const elbo_kl kls[] = {
  { "laplace", "laplace", kl_laplace, { NULL } },
  { "laplace", "normal", kl_normal, { NULL } },
  { "normal", "laplace", kl_from_normal, { NULL } },
};

static const elbo_family laplace = {
  ELBO_FAMILY_SIZES,
  .name = "laplace",
  .summary = "double exponential",
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
  .mean_in_c = "return loc;",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
  .standard_f32 = ELBO_KERNEL_SET(standard_f32),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, laplace);
