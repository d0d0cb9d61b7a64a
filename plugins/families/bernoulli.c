/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bernoulli(logits): f(1) = p = 1 / (1 + exp(-logits)), f(0) = 1 - p. Logits of +-inf are p = 1
 * and p = 0. */
#include "exact.h"

static const elbo_param params[] = {
  { "logits", ELBO_UNIT, 0, 0.5, "log odds of 1" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  if (dx) dx[0] = 0;
  int one = x[0] == 1;
  if (!one && x[0] != 0) {
    if (dw) dw[0] = 0;
    return -INFINITY;
  }
  if (dw) dw[0] = one ? sigmoid(-w[0]) : -sigmoid(w[0]);
  return -softplus(one ? -w[0] : w[0]);
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = c->host->uniform(e) < sigmoid(w[0]);
  return ELBO_OK;
}

/* The least x with cdf(x) >= u. */
static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  if (dw) dw[0] = 0;
  return u <= 0.5 ? u > sigmoid(-w[0]) : 1 - u < sigmoid(w[0]);
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  int between = x >= 0 && x < 1;
  if (dw) dw[0] = between ? (upper ? 1 : -1) * sigmoid(w[0]) * sigmoid(-w[0]) : 0;
  if (between) return sigmoid(upper ? w[0] : -w[0]);
  return (x < 0) == !!upper;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double p = sigmoid(w[0]), q = sigmoid(-w[0]);
  out[0] = which == ELBO_ENTROPY
               ? (p > 0 ? p * softplus(-w[0]) : 0) + (q > 0 ? q * softplus(w[0]) : 0)
           : which == ELBO_MEAN     ? p
           : which == ELBO_VARIANCE ? p * q
                                    : w[0] > 0;
  return ELBO_OK;
}

static double support_point(const elbo_call *c, uint64_t i, const double *w)
{
  (void)c, (void)w;
  return i < 2 ? (double)i : NAN;
}

static double kl_bernoulli(const elbo_call *c, const double *wq, const double *wp, double *dq,
                           double *dp)
{
  (void)c;
  double by_q, by_p, v = logits_kl(wq[0], wp[0], &by_q, &by_p);
  if (dq) dq[0] = by_q;
  if (dp) dp[0] = by_p;
  return v;
}

/* ---- the relaxed twin (Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017, appendix B): of a
   score z = logits + L, L logistic, the sign is the value and z / t the twin's. */
enum { LOG_T, LOGITS };

static elbo_rc harden(const elbo_call *c, const double *y, double *x)
{
  (void)c;
  x[0] = y[0] > 0;
  return ELBO_OK;
}

/* log v - log(1-v) of a uniform v is logistic; |z| = log1p(v / (1-v) / f(other)). */
static elbo_rc draw_given(const elbo_call *c, elbo_noise *e, const double *x, const double *w,
                          double *y)
{
  double v = c->host->uniform(e), sign = x[0] == 1 ? 1 : -1,
         gap = log(v) - log1p(-v) + softplus(sign * w[LOGITS]);
  y[0] = sign * softplus(gap) * exp(-w[LOG_T]);
  return ELBO_OK;
}

/* dz/dlogits at fixed v: (1 - e^-|z|) f(x). */
static elbo_rc pull_given(const elbo_call *c, const double *y, const double *w, const double *dy,
                          double *dw)
{
  (void)c;
  double t = exp(w[LOG_T]), sign = y[0] > 0 ? 1 : -1;
  dw[LOG_T] = -y[0] * dy[0];
  dw[LOGITS] = -expm1(-t * fabs(y[0])) * sigmoid(sign * w[LOGITS]) / t * dy[0];
  return ELBO_OK;
}

static const elbo_relaxation relaxed = {
  .size = sizeof(elbo_relaxation),
  .twin = "relaxed_bernoulli",
  .harden = harden,
  .draw_given = draw_given,
  .pull_given = pull_given,
};
static const void *extension(const char *id)
{
  return strcmp(id, ELBO_RELAXATION) ? NULL : &relaxed;
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  int one = in[0] == 1.0f, inside = one || in[0] == 0.0f;
  float t = one ? -in[1] : in[1], e = elbo_exp_below_f(-elbo_absf(t));
  float against = (t < 0.0f ? e : 1.0f) / (1.0f + e); /* the probability of the other outcome */
  float value = -(t < 0.0f ? 0.0f : t) - elbo_log1p_unit_f(e);
  grad[0] = 0.0f;
  grad[1] = !inside ? 0.0f : one ? against : -against;
  return inside ? value : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 1)

static const elbo_kl kls[] = { { "bernoulli", "bernoulli", kl_bernoulli, { NULL } } };

static const elbo_family bernoulli = {
  ELBO_FAMILY_SIZES,
  .name = "bernoulli",
  .summary = "0 or 1",
  .params = params,
  .n_params = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_BINARY, 1, 1, NULL },
  .log_prob = log_prob,
  .icdf = icdf,
  .draw = draw,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return 1 / (1 + exp(-logits));",
  .kls = kls,
  .n_kls = 1,
  .support_point = support_point,
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
  .extension = extension,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, bernoulli);
