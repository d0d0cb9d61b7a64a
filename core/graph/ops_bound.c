/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What K samples of f = log w make: f itself, the weights that an estimator gives each sample's
 * gradients, the row's bound, and a node that scales the gradient of a path. A rule
 * (infer/estimators) says how; here is where the numbers lie: sample k of row b at k B + b. */
#include "graph/inside.h"
#include "graph/ops.h"

static int one_row_parts(const run *r, const node *n)
{
  (void)n;
  return parts_for(20.0 * (double)r->batch * (double)r->samples, r->batch);
}

static samples_view samples_of(const run *r, const node *n, int i, size_t b)
{
  const node *x = in_node(r, n, i);
  return (samples_view){ node_value(r, x) + b * x->ld, r->batch * x->ld, r->samples };
}

/* ---- sum: f [K B][1], the terms with their coefficients, broadcast to the samples */
static elbo_status sum_shape(const graph *g, node *n, error *e)
{
  for (int i = 0; i < n->n_in; i++) {
    const node *t = graph_node(g, n->in[i].node);
    if (t->shape.cols != 1 || (t->shape.axis == AXIS_FIXED && t->shape.rows != 1))
      return fail(e, ELBO_E_USAGE, "%s: the term %s has %zu columns, expected one number a row",
                  n->name, t->name, t->shape.cols);
  }
  n->shape = (shape){ AXIS_SAMPLE, 0, 1 };
  return ELBO_DONE;
}

static double coefficient(const run *r, const node *n, int i)
{
  const terms_attr *a = n->attr;
  return (double)a->term[i].coefficient * (a->term[i].weighted ? r->args.kl_weight : 1);
}

static void sum_forward(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  for (size_t row = 0, rows = rows_of(r, n->shape); row < rows; row++) {
    double sum = 0;
    for (int i = 0; i < n->n_in; i++) {
      const node *t = in_node(r, n, i);
      sum += coefficient(r, n, i) * (double)node_value(r, t)[row % rows_of(r, t->shape) * t->ld];
    }
    node_value(r, n)[row] = (float)sum;
  }
}

static void sum_vjp(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  const float *g = node_grad(r, n);
  for (int i = 0; i < n->n_in; i++) {
    const node *t = in_node(r, n, i);
    size_t have = rows_of(r, t->shape);
    float c = (float)coefficient(r, n, i);
    if (!n->in[i].wants_grad) continue;
    for (size_t row = 0, rows = rows_of(r, n->shape); row < rows; row++) {
      float *to = node_grad(r, t) + row % have * t->ld;
      *to = n->in[i].accumulate || row >= have ? *to + c * g[row] : c * g[row];
    }
  }
}

const op op_sum = {
  .name = "sum",
  .in_min = 1,
  .in_max = NODE_MAX_IN,
  .shape = sum_shape,
  .forward = { { NULL, sum_forward } },
  .vjp = { { NULL, sum_vjp } },
};

/* Row b as the rules see it; what stands beside f begins with input `beside`. */
static row_samples row_of(const run *r, const node *n, int beside, size_t b)
{
  const bound_attr *a = n->attr;
  row_samples s = {
    .f = samples_of(r, n, 0, b), .baseline = r->args.baseline, .scale = a->scale, .draws = a->draws
  };
  if (n->n_in > beside) s.log_q = samples_of(r, n, beside, b);
  if (n->n_in > beside + 2) s.given = samples_of(r, n, beside + 2, b);
  return s;
}

/* ---- weights: a column for each input; looked at, never differentiated */
static elbo_status weights_shape(const graph *g, node *n, error *e)
{
  (void)g, (void)e;
  n->shape = (shape){ AXIS_SAMPLE, 0, (size_t)n->n_in };
  return ELBO_DONE;
}

static void weights_forward(run *r, const node *n, int part, int parts)
{
  const bound_attr *a = n->attr;
  size_t from, to;
  part_range(r->batch, 1, part, parts, &from, &to);
  for (size_t b = from; b < to; b++) {
    row_samples s = row_of(r, n, 1, b);
    float *w = node_value(r, n) + b * n->ld;
    a->objective->path(&s, w, r->batch * n->ld);
    if (a->score) a->score(&s, w + 1, r->batch * n->ld);
  }
}

const op op_weights = {
  .name = "weights",
  .in_min = 1,
  .in_max = 4,
  .shape = weights_shape,
  .forward = { { one_row_parts, weights_forward } },
};

/* ---- bound: [B][1]. Each input but the weights is delivered its column of them: it is the
   estimator's gradient, not the derivative of the value. */
static elbo_status bound_shape(const graph *g, node *n, error *e)
{
  (void)g, (void)e;
  n->shape = (shape){ AXIS_BATCH, 0, 1 };
  return ELBO_DONE;
}

static void bound_forward(run *r, const node *n, int part, int parts)
{
  const bound_attr *a = n->attr;
  size_t from, to;
  part_range(r->batch, 1, part, parts, &from, &to);
  for (size_t b = from; b < to; b++) {
    row_samples s = row_of(r, n, 2, b);
    node_value(r, n)[b] = (float)a->objective->value(&s);
  }
}

static void deliver(run *r, const node *n, int i, int column)
{
  const node *to = in_node(r, n, i), *w = in_node(r, n, 1);
  const float *g = node_grad(r, n);
  if (!n->in[i].wants_grad) return;
  for (size_t row = 0, rows = rows_of(r, to->shape); row < rows; row++) {
    float v = g[row % r->batch] * node_value(r, w)[row * w->ld + (size_t)column];
    float *at = node_grad(r, to) + row * to->ld;
    *at = n->in[i].accumulate ? *at + v : v;
  }
}

static void bound_vjp(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  deliver(r, n, 0, 0);
  for (int i = 2; i < n->n_in; i++) deliver(r, n, i, i - 1);
}

const op op_bound = {
  .name = "bound",
  .in_min = 2,
  .in_max = 5,
  .shape = bound_shape,
  .forward = { { one_row_parts, bound_forward } },
  .vjp = { { NULL, bound_vjp } },
  .vjp_reads_input = true,
};

/* ---- scale_path: the value as it is; its gradient times the path's weight of the row (Tucker et
 * al. 2019, eq. 8) */
static elbo_status scale_shape(const graph *g, node *n, error *e)
{
  (void)e;
  n->shape = graph_node(g, n->in[0].node)->shape;
  return ELBO_DONE;
}

static int scale_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return parts_for((double)rows * (double)n->shape.cols, rows);
}

static void scale_forward(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t row = from; row < to; row++)
    for (size_t j = 0; j < n->shape.cols; j++)
      node_value(r, n)[row * n->ld + j] = node_value(r, x)[row * x->ld + j];
}

static void scale_vjp(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0),
             *w = graph_node(r->graph, ((const scale_attr *)n->attr)->weights);
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t row = from; row < to; row++) {
    float c = node_value(r, w)[row * w->ld];
    for (size_t j = 0; j < n->shape.cols; j++) {
      float *at = node_grad(r, x) + row * x->ld + j, v = c * node_grad(r, n)[row * n->ld + j];
      *at = n->in[0].accumulate ? *at + v : v;
    }
  }
}

const op op_scale_path = {
  .name = "scale_path",
  .in_min = 1,
  .in_max = 1,
  .shape = scale_shape,
  .forward = { { scale_parts, scale_forward } },
  .vjp = { { scale_parts, scale_vjp } },
};
