/* SPDX-License-Identifier: GPL-3.0-or-later */
/* affine: y = f(x W^T + b), the activation f joined in where fuse.c could; and the activation
 * alone.
 *
 * Products are cut into a fixed number of pieces, each one call of the backend on one thread: in
 * forward and for the input's gradient along whichever of rows and columns is longer, for the
 * weights' gradient along the rows of W. Where x is data, both products that read it visit only its
 * non-zeros, if a batch has few. */
#include "graph/activation.h"
#include "graph/inside.h"
#include "graph/nonzeros.h"
#include "graph/ops.h"
#include "graph/vec.h"

/* ---- shapes */
static elbo_status affine_shape(const graph *g, node *n, error *e)
{
  const node *x = graph_node(g, n->in[0].node), *w = graph_node(g, n->in[1].node),
             *b = graph_node(g, n->in[2].node);
  if (w->shape.axis != AXIS_FIXED || w->shape.cols != x->shape.cols)
    return fail(e, ELBO_E_USAGE, "%s: the weight is [%zu, %zu], but %s gives %zu numbers", n->name,
                w->shape.rows, w->shape.cols, x->name, x->shape.cols);
  if (b->shape.axis != AXIS_FIXED || b->shape.rows != 1 || b->shape.cols != w->shape.rows)
    return fail(e, ELBO_E_USAGE, "%s: the bias is [%zu, %zu], expected [1, %zu]", n->name,
                b->shape.rows, b->shape.cols, w->shape.rows);
  n->shape = (shape){ x->shape.axis, x->shape.rows, w->shape.rows };
  return ELBO_DONE;
}

/* ---- where x is data: its non-zeros are marked in what forward saves, in each row the marks and
 * then their number. Whether a product goes by them is up to the batch, and to nothing else. */
static elbo_status nonzeros_shape(const graph *g, node *n, error *e)
{
  size_t words = nonzeros_words(graph_node(g, n->in[0].node)->shape.cols) + 1;
  n->saved_cols = words * sizeof(uint64_t) / sizeof(float);
  return affine_shape(g, n, e);
}

static nonzeros nonzeros_of(const run *r, const node *n, size_t from, size_t until)
{
  const node *x = in_node(r, n, 0);
  size_t words = nonzeros_words(x->shape.cols) + 1;
  return (nonzeros){ until - from,
                     x->shape.cols,
                     node_value(r, x) + from * x->ld,
                     (uint64_t *)node_saved(r, n) + from * words,
                     x->ld,
                     words };
}

static int mark_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return parts_for(0.5 * (double)rows * (double)in_node(r, n, 0)->shape.cols, rows);
}

static void affine_mark(run *r, const node *n, int part, int parts)
{
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  nonzeros z = nonzeros_of(r, n, from, to);
  for (size_t i = 0; i < z.rows; i++) {
    uint64_t *marks = (uint64_t *)z.marks + i * z.marks_ld;
    marks[z.marks_ld - 1] = nonzeros_mark(r->env.level, z.in, z.x + i * z.ld, marks);
  }
}

/* Numbers of x that a product by non-zeros leaves out; 0: too few are zeros, and the dense product
 * is faster. Measured, the two meet at four non-zeros of ten. */
static size_t zeros_left_out(const run *r, const node *n)
{
  nonzeros z = nonzeros_of(r, n, 0, rows_of(r, n->shape));
  size_t all = z.rows * z.in, count = 0;
  for (size_t i = 0; i < z.rows; i++) count += z.marks[(i + 1) * z.marks_ld - 1];
  return 4 * count <= all ? all - count : 0;
}

static bool by_nonzeros(const run *r, const node *n)
{
  return n->op == &op_affine_nonzeros && zeros_left_out(r, n);
}

static double flop_skipped(const run *r, const node *n, bool vjp)
{
  return vjp && !n->in[1].wants_grad ? 0
                                     : 2.0 * (double)n->shape.cols * (double)zeros_left_out(r, n);
}

/* ---- one product, in pieces */
enum { PRODUCT_UNIT = 16 };

/* Each piece packs anew the operand that it shares with the others, so a product is cut no finer
   than its work pays for; never by the number of threads. */
static int product_parts(double flop, size_t most)
{
  static const struct {
    double flop;
    int parts;
  } cuts[] = { { 500e6, 8 }, { 32e6, 4 }, { 8e6, 2 } };
  size_t units = (most + PRODUCT_UNIT - 1) / PRODUCT_UNIT;
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
    if (flop >= cuts[i].flop && units >= (size_t)cuts[i].parts) return cuts[i].parts;
  return 1;
}

