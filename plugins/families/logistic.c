/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Logistic(loc, scale): F(x) = 1 / (1 + exp(-r)), r = (x - loc) / scale. Johnson, Kotz and
 * Balakrishnan 1995, eq. 23.4. */
#include "loc_scale.h"

#define PI2_3 3.28986813369645287294 /* pi^2 / 3 */

enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mean, median and mode" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "spread" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (x[0] - w[LOC]) * t, h = tanh(r / 2);
  int inside = !isinf(x[0]);
  if (dx) dx[0] = inside ? -h * t : 0;
  if (dw) {
    dw[LOC] = inside ? h * t : 0;
    dw[LOG_SCALE] = inside ? r * h - 1 : 0;
  }
  return inside ? -fabs(r) - 2 * log1p(exp(-fabs(r))) - w[LOG_SCALE] : -INFINITY;
}

static double quantile(double u)
{
  return log(u) - log1p(-u);
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
  double t = exp(-w[LOG_SCALE]), r = (x - w[LOC]) * t;
  if (dw) {
    double f = (upper ? 1 : -1) * sigmoid(r) * sigmoid(-r);
    dw[LOC] = f * t;
    dw[LOG_SCALE] = f != 0 ? f * r : 0;
  }
  return sigmoid(upper ? -r : r);
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  out[0] = which == ELBO_ENTROPY    ? w[LOG_SCALE] + 2
           : which == ELBO_VARIANCE ? PI2_3 * exp(2 * w[LOG_SCALE])
                                    : w[LOC];
  return ELBO_OK;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double v = PI2_3 * exp(2 * q[LOG_SCALE]);
  exact_moments m = { q[LOG_SCALE] + 2, q[LOC], v, { 0, 1 }, { 1, 0 }, { 0, 2 * v } };
  return kl_to_normal(&m, 2, p, dq, dp);
}

/* E|x - loc_p| = 2 s_q log(2 cosh(d/2)), d = (loc_q - loc_p) / s_q. */
static double kl_laplace(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  (void)c;
  double s = exp(q[LOG_SCALE]), i = exp(-p[LOG_SCALE]), d = (q[LOC] - p[LOC]) / s, h = tanh(d / 2),
         e = s * i * (fabs(d) + 2 * log1p(exp(-fabs(d))));
  if (dq) {
    dq[LOC] = h * i;
    dq[LOG_SCALE] = e - h * s * d * i - 1;
  }
  if (dp) {
    dp[LOC] = -h * i;
    dp[LOG_SCALE] = 1 - e;
  }
  return p[LOG_SCALE] + LN_2 - q[LOG_SCALE] - 2 + e;
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  float t = elbo_expf(-in[2]), r = (in[0] - in[1]) * t, a = elbo_absf(r), h = elbo_tanhf(0.5f * r);
  int inside = elbo_absf(in[0]) < ELBO_INFF || in[0] != in[0];
  float slope = inside ? h * t : 0.0f;
  grad[0] = -slope;
  grad[1] = slope;
  grad[2] = inside ? r * h - 1.0f : 0.0f;
  return inside ? -a - 2.0f * elbo_log1p_unit_f(elbo_exp_below_f(-a)) - in[2] : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 2)

ELBO_INLINE float quantile_f32(float u)
{
  return elbo_logf(u) - elbo_log1pf(-u);
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
  { "logistic", "normal", kl_normal, { NULL } },
  { "logistic", "laplace", kl_laplace, { NULL } },
};

static const elbo_family logistic = {
  ELBO_FAMILY_SIZES,
  .name = "logistic",
  .summary = "difference of two Gumbels",
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
ELBO_PLUGIN(ELBO_KIND_FAMILY, logistic);
