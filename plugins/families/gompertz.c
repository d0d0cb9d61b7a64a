/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Gompertz(concentration = c, rate = r): f(x) = c r exp(c + r x - c exp(r x)), x >= 0. Lenart
 * 2014, eq. 1 and 4. With t = r x, c (e^t - 1) is a standard exponential variate. */
#include "exact.h"

enum { LOG_C, LOG_R };
static const elbo_param params[] = {
  { "concentration", ELBO_POSITIVE, 0, 1.0, "hazard at 0 over the rate" },
  { "rate", ELBO_POSITIVE, 0, 1.0, "growth of the hazard" },
};

static double log_prob(const elbo_call *call, const double *x, const double *w, double *dx,
                       double *dw)
{
  (void)call;
  double c = exp(w[LOG_C]), r = exp(w[LOG_R]), t = r * x[0], e = exp(t);
  int inside = x[0] >= 0 && !isinf(x[0]);
  if (dx) dx[0] = inside ? r * (1 - c * e) : 0;
  if (dw) {
    dw[LOG_C] = inside ? 1 - c * expm1(t) : 0;
    dw[LOG_R] = inside ? 1 + t * (1 - c * e) : 0;
  }
  return inside ? w[LOG_C] + w[LOG_R] + t - c * expm1(t) : -INFINITY;
}

static double icdf(const elbo_call *call, double u, const double *w, double *dw)
{
  (void)call;
  double i = exp(-w[LOG_R]), t = log1p(-log1p(-u) * exp(-w[LOG_C]));
  if (dw) {
    dw[LOG_C] = i * expm1(-t);
    dw[LOG_R] = -i * t;
  }
  return i * t;
}

static double cdf(const elbo_call *call, double x, const double *w, int upper, double *dw)
{
  (void)call;
  double t = x > 0 ? exp(w[LOG_R]) * x : 0, e = exp(w[LOG_C]) * expm1(t), s = exp(-e);
  if (dw) {
    double f = s > 0 ? (upper ? -s : s) : 0;
    dw[LOG_C] = f != 0 ? f * e : 0;
    dw[LOG_R] = f != 0 ? f * t * exp(w[LOG_C] + t) : 0;
  }
  return upper ? s : -expm1(-e);
}

/* e^c E1(c): by the series to 1 (DLMF 6.6.2), by the continued fraction beyond (DLMF 6.9.1, in
   its even part, modified Lentz). */
static double scaled_e1(double c)
{
  if (c <= 1) {
    double term = -1, sum = -EULER_GAMMA - log(c);
    for (int k = 1; fabs(term) > 1e-18; k++) {
      term *= -c / k;
      sum += term / k;
    }
    return exp(c) * sum;
  }
  double b = c + 1, d = 1 / b, C = INFINITY, h = d;
  for (int k = 1; k < 500; k++) {
    double a = -(double)k * k;
    b += 2;
    d = 1 / (a * d + b);
    C = b + a / C;
    h *= C * d;
    if (fabs(C * d - 1) < 1e-16) break;
  }
  return h;
}

/* Variance of log(1 + e/c), e a standard exponential variate of density exp(-e): double
   exponential quadrature, e = exp(u - e^-u) (Takahasi and Mori 1974), to rounding. */
static double variance(double c)
{
  double mean = scaled_e1(c), sum = 0, h = 1.0 / 32;
  for (int k = -160; k <= 130; k++) {
    double u = k * h, e = exp(u - exp(-u)), d = log1p(e / c) - mean;
    sum += d * d * exp(-e) * e * (1 + exp(-u));
  }
  return sum * h;
}

static elbo_rc moment(const elbo_call *call, int which, const double *w, double *out)
{
  (void)call;
  double c = exp(w[LOG_C]), i = exp(-w[LOG_R]);
  out[0] = which == ELBO_ENTROPY    ? 1 - w[LOG_C] - w[LOG_R] - scaled_e1(c)
           : which == ELBO_MEAN     ? i * scaled_e1(c)
           : which == ELBO_VARIANCE ? i * i * variance(c)
                                    : i * fmax(-w[LOG_C], 0);
  return ELBO_OK;
}

static double kl_exponential(const elbo_call *call, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)call;
  double c = exp(q[LOG_C]), i = exp(-q[LOG_R]), g = scaled_e1(c), slope = c * g - 1;
  exact_moments t = { .h = 1 - q[LOG_C] - q[LOG_R] - g, .m = i * g };
  t.dh[LOG_C] = -1 - slope;
  t.dh[LOG_R] = -1;
  t.dm[LOG_C] = i * slope;
  t.dm[LOG_R] = -t.m;
  return kl_to_exponential(&t, 2, p, dq, dp);
}

static const elbo_kl kls[] = { { "gompertz", "exponential", kl_exponential, { NULL } } };

static const elbo_family gompertz = {
  ELBO_FAMILY_SIZES,
  .name = "gompertz",
  .summary = "lifetime under a growing hazard",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_POSITIVE, 1, 0, NULL },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = 1,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, gompertz);
