/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gamma.h - functions about lgamma that keep all their digits, inside core/num. NaN outside the domain. */
#ifndef ELBO_NUM_GAMMA_H
#define ELBO_NUM_GAMMA_H

double stirling(double a);                 /* ELBO_STIRLING, a > 0 */
double stirling_da(double a);              /* ELBO_STIRLING_DA */
double deviance(double a, double b);       /* ELBO_BD0, a >= 0, b > 0 */
double lgamma_bregman(double a, double d); /* ELBO_LGAMMA_BREGMAN, a > 0, a + d > 0 */
double gamma_pull(double a, double log_z); /* ELBO_GAMMA_PULL, a > 0 */
double digamma_gap(double a, double d);    /* ELBO_DIGAMMA_GAP, a > 0, a + d > 0 */
/* psi(a+d) - psi(a) - log(1 + d/a), a >= 12: what is left where log(1 + d/a) is wanted in another form. */
double digamma_rest(double a, double d);
double log_gamma(double a);                /* a > 0 */
double digamma(double a);                  /* a > 0 */

#endif
