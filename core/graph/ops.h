/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ops.h - the ops of the graph itself; those of families are in dist/ops.h. Forward stands beside
 * vjp, one file each where they are long. */
#ifndef ELBO_GRAPH_OPS_H
#define ELBO_GRAPH_OPS_H

#include "graph/graph.h"

typedef struct input_attr {
  int feed;
  shape shape;
} input_attr;
typedef struct constant_attr {
  const float *values; /* [rows][cols] */
  shape shape;
} constant_attr;

extern const op op_param;    /* attr: shape */
extern const op op_input;    /* attr: input_attr */
extern const op op_constant; /* attr: constant_attr */

/* y [R][out] = f(x [R][in] W^T + b): inputs x, W [out][in], b [1][out]. attr: affine_attr. */
typedef struct affine_attr {
  int activation; /* row of activation_table; -1: none. Set by fusing */
} affine_attr;
extern const op op_affine;
/* The same where x is data: by its non-zeros when a batch is mostly zeros. Put in by fusing. */
extern const op op_affine_nonzeros;
/* y = f(x), attr: activation_attr. */
typedef struct activation_attr {
  int activation;
} activation_attr;
extern const op op_activation;

/* Columns [first, first + cols) of the input, without a copy. attr: slice_attr. */
typedef struct slice_attr {
  size_t first, cols;
} slice_attr;
extern const op op_slice;
/* y [R][times cols]: the input's columns, `times` over (a number shared over the event). attr:
 * repeat_attr. */
typedef struct repeat_attr {
  size_t times;
} repeat_attr;
extern const op op_repeat;
/* Inputs side by side; rows broadcast to the largest axis. */
extern const op op_concat;
/* Inverted dropout (Srivastava et al. 2014): y = x m / (1 - p), m from stream `stream`. Identity
 * when not training. attr: dropout_attr. */
typedef struct dropout_attr {
  double p;
  uint64_t stream;
} dropout_attr;
extern const op op_dropout;

/* Row objective [BATCH][1] = sum over terms of c_t (kl_weight where `weighted`) times the mean over
 * samples of term t [any axis][1]. attr: terms_attr. */
typedef struct terms_attr {
  struct {
    float coefficient;
    bool weighted;
  } term[NODE_MAX_IN];
} terms_attr;
extern const op op_terms;
/* Scalar = mean over the batch of input 0 [BATCH][1] + scale * (sum of all rows of inputs 1..
 * [FIXED n][1]). attr: objective_attr. */
typedef struct objective_attr {
  double scale; /* 1 / N for a weight prior */
} objective_attr;
extern const op op_objective;

/* ---- estimators that weigh samples one by one (ops_bound.c) */
/* f [K B][1]: the sum of the terms [any axis][1] with their coefficients, broadcast to the samples.
 * attr: terms_attr. */
extern const op op_sum;
/* Number k of a row's samples: at[k * stride], k < K. K 0: there are none. */
typedef struct samples_view {
  const float *at;
  size_t stride, K;
} samples_view;
/* What an estimator's rules see of one row. */
typedef struct row_samples {
  samples_view f;     /* log p(x, z_k) - log q(z_k | x) */
  samples_view log_q; /* of the latents on a score road */
  samples_view given; /* f at relaxed values drawn given z_k */
  double baseline;    /* of the step: what f was expected to be before this step's draws */
  double scale;       /* of the control variate made of f at relaxed values */
  size_t draws;       /* of a bound whose samples are all states of so many draws; else 0 */
} row_samples;
/* An objective of K samples: its value, and the weight of each sample's path, to [K] at `stride`.
 * [exec] */
typedef struct bound_rule {
  const char *name;
  double (*value)(const row_samples *s);
  void (*path)(const row_samples *s, float *to, size_t stride);
} bound_rule;
/* The weights of what stands beside f, for each sample side by side: of grad log q, and, where
   there are relaxed values, of the gradients of f at those and at those given z_k. */
typedef void score_rule(const row_samples *s, float *to, size_t stride);
typedef struct bound_attr {
  const bound_rule *objective;
  score_rule *score; /* NULL: no score latents */
  double scale;      /* see row_samples, as for draws */
  size_t draws;
} bound_attr;
/* [K B][n]: the weights of the gradients of the n inputs: f, then, where there are score latents,
   their log q, then f at relaxed values and at relaxed values given the draws. All held. attr:
   bound_attr. */
extern const op op_weights;
/* [B][1]: inputs f, the weights (held), and the others that the weights are of. attr:
 * bound_attr. */
extern const op op_bound;
/* The value itself; its gradient is multiplied by the path weight. The weights come later in the
   graph: their node is put into the attr when it is made, and must be kept. attr: scale_attr. */
typedef struct scale_attr {
  node_id weights;
} scale_attr;
extern const op op_scale_path;

/* All of the above, for the tests that walk over them. */
extern const op *const graph_ops[];
extern const int n_graph_ops;

#endif
