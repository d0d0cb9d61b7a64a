/* SPDX-License-Identifier: GPL-3.0-or-later */
/* batch.h - roads and divergences bound to their plugins, and the loops over blocks of rows that
 * the graph's nodes call. Where a plugin has a float kernel it is called; else the double function
 * is looped over, event by event, and `*_is_fast` says so. Row conventions are those of plugin.h
 * (elbo_rows); gradients are dense. All batch_* are [exec]. */
#ifndef ELBO_DIST_BATCH_H
#define ELBO_DIST_BATCH_H

#include "dist/family.h"
#include "num/philox.h"

/* value [n]; dx and dw both given or both NULL. Rows are summed in an order that depends on d
 * alone. */
elbo_rc batch_log_prob(const family_use *u, size_t n, size_t d, elbo_rows x, const elbo_rows *w,
                       float *value, float *dx, float *const *dw);

/* What `improper: allow` asks for of a binary family on data between its two points: x log f(1) +
   (1 - x) log f(0), which is no density of x. Same arguments; dx, of data, is 0. */
elbo_rc batch_log_prob_between(const family_use *u, size_t n, size_t d, elbo_rows x,
                               const elbo_rows *w, float *value, float *dx, float *const *dw);

/* A divergence of a pair, from the registry: the row may come from either side's plugin. */
typedef struct kl_use {
  const elbo_kl
      *row; /* NULL: two exponential families of one carrier, by the rule for all of them */
  family_use q, p;
  /* of the plugin that supplied the row; by value, so that a copied kl_use stays valid */
  elbo_call call;
  elbo_kl_f32 *f32;
} kl_use;
/* false: no plugin has a closed form for the pair. q and p are copied. */
bool kl_find(const registry *r, const family_use *q, const family_use *p, kl_use *out);
elbo_rc batch_kl(const kl_use *k, size_t n, size_t d, const elbo_rows *w, const elbo_rows *w2,
                 float *value, float *const *dw, float *const *dw2);

/* One row of d events, by the reparametrizer's kernel. */
typedef elbo_rc forward_f32(const elbo_family *, const elbo_call *, const elbo_noise_row *, size_t,
                            const float *const *, float *);
typedef elbo_rc backward_f32(const elbo_family *, const elbo_call *, size_t, const float *,
                             const float *const *, const float *, float *const *);

/* A road: a family's draws through a reparametrizer. */
typedef struct road_use {
  const elbo_reparam *reparam;
  family_use family;
  /* the reparametrizer's float road, where it has one that applies; else both NULL */
  forward_f32 *forward;
  backward_f32 *backward;
} road_use;
/* name NULL: the family's own. ELBO_E_USAGE: the family has none, or what the reparametrizer misses
 * in it. */
elbo_status road_bind(const registry *r, const family_use *u, const char *name, road_use *out,
                      error *e);
/* z [n][d E] in the value form, row i from the streams of rows[i]. */
elbo_rc batch_draw(const road_use *r, size_t n, size_t d, const elbo_noise_row *rows,
                   const elbo_rows *w, float *z);
/* dw[p] [n][d width] = dz . dz/dw, from z alone; dz [n][d E]. */
elbo_rc batch_pull(const road_use *r, size_t n, size_t d, const float *z, const elbo_rows *w,
                   const float *dz, float *const *dw);
/* A draw that needs no gradient, from any family (its road, or `draw`, or icdf): for ancestral
 * sampling. ELBO_UNSUPPORTED if it has none. */
elbo_rc batch_sample(const registry *r, const family_use *u, size_t n, size_t d,
                     const elbo_noise_row *rows, const elbo_rows *w, float *z);
/* Noise values that an event's draw takes where samples hang together (noise_tie); 0: no fixed
 * number. */
uint32_t draw_noise(const family_use *u);
/* which: ELBO_MEAN .. of x itself (plain form): out [n][d E]. */
elbo_rc batch_moment(const family_use *u, int which, size_t n, size_t d, const elbo_rows *w,
                     float *out);

#endif
