/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ChiSquared(df): the Gamma(df/2, rate 1/2), by the gamma plugin. The value form is log x. */
#include "exact.h"
#include <string.h>

#define LOG_2 0.69314718055994530942

enum { LOG_DF };
static const elbo_param params[] = {
  { "df", ELBO_POSITIVE, 0, 1.0, "degrees of freedom" },
};
static const char *const uses[] = { "gamma", NULL };

typedef struct {
  double w[2];
} gamma_params;
static gamma_params to_gamma(const double *w)
{
  return (gamma_params){ { w[LOG_DF] - LOG_2, -LOG_2 } };
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  double dg[2], value = c->uses[0]->log_prob(&inner, y, g.w, dx, dw ? dg : NULL);
  if (dw) dw[LOG_DF] = dg[0];
  return value;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  return c->uses[0]->draw(&inner, e, g.w, y);
}

static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dx,
                    double *dw)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  double dg[2];
  elbo_rc rc = c->uses[0]->pull(&inner, y, g.w, dx, dg);
  dw[LOG_DF] = dg[0];
  return rc;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  double dg[2], value = c->uses[0]->cdf(&inner, y, g.w, upper, dw ? dg : NULL);
  if (dw) dw[LOG_DF] = dg[0];
  return value;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double a = 0.5 * exp(w[LOG_DF]), v = c->host->special(ELBO_GAMMA_INV, a, u);
  if (dw) dw[LOG_DF] = isinf(v) ? 0 : c->host->special(ELBO_GAMMA_PULL, a, v);
  return v + LOG_2;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  elbo_call inner = inner_call(c);
  gamma_params g = to_gamma(w);
  if (which == ELBO_ENTROPY) return c->uses[0]->moment(&inner, which, g.w, out);
  out[0] = which == ELBO_MEAN       ? exp(w[LOG_DF])
           : which == ELBO_VARIANCE ? 2 * exp(w[LOG_DF])
                                    : fmax(0, exp_minus_2(w[LOG_DF]));
  return ELBO_OK;
}

/* Divergences between Gammas; the rate 1/2 of a chi-squared is no parameter. */
static double kl_chi_squared(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  gamma_params gq = to_gamma(q), gp = to_gamma(p);
  double aq[2], ap[2], kl = inner_kl(c, c->uses[0], "gamma", "gamma", gq.w, gp.w, aq, ap);
  if (dq) dq[LOG_DF] = aq[0];
  if (dp) dp[LOG_DF] = ap[0];
  return kl;
}

static double kl_gamma(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  gamma_params g = to_gamma(q);
  double aq[2], kl = inner_kl(c, c->uses[0], "gamma", "gamma", g.w, p, aq, dp);
  if (dq) dq[LOG_DF] = aq[0];
  return kl;
}

static double kl_from_gamma(const elbo_call *c, const double *q, const double *p, double *dq,
                            double *dp)
{
  gamma_params g = to_gamma(p);
  double ap[2], kl = inner_kl(c, c->uses[0], "gamma", "gamma", q, g.w, dq, ap);
  if (dp) dp[LOG_DF] = ap[0];
  return kl;
}

/* An exponential is a Gamma(1, rate). */
static double kl_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  double one[2] = { 0, p[0] }, ap[2], kl = kl_gamma(c, q, one, dq, ap);
  if (dp) dp[0] = ap[1];
  return kl;
}

static double kl_from_exponential(const elbo_call *c, const double *q, const double *p, double *dq,
                                  double *dp)
{
  double one[2] = { 0, q[0] }, aq[2], kl = kl_from_gamma(c, one, p, aq, dp);
  if (dq) dq[0] = aq[1];
  return kl;
}

/* Erlang(shape, rate) is the Gamma of them; an integer has no derivative. */
static double kl_erlang(const elbo_call *c, const double *q, const double *p, double *dq,
                        double *dp)
{
  double g[2] = { log(p[0]), p[1] }, kl = kl_gamma(c, q, g, dq, dp);
  if (dp) dp[0] = 0;
  return kl;
}

static double kl_from_erlang(const elbo_call *c, const double *q, const double *p, double *dq,
                             double *dp)
{
  double g[2] = { log(q[0]), q[1] }, kl = kl_from_gamma(c, g, p, dq, dp);
  if (dq) dq[0] = 0;
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
  double dg[2];
  gamma_natural_pull(c, g.w, deta, dmean, dg);
  dw[LOG_DF] = dg[0];
}

static const void *extension(const char *id)
{
  static const elbo_exponential natural_form = {
    sizeof(elbo_exponential), GAMMA_CARRIER, 2, 1, natural, natural_pull
  };
  return strcmp(id, ELBO_EXPONENTIAL) ? NULL : &natural_form;
}

static const elbo_kl kls[] = {
  { "chi_squared", "chi_squared", kl_chi_squared, { NULL } },
  { "chi_squared", "gamma", kl_gamma, { NULL } },
  { "chi_squared", "exponential", kl_exponential, { NULL } },
  { "exponential", "chi_squared", kl_from_exponential, { NULL } },
  { "chi_squared", "erlang", kl_erlang, { NULL } },
  { "erlang", "chi_squared", kl_from_erlang, { NULL } },
  { "gamma", "chi_squared", kl_from_gamma, { NULL } },
};

static const elbo_family chi_squared = {
  ELBO_FAMILY_SIZES,
  .name = "chi_squared",
  .summary = "sum of df squared normals",
  .params = params,
  .n_params = 1,
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
  .mean_in_c = "return exp(log_df);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, chi_squared);
