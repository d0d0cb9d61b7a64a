/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * StudentT(df = n, loc, scale): x = loc + scale r, r a standard normal over sqrt(chi-squared(n)
 * / n). n / (n + r^2) is Beta(n/2, 1/2), with logit log n - 2 log|r|. loc and scale move x as in
 * location_scale, df along the constant cdf. */
#include "student.h"

#define LOG_2 0.69314718055994530942
#define LOG_PI 1.14472988584940017414

enum { LOG_DF, LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "df", ELBO_POSITIVE, 0, 1.0, "degrees of freedom" },
  { "loc", ELBO_REAL, 0, 0.0, "median and mode" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "the standard deviation as df grows" },
};
static const char *const uses[] = { "gamma", NULL };

/* r, q = r^2 / n and its way to 1, t = q / (1 + q) */
typedef struct {
  double n, r, q, log_q, t;
} standard;
static standard standardise(double x, const double *w)
{
  double n = exp(w[LOG_DF]), r = (x - w[LOC]) * exp(-w[LOG_SCALE]), q = r * r / n;
  return (standard){ n, r, q, 2 * log(fabs(r)) - w[LOG_DF], isinf(q) ? 1 : q / (1 + q) };
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  standard s = standardise(x[0], w);
  int inside = !isinf(x[0]);
  double slope = s.q > 1 ? (s.n + 1) * s.t / s.r : (s.n + 1) / s.n * s.r / (1 + s.q),
         by_x = inside ? -slope * exp(-w[LOG_SCALE]) : 0;
  if (dx) dx[0] = by_x;
  if (dw) {
    dw[LOG_DF] = inside ? student_by_log_df(c->host, s.n, 1, s.q, s.log_q, s.t) : 0;
    dw[LOC] = -by_x;
    dw[LOG_SCALE] = inside ? (s.n + 1) * s.t - 1 : 0;
  }
  return inside ? student_norm(c->host, s.n, 1) - student_fall(s.n, 1, s.q, s.log_q) - w[LOG_SCALE]
                : -INFINITY;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  elbo_call inner = inner_call(c);
  double half[2] = { w[LOG_DF] - LOG_2, 0 }, z = c->host->normal(e), g;
  elbo_rc rc = c->uses[0]->draw(&inner, e, half, &g);
  x[0] = w[LOC] + z * exp(w[LOG_SCALE] + 0.5 * (half[0] - g));
  return rc;
}

static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                    double *dw)
{
  standard s = standardise(x[0], w);
  dw[LOG_DF] = dx[0] * exp(w[LOG_SCALE]) * c->host->special(ELBO_STUDENT_PULL, s.n, s.r);
  dw[LOC] = dx[0];
  dw[LOG_SCALE] = dx[0] * (x[0] - w[LOC]);
  return ELBO_OK;
}

/* Half the beta's lower tail; from 0 outwards it is the smaller side. */
static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  standard s = standardise(x, w);
  double tail = 0.5 * c->host->special3(ELBO_BETA_P, 0.5 * s.n, 0.5, -s.log_q);
  if (dw) {
    double f = isinf(x) ? 0 : (upper ? 1 : -1) * exp(log_prob(c, &x, w, NULL, NULL)), one = 1;
    dw[LOG_DF] = dw[LOC] = dw[LOG_SCALE] = 0;
    if (f != 0) pull(c, &x, w, &one, dw);
    for (int k = 0; k < 3; k++) dw[k] *= f;
  }
  return (s.r < 0) != !!upper ? tail : 1 - tail;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double tail = u <= 0.5 ? u : 1 - u, n = exp(w[LOG_DF]), one = 1;
  double l = c->host->special3(ELBO_BETA_INV, 0.5 * n, 0.5, 2 * tail),
         r = exp(0.5 * (w[LOG_DF] - l)), x = w[LOC] + (u < 0.5 ? -r : r) * exp(w[LOG_SCALE]);
  if (dw) {
    dw[LOG_DF] = dw[LOC] = dw[LOG_SCALE] = 0;
    if (!isinf(x)) pull(c, &x, w, &one, dw);
  }
  return x;
}

