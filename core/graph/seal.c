/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing: what is needed, what has a gradient, in which order everything runs. */
#include "graph/inside.h"
#include "graph/ops.h"

static void mark_live(graph *g)
{
  for (int i = g->n - 1; i >= 0; i--) {
    node *n = g->nodes[i];
    if (n->keep || i == g->options.objective) g->live[i] = true;
    if (!g->live[i]) continue;
    for (int k = 0; k < n->n_in; k++) g->live[n->in[k].node] = true;
  }
}

static void mark_needs(graph *g)
{
  for (int i = 0; i < g->n; i++) {
    node *n = g->nodes[i];
    n->needs_grad = n->op == &op_param;
    for (int k = 0; k < n->n_in; k++)
      n->needs_grad |= !n->in[k].hold && g->nodes[n->in[k].node]->needs_grad;
  }
}

/* From the objective down: who gets a gradient, and which consumer writes it first (the others add). */
static void mark_edges(graph *g)
{
  g->nodes[g->options.objective]->has_grad = true;
  for (int i = g->n - 1; i >= 0; i--) {
    node *n = g->nodes[i];
    if (!g->live[i] || !n->has_grad) continue;
    for (int k = 0; k < n->n_in; k++) {
      node *from = g->nodes[n->in[k].node];
      if (n->in[k].hold || !from->needs_grad) continue;
      n->in[k].wants_grad = true;
      n->in[k].accumulate = from->has_grad;
      from->has_grad = true;
    }
  }
}

/* A node that is looked at through slices: each slice is a gradient of its own. Where they do not cover the node, or where it is
   also used whole, its gradient is cleared first and everything adds. */
static void mark_slices(graph *g)
{
  for (int i = 0; i < g->n; i++) {
    size_t covered = 0;
    bool sliced = false, whole = false;
    for (int c = i + 1; c < g->n; c++)
      for (int k = 0; g->live[c] && k < g->nodes[c]->n_in; k++) {
        if (g->nodes[c]->in[k].node != i || !g->nodes[c]->in[k].wants_grad) continue;
        bool slice = g->nodes[c]->op == &op_slice;
        sliced |= slice;
        whole |= !slice;
        if (slice && g->nodes[c]->has_grad) covered += g->nodes[c]->shape.cols;
      }
    g->zero_grad[i] = sliced && (whole || covered != g->nodes[i]->shape.cols);
  }
  for (int c = 0; c < g->n; c++)
    for (int k = 0; k < g->nodes[c]->n_in; k++) {
      node *from = g->nodes[g->nodes[c]->in[k].node];
      bool of_slice = from->op == &op_slice && g->zero_grad[from->in[0].node];
      if (g->zero_grad[from->id] || of_slice) g->nodes[c]->in[k].accumulate = true;
    }
}

static elbo_status check_vjps(const graph *g, error *e)
{
  for (int i = 0; i < g->n; i++) {
    const node *n = g->nodes[i];
    if (!g->live[i] || !n->has_grad || !n->needs_grad || n->op == &op_param || n->op->alias) continue;
    if (!n->op->vjp[0].run)
      return fail(e, ELBO_E_USAGE, "%s: op %s has no derivative, but learned numbers lie behind it", n->name,
                  n->op->name);
  }
  return ELBO_DONE;
}

static bool has_vjp(const graph *g, const node *n)
{
  return g->options.train && g->live[n->id] && n->has_grad && n->needs_grad && n->op->vjp[0].run;
}

static elbo_status list_tasks(graph *g, error *e)
{
  size_t most = (size_t)g->n * OP_PASSES;
  g->forward = arena_get(g->arena, most, sizeof *g->forward, e);
  g->backward = arena_get(g->arena, most, sizeof *g->backward, e);
  if (!g->forward || !g->backward) return e->status;
  for (int i = 0; i < g->n; i++)
    for (int k = 0; k < OP_PASSES && g->live[i] && g->nodes[i]->op->forward[k].run; k++)
      g->forward[g->n_forward++] = (task){ i, &g->nodes[i]->op->forward[k] };
  for (int i = g->n - 1; i >= 0; i--)
    for (int k = 0; k < OP_PASSES && has_vjp(g, g->nodes[i]) && g->nodes[i]->op->vjp[k].run; k++)
      g->backward[g->n_backward++] = (task){ i, &g->nodes[i]->op->vjp[k] };
  return ELBO_DONE;
}

elbo_status graph_seal(graph *g, const seal_options *o, error *e)
{
  if (g->sealed) return fail(e, ELBO_E_USAGE, "the graph is sealed already");
  g->options = *o;
  g->live = arena_get(g->arena, (size_t)g->n + 1, sizeof *g->live, e);
  g->zero_grad = arena_get(g->arena, (size_t)g->n + 1, sizeof *g->zero_grad, e);
  if (!g->live || !g->zero_grad) return e->status;
  if (!o->no_fuse) fuse_activations(g);
  mark_live(g);
  if (o->train) {
    mark_needs(g);
    mark_edges(g);
    mark_slices(g);
    if (check_vjps(g, e)) return e->status;
  }
  if (list_tasks(g, e) || plan_memory(g, e)) return e->status;
  g->sealed = true;
  return ELBO_DONE;
}
