/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Logit-normal(loc, scale): x = 1 / (1 + e^-y), y Normal(loc, scale), which is the value form.
 * Aitchison and Shen 1980, eq. 1.2. Entropy, mean and variance have no closed form. */
#include "loc_scale.h"

enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mean of logit x" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "standard deviation of logit x" },
};

/* -log x(1 - x) = |y| + 2 log(1 + e^-|y|), of slope tanh(y/2). */
static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  (void)c;
  double t = exp(-w[LOG_SCALE]), r = (y[0] - w[LOC]) * t, a = fabs(y[0]);
  int inside = !isinf(y[0]);
  if (dx) dx[0] = inside ? tanh(y[0] / 2) - r * t : 0;
  if (dw) {
    dw[LOC] = inside ? r * t : 0;
    dw[LOG_SCALE] = inside ? (r - 1) * (r + 1) : 0;
  }
  return inside ? -0.5 * r * r - w[LOG_SCALE] - HALF_LOG_2PI + a + 2 * log1p(exp(-a)) : -INFINITY;
}

/* The mode's logit solves y = loc + scale^2 tanh(y/2); the highest of the roots lies on the side
   of loc, of the two that are equally high for loc = 0 below 0. There y - loc - scale^2 tanh(y/2)
   is convex in |y|: Newton's steps from |loc| + scale^2 fall to the root. */
static double mode(const double *w)
{
  double a = fabs(w[LOC]), v = exp(2 * w[LOG_SCALE]), y = a + v;
  if (a == 0 && v <= 2) return 0.5;
  for (int i = 0; i < 200; i++) {
    double h = tanh(y / 2), step = (y - a - v * h) / (1 - v * (1 - h) * (1 + h) / 2);
    y -= step;
    if (fabs(step) <= 1e-15 * y) break;
  }
  return sigmoid(w[LOC] > 0 ? y : -y);
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  if (which != ELBO_MODE) return ELBO_UNSUPPORTED;
  out[0] = mode(w);
  return ELBO_OK;
}

/* That of the normal distributions of logit x. */
static double kl_logit_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                              double *dp)
{
  (void)c;
  double t = 2 * (q[LOG_SCALE] - p[LOG_SCALE]), i = exp(-p[LOG_SCALE]), d = (q[LOC] - p[LOC]) * i;
  if (dq) {
    dq[LOC] = d * i;
    dq[LOG_SCALE] = expm1(t);
  }
  if (dp) {
    dp[LOC] = -d * i;
    dp[LOG_SCALE] = -expm1(t) - d * d;
  }
  return em1(t) / 2 + d * d / 2;
}

static const elbo_kl kls[] = { { "logit_normal", "logit_normal", kl_logit_normal, { NULL } } };

static const char *const uses[] = { "normal", NULL };

static const elbo_family logit_normal = {
  ELBO_FAMILY_SIZES,
  .name = "logit_normal",
  .summary = "logistic function of a normal",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOGIT,
  .support = { ELBO_SUP_UNIT, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "composition",
  .noise_per_event = 1,
  .uses = uses,
  .icdf = normal_icdf,
  .draw = normal_draw,
  .pull = pull_loc_scale,
  .cdf = normal_cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = 1,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, logit_normal);
