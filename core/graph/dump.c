/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "graph/activation.h"
#include "graph/inside.h"
#include "graph/ops.h"

static void add_shape(shape s, text *t)
{
  if (s.axis == AXIS_FIXED)
    text_format(t, "[%zu, %zu]", s.rows, s.cols);
  else
    text_format(t, s.axis == AXIS_BATCH ? "[B, %zu]" : "[K B, %zu]", s.cols);
}

/* "affine", or "affine, tanh" where an activation is joined in. */
static void add_op(const node *n, text *t)
{
  int kind = n->op == &op_affine || n->op == &op_affine_nonzeros
                 ? ((const affine_attr *)n->attr)->activation
                 : -1;
  text_format(t, kind < 0 ? "%s" : "%s, %s", n->op->name,
              kind < 0 ? "" : activation_table[kind].name);
}

static void dump_line(const graph *g, const node *n, text *t)
{
  size_t from = t->n;
  text_format(t, "%4d  %-28s ", n->id, n->name);
  add_op(n, t);
  while (!t->failed && t->n < from + 52) text_add(t, " ");
  text_add(t, " ");
  add_shape(n->shape, t);
  for (int k = 0; k < n->n_in; k++)
    text_format(t, "%s%s%d", k ? ", " : "  <- ", n->in[k].hold ? "held " : "", n->in[k].node);
  bool leaf = n->op == &op_param || n->op == &op_constant || n->op->alias;
  if (!leaf) text_format(t, "  %zu bytes", full_rows(g, n->shape) * n->shape.cols * sizeof(float));
  if (n->saved_cols && (g->options.train || n->op->reads_saved))
    text_format(t, " + %zu saved", full_rows(g, n->shape) * n->saved_cols * sizeof(float));
  text_add(t, "\n");
}

static void dump_dot_node(const node *n, text *t)
{
  text_format(t, "  n%d [label=\"%s\\n", n->id, n->name);
  add_op(n, t);
  text_add(t, " ");
  add_shape(n->shape, t);
  text_format(t, "\"%s];\n",
              n->op == &op_param   ? ", shape=box"
              : n->op == &op_input ? ", shape=invhouse"
                                   : "");
  for (int k = 0; k < n->n_in; k++)
    text_format(t, "  n%d -> n%d%s;\n", n->in[k].node, n->id,
                n->in[k].hold ? " [style=dashed]" : "");
}

void graph_dump(const graph *g, bool dot, text *out)
{
  if (dot) text_add(out, "digraph elbo {\n  rankdir=TB;\n  node [fontname=\"sans-serif\"];\n");
  for (int i = 0; i < g->n; i++) {
    if (!g->live[i]) continue;
    if (dot)
      dump_dot_node(g->nodes[i], out);
    else
      dump_line(g, g->nodes[i], out);
  }
  if (dot)
    text_add(out, "}\n");
  else
    text_format(out, "B %zu, K %zu; arena %zu bytes; %zu learned numbers\n", g->options.batch,
                g->options.samples, graph_arena_bytes(g), g->param_count);
}
