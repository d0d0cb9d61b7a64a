/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/sweep.h - a grid of experiments: one file, some of its keys varied, every combination
 * trained and evaluated as an ordinary run, and one table of means over seeds. */
#ifndef ELBO_SWEEP_H
#define ELBO_SWEEP_H

#include <elbo/run.h>

#pragma GCC visibility push(default)

typedef struct elbo_sweep elbo_sweep;

typedef enum {
  ELBO_CELL_WAITING, /* not trained to its end yet */
  ELBO_CELL_DONE,
  ELBO_CELL_FAILED, /* in training or evaluation; `status` and `reason` say by what */
  ELBO_CELL_REFUSED /* its experiment can't be resolved; never trained */
} elbo_cell_state;

/* Of the held-out rows, nats per row, as elbo_run_evaluate gives them; seconds of training. */
typedef enum {
  ELBO_SWEEP_ELBO,
  ELBO_SWEEP_LOG_LIKELIHOOD,
  ELBO_SWEEP_RECONSTRUCTION,
  ELBO_SWEEP_KL,
  ELBO_SWEEP_ACTIVE_UNITS,
  ELBO_SWEEP_SECONDS,
  ELBO_SWEEP_FIGURES
} elbo_sweep_figure;
const char *elbo_sweep_figure_name(elbo_sweep_figure figure); /* "log_likelihood" */

typedef struct {
  const char *name;            /* its settings joined, fit for a folder */
  const char *run;             /* its run directory, below the sweep's */
  const char *const *settings; /* "KEY=VALUE", one of every varied key, NULL-ended */
  elbo_cell_state state;
  elbo_status status;
  const char *reason; /* "" where nothing went wrong */
  uint64_t steps;
  int64_t epochs;
  double figures[ELBO_SWEEP_FIGURES]; /* NaN where there is none */
} elbo_sweep_cell;

/* Cells that differ in `seed` alone. */
typedef struct {
  const char *const *settings;     /* as of a cell, without the seed; NULL-ended */
  size_t cells, done;              /* how many there are; how many the means are over */
  double mean[ELBO_SWEEP_FIGURES]; /* NaN where there is none */
  double se[ELBO_SWEEP_FIGURES];   /* standard errors of the means; NaN of fewer than two */
} elbo_sweep_row;

/* Lays out the grid over `file` with `settings` applied and resolves every cell. `vary`:
   "KEY=V1,V2,..", split at the commas outside of brackets, braces and quotes; the last one varies
   fastest; NULL-ended. `directory` may hold the same sweep, unfinished or done: what it finished
   is taken over. Nothing is written. ELBO_E_USAGE: `vary`; ELBO_E_FILES, ELBO_E_CHECKPOINT: what
   stands in `directory`. A cell that can't be resolved is no error here: it is refused.
   *sweep is NULL on error. Borrows ctx. */
elbo_status elbo_sweep_open(elbo_context *ctx, const char *file, const char *const *settings,
                            const char *const *vary, const char *directory, elbo_sweep **sweep);
void elbo_sweep_free(elbo_sweep *sweep); /* NULL is fine */

size_t elbo_sweep_count(const elbo_sweep *sweep);
/* Valid until the next call that changes the sweep. */
const elbo_sweep_cell *elbo_sweep_at(const elbo_sweep *sweep, size_t i);
/* Best ELBO first; rows of which no cell is done come last. */
size_t elbo_sweep_rows(elbo_sweep *sweep);
const elbo_sweep_row *elbo_sweep_row_at(const elbo_sweep *sweep, size_t i);

typedef struct {
  size_t total, done, failed, running; /* cells; refused ones count as failed */
  double seconds, seconds_left;        /* NaN until a cell of this call has ended */
  const elbo_sweep_cell *ended;        /* the cell that did just now, or NULL */
} elbo_sweep_progress;
typedef struct {
  size_t size;     /* sizeof(elbo_sweep_options) */
  int jobs;        /* cells at a time, each with its part of the context's threads; 0: 1 */
  bool keep_going; /* refused cells do not stop the others */
  long samples;    /* K of the importance samples; 0: no log likelihood */
  bool (*stop)(void *user);
  /* about ten times a second, and when a cell has ended */
  void (*progress)(void *user, const elbo_sweep_progress *p);
  void *user;
} elbo_sweep_options;
/* Trains and evaluates what is not done yet, each cell in a child process (fork) that a crash does
   not leave; a cell that was begun is resumed, one that failed is tried again. After every cell
   sweep.json and sweep.csv are written anew. ELBO_E_CHECK: some cells failed; the others are done.
   What the first refused cell got, with all reasons, where some are refused and keep_going is not
   set: then nothing was trained. ELBO_E_STOPPED: the children saved; call again to go on. `stop` is
   asked in the children too. */
elbo_status elbo_sweep_run(elbo_sweep *sweep, const elbo_sweep_options *options);
/* What sweep.json holds. NULL: no memory. Valid until the next call. */
const char *elbo_sweep_json(elbo_sweep *sweep);

#pragma GCC visibility pop

#endif
