/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Gamma(concentration = a, rate): f(x) = rate^a x^(a-1) exp(-rate x) / Gamma(a). The value form
 * is y = log x; v = y + log rate is the log of the standard variate. For large a the log-gammas
 * cancel on paper: with t = v - log a and Stirling's error s(a) (Loader 2000), a v - e^v -
 * lgamma(a) = -a (e^t - 1 - t) + (log a - log(2 pi))/2 - s(a). */
#include "exact.h"
#include <string.h>

enum { LOG_A, LOG_RATE };
static const elbo_param params[] = {
  { "concentration", ELBO_POSITIVE, 0, 1.0, "shape" },
  { "rate", ELBO_POSITIVE, 0, 1.0, "1 / scale" },
};
#define LARGE 8.0

static double edge(const double *y, const double *w, double *dx, double *dw)
{
  if (dx) dx[0] = 0;
  if (dw) dw[LOG_A] = dw[LOG_RATE] = 0;
  if (y[0] > 0 || w[LOG_A] > 0) return -INFINITY;
  return w[LOG_A] == 0 ? w[LOG_RATE] : INFINITY;
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  if (isinf(y[0])) return edge(y, w, dx, dw);
  double a = exp(w[LOG_A]), v = y[0] + w[LOG_RATE], t = v - w[LOG_A], g = exp(v);
  int large = a >= LARGE;
  double rest = fabs(t) < 1 ? -a * expm1(t) : a - g; /* a - e^v */
  if (dx) dx[0] = large ? rest - 1 : expm1(w[LOG_A]) - g;
  if (dw) {
    dw[LOG_A] = a * (large ? t + 0.5 / a - c->host->special(ELBO_STIRLING_DA, a, 0)
                           : v - c->host->special(ELBO_DIGAMMA, a, 0));
    dw[LOG_RATE] = rest;
  }
  if (large)
    return -a * em1(t) + 0.5 * w[LOG_A] - HALF_LOG_2PI - c->host->special(ELBO_STIRLING, a, 0) -
           y[0];
  return expm1(w[LOG_A]) * v + w[LOG_RATE] - g - c->host->special(ELBO_LGAMMA, a, 0);
}

/* Marsaglia and Tsang 2000, all in logs; for a < 1 by log G(a) = log G(a + 1) + log(U) / a
   (their section 6). */
static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  double a = exp(w[LOG_A]), boost = 0;
  if (a < 1) {
    boost = -c->host->exponential(e) / a;
    a += 1;
  }
  double d = a - 1.0 / 3, k = 1 / sqrt(9 * d);
  for (;;) {
    double z = c->host->normal(e), t = k * z;
    if (t <= -1) continue;
    double l = 3 * log1p(t), u = -c->host->exponential(e); /* log of a uniform */
    if (u < 0.5 * z * z + d * (l - expm1(l))) {
      y[0] = log(d) + l + boost - w[LOG_RATE];
      return ELBO_OK;
    }
  }
}

static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dx,
                    double *dw)
{
  dw[LOG_A] = dx[0] * c->host->special(ELBO_GAMMA_PULL, exp(w[LOG_A]), y[0] + w[LOG_RATE]);
  dw[LOG_RATE] = -dx[0];
  return ELBO_OK;
}

/* Below e^v = 1e-17 only the first term of the series is left (DLMF 8.11.4), and e^v itself may
   underflow. */
static double tail(const elbo_call *c, double a, double v, int upper)
{
  if (v > -39) return c->host->special(upper ? ELBO_GAMMA_Q : ELBO_GAMMA_P, a, exp(v));
  double l = a * v - c->host->special(ELBO_LGAMMA, a + 1, 0);
  return upper ? -expm1(l) : exp(l);
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  double a = exp(w[LOG_A]), v = y + w[LOG_RATE];
  if (dw) dw[LOG_A] = dw[LOG_RATE] = 0;
  if (isinf(v)) return (v < 0) == !!upper;
  if (dw) {
    double f = (upper ? -1 : 1) * exp(log_prob(c, &y, w, NULL, NULL) + y); /* dF/dy */
    dw[LOG_RATE] = f;
    if (f != 0) dw[LOG_A] = -f * c->host->special(ELBO_GAMMA_PULL, a, v);
  }
  return tail(c, a, v, upper);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double a = exp(w[LOG_A]), v = c->host->special(ELBO_GAMMA_INV, a, u);
  if (dw) {
    dw[LOG_A] = isinf(v) ? 0 : c->host->special(ELBO_GAMMA_PULL, a, v);
    dw[LOG_RATE] = -1;
  }
  return v - w[LOG_RATE];
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  double a = exp(w[LOG_A]), (*f)(uint32_t, double, double) = c->host->special;
  if (which == ELBO_MEAN) out[0] = exp(w[LOG_A] - w[LOG_RATE]);
  if (which == ELBO_VARIANCE) out[0] = exp(w[LOG_A] - 2 * w[LOG_RATE]);
  if (which == ELBO_MODE) out[0] = w[LOG_A] > 0 ? expm1(w[LOG_A]) * exp(-w[LOG_RATE]) : 0;
  if (which == ELBO_ENTROPY && a < LARGE)
    out[0] = a + f(ELBO_LGAMMA, a, 0) - expm1(w[LOG_A]) * f(ELBO_DIGAMMA, a, 0) - w[LOG_RATE];
  if (which == ELBO_ENTROPY && a >= LARGE)
    out[0] = HALF_LOG_2PI + 0.5 * w[LOG_A] + 0.5 - 0.5 / a + f(ELBO_STIRLING, a, 0) -
             expm1(w[LOG_A]) * f(ELBO_STIRLING_DA, a, 0) - w[LOG_RATE];
  return ELBO_OK;
}

