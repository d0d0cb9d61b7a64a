/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gamma.h - functions about lgamma that keep all their digits, inside core/num. NaN outside the
 * domain. */
#ifndef ELBO_NUM_GAMMA_H
#define ELBO_NUM_GAMMA_H

double stirling(double a);                 /* ELBO_STIRLING, a > 0 */
double stirling_da(double a);              /* ELBO_STIRLING_DA */
double deviance(double a, double b);       /* ELBO_BD0, a >= 0, b > 0 */
double lgamma_bregman(double a, double d); /* ELBO_LGAMMA_BREGMAN, a > 0, a + d > 0 */
double gamma_pull(double a, double log_z); /* ELBO_GAMMA_PULL, a > 0 */
double digamma_gap(double a, double d);    /* ELBO_DIGAMMA_GAP, a > 0, a + d > 0 */
double lgamma_rest(double a, double d);    /* ELBO_LGAMMA_REST, a > 0, a + d > 0 */
double trigamma_rest(double a);            /* ELBO_TRIGAMMA_REST, a > 0 */
double digamma_rest(double a, double d);   /* ELBO_DIGAMMA_REST, a > 0, a + d > 0 */
/* log(z^a e^-z / Gamma(a)), the log density of log z */
double gamma_log_density(double a, double log_z);
double gamma_log_tail(double a, double log_z, int upper); /* log P, or log Q: does not underflow */
double gamma_tail(double a, double z, int upper);         /* ELBO_GAMMA_P, ELBO_GAMMA_Q */
int gamma_is_large(double a);                             /* the expansion for large a holds */
double gamma_large(double a, double z, int upper);        /* by it P(a, z), or Q; z >= 0 */
double gamma_inv(double a, double u);                     /* ELBO_GAMMA_INV */
double gamma_inv_q(double a, double u);                   /* ELBO_GAMMA_INV_Q */
double log_gamma(double a);                               /* a > 0 */
double digamma(double a);                                 /* a > 0 */
double trigamma(double a);                                /* a > 0 */

#endif
