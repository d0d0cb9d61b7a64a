/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a step costs, counted from the sealed plan instead of measured. */
#include "graph/inside.h"
#include "graph/ops.h"

static size_t floats_of(const run *r, const node *n)
{
  return rows_of(r, n->shape) * n->shape.cols;
}

/* Each operand once: of forward the inputs and the value; of a vjp the gradient and what it reads
   and delivers. */
static size_t floats_moved(const run *r, const node *n, bool backward)
{
  size_t own = floats_of(r, n), floats = own;
  if (backward && n->op->vjp_reads_value) floats += own;
  floats += rows_of(r, n->shape) * n->saved_cols;
  for (int i = 0; i < n->n_in; i++) {
    size_t in = floats_of(r, in_node(r, n, i));
    if (!backward || n->op->vjp_reads_input) floats += in;
    if (backward && n->in[i].wants_grad) floats += (size_t)(1 + n->in[i].accumulate) * in;
  }
  return floats;
}

static void add_tasks(const run *r, const task *tasks, int n, bool backward, run_work *w)
{
  for (int i = 0; i < n; i++) {
    const node *at = r->graph->nodes[tasks[i].node];
    const op_pass *first = backward ? at->op->vjp : at->op->forward;
    double (*flop)(const run *, const node *) = backward ? at->op->vjp_flop : at->op->flop;
    w->passes++;
    w->pieces += tasks[i].pass->parts ? tasks[i].pass->parts(r, at) : 1;
    if (tasks[i].pass != first) continue;
    w->floats += floats_moved(r, at, backward);
    if (flop) w->flop += flop(r, at);
  }
}

run_work run_count_work(const run *r)
{
  run_work w = { 0 };
  add_tasks(r, r->graph->forward, r->graph->n_forward, false, &w);
  add_tasks(r, r->graph->backward, r->graph->n_backward, true, &w);
  return w;
}
