/* SPDX-License-Identifier: GPL-3.0-or-later */
/* relax.h - a discrete family and its relaxed twin (extension elbo.relaxation/1), bound together,
 * and their loops over rows. */
#ifndef ELBO_DIST_RELAX_H
#define ELBO_DIST_RELAX_H

#include "dist/batch.h"

typedef struct relax_use {
  const elbo_relaxation *relaxation;
  family_use hard, twin;
  road_use road;  /* of the twin */
  size_t numbers; /* of an event's relaxed value in plain form */
} relax_use;
/* ELBO_E_USAGE: the family has no twin, or the twin isn't what the extension says. */
elbo_status relax_bind(const registry *r, const family_use *hard, relax_use *out, error *e);

/* Points of a small finite support that is the same for all parameters; 0: it has none. */
size_t enumerate_points(const family_use *u);
/* The discrete log density continued between its points: sum_c y_c log f(c), y_c the relaxed
   value's share of point c (of a binary family: 1 - y and y). The same arguments as batch_log_prob,
   y in plain form. All are [exec]. */
elbo_rc batch_log_prob_relaxed(const family_use *hard, size_t n, size_t d, elbo_rows y,
                               const elbo_rows *w, float *value, float *dy, float *const *dw);
/* x [n][d E] of the hard family, from y [n][d E] of the twin, in its value form. */
elbo_rc batch_harden(const relax_use *u, size_t n, size_t d, const float *y, float *x);
/* y given x; w: the twin's parameters. And its derivatives, as batch_pull. */
elbo_rc batch_draw_given(const relax_use *u, size_t n, size_t d, const elbo_noise_row *rows,
                         const float *x, const elbo_rows *w, float *y);
elbo_rc batch_pull_given(const relax_use *u, size_t n, size_t d, const float *y, const elbo_rows *w,
                         const float *dy, float *const *dw);

#endif
