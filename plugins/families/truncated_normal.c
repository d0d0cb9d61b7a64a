/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Normal(loc, scale) between low and high, which are constants. Johnson, Kotz and Balakrishnan
 * 1994, section 10.1. t = (x - loc) / scale runs over [a, b]; everything is an expectation under
 * the weight exp(-(t - c)(t + c)/2), c the point of [a, b] nearest to 0, which is 1 at c and falls
 * on both sides: no difference of tails is formed, and far tails are as good as the middle. */
#include "exact.h"

enum { LOC, LOG_SCALE, LOW, HIGH };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mode before truncation" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "standard deviation before truncation" },
  { "low", ELBO_REAL, ELBO_CONSTANT, -1.0, "least value" },
  { "high", ELBO_REAL, ELBO_CONSTANT, 1.0, "greatest value" },
};

static elbo_rc range(const double *w, int K, double *low, double *high)
{
  (void)K;
  *low = w[LOW];
  *high = w[HIGH];
  return *low < *high ? ELBO_OK : ELBO_DOMAIN;
}

/* An interval [a, b]: c, c - a, b - c, log of the weight's integral, E (t - c)^k for k = 1 .. 4. */
typedef struct {
  double c, below, above, log_mass, at[4];
} piece;

/* Where the weight has fallen to e^-depth beyond c >= 0: (t^2 - c^2)/2 = depth. */
static double reach(double c, double depth)
{
  return 2 * depth / (hypot(c, sqrt(2 * depth)) + c);
}

/* Gauss and Legendre's rule of 16 points on panels over which the weight falls by e^-8 at most,
   to 1e-22 of the peak. */
static void integrate(piece *p)
{
  static const double node[] = { 0.09501250983763744, 0.28160355077925891, 0.45801677765722739,
                                 0.61787624440264375, 0.75540440835500303, 0.86563120238783174,
                                 0.94457502307323258, 0.98940093499164993 };
  static const double weight[] = { 0.18945061045506850, 0.18260341504492359, 0.16915651939500254,
                                   0.14959598881657673, 0.12462897125553387, 0.09515851168249278,
                                   0.06225352393864789, 0.02715245941175409 };
  double far = reach(p->c, 50), from = -fmin(p->below, far), to = fmin(p->above, far);
  double wanted = (to - from) * (p->c / 8 + 0.5); /* below 200; NaN where c is infinite */
  int panels = wanted < 200 ? 1 + (int)wanted : 1;
  double half = (to - from) / panels / 2, sum = 0, power[4] = { 0 };
  for (int i = 0; i < panels; i++)
    for (int k = 0; k < 16; k++) {
      double s = from + half * (2 * i + 1 + (k & 1 ? node[k / 2] : -node[k / 2]));
      double v = weight[k / 2] * exp(-0.5 * s * (s + 2 * p->c));
      sum += v;
      for (int j = 0; j < 4; j++) power[j] += v *= s;
    }
  p->log_mass = log(sum * half);
  for (int j = 0; j < 4; j++) p->at[j] = sum > 0 ? power[j] / sum : 0;
}

/* d = b - a, not formed from them. Left of 0 in the mirror. */
static piece piece_of(double a, double b, double d)
{
  if (b <= 0 && a < 0) {
    piece p = piece_of(-b, -a, d);
    double above = p.above;
    p.c = -p.c;
    p.above = p.below;
    p.below = above;
    p.at[0] = -p.at[0];
    p.at[2] = -p.at[2];
    return p;
  }
  piece p = { .c = fmax(a, 0), .below = fmax(-a, 0), .above = a >= 0 ? d : b };
  integrate(&p);
  return p;
}

static piece whole(const double *w)
{
  double t = exp(-w[LOG_SCALE]);
  return piece_of((w[LOW] - w[LOC]) * t, (w[HIGH] - w[LOC]) * t, (w[HIGH] - w[LOW]) * t);
}
/* The x at which t = c. */
static double anchor(const piece *p, const double *w)
{
  return p->below == 0 ? w[LOW] : p->above == 0 ? w[HIGH] : w[LOC];
}

