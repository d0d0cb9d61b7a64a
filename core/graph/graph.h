/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/graph: a static graph with derivatives. Built once, sealed into a plan with one arena, run
 * many times without allocating, locking or deciding. Depends on base and num; families come in
 * from above as rows of ops (dist/ops.h).
 *
 * A node's value is a matrix of floats, row-major. Its rows go along an axis: FIXED (parameters,
 * constants, scalars), BATCH (B rows of data) or SAMPLE (K B rows: sample k of row b is row k B +
 * b). A batch may be shorter than the plan's B; everything then runs on fewer rows. Rows broadcast
 * upwards only: FIXED with one row to any, BATCH to SAMPLE. */
#ifndef ELBO_GRAPH_GRAPH_H
#define ELBO_GRAPH_GRAPH_H

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "graph/pool.h"
#include <elbo/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { AXIS_FIXED, AXIS_BATCH, AXIS_SAMPLE } axis;
typedef struct shape {
  axis axis;
  size_t rows; /* of AXIS_FIXED; 0 otherwise */
  size_t cols;
} shape;

typedef struct graph graph;
typedef struct run run;
typedef struct node node;
typedef int node_id; /* index in the graph; NODE_NONE when building failed */
enum { NODE_NONE = -1 };
/* As an input of graph_add: no gradient flows along this edge (weights held still, values that are
 * looked at). */
static inline node_id held(node_id id)
{
  return id == NODE_NONE ? id : -id - 2;
}

/* One pass of an op over a node, in `parts` pieces that may run at the same time. The number of
 * parts depends on shapes alone, never on threads: that is what makes results the same bits for any
 * number of threads. A barrier stands behind every pass. */
typedef struct op_pass {
  int (*parts)(const run *r, const node *n);
  void (*run)(run *r, const node *n, int part, int parts); /* [exec] */
} op_pass;
enum { OP_PASSES = 3 };
typedef struct op {
  const char *name;
  int in_min, in_max;
  /* Checks the inputs and sets shape, saved_cols; ELBO_E_USAGE names node and both shapes. */
  elbo_status (*shape)(const graph *g, node *n, error *e);
  op_pass forward[OP_PASSES], vjp[OP_PASSES]; /* up to the first without `run` */
  bool vjp_reads_input, vjp_reads_value;      /* what must stay in memory until the vjp */
  const char *(*plugin)(const node *n);       /* the plugin behind it, for messages; NULL: none */
  /* no storage of its own: a view of input 0 (slice, hold) */
  bool alias;
  /* what it saves are the gradients by its inputs, one after the other, that its vjp delivers by
   * reduce_to_input times the row's: where an input's gradient has the same rows and is written by
   * nobody before, they stand there at once (edge.in_place) */
  bool saves_gradients;
  double (*flop)(const run *r, const node *n); /* of the forward; NULL: not counted */
  double (*vjp_flop)(const run *r, const node *n);
  /* of these, what the last run left out; NULL: nothing */
  double (*skipped)(const run *r, const node *n, bool vjp);
  bool reads_saved; /* forward itself reads what it saves: it is there without a vjp too */
} op;

typedef struct edge {
  node_id node;
  bool hold;       /* no gradient flows along this edge */
  bool wants_grad; /* sealed: the vjp must deliver a gradient here */
  bool accumulate; /* sealed: add to what another consumer wrote, instead of overwriting */
  bool in_place;   /* sealed: see op.saves_gradients */
} edge;
enum { NODE_MAX_IN = 64 };
struct node {
  const op *op;
  const char *name; /* "q.z.net.0", "log p(x|z)": for messages, the dump and profiles */
  node_id id;
  edge *in;
  int n_in;
  const void *attr; /* the op's own, in the graph's arena or borrowed for the graph's life */
  shape shape;
  size_t saved_cols; /* floats a row kept from forward for the vjp */
  bool keep;         /* an output: its value outlives the run */
  /* sealed */
  bool needs_grad, has_grad; /* depends on a parameter; some consumer delivers a gradient */
  size_t ld;                 /* floats from row to row of value and grad */
  /* offsets in the arena, in floats; of parameters: in the parameter vector */
  size_t value_at, grad_at, saved_at;
};

