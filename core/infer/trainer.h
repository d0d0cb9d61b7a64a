/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trainer.h - the training step and where it stands; no files. Everything a step needs is allocated
 * by trainer_new. */
#ifndef ELBO_INFER_TRAINER_H
#define ELBO_INFER_TRAINER_H

#include "infer/checkpoint.h"
#include "infer/study.h"

enum { NORM_PARTS = 16 };
typedef struct trainer {
  study *study;
  pool *pool;
  machine *m;      /* the objective with derivatives */
  machine *tester; /* forward only, made when there are rows to test on */
  float *params, *grads, *state[OPTIMIZER_STATES];
  size_t floats;
  /* [rows] the permutation of the current epoch; [batch] the rows of a step that come by feeder */
  uint32_t *order;
  feeder *feeder;  /* NULL: every row lies in memory */
  uint32_t *plain; /* [TEST_BATCH] rows of a held-out split in turn */
  int64_t order_epoch;
  uint64_t per_epoch; /* steps */
  progress_state at;
  int64_t epochs;
  double norm[NORM_PARTS];
  update_args update;
} trainer;

elbo_status trainer_new(study *s, int64_t epochs, trainer **out, error *e);
void trainer_free(trainer *t);
/* One step: forward, backward, update; adds to `sums`. On a number that is not finite nothing is
 * updated and e names node, row and values. */
elbo_status trainer_step(trainer *t, sums *sums, error *e);
/* Means over a split with one draw a row; the same draws every time. */
elbo_status trainer_test(trainer *t, split_kind split, sums *sums, error *e);
/* Steps are numbered from 0; at.step is the next. */
double trainer_kl_weight(const trainer *t, uint64_t step);
double trainer_learning_rate(const trainer *t, uint64_t step);
/* Of the last so many steps. */
double trainer_mean_kl_weight(const trainer *t, uint64_t steps);

#endif