/* Of t at c + s. */
static double log_density(const piece *p, double s)
{
  return -0.5 * s * (s + 2 * p->c) - p->log_mass;
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  int inside = x[0] >= w[LOW] && x[0] <= w[HIGH];
  if (dx) dx[0] = 0;
  for (int i = 0; dw && i < 4; i++) dw[i] = 0;
  if (!inside) return -INFINITY;
  piece p = whole(w);
  double t = exp(-w[LOG_SCALE]), z = (x[0] - w[LOC]) * t, s = (x[0] - anchor(&p, w)) * t;
  double fall = s * (s + 2 * p.c);
  if (dx) dx[0] = -z * t;
  if (dw) {
    dw[LOC] = (s - p.at[0]) * t;
    dw[LOG_SCALE] = fall - p.at[1] - 2 * p.c * p.at[0];
    dw[LOW] = exp(log_density(&p, -p.below)) * t;
    dw[HIGH] = -exp(log_density(&p, p.above)) * t;
  }
  return -0.5 * fall - p.log_mass - w[LOG_SCALE];
}

/* The parts of `all` on either side of t = c + s, `left` and `right` of the ends, and the logs of
   their shares. */
typedef struct {
  piece low, high;
  double log_cdf, log_sf;
} parts;
static parts split(const piece *all, double s, double left, double right)
{
  double z = all->c + s;
  parts p = { .low = piece_of(all->c - all->below, z, left),
              .high = piece_of(z, all->c + all->above, right) };
  /* a part beyond c on its far side has its c at z */
  double by_low = z < 0 && all->below > 0 ? (all->above == 0 ? -right : s) : 0;
  double by_high = z >= 0 && (all->above > 0 || all->c >= 0) ? (all->below == 0 ? left : s) : 0;
  p.log_cdf = p.low.log_mass - all->log_mass - 0.5 * by_low * (by_low + 2 * all->c);
  p.log_sf = p.high.log_mass - all->log_mass - 0.5 * by_high * (by_high + 2 * all->c);
  return p;
}

/* dF/dw = F (1 - F) (E< g - E> g), the means below and above of g = t by loc and g = t^2 by log
   scale. */
static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  for (int i = 0; dw && i < 4; i++) dw[i] = 0;
  if (x <= w[LOW] || x >= w[HIGH]) return (x <= w[LOW]) == !!upper;
  piece all = whole(w);
  double t = exp(-w[LOG_SCALE]);
  parts p = split(&all, (x - anchor(&all, w)) * t, (x - w[LOW]) * t, (w[HIGH] - x) * t);
  if (dw) {
    double z = (x - w[LOC]) * t, below = p.low.above - p.low.at[0],
           above = p.high.below + p.high.at[0]; /* means of |t - z| */
    double below2 = below * below + p.low.at[1] - p.low.at[0] * p.low.at[0],
           above2 = above * above + p.high.at[1] - p.high.at[0] * p.high.at[0];
    double f = (upper ? 1 : -1) * exp(p.log_cdf + p.log_sf);
    dw[LOC] = f * (above + below) * t;
    dw[LOG_SCALE] = f * (2 * z * (above + below) + above2 - below2);
    double sign = upper ? t : -t;
    dw[LOW] = sign * exp(log_density(&all, -all.below) + p.log_sf);
    dw[HIGH] = sign * exp(log_density(&all, all.above) + p.log_cdf);
  }
  return exp(upper ? p.log_sf : p.log_cdf);
}

/* A start for s: the weight as e^(-c s) beyond c, or the whole normal's quantile. */
static double start(const elbo_call *call, const piece *p, double u)
{
  double c = fabs(p->c), far = fmin(p->above + p->below, reach(c, 800));
  if (p->below > 0 && p->above > 0) {
    double a = erfc(p->below * 0.70710678118654752440) / 2,
           b = erfc(p->above * 0.70710678118654752440) / 2, in = 1 - a - b;
    double low = a + u * in, high = b + (1 - u) * in;
    return low < 0.5 ? call->host->special(ELBO_NDTRI, low, 0)
                     : -call->host->special(ELBO_NDTRI, high, 0);
  }
  double share = p->below == 0 ? u : 1 - u,
         s = c * far < 1e-8 ? share * far : -log1p(share * expm1(-c * far)) / c;
  return p->below == 0 ? s : -s;
}

