/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What discrete latents need whose gradients come by relaxed values or by mirrored pairs. */
#include "dist/ops_inside.h"

#include <math.h>

/* ---- temperature: a number of the step */
static elbo_status temperature_shape(const graph *g, node *n, error *e)
{
  (void)g, (void)e;
  n->shape = (shape){ AXIS_FIXED, 1, ((const temperature_attr *)n->attr)->d };
  return ELBO_DONE;
}

static void temperature_forward(run *r, const node *n, int part, int parts)
{
  const temperature_attr *a = n->attr;
  (void)part, (void)parts;
  double t = r->args.temperature > 0 ? r->args.temperature : a->first;
  for (size_t j = 0; j < a->d; j++) node_value(r, n)[j] = (float)log(t);
}

const op op_temperature = {
  .name = "temperature",
  .shape = temperature_shape,
  .forward = { { NULL, temperature_forward } },
};

/* ---- log_prob_relaxed: the discrete density between its points */
static const char *relax_plugin(const node *n)
{
  return ((const relax_attr *)n->attr)->use->hard.family->name;
}

static elbo_status between_shape(const graph *g, node *n, error *e)
{
  const relax_attr *a = n->attr;
  if (ops_check_cols(g, n, 0, a->d * a->use->numbers, "the relaxed value", e) ||
      ops_check_params(g, n, 1, &a->use->hard, a->d, e))
    return e->status;
  return ops_row_shape(g, n, e);
}

static elbo_rc between_block(run *r, const node *n, size_t row, size_t rows)
{
  const relax_attr *a = n->attr;
  elbo_rows w[FAMILY_MAX_PARAMS];
  float *dw[FAMILY_MAX_PARAMS];
  bool grads = ops_wants_saved(n);
  for (int i = 1; i < n->n_in; i++) {
    w[i - 1] = ops_view(r, n, i, row);
    dw[i - 1] = grads ? node_saved_of(r, n, i) + row * in_node(r, n, i)->shape.cols : NULL;
  }
  float *dy = grads ? node_saved_of(r, n, 0) + row * in_node(r, n, 0)->shape.cols : NULL;
  return batch_log_prob_relaxed(&a->use->hard, rows, a->d, ops_view(r, n, 0, row), w,
                                node_value(r, n) + row, dy, dw);
}

static void between_forward(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, between_block);
}

const op op_log_prob_relaxed = {
  .name = "log_prob_relaxed",
  .plugin = relax_plugin,
  .in_min = 1,
  .in_max = 1 + FAMILY_MAX_PARAMS,
  .shape = between_shape,
  .forward = { { ops_row_parts, between_forward } },
  .vjp = { { ops_deliver_parts, ops_deliver_scaled } },
};

/* ---- harden */
static elbo_status harden_shape(const graph *g, node *n, error *e)
{
  const relax_attr *a = n->attr;
  if (ops_check_cols(g, n, 0, a->d * (size_t)a->use->twin.E, "the relaxed value", e))
    return e->status;
  n->shape = graph_node(g, n->in[0].node)->shape;
  n->shape.cols = a->d * (size_t)a->use->hard.E;
  return ELBO_DONE;
}

static elbo_rc harden_block(run *r, const node *n, size_t row, size_t rows)
{
  const relax_attr *a = n->attr;
  return batch_harden(a->use, rows, a->d, ops_view(r, n, 0, row).at,
                      node_value(r, n) + row * n->ld);
}

static void harden_forward(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, harden_block);
}

const op op_harden = {
  .name = "harden",
  .plugin = relax_plugin,
  .in_min = 1,
  .in_max = 1,
  .shape = harden_shape,
  .forward = { { ops_draw_parts, harden_forward } },
};

/* ---- draw_given */
static elbo_status given_shape(const graph *g, node *n, error *e)
{
  const relax_attr *a = n->attr;
  if (ops_check_cols(g, n, 0, a->d * (size_t)a->use->hard.E, "the value", e) ||
      ops_check_params(g, n, 1, &a->use->twin, a->d, e) || ops_row_shape(g, n, e))
    return e->status;
  if (n->shape.axis != graph_node(g, n->in[0].node)->shape.axis)
    return fail(e, ELBO_E_USAGE,
                "%s: its parameters lie along a larger axis than the value it is drawn for",
                n->name);
  n->shape.cols = a->d * (size_t)a->use->twin.E;
  return ELBO_DONE;
}

