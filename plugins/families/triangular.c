/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Triangular(low, mode, high). Johnson, Kotz and Balakrishnan 1995, section 26.9. Working: low,
 * log of the width W and the logit of m = (mode - low) / W. With z = (x - low)/W: f = 2 z / (W m)
 * up to the mode, 2 (1 - z) / (W (1 - m)) beyond. */
#include "exact.h"

enum { LOW, LOG_W, LOGIT_M };
static const elbo_param params[] = {
  { "low", ELBO_REAL, ELBO_MOVES_SUPPORT, 0.0, "lower end" },
  { "width", ELBO_POSITIVE, ELBO_MOVES_SUPPORT, 1.0, "upper end less the lower" },
  { "logit_mode", ELBO_REAL, 0, 0.0, "logit of the mode's place between the ends" },
};

/* A mode at an end stands as m = e^-600, which no density can tell from it and whose slopes are
   still finite. */
#define AT_END 600.0

static elbo_rc from_ends(const double *given, int K, double *w, double *jac)
{
  (void)K;
  double width = given[2] - given[0], left = given[1] - given[0], right = given[2] - given[1];
  if (!isfinite(given[1]) || !isfinite(width) || !(width > 0) || !(left >= 0) || !(right >= 0))
    return ELBO_DOMAIN;
  left = fmax(left, width * exp(-AT_END));
  right = fmax(right, width * exp(-AT_END));
  w[LOW] = given[0];
  w[LOG_W] = log(width);
  w[LOGIT_M] = log(left) - log(right);
  if (jac) {
    jac[0] = 1, jac[1] = 0, jac[2] = 0;
    jac[3] = -1 / width, jac[4] = 0, jac[5] = 1 / width;
    jac[6] = -1 / left, jac[7] = 1 / left + 1 / right, jac[8] = -1 / right;
  }
  return ELBO_OK;
}

/* By the numbers as given: no digit of a distance from an end is lost. Of x's side: its own end,
   the distances of x and of the mode from it, turned round on the falling side. */
typedef struct {
  /* x <= mode: distances from the end; on the other side of the mode: rest */
  double width, x, mode;
  double rest, past; /* the other end's distance from the mode; mode - x */
  int own, other;    /* which of the given the ends are */
  int inside;
} given_side;
static given_side side_of(double x, const double *g)
{
  given_side s = { .width = g[2] - g[0], .own = x > g[1] || (x == g[1] && g[1] == g[0]) ? 2 : 0 };
  s.other = 2 - s.own;
  s.x = fabs(x - g[s.own]);
  s.mode = fabs(g[1] - g[s.own]);
  s.rest = fabs(g[s.other] - g[1]);
  s.past = fabs(g[1] - x);
  s.inside = x >= g[0] && x <= g[2] && s.x > 0;
  return s;
}

static double log_prob_of_ends(const elbo_call *c, double x, const double *g, double *dx,
                               double *dgiven)
{
  (void)c;
  given_side s = side_of(x, g);
  double turn = s.own ? -1 : 1;
  if (dx) dx[0] = s.inside ? turn / s.x : 0;
  if (dgiven) {
    dgiven[s.own] = s.inside ? turn * (1 / s.width - s.past / s.x / s.mode) : 0;
    dgiven[1] = s.inside ? -turn / s.mode : 0;
    dgiven[s.other] = s.inside ? -turn / s.width : 0;
  }
  return s.inside ? LN_2 + log(s.x / s.mode) - log(s.width) : -INFINITY;
}

/* The own side's mass is t = x^2 / (width mode); the other's rest / width + past (mode + x) /
   (width mode), without a difference. */
static double cdf_of_ends(const elbo_call *c, double x, const double *g, int upper, double *dgiven)
{
  (void)c;
  given_side s = side_of(x, g);
  double t = s.inside ? s.x / s.width * (s.x / s.mode) : 0, turn = s.own ? -1 : 1;
  int near = !s.own == !upper; /* the tail asked for is that of the own end */
  if (dgiven) {
    double sign = near ? turn : -turn;
    double ahead = (s.rest + s.past) / s.width + s.past / s.mode;
    dgiven[s.own] = s.inside ? -sign * t / s.x * ahead : 0;
    dgiven[1] = s.inside ? -sign * t / s.mode : 0;
    dgiven[s.other] = s.inside ? -sign * t / s.width : 0;
  }
  if (!s.inside) return x > g[1] || x >= g[2] ? !upper : !!upper;
  return near ? t : s.rest / s.width + s.past / s.mode * ((s.mode + s.x) / s.width);
}
static const char *const ends[] = { "low", "mode", "high", NULL };
static const elbo_form_set form_sets[] = { { ends, from_ends, log_prob_of_ends, cdf_of_ends } };

static elbo_rc range(const double *w, int K, double *low, double *high)
{
  (void)K;
  *low = w[LOW];
  *high = w[LOW] + exp(w[LOG_W]);
  return ELBO_OK;
}

