/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Continuous Bernoulli(logits = l): f(x) = exp(l x) l / expm1(l) on [0, 1]. Loaiza-Ganem and
 * Cunningham 2019, eq. 4 and 6. With h = l/2 and L(h) = log(sinh(h) / h): log f = l (x - 1/2) -
 * L(h), the mean is 1/2 + L'(h)/2, the variance L''(h)/4. Near l = 0 these are power series; for
 * l > 0 the mirror x -> 1 - x, l -> -l leads to l < 0, where nothing overflows. */
#include "exact.h"

static const elbo_param params[] = {
  { "logits", ELBO_UNIT, 0, 0.5, "log odds of the Bernoulli of the same kernel" },
};

/* L(h) = sum c_n h^(2n), c_n = 2^(2n) B_2n / (2n (2n)!), radius pi. */
static const double series[] = { 1.0 / 6,
                                 -1.0 / 180,
                                 1.0 / 2835,
                                 -1.0 / 37800,
                                 1.0 / 467775,
                                 -691.0 / 3831077250,
                                 2.0 / 127702575,
                                 -3617.0 / 2605132530000,
                                 43867.0 / 350813659321125,
                                 -174611.0 / 15313294652906250 };
enum { TERMS = sizeof series / sizeof series[0] };
enum { NORM, SLOPE_OVER_H, CURVE }; /* L, L'/h, L'' */
static double norm_series(double h, int what)
{
  double z = h * h, sum = 0;
  for (int n = TERMS; n > 0; n--)
    sum = sum * z + series[n - 1] * (what == NORM           ? 1
                                     : what == SLOPE_OVER_H ? 2 * n
                                                            : 2 * n * (2 * n - 1));
  return what == NORM ? sum * z : sum;
}
static int is_near(double l)
{
  return fabs(l) < 1;
}

/* log(expm1(-t) / -t), t >= 0: log of the density's height at the end where it is low, over its
   slope, away from 0. */
static double height(double t)
{
  return log(-expm1(-t) / t);
}
/* The mean for l = -t, away from 0; 1 minus it for l = t. */
static double short_mean(double t)
{
  return 1 / t - 1 / expm1(t);
}
/* L'(h) */
static double slope(double h)
{
  if (is_near(2 * h)) return h * norm_series(h, SLOPE_OVER_H);
  return copysign(1 - 2 * short_mean(2 * fabs(h)), h);
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double l = w[0], t = fabs(l),
         near = l > 0 ? x[0] - 1 : x[0]; /* from the end where the mass gathers */
  if (x[0] < 0 || x[0] > 1) {
    if (dx) dx[0] = 0;
    if (dw) dw[0] = 0;
    return -INFINITY;
  }
  if (dx) dx[0] = l;
  if (is_near(l)) {
    if (dw) dw[0] = (x[0] - 0.5) - slope(l / 2) / 2;
    return l * (x[0] - 0.5) - norm_series(l / 2, NORM);
  }
  if (dw) dw[0] = isinf(l) ? 0 : near + copysign(short_mean(t), l);
  return (near == 0 ? 0 : l * near) - height(t);
}

/* cdf for l <= 0 and its mirror: F(x; l) = expm1(l x) / expm1(l), 1 - F = exp(l x) expm1(l (1 -
   x)) / expm1(l). y = 1 - x. */
static double low_cdf(double x, double l)
{
  return l == 0 ? x : expm1(l * x) / expm1(l);
}
static double low_sf(double x, double y, double l)
{
  return l == 0 ? y : exp(l * x) * expm1(l * y) / expm1(l);
}

/* d log F / dl = (x - 1)/2 + (x L'(h x) - L'(h))/2; y = 1 - x */
static double log_cdf_slope(double x, double y, double h)
{
  return -y / 2 + (x * slope(h * x) - slope(h)) / 2;
}

/* dx/dl along a constant cdf from F, -(F/f) d log F/dl; or from 1 - F, which is F of the mirror:
   whichever keeps its digits. */
static double lower_path(double x, double y, double l)
{
  return log_cdf_slope(x, y, l / 2) * (l == 0 ? -x : expm1(-l * x) / l);
}
static double path(double x, double l)
{
  double y = 1 - x;
  if (x <= 0 || x >= 1) return 0;
  int mirror = fabs(l) < 2 ? x > 0.5 : l > 0 ? l * y < 1 : -l * x >= 1;
  return mirror ? lower_path(y, x, -l) : lower_path(x, y, l);
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  double l = w[0], y = 1 - x;
  if (dw) dw[0] = 0;
  if (!(x > 0 && x < 1)) return (x <= 0) == !!upper;
  if (dw) dw[0] = (upper ? 1 : -1) * exp(log_prob(c, &x, w, NULL, NULL)) * path(x, l);
  if (l <= 0) return upper ? low_sf(x, y, l) : low_cdf(x, l);
  return upper ? low_cdf(y, -l) : low_sf(y, x, -l);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double l = w[0], x = u;
  if (u > 0 && u < 1 && fabs(l) > 1e-300) {
    double t = l > 700 ? INFINITY : u * expm1(l);
    x = l > 700    ? softplus(l + log(u)) / l
        : t > -0.5 ? log1p(t) / l
                   : log((1 - u) + u * exp(l)) / l;
  }
  if (dw) dw[0] = path(x, l);
  return x;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double l = w[0], h = l / 2, t = fabs(l), e = -expm1(-t);
  if (which == ELBO_MODE)
    out[0] = l > 0;
  else if (is_near(l))
    out[0] = which == ELBO_MEAN       ? 0.5 + slope(h) / 2
             : which == ELBO_VARIANCE ? norm_series(h, CURVE) / 4
                                      : norm_series(h, NORM) - h * slope(h);
  else
    out[0] = which == ELBO_MEAN       ? (l > 0 ? 1 - short_mean(t) : short_mean(t))
             : which == ELBO_VARIANCE ? 1 / (t * t) - exp(-t) / (e * e)
                                      : t * short_mean(t) + height(t);
  return ELBO_OK;
}

