/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * InverseGamma(concentration = a, scale): scale / G for a G of Gamma(a, 1), by the gamma plugin.
 * The value form is y = log x, and v = log scale - y is log G. */
#include "exact.h"

enum { LOG_A, LOG_SCALE };
static const elbo_param params[] = {
  { "concentration", ELBO_POSITIVE, 0, 1.0, "shape: the tail falls as x^-(concentration + 1)" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "rate of the gamma of 1/x" },
};
static const char *const uses[] = { "gamma", NULL };
#define LARGE 8.0

/* f(x) = f_G(g) g / x: by v, log f_G has the derivative a - 1 - g. */
static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  elbo_call inner = inner_call(c);
  double g[2] = { w[LOG_A], 0 }, dg[2] = { 0, 0 }, v = w[LOG_SCALE] - y[0];
  int inside = !isinf(y[0]);
  double value = inside ? c->uses[0]->log_prob(&inner, &v, g, NULL, dx || dw ? dg : NULL) : 0;
  if (dx) dx[0] = inside ? -dg[1] - 1 : 0;
  if (dw) {
    dw[LOG_A] = dg[0];
    dw[LOG_SCALE] = dg[1];
  }
  return inside ? value + v - y[0] : -INFINITY;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  elbo_call inner = inner_call(c);
  double g[2] = { w[LOG_A], 0 }, v;
  elbo_rc rc = c->uses[0]->draw(&inner, e, g, &v);
  y[0] = w[LOG_SCALE] - v;
  return rc;
}

static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dx,
                    double *dw)
{
  dw[LOG_A] = -dx[0] * c->host->special(ELBO_GAMMA_PULL, exp(w[LOG_A]), w[LOG_SCALE] - y[0]);
  dw[LOG_SCALE] = dx[0];
  return ELBO_OK;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  elbo_call inner = inner_call(c);
  double g[2] = { w[LOG_A], 0 };
  return c->uses[0]->cdf(&inner, w[LOG_SCALE] - y, g, !upper, dw);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double a = exp(w[LOG_A]), v = c->host->special(ELBO_GAMMA_INV_Q, a, u);
  if (dw) {
    dw[LOG_A] = isinf(v) ? 0 : -c->host->special(ELBO_GAMMA_PULL, a, v);
    dw[LOG_SCALE] = 1;
  }
  return w[LOG_SCALE] - v;
}

static double entropy(const elbo_call *c, const double *w)
{
  double (*f)(uint32_t, double, double) = c->host->special, a = exp(w[LOG_A]);
  if (a < LARGE) return a + w[LOG_SCALE] + f(ELBO_LGAMMA, a, 0) - (1 + a) * f(ELBO_DIGAMMA, a, 0);
  return HALF_LOG_2PI - 1.5 * w[LOG_A] + 0.5 + 0.5 / a + f(ELBO_STIRLING, a, 0) -
         (1 + a) * f(ELBO_STIRLING_DA, a, 0) + w[LOG_SCALE];
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  double less1 = expm1(w[LOG_A]), less2 = exp_minus_2(w[LOG_A]), s = exp(w[LOG_SCALE]);
  if ((which == ELBO_MEAN && less1 <= 0) || (which == ELBO_VARIANCE && less2 <= 0))
    return ELBO_UNDEFINED;
  out[0] = which == ELBO_ENTROPY    ? entropy(c, w)
           : which == ELBO_MEAN     ? s / less1
           : which == ELBO_VARIANCE ? s / less1 * (s / less1) / less2
                                    : s / (1 + exp(w[LOG_A]));
  return ELBO_OK;
}

/* That of 1/x: the divergence of the two Gammas. */
static double kl_inverse_gamma(const elbo_call *c, const double *q, const double *p, double *dq,
                               double *dp)
{
  return inner_kl(c, c->uses[0], "gamma", "gamma", q, p, dq, dp);
}

/* KL(Gamma(a, r) || InverseGamma(b, s)) = -H - b log s + lgamma(b) + (b+1) E log x + s E 1/x, E 1/x
   = r / (a-1). With y = log(s E 1/x / b) and the gap of psi(a) and log(a-1) by Stirling's formula
   it is b (e^y - 1 - y) + b gap - log(b)/2 + .. less the entropy of log x: small where the two are
   alike. psi'(a) - 1/(a-1) = (psi'(a) - 1/a) - 1/(a (a-1)). */
static double kl_from_gamma(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double a = exp(q[0]), b = exp(p[LOG_A]), less1 = expm1(q[0]);
  if (!(less1 > 0)) return kl_infinite(2, 2, dq, dp);
  double t = p[LOG_SCALE] + q[1] - log(less1), y = t - p[LOG_A], by_y,
         value = poisson_gap(b, y, exp(t), &by_y),
         gap = f(ELBO_STIRLING_DA, less1, 0) + 0.5 / less1;
  if (dq) {
    double rest = f(ELBO_TRIGAMMA_REST, a, 0);
    dq[0] = a * (a * rest + b * (rest - 1 / (a * less1)) - by_y / less1);
    dq[1] = by_y;
  }
  if (dp) {
    dp[LOG_A] = b * (gap - y + f(ELBO_STIRLING_DA, b, 0)) - 0.5;
    dp[LOG_SCALE] = by_y;
  }
  return value + b * gap - 0.5 * p[LOG_A] + HALF_LOG_2PI + f(ELBO_STIRLING, b, 0) -
         log_gamma_entropy(c, a);
}

static const elbo_kl kls[] = {
  { "inverse_gamma", "inverse_gamma", kl_inverse_gamma, { NULL } },
  { "gamma", "inverse_gamma", kl_from_gamma, { NULL } },
};

static const elbo_family inverse_gamma = {
  ELBO_FAMILY_SIZES,
  .name = "inverse_gamma",
  .summary = "one over a gamma",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOG,
  .support = { ELBO_SUP_POSITIVE, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "composition",
  .noise_per_event = 0,
  .uses = uses,
  .icdf = icdf,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, inverse_gamma);
