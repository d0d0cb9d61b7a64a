/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quadrature.h - adaptive integration of a function of one variable. */
#ifndef ELBO_NUM_QUADRATURE_H
#define ELBO_NUM_QUADRATURE_H

typedef double integrand(void *state, double t);
/* The integral over at[0] .. at[n-1] (rising, n <= 64), first cut at the inner points. Stops at an
 * error of `relative`; *error is the estimate of the one that is left. Not finite where f is
 * not. */
double quadrature(integrand *f, void *state, const double *at, int n, double relative,
                  double *error);

#endif
