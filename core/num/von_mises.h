/* SPDX-License-Identifier: GPL-3.0-or-later */
/* von_mises.h - the pieces of the von Mises distribution, inside core/num. NaN outside the
 * domain. */
#ifndef ELBO_NUM_VON_MISES_H
#define ELBO_NUM_VON_MISES_H

double log_i0e(double k);                               /* ELBO_LOG_I0E, k >= 0 */
double bessel_gap(double k);                            /* ELBO_BESSEL_GAP, k >= 0 */
double log_i0_bregman(double k, double d);              /* ELBO_LOG_I0_BREGMAN, k > 0, k + d >= 0 */
double von_mises_p(double k, double low, double high);  /* ELBO_VON_MISES_P */
double von_mises_da(double k, double low, double high); /* ELBO_VON_MISES_DA */
/* I_order(k) e^-k, order 0 or 1, from the library of special.c */
double bessel_i_scaled(int order, double k);

#endif
