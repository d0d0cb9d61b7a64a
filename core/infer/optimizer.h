/* SPDX-License-Identifier: GPL-3.0-or-later */
/* optimizer.h - optimizers and learning-rate schedules, rows of tables. An optimizer climbs: g is
 * the gradient of what is maximised. */
#ifndef ELBO_INFER_OPTIMIZER_H
#define ELBO_INFER_OPTIMIZER_H

#include <elbo/plugin.h>
#include <stddef.h>
#include <stdint.h>

/* A constant of a method: its key in the file, its default, and the open or closed range that is
 * accepted. */
typedef struct hyper {
  const char *name;
  double standard, low, high;
  int open_low, open_high; /* 1: the end itself is refused */
  const char *help;
} hyper;

enum { OPTIMIZER_STATES = 2 };
/* What one update needs, the same for every element: rates are those of this step. */
typedef struct update_args {
  float rate;  /* learning rate of this step, bias corrections folded in by `prepare` */
  float decay; /* weight decay times the learning rate: w -= decay * w (decoupled) */
  float clip;  /* the gradient is multiplied by this: 1 unless clipped */
  float c[6];  /* the method's own, from `prepare` */
} update_args;
typedef struct optimizer_kind {
  const char *name, *help;
  hyper hypers[6];
  int n_hypers;
  int n_state;
  const char *state_names[OPTIMIZER_STATES]; /* in a checkpoint: "optimizer.m.NAME" */
  /* step counts from 1 */
  void (*prepare)(const double *h, double learning_rate, uint64_t step, update_args *args);
  /* n elements, one pass. [exec] */
  void (*update[ELBO_LEVELS])(const update_args *a, size_t n, float *w, const float *g, float *s0,
                              float *s1);
} optimizer_kind;
extern const optimizer_kind optimizer_table[];
extern const int n_optimizers;

typedef struct schedule_kind {
  const char *name, *help;
  hyper hypers[3];
  int n_hypers;
  /* The factor on the learning rate after `epoch` epochs (with fraction) of `epochs`. */
  double (*factor)(const double *h, double epoch, double epochs);
  int whole_run; /* the factor depends on `epochs` */
} schedule_kind;
extern const schedule_kind schedule_table[];
extern const int n_schedules;

#endif