static elbo_rc given_block(run *r, const node *n, size_t row, size_t rows)
{
  const relax_attr *a = n->attr;
  enum { CHUNK = 64 };
  elbo_noise_row noise[CHUNK];
  elbo_rows w[FAMILY_MAX_PARAMS];
  elbo_rc rc = ELBO_OK;
  philox_key key = philox_make_key(r->env.seed, a->stream);
  for (size_t from = row; from < row + rows && !rc; from += CHUNK) {
    size_t m = row + rows - from < CHUNK ? row + rows - from : CHUNK;
    for (size_t i = 0; i < m; i++)
      noise[i] = (elbo_noise_row){ .key = key,
                                   .row = noise_row(r, n->shape, from + i),
                                   .step = (uint32_t)r->args.step,
                                   .level = r->env.level };
    for (int i = 1; i < n->n_in; i++) w[i - 1] = ops_view(r, n, i, from);
    rc = batch_draw_given(a->use, m, a->d, noise, ops_view(r, n, 0, from).at, w,
                          node_value(r, n) + from * n->ld);
  }
  return rc;
}

static void given_forward(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, given_block);
}

/* By the discrete value there is no derivative: 0. */
static elbo_rc given_pull_block(run *r, const node *n, size_t row, size_t rows)
{
  const relax_attr *a = n->attr;
  elbo_rows w[FAMILY_MAX_PARAMS];
  float *dw[FAMILY_MAX_PARAMS];
  size_t cols = in_node(r, n, 0)->shape.cols;
  for (size_t i = 0; i < rows * cols; i++) (node_saved_of(r, n, 0) + row * cols)[i] = 0;
  for (int i = 1; i < n->n_in; i++) {
    w[i - 1] = ops_view(r, n, i, row);
    dw[i - 1] = node_saved_of(r, n, i) + row * in_node(r, n, i)->shape.cols;
  }
  return batch_pull_given(a->use, rows, a->d, node_value(r, n) + row * n->ld, w,
                          node_grad(r, n) + row * n->ld, dw);
}

static void given_pull(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, given_pull_block);
}

static void given_deliver(run *r, const node *n, int part, int parts)
{
  ops_deliver(r, n, NULL, part, parts);
}

const op op_draw_given = {
  .name = "draw_given",
  .plugin = relax_plugin,
  .in_min = 1,
  .in_max = 1 + FAMILY_MAX_PARAMS,
  .shape = given_shape,
  .forward = { { ops_draw_parts, given_forward } },
  .vjp = { { ops_draw_parts, given_pull }, { ops_deliver_parts, given_deliver } },
  .vjp_reads_input = true,
  .vjp_reads_value = true,
};

/* ---- mirror: sum_i (b_i - b'_i) A(a_i), A' = sigmoid(|a|), b' of the other sample of the pair */
static elbo_status mirror_shape(const graph *g, node *n, error *e)
{
  if (ops_check_cols(g, n, 1, graph_node(g, n->in[0].node)->shape.cols, "the logits", e))
    return e->status;
  return ops_row_shape(g, n, e);
}

static void mirror_forward(run *r, const node *n, int part, int parts)
{
  const node *b = in_node(r, n, 0);
  size_t from, to, d = b->shape.cols;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t row = from; row < to; row++) {
    size_t pair = row / r->batch ^ 1,
           other = pair < r->samples ? pair * r->batch + row % r->batch : row;
    const float *one = node_value(r, b) + row * b->ld, *two = node_value(r, b) + other * b->ld,
                *a = ops_view(r, n, 1, row).at;
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
      double size = fabs((double)a[j]), gap = (double)one[j] - (double)two[j];
      sum += gap * copysign(size + log1p(exp(-size)) - log(2), (double)a[j]);
      if (!ops_wants_saved(n)) continue;
      node_saved_of(r, n, 0)[row * d + j] = 0;
      node_saved_of(r, n, 1)[row * d + j] = (float)(gap / (1 + exp(-size)));
    }
    node_value(r, n)[row] = (float)sum;
  }
}

const op op_mirror = {
  .name = "mirror",
  .in_min = 2,
  .in_max = 2,
  .shape = mirror_shape,
  .forward = { { ops_row_parts, mirror_forward } },
  .vjp = { { ops_deliver_parts, ops_deliver_scaled } },
};
