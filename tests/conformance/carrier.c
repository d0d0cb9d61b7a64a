/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Waiting(rate): the exponential by an author who writes down its natural form and nothing else:
 * KL and entropy are the host's, also to the families of Gammas. Compiled with -DWRONG=W_..., one
 * part of the form is wrong. */
#include <elbo/plugin.h>
#include <math.h>
#include <string.h>

enum { W_NOTHING, W_kl, W_kl_zero, W_kl_gradient, W_entropy };
#ifndef WRONG
#define WRONG W_NOTHING
#endif

static const elbo_param params[] = { { "rate", ELBO_POSITIVE, 0, 1.0, "events a unit of time" } };

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double rate = exp(w[0]);
  int inside = x[0] >= 0 && x[0] < INFINITY;
  if (dx) dx[0] = inside ? -rate : 0;
  if (dw) dw[0] = inside ? 1 - rate * x[0] : 0;
  return inside ? w[0] - rate * x[0] : -INFINITY;
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  double x = -log1p(-u) * exp(-w[0]);
  if (dw) dw[0] = -x;
  return x;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double t = exp(w[0]) * fmax(x, 0), tail = exp(-t);
  if (dw) dw[0] = isinf(t) ? 0 : (upper ? -1 : 1) * t * tail;
  return upper ? tail : -expm1(-t);
}

/* T = (log x, x): eta = (0, -rate), E log x = -gamma - log rate, A = -log rate. */
static double natural(const elbo_call *c, const double *w, double *eta, double *mean)
{
  (void)c;
  eta[0] = 0;
  eta[1] = -exp(w[0]);
  mean[0] = -0.57721566490153286061 - w[0];
  mean[1] = WRONG == W_kl ? exp(w[0]) : exp(-w[0]) * (WRONG == W_kl_zero ? 1 - 1e-6 : 1);
  return WRONG == W_entropy ? w[0] : -w[0];
}

static void pull(const elbo_call *c, const double *w, const double *deta, const double *dmean,
                 double *dw)
{
  (void)c;
  dw[0] = -deta[1] * exp(w[0]) - dmean[0] - dmean[1] * exp(-w[0]);
  if (WRONG == W_kl_gradient) dw[0] = -dw[0];
}

static const void *extension(const char *id)
{
  static const elbo_exponential form = { sizeof form, "log x, x", 2, 1, natural, pull };
  return strcmp(id, ELBO_EXPONENTIAL) ? NULL : &form;
}

static const elbo_family waiting = {
  ELBO_FAMILY_SIZES,
  .name = "waiting",
  .summary = "time to the next event",
  .params = params,
  .n_params = 1,
  .support = { ELBO_SUP_POSITIVE, 1, 0, NULL },
  .log_prob = log_prob,
  .reparam = "inverse_cdf",
  .noise_per_event = 1,
  .icdf = icdf,
  .cdf = cdf,
  .extension = extension,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, waiting);