/* The Bregman divergence of the log normaliser A(l) = l/2 + L(l/2): A(b) - A(a) - (b - a) A'(a).
   Near equality it is A''(m) (b - a)^2 / 2 and on; by Taylor's integral remainder over s in [0,
   1] of (1 - s) A''(a + s (b - a)), 8 Gauss-Legendre points. */
static double curve(double l)
{
  double t = fabs(l), e = -expm1(-t);
  return is_near(l) ? norm_series(l / 2, CURVE) / 4 : 1 / (t * t) - exp(-t) / (e * e);
}
static double bregman_close(double a, double d)
{
  static const double node[] = { 0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                 0.9602898564975363 };
  static const double weight[] = { 0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                   0.1012285362903763 };
  double sum = 0;
  for (int k = 0; k < 4; k++) {
    double s = (1 - node[k]) / 2, r = (1 + node[k]) / 2;
    sum += weight[k] / 2 * (r * curve(a + s * d) + s * curve(a + r * d));
  }
  return sum * d * d;
}
/* log normaliser less what the end with the mass contributes: A(l) = max(l, 0) + height(|l|)
   away from 0. */
static double log_norm(double l)
{
  return is_near(l) ? l / 2 + norm_series(l / 2, NORM) : fmax(l, 0) + height(fabs(l));
}

static double kl_same(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  double turn = q[0] > 0 ? -1 : 1, a = turn * q[0], b = turn * p[0], d = b - a, mq, mp;
  moment(c, ELBO_MEAN, &a, &mq);
  moment(c, ELBO_MEAN, &b, &mp);
  if (dq) dq[0] = -turn * curve(a) * d;
  if (dp) dp[0] = turn * (fabs(d) < 0.1 ? curve(a + d / 2) * d : mp - mq);
  return fabs(d) < 0.5 ? bregman_close(a, d) : log_norm(b) - log_norm(a) - d * mq;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  exact_moments m = { 0 };
  double l = q[0], v3;
  moment(c, ELBO_ENTROPY, q, &m.h);
  moment(c, ELBO_MEAN, q, &m.m);
  moment(c, ELBO_VARIANCE, q, &m.v);
  /* A'''(l), the third cumulant, with s = 1/(e^t - 1): 2/t^3 - s (1 + s)(1 + 2 s) for l < 0,
     turned for l > 0. */
  double t = fabs(l), s = 1 / expm1(t), sum = 0;
  for (int n = TERMS; n > 1; n--)
    sum = sum * l * l / 4 + series[n - 1] * 2 * n * (2 * n - 1) * (2 * n - 2);
  v3 = is_near(l) ? sum * l / 16 : copysign(2 / (t * t * t) - s * (1 + s) * (1 + 2 * s), -l);
  m.dm[0] = m.v;
  m.dv[0] = v3;
  m.dh[0] = -l * m.v;
  return kl_to_normal(&m, 1, p, dq, dp);
}

/* The series in float carry |l| < 2. */
ELBO_INLINE float event(const float in[4], float grad[4])
{
  float x = in[0], l = in[1], t = elbo_absf(l), h = 0.5f * l, z = h * h;
  float norm = 1.5661391e-8f * z - 1.8036703e-7f;
  norm = norm * z + 2.1377799e-6f;
  norm = norm * z - 2.6455026e-5f;
  norm = norm * z + 3.5273369e-4f;
  norm = norm * z - 5.5555556e-3f;
  norm = (norm * z + 0.16666667f) * z;
  float half_slope = 1.0962972e-7f - 1.1107304e-8f * z; /* L'(h)/2 */
  half_slope = half_slope * z - 1.0822022e-6f;
  half_slope = half_slope * z + 1.0688900e-5f;
  half_slope = half_slope * z - 1.0582011e-4f;
  half_slope = half_slope * z + 1.0582011e-3f;
  half_slope = half_slope * z - 1.1111111e-2f;
  half_slope = (half_slope * z + 0.16666667f) * h;
  float e = elbo_exp_below_f(-t), i = 1.0f / t, end = l > 0.0f ? x - 1.0f : x;
  float mean = i - e / (1.0f - e);
  int inside = x >= 0.0f && x <= 1.0f, close = t < 2.0f;
  float value =
      close ? l * (x - 0.5f) - norm : (end == 0.0f ? 0.0f : l * end) - elbo_logf((1.0f - e) * i);
  float by_l = close ? (x - 0.5f) - half_slope : end + elbo_signf(mean, l);
  grad[0] = inside ? l : 0.0f;
  grad[1] = inside ? by_l : 0.0f;
  return inside ? value : x != x ? x : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 1)

static const elbo_kl kls[] = {
  { "continuous_bernoulli", "continuous_bernoulli", kl_same, { NULL } },
  { "continuous_bernoulli", "normal", kl_normal, { NULL } },
};

static const elbo_family continuous_bernoulli = {
  ELBO_FAMILY_SIZES,
  .name = "continuous_bernoulli",
  .summary = "the Bernoulli kernel on [0, 1], normalised",
  .params = params,
  .n_params = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_UNIT, 1, 1, NULL },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "double s = logits * logits; /* near 0 the series, where the two terms cancel */\n"
               "if (s < 0.0625) return 0.5 + logits * (1. / 12 - s * (1. / 720 - s / 30240));\n"
               "return -1 / expm1(-logits) - 1 / logits;",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, continuous_bernoulli);
