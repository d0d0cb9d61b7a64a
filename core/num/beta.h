/* SPDX-License-Identifier: GPL-3.0-or-later */
/* beta.h - the incomplete beta function and its kin, inside core/num. An argument y is logit x, so
 * that x and 1 - x are both exact. NaN outside the domain: a, b > 0 and finite. */
#ifndef ELBO_NUM_BETA_H
#define ELBO_NUM_BETA_H

double lbeta(double a, double b);                /* ELBO_LBETA */
double beta_log(double a, double b, double y);   /* ELBO_BETA_LOG */
double beta_slope(double a, double b, double y); /* ELBO_BETA_SLOPE */
double beta_p(double a, double b, double y);     /* ELBO_BETA_P */
double beta_log_p(double a, double b, double y); /* log of it, y finite: does not underflow */
double beta_q(double a, double b, double y);     /* ELBO_BETA_Q */
double beta_pull(double a, double b, double y);  /* ELBO_BETA_PULL */
double beta_inv(double a, double b, double u);   /* ELBO_BETA_INV */
double student_pull(double df, double t);        /* ELBO_STUDENT_PULL */

#endif
