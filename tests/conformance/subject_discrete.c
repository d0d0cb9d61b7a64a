/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A right family on 0 and 1, and wrong ones. */
#include <elbo/plugin.h>
#include <math.h>

enum {
  W_NOTHING,
  W_support_points,
  W_total,
  W_cdf_slope,
  W_cdf_tails,
  W_icdf,
  W_edges,
  W_draws_cdf
};
#ifndef WRONG
#define WRONG W_NOTHING
#endif
#define IS(NAME) (WRONG == W_##NAME)

static const elbo_param params[] = { { "logits", ELBO_UNIT, 0, 0.5, "log odds of 1" } };

static double p_of(const double *w, int one)
{
  return 1 / (1 + exp(one ? -w[0] : w[0]));
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  int inside = x[0] == 0 || x[0] == 1, one = IS(edges) ? x[0] > 0.4 : x[0] == 1;
  if (IS(edges)) inside = x[0] >= 0 && x[0] <= 1;
  if (dx) dx[0] = 0;
  if (dw) dw[0] = !inside ? 0 : one ? p_of(w, 0) : -p_of(w, 1);
  double t = one ? -w[0] : w[0];
  return inside ? -fmax(t, 0) - log1p(exp(-fabs(t))) + (IS(total) ? 1e-4 : 0) : -INFINITY;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = c->host->uniform(e) < p_of(w, !IS(draws_cdf));
  return ELBO_OK;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  int between = x >= 0 && x < 1;
  if (dw) dw[0] = between ? (upper ? 1 : -1) * p_of(w, 0) * p_of(w, 1) : 0;
  if (between) return p_of(w, upper) * (IS(cdf_slope) && !upper ? 0.999 : 1);
  return (x < 0) == !!upper ? 1 : IS(cdf_tails) ? 0.01 : 0;
}

static double inverse(const elbo_call *c, double u, const double *w, double *dw)
{
  (void)c;
  if (dw) dw[0] = 0;
  return IS(icdf) ? u > 0.5 : u > p_of(w, 0);
}

static double support_point(const elbo_call *c, uint64_t i, const double *w)
{
  (void)c, (void)w;
  return i < (IS(support_points) ? 3 : 2) ? (double)i : NAN;
}

static const elbo_family subject = {
  ELBO_FAMILY_SIZES,
  .name = "subject",
  .summary = "a family on two points to be judged",
  .params = params,
  .n_params = 1,
  .support = { ELBO_SUP_BINARY, 1, 1, NULL },
  .log_prob = log_prob,
  .icdf = inverse,
  .draw = draw,
  .cdf = cdf,
  .support_point = support_point,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, subject);
