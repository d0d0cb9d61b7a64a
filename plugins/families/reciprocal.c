/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reciprocal on [low, high], low > 0: f(x) = 1 / (x log(high / low)). Hamming 1970, section 1. The
 * value form is y = log x, uniform between log low and log low + R, R = log(high / low). */
#include "exact.h"

enum { LOG_LOW, LOG_R };
static const elbo_param params[] = {
  { "log_low", ELBO_REAL, ELBO_MOVES_SUPPORT, 0.0, "log of the least value" },
  { "log_ratio", ELBO_POSITIVE, ELBO_MOVES_SUPPORT, 1.0, "log of the greatest over the least" },
};

static elbo_rc from_ends(const double *given, int K, double *w, double *jac)
{
  (void)K;
  double low = given[0], high = given[1];
  if (!isfinite(low) || !isfinite(high) || !(low > 0) || !(high > low)) return ELBO_DOMAIN;
  double R = high < 2 * low ? log1p((high - low) / low) : log(high) - log(low);
  w[LOG_LOW] = log(low);
  w[LOG_R] = log(R);
  if (jac) {
    jac[0] = 1 / low, jac[1] = 0;
    jac[2] = -1 / low / R, jac[3] = 1 / high / R;
  }
  return ELBO_OK;
}
static const char *const ends[] = { "low", "high", NULL };
static const elbo_form_set form_sets[] = { { .names = ends, .to_working = from_ends } };

static elbo_rc range(const double *w, int K, double *low, double *high)
{
  (void)K;
  *low = exp(w[LOG_LOW]);
  *high = exp(w[LOG_LOW] + exp(w[LOG_R]));
  return ELBO_OK;
}

/* Both ends, which came through logs, are met to their rounding. */
static double slack(const double *w)
{
  return 0x1p-50 * (1 + fabs(w[LOG_LOW]) + exp(w[LOG_R]) * (1 + fabs(w[LOG_R])));
}
static int is_inside(double y, const double *w)
{
  double d = y - w[LOG_LOW];
  return d >= -slack(w) && d <= exp(w[LOG_R]) + slack(w);
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  (void)c;
  int inside = is_inside(y[0], w);
  if (dx) dx[0] = inside ? -1 : 0;
  if (dw) {
    dw[LOG_LOW] = 0;
    dw[LOG_R] = inside ? -1 : 0;
  }
  return inside ? -y[0] - w[LOG_R] : -INFINITY;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double d = u * exp(w[LOG_R]);
  if (dw) {
    dw[LOG_LOW] = 1;
    dw[LOG_R] = d;
  }
  return w[LOG_LOW] + d;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  (void)c;
  double R = exp(w[LOG_R]), d = y - w[LOG_LOW], sign = upper ? -1 : 1,
         z = d > 0 ? fmin(d, R) / R : 0;
  int inside = is_inside(y, w);
  if (dw) {
    dw[LOG_LOW] = inside ? -sign / R : 0;
    dw[LOG_R] = inside ? -sign * z : 0;
  }
  return upper ? (d > 0 ? fmax(R - d, 0) / R : 1) : z;
}

/* cosh h - sinh(h)/h = sum of 2n/(2n + 1)! h^2n. */
static double cosh_less(double h)
{
  double z = h * h, term = z / 3, sum = term;
  for (int n = 2; n < 12; n++) sum += term *= z * n / ((n - 1) * 2.0 * n * (2 * n + 1));
  return sum;
}

/* With h = R/2 and S = sinh(h)/h, x = exp(log low + h) e^t, E e^t = S and E e^2t = S cosh h. */
static double variance(const double *w)
{
  double R = exp(w[LOG_R]), h = R / 2, top = w[LOG_LOW] + R;
  if (h < 1) return exp(2 * w[LOG_LOW] + R) * sinh(h) / h * cosh_less(h);
  double m = -expm1(-R) / R;
  return exp(2 * top) * (-expm1(-2 * R) / (2 * R) - m * m);
}
static double mean(const double *w)
{
  double R = exp(w[LOG_R]);
  return R < 1 ? exp(w[LOG_LOW]) * expm1(R) / R : exp(w[LOG_LOW] + R) * -expm1(-R) / R;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  out[0] = which == ELBO_ENTROPY    ? w[LOG_LOW] + exp(w[LOG_R]) / 2 + w[LOG_R]
           : which == ELBO_MEAN     ? mean(w)
           : which == ELBO_VARIANCE ? variance(w)
                                    : exp(w[LOG_LOW]);
  return ELBO_OK;
}

static double kl_reciprocal(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  (void)c;
  if (!is_inside(q[LOG_LOW], p) || !is_inside(q[LOG_LOW] + exp(q[LOG_R]), p))
    return kl_infinite(2, 2, dq, dp);
  if (dq) dq[LOG_LOW] = 0, dq[LOG_R] = -1;
  if (dp) dp[LOG_LOW] = 0, dp[LOG_R] = 1;
  return p[LOG_R] - q[LOG_R];
}

/* Uniform(low, log width): log width less the entropy. The own ends are taken to their rounding. */
static double kl_uniform(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  double R = exp(q[LOG_R]), h, low = exp(q[LOG_LOW] + slack(q)),
         high = exp(q[LOG_LOW] + R - slack(q));
  moment(c, ELBO_ENTROPY, q, &h);
  if (!interval_holds(p[0], p[1], low, high)) return kl_infinite(2, 2, dq, dp);
  if (dq) dq[LOG_LOW] = -1, dq[LOG_R] = -1 - R / 2;
  if (dp) dp[0] = 0, dp[1] = 1;
  return p[1] - h;
}

/* The log of the mean less E log x: log(sinh(h) / h), h half the width of log x; by log h, h
   coth(h)
   - 1. Both from the series of sinh(h) / h where h is small. */
static double mean_gap(double h, double *by_log_h)
{
  if (h > 2) {
    *by_log_h = h / tanh(h) - 1;
    return h + log(-expm1(-2 * h) / (2 * h));
  }
  double term = 1, sum = 0, slope = 0;
  for (int k = 2; term > 1e-17 * sum; k += 2) {
    term *= h * h / (k * (k + 1));
    sum += term;
    slope += k * term;
  }
  *by_log_h = slope / (1 + sum);
  return log1p(sum);
}

static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  double half = exp(q[LOG_R]) / 2;
  exact_log_moments t = {
    .m = mean(q), .l = q[LOG_LOW] + half, .dl = { 1, half }, .dh = { 1, half + 1 }
  };
  t.gap = mean_gap(half, &t.dgap[LOG_R]);
  moment(c, ELBO_ENTROPY, q, &t.h);
  return kl_to_gamma(c, &t, 2, p, dq, dp);
}

static const elbo_kl kls[] = {
  { "reciprocal", "reciprocal", kl_reciprocal, { NULL } },
  { "reciprocal", "uniform", kl_uniform, { NULL } },
  { "reciprocal", "gamma", kl_gamma, { NULL } },
};

static const elbo_family reciprocal = {
  ELBO_FAMILY_SIZES,
  .name = "reciprocal",
  .summary = "uniform in the logarithm",
  .params = params,
  .n_params = 2,
  .form_sets = form_sets,
  .n_form_sets = 1,
  .value_form = ELBO_X_LOG,
  .support = { ELBO_SUP_POSITIVE, 1, 1, range },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, reciprocal);
