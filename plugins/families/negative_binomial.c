/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Negative binomial(concentration = c, logits): f(k) = Gamma(k+c) / (k! Gamma(c)) (1-p)^c p^k, p =
 * 1 / (1 + exp(-logits)) of the counted event. From k = 1, k f(k) is the density of logit x at the
 * logits for x of Beta(k, c), which the host has by Loader 2000, eq. 4. P(X > k) = I_p(k+1, c)
 * (Johnson, Kemp and Kotz 2005, eq. 5.31). */
#include "counts.h"

enum { LOG_C, LOGITS };
static const elbo_param params[] = {
  { "concentration", ELBO_POSITIVE, 0, 1.0, "number of the events that stop; any positive number" },
  { "logits", ELBO_UNIT, 0, 0.5, "log odds of the counted event" },
};

static double log_prob(const elbo_call *call, const double *x, const double *w, double *dx,
                       double *dw)
{
  double k = x[0], c = exp(w[LOG_C]), l = w[LOGITS];
  int inside = k >= 0 && k == floor(k) && !isinf(k);
  if (dx) dx[0] = 0;
  if (dw) dw[LOG_C] = dw[LOGITS] = 0;
  if (!inside) return -INFINITY;
  if (dw) {
    dw[LOG_C] = c * (call->host->special(ELBO_DIGAMMA_GAP, c, k) - softplus(l));
    dw[LOGITS] = logits_slope(k, c, l);
  }
  if (k == 0) return -c * softplus(l);
  if (isinf(l)) return -INFINITY;
  return call->host->special3(ELBO_BETA_LOG, k, c, l) - log(k);
}

/* By c the tail moves as the beta does: -(its density) dl/dlog c along a constant tail. */
static double cdf(const elbo_call *call, double x, const double *w, int upper, double *dw)
{
  const elbo_host *h = call->host;
  double a = floor(x) + 1, c = exp(w[LOG_C]), l = w[LOGITS];
  if (dw) dw[LOG_C] = dw[LOGITS] = 0;
  if (!(a > 0) || isinf(a)) return (a <= 0) == !!upper;
  if (isinf(l)) return (l > 0) == !!upper;
  if (dw) {
    dw[LOGITS] = (upper ? 1 : -1) * exp(h->special3(ELBO_BETA_LOG, a, c, l));
    dw[LOG_C] = dw[LOGITS] == 0 ? 0 : dw[LOGITS] * h->special3(ELBO_BETA_PULL, c, a, -l);
  }
  return h->special3(upper ? ELBO_BETA_P : ELBO_BETA_Q, a, c, l);
}

static double icdf(const elbo_call *call, double u, const double *w, double *dw)
{
  double odds = exp(w[LOGITS]), mean = exp(w[LOG_C] + w[LOGITS]);
  if (dw) dw[LOG_C] = dw[LOGITS] = 0;
  double guess = guess_count(call, u, mean, sqrt(mean * (1 + odds)), 1 + 2 * odds);
  return least_count(call, cdf, u, w, guess, INFINITY);
}

static elbo_rc draw(const elbo_call *call, elbo_noise *e, const double *w, double *x)
{
  x[0] = icdf(call, call->host->uniform(e), w, NULL);
  return ELBO_OK;
}

/* The entropy has no closed form. The mass rises to k while k < (c-1) p / (1-p). */
static elbo_rc moment(const elbo_call *call, int which, const double *w, double *out)
{
  (void)call;
  double odds = exp(w[LOGITS]), mean = exp(w[LOG_C] + w[LOGITS]);
  if (which == ELBO_ENTROPY) return ELBO_UNSUPPORTED;
  out[0] = which == ELBO_MEAN       ? mean
           : which == ELBO_VARIANCE ? mean * (1 + odds)
           : w[LOG_C] > 0           ? count_mode(expm1(w[LOG_C]) * odds, MODE_SLACK)
                                    : 0;
  return isinf(out[0]) ? ELBO_UNDEFINED : ELBO_OK;
}

/* E z^k = (1 + odds (1 - z))^-c */
static transform_at of_the_count(const double *w, double t)
{
  double c = exp(w[LOG_C]), o = exp(w[LOGITS]) * -expm1(-t), l = -c * log1p(o);
  return (transform_at){ 0, l, -c * o / (1 + o) * exp(l) };
}

/* With a of q, b of p and one trial's divergence T: a T / (1-p) from the trials, and where the
   concentrations differ (a - b) log(1-p) of p and E[L(k) - L(0)], L(k) = log Gamma(k+a) - log
   Gamma(k+b). By a, from the score of a: E psi(k+a) - psi(a) = -log(1-p). */
static double kl_same(const elbo_call *call, const double *q, const double *p, double *dq,
                      double *dp)
{
  (void)call;
  double by_q, by_p, trial = logits_kl(q[LOGITS], p[LOGITS], &by_q, &by_p), a = exp(q[LOG_C]),
                     b = exp(p[LOG_C]), odds = exp(q[LOGITS]), s = softplus(p[LOGITS]);
  int same = q[LOG_C] == p[LOG_C], finite = !isinf(trial) && (same || !isinf(s));
  double trials = a * (1 + odds), value = trial == 0 ? 0 : trials * trial;
  gamma_gap gap = { 0, 0, 0, 0, 0 };
  if (finite && (!same || dq || dp)) gap = mean_gamma_gap(of_the_count, q, a * odds, a, b);
  if (dq) {
    dq[LOG_C] = finite ? value - a * s + a * gap.by_a + gap.by_power : 0;
    dq[LOGITS] = finite ? by_q * trials + a * odds * trial + gap.by_logits : 0;
  }
  if (dp) {
    dp[LOG_C] = finite ? b * (s + gap.by_b) : 0;
    dp[LOGITS] = finite ? by_p * trials + (b - a) * sigmoid(p[LOGITS]) : 0;
  }
  return !finite ? INFINITY : same ? value : value + (b - a) * s + gap.value;
}

static const elbo_kl kls[] = { { "negative_binomial", "negative_binomial", kl_same, { NULL } } };

static const elbo_family negative_binomial = {
  ELBO_FAMILY_SIZES,
  .name = "negative_binomial",
  .summary = "counts with a spread of their own",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_COUNT, 1, 0, NULL },
  .log_prob = log_prob,
  .noise_per_event = 1,
  .icdf = icdf,
  .draw = draw,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return exp(log_concentration + logits);",
  .kls = kls,
  .n_kls = 1,
  .support_point = count_point,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, negative_binomial);
