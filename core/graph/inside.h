/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inside.h - what the files of core/graph share. */
#ifndef ELBO_GRAPH_INSIDE_H
#define ELBO_GRAPH_INSIDE_H

#include "graph/graph.h"

/* One pass of the sealed plan: forward passes in order, then the passes of the vjps. */
typedef struct task {
  node_id node;
  const op_pass *pass;
} task;

struct graph {
  arena *arena;
  node **nodes;
  int n;
  size_t room;
  named_tensor *tensors;
  int n_tensors;
  size_t tensor_room;
  size_t param_floats, param_count;
  /* sealed */
  seal_options options;
  bool sealed;
  bool *live;      /* [n] */
  bool *by_sample; /* [n]: along the samples, or made of what is */
  bool *zero_grad; /* [n]: some of its gradient is not written just once, so it is cleared first */
  task *forward, *backward;
  task *again; /* of forward, what is left to do for other samples of the same batch */
  int n_forward, n_backward, n_again;
  size_t arena_floats;
};

static inline size_t full_rows(const graph *g, shape s)
{
  return s.axis == AXIS_FIXED   ? s.rows
         : s.axis == AXIS_BATCH ? g->options.batch
                                : g->options.batch * g->options.samples;
}

/* run.c: one task, all parts. */
void run_task(run *r, const task *t);
/* run.c: before the first vjp: the objective's gradient is 1, and what is never written is 0. */
void run_start_gradient(run *r);
/* plan.c: offsets of values, gradients and saved floats in one arena, by lifetimes. */
elbo_status plan_memory(graph *g, error *e);
/* fuse.c: joins each affine with the activation behind it. */
void fuse_activations(graph *g);
/* fuse.c: gives the affines that read data the op that leaves out zeros. */
elbo_status skip_zeros_of_data(graph *g, error *e);

#endif
