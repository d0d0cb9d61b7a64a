/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verdict.h - is an estimator biased? Two sets of moments of independent estimates of one gradient, compared in 64 random projections. */
#ifndef ELBO_COMPARE_VERDICT_H
#define ELBO_COMPARE_VERDICT_H

#include "infer/compare/moments.h"

typedef struct verdict {
  double bias, chance; /* |mean - reference| over the group's numbers; its expectation where both means are the same */
  const char *word;    /* "unbiased", "biased", "cannot tell" */
} verdict;
/* Welch's t-test of each projection, Holm's correction over the 64, error 1e-3 for a group; standard errors are not taken smaller than float rounding of the
   gradient. "cannot tell": nothing was found, and chance alone gives more than half of the reference's norm. */
verdict verdict_of(const moments *m, const moments *reference, int group);
/* The two-sided tail of Student's t (Abramowitz and Stegun 26.7.1 through the incomplete beta function). */
double student_tail(double t, double df);

#endif
