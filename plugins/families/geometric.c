/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Geometric(logits): f(k) = p (1-p)^k, the failures before the first success, of probability p =
 * 1 / (1 + exp(-logits)). Johnson, Kemp and Kotz 2005, eq. 5.8. log(1-p) = -softplus(logits),
 * (1-p) / p = exp(-logits). */
#include "counts.h"

static const elbo_param params[] = {
  { "logits", ELBO_UNIT, 0, 0.5, "log odds of the success, which stops" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double k = x[0], l = w[0];
  int inside = k >= 0 && k == floor(k) && !isinf(k);
  if (dx) dx[0] = 0;
  if (dw) dw[0] = inside ? logits_slope(1, k, l) : 0;
  return inside ? -softplus(-l) - (k > 0 ? k * softplus(l) : 0) : -INFINITY;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double n = floor(x) + 1, t = -n * softplus(w[0]);
  if (dw) dw[0] = 0;
  if (!(n > 0) || isinf(n)) return (n <= 0) == !!upper;
  if (dw && !isinf(t)) dw[0] = (upper ? -1 : 1) * n * sigmoid(w[0]) * exp(t);
  return upper ? exp(t) : -expm1(t);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  if (dw) dw[0] = 0;
  return least_count(c, cdf, u, w, -log1p(-u) / softplus(w[0]), INFINITY);
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = icdf(c, c->host->uniform(e), w, NULL);
  return ELBO_OK;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double l = w[0], mean = exp(-l);
  out[0] = which == ELBO_ENTROPY    ? softplus(-l) + (mean > 0 ? mean * softplus(l) : 0)
           : which == ELBO_MEAN     ? mean
           : which == ELBO_VARIANCE ? mean * (1 + mean)
                                    : 0;
  return isinf(out[0]) ? ELBO_UNDEFINED : ELBO_OK;
}

/* The divergence of one trial times 1/p, the expected number of trials. */
static double kl_geometric(const elbo_call *c, const double *q, const double *p, double *dq,
                           double *dp)
{
  (void)c;
  double by_q, by_p, trial = logits_kl(q[0], p[0], &by_q, &by_p), mean = exp(-q[0]),
                     trials = 1 + mean;
  if (dq) dq[0] = isinf(trial) ? 0 : by_q * trials - mean * trial;
  if (dp) dp[0] = isinf(trial) ? 0 : by_p * trials;
  return trial == 0 ? 0 : trials * trial;
}

static const elbo_kl kls[] = { { "geometric", "geometric", kl_geometric, { NULL } } };

static const elbo_family geometric = {
  ELBO_FAMILY_SIZES,
  .name = "geometric",
  .summary = "failures before the first success",
  .params = params,
  .n_params = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_COUNT, 1, 0, NULL },
  .log_prob = log_prob,
  .noise_per_event = 1,
  .icdf = icdf,
  .draw = draw,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return exp(-logits);",
  .kls = kls,
  .n_kls = 1,
  .support_point = count_point,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, geometric);
