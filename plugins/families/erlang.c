/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Erlang(shape, rate): the sum of `shape` exponentials, which is the Gamma(shape, rate); what is
 * not its own comes from the gamma plugin. The value form is log x. */
#include "exact.h"
#include <string.h>

enum { SHAPE, LOG_RATE };
static const elbo_param params[] = {
  { "shape", ELBO_INTEGER, ELBO_CONSTANT, 1.0, "how many waiting times are summed" },
  { "rate", ELBO_POSITIVE, 0, 1.0, "1 / mean of one of them" },
};
static const char *const uses[] = { "gamma", NULL };

typedef struct {
  double w[2];
} gamma_params;
static gamma_params to_gamma(const double *w)
{
  return (gamma_params){ { log(w[SHAPE]), w[LOG_RATE] } };
}
/* The derivatives of a Gamma's by this one's parameters, in place: an integer has none. */
static void fix(double *dw)
{
  if (dw) dw[SHAPE] = 0;
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  double value = c->uses[0]->log_prob(&inner, y, g.w, dx, dw);
  fix(dw);
  return value;
}

/* A sum of exponentials as long as that is faster than one rejection. */
enum { FEW = 32 };
static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  if (w[SHAPE] > FEW) return c->uses[0]->draw(&inner, e, g.w, y);
  double sum = 0;
  for (int i = 0; i < (int)w[SHAPE]; i++) sum += c->host->exponential(e);
  y[0] = log(sum) - w[LOG_RATE];
  return ELBO_OK;
}

static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dx,
                    double *dw)
{
  (void)c, (void)y, (void)w;
  dw[SHAPE] = 0;
  dw[LOG_RATE] = -dx[0];
  return ELBO_OK;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  double value = c->uses[0]->cdf(&inner, y, g.w, upper, dw);
  fix(dw);
  return value;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  if (dw) {
    dw[SHAPE] = 0;
    dw[LOG_RATE] = -1;
  }
  return c->host->special(ELBO_GAMMA_INV, w[SHAPE], u) - w[LOG_RATE];
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  if (which == ELBO_ENTROPY) return c->uses[0]->moment(&inner, which, g.w, out);
  double n = which == ELBO_MODE ? w[SHAPE] - 1 : w[SHAPE];
  out[0] = n * exp((which == ELBO_VARIANCE ? -2 : -1) * w[LOG_RATE]);
  return ELBO_OK;
}

/* Divergences of the Gammas. */
static double kl_erlang(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  gamma_params gq = to_gamma(q), gp = to_gamma(p);
  double kl = inner_kl(c, c->uses[0], "gamma", "gamma", gq.w, gp.w, dq, dp);
  fix(dq);
  fix(dp);
  return kl;
}

static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  gamma_params g = to_gamma(q);
  double kl = inner_kl(c, c->uses[0], "gamma", "gamma", g.w, p, dq, dp);
  fix(dq);
  return kl;
}

static double kl_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  gamma_params g = to_gamma(q);
  double kl = inner_kl(c, c->uses[0], "gamma", "normal", g.w, p, dq, dp);
  fix(dq);
  return kl;
}

/* An exponential is an Erlang(1, rate). */
static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  double one[2] = { 1, p[0] }, d1[2], kl = kl_erlang(c, q, one, dq, d1);
  if (dp) dp[0] = d1[LOG_RATE];
  return kl;
}

static double kl_from_gamma(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  gamma_params g = to_gamma(p);
  double kl = inner_kl(c, c->uses[0], "gamma", "gamma", q, g.w, dq, dp);
  fix(dp);
  return kl;
}

/* For the divergences to families of other authors; among the Gammas rows keep more digits. */
static double natural(const elbo_call *c, const double *w, double *eta, double *mean)
{
  gamma_params g = to_gamma(w);
  return gamma_natural(c, g.w, eta, mean);
}

static void natural_pull(const elbo_call *c, const double *w, const double *deta,
                         const double *dmean, double *dw)
{
  gamma_params g = to_gamma(w);
  gamma_natural_pull(c, g.w, deta, dmean, dw);
  fix(dw);
}

static const void *extension(const char *id)
{
  static const elbo_exponential natural_form = {
    sizeof(elbo_exponential), GAMMA_CARRIER, 2, 1, natural, natural_pull
  };
  return strcmp(id, ELBO_EXPONENTIAL) ? NULL : &natural_form;
}

static const elbo_kl kls[] = {
  { "erlang", "erlang", kl_erlang, { NULL } },
  { "erlang", "gamma", kl_gamma, { NULL } },
  { "erlang", "normal", kl_normal, { NULL } },
  { "erlang", "exponential", kl_exponential, { NULL } },
  { "gamma", "erlang", kl_from_gamma, { NULL } },
};

static const elbo_family erlang = {
  ELBO_FAMILY_SIZES,
  .name = "erlang",
  .summary = "sum of `shape` exponentials",
  .params = params,
  .n_params = 2,
  .value_form = ELBO_X_LOG,
  .support = { ELBO_SUP_POSITIVE, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "composition",
  .noise_per_event = 0,
  .uses = uses,
  .icdf = icdf,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
  .extension = extension,
  .mean_in_c = "return shape * exp(-log_rate);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, erlang);
