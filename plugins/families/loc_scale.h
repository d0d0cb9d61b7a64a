/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * loc_scale.h - what families of a location and a scale share, w = (loc, log scale): values
 * loc + scale r of a standard variate r. */
#ifndef LOC_SCALE_H
#define LOC_SCALE_H

#include "exact.h"

#define INV_SQRT_2PI 0.39894228040143267794
#define INV_SQRT_2 0.70710678118654752440

/* The value at r, and its slopes along constant r. */
ELBO_INLINE double at_standard(double r, const double *w, double *dw)
{
  double s = exp(w[1]);
  if (dw) {
    dw[0] = 1;
    dw[1] = s * r;
  }
  return w[0] + s * r;
}

/* dx/dw of a value that was drawn so, whatever its standard variate. */
ELBO_INLINE elbo_rc pull_loc_scale(const elbo_call *c, const double *x, const double *w,
                                   const double *dx, double *dw)
{
  (void)c;
  dw[0] = dx[0];
  dw[1] = dx[0] * (x[0] - w[0]);
  return ELBO_OK;
}

/* ---- the normal one, also of log x and logit x */
ELBO_INLINE double normal_icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double r = u <= 0 ? -INFINITY : u >= 1 ? INFINITY : c->host->special(ELBO_NDTRI, u, 0);
  return at_standard(r, w, dw);
}

ELBO_INLINE double normal_cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double t = exp(-w[1]), r = (x - w[0]) * t;
  if (dw) {
    double f = (upper ? 1 : -1) * INV_SQRT_2PI * exp(-0.5 * r * r);
    dw[0] = f * t;
    dw[1] = f != 0 ? f * r : 0;
  }
  return 0.5 * erfc((upper ? r : -r) * INV_SQRT_2);
}

/* By the normal family that is used. */
ELBO_INLINE elbo_rc normal_draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  y[0] = w[0] + exp(w[1]) * c->uses[0]->standard(c, e);
  return ELBO_OK;
}

#endif