static double product_flop(const run *r, const node *n)
{
  return 2.0 * (double)rows_of(r, n->shape) * (double)n->shape.cols *
         (double)in_node(r, n, 0)->shape.cols;
}

static bool along_rows(const run *r, size_t rows, size_t cols)
{
  (void)r;
  return rows > 2 * cols;
}

/* The piece of a [rows][cols] result that a part computes. */
typedef struct piece {
  size_t r0, r1, c0, c1;
} piece;
static piece piece_of(const run *r, size_t rows, size_t cols, int part, int parts)
{
  piece p = { 0, rows, 0, cols };
  if (along_rows(r, rows, cols))
    part_range(rows, PRODUCT_UNIT, part, parts, &p.r0, &p.r1);
  else
    part_range(cols, PRODUCT_UNIT, part, parts, &p.c0, &p.c1);
  return p;
}

static void product(const run *r, int ta, int tb, size_t m, size_t n, size_t k, const float *a,
                    size_t lda, const float *b, size_t ldb, int accumulate, float *c, size_t ldc)
{
  if (m && n)
    r->env.backend->sgemm(ta, tb, (int)m, (int)n, (int)k, 1, a, (int)lda, b, (int)ldb,
                          accumulate ? 1 : 0, c, (int)ldc);
}

/* ---- forward */
static int forward_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape), cols = n->shape.cols;
  return product_parts(product_flop(r, n), along_rows(r, rows, cols) ? rows : cols);
}

static void affine_forward(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0), *w = in_node(r, n, 1);
  const float *bias = node_value(r, in_node(r, n, 2));
  size_t in = x->shape.cols;
  piece p = piece_of(r, rows_of(r, n->shape), n->shape.cols, part, parts);
  const float *weights = node_value(r, w) + p.c0 * w->ld;
  float *y = node_value(r, n) + p.r0 * n->ld + p.c0;
  if (by_nonzeros(r, n)) {
    nonzeros z = nonzeros_of(r, n, p.r0, p.r1);
    nonzeros_forward(r->env.level, &z, p.c1 - p.c0, weights, w->ld, y, n->ld);
  } else
    product(r, 0, 1, p.r1 - p.r0, p.c1 - p.c0, in, node_value(r, x) + p.r0 * x->ld, x->ld, weights,
            w->ld, 0, y, n->ld);
  int kind = ((const affine_attr *)n->attr)->activation, level = r->env.level;
  for (size_t i = p.r0; i < p.r1; i++, y += n->ld) {
    vec_add(level, p.c1 - p.c0, y, bias + p.c0, y);
    if (kind >= 0) activation_table[kind].forward[level](p.c1 - p.c0, y, y);
  }
}

/* ---- vjp, first pass: through the activation, in place */
static int slope_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return ((const affine_attr *)n->attr)->activation < 0
             ? 1
             : parts_for(4.0 * (double)rows * (double)n->shape.cols, rows);
}

static void affine_slope(run *r, const node *n, int part, int parts)
{
  int kind = ((const affine_attr *)n->attr)->activation, level = r->env.level;
  size_t from, to;
  if (kind < 0) return;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t i = from; i < to; i++) {
    float *g = node_grad(r, n) + i * n->ld;
    activation_table[kind].backward[level](n->shape.cols, node_value(r, n) + i * n->ld, g, g);
  }
}

/* ---- vjp, second pass: dx = g W, dW = g^T x, db = the sum of g's rows; the pieces of both
 * products side by side */
static int input_parts(const run *r, const node *n)
{
  const node *x = in_node(r, n, 0);
  size_t rows = rows_of(r, n->shape), in = x->shape.cols;
  return n->in[0].wants_grad
             ? product_parts(product_flop(r, n), along_rows(r, rows, in) ? rows : in)
             : 0;
}

static int weight_parts(const run *r, const node *n)
{
  return n->in[1].wants_grad || n->in[2].wants_grad
             ? product_parts(product_flop(r, n), n->shape.cols)
             : 0;
}

static int vjp_parts(const run *r, const node *n)
{
  return input_parts(r, n) + weight_parts(r, n);
}

