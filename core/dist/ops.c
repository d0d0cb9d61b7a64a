/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log_prob, kl and mean: a block of rows goes to a batch kernel; gradients are kept for the vjp,
 * which scales and reduces them. */
#include "dist/ops_inside.h"

/* Rows of input i as node n's rows see them, from row `row` on: one row for all, the batch again
 * for each sample, or row by row. */
elbo_rows ops_view(const run *r, const node *n, int i, size_t row)
{
  const node *x = in_node(r, n, i);
  const float *at = node_value(r, x);
  size_t have = rows_of(r, x->shape);
  if (have == 1) return (elbo_rows){ at, 0 };
  return (elbo_rows){ at + row % have * x->ld, x->ld };
}

/* The shape of one number a row along the largest axis of the inputs; saved: a float for each
 * number of each input. */
elbo_status ops_row_shape(const graph *g, node *n, error *e)
{
  n->shape = (shape){ AXIS_FIXED, 1, 1 };
  n->saved_cols = 0;
  for (int i = 0; i < n->n_in; i++) {
    const node *x = graph_node(g, n->in[i].node);
    if (x->shape.axis > n->shape.axis) n->shape.axis = x->shape.axis;
    if (x->shape.axis == AXIS_FIXED && x->shape.rows > n->shape.rows) n->shape.rows = x->shape.rows;
    n->saved_cols += x->shape.cols;
  }
  for (int i = 0; i < n->n_in; i++) {
    const node *x = graph_node(g, n->in[i].node);
    if (x->shape.axis == AXIS_FIXED && x->shape.rows != 1 &&
        (n->shape.axis != AXIS_FIXED || x->shape.rows != n->shape.rows))
      return fail(e, ELBO_E_USAGE, "%s: %s has %zu rows, which match nothing", n->name, x->name,
                  x->shape.rows);
  }
  if (n->shape.axis != AXIS_FIXED) n->shape.rows = 0;
  return ELBO_DONE;
}

elbo_status ops_check_cols(const graph *g, const node *n, int i, size_t cols, const char *what,
                           error *e)
{
  const node *x = graph_node(g, n->in[i].node);
  if (x->shape.cols == cols) return ELBO_DONE;
  return fail(e, ELBO_E_USAGE, "%s: %s %s has %zu numbers a row, expected %zu", n->name, what,
              x->name, x->shape.cols, cols);
}

elbo_status ops_check_params(const graph *g, const node *n, int first, const family_use *u,
                             size_t d, error *e)
{
  for (uint32_t p = 0; p < u->family->n_params; p++)
    if (ops_check_cols(g, n, first + (int)p, d * (size_t)u->width[p], u->family->params[p].name, e))
      return e->status;
  return ELBO_DONE;
}

enum {
  KERNEL_WORK = 12
}; /* elementary operations of a kernel for a number: for the choice of parts */

int ops_row_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return parts_for((double)KERNEL_WORK * (double)rows * (double)n->saved_cols, rows);
}

bool ops_wants_saved(const node *n)
{
  return n->has_grad && n->needs_grad;
}

/* Delivers what is kept to every input that wants it, each in its own parts. */
int ops_deliver_parts(const run *r, const node *n)
{
  int parts = 1;
  for (int i = 0; i < n->n_in; i++) {
    int p = n->in[i].wants_grad ? reduce_parts(r, n, i) : 0;
    if (p > parts) parts = p;
  }
  return parts;
}

void ops_deliver(run *r, const node *n, const float *g, int part, int parts)
{
  for (int i = 0; i < n->n_in; i++)
    if (n->in[i].wants_grad) reduce_to_input(r, n, i, node_saved_of(r, n, i), g, part, parts);
}

void ops_deliver_scaled(run *r, const node *n, int part, int parts)
{
  ops_deliver(r, n, node_grad(r, n), part, parts);
}

/* Calls `block` for stretches of rows that do not cross from one sample to the next. */
void ops_for_blocks(run *r, const node *n, int part, int parts, ops_block *block)
{
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  while (from < to) {
    size_t until = to;
    if (n->shape.axis == AXIS_SAMPLE && (from / r->batch + 1) * r->batch < to)
      until = (from / r->batch + 1) * r->batch;
    elbo_rc rc = block(r, n, from, until - from);
    if (rc) run_plugin_failed(r, n, rc);
    from = until;
  }
}

/* ---- log_prob */
static const char *log_prob_plugin(const node *n)
{
  return ((const log_prob_attr *)n->attr)->family->family->name;
}

