/* SPDX-License-Identifier: GPL-3.0-or-later */
/* draw: values from their noise streams, and back along the road from the value alone. */
#include "dist/ops_inside.h"

static const char *draw_plugin(const node *n)
{
  return ((const draw_attr *)n->attr)->family->family->name;
}

static elbo_status draw_shape(const graph *g, node *n, error *e)
{
  const draw_attr *a = n->attr;
  if (ops_check_params(g, n, 0, a->family, a->d, e) || ops_row_shape(g, n, e)) return e->status;
  if (n->shape.axis > a->axis)
    return fail(e, ELBO_E_USAGE, "%s: drawn along a smaller axis than its parameters", n->name);
  if (n->shape.axis == AXIS_FIXED && n->shape.rows != 1)
    return fail(e, ELBO_E_USAGE, "%s: its parameters have %zu fixed rows, expected 1", n->name,
                n->shape.rows);
  n->shape = (shape){ a->axis, a->axis == AXIS_FIXED, a->d * (size_t)a->family->E };
  return ELBO_DONE;
}

static elbo_rc replay_block(run *r, const node *n, size_t row, size_t rows)
{
  const float *from = r->args.replay[n->id] + row * n->shape.cols;
  float *to = node_value(r, n) + row * n->ld;
  for (size_t i = 0; i < rows * n->shape.cols; i++) to[i] = from[i];
  return ELBO_OK;
}

/* Samples that hang together take the stream of the one that they follow: the first of the pair, or
 * sample 0. */
static elbo_noise_row row_noise(const run *r, const node *n, philox_key key, size_t row)
{
  const draw_attr *a = n->attr;
  elbo_noise_row noise = { .key = key,
                           .row = noise_row(r, n->shape, row),
                           .step = (uint32_t)r->args.step,
                           .tie = a->tie,
                           .level = r->env.level };
  if (a->tie.kind == NOISE_IID || n->shape.axis != AXIS_SAMPLE) return noise;
  uint32_t sample = noise.tie.sample = noise.row / (uint32_t)r->full_batch,
           back = a->tie.kind == NOISE_SOBOL ? sample : sample & 1;
  noise.row -= back * (uint32_t)r->full_batch;
  return noise;
}

enum { CHUNK = 64 }; /* rows at a time */

static elbo_rc draw_block(run *r, const node *n, size_t row, size_t rows)
{
  const draw_attr *a = n->attr;
  elbo_noise_row noise[CHUNK];
  float normals[CHUNK * NOISE_AHEAD];
  elbo_rows w[FAMILY_MAX_PARAMS];
  elbo_rc rc = ELBO_OK;
  if (r->args.replay && r->args.replay[n->id]) return replay_block(r, n, row, rows);
  philox_key key = philox_make_key(r->env.seed, a->stream);
  for (size_t from = row; from < row + rows && !rc; from += CHUNK) {
    size_t m = row + rows - from < CHUNK ? row + rows - from : CHUNK;
    noise_ahead ahead = { .rows = noise, .n = m, .d = a->d, .normals = normals };
    for (size_t i = 0; i < m; i++) {
      noise[i] = row_noise(r, n, key, from + i);
      if (noise_gains_ahead(a->d)) noise[i].ahead = &ahead;
    }
    for (int i = 0; i < n->n_in; i++) w[i] = ops_view(r, n, i, from);
    float *z = node_value(r, n) + from * n->ld;
    rc = a->road ? batch_draw(a->road, m, a->d, noise, w, z)
                 : batch_sample(a->registry, a->family, m, a->d, noise, w, z);
  }
  return rc;
}

static void draw_forward(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, draw_block);
}

int ops_draw_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return parts_for(40.0 * (double)rows * (double)n->shape.cols, rows);
}

static elbo_rc pull_block(run *r, const node *n, size_t row, size_t rows)
{
  const draw_attr *a = n->attr;
  elbo_rows w[FAMILY_MAX_PARAMS];
  float *dw[FAMILY_MAX_PARAMS];
  if (!a->road) return ELBO_UNSUPPORTED;
  for (int i = 0; i < n->n_in; i++) {
    w[i] = ops_view(r, n, i, row);
    dw[i] = node_saved_of(r, n, i) + row * in_node(r, n, i)->shape.cols;
  }
  return batch_pull(a->road, rows, a->d, node_value(r, n) + row * n->ld, w,
                    node_grad(r, n) + row * n->ld, dw);
}

static void draw_pull(run *r, const node *n, int part, int parts)
{
  ops_for_blocks(r, n, part, parts, pull_block);
}

static void draw_deliver(run *r, const node *n, int part, int parts)
{
  ops_deliver(r, n, NULL, part, parts);
}

const op op_draw = {
  .name = "draw",
  .plugin = draw_plugin,
  .in_min = 0,
  .in_max = FAMILY_MAX_PARAMS,
  .shape = draw_shape,
  .forward = { { ops_draw_parts, draw_forward } },
  .vjp = { { ops_draw_parts, draw_pull }, { ops_deliver_parts, draw_deliver } },
  .vjp_reads_input = true,
  .vjp_reads_value = true,
};
