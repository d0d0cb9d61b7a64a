/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gradients kept row by row in forward, delivered in the vjp: times the row's upstream gradient,
   and summed where the input has fewer rows. Each number is summed by one thread in the order of
   the rows. */
#include "graph/inside.h"
#include "graph/vec.h"

typedef enum { SAME_ROWS, OVER_SAMPLES, OVER_ROWS } reduction;

static reduction which(const run *r, const node *n, const node *to)
{
  size_t rows = rows_of(r, n->shape), have = rows_of(r, to->shape);
  if (to->shape.axis == n->shape.axis && rows == have) return SAME_ROWS;
  return to->shape.axis == AXIS_BATCH ? OVER_SAMPLES : OVER_ROWS;
}

int reduce_parts(const run *r, const node *n, int i)
{
  const node *to = in_node(r, n, i);
  size_t rows = rows_of(r, n->shape), cols = to->shape.cols;
  size_t most = which(r, n, to) == OVER_ROWS ? (cols + 15) / 16 : rows_of(r, to->shape);
  return parts_for((double)rows * (double)cols, most);
}

static void sum_over_rows(run *r, const node *n, const node *to, int add, const float *src,
                          const float *g, int part, int parts)
{
  size_t from, until, cols = to->shape.cols;
  part_range(cols, 16, part, parts, &from, &until);
  if (from == until) return;
  float *dst = node_grad(r, to) + from;
  for (size_t row = 0, rows = rows_of(r, n->shape); row < rows; row++)
    vec_put(r->env.level, until - from, g ? g[row] : 1, src + row * cols + from, dst, add || row);
}

void reduce_to_input(run *r, const node *n, int i, const float *src, const float *g, int part,
                     int parts)
{
  const node *to = in_node(r, n, i);
  reduction kind = which(r, n, to);
  if (kind == OVER_ROWS) {
    sum_over_rows(r, n, to, n->in[i].accumulate, src, g, part, parts);
    return;
  }
  size_t from, until, cols = to->shape.cols, have = rows_of(r, to->shape);
  size_t times = kind == OVER_SAMPLES ? rows_of(r, n->shape) / have : 1;
  part_range(have, 1, part, parts, &from, &until);
  for (size_t row = from; n->in[i].in_place && g && row < until; row++)
    vec_scale(r->env.level, cols, g[row], node_grad(r, to) + row * cols);
  for (size_t row = from; !n->in[i].in_place && row < until; row++)
    for (size_t k = 0; k < times; k++) {
      size_t at = k * have + row;
      vec_put(r->env.level, cols, g ? g[at] : 1, src + at * cols, node_grad(r, to) + row * to->ld,
              n->in[i].accumulate || k);
    }
}
