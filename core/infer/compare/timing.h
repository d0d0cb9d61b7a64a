/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timing.h - what a gradient costs, so that estimators can be told apart by it: they take turns, a
 * few gradients each in every round, and what the machine does meanwhile falls on all of them. */
#ifndef ELBO_COMPARE_TIMING_H
#define ELBO_COMPARE_TIMING_H

enum { TIMING_ROUNDS = 10 };

/* Milliseconds of one gradient: the median over rounds, which a pause of the machine does not
 * move, and its standard error. */
typedef struct timing {
  double median, se;
} timing;
timing timing_of(const double ms[TIMING_ROUNDS]);

#endif
