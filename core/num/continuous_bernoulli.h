/* SPDX-License-Identifier: GPL-3.0-or-later */
/* continuous_bernoulli.h - the log normaliser of the continuous Bernoulli distribution and its
 * derivatives, inside core/num. NaN for a derivative other than the 0th to the 3rd. */
#ifndef ELBO_NUM_CONTINUOUS_BERNOULLI_H
#define ELBO_NUM_CONTINUOUS_BERNOULLI_H

double cb_norm(double l, double n);      /* ELBO_CB_NORM */
double cb_norm_even(double l, double n); /* ELBO_CB_NORM_EVEN */
double cb_norm_tail(double l);           /* ELBO_CB_NORM_TAIL */

#endif
