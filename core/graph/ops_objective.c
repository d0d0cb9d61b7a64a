/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last two nodes: terms per row, and their mean over the batch. Sums are in double, one thread:
 * a few hundred numbers. */
#include "graph/inside.h"
#include "graph/ops.h"

static elbo_status terms_shape(const graph *g, node *n, error *e)
{
  for (int i = 0; i < n->n_in; i++) {
    const node *t = graph_node(g, n->in[i].node);
    if (t->shape.cols != 1 || (t->shape.axis == AXIS_FIXED && t->shape.rows != 1))
      return fail(e, ELBO_E_USAGE,
                  "%s: the term %s has %zu columns and %zu fixed rows, expected one number a row",
                  n->name, t->name, t->shape.cols, t->shape.rows);
  }
  n->shape = (shape){ AXIS_BATCH, 0, 1 };
  return ELBO_DONE;
}

static double term_factor(const run *r, const node *n, int i)
{
  const terms_attr *a = n->attr;
  double c = a->term[i].coefficient * (a->term[i].weighted ? r->args.kl_weight : 1);
  return in_node(r, n, i)->shape.axis == AXIS_SAMPLE ? c / (double)r->samples : c;
}

static void terms_forward(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  for (size_t b = 0; b < r->batch; b++) {
    double sum = 0;
    for (int i = 0; i < n->n_in; i++) {
      const node *t = in_node(r, n, i);
      size_t have = rows_of(r, t->shape);
      for (size_t row = have == 1 ? 0 : b; row < have; row += r->batch)
        sum += term_factor(r, n, i) * (double)node_value(r, t)[row * t->ld];
    }
    node_value(r, n)[b] = (float)sum;
  }
}

static void terms_vjp(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  const float *g = node_grad(r, n);
  for (int i = 0; i < n->n_in; i++) {
    const node *t = in_node(r, n, i);
    if (!n->in[i].wants_grad) continue;
    float c = (float)term_factor(r, n, i), *dst = node_grad(r, t);
    size_t have = rows_of(r, t->shape), rows = have == 1 ? r->batch : have;
    for (size_t row = 0; row < rows; row++) {
      size_t to = have == 1 ? 0 : row;
      float v = c * g[row % r->batch];
      dst[to * t->ld] = n->in[i].accumulate || (have == 1 && row) ? dst[to * t->ld] + v : v;
    }
  }
}

const op op_terms = {
  .name = "terms",
  .in_min = 1,
  .in_max = NODE_MAX_IN,
  .shape = terms_shape,
  .forward = { { NULL, terms_forward } },
  .vjp = { { NULL, terms_vjp } },
};

static elbo_status objective_shape(const graph *g, node *n, error *e)
{
  const node *rows = graph_node(g, n->in[0].node);
  if (rows->shape.axis != AXIS_BATCH || rows->shape.cols != 1)
    return fail(e, ELBO_E_USAGE, "%s: %s is not one number for each row of the batch", n->name,
                rows->name);
  for (int i = 1; i < n->n_in; i++) {
    const node *t = graph_node(g, n->in[i].node);
    if (t->shape.axis != AXIS_FIXED)
      return fail(e, ELBO_E_USAGE, "%s: %s depends on the batch", n->name, t->name);
    if (t->shape.cols != 1)
      return fail(e, ELBO_E_USAGE, "%s: %s has %zu columns, expected one number a row", n->name,
                  t->name, t->shape.cols);
  }
  n->shape = (shape){ AXIS_FIXED, 1, 1 };
  return ELBO_DONE;
}

static double sum_rows(const run *r, const node *t)
{
  double sum = 0;
  for (size_t row = 0, rows = rows_of(r, t->shape); row < rows; row++)
    sum += (double)node_value(r, t)[row * t->ld];
  return sum;
}

static void objective_forward(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  double sum = sum_rows(r, in_node(r, n, 0)) / (double)r->batch;
  for (int i = 1; i < n->n_in; i++)
    sum += ((const objective_attr *)n->attr)->scale * sum_rows(r, in_node(r, n, i));
  *node_value(r, n) = (float)sum;
}

static void objective_vjp(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  float g = *node_grad(r, n);
  for (int i = 0; i < n->n_in; i++) {
    const node *t = in_node(r, n, i);
    if (!n->in[i].wants_grad) continue;
    float v = g * (float)(i ? ((const objective_attr *)n->attr)->scale : 1 / (double)r->batch);
    for (size_t row = 0, rows = rows_of(r, t->shape); row < rows; row++) {
      float *at = node_grad(r, t) + row * t->ld;
      *at = n->in[i].accumulate ? *at + v : v;
    }
  }
}

const op op_objective = {
  .name = "objective",
  .in_min = 1,
  .in_max = NODE_MAX_IN,
  .shape = objective_shape,
  .forward = { { NULL, objective_forward } },
  .vjp = { { NULL, objective_vjp } },
};

const op *const graph_ops[] = {
  &op_param, &op_input,   &op_constant, &op_affine,     &op_affine_nonzeros, &op_activation,
  &op_slice, &op_repeat,  &op_concat,   &op_dropout,    &op_terms,           &op_objective,
  &op_sum,   &op_weights, &op_bound,    &op_scale_path,
};
const int n_graph_ops = sizeof graph_ops / sizeof *graph_ops;