static elbo_status log_prob_shape(const graph *g, node *n, error *e)
{
  const log_prob_attr *a = n->attr;
  if (ops_check_cols(g, n, 0, a->d * (size_t)a->family->E, "the value", e) ||
      ops_check_params(g, n, 1, a->family, a->d, e))
    return e->status;
  return ops_row_shape(g, n, e);
}

static elbo_rc log_prob_block(run *r, const node *n, size_t row, size_t rows)
{
  const log_prob_attr *a = n->attr;
  elbo_rows w[FAMILY_MAX_PARAMS];
  float *dw[FAMILY_MAX_PARAMS], *dx = NULL;
  bool grads = ops_wants_saved(n);
  for (int i = 1; i < n->n_in; i++) {
    w[i - 1] = ops_view(r, n, i, row);
    dw[i - 1] = grads ? node_saved_of(r, n, i) + row * in_node(r, n, i)->shape.cols : NULL;
  }
  if (grads) dx = node_saved_of(r, n, 0) + row * in_node(r, n, 0)->shape.cols;
  return (a->between ? batch_log_prob_between
                     : batch_log_prob)(a->family, rows, a->d, ops_view(r, n, 0, row), w,
                                       node_value(r, n) + row, dx, grads ? dw : NULL);
}

static void log_prob_forward(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, log_prob_block);
}

const op op_log_prob = {
  .name = "log_prob",
  .plugin = log_prob_plugin,
  .in_min = 1,
  .in_max = 1 + FAMILY_MAX_PARAMS,
  .shape = log_prob_shape,
  .forward = { { ops_row_parts, log_prob_forward } },
  .vjp = { { ops_deliver_parts, ops_deliver_scaled } },
  .saves_gradients = true,
};

/* ---- kl */
static const char *kl_plugin(const node *n)
{
  return ((const kl_attr *)n->attr)->pair->q.family->name;
}

static elbo_status kl_shape(const graph *g, node *n, error *e)
{
  const kl_attr *a = n->attr;
  int nq = (int)a->pair->q.family->n_params;
  if (ops_check_params(g, n, 0, &a->pair->q, a->d, e) ||
      ops_check_params(g, n, nq, &a->pair->p, a->d, e))
    return e->status;
  return ops_row_shape(g, n, e);
}

static elbo_rc kl_block(run *r, const node *n, size_t row, size_t rows)
{
  const kl_attr *a = n->attr;
  elbo_rows w[2 * FAMILY_MAX_PARAMS];
  float *dw[2 * FAMILY_MAX_PARAMS];
  int nq = (int)a->pair->q.family->n_params;
  bool grads = ops_wants_saved(n);
  for (int i = 0; i < n->n_in; i++) {
    w[i] = ops_view(r, n, i, row);
    dw[i] = grads ? node_saved_of(r, n, i) + row * in_node(r, n, i)->shape.cols : NULL;
  }
  return batch_kl(a->pair, rows, a->d, w, w + nq, node_value(r, n) + row, grads ? dw : NULL,
                  grads ? dw + nq : NULL);
}

static void kl_forward(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, kl_block);
}

const op op_kl = {
  .name = "kl",
  .plugin = kl_plugin,
  .in_min = 0,
  .in_max = 2 * FAMILY_MAX_PARAMS,
  .shape = kl_shape,
  .forward = { { ops_row_parts, kl_forward } },
  .vjp = { { ops_deliver_parts, ops_deliver_scaled } },
  .saves_gradients = true,
};

/* ---- mean */
static elbo_status mean_shape(const graph *g, node *n, error *e)
{
  const log_prob_attr *a = n->attr;
  if (ops_check_params(g, n, 0, a->family, a->d, e) || ops_row_shape(g, n, e)) return e->status;
  n->shape.cols = a->d * (size_t)a->family->E;
  n->saved_cols = 0;
  return ELBO_DONE;
}

static elbo_rc mean_block(run *r, const node *n, size_t row, size_t rows)
{
  const log_prob_attr *a = n->attr;
  elbo_rows w[FAMILY_MAX_PARAMS];
  for (int i = 0; i < n->n_in; i++) w[i] = ops_view(r, n, i, row);
  return batch_moment(a->family, ELBO_MEAN, rows, a->d, w, node_value(r, n) + row * n->ld);
}

static void mean_forward(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, mean_block);
}

const op op_mean = {
  .name = "mean",
  .plugin = log_prob_plugin,
  .in_min = 0,
  .in_max = FAMILY_MAX_PARAMS,
  .shape = mean_shape,
  .forward = { { ops_draw_parts, mean_forward } },
};