/* s = origin + e by Newton's steps on the log of the smaller tail, inside a bracket. The origin is
   the end on that side where the weight reaches it, so that e keeps its digits there, else c. */
typedef struct {
  double origin, e;
} place;
static place standard_icdf(const elbo_call *call, const piece *all, double u)
{
  double far = reach(fabs(all->c), 800), low = -fmin(all->below, far), high = fmin(all->above, far);
  int lower = u <= 0.5, at_low = lower && all->below <= far, at_high = !lower && all->above <= far;
  place p = { at_low ? low : at_high ? high : 0, 0 };
  p.e = start(call, all, u) - p.origin;
  if ((at_low || at_high) && fabs(p.e) < 1e-3) /* the density is flat so near the end */
    p.e = (lower ? u : u - 1) * exp(-log_density(all, p.origin));
  low -= p.origin;
  high -= p.origin;
  for (int i = 0; i < 200; i++) {
    if (!(p.e > low && p.e < high)) p.e = 0.5 * (low + high);
    double s = p.origin + p.e;
    parts t = split(all, s, at_low ? p.e : s + all->below, at_high ? -p.e : all->above - s);
    double tail = lower ? t.log_cdf : t.log_sf, off = lower ? tail - log(u) : log1p(-u) - tail,
           step = off * exp(tail - log_density(all, s));
    if (off > 0) high = p.e;
    if (off < 0) low = p.e;
    p.e -= step;
    if (fabs(step) <= 1e-14 * fabs(p.e)) break;
  }
  p.e = fmin(fmax(p.e, low), high);
  return p;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double x = u <= 0 ? w[LOW] : w[HIGH], scale = exp(w[LOG_SCALE]);
  for (int i = 0; dw && i < 4; i++) dw[i] = i == (u <= 0 ? LOW : HIGH);
  if (u <= 0 || u >= 1) return x;
  piece all = whole(w);
  place p = standard_icdf(c, &all, u);
  double base = p.origin == 0 ? anchor(&all, w) : p.origin < 0 ? w[LOW] : w[HIGH];
  x = fmin(fmax(base + scale * p.e, w[LOW]), w[HIGH]);
  if (dw) {
    double f = exp(log_density(&all, p.origin + p.e)) / scale;
    cdf(c, x, w, u > 0.5, dw);
    for (int i = 0; i < 4; i++) dw[i] *= (u > 0.5 ? 1 : -1) / f;
  }
  return x;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  piece p = whole(w);
  double s = exp(w[LOG_SCALE]);
  out[0] = which == ELBO_ENTROPY    ? w[LOG_SCALE] + p.log_mass + p.at[1] / 2 + p.c * p.at[0]
           : which == ELBO_MEAN     ? anchor(&p, w) + s * p.at[0]
           : which == ELBO_VARIANCE ? s * s * (p.at[1] - p.at[0] * p.at[0])
                                    : fmin(fmax(w[LOC], w[LOW]), w[HIGH]);
  return ELBO_OK;
}

/* d KL / dq = Cov(score, log q - log p), where log q - log p = (r^2 - 1) t^2/2 + r k t + .. if t_p
   = r t + k. */
static void by_q(const double *q, double r, double k, double *dq)
{
  piece p = whole(q);
  double v = p.at[1] - p.at[0] * p.at[0], v12 = p.at[2] - p.at[0] * p.at[1],
         v22 = p.at[3] - p.at[1] * p.at[1];
  double t12 = 2 * p.c * v + v12, t22 = 4 * p.c * (p.c * v + v12) + v22,
         half = 0.5 * (r - 1) * (r + 1);
  dq[LOC] = (half * t12 + r * k * v) * exp(-q[LOG_SCALE]);
  dq[LOG_SCALE] = half * t22 + r * k * t12;
}
/* By an end, where log q - log p is g: the density there times KL + 1 - g. */
static void by_ends(const double *q, double kl, double p_low, double p_high, double *dq)
{
  double low = log_prob(NULL, &q[LOW], q, NULL, NULL),
         high = log_prob(NULL, &q[HIGH], q, NULL, NULL);
  dq[LOW] = exp(low) * (kl + 1 - (low - p_low));
  dq[HIGH] = -exp(high) * (kl + 1 - (high - p_high));
}

