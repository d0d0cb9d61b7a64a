/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bench.h - steps of a trainer, timed: what `bench step` and `bench scale` share. */
#ifndef ELBO_INFER_BENCH_H
#define ELBO_INFER_BENCH_H

#include "infer/trainer.h"

typedef struct step_times {
  double first_ms; /* of the very first step, which orders the rows and warms what is cold */
  double median_ms, least_ms, mean_ms;
  size_t n;           /* steps timed, after a warm-up */
  double allocations; /* a step */
} step_times;
/* `steps` of them (0: as many as fit `seconds`, at least 10). */
elbo_status bench_steps(trainer *t, int64_t steps, double seconds, step_times *out, error *e);

#endif
