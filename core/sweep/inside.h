/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/sweep: a grid of experiments, each cell in a process of its own, and what came of them.
 * Depends on all rooms but check and cli.
 *
 * inside.h - what its files share. */
#ifndef ELBO_SWEEP_INSIDE_H
#define ELBO_SWEEP_INSIDE_H

#include "base/mem.h"
#include "base/text.h"
#include "infer/context.h"

#include <elbo/sweep.h>
#include <sys/types.h>

enum { MOST_KEYS = 16, MOST_CELLS = 1000 };

typedef struct {
  const char *key;
  const char **values;
  size_t n;
} sweep_axis;

/* What a child tells its parent, in memory that both see. */
typedef struct {
  bool finished;
  elbo_status status;
  char reason[sizeof((error *)0)->text];
  uint64_t steps;
  int64_t epochs;
  double figures[ELBO_SWEEP_FIGURES];
  volatile bool stop; /* the parent's to set */
} board;

typedef struct {
  elbo_sweep_cell of;
  char digest[20];      /* of its experiment, without the number of epochs */
  int64_t epochs;       /* as the experiment says */
  const char **applied; /* all settings: the call's, the cell's, its name */
  size_t row;           /* in `rows` */
} cell;

struct elbo_sweep {
  elbo_context *ctx;
  arena *arena; /* of all strings and arrays */
  const char *file, *directory;
  sweep_axis axes[MOST_KEYS];
  size_t n_axes;
  cell *cells;
  size_t n_cells;
  elbo_sweep_row *rows, **ranked; /* by the grid; by their ELBO */
  size_t n_rows;
  text json, csv;
};

/* ---- grid.c: from "KEY=V1,V2" to cells with names; nothing is resolved yet */
elbo_status grid_make(elbo_sweep *s, const char *const *settings, const char *const *vary,
                      error *e);

/* ---- table.c */
elbo_status table_layout(elbo_sweep *s, error *e); /* which cells are one row */
void table_make(elbo_sweep *s);                    /* their figures, ranked */

/* ---- files.c: sweep.json, sweep.csv */
elbo_status files_read(elbo_sweep *s, error *e); /* what an earlier call finished */
elbo_status files_write(elbo_sweep *s, error *e);

/* ---- child.c */
typedef struct {
  pid_t pid; /* 0: none */
  board *board;
  cell *cell;
} job;
elbo_status job_start(elbo_sweep *s, job *j, cell *c, const elbo_sweep_options *o, int threads,
                      error *e);
bool job_ended(job *j); /* then its outcome is in the cell, and the job is free */

#endif
