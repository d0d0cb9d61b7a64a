/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ops_inside.h - what the files of the families' ops share. */
#ifndef ELBO_DIST_OPS_INSIDE_H
#define ELBO_DIST_OPS_INSIDE_H

#include "dist/ops.h"

/* Rows of input i as node n's rows see them, from row `row` on: one row for all, the batch again
 * for each sample, or row by row. */
elbo_rows ops_view(const run *r, const node *n, int i, size_t row);
/* The shape of one number a row along the largest axis of the inputs; saved: a float for each
 * number of each input. */
elbo_status ops_row_shape(const graph *g, node *n, error *e);
elbo_status ops_check_cols(const graph *g, const node *n, int i, size_t cols, const char *what,
                           error *e);
elbo_status ops_check_params(const graph *g, const node *n, int first, const family_use *u,
                             size_t d, error *e);
int ops_row_parts(const run *r, const node *n);
int ops_draw_parts(const run *r, const node *n);
/* Are the gradients of what is kept in node_saved_of wanted? */
bool ops_wants_saved(const node *n);
/* Delivers what is kept to every input that wants it, each row times g (NULL: 1); or times the
 * node's gradient. */
int ops_deliver_parts(const run *r, const node *n);
void ops_deliver(run *r, const node *n, const float *g, int part, int parts);
void ops_deliver_scaled(run *r, const node *n, int part, int parts);
/* Calls `block` for stretches of rows that do not cross from one sample to the next. */
typedef elbo_rc ops_block(run *r, const node *n, size_t row, size_t rows);
void ops_for_blocks(run *r, const node *n, int part, int parts, ops_block *block);

#endif
