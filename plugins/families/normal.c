/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Normal(loc, scale): f(x) = exp(-r^2/2) / (scale sqrt(2 pi)), r = (x - loc) / scale. Johnson,
 * Kotz and Balakrishnan 1994, eq. 13.1. */
#include "loc_scale.h"

enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mean" },
  { "scale", ELBO_POSITIVE, ELBO_VARIANCE_FORMS, 1.0, "standard deviation" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (x[0] - w[LOC]) * t;
  int inside = !isinf(x[0]);
  if (dx) dx[0] = inside ? -r * t : 0;
  if (dw) {
    dw[LOC] = inside ? r * t : 0;
    dw[LOG_SCALE] = inside ? (r - 1) * (r + 1) : 0;
  }
  return inside ? -0.5 * r * r - w[LOG_SCALE] - HALF_LOG_2PI : -INFINITY;
}

static double standard(const elbo_call *c, elbo_noise *e)
{
  return c->host->normal(e);
}

static elbo_rc standard_f32(const elbo_call *c, const elbo_noise_row *e, size_t d, float *out)
{
  c->host->normal_f32(e, d, out);
  return ELBO_OK;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  out[0] = which == ELBO_ENTROPY    ? w[LOG_SCALE] + HALF_LOG_2PI + 0.5
           : which == ELBO_VARIANCE ? exp(2 * w[LOG_SCALE])
                                    : w[LOC];
  return ELBO_OK;
}

/* em1(2 (log s_q - log s_p)) / 2 + ((m_q - m_p) / s_p)^2 / 2 */
static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
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

ELBO_INLINE float event(const float in[4], float grad[4])
{
  float t = elbo_expf(-in[2]), r = (in[0] - in[1]) * t;
  int inside = elbo_absf(in[0]) < ELBO_INFF || in[0] != in[0];
  float slope = inside ? r * t : 0.0f;
  grad[0] = -slope;
  grad[1] = slope;
  grad[2] = inside ? (r - 1.0f) * (r + 1.0f) : 0.0f;
  return inside ? -0.5f * r * r - in[2] - (float)HALF_LOG_2PI : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 2)

ELBO_INLINE float kl_event(const float in[4], float grad[4])
{
  float t = 2.0f * (in[1] - in[3]), i = elbo_expf(-in[3]), d = (in[0] - in[2]) * i,
        m = elbo_expm1f(t);
  float near = 1.3888889e-3f + t * 1.9841270e-4f; /* Taylor of em1(t) / t^2 */
  near = 0.041666668f + t * (8.3333333e-3f + t * near);
  near = t * t * (0.5f + t * (0.16666667f + t * near));
  float a = elbo_absf(t) < 0.3f ? near : m - t;
  grad[0] = d * i;
  grad[1] = m;
  grad[2] = -d * i;
  grad[3] = -m - d * d;
  return 0.5f * (a + d * d);
}
ELBO_KERNEL_KL(kl_rows, kl_event, 2)

static const elbo_kl kls[] = { { "normal", "normal", kl_normal, ELBO_KERNEL_SET(kl_rows) } };

static const elbo_family normal = {
  ELBO_FAMILY_SIZES,
  .name = "normal",
  .summary = "Gaussian",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_REAL, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "location_scale",
  .noise_per_event = 1,
  .standard = standard,
  .icdf = normal_icdf,
  .cdf = normal_cdf,
  .moment = moment,
  .mean_in_c = "return loc;",
  .kls = kls,
  .n_kls = 1,
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
  .standard_f32 = { standard_f32, NULL, NULL },
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, normal);
