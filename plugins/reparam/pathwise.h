/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pathwise.h - the derivative of a value along a constant cdf, from the value alone: dz/dw =
 * -(dF/dw) / f, in the value form (Figurnov, Mohamed and Mnih 2018, eq. 5). dF/dw is taken from
 * the smaller tail. */
#ifndef PATHWISE_H
#define PATHWISE_H

#include <math.h>
#include <elbo/plugin.h>

/* log dx/dy of the value form. */
static inline double log_slope(uint32_t value_form, double y)
{
  if (value_form == ELBO_X_LOG) return y;
  if (value_form == ELBO_X_LOGIT) return -fabs(y) - 2 * log1p(exp(-fabs(y)));
  return 0;
}

/* dw [W], W the number of parameters. Where the density underflows there is no path left:
   ELBO_UNDEFINED. */
static inline elbo_rc pathwise(const elbo_family *f, const elbo_call *c, const double *x,
                               const double *w, const double *dx, double *dw)
{
  double sign = 1;
  if (f->cdf(c, x[0], w, 0, dw) > 0.5) {
    f->cdf(c, x[0], w, 1, dw);
    sign = -1;
  }
  double density = exp(f->log_prob(c, x, w, NULL, NULL) + log_slope(f->value_form, x[0]));
  if (!(density > 0)) return ELBO_UNDEFINED;
  for (uint32_t p = 0; p < f->n_params; p++) dw[p] *= -sign * dx[0] / density;
  return ELBO_OK;
}

#endif