/* (n+1)/2 (psi((n+1)/2) - psi(n/2)) + log(sqrt(n) B(n/2, 1/2)) */
static double entropy(const elbo_call *c, const double *w)
{
  double n = exp(w[LOG_DF]), h = 0.5 * n;
  return 0.5 * (n + 1) * c->host->special(ELBO_DIGAMMA_GAP, h, 0.5) - student_norm(c->host, n, 1) +
         w[LOG_SCALE];
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  double less2 = exp_minus_2(w[LOG_DF]);
  if ((which == ELBO_MEAN && w[LOG_DF] <= 0) || (which == ELBO_VARIANCE && less2 <= 0))
    return ELBO_UNDEFINED;
  out[0] = which == ELBO_ENTROPY    ? entropy(c, w)
           : which == ELBO_VARIANCE ? exp(2 * w[LOG_SCALE] + w[LOG_DF]) / less2
                                    : w[LOC];
  return ELBO_OK;
}

/* log(1 + q), the rounding of 1 + q given back (Kahan). */
ELBO_INLINE double log_1p(double q)
{
  double u = 1 + q, v = elbo_log(u);
  return u == 1 ? q : u < 1e300 ? v * (q / (u - 1)) : v;
}

/* In double. lgamma(h + 1/2) - lgamma(h) - log(h)/2 = h log(1 + 1/(2h)) - 1/2 + s(h + 1/2) - s(h)
   by Stirling's errors s from h = 8 on, below through a shift by 8: h (h+1) .. (h+7) over that from
   h + 1/2. */
ELBO_INLINE float event(const float in[4], float grad[4])
{
  double wn = in[1], n = elbo_exp(wn), h0 = 0.5 * n, scale = elbo_exp(in[3]);
  double r = ((double)in[0] - in[2]) / scale, q = r * r / n;
  int small = h0 < 8;
  double up = 1, down = 1, dup = 0, ddown = 0;
  for (int k = 0; k < 8; k++) {
    dup = dup * (h0 + k) + up;
    up *= h0 + k;
    ddown = ddown * (h0 + 0.5 + k) + down;
    down *= h0 + 0.5 + k;
  }
  double shift = small ? elbo_log(up / down) : 0, slope = small ? dup / up - ddown / down : 0;
  double h = small ? h0 + 8 : h0, k = h + 0.5, i = 1 / h, j = 1 / k, z = i * i, y = j * j;
  double l = log_1p(0.5 * i);
  double s = i * (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z / 1188)))),
         t = j * (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188))));
  double ds = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z / 132)))),
         dt = y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y / 132))));
  double lgam = h * l - 0.5 + t - s + 0.5 * (small ? elbo_log(h / h0) : 0) + shift;
  double psi = l + 0.25 * i * j - dt + ds + slope; /* psi(h + 1/2) - psi(h) */
  double fall = log_1p(q), share = q < 1e300 ? q / (1 + q) : 1;
  int inside = !(elbo_absf(in[0]) == ELBO_INFF);
  double by_x = q > 1 ? (n + 1) * share / r : (1 + 1 / n) * r / (1 + q);
  grad[0] = (float)(inside ? -by_x / scale : 0);
  grad[1] = (float)(inside ? 0.5 * (n * (psi - fall + share) - 1 + share) : 0);
  grad[2] = (float)(inside ? by_x / scale : 0);
  grad[3] = (float)(inside ? (n + 1) * share - 1 : 0);
  double value = lgam - 0.5 * (LOG_2 + LOG_PI) - 0.5 * (n + 1) * fall - in[3];
  return (float)(inside ? value : -ELBO_INF);
}
ELBO_KERNEL_LOG_PROB(rows, event, 3)

static const elbo_family student_t = {
  ELBO_FAMILY_SIZES,
  .name = "student_t",
  .summary = "a normal of uncertain scale: heavy tails",
  .params = params,
  .n_params = 3,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_REAL, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "location_scale",
  .noise_per_event = 0,
  .uses = uses,
  .icdf = icdf,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, student_t);
