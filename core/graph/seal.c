/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing: what is needed, what has a gradient, in which order everything runs. */
#include "graph/inside.h"
#include "graph/ops.h"

#include <string.h>

static void mark_live(graph *g)
{
  for (int i = g->n - 1; i >= 0; i--) {
    node *n = g->nodes[i];
    if (n->keep || i == g->options.objective) g->live[i] = true;
    if (!g->live[i]) continue;
    for (int k = 0; k < n->n_in; k++) g->live[n->in[k].node] = true;
  }
}

/* Where runs for other samples follow, what they find of the batch must outlive the first. */
static void mark_by_sample(graph *g)
{
  for (int i = 0; i < g->n; i++) {
    node *n = g->nodes[i];
    g->by_sample[i] = n->shape.axis == AXIS_SAMPLE || !g->options.resamples;
    for (int k = 0; k < n->n_in; k++) g->by_sample[i] |= g->by_sample[n->in[k].node];
    for (int k = 0; k < n->n_in && g->by_sample[i] && g->live[i]; k++)
      if (!g->by_sample[n->in[k].node]) g->nodes[n->in[k].node]->keep = true;
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

/* From the objective down: who gets a gradient, and which consumer writes it first (the others
 * add). */
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

/* The node whose storage `n` is a view of, and where in its columns the view begins. */
static const node *storage_of(const graph *g, const node *n, size_t *first)
{
  for (*first = 0; n->op->alias; n = g->nodes[n->in[0].node])
    *first += n->op == &op_slice ? ((const slice_attr *)n->attr)->first : 0;
  return n;
}

/* Do the nodes through which consumers write `own`'s gradient (itself, and slices of it) cover each
 * of its columns just once? */
static bool covered_once(const graph *g, const node *own, unsigned char *times)
{
  memset(times, 0, own->shape.cols);
  for (int i = own->id; i < g->n; i++) {
    const node *n = g->nodes[i];
    size_t first;
    bool written = false;
    if (!g->live[i] || !n->has_grad || storage_of(g, n, &first) != own) continue;
    for (int c = i + 1; c < g->n && !written; c++)
      for (int k = 0; k < g->nodes[c]->n_in; k++) {
        const edge *from = &g->nodes[c]->in[k];
        written |= g->live[c] && !g->nodes[c]->op->alias && from->node == i && from->wants_grad;
      }
    for (size_t k = first; written && k < first + n->shape.cols; k++)
      if (times[k]++) return false;
  }
  return !memchr(times, 0, own->shape.cols);
}

/* A node that is looked at through slices: each slice is a gradient of its own, whose first
   consumer overwrites. Where together they do not cover the node just once, its gradient is cleared
   first and everything adds. So is that of a parameter that nothing reaches. */
static elbo_status mark_cleared(graph *g, error *e)
{
  size_t most = 1;
  for (int i = 0; i < g->n; i++)
    if (g->nodes[i]->shape.cols > most) most = g->nodes[i]->shape.cols;
  unsigned char *times = mem_new(most, 1, "the plan of gradients", e);
  if (!times) return e->status;
  for (int i = 0; i < g->n; i++) {
    const node *n = g->nodes[i];
    size_t first;
    if (n->op->alias && n->has_grad)
      g->zero_grad[storage_of(g, n, &first)->id] = true; /* sliced: looked at below */
    if (n->op == &op_param && !n->has_grad) g->zero_grad[i] = true;
  }
  for (int i = 0; i < g->n; i++)
    if (g->zero_grad[i] && g->nodes[i]->has_grad)
      g->zero_grad[i] = !covered_once(g, g->nodes[i], times);
  mem_free(times);
  for (int c = 0; c < g->n; c++)
    for (int k = 0; k < g->nodes[c]->n_in; k++) {
      size_t first;
      const node *own = storage_of(g, g->nodes[g->nodes[c]->in[k].node], &first);
      if (g->zero_grad[own->id]) g->nodes[c]->in[k].accumulate = true;
    }
  return ELBO_DONE;
}

/* The gradient of a parameter lies in the caller's vector, that of a slice is not dense. */
static bool can_be_in_place(const graph *g, const node *n, int i)
{
  const node *x = g->nodes[n->in[i].node];
  bool same_rows = x->shape.axis == n->shape.axis && x->shape.rows == n->shape.rows;
  return !g->options.no_fuse && n->op->saves_gradients && n->in[i].wants_grad &&
         !n->in[i].accumulate && same_rows && !x->op->alias && x->op != &op_param &&
         !g->zero_grad[x->id];
}

static void mark_in_place(graph *g)
{
  for (int i = 0; i < g->n; i++)
    for (int k = 0; k < g->nodes[i]->n_in; k++)
      g->nodes[i]->in[k].in_place = g->live[i] && can_be_in_place(g, g->nodes[i], k);
}

static elbo_status check_vjps(const graph *g, error *e)
{
  for (int i = 0; i < g->n; i++) {
    const node *n = g->nodes[i];
    if (!g->live[i] || !n->has_grad || !n->needs_grad || n->op == &op_param || n->op->alias)
      continue;
    if (!n->op->vjp[0].run)
      return fail(e, ELBO_E_USAGE, "%s: op %s has no derivative, but learned numbers lie behind it",
                  n->name, n->op->name);
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
  g->again = arena_get(g->arena, most, sizeof *g->again, e);
  if (!g->forward || !g->backward || !g->again) return e->status;
  for (int i = 0; i < g->n; i++)
    for (int k = 0; k < OP_PASSES && g->live[i] && g->nodes[i]->op->forward[k].run; k++)
      g->forward[g->n_forward++] = (task){ i, &g->nodes[i]->op->forward[k] };
  for (int i = 0; i < g->n_forward; i++)
    if (g->by_sample[g->forward[i].node]) g->again[g->n_again++] = g->forward[i];
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
  g->by_sample = arena_get(g->arena, (size_t)g->n + 1, sizeof *g->by_sample, e);
  if (!g->live || !g->zero_grad || !g->by_sample) return e->status;
  if (!o->no_fuse) fuse_activations(g);
  if (!o->no_fuse && !o->dense && skip_zeros_of_data(g, e)) return e->status;
  mark_live(g);
  mark_by_sample(g);
  if (o->train) {
    mark_needs(g);
    mark_edges(g);
    if (mark_cleared(g, e) || check_vjps(g, e)) return e->status;
    mark_in_place(g);
  }
  if (list_tasks(g, e) || plan_memory(g, e)) return e->status;
  g->sealed = true;
  return ELBO_DONE;
}
