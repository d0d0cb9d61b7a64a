/* SPDX-License-Identifier: GPL-3.0-or-later */
/* convert and seen: from the form a value is drawn in to the form that a density or a network
 * wants. */
#include "dist/ops.h"
#include "graph/vec.h"

#include <math.h>

static int row_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return parts_for(12.0 * (double)rows * (double)n->shape.cols, rows);
}

/* ---- convert */
static elbo_status convert_shape(const graph *g, node *n, error *e)
{
  (void)e;
  n->shape = graph_node(g, n->in[0].node)->shape;
  return ELBO_DONE;
}

static void convert_forward(run *r, const node *n, int part, int parts)
{
  const convert_attr *a = n->attr;
  const node *x = in_node(r, n, 0);
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t i = from; i < to; i++)
    value_convert_f32(r->env.level, a->from, a->to, n->shape.cols, node_value(r, x) + i * x->ld,
                      node_value(r, n) + i * n->ld);
}

/* In place over the node's own gradient, which nobody reads afterwards. */
static void convert_vjp(run *r, const node *n, int part, int parts)
{
  const convert_attr *a = n->attr;
  const node *x = in_node(r, n, 0);
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t i = from; i < to; i++) {
    float *g = node_grad(r, n) + i * n->ld;
    value_convert_back_f32(r->env.level, a->from, a->to, n->shape.cols,
                           node_value(r, x) + i * x->ld, node_value(r, n) + i * n->ld, g, g);
    vec_put(r->env.level, n->shape.cols, 1, g, node_grad(r, x) + i * x->ld, n->in[0].accumulate);
  }
}

const op op_convert = {
  .name = "convert",
  .in_min = 1,
  .in_max = 1,
  .shape = convert_shape,
  .forward = { { row_parts, convert_forward } },
  .vjp = { { row_parts, convert_vjp } },
  .vjp_reads_input = true,
  .vjp_reads_value = true,
};

/* ---- seen */
static elbo_status seen_shape(const graph *g, node *n, error *e)
{
  const seen_attr *a = n->attr;
  (void)e;
  n->shape = graph_node(g, n->in[0].node)->shape;
  n->shape.cols *= a->seen == ELBO_SEEN_ONE_HOT ? (size_t)a->K : 2;
  return ELBO_DONE;
}

static void see_row(const seen_attr *a, size_t d, const float *x, float *y)
{
  for (size_t j = 0; j < d; j++)
    if (a->seen == ELBO_SEEN_CIRCLE) {
      y[2 * j] = cosf(x[j]);
      y[2 * j + 1] = sinf(x[j]);
    } else {
      for (int k = 0; k < a->K; k++) y[j * (size_t)a->K + (size_t)k] = x[j] == (float)k;
    }
}

static void seen_forward(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t i = from; i < to; i++)
    see_row(n->attr, x->shape.cols, node_value(r, x) + i * x->ld, node_value(r, n) + i * n->ld);
}

/* d(cos, sin) = (-sin, cos); an index has no derivative: 0. */
static void seen_vjp(run *r, const node *n, int part, int parts)
{
  const seen_attr *a = n->attr;
  const node *x = in_node(r, n, 0);
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t i = from; i < to; i++) {
    const float *g = node_grad(r, n) + i * n->ld, *y = node_value(r, n) + i * n->ld;
    float *dx = node_grad(r, x) + i * x->ld;
    for (size_t j = 0; j < x->shape.cols; j++) {
      float v = a->seen == ELBO_SEEN_CIRCLE ? g[2 * j + 1] * y[2 * j] - g[2 * j] * y[2 * j + 1] : 0;
      dx[j] = n->in[0].accumulate ? dx[j] + v : v;
    }
  }
}

const op op_seen = {
  .name = "seen",
  .in_min = 1,
  .in_max = 1,
  .shape = seen_shape,
  .forward = { { row_parts, seen_forward } },
  .vjp = { { row_parts, seen_vjp } },
  .vjp_reads_value = true,
};

const op *const dist_ops[] = {
  &op_enumerate, &op_log_prob,    &op_kl,
  &op_draw,      &op_mean,        &op_convert,
  &op_seen,      &op_temperature, &op_log_prob_relaxed,
  &op_harden,    &op_draw_given,  &op_mirror,
};
const int n_dist_ops = sizeof dist_ops / sizeof *dist_ops;
