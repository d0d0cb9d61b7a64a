/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Exponential(rate): f(x) = rate exp(-rate x), x >= 0. Johnson, Kotz and Balakrishnan 1994, eq.
 * 19.1. */
#include "exact.h"
#include <string.h>

#define PI2_6 1.64493406684822643647 /* pi^2 / 6 */

static const elbo_param params[] = {
  { "rate", ELBO_POSITIVE, 0, 1.0, "1 / mean" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double r = exp(w[0]);
  int inside = x[0] >= 0 && !isinf(x[0]);
  if (dx) dx[0] = inside ? -r : 0;
  if (dw) dw[0] = inside ? 1 - r * x[0] : 0;
  return inside ? w[0] - r * x[0] : -INFINITY;
}

static double standard(const elbo_call *c, elbo_noise *e)
{
  return c->host->exponential(e);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double x = -log1p(-u) * exp(-w[0]);
  if (dw) dw[0] = -x;
  return x;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double t = x > 0 ? exp(w[0]) * x : 0, e = exp(-t);
  if (dw) dw[0] = e > 0 ? (upper ? -t : t) * e : 0;
  return upper ? e : -expm1(-t);
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  out[0] = which == ELBO_ENTROPY    ? 1 - w[0]
           : which == ELBO_MEAN     ? exp(-w[0])
           : which == ELBO_VARIANCE ? exp(-2 * w[0])
                                    : 0;
  return ELBO_OK;
}

static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  double t = p[0] - q[0];
  if (dq) dq[0] = -expm1(t);
  if (dp) dp[0] = expm1(t);
  return em1(t);
}

/* An exponential is a Gamma(1, rate). */
static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  gammas_kl t = kl_gammas(c, 0, p[0], p[1] - q[0]);
  if (dq) dq[0] = -t.by_r;
  if (dp) {
    dp[0] = t.by_log_b;
    dp[1] = t.by_r;
  }
  return t.value;
}

static double kl_erlang(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  double g[2] = { log(p[0]), p[1] }, kl = kl_gamma(c, q, g, dq, dp);
  if (dp) dp[0] = 0; /* an integer */
  return kl;
}

static double kl_from_gamma(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  gammas_kl t = kl_gammas(c, q[0], 0, p[0] - q[1]);
  if (dq) {
    dq[0] = t.by_log_a;
    dq[1] = -t.by_r;
  }
  if (dp) dp[0] = t.by_r;
  return t.value;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double m = exp(-q[0]), v = m * m;
  exact_moments t = { 1 - q[0], m, v, { -1 }, { -m }, { -2 * v } };
  return kl_to_normal(&t, 1, p, dq, dp);
}

/* -H + log s + (1/rate - loc)/s + e^(loc/s) / (1 + 1/(rate s)) */
static double kl_gumbel(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double i = exp(-p[1]), k = exp(-q[0] - p[1]), e = exp(p[0] * i) / (1 + k), r = k - p[0] * i;
  if (dq) dq[0] = 1 - k + e * k / (1 + k);
  if (dp) {
    dp[0] = i * (e - 1);
    dp[1] = 1 - r + e * (k / (1 + k) - p[0] * i);
  }
  return q[0] - 1 + p[1] + r + e;
}

/* A Weibull of concentration 1. */
static double kl_weibull(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  double k = exp(p[1]), d = -k * (q[0] + p[0]), by_t, by_d,
         value = kl_weibull_pair(c, p[1], d, &by_t, &by_d);
  if (dq) dq[0] = -k * by_d;
  if (dp) {
    dp[0] = -k * by_d;
    dp[1] = by_t + d * by_d;
  }
  return value;
}

/* log x is minus a Gumbel variate: entropy 1 + gamma, mean -gamma - log rate. */
static double kl_log_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  (void)c;
  exact_moments t = { 1 + EULER_GAMMA, -EULER_GAMMA - q[0], PI2_6, { 0 }, { -1 }, { 0 } };
  return kl_to_normal(&t, 1, p, dq, dp);
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  float r = elbo_expf(in[1]), t = r * in[0];
  int inside = (in[0] >= 0.0f && in[0] < ELBO_INFF) || in[0] != in[0];
  grad[0] = inside ? -r : 0.0f;
  grad[1] = inside ? 1.0f - t : 0.0f;
  return inside ? in[1] - t : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 1)

ELBO_INLINE float quantile_f32(float u)
{
  return -elbo_logf(u);
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

/* For the divergences to families of other authors; among the Gammas rows keep more digits. */
static double natural(const elbo_call *c, const double *w, double *eta, double *mean)
{
  double g[2] = { 0, w[0] };
  return gamma_natural(c, g, eta, mean);
}

static void natural_pull(const elbo_call *c, const double *w, const double *deta,
                         const double *dmean, double *dw)
{
  double g[2] = { 0, w[0] }, dg[2];
  gamma_natural_pull(c, g, deta, dmean, dg);
  dw[0] = dg[1];
}

static const void *extension(const char *id)
{
  static const elbo_exponential natural_form = {
    sizeof(elbo_exponential), GAMMA_CARRIER, 2, 1, natural, natural_pull
  };
  return strcmp(id, ELBO_EXPONENTIAL) ? NULL : &natural_form;
}

static const elbo_kl kls[] = {
  { "exponential", "exponential", kl_exponential, { NULL } },
  { "exponential", "gamma", kl_gamma, { NULL } },
  { "exponential", "erlang", kl_erlang, { NULL } },
  { "exponential", "normal", kl_normal, { NULL } },
  { "exponential", "gumbel", kl_gumbel, { NULL } },
  { "exponential", "weibull", kl_weibull, { NULL } },
  { "exponential", "log_normal", kl_log_normal, { NULL } },
  { "gamma", "exponential", kl_from_gamma, { NULL } },
};

static const elbo_family exponential = {
  ELBO_FAMILY_SIZES,
  .name = "exponential",
  .summary = "waiting time",
  .params = params,
  .n_params = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_POSITIVE, 1, 0, NULL },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .standard = standard,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .extension = extension,
  .mean_in_c = "return exp(-log_rate);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
  .standard_f32 = ELBO_KERNEL_SET(standard_f32),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, exponential);
