/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A right family of vectors, K independent normals, and wrong ones. */
#include <elbo/plugin.h>
#include <math.h>

enum {
  W_NOTHING,
  W_total,
  W_gradient_value,
  W_edges,
  W_continuity,
  W_kl,
  W_kl_gradient,
  W_entropy
};
#ifndef WRONG
#define WRONG W_NOTHING
#endif
#define IS(NAME) (WRONG == W_##NAME)
#define HALF_LOG_2PI 0.91893853320467274178

static const elbo_param params[] = {
  { "loc", ELBO_REAL, ELBO_PER_CORNER, 0.0, "mean of each" },
  { "scale", ELBO_POSITIVE, ELBO_PER_CORNER, 1.0, "deviation of each" },
};

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  int K = c->K, inside = 1;
  double f = 0;
  for (int k = 0; k < K; k++) inside = inside && (!isinf(x[k]) || IS(edges));
  for (int k = 0; k < K; k++) {
    double s = exp(w[K + k]), r = (x[k] - w[k]) / s;
    if (dx) dx[k] = inside ? -r / s + (IS(gradient_value) && k ? 1e-3 : 0) : 0;
    if (dw) dw[k] = inside ? r / s : 0;
    if (dw) dw[K + k] = inside ? r * r - 1 : 0;
    f -= r * r / 2 + w[K + k] + HALF_LOG_2PI * (IS(total) ? 1.001 : 1);
  }
  return inside ? f : -INFINITY;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  for (int k = 0; k < c->K; k++) x[k] = w[k] + exp(w[c->K + k]) * c->host->normal(e);
  return ELBO_OK;
}

static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                    double *dw)
{
  for (int k = 0; k < c->K; k++) {
    dw[k] = dx[k];
    dw[c->K + k] = dx[k] * (x[k] - w[k]) * (IS(continuity) && k ? 0.99 : 1);
  }
  return ELBO_OK;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  int K = c->K;
  double sum = 0;
  for (int k = 0; k < K; k++) sum += w[K + k] + HALF_LOG_2PI + 0.5;
  for (int k = 0; k < K; k++) out[k] = which == ELBO_VARIANCE ? exp(2 * w[K + k]) : w[k];
  if (which == ELBO_ENTROPY) out[0] = sum + (IS(entropy) ? 1e-3 : 0);
  return ELBO_OK;
}

/* Wrong only where the first mean of q is large, which is not so at the first parameters tried. */
static double divergence(const elbo_call *c, const double *w, const double *w2, double *dw,
                         double *dw2)
{
  int K = c->K;
  double sum = IS(kl) && w[0] > 0.5 ? 1e-3 : 0;
  for (int k = 0; k < K; k++) {
    double t = w[K + k] - w2[K + k], i = exp(-w2[K + k]), d = (w[k] - w2[k]) * i, v = expm1(2 * t);
    if (dw) dw[k] = d * i;
    if (dw) dw[K + k] = v * (IS(kl_gradient) && k ? 1.001 : 1);
    if (dw2) dw2[k] = -d * i;
    if (dw2) dw2[K + k] = -v - d * d;
    sum += (v + d * d) / 2 - t;
  }
  return sum;
}

static const elbo_kl kls[] = { { "subject", "subject", divergence, { NULL } } };
static const elbo_family subject = {
  ELBO_FAMILY_SIZES, .name = "subject",    .summary = "independent normals to be judged",
  .params = params,  .n_params = 2,        .support = { ELBO_SUP_REAL, 0, 0, NULL },
  .event_rank = 1,   .log_prob = log_prob, .reparam = "implicit",
  .draw = draw,      .pull = pull,         .moment = moment,
  .kls = kls,        .n_kls = 1,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, subject);
