/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checkpoint.h - all that a run needs to go on bit for bit, in one safetensors file, written
 * whole. */
#ifndef ELBO_INFER_CHECKPOINT_H
#define ELBO_INFER_CHECKPOINT_H

#include "infer/optimizer.h"
#include "infer/study.h"

/* Sums over rows since the last report: nats. */
typedef struct sums {
  double objective, reconstruction, kl, grad_norm;
  uint64_t rows, steps;
} sums;

/* Where training stands. No clock and no file position: two equal runs leave equal checkpoints. */
typedef struct progress_state {
  uint64_t step; /* steps done */
  /* in all, as this session was asked: what schedules over the whole run depend on */
  int64_t epochs;
  int64_t epoch; /* epochs done; rows of the current one: step - epoch * steps per epoch */
  double best;
  int64_t best_epoch; /* of keep: best, patience; NaN, 0 */
  baseline baseline;  /* of the score functions that have one; 0, 0 without */
  bool finished;
  sums of_epoch, of_line; /* of this epoch; since the last line of log_every */
} progress_state;
typedef struct checkpoint_io {
  const graph *graph; /* names and layout */
  float *params;
  float *state[OPTIMIZER_STATES]; /* of the optimizer, or NULL */
  const char *state_names[OPTIMIZER_STATES];
  progress_state at;
  /* JSON: program, format, backend and its kernel set, level, libm: what bits depend on */
  const char *versions;
  const char *experiment; /* a digest of what must be the same to resume */
  bool other_experiment;  /* set by a read that was refused because the digest is another */
} checkpoint_io;
enum { CHECKPOINT_FORMAT = 1 };

elbo_status checkpoint_write(const char *path, const checkpoint_io *c, error *e);
/* Parameters by name, every tensor of the graph, no other p.*, q.* or optimizer.* ;
   ELBO_E_CHECKPOINT naming the tensor. With state NULL the optimizer's is not read.
   `versions_differ`: set to a text of what differs, or "" ; NULL: not asked. */
elbo_status checkpoint_read(const char *path, checkpoint_io *c, char *versions_differ, size_t n,
                            error *e);
/* Parameters alone, of any file that has them (replay, init-from). `at`: where its training stood;
 * NULL: not asked. */
elbo_status checkpoint_read_params(const char *path, const graph *g, float *params,
                                   progress_state *at, error *e);

#endif