static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  gammas_kl t = kl_gammas(c, q[LOG_A], p[LOG_A], p[LOG_RATE] - q[LOG_RATE]);
  if (dq) {
    dq[LOG_A] = t.by_log_a;
    dq[LOG_RATE] = -t.by_r;
  }
  if (dp) {
    dp[LOG_A] = t.by_log_b;
    dp[LOG_RATE] = t.by_r;
  }
  return t.value;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  double a = exp(q[LOG_A]);
  exact_moments m = { 0 };
  moment(c, ELBO_ENTROPY, q, &m.h);
  moment(c, ELBO_MEAN, q, &m.m);
  moment(c, ELBO_VARIANCE, q, &m.v);
  m.dh[LOG_A] = a - a * expm1(q[LOG_A]) * c->host->special(ELBO_TRIGAMMA, a, 0);
  m.dh[LOG_RATE] = -1;
  m.dm[LOG_A] = m.m;
  m.dm[LOG_RATE] = -m.m;
  m.dv[LOG_A] = m.v;
  m.dv[LOG_RATE] = -2 * m.v;
  return kl_to_normal(&m, 2, p, dq, dp);
}

/* KL(Gamma || Gumbel(loc, s)) = -H + log s + (a/rate - loc)/s + e^(loc/s) (1 + 1/(rate s))^-a */
static double kl_gumbel(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  double a = exp(q[LOG_A]), i = exp(-p[1]), k = exp(-q[LOG_RATE] - p[1]), h; /* k = 1/(rate s) */
  double l = log1p(k), e = exp(p[0] * i - a * l), r = a * k - p[0] * i;
  moment(c, ELBO_ENTROPY, q, &h);
  if (dq) {
    dq[LOG_A] = a * expm1(q[LOG_A]) * c->host->special(ELBO_TRIGAMMA, a, 0) - a + a * k - e * a * l;
    dq[LOG_RATE] = 1 - a * k + e * a * k / (1 + k);
  }
  if (dp) {
    dp[0] = i * (e - 1);
    dp[1] = 1 - r + e * (a * k / (1 + k) - p[0] * i);
  }
  return -h + p[1] + r + e;
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  double y = in[0], wa = in[1], v = y + (double)in[2], a = elbo_exp(wa), g = elbo_exp(v);
  double psi, lgam = lgamma_psi(a, &psi);
  double less = wa * wa < 1e-10 ? wa + 0.5 * wa * wa : a - 1; /* a - 1 */
  double value = less * v + (double)in[2] - g - lgam;
  int inside = !(y * y == ELBO_INF);
  double end = y > 0 || wa > 0 ? -ELBO_INF : wa < 0 ? ELBO_INF : (double)in[2];
  grad[0] = (float)(inside ? less - g : 0);
  grad[1] = (float)(inside ? a * (v - psi) : 0);
  grad[2] = (float)(inside ? a - g : 0);
  return (float)(inside ? value : end);
}
ELBO_KERNEL_LOG_PROB(rows, event, 2)

static const void *extension(const char *id)
{
  static const elbo_exponential natural_form = {
    sizeof(elbo_exponential), GAMMA_CARRIER, 2, 1, gamma_natural, gamma_natural_pull
  };
  return strcmp(id, ELBO_EXPONENTIAL) ? NULL : &natural_form;
}

static const elbo_kl kls[] = {
  { "gamma", "gamma", kl_gamma, { NULL } },
  { "gamma", "normal", kl_normal, { NULL } },
  { "gamma", "gumbel", kl_gumbel, { NULL } },
};

static const elbo_family gamma_family = {
  ELBO_FAMILY_SIZES,
  .name = "gamma",
  .summary = "sum of waiting times",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOG,
  .support = { ELBO_SUP_POSITIVE, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "implicit",
  .noise_per_event = 0,
  .icdf = icdf,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
  .extension = extension,
  .mean_in_c = "return exp(log_concentration - log_rate);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, gamma_family);
