/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock.h - seconds of a clock that never jumps, for durations and progress; nothing that is
 * computed depends on it. */
#ifndef ELBO_BASE_CLOCK_H
#define ELBO_BASE_CLOCK_H

#include <time.h>

static inline double clock_seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
