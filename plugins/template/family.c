/* SPDX-License-Identifier: MIT-0
 *
 * my_family: a complete family of distributions, here the hyperbolic secant:
 *   f(x) = sech(pi r / 2) / (2 s), r = (x - m) / s: mean m, standard deviation s.
 * Edit at the marks (1) to (5), then
 *   cc -O2 -shared -fPIC $(pkg-config --cflags elbo-plugin) -o my_family.so my_family.c -lm
 *   elbo plugin check ./my_family.so */
#include <elbo/plugin.h>
#include <math.h>

#define HALF_PI 1.57079632679489661923
#define LOG_2 0.69314718055994530942

/* (1) Parameters. Functions get their working forms: a real one as it is, a positive one's log. */
enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mean" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "standard deviation" },
};

/* (2) The log density of x, and its derivatives where wanted, by the working forms: l = log s has
 * d/dl = s d/ds. Outside the support: -INFINITY, and 0 for every derivative. */
static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  int inside = !isinf(x[0]);
  double s = exp(w[LOG_SCALE]), r = (x[0] - w[LOC]) / s, t = fabs(HALF_PI * r);
  double slope = inside ? -HALF_PI * tanh(HALF_PI * r) / s : 0; /* d log f / dx */
  if (dx) dx[0] = slope;
  if (dw) {
    dw[LOC] = -slope;
    dw[LOG_SCALE] = inside ? -slope * s * r - 1 : 0; /* r falls as 1/s */
  }
  return inside ? -t - log1p(exp(-2 * t)) - w[LOG_SCALE] : -INFINITY;
}

/* (3) A draw. Of location and scale: the standard variate. Else icdf, or draw and pull. */
static double standard(const elbo_call *c, elbo_noise *e)
{
  double u = c->host->uniform(e);
  return (u < 0.5 ? log(tan(HALF_PI * u)) : -log(tan(HALF_PI * (1 - u)))) / HALF_PI;
}

/* (4) Optional: what is not here is derived, or missing. F(x); `upper`: 1 - F(x) to all digits. */
static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  double r = (x - w[LOC]) * exp(-w[LOG_SCALE]), sign = upper ? -1 : 1;
  double density = isinf(x) ? 0 : exp(log_prob(c, &x, w, NULL, NULL));
  if (dw) {
    dw[LOC] = -sign * density; /* F depends on x - m alone */
    dw[LOG_SCALE] = density > 0 ? -sign * density * r * exp(w[LOG_SCALE]) : 0;
  }
  return atan(exp(sign * HALF_PI * r)) / HALF_PI;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  out[0] = which == ELBO_ENTROPY    ? 2 * LOG_2 + w[LOG_SCALE]
           : which == ELBO_VARIANCE ? exp(2 * w[LOG_SCALE])
                                    : w[LOC];
  return ELBO_OK;
}

/* (5) The table: name, support, and the functions above. */
static const elbo_family family = {
  ELBO_FAMILY_SIZES,
  .name = "my_family",
  .summary = "hyperbolic secant",
  .params = params,
  .n_params = 2,
  .support = { ELBO_SUP_REAL, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "location_scale",
  .noise_per_event = 1,
  .standard = standard,
  .cdf = cdf,
  .moment = moment,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, family);
