/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Uniform on [low, low + width]. Johnson, Kotz and Balakrishnan 1995, eq. 26.1. */
#include "exact.h"

enum { LOW, LOG_W };
static const elbo_param params[] = {
  { "low", ELBO_REAL, ELBO_MOVES_SUPPORT, 0.0, "least value" },
  { "width", ELBO_POSITIVE, ELBO_MOVES_SUPPORT, 1.0, "greatest value less the least" },
};

static elbo_rc from_ends(const double *given, int K, double *w, double *jac)
{
  (void)K;
  double width = given[1] - given[0];
  if (!isfinite(given[0]) || !isfinite(given[1]) || !(width > 0) || isinf(width))
    return ELBO_DOMAIN;
  w[LOW] = given[0];
  w[LOG_W] = log(width);
  if (jac) {
    jac[0] = 1, jac[1] = 0;
    jac[2] = -1 / width, jac[3] = 1 / width;
  }
  return ELBO_OK;
}

/* By both ends as they are: log width knows the high one to its rounding only. */
static double log_prob_of_ends(const elbo_call *c, double x, const double *given, double *dx,
                               double *dgiven)
{
  (void)c;
  double width = given[1] - given[0];
  int inside = x >= given[0] && x <= given[1];
  if (dx) dx[0] = 0;
  if (dgiven) {
    dgiven[0] = inside ? 1 / width : 0;
    dgiven[1] = inside ? -1 / width : 0;
  }
  return inside ? -log(width) : -INFINITY;
}

static double cdf_of_ends(const elbo_call *c, double x, const double *given, int upper,
                          double *dgiven)
{
  (void)c;
  double width = given[1] - given[0], left = fmin(fmax(x - given[0], 0), width) / width,
         right = fmin(fmax(given[1] - x, 0), width) / width;
  int inside = x >= given[0] && x <= given[1];
  if (dgiven) {
    dgiven[0] = inside ? (upper ? right : -right) / width : 0;
    dgiven[1] = inside ? (upper ? left : -left) / width : 0;
  }
  return upper ? right : left;
}
static const char *const ends[] = { "low", "high", NULL };
static const elbo_form_set form_sets[] = { { ends, from_ends, log_prob_of_ends, cdf_of_ends } };

static elbo_rc range(const double *w, int K, double *low, double *high)
{
  (void)K;
  *low = w[LOW];
  *high = w[LOW] + exp(w[LOG_W]);
  return ELBO_OK;
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  int inside = interval_holds(w[LOW], w[LOG_W], x[0], x[0]);
  if (dx) dx[0] = 0;
  if (dw) {
    dw[LOW] = 0;
    dw[LOG_W] = inside ? -1 : 0;
  }
  return inside ? -w[LOG_W] : -INFINITY;
}

static double standard(const elbo_call *c, elbo_noise *e)
{
  return c->host->uniform(e);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double d = u * exp(w[LOG_W]);
  if (dw) {
    dw[LOW] = 1;
    dw[LOG_W] = d;
  }
  return w[LOW] + d;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double width = exp(w[LOG_W]), d = x - w[LOW], sign = upper ? -1 : 1,
         z = d > 0 ? fmin(d, width) / width : 0;
  int inside = interval_holds(w[LOW], w[LOG_W], x, x);
  if (dw) {
    dw[LOW] = inside ? -sign / width : 0;
    dw[LOG_W] = inside ? -sign * z : 0;
  }
  return upper ? (d > 0 ? fmax(width - d, 0) / width : 1) : z;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double width = exp(w[LOG_W]);
  out[0] = which == ELBO_ENTROPY    ? w[LOG_W]
           : which == ELBO_MEAN     ? w[LOW] + width / 2
           : which == ELBO_VARIANCE ? width * width / 12
                                    : w[LOW];
  return ELBO_OK;
}

static double kl_uniform(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  (void)c;
  if (!interval_holds(p[LOW], p[LOG_W], q[LOW], q[LOW] + exp(q[LOG_W])))
    return kl_infinite(2, 2, dq, dp);
  if (dq) dq[LOW] = 0, dq[LOG_W] = -1;
  if (dp) dp[LOW] = 0, dp[LOG_W] = 1;
  return p[LOG_W] - q[LOG_W];
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double half = exp(q[LOG_W]) / 2, v = half * half / 3;
  exact_moments t = { q[LOG_W], q[LOW] + half, v, { 0, 1 }, { 1, half }, { 0, 2 * v } };
  return kl_to_normal(&t, 2, p, dq, dp);
}

static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  (void)c;
  double half = exp(q[LOG_W]) / 2;
  exact_moments t = { .h = q[LOG_W], .m = q[LOW] + half, .dh = { 0, 1 }, .dm = { 1, half } };
  return q[LOW] < 0 ? kl_infinite(2, 1, dq, dp) : kl_to_exponential(&t, 2, p, dq, dp);
}

/* E log x over [low, low + width], low >= 0: log low + log1p(k) - phi(k)/k, k = width / low. */
typedef struct {
  double l, by_low, by_log_width;
} mean_log;
static mean_log mean_log_of(double low, double log_width)
{
  double width = exp(log_width), k = width / low, rest = phi(k) / k;
  if (!(k < 1e300)) return (mean_log){ log_width - 1, 0, 1 };
  return (mean_log){ log(low) + log1p(k) - rest, log1p(k) / width, rest };
}