/* To a normal with the log of its mass over the weight at its c, which is met at x = at. */
typedef struct {
  double value, m, square; /* E (t_p - c), E t_p^2 - c^2 */
} normal_part;
static normal_part to_normal(const double *q, const double *p, double log_mass, double c, double at,
                             double *dq)
{
  piece all = whole(q);
  double i = exp(-p[LOG_SCALE]), r = exp(q[LOG_SCALE] - p[LOG_SCALE]), h;
  double m = (anchor(&all, q) - at) * i + r * all.at[0];
  double square = m * m + r * r * (all.at[1] - all.at[0] * all.at[0]) + 2 * c * m;
  moment(NULL, ELBO_ENTROPY, q, &h);
  if (dq) by_q(q, r, (q[LOC] - p[LOC]) * i, dq);
  return (normal_part){ fmax(-h + p[LOG_SCALE] + log_mass + square / 2, 0), m, square };
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  (void)c;
  normal_part k = to_normal(q, p, HALF_LOG_2PI, 0, p[LOC], dq);
  if (dq) {
    double i = exp(-p[LOG_SCALE]), low = (q[LOW] - p[LOC]) * i, high = (q[HIGH] - p[LOC]) * i,
           top = -HALF_LOG_2PI - p[LOG_SCALE];
    by_ends(q, k.value, top - 0.5 * low * low, top - 0.5 * high * high, dq);
  }
  if (dp) {
    dp[LOC] = -k.m * exp(-p[LOG_SCALE]);
    dp[LOG_SCALE] = 1 - k.square;
  }
  return k.value;
}

static double kl_same(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  if (q[LOW] < p[LOW] || q[HIGH] > p[HIGH]) return kl_infinite(4, 4, dq, dp);
  piece all = whole(p);
  normal_part k = to_normal(q, p, all.log_mass, all.c, anchor(&all, p), dq);
  if (dq)
    by_ends(q, k.value, log_prob(c, &q[LOW], p, NULL, NULL), log_prob(c, &q[HIGH], p, NULL, NULL),
            dq);
  if (dp) {
    dp[LOC] = (all.at[0] - k.m) * exp(-p[LOG_SCALE]);
    dp[LOG_SCALE] = all.at[1] + 2 * all.c * all.at[0] - k.square;
    dp[LOW] = -exp(log_prob(c, &p[LOW], p, NULL, NULL));
    dp[HIGH] = exp(log_prob(c, &p[HIGH], p, NULL, NULL));
  }
  return k.value;
}

/* Uniform(low, log width) around [low, high]: log width less the entropy. */
static double kl_uniform(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  double h;
  if (!interval_holds(p[0], p[1], q[LOW], q[HIGH])) return kl_infinite(4, 2, dq, dp);
  moment(c, ELBO_ENTROPY, q, &h);
  if (dq) by_q(q, 0, 0, dq), by_ends(q, p[1] - h, -p[1], -p[1], dq);
  if (dp) dp[0] = 0, dp[1] = 1;
  return p[1] - h;
}

static const elbo_kl kls[] = {
  { "truncated_normal", "truncated_normal", kl_same, { NULL } },
  { "truncated_normal", "normal", kl_normal, { NULL } },
  { "truncated_normal", "uniform", kl_uniform, { NULL } },
};

static const elbo_family truncated_normal = {
  ELBO_FAMILY_SIZES,
  .name = "truncated_normal",
  .summary = "normal between two bounds",
  .params = params,
  .n_params = 4,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_INTERVAL, 1, 1, range },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, truncated_normal);
