/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/infer/compare: comparing estimators. sampler draws gradients, moments accumulates them,
 * verdict tells bias from chance, contest runs all estimators, train gives each the same time,
 * write leaves files.
 *
 * moments.h - first and second moments of R gradient estimates in one pass: for every learned
 * number (Welford 1962, merged over blocks by Chan, Golub and LeVeque 1983), and for 64 random +-1
 * projections of each group of parameters. P learned numbers, G groups; memory 4 P + O(64 G) while
 * estimates come in, P + O(64 G) when they are finished. */
#ifndef ELBO_COMPARE_MOMENTS_H
#define ELBO_COMPARE_MOMENTS_H

#include "infer/trainer.h"

enum { PROJECTIONS = 64, BLOCKS = 10, GROUPS = 96 };

/* Groups: leaves are stretches of the parameter vector with one name; the others are sums of
 * leaves. */
typedef struct group {
  char name[96];
  uint64_t leaves[2]; /* bit set of the leaves it holds */
} group;
typedef struct groups {
  group list[GROUPS];
  int n, n_leaves; /* the leaves come first, then "all", "p", "q" */
  size_t P;
  uint8_t *leaf_of; /* [P] */
  uint8_t *bucket;  /* [P] 0..63: where the number goes in the projections; bit 6: its sign */
} groups;
elbo_status groups_make(const graph *graph, groups *g, error *e);
void groups_free(groups *g);
bool group_has_leaf(const groups *g, int group, int leaf);

/* What one stretch of estimates says about a group. */
typedef struct group_moments {
  double squared_norm; /* of the mean gradient, debiased by trace / n: it may be negative */
  double trace;        /* of the covariance of one estimate; NaN of a single one */
  /* mean over numbers of |mean| / standard deviation; NaN where no number varies */
  double snr;
} group_moments;

typedef struct moments {
  const groups *g;
  long n, in_block, block_length;
  double *mean, *m2;                   /* [P] of all estimates so far; finished, mean alone */
  double *block_mean, *block_m2;       /* [P] of the present block; NULL when finished */
  group_moments all[GROUPS];           /* finished: of all estimates */
  group_moments block[BLOCKS][GROUPS]; /* each block by itself: what standard errors are made of */
  int blocks;
  double projected_mean[GROUPS][PROJECTIONS], projected_m2[GROUPS][PROJECTIONS];
} moments;
elbo_status moments_new(const groups *g, long repeats, moments **out, error *e);
void moments_free(moments *m);
void moments_add(moments *m, const float *gradient); /* [P] */
void moments_finish(moments *m);
/* Of finished moments all groups, and the standard error of each number from the spread over blocks
 * (NaN with fewer than two). Either may be NULL. */
void moments_read(const moments *m, group_moments all[GROUPS], group_moments se[GROUPS]);

#endif
