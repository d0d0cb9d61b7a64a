/* SPDX-License-Identifier: GPL-3.0-or-later */
/* enumerate: instead of draws, every point of a small finite support. Sample k holds the k-th
 * combination: number j of the row is a digit of k, in base of the family's points, above the
 * digits of the latents before it. */
#include "dist/ops.h"

static elbo_status enumerate_shape(const graph *g, node *n, error *e)
{
  (void)g, (void)e;
  n->shape = (shape){ AXIS_SAMPLE, 0, ((const enumerate_attr *)n->attr)->d };
  return ELBO_DONE;
}

static void enumerate_forward(run *r, const node *n, int part, int parts)
{
  const enumerate_attr *a = n->attr;
  size_t from, to;
  part_range(rows_of(r, n->shape), 1, part, parts, &from, &to);
  for (size_t row = from; row < to; row++) {
    size_t rest = row / r->batch / a->below;
    for (size_t j = 0; j < a->d; j++, rest /= a->points)
      node_value(r, n)[row * n->ld + j] = (float)(rest % a->points);
  }
}

static int enumerate_parts(const run *r, const node *n)
{
  size_t rows = rows_of(r, n->shape);
  return parts_for((double)rows * (double)n->shape.cols, rows);
}

const op op_enumerate = {
  .name = "enumerate",
  .shape = enumerate_shape,
  .forward = { { enumerate_parts, enumerate_forward } },
};
