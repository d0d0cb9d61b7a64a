/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * VonMises(loc, concentration = k) on the circle, x from -pi to pi: f(x) = exp(k cos(x - loc)) /
 * (2 pi I0(k)) (Mardia and Jupp 2000, eq. 3.5.17), written with 2 sin^2(t/2) for 1 - cos t. The
 * cdf starts at -pi; mean and variance are the circular ones. */
#include "exact.h"

#define PI 3.14159265358979323846
#define PI_LOW 1.2246467991473532e-16 /* pi less its double */

enum { LOC, LOG_K };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mean direction and mode" },
  { "concentration", ELBO_POSITIVE, 0, 1.0, "about 1 / variance where large" },
};

static double wrap(double t)
{
  return t >= -PI && t <= PI ? t : remainder(t, 2 * PI);
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  double k = exp(w[LOG_K]), t = x[0] - w[LOC], s = sin(0.5 * t), v = 2 * s * s;
  int inside = !(x[0] < -PI || x[0] > PI);
  double by_x = inside ? -k * sin(t) : 0;
  if (dx) dx[0] = by_x;
  if (dw) {
    dw[LOC] = -by_x;
    dw[LOG_K] = inside ? k * (c->host->special(ELBO_BESSEL_GAP, k, 0) - v) : 0;
  }
  return inside ? -k * v - 2 * HALF_LOG_2PI - c->host->special(ELBO_LOG_I0E, k, 0) : -INFINITY;
}

/* Best and Fisher 1979, from a wrapped Cauchy. (r^2 - 1) / (r + z) is r - f without cancellation;
   for small k, r = 1/k + k + O(k^3). */
static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  double k = exp(w[LOG_K]), tau = 1 + sqrt(1 + 4 * k * k), rho = (tau - sqrt(2 * tau)) / (2 * k),
         r = k < 1e-4 ? 1 / k + k : (1 + rho * rho) / (2 * rho);
  for (;;) {
    double z = cos(PI * c->host->uniform(e)), f = (1 + r * z) / (r + z),
           b = k * (r - 1) * (r + 1) / (r + z), u = c->host->uniform(e);
    if (b * (2 - b) <= u && log(b / u) + 1 - b < 0) continue;
    double t = acos(fmax(-1, fmin(1, f)));
    x[0] = wrap(w[LOC] + (c->host->uniform(e) < 0.5 ? -t : t));
    return ELBO_OK;
  }
}

/* On the circle: loc turns x with it; the concentration moves x along the constant probability from
   the antimode, by symmetry from the side where the tail is. */
static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                    double *dw)
{
  double k = exp(w[LOG_K]), t = wrap(x[0] - w[LOC]), a = fabs(t),
         f = exp(log_prob(c, x, w, NULL, NULL)),
         tail = c->host->special3(ELBO_VON_MISES_DA, k, a, PI);
  dw[LOC] = dx[0];
  dw[LOG_K] = f > 0 ? dx[0] * (t < 0 ? -1 : 1) * k * tail / f : 0;
  return ELBO_OK;
}

/* The probability of the angles from -pi to x, or from x to pi. Near an end its length has digits
   that the difference of the rounded angles has not. */
typedef struct {
  double from, to, sign; /* from the mode; the derivative by x has the sign */
  double loc, length;
} stretch;
static stretch stretch_of(double x, double loc, int upper)
{
  loc = wrap(loc);
  if (upper) return (stretch){ x - loc, PI - loc, -1, loc, PI - x + PI_LOW };
  return (stretch){ -PI - loc, x - loc, 1, loc, x + PI + PI_LOW };
}

/* An integral over the stretch: its mean between the rounded angles times the length. */
static double over(const elbo_call *c, uint32_t what, double k, const stretch *s)
{
  double wide = s->to - s->from, to = s->to + (wide > 0 ? 0 : 1e-15 * fabs(s->to));
  return c->host->special3(what, k, s->from, to) * (s->length / (to - s->from));
}

/* By loc it is f at the low end less f at the high end: f(from) (1 - e^..), no difference of
   densities. */
