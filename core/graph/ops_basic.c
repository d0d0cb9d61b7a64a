/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Leaves, views, and what moves numbers without computing: param, input, constant, slice, repeat,
 * concat, dropout. */
#include "graph/inside.h"
#include "graph/ops.h"
#include "graph/vec.h"
#include "num/philox.h"

#include <string.h>

/* ---- leaves */
static elbo_status param_shape(const graph *g, node *n, error *e)
{
  (void)g, (void)e;
  n->shape = *(const shape *)n->attr;
  return ELBO_DONE;
}
const op op_param = { .name = "param", .shape = param_shape };

static elbo_status constant_shape(const graph *g, node *n, error *e)
{
  (void)g, (void)e;
  n->shape = ((const constant_attr *)n->attr)->shape;
  return ELBO_DONE;
}
const op op_constant = { .name = "constant", .shape = constant_shape };

static elbo_status input_shape(const graph *g, node *n, error *e)
{
  (void)g, (void)e;
  n->shape = ((const input_attr *)n->attr)->shape;
  return ELBO_DONE;
}

static int row_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return parts_for((double)rows * (double)n->shape.cols, rows);
}

static void input_forward(run *r, const node *n, int part, int parts)
{
  const feed *f = &r->args.feeds[((const input_attr *)n->attr)->feed];
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  if (from < to) f->rows(f->user, from, to - from, node_value(r, n) + from * n->ld);
}
const op op_input = { .name = "input",
                      .shape = input_shape,
                      .forward = { { row_parts, input_forward } } };

/* ---- slice: columns of the input, in place */
static elbo_status slice_shape(const graph *g, node *n, error *e)
{
  const slice_attr *a = n->attr;
  const node *x = graph_node(g, n->in[0].node);
  if (a->first + a->cols > x->shape.cols)
    return fail(e, ELBO_E_USAGE, "%s: columns %zu to %zu of %s, which has %zu", n->name, a->first,
                a->first + a->cols, x->name, x->shape.cols);
  n->shape = (shape){ x->shape.axis, x->shape.rows, a->cols };
  return ELBO_DONE;
}
const op op_slice = {
  .name = "slice", .in_min = 1, .in_max = 1, .shape = slice_shape, .alias = true
};

/* ---- repeat: y = [x x .. x] */
static elbo_status repeat_shape(const graph *g, node *n, error *e)
{
  (void)e;
  n->shape = graph_node(g, n->in[0].node)->shape;
  n->shape.cols *= ((const repeat_attr *)n->attr)->times;
  return ELBO_DONE;
}

static void repeat_forward(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  size_t from, to, cols = x->shape.cols;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t row = from; row < to; row++)
    for (size_t at = 0; at < n->shape.cols; at += cols)
      memcpy(node_value(r, n) + row * n->ld + at, node_value(r, x) + row * x->ld,
             cols * sizeof(float));
}

static void repeat_vjp(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  size_t from, to, cols = x->shape.cols;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t row = from; row < to; row++)
    for (size_t at = 0; at < n->shape.cols; at += cols)
      vec_put(r->env.level, cols, 1, node_grad(r, n) + row * n->ld + at,
              node_grad(r, x) + row * x->ld, n->in[0].accumulate || at);
}
const op op_repeat = {
  .name = "repeat",
  .in_min = 1,
  .in_max = 1,
  .shape = repeat_shape,
  .forward = { { row_parts, repeat_forward } },
  .vjp = { { row_parts, repeat_vjp } },
};

/* ---- concat: [x0 x1 ..], rows broadcast */
static elbo_status concat_shape(const graph *g, node *n, error *e)
{
  n->shape = (shape){ AXIS_FIXED, 1, 0 };
  for (int i = 0; i < n->n_in; i++) {
    const node *x = graph_node(g, n->in[i].node);
    if (x->shape.axis == AXIS_FIXED && x->shape.rows != 1)
      return fail(e, ELBO_E_USAGE, "%s: %s has %zu fixed rows and can't stand beside a batch",
                  n->name, x->name, x->shape.rows);
    if (x->shape.axis > n->shape.axis) n->shape.axis = x->shape.axis;
    n->shape.cols += x->shape.cols;
  }
  n->shape.rows = n->shape.axis == AXIS_FIXED;
  return ELBO_DONE;
}

