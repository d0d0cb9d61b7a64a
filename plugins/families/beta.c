/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Beta(concentration1 = a, concentration0 = b): f(x) = x^(a-1) (1-x)^(b-1) / B(a, b). The value
 * form is y = logit x: x and 1 - x stay exact at both ends. Drawn from two gammas in log space. */
#include "exact.h"

enum { LOG_A, LOG_B };
static const elbo_param params[] = {
  { "concentration1", ELBO_POSITIVE, 0, 1.0, "pseudo-count of 1" },
  { "concentration0", ELBO_POSITIVE, 0, 1.0, "pseudo-count of 0" },
};
static const char *const uses[] = { "gamma", NULL };

/* x = 0 (y = -inf) and x = 1: concentration of that end, and of the other, log density's limit. */
static double edge(const double *y, const double *w, double *dx, double *dw)
{
  int high = y[0] > 0;
  if (dx) dx[0] = 0;
  if (dw) dw[LOG_A] = dw[LOG_B] = 0;
  double here = w[high ? LOG_B : LOG_A], other = w[high ? LOG_A : LOG_B];
  return here == 0 ? other : here > 0 ? -INFINITY : INFINITY;
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  if (isinf(y[0])) return edge(y, w, dx, dw);
  double (*f)(uint32_t, double, double, double) = c->host->special3;
  double a = exp(w[LOG_A]), b = exp(w[LOG_B]), x = sigmoid(y[0]), z = sigmoid(-y[0]);
  if (dx) dx[0] = expm1(w[LOG_A]) * z - expm1(w[LOG_B]) * x;
  if (dw) {
    dw[LOG_A] = a * f(ELBO_BETA_SLOPE, a, b, y[0]);
    dw[LOG_B] = b * f(ELBO_BETA_SLOPE, b, a, -y[0]);
  }
  return f(ELBO_BETA_LOG, a, b, y[0]) + softplus(y[0]) + softplus(-y[0]);
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  elbo_call inner = inner_call(c);
  double one[2] = { w[LOG_A], 0 }, zero[2] = { w[LOG_B], 0 }, g = 0;
  elbo_rc rc = c->uses[0]->draw(&inner, e, one, y);
  if (rc == ELBO_OK) rc = c->uses[0]->draw(&inner, e, zero, &g);
  y[0] -= g;
  return rc;
}

/* dy/dw along the constant cdf. */
static void along(const elbo_call *c, double y, const double *w, double *dw)
{
  double a = exp(w[LOG_A]), b = exp(w[LOG_B]);
  dw[LOG_A] = c->host->special3(ELBO_BETA_PULL, a, b, y);
  dw[LOG_B] = -c->host->special3(ELBO_BETA_PULL, b, a, -y);
}

static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dx,
                    double *dw)
{
  along(c, y[0], w, dw);
  dw[LOG_A] *= dx[0];
  dw[LOG_B] *= dx[0];
  return ELBO_OK;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  double a = exp(w[LOG_A]), b = exp(w[LOG_B]);
  if (dw) {
    double f = isinf(y) ? 0 : exp(c->host->special3(ELBO_BETA_LOG, a, b, y));
    dw[LOG_A] = dw[LOG_B] = 0;
    if (f > 0) along(c, y, w, dw);
    dw[LOG_A] *= upper ? f : -f;
    dw[LOG_B] *= upper ? f : -f;
  }
  return c->host->special3(upper ? ELBO_BETA_Q : ELBO_BETA_P, a, b, y);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double y = c->host->special3(ELBO_BETA_INV, exp(w[LOG_A]), exp(w[LOG_B]), u);
  if (dw) {
    dw[LOG_A] = dw[LOG_B] = 0;
    if (!isinf(y)) along(c, y, w, dw);
  }
  return y;
}

/* log B - (a-1) psi(a) - (b-1) psi(b) + (n-2) psi(n), n = a + b, by Stirling's errors: the large
   logs cancel on paper. dh: by log a, log b. */
static double entropy(const elbo_call *c, const double *w, double *dh)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double a = exp(w[LOG_A]), b = exp(w[LOG_B]), n = a + b, less_a = expm1(w[LOG_A]),
         less_b = expm1(w[LOG_B]);
  if (dh) {
    double common = (n - 2) * f(ELBO_TRIGAMMA, n, 0);
    dh[LOG_A] = a * (common - less_a * f(ELBO_TRIGAMMA, a, 0));
    dh[LOG_B] = b * (common - less_b * f(ELBO_TRIGAMMA, b, 0));
  }
  return HALF_LOG_2PI + f(ELBO_STIRLING, a, 0) + f(ELBO_STIRLING, b, 0) - f(ELBO_STIRLING, n, 0) +
         0.5 * (w[LOG_A] + w[LOG_B]) - 1.5 * log(n) + 0.5 - 0.5 / a - 0.5 / b + 1 / n -
         less_a * f(ELBO_STIRLING_DA, a, 0) - less_b * f(ELBO_STIRLING_DA, b, 0) +
         (n - 2) * f(ELBO_STIRLING_DA, n, 0);
}

/* At a pole the pole, of two the smaller; the uniform's is 0. */
static double mode(const double *w)
{
  double up = expm1(w[LOG_A]), down = expm1(w[LOG_B]);
  if (up <= 0) return down < 0 && up == 0 ? 1 : 0;
  return down <= 0 ? 1 : up / (up + down);
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  double a = exp(w[LOG_A]), b = exp(w[LOG_B]), n = a + b;
  out[0] = which == ELBO_ENTROPY    ? entropy(c, w, NULL)
           : which == ELBO_MEAN     ? a / n
           : which == ELBO_VARIANCE ? a / n * (b / n) / (n + 1)
                                    : mode(w);
  return ELBO_OK;
}