/* log m - E log x over m (1 - t) to m (1 + t): the sum of t^2k / (2k (2k+1)); by t, that of
   t^(2k-1) / (2k+1). For t <= 1/2. */
static double mean_gap(double t, double *by_t)
{
  double sum = 0, slope = 0, power = t;
  for (int k = 2; power > 1e-17 * slope; k += 2) {
    slope += power / (k + 1);
    sum += t * power / (k * (k + 1));
    power *= t * t;
  }
  *by_t = slope;
  return sum;
}

static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  if (q[LOW] < 0) return kl_infinite(2, 2, dq, dp);
  double half = exp(q[LOG_W]) / 2, m = q[LOW] + half, r = half / m, by_r;
  mean_log l = mean_log_of(q[LOW], q[LOG_W]);
  exact_log_moments t = { .h = q[LOG_W],
                          .m = m,
                          .l = l.l,
                          .gap = log(m) - l.l,
                          .dh = { 0, 1 },
                          .dl = { l.by_low, l.by_log_width },
                          .dgap = { 1 / m - l.by_low, r - l.by_log_width } };
  if (r < 0.5) {
    t.gap = mean_gap(r, &by_r);
    t.dgap[LOW] = -by_r * r / m;
    t.dgap[LOG_W] = by_r * r * q[LOW] / m;
  }
  return kl_to_gamma(c, &t, 2, p, dq, dp);
}

/* -H + lgamma(a) + lgamma(b) - lgamma(a + b) - (a - 1) E log x - (b - 1) E log(1 - x), the latter
   E log x of the mirror. */
static double kl_beta(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double a = exp(p[0]), b = exp(p[1]), width = exp(q[LOG_W]), rest = (1 - q[LOW]) - width;
  if (q[LOW] < 0 || rest < -interval_slack(q[LOW], q[LOG_W])) return kl_infinite(2, 2, dq, dp);
  mean_log x = mean_log_of(q[LOW], q[LOG_W]), y = mean_log_of(fmax(rest, 0), q[LOG_W]);
  double less1 = expm1(p[0]), less0 = expm1(p[1]), sum = f(ELBO_DIGAMMA, a + b, 0);
  if (dq) {
    dq[LOW] = less0 * y.by_low - less1 * x.by_low;
    dq[LOG_W] = -1 - less1 * x.by_log_width - less0 * (y.by_log_width - width * y.by_low);
  }
  if (dp) {
    dp[0] = a * (f(ELBO_DIGAMMA, a, 0) - sum - x.l);
    dp[1] = b * (f(ELBO_DIGAMMA, b, 0) - sum - y.l);
  }
  return -q[LOG_W] + f(ELBO_LGAMMA, a, 0) + f(ELBO_LGAMMA, b, 0) - f(ELBO_LGAMMA, a + b, 0) -
         less1 * x.l - less0 * y.l;
}

/* E|x - loc|: the distance of the middle where loc lies outside, else (left^2 + right^2) / (2
   width) by the parts on either side. */
static double kl_laplace(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  (void)c;
  double width = exp(q[LOG_W]), i = exp(-p[1]), left = p[0] - q[LOW], right = width - left;
  double e = fabs(width / 2 - left), by_low = left > 0 ? -1 : 1, by_w = by_low * width / 2;
  if (left > 0 && right > 0) {
    e = (left * left + right * right) / (2 * width);
    by_low = (right - left) / width;
    by_w = right - e;
  }
  if (dq) {
    dq[LOW] = by_low * i;
    dq[LOG_W] = by_w * i - 1;
  }
  if (dp) {
    dp[0] = -by_low * i;
    dp[1] = 1 - e * i;
  }
  return -q[LOG_W] + p[1] + LN_2 + e * i;
}

/* With a = (low - loc) / s, k = width / s: E exp(-(x - loc)/s) = e^-a (1 - e^-k) / k. */
static double kl_gumbel(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  double i = exp(-p[1]), a = (q[LOW] - p[0]) * i, k = exp(q[LOG_W] - p[1]), r = a + k / 2,
         e = exp(-a) * -expm1(-k) / k, by_k = e * (k / expm1(k) - 1); /* of e, by log k */
  if (dq) {
    dq[LOW] = i * (1 - e);
    dq[LOG_W] = k / 2 - 1 + by_k;
  }
  if (dp) {
    dp[0] = i * (e - 1);
    dp[1] = 1 - r + e * a - by_k;
  }
  return -q[LOG_W] + p[1] + r + e;
}

static const elbo_kl kls[] = {
  { "uniform", "uniform", kl_uniform, { NULL } },
  { "uniform", "normal", kl_normal, { NULL } },
  { "uniform", "exponential", kl_exponential, { NULL } },
  { "uniform", "gamma", kl_gamma, { NULL } },
  { "uniform", "beta", kl_beta, { NULL } },
  { "uniform", "laplace", kl_laplace, { NULL } },
  { "uniform", "gumbel", kl_gumbel, { NULL } },
};

static const elbo_family uniform = {
  ELBO_FAMILY_SIZES,
  .name = "uniform",
  .summary = "equally likely between two ends",
  .params = params,
  .n_params = 2,
  .form_sets = form_sets,
  .n_form_sets = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_INTERVAL, 1, 1, range },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .standard = standard,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return low + exp(log_width) / 2;",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, uniform);
