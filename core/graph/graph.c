/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Building: nodes, parameters, names. Everything lives in one arena that dies with the graph. */
#include "graph/inside.h"
#include "graph/ops.h"

#include <string.h>

graph *graph_new(error *e)
{
  arena *a = arena_new(e);
  graph *g = a ? arena_get(a, 1, sizeof *g, e) : NULL;
  if (!g) {
    arena_free(a);
    return NULL;
  }
  g->arena = a;
  return g;
}

void graph_free(graph *g)
{
  if (!g) return;
  mem_free(g->nodes);
  mem_free(g->tensors);
  arena_free(g->arena);
}

arena *graph_arena(graph *g)
{
  return g->arena;
}
int graph_size(const graph *g)
{
  return g->n;
}
const node *graph_node(const graph *g, node_id id)
{
  return g->nodes[id];
}
node *graph_node_mutable(graph *g, node_id id)
{
  return g->nodes[id];
}
void graph_keep(graph *g, node_id id)
{
  g->nodes[id]->keep = true;
}
int graph_tensor_count(const graph *g)
{
  return g->n_tensors;
}
const named_tensor *graph_tensor(const graph *g, int i)
{
  return &g->tensors[i];
}
size_t graph_param_floats(const graph *g)
{
  return g->param_floats;
}
size_t graph_param_count(const graph *g)
{
  return g->param_count;
}
size_t graph_arena_bytes(const graph *g)
{
  return g->arena_floats * sizeof(float);
}

static elbo_status set_inputs(graph *g, node *n, const node_id *in, int n_in, error *e)
{
  n->in = arena_get(g->arena, (size_t)(n_in ? n_in : 1), sizeof *n->in, e);
  if (!n->in) return e->status;
  for (int i = 0; i < n_in; i++) {
    bool hold = in[i] < NODE_NONE;
    n->in[i] = (edge){ .node = hold ? -in[i] - 2 : in[i], .hold = hold };
  }
  n->n_in = n_in;
  return ELBO_DONE;
}

static elbo_status set_attr(graph *g, node *n, const void *attr, size_t size, error *e)
{
  n->attr = attr;
  if (!size) return ELBO_DONE;
  void *copy = arena_get(g->arena, 1, size, e);
  if (!copy) return e->status;
  memcpy(copy, attr, size);
  n->attr = copy;
  return ELBO_DONE;
}

node_id graph_add(graph *g, const op *o, const char *name, const node_id *in, int n_in,
                  const void *attr, size_t attr_size, error *e)
{
  for (int i = 0; i < n_in; i++)
    if (in[i] == NODE_NONE) return NODE_NONE;
  if (!name) return NODE_NONE; /* the arena that should hold it was out of memory: e says so */
  if (n_in < o->in_min || n_in > o->in_max) {
    fail(e, ELBO_E_USAGE, "%s (%s): %d inputs, expected %d to %d", name, o->name, n_in, o->in_min,
         o->in_max);
    return NODE_NONE;
  }
  if (mem_grow(&g->nodes, &g->room, (size_t)g->n + 1, sizeof *g->nodes, "the graph", e))
    return NODE_NONE;
  node *n = arena_get(g->arena, 1, sizeof *n, e);
  if (!n) return NODE_NONE;
  n->op = o;
  n->id = g->n;
  n->name = arena_string(g->arena, name, e);
  if (!n->name || set_inputs(g, n, in, n_in, e) || set_attr(g, n, attr, attr_size, e) ||
      o->shape(g, n, e))
    return NODE_NONE;
  if (!n->ld) n->ld = n->shape.cols;
  g->nodes[g->n] = n;
  return g->n++;
}

node_id graph_param(graph *g, const char *name, size_t rows, size_t cols, error *e)
{
  size_t floats, bytes;
  if (!mem_size(rows, cols, &floats) || !mem_size(floats + 16, sizeof(float), &bytes)) {
    fail(e, ELBO_E_MEMORY, "%s: a parameter of %zu x %zu numbers is too large", name, rows, cols);
    return NODE_NONE;
  }
  shape s = { AXIS_FIXED, rows, cols };
  node_id id = graph_add(g, &op_param, name, NULL, 0, &s, sizeof s, e);
  if (id == NODE_NONE) return id;
  g->nodes[id]->value_at = g->param_floats;
  g->param_floats += (floats + 15) / 16 * 16;
  g->param_count += floats;
  return id;
}

elbo_status graph_name_tensor(graph *g, const named_tensor *t, error *e)
{
  if (mem_grow(&g->tensors, &g->tensor_room, (size_t)g->n_tensors + 1, sizeof *g->tensors,
               "the graph", e))
    return e->status;
  named_tensor *to = &g->tensors[g->n_tensors];
  *to = *t;
  to->at += g->nodes[t->node]->value_at;
  to->name = arena_string(g->arena, t->name, e);
  if (!to->name) return e->status;
  g->n_tensors++;
  return ELBO_DONE;
}

node_id graph_input(graph *g, const char *name, int feed_index, axis a, size_t cols, error *e)
{
  input_attr attr = { .feed = feed_index, .shape = { a, a == AXIS_FIXED, cols } };
  return graph_add(g, &op_input, name, NULL, 0, &attr, sizeof attr, e);
}

node_id graph_constant(graph *g, const char *name, const float *values, size_t rows, size_t cols,
                       error *e)
{
  float *copy = arena_get(g->arena, rows * cols, sizeof *copy, e);
  if (!copy) return NODE_NONE;
  memcpy(copy, values, rows * cols * sizeof *copy);
  constant_attr attr = { .values = copy, .shape = { AXIS_FIXED, rows, cols } };
  return graph_add(g, &op_constant, name, NULL, 0, &attr, sizeof attr, e);
}
