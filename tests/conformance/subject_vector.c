/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A right family on the simplex, the softmax of K independent normals (Aitchison and Shen 1980),
 * and wrong ones. With z = log x + c the log densities of z are integrated over c, which is a
 * normal integral; d: z - loc at its mean, from the corner of the smallest scale. */
#include <elbo/plugin.h>
#include <math.h>

enum { W_NOTHING, W_total, W_three, W_many, W_score_mean, W_continuity, W_simplex, W_input };
#ifndef WRONG
#define WRONG W_NOTHING
#endif
#define IS(NAME) (WRONG == W_##NAME)
#define LOG_2PI 1.8378770664093454836

static const elbo_param params[] = {
  { "loc", ELBO_REAL, ELBO_PER_CORNER, 0.0, "of each normal" },
  { "scale", ELBO_POSITIVE, ELBO_PER_CORNER, 1.0, "of each normal" },
};

static double away(int K, int k, const double *x, const double *w, double *sum)
{
  int j = 0;
  double mean = 0, t, all = 0;
  for (int i = 1; i < K; i++)
    if (w[K + i] < w[K + j]) j = i;
  for (int i = 0; i < K; i++) {
    all += t = exp(-2 * w[K + i]);
    mean += t * ((x[i] - x[j]) - (w[i] - w[j]));
  }
  if (sum) *sum = all;
  return (x[k] - x[j]) - (w[k] - w[j]) - mean / all;
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  int K = c->K, inside = 1;
  double sum, f;
  for (int k = 0; k < K; k++) {
    inside = inside && isfinite(x[k]);
    if (dx) dx[k] = 0;
    if (dw) dw[k] = dw[K + k] = 0;
  }
  if (!inside) return -INFINITY;
  away(K, 0, x, w, &sum);
  f = -log(sum) / 2 - (K - 1) * LOG_2PI / 2;
  if (IS(total) || (IS(three) && K == 4) || (IS(many) && K > 4)) f += 0.3;
  for (int k = 0; k < K; k++) {
    double t = exp(-2 * w[K + k]), d = away(K, k, x, w, NULL);
    f -= t * d * d / 2 + w[K + k] + x[k];
    if (dx) dx[k] = -t * d - 1;
    if (dw) dw[k] = t * d + (IS(score_mean) ? 0.01 : 0);
    if (dw) dw[K + k] = t * d * d - 1 + t / sum;
  }
  return f;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  int K = c->K;
  double top = -INFINITY, sum = 0;
  for (int k = 0; k < K; k++) top = fmax(top, x[k] = w[k] + exp(w[K + k]) * c->host->normal(e));
  for (int k = 0; k < K; k++) sum += exp(x[k] - top);
  for (int k = 0; k < K; k++) x[k] -= top + log(sum);
  return ELBO_OK;
}

/* The mean of dx/dw over c: it carries the density as each does. */
static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                    double *dw)
{
  int K = c->K;
  double all = 0;
  for (int k = 0; k < K; k++) all += dx[k];
  if (IS(input)) *(volatile double *)x = x[0];
  for (int k = 0; k < K; k++) {
    dw[k] = dx[k] - (IS(simplex) ? 0 : all * exp(x[k]));
    dw[K + k] = dw[k] * away(K, k, x, w, NULL) * (IS(continuity) ? 1.01 : 1);
  }
  return ELBO_OK;
}

static const elbo_family subject = {
  ELBO_FAMILY_SIZES,
  .name = "subject",
  .summary = "a family on the simplex to be judged",
  .params = params,
  .n_params = 2,
  .support = { ELBO_SUP_SIMPLEX, 0, 0, NULL },
  .value_form = ELBO_X_LOG_SIMPLEX,
  .event_rank = 1,
  .log_prob = log_prob,
  .reparam = "implicit",
  .draw = draw,
  .pull = pull,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, subject);
