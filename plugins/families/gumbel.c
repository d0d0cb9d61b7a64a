/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Gumbel(loc, scale), of the maximum: F(x) = exp(-exp(-r)), r = (x - loc) / scale. Johnson, Kotz
 * and Balakrishnan 1995, eq. 22.1. */
#include "loc_scale.h"

#define PI2_6 1.64493406684822643647 /* pi^2 / 6 */
#define LOG_2 0.69314718055994530942

enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mode" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "spread" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (x[0] - w[LOC]) * t, g = -expm1(-r); /* 1 - e^-r */
  int inside = !isinf(x[0]);
  if (dx) dx[0] = inside ? -g * t : 0;
  if (dw) {
    dw[LOC] = inside ? g * t : 0;
    dw[LOG_SCALE] = inside ? r * g - 1 : 0;
  }
  return inside ? -r - exp(-r) - w[LOG_SCALE] : -INFINITY;
}

static double standard(const elbo_call *c, elbo_noise *e)
{
  return -log(-log1p(-c->host->uniform(e)));
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  return at_standard(u <= 0 ? -INFINITY : u >= 1 ? INFINITY : -log(-log(u)), w, dw);
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (x - w[LOC]) * t, e = exp(-r);
  if (dw) {
    double f = (upper ? 1 : -1) * exp(-r - e);
    dw[LOC] = f * t;
    dw[LOG_SCALE] = f != 0 ? f * r : 0;
  }
  return upper ? -expm1(-e) : exp(-e);
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double s = exp(w[LOG_SCALE]);
  out[0] = which == ELBO_ENTROPY    ? w[LOG_SCALE] + EULER_GAMMA + 1
           : which == ELBO_MEAN     ? w[LOC] + EULER_GAMMA * s
           : which == ELBO_VARIANCE ? PI2_6 * s * s
                                    : w[LOC];
  return ELBO_OK;
}

/* With rho = s_q / s_p, t = log rho, d = (m_p - m_q) / s_p: e^d Gamma(1 + rho) - 1 - d - t +
   gamma (rho - 1). As em1(L) + B with L = d + lgamma(1 + rho) = d + t - gamma (rho - 1) + B and
   B the Bregman divergence of lgamma at 1, nothing cancels near equality. */
static double kl_gumbel(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  double i = exp(-p[LOG_SCALE]), t = q[LOG_SCALE] - p[LOG_SCALE], rho = exp(t),
         d = (p[LOC] - q[LOC]) * i;
  double b = c->host->special(ELBO_LGAMMA_BREGMAN, 1, expm1(t)),
         l = d + t - EULER_GAMMA * expm1(t) + b;
  double by_t = rho * (EULER_GAMMA + exp(l) * c->host->special(ELBO_DIGAMMA, 1 + rho, 0)) - 1;
  if (dq) {
    dq[LOC] = -expm1(l) * i;
    dq[LOG_SCALE] = by_t;
  }
  if (dp) {
    dp[LOC] = expm1(l) * i;
    dp[LOG_SCALE] = -by_t - d * expm1(l);
  }
  return em1(l) + b;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double s = exp(q[LOG_SCALE]), v = PI2_6 * s * s;
  exact_moments m = { q[LOG_SCALE] + EULER_GAMMA + 1,
                      q[LOC] + EULER_GAMMA * s,
                      v,
                      { 0, 1 },
                      { 1, EULER_GAMMA * s },
                      { 0, 2 * v } };
  return kl_to_normal(&m, 2, p, dq, dp);
}

/* KL(q || Gumbel) = -H(q) + log s_p + E r + E exp(-r), r = (x - loc) / s_p, for q of entropy and
   mean h, m and l = log E exp(-r); their derivatives by q: dh, dm, dl; of l by loc and log s_p:
   l_loc, l_scale. */
typedef struct {
  double h, m, l, l_loc, l_scale, dh[2], dm[2], dl[2];
} tilted;
static double kl_to_gumbel(const tilted *q, const double *p, double *dq, double *dp)
{
  double i = exp(-p[LOG_SCALE]), r = (q->m - p[LOC]) * i, e = exp(q->l);
  for (int k = 0; dq && k < 2; k++) dq[k] = -q->dh[k] + i * q->dm[k] + e * q->dl[k];
  if (dp) {
    dp[LOC] = -i + e * q->l_loc;
    dp[LOG_SCALE] = 1 - r + e * q->l_scale;
  }
  return -q->h + p[LOG_SCALE] + r + e;
}

static double kl_from_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  double i = exp(-p[LOG_SCALE]), r = (q[LOC] - p[LOC]) * i,
         v = exp(2 * (q[LOG_SCALE] - p[LOG_SCALE]));
  tilted t = {
    q[LOG_SCALE] + HALF_LOG_2PI + 0.5, q[LOC], -r + v / 2, i, r - v, { 0, 1 }, { 1, 0 }, { -i, v }
  };
  return kl_to_gumbel(&t, p, dq, dp);
}

/* E exp(-r) of a Laplace is finite for s_q < s_p: exp(-(m - loc) / s_p) / (1 - (s_q / s_p)^2). */
static double kl_from_laplace(const elbo_call *c, const double *q, const double *p, double *dq,
                              double *dp)
{
  (void)c;
  double i = exp(-p[LOG_SCALE]), r = (q[LOC] - p[LOC]) * i,
         u = -expm1(2 * (q[LOG_SCALE] - p[LOG_SCALE])), g = 2 * (1 - u) / u;
  if (!(u > 0)) {
    for (int k = 0; k < 2; k++) {
      if (dq) dq[k] = 0;
      if (dp) dp[k] = 0;
    }
    return INFINITY;
  }
  tilted t = {
    1 + LOG_2 + q[LOG_SCALE], q[LOC], -r - log(u), i, r - g, { 0, 1 }, { 1, 0 }, { -i, g }
  };
  return kl_to_gumbel(&t, p, dq, dp);
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  float t = elbo_expf(-in[2]), r = (in[0] - in[1]) * t, e = elbo_expf(-r);
  float m = elbo_absf(r) < 0.34f ? elbo_expm1_poly(-r) : e - 1.0f;
  int inside = elbo_absf(in[0]) < ELBO_INFF || in[0] != in[0];
  grad[0] = inside ? m * t : 0.0f;
  grad[1] = inside ? -m * t : 0.0f;
  grad[2] = inside ? -r * m - 1.0f : 0.0f;
  return inside ? -r - e - in[2] : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 2)

ELBO_INLINE float quantile_f32(float u)
{
  return -elbo_logf(-elbo_log1pf(-u));
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
  { "gumbel", "gumbel", kl_gumbel, { NULL } },
  { "gumbel", "normal", kl_normal, { NULL } },
  { "normal", "gumbel", kl_from_normal, { NULL } },
  { "laplace", "gumbel", kl_from_laplace, { NULL } },
};

static const elbo_family gumbel = {
  ELBO_FAMILY_SIZES,
  .name = "gumbel",
  .summary = "extreme value, of the maximum",
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
  .mean_in_c = "return loc + 0.57721566490153286061 * exp(log_scale);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
  .standard_f32 = ELBO_KERNEL_SET(standard_f32),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, gumbel);
