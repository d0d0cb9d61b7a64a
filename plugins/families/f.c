/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * F(df1, df2), Fisher and Snedecor's: the ratio of two chi-squareds, each by its degrees of
 * freedom. The value form is y = log x; df1 x / (df1 x + df2) is Beta(a = df1/2, b = df2/2),
 * whose logit is l = y + log(df1 / df2). */
#include "exact.h"

#define LOG_2 0.69314718055994530942
#define LOG_4 1.38629436111989061883

enum { LOG_DF1, LOG_DF2 };
static const elbo_param params[] = {
  { "df1", ELBO_POSITIVE, 0, 1.0, "degrees of freedom of the numerator" },
  { "df2", ELBO_POSITIVE, 0, 1.0, "degrees of freedom of the denominator" },
};
static const char *const uses[] = { "gamma", NULL };

typedef struct {
  double a, b, l;
} as_beta;
static as_beta to_beta(double y, const double *w)
{
  return (as_beta){ 0.5 * exp(w[LOG_DF1]), 0.5 * exp(w[LOG_DF2]), y + (w[LOG_DF1] - w[LOG_DF2]) };
}

/* At 0 the limit; f(0) = 1 for df1 = 2. */
static double edge(const double *y, const double *w, double *dx, double *dw)
{
  if (dx) dx[0] = 0;
  if (dw) dw[LOG_DF1] = dw[LOG_DF2] = 0;
  if (y[0] > 0 || w[LOG_DF1] > LOG_2) return -INFINITY;
  return w[LOG_DF1] == LOG_2 ? 0 : INFINITY;
}

/* a - (a+b) x from the smaller of x and 1 - x: the derivative of the beta's log density by l. */
static double by_logit(const as_beta *t)
{
  double n = t->a + t->b;
  return t->l < 0 ? t->a - n * sigmoid(t->l) : n * sigmoid(-t->l) - t->b;
}

/* The derivative of the log density by log a, with l following, g = a - (a+b) x: a (log x - psi(a)
   + psi(a+b)) + g; near the mean the two cancel and (a+b) x / a = 1 - g/a. */
static double by_log_df(const elbo_host *host, double a, double b, double l, double g)
{
  double u = g / a;
  if (fabs(u) < 0.5) return a * (host->special(ELBO_DIGAMMA_REST, a, b) - phi(-u));
  return a * host->special3(ELBO_BETA_SLOPE, a, b, l) + g;
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  if (isinf(y[0])) return edge(y, w, dx, dw);
  as_beta t = to_beta(y[0], w);
  double g = by_logit(&t);
  if (dx) dx[0] = g - 1;
  if (dw) {
    dw[LOG_DF1] = by_log_df(c->host, t.a, t.b, t.l, g);
    dw[LOG_DF2] = by_log_df(c->host, t.b, t.a, -t.l, -g);
  }
  return c->host->special3(ELBO_BETA_LOG, t.a, t.b, t.l) - y[0];
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  elbo_call inner = inner_call(c);
  double up[2] = { w[LOG_DF1] - LOG_2, 0 }, down[2] = { w[LOG_DF2] - LOG_2, 0 }, g = 0;
  elbo_rc rc = c->uses[0]->draw(&inner, e, up, y);
  if (rc == ELBO_OK) rc = c->uses[0]->draw(&inner, e, down, &g);
  y[0] -= g + w[LOG_DF1] - w[LOG_DF2];
  return rc;
}

/* dy/dw along the constant cdf: that of l, less that of log(df1 / df2). For df1 = 2 the upper tail
   is (1 + q)^-b, q = x / b, and all but the square of q cancels: 1 - (1 + q) log(1 + q) / q. */
static void along(const elbo_call *c, double y, const double *w, double *dw)
{
  as_beta t = to_beta(y, w);
  dw[LOG_DF1] = c->host->special3(ELBO_BETA_PULL, t.a, t.b, t.l) - 1;
  dw[LOG_DF2] = 1 - c->host->special3(ELBO_BETA_PULL, t.b, t.a, -t.l);
  double q = exp(t.l);
  if (w[LOG_DF1] == LOG_2 && q < 1) dw[LOG_DF2] = q > 0 ? phi(q) / q - log1p(q) : 0;
}

static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dx,
                    double *dw)
{
  along(c, y[0], w, dw);
  dw[LOG_DF1] *= dx[0];
  dw[LOG_DF2] *= dx[0];
  return ELBO_OK;
}

static double cdf(const elbo_call *c, double y, const double *w, int upper, double *dw)
{
  as_beta t = to_beta(y, w);
  if (dw) {
    double f = isinf(y) ? 0 : exp(c->host->special3(ELBO_BETA_LOG, t.a, t.b, t.l));
    dw[LOG_DF1] = dw[LOG_DF2] = 0;
    if (f > 0) along(c, y, w, dw);
    dw[LOG_DF1] *= upper ? f : -f;
    dw[LOG_DF2] *= upper ? f : -f;
  }
  return c->host->special3(upper ? ELBO_BETA_Q : ELBO_BETA_P, t.a, t.b, t.l);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  as_beta t = to_beta(0, w);
  double y = c->host->special3(ELBO_BETA_INV, t.a, t.b, u) - t.l;
  if (dw) {
    dw[LOG_DF1] = dw[LOG_DF2] = 0;
    if (!isinf(y)) along(c, y, w, dw);
  }
  return y;
}

/* log(b/a) + log B + (1-a) psi(a) - (1+b) psi(b) + (a+b) psi(a+b), the large logs cancelled. */
static double entropy(const elbo_call *c, const double *w)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  as_beta t = to_beta(0, w);
  double a = t.a, b = t.b, n = a + b;
  return HALF_LOG_2PI + f(ELBO_STIRLING, a, 0) + f(ELBO_STIRLING, b, 0) - f(ELBO_STIRLING, n, 0) +
         0.5 * log(n / a / b) + 0.5 - 0.5 / a + 0.5 / b + (1 - a) * f(ELBO_STIRLING_DA, a, 0) -
         (1 + b) * f(ELBO_STIRLING_DA, b, 0) + n * f(ELBO_STIRLING_DA, n, 0);
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  double m = exp(w[LOG_DF1]), n = exp(w[LOG_DF2]), n2 = exp_minus_2(w[LOG_DF2]),
         n4 = 4 * expm1(w[LOG_DF2] - LOG_4), up = fmax(0, exp_minus_2(w[LOG_DF1]));
  if ((which == ELBO_MEAN && n2 <= 0) || (which == ELBO_VARIANCE && n4 <= 0)) return ELBO_UNDEFINED;
  out[0] = which == ELBO_ENTROPY    ? entropy(c, w)
           : which == ELBO_MEAN     ? n / n2
           : which == ELBO_VARIANCE ? 2 * (n / n2) * (n / n2) * ((m + n2) / m) / n4
                                    : up / m * (n / (n + 2));
  return ELBO_OK;
}

static const elbo_family fisher = {
  ELBO_FAMILY_SIZES,
  .name = "f",
  .summary = "ratio of two estimates of one variance",
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
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, fisher);
