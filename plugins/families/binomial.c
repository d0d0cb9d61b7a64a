/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Binomial(count = n, logits): f(k) = n! / (k! (n-k)!) p^k (1-p)^(n-k), p = 1 / (1 +
 * exp(-logits)). In between, f(k) = n / (k (n-k)) times the density of logit x at the logits for
 * x of Beta(k, n-k), which the host has by Loader 2000, eq. 4. P(X > k) = I_p(k+1, n-k) (DLMF
 * 8.17.5). */
#include "counts.h"

enum { COUNT, LOGITS };
static const elbo_param params[] = {
  { "count", ELBO_INTEGER, ELBO_CONSTANT, 1.0, "number of trials" },
  { "logits", ELBO_UNIT, 0, 0.5, "log odds of each trial" },
};

static elbo_rc range(const double *w, int K, double *low, double *high)
{
  (void)K;
  *low = 0;
  *high = w[COUNT];
  return ELBO_OK;
}

static double log_mass(const elbo_call *c, double k, const double *w)
{
  double n = w[COUNT], l = w[LOGITS];
  if (k == 0) return -n * softplus(l);
  if (k == n) return -n * softplus(-l);
  if (isinf(l)) return -INFINITY;
  return c->host->special3(ELBO_BETA_LOG, k, n - k, l) - log(k * ((n - k) / n));
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  double n = w[COUNT], l = w[LOGITS];
  int inside = x[0] >= 0 && x[0] <= n && x[0] == floor(x[0]);
  if (dx) dx[0] = 0;
  if (dw) {
    dw[COUNT] = 0;
    dw[LOGITS] = inside ? logits_slope(x[0], n - x[0], l) : 0;
  }
  return inside ? log_mass(c, x[0], w) : -INFINITY;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  double k = floor(x), n = w[COUNT], l = w[LOGITS];
  if (dw) dw[COUNT] = dw[LOGITS] = 0;
  if (k < 0 || k >= n) return (k < 0) == !!upper;
  if (isinf(l)) return (l > 0) == !!upper;
  if (dw) dw[LOGITS] = (upper ? 1 : -1) * exp(c->host->special3(ELBO_BETA_LOG, k + 1, n - k, l));
  return c->host->special3(upper ? ELBO_BETA_P : ELBO_BETA_Q, k + 1, n - k, l);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double n = w[COUNT], p = sigmoid(w[LOGITS]), q = sigmoid(-w[LOGITS]);
  if (dw) dw[COUNT] = dw[LOGITS] = 0;
  return least_count(c, cdf, u, w, guess_count(c, u, n * p, sqrt(n * p * q), q - p), n);
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = icdf(c, c->host->uniform(e), w, NULL);
  return ELBO_OK;
}

/* The mass rises to k while k < (n+1) p. */
static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  double n = w[COUNT], p = sigmoid(w[LOGITS]), q = sigmoid(-w[LOGITS]);
  double sd = sqrt(n * p * q);
  out[0] = which == ELBO_ENTROPY    ? count_entropy(c, log_mass, w, floor(n * p), sd, n)
           : which == ELBO_MEAN     ? n * p
           : which == ELBO_VARIANCE ? n * p * q
                                    : count_mode((n + 1) * p, MODE_SLACK);
  return ELBO_OK;
}

static double support_point(const elbo_call *c, uint64_t i, const double *w)
{
  (void)c;
  return (double)i <= w[COUNT] ? (double)i : NAN;
}

/* Of j = count - k: z^count is the reference, (p + q z)^count = E z^j. */
static transform_at of_the_rest(const double *w, double t)
{
  double n = w[COUNT], p = sigmoid(w[LOGITS]), q = sigmoid(-w[LOGITS]), z = exp(-t),
         ratio = t < 700 ? n * log1p(p * expm1(t)) : n * (log(p + q * z) + t);
  return (transform_at){ -n * t, ratio, n * p * q * -expm1(-t) * pow(p + q * z, n - 1) };
}

/* With n of q and m of p, and j = n - k: n KL(one trial) + (m - n) softplus(p's logits) + E[L(j) -
   L(n)], L(j) = log Gamma(j + m - n + 1) - log Gamma(j + 1). From n > m it is inf. */
static double kl_binomial(const elbo_call *c, const double *q, const double *p, double *dq,
                          double *dp)
{
  (void)c;
  double n = q[COUNT], more = p[COUNT] - n, by_q, by_p,
         trial = logits_kl(q[LOGITS], p[LOGITS], &by_q, &by_p);
  int finite = more >= 0 && !isinf(trial) && !(more > 0 && p[LOGITS] == INFINITY);
  gamma_gap gap = { 0, 0, 0, 0, 0 };
  if (finite && more > 0) gap = mean_gamma_gap(of_the_rest, q, n, more + 1, 1);
  if (dq) {
    dq[COUNT] = 0;
    dq[LOGITS] = finite ? n * by_q + gap.by_logits : 0;
  }
  if (dp) {
    dp[COUNT] = 0;
    dp[LOGITS] = finite ? n * by_p + (more > 0 ? more * sigmoid(p[LOGITS]) : 0) : 0;
  }
  if (!finite) return INFINITY;
  return more > 0 ? n * trial + more * softplus(p[LOGITS]) + gap.value : n * trial;
}

static const elbo_kl kls[] = { { "binomial", "binomial", kl_binomial, { NULL } } };

static const elbo_family binomial = {
  ELBO_FAMILY_SIZES,
  .name = "binomial",
  .summary = "successes in a number of trials",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_COUNT, 1, 1, range },
  .log_prob = log_prob,
  .noise_per_event = 1,
  .icdf = icdf,
  .draw = draw,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return count / (1 + exp(-logits));",
  .kls = kls,
  .n_kls = 1,
  .support_point = support_point,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, binomial);