/* A named tensor: rows [row, row + rows) of a parameter node, as it stands in checkpoints. */
typedef struct named_tensor {
  const char *name; /* "q.z.net.0.weight" */
  node_id node;
  size_t at, count; /* in the parameter vector, in floats */
  int rank;
  size_t dims[2];
  enum { TENSOR_WEIGHT, TENSOR_BIAS, TENSOR_FREE } role;
  size_t fan_in; /* of a weight, and of the bias beside it */
  int init;      /* row of init_table for a weight or bias */
  double init_scale;
  const float *start; /* TENSOR_FREE: [count] its first values, or NULL: 0 */
} named_tensor;

graph *graph_new(error *e);
void graph_free(graph *g);
arena *graph_arena(graph *g);

/* Adds a node; in [n_in] are ids, or held(id) for an edge on which the gradient is held. Inputs of
   NODE_NONE make NODE_NONE with the first error kept in e. attr_size 0: attr is borrowed. */
node_id graph_add(graph *g, const op *op, const char *name, const node_id *in, int n_in,
                  const void *attr, size_t attr_size, error *e);
/* A parameter: a leaf [rows][cols] in the parameter vector, aligned to 64 bytes. */
node_id graph_param(graph *g, const char *name, size_t rows, size_t cols, error *e);
/* t->at counts from the start of the node here */
elbo_status graph_name_tensor(graph *g, const named_tensor *t, error *e);
/* An input: filled by the feed of its index at each run. */
node_id graph_input(graph *g, const char *name, int feed, axis a, size_t cols, error *e);
/* copied */
node_id graph_constant(graph *g, const char *name, const float *values, size_t rows, size_t cols,
                       error *e);

const node *graph_node(const graph *g, node_id id);
node *graph_node_mutable(graph *g, node_id id);
void graph_keep(graph *g, node_id id);
int graph_size(const graph *g);
int graph_tensor_count(const graph *g);
const named_tensor *graph_tensor(const graph *g, int i);
size_t graph_param_floats(const graph *g); /* length of the parameter vector, padding included */
size_t graph_param_count(const graph *g);  /* learned numbers */

typedef struct seal_options {
  size_t batch, samples; /* B, K */
  bool train;            /* with derivatives of `objective` */
  bool no_fuse;          /* nothing is joined or shares its place: the reference plan */
  node_id objective;     /* [FIXED 1][1]; NODE_NONE when not training */
  int input_count;       /* feeds */
  /* runs for more samples of a batch follow one another (step_args.same_batch): what does not
   * depend on the sample stays in memory for them */
  bool resamples;
  bool dense; /* zeros in data are multiplied, as no_fuse does */
} seal_options;
/* Checks that every node on the way to the objective has a vjp, fuses, finds what needs gradients,
 * plans the arena. Once. */
elbo_status graph_seal(graph *g, const seal_options *o, error *e);
size_t graph_arena_bytes(const graph *g);
/* The sealed graph as text (`elbo graph`): a line a node with op, inputs, shape, memory; or as a
 * dot drawing. */
void graph_dump(const graph *g, bool dot, text *out);

/* ---- running */
typedef struct feed {
  /* rows [first, first + n) of this batch, dense. [exec] */
  void (*rows)(const void *user, size_t first, size_t n, float *at);
  const void *user;
} feed;
typedef struct run_env {
  pool *pool; /* borrowed */
  const elbo_backend *backend;
  int level; /* registry_level() */
  uint64_t seed;
} run_env;
/* Memory for one execution at a time of a sealed graph. params, grads [graph_param_floats], 64-byte
   aligned, are the caller's; grads may be NULL when not training. */