/* A point: distances from both ends, the side, and the mode's place m with n = 1 - m. */
typedef struct {
  double width, left, right, m, n;
  int inside, rising;
} place;
static place place_of(double x, const double *w)
{
  place p = { .width = exp(w[LOG_W]), .left = x - w[LOW] };
  p.m = sigmoid(w[LOGIT_M]);
  p.n = sigmoid(-w[LOGIT_M]);
  p.right = p.width - p.left;
  p.rising = p.left <= p.m * p.width && p.left < p.width;
  int low_end = p.left == 0 && w[LOGIT_M] <= -AT_END + 1,
      high_end = p.right == 0 && w[LOGIT_M] >= AT_END - 1;
  p.inside = (p.left > 0 && p.right > 0) || low_end || high_end;
  if (low_end) p.rising = 0;
  if (high_end) p.rising = 1;
  return p;
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  place p = place_of(x[0], w);
  if (dx) dx[0] = !p.inside ? 0 : p.rising ? 1 / p.left : -1 / p.right;
  if (dw) {
    dw[LOW] = !p.inside ? 0 : p.rising ? -1 / p.left : 1 / p.right;
    dw[LOG_W] = !p.inside ? 0 : p.rising ? -2 : p.width / p.right - 2;
    dw[LOGIT_M] = !p.inside ? 0 : p.rising ? -p.n : p.m;
  }
  if (!p.inside) return -INFINITY;
  double side =
      p.rising ? log(p.left) + softplus(-w[LOGIT_M]) : log(p.right) + softplus(w[LOGIT_M]);
  return LN_2 + side - 2 * w[LOG_W];
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double width = exp(w[LOG_W]), m = sigmoid(w[LOGIT_M]), n = sigmoid(-w[LOGIT_M]);
  int rising = u <= m;
  double root = sqrt(rising ? u * m : (1 - u) * n); /* from the end of that side, over W */
  double z = rising ? root : (u * n + m) / (1 + root);
  if (dw) {
    dw[LOW] = 1;
    dw[LOG_W] = width * z;
    dw[LOGIT_M] = width * root * (rising ? n : m) / 2;
  }
  return w[LOW] + width * z;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  place p = place_of(x, w);
  double z = (p.rising ? p.left : p.right) / p.width, side = z * z / (p.rising ? p.m : p.n);
  if (!(p.left > 0) || !(p.right > 0)) side = 0; /* beyond an end */
  if (dw) {
    double f = side > 0 ? (upper ? 2 : -2) * side / z / p.width : 0, sign = upper ? 1 : -1;
    dw[LOW] = f;
    dw[LOG_W] = f * p.left;
    dw[LOGIT_M] = sign * side * (p.rising ? p.n : p.m);
  }
  if (p.rising == !upper || side == 0) return p.rising == !upper ? side : 1;
  double far = (p.rising ? p.right : p.left) / p.width, end = p.rising ? p.n : p.m;
  return far < 0.5 ? (far * (2 - far) - end) / (p.rising ? p.m : p.n) : 1 - side;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double width = exp(w[LOG_W]), m = sigmoid(w[LOGIT_M]), n = sigmoid(-w[LOGIT_M]);
  out[0] = which == ELBO_ENTROPY    ? 0.5 + w[LOG_W] - LN_2
           : which == ELBO_MEAN     ? w[LOW] + width * (1 + m) / 3
           : which == ELBO_VARIANCE ? width * width * (1 - m * n) / 18
                                    : w[LOW] + width * m;
  return ELBO_OK;
}

/* Uniform(low, log width): log width less the entropy. */
static double kl_uniform(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  (void)c;
  if (!interval_holds(p[0], p[1], q[LOW], q[LOW] + exp(q[LOG_W]))) return kl_infinite(3, 2, dq, dp);
  if (dq) dq[LOW] = 0, dq[LOG_W] = -1, dq[LOGIT_M] = 0;
  if (dp) dp[0] = 0, dp[1] = 1;
  return p[1] - q[LOG_W] + LN_2 - 0.5;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  exact_moments t = { .h = 0.5 + q[LOG_W] - LN_2, .dh = { 0, 1 } };
  double width = exp(q[LOG_W]), m = sigmoid(q[LOGIT_M]), n = sigmoid(-q[LOGIT_M]), d[2];
  moment(c, ELBO_MEAN, q, &t.m);
  moment(c, ELBO_VARIANCE, q, &t.v);
  t.dm[0] = 1;
  t.dm[1] = width * (1 + m) / 3;
  t.dv[1] = 2 * t.v;
  double value = kl_to_normal(&t, 2, p, dq, d);
  if (dp) memcpy(dp, d, sizeof d);
  /* by logit m, through mean and variance */
  double i = exp(-p[1]), by_mean = width * m * n / 3, by_var = width * width * (m - n) * m * n / 18;
  if (dq) dq[LOGIT_M] = (t.m - p[0]) * i * i * by_mean + 0.5 * i * i * by_var;
  return value;
}

static const elbo_kl kls[] = {
  { "triangular", "uniform", kl_uniform, { NULL } },
  { "triangular", "normal", kl_normal, { NULL } },
};

static const elbo_family triangular = {
  ELBO_FAMILY_SIZES,
  .name = "triangular",
  .summary = "two straight sides",
  .params = params,
  .n_params = 3,
  .form_sets = form_sets,
  .n_form_sets = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_INTERVAL, 0, 0, range },
  .log_prob = log_prob,
  .reparam = "location_scale",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return low + exp(log_width) * (1 + 1 / (1 + exp(-logit_mode))) / 3;",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, triangular);