/* A Dirichlet of two classes. */
static double kl_beta(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  return kl_dirichlets(c, 2, q, p, dq, dp);
}

/* The mean and the entropy with their derivatives, for the divergences from it. */
static exact_moments moments_of(const elbo_call *c, const double *q)
{
  exact_moments m = { .m = 0 };
  double a = exp(q[LOG_A]), b = exp(q[LOG_B]), n = a + b, x = a / n, z = b / n;
  m.h = entropy(c, q, m.dh);
  m.m = x;
  m.dm[LOG_A] = x * z;
  m.dm[LOG_B] = -x * z;
  m.v = x * z / (n + 1); /* log v = log a + log b - 2 log n - log(n + 1) */
  m.dv[LOG_A] = m.v * (1 - 2 * x - a / (n + 1));
  m.dv[LOG_B] = m.v * (1 - 2 * z - b / (n + 1));
  return m;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  exact_moments m = moments_of(c, q);
  return kl_to_normal(&m, 2, p, dq, dp);
}

/* KL(Beta || Gamma(g, r)) = -H - g log r + lgamma(g) - (g-1) E log x + r E x */
static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  exact_moments m = moments_of(c, q);
  double a = exp(q[LOG_A]), b = exp(q[LOG_B]), g = exp(p[0]), r = exp(p[1]), less = expm1(p[0]),
         mean_log = -f(ELBO_DIGAMMA_GAP, a, b);
  if (dq) {
    double psi1 = f(ELBO_TRIGAMMA, a + b, 0);
    dq[LOG_A] = -m.dh[LOG_A] - less * a * (f(ELBO_TRIGAMMA, a, 0) - psi1) + r * m.dm[LOG_A];
    dq[LOG_B] = -m.dh[LOG_B] + less * b * psi1 + r * m.dm[LOG_B];
  }
  if (dp) {
    dp[0] = g * (f(ELBO_DIGAMMA, g, 0) - p[1] - mean_log);
    dp[1] = r * m.m - g;
  }
  return -m.h - g * p[1] + f(ELBO_LGAMMA, g, 0) - less * mean_log + r * m.m;
}

/* An exponential is a Gamma(1, rate). */
static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  double g[2] = { 0, p[0] }, dg[2], kl = kl_gamma(c, q, g, dq, dg);
  if (dp) dp[0] = dg[1];
  return kl;
}

/* Uniform(low, log_width): infinite unless (0, 1) lies within. */
static double kl_uniform(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  int within = interval_holds(p[0], p[1], 0, 1);
  double dh[2], h = entropy(c, q, dh);
  for (int k = 0; dq && k < 2; k++) dq[k] = within ? -dh[k] : 0;
  if (dp) {
    dp[0] = 0;
    dp[1] = within;
  }
  return within ? p[1] - h : INFINITY;
}

/* KL(Beta || ContinuousBernoulli(logits l)) = -H - l E x + log((e^l - 1) / l) */
static double kl_continuous_bernoulli(const elbo_call *c, const double *q, const double *p,
                                      double *dq, double *dp)
{
  exact_moments m = moments_of(c, q);
  double (*f)(uint32_t, double, double) = c->host->special;
  for (int k = 0; dq && k < 2; k++) dq[k] = -m.dh[k] - p[0] * m.dm[k];
  if (dp) dp[0] = f(ELBO_CB_NORM, p[0], 1) - m.m;
  return -m.h - p[0] * m.m + f(ELBO_CB_NORM, p[0], 0);
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  double y = in[0], wa = in[1], wb = in[2], a = elbo_exp(wa), b = elbo_exp(wb);
  double e = elbo_exp(y < 0 ? y : -y), small = e / (1 + e), l = elbo_log(1 + e), pa, pb, pn;
  double x = y < 0 ? small : 1 - small, z = y < 0 ? 1 - small : small;
  double log_x = (y < 0 ? y : 0) - l, log_z = (y < 0 ? 0 : -y) - l;
  double beta = lgamma_psi(a, &pa) + lgamma_psi(b, &pb) - lgamma_psi(a + b, &pn);
  double less_a = wa * wa < 1e-10 ? wa + 0.5 * wa * wa : a - 1,
         less_b = wb * wb < 1e-10 ? wb + 0.5 * wb * wb : b - 1;
  int inside = !(y * y == ELBO_INF);
  double here = y > 0 ? wb : wa, other = y > 0 ? wa : wb;
  double end = here > 0 ? -ELBO_INF : here < 0 ? ELBO_INF : other;
  grad[0] = (float)(inside ? less_a * z - less_b * x : 0);
  grad[1] = (float)(inside ? a * (log_x - pa + pn) : 0);
  grad[2] = (float)(inside ? b * (log_z - pb + pn) : 0);
  return (float)(inside ? less_a * log_x + less_b * log_z - beta : end);
}
ELBO_KERNEL_LOG_PROB(rows, event, 2)

static const elbo_kl kls[] = {
  { "beta", "beta", kl_beta, { NULL } },
  { "beta", "normal", kl_normal, { NULL } },
  { "beta", "gamma", kl_gamma, { NULL } },
  { "beta", "exponential", kl_exponential, { NULL } },
  { "beta", "uniform", kl_uniform, { NULL } },
  { "beta", "continuous_bernoulli", kl_continuous_bernoulli, { NULL } },
};

static const elbo_family beta = {
  ELBO_FAMILY_SIZES,
  .name = "beta",
  .summary = "an unknown probability",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOGIT,
  .support = { ELBO_SUP_UNIT, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "composition",
  .noise_per_event = 0,
  .uses = uses,
  .icdf = icdf,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return 1 / (1 + exp(log_concentration0 - log_concentration1));",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, beta);