run *run_new(const graph *g, const run_env *env, float *params, float *grads, error *e);
void run_free(run *r);
/* What changes from step to step. */
typedef struct step_args {
  size_t batch; /* rows of this batch, 1 .. B */
  /* Other samples of the batch of the run before, with the same feeds: of a graph that resamples,
   * what does not depend on the sample is not computed again. */
  bool same_batch;
  uint64_t step;          /* for the noise */
  uint64_t sample_offset; /* added to k for the noise */
  double kl_weight;
  bool training;      /* dropout is on */
  const feed *feeds;  /* [input_count] */
  double temperature; /* of relaxed values; 0: as at the start of training */
  double baseline;    /* of the score functions that have one */
  /* [graph_size] or NULL: draws taken from here, dense, in the value form */
  const float *const *replay;
} step_args;
/* Runs forward; ELBO_E_PLUGIN when a plugin answered an error. Nothing is allocated. */
elbo_status run_forward(run *r, const step_args *a, error *e);
elbo_status run_backward(run *r, error *e);       /* overwrites grads */
const float *run_value(const run *r, node_id id); /* of a kept node; rows lie node->ld apart */
size_t run_rows(const run *r, node_id id);
/* After a step that was not finite: runs the same step again, looking at every node as soon as it
   is computed, and says which value or gradient is the first that is not finite, in which row, with
   which inputs, at which step and seed. Always ELBO_E_NOT_FINITE. */
elbo_status run_find_nonfinite(run *r, const step_args *a, error *e);

/* Profiling: seconds and flop per node since the last reset, and the flop that zeros in the data
 * saved; off by default. */
void run_profile(run *r, bool on);
typedef struct node_cost {
  double seconds, gflop, skipped;
  uint64_t calls;
} node_cost;
node_cost run_cost(const run *r, node_id id, bool backward);

/* What one step of the whole batch costs, counted: barriers, pieces between them, flop of the
   products, floats that go through memory if no operand of a pass is in cache. By the plan alone:
   the same on every machine. */
typedef struct run_work {
  int passes, pieces;
  double flop;
  size_t floats;
} run_work;
run_work run_count_work(const run *r);

/* ---- for ops: where things are. Row i of a value starts at value + i * ld. */
struct run {
  const graph *graph;
  run_env env;
  float *params, *grads, *arena;
  size_t batch, samples; /* of this step */
  size_t full_batch;     /* the plan's B: noise rows are numbered by it */
  step_args args;
  _Atomic int failed_node; /* a plugin's error: where and what; failed_rc 0: none */
  _Atomic int failed_rc;
  bool ran; /* what stands in the arena is a step's, not memory as it came */
  bool profiling;
  node_cost *cost; /* [2 * size] */
};
static inline size_t rows_of(const run *r, shape s)
{
  return s.axis == AXIS_FIXED ? s.rows : s.axis == AXIS_BATCH ? r->batch : r->batch * r->samples;
}
/* The number of a row in noise streams: by the plan's B, so that a short batch draws what a full
 * one would. */
static inline uint32_t noise_row(const run *r, shape s, size_t row)
{
  if (s.axis == AXIS_FIXED) return (uint32_t)row;
  return (uint32_t)((row / r->batch + r->args.sample_offset) * r->full_batch + row % r->batch);
}
const node *in_node(const run *r, const node *n, int i);
float *node_value(const run *r, const node *n);
float *node_grad(const run *r, const node *n);
float *node_saved(const run *r, const node *n);
/* Of an op that saves gradients: where those by input i stand, [rows of n][cols of the input]. */
float *node_saved_of(const run *r, const node *n, int i);
/* Called by an op's pass when a plugin answers an error; the first one is kept. Any thread. */
void run_plugin_failed(run *r, const node *n, elbo_rc rc);

/* Share [from, to) of `n` for part of parts, in multiples of `unit`. */
void part_range(size_t n, size_t unit, int part, int parts, size_t *from, size_t *to);
/* How many parts a pass over `work` elementary operations takes: 1 below the worth of a barrier, at
 * most 16, at most `most`. */
int parts_for(double work, size_t most);

/* dst (of input `i` of n) += or = the rows of src [rows of n][cols], each times g[row] (NULL: 1),
   reduced along the axis where the input has fewer rows. part of parts as chosen by reduce_parts.
   What log_prob, kl and the like deliver their saved gradients with: node_saved_of, or, in place,
   the input's gradient itself. */
int reduce_parts(const run *r, const node *n, int i);
void reduce_to_input(run *r, const node *n, int i, const float *src, const float *g, int part,
                     int parts);

#endif
