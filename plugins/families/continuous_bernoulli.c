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

static double norm(const elbo_call *c, double l, int order)
{
  return c->host->special(ELBO_CB_NORM, l, order);
}
static double even(const elbo_call *c, double l, int order)
{
  return c->host->special(ELBO_CB_NORM_EVEN, l, order);
}
static double tail(const elbo_call *c, double l)
{
  return c->host->special(ELBO_CB_NORM_TAIL, l, 0);
}
/* Here the forms in |l| cancel. */
static int is_near(double l)
{
  return fabs(l) < 1;
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  double l = w[0], near = l > 0 ? x[0] - 1 : x[0]; /* from the end where the mass gathers */
  if (x[0] < 0 || x[0] > 1) {
    if (dx) dx[0] = 0;
    if (dw) dw[0] = 0;
    return -INFINITY;
  }
  if (dx) dx[0] = l;
  if (is_near(l)) {
    if (dw) dw[0] = (x[0] - 0.5) - even(c, l, 1);
    return l * (x[0] - 0.5) - even(c, l, 0);
  }
  if (dw) dw[0] = isinf(l) ? 0 : near + copysign(norm(c, -fabs(l), 1), l);
  return (near == 0 ? 0 : l * near) - tail(c, l);
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
static double log_cdf_slope(const elbo_call *c, double x, double y, double l)
{
  return -y / 2 + (x * even(c, l * x, 1) - even(c, l, 1));
}

/* dx/dl along a constant cdf from F, -(F/f) d log F/dl; or from 1 - F, which is F of the mirror:
   whichever keeps its digits. */
static double lower_path(const elbo_call *c, double x, double y, double l)
{
  return log_cdf_slope(c, x, y, l) * (l == 0 ? -x : expm1(-l * x) / l);
}
static double path(const elbo_call *c, double x, double l)
{
  double y = 1 - x;
  if (x <= 0 || x >= 1) return 0;
  int mirror = fabs(l) < 2 ? x > 0.5 : l > 0 ? l * y < 1 : -l * x >= 1;
  return mirror ? lower_path(c, y, x, -l) : lower_path(c, x, y, l);
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  double l = w[0], y = 1 - x;
  if (dw) dw[0] = 0;
  if (!(x > 0 && x < 1)) return (x <= 0) == !!upper;
  if (dw) dw[0] = (upper ? 1 : -1) * exp(log_prob(c, &x, w, NULL, NULL)) * path(c, x, l);
  if (l <= 0) return upper ? low_sf(x, y, l) : low_cdf(x, l);
  return upper ? low_cdf(y, -l) : low_sf(y, x, -l);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double l = w[0], x = u;
  if (u > 0 && u < 1 && fabs(l) > 1e-300) {
    double t = l > 700 ? INFINITY : u * expm1(l);
    x = l > 700    ? softplus(l + log(u)) / l
        : t > -0.5 ? log1p(t) / l
                   : log((1 - u) + u * exp(l)) / l;
  }
  if (dw) dw[0] = path(c, x, l);
  return x;
}

/* A(l) - l A'(l) */
static double entropy(const elbo_call *c, double l)
{
  double t = fabs(l);
  return is_near(l) ? even(c, l, 0) - l * even(c, l, 1) : t * norm(c, -t, 1) + tail(c, l);
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  out[0] = which == ELBO_ENTROPY    ? entropy(c, w[0])
           : which == ELBO_MEAN     ? norm(c, w[0], 1)
           : which == ELBO_VARIANCE ? norm(c, w[0], 2)
                                    : w[0] > 0;
  return ELBO_OK;
}

/* The Bregman divergence of the log normaliser A(l) = l/2 + L(l/2): A(b) - A(a) - (b - a) A'(a).
   Near equality it is A''(m) (b - a)^2 / 2 and on; by Taylor's integral remainder over s in [0,
   1] of (1 - s) A''(a + s (b - a)), 8 Gauss-Legendre points, and A'(b) - A'(a), its slope by b, by
   the same of A''(a + s (b - a)). */
typedef struct {
  double value, by_b;
} divergence;
static int is_close(double a, double d)
{
  return fabs(d) < fmax(0.5, 0.2 * fabs(a));
}
static divergence close_by(const elbo_call *c, double a, double d)
{
  static const double node[] = { 0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                 0.9602898564975363 };
  static const double weight[] = { 0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                   0.1012285362903763 };
  divergence sum = { 0, 0 };
  for (int k = 0; k < 4; k++) {
    double s = (1 - node[k]) / 2, r = (1 + node[k]) / 2;
    double near = weight[k] / 2 * norm(c, a + s * d, 2),
           far = weight[k] / 2 * norm(c, a + r * d, 2);
    sum.value += r * near + s * far;
    sum.by_b += near + far;
  }
  return (divergence){ sum.value * d * d, sum.by_b * d };
}
static double kl_same(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  double turn = q[0] > 0 ? -1 : 1, a = turn * q[0], b = turn * p[0], d = b - a,
         mean = norm(c, a, 1);
  divergence t = { norm(c, b, 0) - norm(c, a, 0) - d * mean, norm(c, b, 1) - mean };
  if (is_close(a, d)) t = close_by(c, a, d);
  if (dq) dq[0] = -turn * norm(c, a, 2) * d;
  if (dp) dp[0] = turn * t.by_b;
  return t.value;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  exact_moments m = { .h = entropy(c, q[0]), .m = norm(c, q[0], 1), .v = norm(c, q[0], 2) };
  m.dm[0] = m.v;
  m.dv[0] = norm(c, q[0], 3);
  m.dh[0] = -q[0] * m.v;
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
