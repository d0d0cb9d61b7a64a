/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verdict.h - is an estimator biased? Two sets of moments of independent estimates of one gradient,
 * compared in 64 random projections of every group of parameters.
 *
 * Each projection gives Welch's t-test (1947). The smallest of a group's 64 tails, times 64, is the
 * group's; Holm's procedure (1979) over all groups decides which are rejected: with an unbiased
 * estimator the probability that any of its groups is called biased is at most VERDICT_ERROR, up to
 * how well means of n estimates follow Student's t so far out. A group that holds a rejected one is
 * biased too. Standard errors are not taken smaller than float rounding of a gradient.
 *
 * Nothing rejected is "unbiased" only where a bias of half the gradient's norm would have been
 * found: a bias of VERDICT_REACH times what chance gives, spread over the group's numbers, is found
 * with probability over 0.97. Else it is "cannot tell". */
#ifndef ELBO_COMPARE_VERDICT_H
#define ELBO_COMPARE_VERDICT_H

#include "infer/compare/moments.h"

#define VERDICT_ERROR 1e-3
#define VERDICT_REACH 2.5

typedef struct verdict {
  /* |mean - reference| over the group's numbers; its root mean square where both means are the
   * same */
  double bias, chance;
  const char *word; /* "unbiased", "biased", "cannot tell" */
} verdict;
void verdicts_of(const moments *m, const moments *reference, verdict out[GROUPS]);
/* The two-sided tail of Student's t (Abramowitz and Stegun 26.7.1 through the incomplete beta
 * function). */
double student_tail(double t, double df);

#endif
