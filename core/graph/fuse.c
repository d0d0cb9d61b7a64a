/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fusing: an activation behind an affine that nobody else reads becomes the affine's epilogue, done
   while the tile is in cache. An activation whose derivative needs its input (gelu) stays apart:
   the affine would have overwritten it. */
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
