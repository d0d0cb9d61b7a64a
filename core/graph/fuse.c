/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fusing: an activation behind an affine that nobody else reads becomes the affine's epilogue, done
   while the tile is in cache. An activation whose derivative needs its input (gelu) stays apart:
   the affine would have overwritten it. And products that read data leave out its zeros. */
#include "graph/activation.h"
#include "graph/inside.h"
#include "graph/ops.h"

static int count_readers(const graph *g, node_id id)
{
  int n = 0;
  for (int i = 0; i < g->n; i++)
    for (int k = 0; k < g->nodes[i]->n_in; k++) n += g->nodes[i]->in[k].node == id;
  return n;
}

static void redirect(graph *g, node_id from, node_id to)
{
  for (int i = 0; i < g->n; i++)
    for (int k = 0; k < g->nodes[i]->n_in; k++)
      if (g->nodes[i]->in[k].node == from) g->nodes[i]->in[k].node = to;
}

void fuse_activations(graph *g)
{
  for (int i = 0; i < g->n; i++) {
    node *act = g->nodes[i];
    if (act->op != &op_activation || act->keep || act->in[0].hold) continue;
    node *affine = g->nodes[act->in[0].node];
    int kind = ((const activation_attr *)act->attr)->activation;
    if (affine->op != &op_affine || affine->keep || activation_table[kind].needs_input ||
        ((const affine_attr *)affine->attr)->activation >= 0 || count_readers(g, affine->id) != 1)
      continue;
    ((affine_attr *)affine->attr)->activation = kind; /* the graph's own copy */
    redirect(g, act->id, affine->id);
  }
}

/* Data, with or without what else the layer is given; only a run knows how many of them are 0. */
static bool carries_data(const graph *g, const node *x)
{
  if (x->op == &op_input) return true;
  for (int k = 0; x->op == &op_concat && k < x->n_in; k++)
    if (carries_data(g, g->nodes[x->in[k].node])) return true;
  return false;
}

elbo_status skip_zeros_of_data(graph *g, error *e)
{
  enum { WORTH = 64 }; /* inputs and outputs below which looking for zeros costs what it saves */
  for (int i = 0; i < g->n; i++) {
    node *n = g->nodes[i];
    if (n->op != &op_affine) continue;
    const node *x = g->nodes[n->in[0].node];
    if (!carries_data(g, x) || x->shape.cols < WORTH || n->shape.cols < WORTH) continue;
    n->op = &op_affine_nonzeros;
    if (n->op->shape(g, n, e)) return e->status;
  }
  return ELBO_DONE;
}