static void concat_forward(run *r, const node *n, int part, int parts)
{
  size_t from, to, at = 0;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (int i = 0; i < n->n_in; at += in_node(r, n, i)->shape.cols, i++) {
    const node *x = in_node(r, n, i);
    size_t have = rows_of(r, x->shape);
    for (size_t row = from; row < to; row++)
      memcpy(node_value(r, n) + row * n->ld + at, node_value(r, x) + row % have * x->ld,
             x->shape.cols * sizeof(float));
  }
}

static int one_part(const run *r, const node *n)
{
  (void)r, (void)n;
  return 1;
}

static void concat_vjp(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  size_t at = 0;
  for (int i = 0; i < n->n_in; at += in_node(r, n, i)->shape.cols, i++) {
    const node *x = in_node(r, n, i);
    size_t have = rows_of(r, x->shape);
    if (!n->in[i].wants_grad) continue;
    for (size_t row = 0, rows = rows_of(r, n->shape); row < rows; row++)
      vec_put(r->env.level, x->shape.cols, 1, node_grad(r, n) + row * n->ld + at,
              node_grad(r, x) + row % have * x->ld, n->in[i].accumulate || row >= have);
  }
}
const op op_concat = {
  .name = "concat",
  .in_min = 1,
  .in_max = NODE_MAX_IN,
  .shape = concat_shape,
  .forward = { { row_parts, concat_forward } },
  .vjp = { { one_part, concat_vjp } },
};

/* ---- dropout: the mask is drawn again in the vjp, not kept */
static elbo_status dropout_shape(const graph *g, node *n, error *e)
{
  const dropout_attr *a = n->attr;
  if (!(a->p >= 0 && a->p < 1))
    return fail(e, ELBO_E_USAGE, "%s: dropout %g is not a probability below 1", n->name, a->p);
  n->shape = graph_node(g, n->in[0].node)->shape;
  return ELBO_DONE;
}

static void dropout_row(const run *r, const node *n, size_t row, const float *x, float *y, int add)
{
  const dropout_attr *a = n->attr;
  float keep = r->args.training ? (float)(1 / (1 - a->p)) : 1;
  elbo_noise_row noise = { .key = philox_make_key(r->env.seed, a->stream),
                           .row = noise_row(r, n->shape, row),
                           .step = (uint32_t)r->args.step,
                           .level = r->env.level };
  enum { BLOCK = 256 };
  float u[BLOCK];
  for (size_t from = 0; from < n->shape.cols; from += BLOCK) {
    size_t m = n->shape.cols - from < BLOCK ? n->shape.cols - from : BLOCK;
    noise.first = (uint32_t)from;
    if (r->args.training) noise_row_uniform(&noise, m, u);
    for (size_t j = 0; j < m; j++) {
      float v = r->args.training && u[j] < (float)a->p ? 0 : x[from + j] * keep;
      y[from + j] = add ? y[from + j] + v : v;
    }
  }
}

static void dropout_forward(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t row = from; row < to; row++)
    dropout_row(r, n, row, node_value(r, x) + row * x->ld, node_value(r, n) + row * n->ld, 0);
}

static void dropout_vjp(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t row = from; row < to; row++)
    dropout_row(r, n, row, node_grad(r, n) + row * n->ld, node_grad(r, x) + row * x->ld,
                n->in[0].accumulate);
}
const op op_dropout = {
  .name = "dropout",
  .in_min = 1,
  .in_max = 1,
  .shape = dropout_shape,
  .forward = { { row_parts, dropout_forward } },
  .vjp = { { row_parts, dropout_vjp } },
};
