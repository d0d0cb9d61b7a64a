/* SPDX-License-Identifier: GPL-3.0-or-later */
/* weights.h - how far importance weights can be trusted: the shape of their tail. */
#ifndef ELBO_INFER_WEIGHTS_H
#define ELBO_INFER_WEIGHTS_H

#include <stddef.h>

/* How many of the largest of K weights the fit takes, M = min(0.2 K, 3 sqrt K) (Vehtari et al.
 * 2024, eq. 9); 0 where that is less than 5. */
size_t weights_tail(size_t K);
/* The `room` largest numbers of a stream: a heap, its smallest at the root, filled with -inf before
 * the first. */
void largest_add(double *heap, size_t room, double x);
/* The shape k of the generalised Pareto distribution of the M largest weights above the next one.
   log_w [M + 1]: the largest log weights, which are put in order; work [M + 1]. NaN where they do
   not differ by more than float rounding of log densities. */
double weights_khat(double *log_w, size_t M, double *work);
/* The same of excesses x [n] > 0 in ascending order: the estimate of Zhang and Stephens 2009, with
 * the prior on k of Vehtari et al. 2024, appendix C. */
double pareto_shape(const double *x, size_t n);

#endif
