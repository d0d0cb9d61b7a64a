/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pareto(scale = s, concentration = c): f(x) = c s^c / x^(c+1), x >= s. Johnson, Kotz and
 * Balakrishnan 1994, eq. 20.3. The value form is y = log x: log(x / s) is exponential of rate c,
 * and a small c would overflow x. */
#include "exact.h"

enum { LOG_S, LOG_C };
static const elbo_param params[] = {
  { "scale", ELBO_POSITIVE, ELBO_MOVES_SUPPORT, 1.0, "least value" },
  { "concentration", ELBO_POSITIVE, 0, 1.0, "weight of the tail: P(x) falls as x^-concentration" },
};

static elbo_rc range(const double *w, int K, double *low, double *high)
{
  (void)K;
  *low = exp(w[LOG_S]);
  *high = INFINITY;
  return ELBO_OK;
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  (void)c;
  double a = exp(w[LOG_C]), d = y[0] - w[LOG_S];
  int inside = d >= 0 && !isinf(y[0]);
  if (dx) dx[0] = inside ? -a - 1 : 0;
  if (dw) {
    dw[LOG_S] = inside ? a : 0;
    dw[LOG_C] = inside ? 1 - a * d : 0;
  }
  return inside ? w[LOG_C] - a * d - y[0] : -INFINITY;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double d = -log1p(-u) * exp(-w[LOG_C]);
  if (dw) {
    dw[LOG_S] = 1;
    dw[LOG_C] = -d;
  }
  return w[LOG_S] + d;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  (void)c;
  double a = exp(w[LOG_C]), d = y > w[LOG_S] ? y - w[LOG_S] : 0, e = exp(-a * d);
  if (dw) {
    double f = y >= w[LOG_S] && e > 0 ? (upper ? -a : a) * e : 0;
    dw[LOG_S] = -f;
    dw[LOG_C] = f != 0 ? f * d : 0;
  }
  return upper ? e : -expm1(-a * d);
}

/* c - 1 and c - 2 from log c: a moment near its pole lives in them. */
static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double less1 = expm1(w[LOG_C]), less2 = 2 * expm1((w[LOG_C] - LN_2) - LN_2_LOW);
  double mean = exp(w[LOG_S] + w[LOG_C]) / less1;
  if (which == ELBO_MEAN && !(less1 > 0)) return ELBO_UNDEFINED;
  if (which == ELBO_VARIANCE && !(less2 > 0)) return ELBO_UNDEFINED;
  out[0] = which == ELBO_ENTROPY    ? w[LOG_S] - w[LOG_C] + 1 + exp(-w[LOG_C])
           : which == ELBO_MEAN     ? mean
           : which == ELBO_VARIANCE ? mean * mean * exp(-w[LOG_C]) / less2
                                    : exp(w[LOG_S]);
  return ELBO_OK;
}

static double kl_pareto(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double t = p[LOG_C] - q[LOG_C], d = q[LOG_S] - p[LOG_S], b = exp(p[LOG_C]);
  if (d < 0) return kl_infinite(2, 2, dq, dp);
  if (dq) {
    dq[LOG_S] = b;
    dq[LOG_C] = -expm1(t);
  }
  if (dp) {
    dp[LOG_S] = -b;
    dp[LOG_C] = expm1(t) + b * d;
  }
  return em1(t) + b * d;
}

/* Entropy, mean (or infinity), E log x = log s + 1/c and the log of the mean less that, log(c /
   (c-1)) - 1/c. */
static exact_log_moments moments(const double *w)
{
  double i = exp(-w[LOG_C]), less = expm1(w[LOG_C]);
  exact_log_moments t = { .h = w[LOG_S] - w[LOG_C] + 1 + i, .m = INFINITY, .l = w[LOG_S] + i };
  t.dh[LOG_S] = t.dl[LOG_S] = 1;
  t.dh[LOG_C] = -1 - i;
  t.dl[LOG_C] = -i;
  if (less > 0) {
    t.m = exp(w[LOG_S] + w[LOG_C]) / less;
    t.gap = i < 0.3 ? phi(-i) : w[LOG_C] - log(less) - i;
    t.dgap[LOG_C] = -i / less;
  }
  return t;
}

static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  exact_log_moments t = moments(q);
  return kl_to_gamma(c, &t, 2, p, dq, dp);
}

static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  exact_log_moments l = moments(q);
  exact_moments t = { .h = l.h, .m = l.m, .dh = { l.dh[0], l.dh[1] } };
  for (int k = 0; k < 2; k++) t.dm[k] = l.m * (l.dl[k] + l.dgap[k]);
  return kl_to_exponential(&t, 2, p, dq, dp);
}

/* Of log x, which is log s and an exponential variate of rate c. */
static double kl_log_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  (void)c;
  double i = exp(-q[LOG_C]);
  exact_moments t = { 1 - q[LOG_C], q[LOG_S] + i, i * i, { 0, -1 }, { 1, -i }, { 0, -2 * i * i } };
  return kl_to_normal(&t, 2, p, dq, dp);
}

static const elbo_kl kls[] = {
  { "pareto", "pareto", kl_pareto, { NULL } },
  { "pareto", "gamma", kl_gamma, { NULL } },
  { "pareto", "exponential", kl_exponential, { NULL } },
  { "pareto", "log_normal", kl_log_normal, { NULL } },
};

static const elbo_family pareto = {
  ELBO_FAMILY_SIZES,
  .name = "pareto",
  .summary = "power law above a least value",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOG,
  .support = { ELBO_SUP_POSITIVE, 1, 0, range },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, pareto);