static void input_gradient(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0), *w = in_node(r, n, 1);
  piece p = piece_of(r, rows_of(r, n->shape), x->shape.cols, part, parts);
  product(r, 0, 0, p.r1 - p.r0, p.c1 - p.c0, n->shape.cols, node_grad(r, n) + p.r0 * n->ld, n->ld,
          node_value(r, w) + p.c0, w->ld, n->in[0].accumulate,
          node_grad(r, x) + p.r0 * x->ld + p.c0, x->ld);
}

static void weight_gradient(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0), *w = in_node(r, n, 1), *b = in_node(r, n, 2);
  size_t from, to, rows = rows_of(r, n->shape);
  part_range(n->shape.cols, PRODUCT_UNIT, part, parts, &from, &to);
  if (from == to) return;
  const float *g = node_grad(r, n) + from;
  if (n->in[1].wants_grad && by_nonzeros(r, n)) {
    nonzeros z = nonzeros_of(r, n, 0, rows);
    nonzeros_gradient(r->env.level, &z, to - from, g, n->ld, node_grad(r, w) + from * w->ld, w->ld,
                      n->in[1].accumulate);
  } else if (n->in[1].wants_grad)
    product(r, 1, 0, to - from, x->shape.cols, rows, g, n->ld, node_value(r, x), x->ld,
            n->in[1].accumulate, node_grad(r, w) + from * w->ld, w->ld);
  if (n->in[2].wants_grad)
    vec_column_sums(r->env.level, rows, to - from, g, n->ld, node_grad(r, b) + from,
                    n->in[2].accumulate);
}

/* The pieces of the two products take turns, so that any contiguous share of them has its part of
 * both: they take different times. */
static void affine_vjp(run *r, const node *n, int part, int parts)
{
  int inputs = input_parts(r, n), before = part * inputs / parts;
  if ((part + 1) * inputs / parts > before)
    input_gradient(r, n, before, inputs);
  else
    weight_gradient(r, n, part - before, parts - inputs);
}

static double vjp_flop(const run *r, const node *n)
{
  return product_flop(r, n) * (n->in[0].wants_grad + n->in[1].wants_grad);
}

const op op_affine = {
  .name = "affine",
  .in_min = 3,
  .in_max = 3,
  .shape = affine_shape,
  .forward = { { forward_parts, affine_forward } },
  .vjp = { { slope_parts, affine_slope }, { vjp_parts, affine_vjp } },
  .vjp_reads_input = true,
  .vjp_reads_value = true,
  .flop = product_flop,
  .vjp_flop = vjp_flop,
};

const op op_affine_nonzeros = {
  .name = "affine by non-zeros",
  .in_min = 3,
  .in_max = 3,
  .shape = nonzeros_shape,
  .forward = { { mark_parts, affine_mark }, { forward_parts, affine_forward } },
  .vjp = { { slope_parts, affine_slope }, { vjp_parts, affine_vjp } },
  .vjp_reads_input = true,
  .vjp_reads_value = true,
  .flop = product_flop,
  .vjp_flop = vjp_flop,
  .skipped = flop_skipped,
  .reads_saved = true,
};

/* ---- the activation alone */
static elbo_status activation_shape(const graph *g, node *n, error *e)
{
  (void)e;
  n->shape = graph_node(g, n->in[0].node)->shape;
  return ELBO_DONE;
}

static int activation_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return parts_for(4.0 * (double)rows * (double)n->shape.cols, rows);
}

static void activation_forward(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  const activation_kind *kind = &activation_table[((const activation_attr *)n->attr)->activation];
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t i = from; i < to; i++)
    kind->forward[r->env.level](n->shape.cols, node_value(r, x) + i * x->ld,
                                node_value(r, n) + i * n->ld);
}

/* The slope goes through the node's own gradient, which nobody reads afterwards, so that adding
 * needs no buffer. */
static void activation_vjp(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  const activation_kind *kind = &activation_table[((const activation_attr *)n->attr)->activation];
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t i = from; i < to; i++) {
    float *g = node_grad(r, n) + i * n->ld;
    const float *at =
        kind->needs_input ? node_value(r, x) + i * x->ld : node_value(r, n) + i * n->ld;
    kind->backward[r->env.level](n->shape.cols, at, g, g);
    vec_put(r->env.level, n->shape.cols, 1, g, node_grad(r, x) + i * x->ld, n->in[0].accumulate);
  }
}

const op op_activation = {
  .name = "activation",
  .in_min = 1,
  .in_max = 1,
  .shape = activation_shape,
  .forward = { { activation_parts, activation_forward } },
  .vjp = { { activation_parts, activation_vjp } },
  .vjp_reads_input = true,
  .vjp_reads_value = true,
};
