/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ops.h - the ops of families: log densities, divergences, draws, and the forms of values. Each
 * calls the batch loops of batch.h. */
#ifndef ELBO_DIST_OPS_H
#define ELBO_DIST_OPS_H

#include "dist/relax.h"
#include "graph/graph.h"

/* log p of each row, summed over its d events: [R][1]. Inputs: the value [.][d E] in the family's
   value form, then each working parameter
   [.][d width]. Value and gradients are computed in forward in one pass; the vjp scales and
   delivers them. attr: log_prob_attr. */
typedef struct log_prob_attr {
  const family_use *family;
  size_t d;
  bool between; /* `improper: allow`: batch_log_prob_between */
} log_prob_attr;
extern const op op_log_prob;

/* KL(q || p) of each row, summed over its d events: [R][1]. Inputs: q's parameters, then p's. attr:
 * kl_attr. */
typedef struct kl_attr {
  const kl_use *pair;
  size_t d;
} kl_attr;
extern const op op_kl;

/* z [R][d E] in the value form, from the noise stream `stream`, along `axis`; or from the step's
   replay. Inputs: the parameters. The vjp works from z alone. attr: draw_attr; with `road` NULL the
   draw has no derivative (registry and family then say how to draw). */
typedef struct draw_attr {
  const road_use *road;
  const registry *registry;
  const family_use *family;
  size_t d;
  uint64_t stream;
  axis axis;
  noise_tie tie; /* how the samples hang together */
} draw_attr;
extern const op op_draw;

/* z [K B][d] of a discrete family: all combinations of its points, one a sample. attr:
 * enumerate_attr. */
typedef struct enumerate_attr {
  size_t d, points, below; /* below: combinations of the latents before this one */
} enumerate_attr;
extern const op op_enumerate;

/* [FIXED 1][d]: the log of the step's temperature, or of the first one where the step has none.
 * attr: temperature_attr. */
typedef struct temperature_attr {
  size_t d;
  double first;
} temperature_attr;
extern const op op_temperature;
/* The discrete log density of each row, continued between its points: [R][1]. Inputs: the relaxed
   value [.][d numbers] in plain form, then the discrete family's parameters. attr: relax_attr. */
typedef struct relax_attr {
  const relax_use *use;
  size_t d;
  uint64_t stream; /* of draw_given */
} relax_attr;
extern const op op_log_prob_relaxed;
/* x [R][d E] that the twin's y [R][d E] stands for. No derivative. attr: relax_attr. */
extern const op op_harden;
/* y [R][d E] of the twin, drawn given x. Inputs: x, then the twin's parameters. attr:
 * relax_attr. */
extern const op op_draw_given;
/* [K B][1]: what antithetic pairs of binary draws differentiate instead of log q. Inputs: b [K
 * B][d], logits [.][d]. */
extern const op op_mirror;

/* A value from one form to another, elementwise. attr: convert_attr. */
typedef struct convert_attr {
  uint32_t from, to; /* elbo_value_form */
} convert_attr;
extern const op op_convert;

/* What a network sees of a plain value: one-hot of K, or (cos, sin) of each number. attr:
 * seen_attr. */
typedef struct seen_attr {
  uint32_t seen; /* elbo_seen, not RAW */
  int K;
} seen_attr;
extern const op op_seen;

/* E[x] of each event in plain form: [R][d E]. Inputs: the parameters. No derivative. attr:
 * log_prob_attr. */
extern const op op_mean;

extern const op *const dist_ops[];
extern const int n_dist_ops;

#endif
