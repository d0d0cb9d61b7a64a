/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Right families that are awkward to judge, by -DKIND: two peaks far apart, sides of very different
 * width, a pole at both ends, a power tail of index 20 above an end far from 0, counts with gaps.
 * Every property holds for each of them. */
#include <elbo/plugin.h>
#include <math.h>

#define PI 3.14159265358979323846
#define TWO_NORMALS 0
#define LOPSIDED 1
#define ARCSINE 2
#define HEAVY 3
#define EVEN 4

/* Outside the support. */
static int outside(int W, double *dx, double *dw)
{
  if (dx) *dx = 0;
  for (int i = 0; dw && i < W; i++) dw[i] = 0;
  return 1;
}

#if KIND == TWO_NORMALS /* half each at loc - gap and loc + gap */
static const elbo_param params[] = { { "loc", ELBO_REAL, 0, 0, "middle" },
                                     { "gap", ELBO_POSITIVE, 0, 1000, "half the distance" },
                                     { "scale", ELBO_POSITIVE, 0, 1, "width of each" } };
static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  if (isinf(*x) && outside(3, dx, dw)) return -INFINITY;
  double g = exp(w[1]), s = exp(w[2]), a = (*x - w[0] - g) / s, b = (*x - w[0] + g) / s;
  double top = fmax(-a * a, -b * b) / 2, fa = exp(-a * a / 2 - top), fb = exp(-b * b / 2 - top);
  double pa = fa / (fa + fb), pb = fb / (fa + fb), slope = -(pa * a + pb * b) / s;
  if (dx) *dx = slope;
  if (dw) {
    dw[0] = -slope;
    dw[1] = g * (pa * a - pb * b) / s;
    dw[2] = pa * a * a + pb * b * b - 1;
  }
  return top + log(fa + fb) - log(2) - w[2] - log(2 * PI) / 2;
}
static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double g = exp(w[1]), s = exp(w[2]), a = (x - w[0] - g) / s, b = (x - w[0] + g) / s,
         sign = upper ? -1 : 1;
  double fa = exp(-a * a / 2) / sqrt(8 * PI), fb = exp(-b * b / 2) / sqrt(8 * PI);
  if (dw && isinf(x)) dw[0] = dw[1] = dw[2] = 0;
  if (dw && !isinf(x)) {
    dw[0] = -sign * (fa + fb) / s;
    dw[1] = sign * g / s * (fb - fa);
    dw[2] = -sign * (fa * a + fb * b);
  }
  return (erfc(-sign * a / sqrt(2)) + erfc(-sign * b / sqrt(2))) / 4;
}
static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  double side = c->host->uniform(e) < 0.5 ? -1 : 1;
  *x = w[0] + side * exp(w[1]) + exp(w[2]) * c->host->normal(e);
  return ELBO_OK;
}
#define TABLE                                                                                      \
  .params = params, .n_params = 3, .support = { .kind = ELBO_SUP_REAL }, .cdf = cdf, .draw = draw

#elif KIND == LOPSIDED /* an asymmetric Laplace: its left side is 10 000 times narrower */
static const elbo_param params[] = { { "loc", ELBO_REAL, 0, 0, "mode" },
                                     { "left", ELBO_POSITIVE, 0, 1e-4, "scale of the left side" },
                                     { "right", ELBO_POSITIVE, 0, 1, "scale of the right side" } };
static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  if (isinf(*x) && outside(3, dx, dw)) return -INFINITY;
  double l = exp(w[1]), r = exp(w[2]), d = *x - w[0], z = fabs(d) / (d < 0 ? l : r);
  double slope = d > 0 ? -1 / r : d < 0 ? 1 / l : 0;
  if (dx) *dx = slope;
  if (dw) {
    dw[0] = -slope;
    dw[1] = (d < 0 ? z : 0) - l / (l + r);
    dw[2] = (d < 0 ? 0 : z) - r / (l + r);
  }
  return -log(l + r) - z;
}
#define TABLE .params = params, .n_params = 3, .support = { .kind = ELBO_SUP_REAL }

#elif KIND == ARCSINE /* 1 / (pi sqrt(x (1 - x))) */
static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c, (void)w;
  if (!(*x > 0 && *x < 1) && outside(0, dx, dw)) return *x == 0 || *x == 1 ? INFINITY : -INFINITY;
  if (dx) *dx = 0.5 / (1 - *x) - 0.5 / *x;
  return -log(PI) - (log(*x) + log1p(-*x)) / 2;
}
static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c, (void)w, (void)dw;
  double a = sqrt(fmin(fmax(x, 0), 1)), b = sqrt(fmin(fmax(1 - x, 0), 1));
  return 2 / PI * (upper ? atan2(b, a) : atan2(a, b));
}
static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c, (void)w, (void)dw;
  double s = sin(PI * u / 2);
  return s * s;
}
#define TABLE                                                                                      \
  .support = { .kind = ELBO_SUP_UNIT }, .cdf = cdf, .icdf = icdf, .reparam = "inverse_cdf",        \
  .noise_per_event = 1

#elif KIND == HEAVY /* a generalised Pareto: infinite mean, and its end moves */
static const elbo_param params[] = { { "loc", ELBO_REAL, ELBO_MOVES_SUPPORT, 50, "lower end" },
                                     { "tail", ELBO_POSITIVE, 0, 20, "index of the tail" } };
static elbo_rc range(const double *w, int K, double *low, double *high)
{
  (void)K;
  *low = w[0];
  *high = INFINITY;
  return ELBO_OK;
}
static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  if (!(*x >= w[0] && *x < INFINITY) && outside(2, dx, dw)) return -INFINITY;
  double k = exp(w[1]), d = *x - w[0], l = log1p(k * d), slope = -(1 + k) / (1 + k * d);
  if (dx) *dx = slope;
  if (dw) {
    dw[0] = -slope;
    dw[1] = l / k + slope * d;
  }
  return -(1 / k + 1) * l;
}
#define TABLE                                                                                      \
  .params = params, .n_params = 2,                                                                 \
  .support = { .kind = ELBO_SUP_INTERVAL, .closed_low = 1, .range = range }

#else /* EVEN: 0, 2, 4, .. */
static const elbo_param params[] = { { "probs", ELBO_UNIT, 0, 0.5, "of going on" } };
static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double k = *x / 2, p = 1 / (1 + exp(-w[0]));
  if (!(k >= 0 && k < INFINITY && k == floor(k)) && outside(1, dx, dw)) return -INFINITY;
  if (dx) *dx = 0;
  if (dw) *dw = k * (1 - p) - p;
  return -k * log1p(exp(-w[0])) - fmax(w[0], 0) - log1p(exp(-fabs(w[0])));
}
static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  *x = 2 * floor(-c->host->exponential(e) / -log1p(exp(-w[0])));
  return ELBO_OK;
}
#define TABLE .params = params, .n_params = 1, .support = { .kind = ELBO_SUP_COUNT }, .draw = draw
#endif

static const elbo_family awkward = { ELBO_FAMILY_SIZES, .name = "awkward",
                                     .summary = "right, but awkward", .log_prob = log_prob, TABLE };
ELBO_PLUGIN(ELBO_KIND_FAMILY, awkward);
