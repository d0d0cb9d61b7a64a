/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/infer/compare: comparing estimators.
 *
 * moments.h - first and second moments of R gradient estimates in one pass: for every learned number (Welford 1962, merged over blocks by Chan,
 * Golub and LeVeque 1983), and for 64 random projections of each group of parameters. P learned numbers, G groups; memory O(P + 64 G). */
#ifndef ELBO_COMPARE_MOMENTS_H
#define ELBO_COMPARE_MOMENTS_H

#include "infer/trainer.h"

enum { PROJECTIONS = 64, BLOCKS = 10, GROUPS = 96 };

/* Groups: leaves are stretches of the parameter vector with one name; the others are sums of leaves. */
typedef struct group {
  char name[96];
  bool leaf;
  uint64_t leaves[2]; /* bit set of the leaves it holds */
} group;
typedef struct groups {
  group list[GROUPS];
  int n, n_leaves; /* the leaves come first */
  size_t P;
  uint8_t *leaf_of;  /* [P] */
  uint8_t *bucket;   /* [P] 0..63: where the number goes in the projections; bit 6: its sign */
} groups;
elbo_status groups_make(const graph *g, groups *out, error *e);
void groups_free(groups *g);

typedef struct moments {
  const groups *g;
  long n, in_block, block_length;
  double *mean, *m2;             /* [P] of all estimates so far */
  double *block_mean, *block_m2; /* [P] of the present block */
  double trace[GROUPS][BLOCKS];  /* variance of a group within each block */
  int blocks;
  double projected_mean[GROUPS][PROJECTIONS], projected_m2[GROUPS][PROJECTIONS];
} moments;
elbo_status moments_new(const groups *g, long repeats, moments **out, error *e);
void moments_free(moments *m);
void moments_add(moments *m, const float *gradient); /* [P] */
void moments_finish(moments *m);

typedef struct group_moments {
  double squared_norm; /* of the mean, not debiased */
  double trace, trace_se, snr;
} group_moments;
group_moments moments_of(const moments *m, int group);
bool group_holds(const groups *g, int group, size_t number);

#endif