static double by_loc(const elbo_call *c, double k, const stretch *s)
{
  /* gap: high - low */
  double v = sin(0.5 * s->from), w = sin(0.5 * s->to), low = -2 * k * v * v, high = -2 * k * w * w,
         half = 0.5 * s->length, gap = 2 * k * s->sign * sin(half) * sin(half - s->sign * s->loc);
  double norm = -2 * HALF_LOG_2PI - c->host->special(ELBO_LOG_I0E, k, 0);
  return gap < 0 ? -exp(low + norm) * expm1(gap) : exp(high + norm) * expm1(-gap);
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  double k = exp(w[LOG_K]);
  stretch s = stretch_of(x, w[LOC], upper);
  if (dw) dw[LOC] = dw[LOG_K] = 0;
  if (x <= -PI || x >= PI) return (x < 0) == !!upper;
  if (dw) {
    dw[LOC] = by_loc(c, k, &s);
    dw[LOG_K] = k * over(c, ELBO_VON_MISES_DA, k, &s);
  }
  return over(c, ELBO_VON_MISES_P, k, &s);
}

/* Newton on the smaller tail, kept in a bracket that halves where Newton leaves it. */
static double quantile(const elbo_call *c, double u, const double *w)
{
  int upper = u > 0.5;
  double low = -PI, high = PI, target = upper ? 1 - u : u,
         x = wrap(w[LOC]) + c->host->special(ELBO_NDTRI, u, 0) * exp(-0.5 * w[LOG_K]);
  for (int i = 0; i < 200; i++) {
    if (!(x > low && x < high)) x = 0.5 * (low + high);
    double off = cdf(c, x, w, upper, NULL) - target, f = exp(log_prob(c, &x, w, NULL, NULL));
    if ((off > 0) != upper)
      high = x;
    else
      low = x;
    double step = (upper ? -off : off) / f;
    if (off == 0 || high - low <= 1e-16 * fabs(x)) return x;
    if (fabs(step) <= 4e-16 * fabs(x)) return x - step;
    x -= step;
  }
  return x;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double x = u <= 0 ? -PI : u >= 1 ? PI : quantile(c, u, w);
  if (dw) {
    double f = exp(log_prob(c, &x, w, NULL, NULL)), sign = u > 0.5 ? 1 : -1;
    cdf(c, x, w, u > 0.5, dw);
    for (int k = 0; k < 2; k++) dw[k] = f > 0 ? sign * dw[k] / f : 0;
  }
  return x;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  double k = exp(w[LOG_K]), gap = c->host->special(ELBO_BESSEL_GAP, k, 0);
  out[0] = which == ELBO_ENTROPY ? 2 * HALF_LOG_2PI + c->host->special(ELBO_LOG_I0E, k, 0) + k * gap
           : which == ELBO_VARIANCE ? gap
                                    : wrap(w[LOC]);
  return ELBO_OK;
}

/* With A = I1/I0 at q's k, d the angle between the modes: the Bregman divergence of log I0 from k
   to m, and m A (1 - cos d). dA/dk = 1 - A/k - A^2. */
static double kl_von_mises(const elbo_call *c, const double *q, const double *p, double *dq,
                           double *dp)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  double k = exp(q[LOG_K]), more = k * expm1(p[LOG_K] - q[LOG_K]), m = k + more,
         d = q[LOC] - p[LOC], s = sin(0.5 * d), turn = 2 * s * s, gap = f(ELBO_BESSEL_GAP, k, 0),
         a = 1 - gap;
  if (dq) {
    dq[LOC] = m * a * sin(d);
    dq[LOG_K] = (m * turn - more) * (k * gap * (1 + a) - a);
  }
  if (dp) {
    dp[LOC] = -m * a * sin(d);
    dp[LOG_K] = m * (a * turn + gap - f(ELBO_BESSEL_GAP, m, 0));
  }
  return f(ELBO_LOG_I0_BREGMAN, k, more) + m * a * turn;
}

static const elbo_kl kls[] = { { "von_mises", "von_mises", kl_von_mises, { NULL } } };

static const elbo_family von_mises = {
  ELBO_FAMILY_SIZES,
  .name = "von_mises",
  .summary = "a direction in the plane",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_CIRCLE, 1, 1, NULL },
  .seen = ELBO_SEEN_CIRCLE,
  .log_prob = log_prob,
  .reparam = "implicit",
  .noise_per_event = 0,
  .icdf = icdf,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, von_mises);
