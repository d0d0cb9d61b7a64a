/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/experiment.h - an experiment file, resolved: read, checked against the registry and the
 * data, ready to train. Everything that is wrong is found here, before anything of size is
 * allocated. All functions: the calling thread is the context's. */
#ifndef ELBO_EXPERIMENT_H
#define ELBO_EXPERIMENT_H

#include <elbo/context.h>

#pragma GCC visibility push(default)

typedef struct elbo_experiment elbo_experiment;

/* Reads FILE (YAML or JSON) with `settings` ("KEY.PATH=VALUE", NULL-ended, or NULL) applied.
 * ELBO_E_USAGE or ELBO_E_DATA: the last error has a line for every problem, "FILE:LINE:COLUMN:
 * ...". *x is NULL on error. Borrows ctx, which must outlive it. */
elbo_status elbo_experiment_open(elbo_context *ctx, const char *file, const char *const *settings,
                                 elbo_experiment **x);
void elbo_experiment_free(elbo_experiment *x);

const char *elbo_experiment_name(const elbo_experiment *x);
/* The resolved plan as lines of text. Valid until the experiment is freed. */
const char *elbo_experiment_plan(const elbo_experiment *x);
size_t elbo_experiment_parameters(const elbo_experiment *x); /* learned numbers */
/* bytes: data, parameters, optimizer, arena */
size_t elbo_experiment_memory(const elbo_experiment *x);
/* The resolved experiment file: every default written out, paths absolute. */
const char *elbo_experiment_text(const elbo_experiment *x);
/* The sealed training graph with shapes and memory; dot: for Graphviz. NULL on error (last error).
 * Valid until the next call. */
const char *elbo_experiment_graph(elbo_experiment *x, bool dot);
/* Every key of an experiment file with type, default and help, as text. Valid until the next
 * call. */
const char *elbo_experiment_keys(elbo_context *ctx);

/* ---- training */
typedef struct {
  const char *split;    /* "train"; "validate" or "test" after an epoch */
  uint64_t step, steps; /* done; in all */
  double epoch;         /* epochs done, with fraction */
  int64_t epochs;
  bool epoch_end;
  /* nats per row, means since the last report of this kind; elbo = reconstruction - kl */
  double objective, elbo, reconstruction, kl;
  double grad_norm, seconds, rows_per_second, seconds_left;
} elbo_progress;
typedef struct {
  size_t size;           /* sizeof(elbo_train_options) */
  const char *run;       /* the run directory; NULL: "runs/NAME" */
  bool resume;           /* go on where its checkpoint stands */
  const char *init_from; /* another run's weights to start from, or NULL */
  int64_t epochs;        /* 0: as the experiment says */
  /* about ten times a second, and at each epoch's end; may be NULL */
  void (*progress)(void *user, const elbo_progress *p);
  void *user;
  /* Asked after every step: true saves and returns ELBO_E_STOPPED. May be NULL. */
  bool (*stop)(void *user);
} elbo_train_options;
typedef struct {
  char run[4096]; /* the run directory */
  uint64_t steps;
  int64_t epochs;
  double elbo_train, elbo_test; /* of the last epoch; NaN where there is none */
  double seconds, rows_per_second;
  bool already_finished; /* --resume of a finished run: nothing was done */
} elbo_train_result;
elbo_status elbo_train(elbo_experiment *x, const elbo_train_options *options,
                       elbo_train_result *result);

/* One step, replayed. `replay` (safetensors): the parameters by name, the batch data.NAME [B,D] as
 * it is after `prepare`, draw.NAME [K,B,Z] of every latent that is drawn. To `out`: objective [1],
 * objective_rows [B], grad.NAME of every parameter, of what is maximised. */
elbo_status elbo_gradient_replay(elbo_experiment *x, const char *replay, const char *out);

#pragma GCC visibility pop

#endif
