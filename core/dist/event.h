/* SPDX-License-Identifier: GPL-3.0-or-later */
/* event.h - one event's parameters between rows of floats and the flat doubles of a family's
 * functions; inside core/dist. */
#ifndef ELBO_DIST_EVENT_H
#define ELBO_DIST_EVENT_H

#include "dist/family.h"

/* Event j of row i: to [W]. */
static inline void event_take(const family_use *u, const elbo_rows *w, size_t i, size_t j,
                              double *to)
{
  for (uint32_t p = 0; p < u->family->n_params; p++) {
    const float *from = w[p].at + i * w[p].stride + j * (size_t)u->width[p];
    for (int k = 0; k < u->width[p]; k++) to[u->offset[p] + k] = from[k];
  }
}

/* from [W] -> event `event` (row * d + j) of dense dw[p]. */
static inline void event_put(const family_use *u, const double *from, size_t event,
                             float *const *dw)
{
  for (uint32_t p = 0; p < u->family->n_params; p++) {
    float *to = dw[p] + event * (size_t)u->width[p];
    for (int k = 0; k < u->width[p]; k++) to[k] = (float)from[u->offset[p] + k];
  }
}

static inline void event_widen(int n, const float *from, double *to)
{
  for (int k = 0; k < n; k++) to[k] = from[k];
}

static inline void event_round(int n, const double *from, float *to)
{
  for (int k = 0; k < n; k++) to[k] = (float)from[k];
}

#endif
