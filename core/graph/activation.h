/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation.h - activations, rows of one table: value beside derivative. */
#ifndef ELBO_GRAPH_ACTIVATION_H
#define ELBO_GRAPH_ACTIVATION_H

#include <elbo/plugin.h>

typedef struct activation_kind {
  const char *name, *help;
  /* y [n] = f(x [n]); may run in place. [exec] */
  void (*forward[ELBO_LEVELS])(size_t n, const float *x, float *y);
  /* dx [n] = dy f'(x), from x where `needs_input`, else from y = f(x); may run in place over dy.
   * [exec] */
  void (*backward[ELBO_LEVELS])(size_t n, const float *x_or_y, const float *dy, float *dx);
  int needs_input;
  const char *in_c; /* f(x) as an expression of C, x a double: what an exported model computes */
} activation_kind;
extern const activation_kind activation_table[];
extern const int n_activations;

#endif
