/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Relaxed Bernoulli(temperature = t, logits), the binary Concrete: x = 1 / (1 + exp(-y)), t y =
 * logits + L with L standard logistic (Maddison, Mnih and Teh 2017, eq. 25 and 26; Jang, Gu and
 * Poole 2017). The value form is y = logit x: at a low temperature x rounds to 0 and 1. With r = t
 * y - logits: log f(x) = log t - |r| - 2 log1p(e^-|r|) - log(x (1-x)). */
#include "exact.h"

enum { LOG_T, LOGITS };
static const elbo_param params[] = {
  { "temperature", ELBO_POSITIVE, 0, 1.0, "how far from 0 and 1 the values lie; 0 in the limit" },
  { "logits", ELBO_UNIT, 0, 0.5, "log odds of the upper half" },
};

/* At y = -+inf the density of x goes as e^((t-1) |y|) from below. */
static double at_the_end(const double *y, const double *w, double *dx, double *dw)
{
  if (dx) dx[0] = 0;
  if (dw) dw[LOG_T] = dw[LOGITS] = 0;
  return w[LOG_T] > 0 ? -INFINITY : w[LOG_T] < 0 ? INFINITY : y[0] < 0 ? -w[LOGITS] : w[LOGITS];
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  (void)c;
  if (isinf(y[0])) return at_the_end(y, w, dx, dw);
  double t = exp(w[LOG_T]), r = t * y[0] - w[LOGITS], a = fabs(r), e = exp(-a), z = fabs(y[0]);
  double pull = copysign(-expm1(-a) / (1 + e), r); /* tanh(r/2) */
  if (dx) dx[0] = copysign(-expm1(-z) / (1 + exp(-z)), y[0]) - t * pull;
  if (dw) {
    dw[LOG_T] = 1 - t * y[0] * pull;
    dw[LOGITS] = pull;
  }
  return w[LOG_T] - (a - z) - 2 * (log1p(e) - log1p(exp(-z)));
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double i = exp(-w[LOG_T]), y = (w[LOGITS] + (log(u) - log1p(-u))) * i;
  if (dw) {
    dw[LOG_T] = -y;
    dw[LOGITS] = i;
  }
  return y;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  (void)c;
  double ty = exp(w[LOG_T]) * y, r = ty - w[LOGITS];
  if (dw) {
    double f = (upper ? -1 : 1) * sigmoid(r) * sigmoid(-r);
    dw[LOG_T] = f != 0 ? f * ty : 0;
    dw[LOGITS] = -f;
  }
  return sigmoid(upper ? -r : r);
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  y[0] = icdf(c, c->host->uniform(e), w, NULL);
  return ELBO_OK;
}

static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dy,
                    double *dw)
{
  (void)c;
  dw[LOG_T] = -y[0] * dy[0];
  dw[LOGITS] = exp(-w[LOG_T]) * dy[0];
  return ELBO_OK;
}

/* From t = 1 down the mode is an end, of poles the lower. Above, the one zero of the slope, which
   falls through it where |r| < 2 artanh(1/t). */
static double mode(const elbo_call *c, const double *w)
{
  double t = exp(w[LOG_T]), reach = log1p(1 / t) - log1p(-1 / t);
  if (w[LOG_T] <= 0) return w[LOG_T] == 0 && w[LOGITS] > 0;
  double low = (w[LOGITS] - reach) / t, high = (w[LOGITS] + reach) / t;
  for (int k = 0; k < 200 && low < high; k++) {
    double y = low + (high - low) / 2, slope;
    log_prob(c, &y, w, &slope, NULL);
    if (y == low || y == high) break;
    *(slope > 0 ? &low : &high) = y;
  }
  return sigmoid(low);
}

/* The others have no closed form. */
static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  if (which != ELBO_MODE) return ELBO_UNSUPPORTED;
  out[0] = mode(c, w);
  return ELBO_OK;
}

static const elbo_family relaxed_bernoulli = {
  ELBO_FAMILY_SIZES,
  .name = "relaxed_bernoulli",
  .summary = "binary Concrete, a Bernoulli made continuous",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOGIT,
  .support = { ELBO_SUP_UNIT, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "relaxation",
  .noise_per_event = 1,
  .icdf = icdf,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, relaxed_bernoulli);
