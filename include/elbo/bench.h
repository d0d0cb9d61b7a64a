/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/bench.h - what things cost: a training step, reading data, a family's functions, and how the
 * cost of a step grows. Everything is the real thing, timed; nothing is a special path. Times on a
 * machine that others use mean little: compare what was measured interleaved. */
#ifndef ELBO_BENCH_H
#define ELBO_BENCH_H

#include <elbo/experiment.h>

#pragma GCC visibility push(default)

/* ---- the training step */
typedef struct {
  char name[96];
  double ms, gflop; /* per step */
} elbo_bench_op;
typedef struct {
  /* of a step; the mean has what a few of them alone meet: a wait for rows that are read ahead */
  double ms_median, ms_min, ms_mean;
  double gflops;
  double allocations_per_step;
  size_t peak_rss_bytes;
  const elbo_bench_op *ops; /* in the order of the plan; valid until the experiment is freed */
  size_t n_ops;
} elbo_bench_result;
/* Runs `steps` steps (0: as many as take about two seconds) after a warm-up, on the experiment's
 * own data. */
elbo_status elbo_bench_step(elbo_experiment *x, int64_t steps, elbo_bench_result *result);

/* ---- the training data of each variable, read once more */
enum { ELBO_BENCH_VARIABLES = 32 };
typedef struct {
  const char *variable, *file; /* file NULL: built in. Both live as long as the experiment */
  size_t rows, numbers;
  size_t file_bytes, bytes; /* on disk, 0 for a built-in set; in memory */
  double read_ms;           /* opened, unpacked, every number checked */
  double facts_ms;          /* the pass for range, grid and constant columns */
  double batch_ms;          /* the first batch made ready: rows prepared as floats */
  size_t batch;             /* rows of it */
  bool stays; /* the rows stay in their file, as in training: bytes are of one reading of all */
} elbo_bench_load;
/* data [ELBO_BENCH_VARIABLES]; *n of them. What the system holds of a file in memory is not read
 * from disk. */
elbo_status elbo_bench_load_data(elbo_experiment *x, elbo_bench_load *data, size_t *n);

/* ---- a family: nanoseconds of an event; NaN: it has no such thing */
typedef struct {
  double log_prob, gradient, draw; /* gradient: the value with all its derivatives */
} elbo_bench_costs;
typedef struct {
  int K;                     /* numbers of an event, where the family has a dimension; else 1 */
  bool kernel;               /* is log_prob a float kernel, or the double function event by event */
  bool fast_draw;            /* has the family's road a float kernel */
  elbo_bench_costs f64, f32; /* the double functions; what a training step calls */
} elbo_bench_family;
/* At the standard parameters, at values drawn from them. ELBO_E_USAGE with the nearest name. */
elbo_status elbo_bench_family_cost(elbo_context *ctx, const char *name, elbo_bench_family *out);

/* ---- how the cost grows, along one size after the other, the rest as the experiment says */
enum { ELBO_BENCH_AXES = 6, ELBO_BENCH_POINTS = 5 };
typedef struct {
  double value, ms, spread; /* the median over rounds, and half of their range */
} elbo_bench_point;
typedef struct {
  const char *name; /* "N", "B", "K", "Z", "width", "threads" */
  const char *what; /* "rows of the training data" */
  const char *cost; /* "a step" */
  elbo_bench_point points[ELBO_BENCH_POINTS];
  size_t n;
  /* ms ~ value^exponent, by least squares of the logarithms; NaN with fewer than three points */
  double exponent, exponent_se;
  char reason[512]; /* why a point is missing: the first refusal; "" when none is */
} elbo_bench_axis;
typedef struct {
  size_t size;              /* sizeof(elbo_bench_scale_options) */
  long rounds;              /* over all points, interleaved; 0: 3 */
  long steps;               /* timed at each point; 0: as many as take 0.2 s, at least 10 */
  bool (*stop)(void *user); /* asked between points: true ends with ELBO_E_STOPPED */
  void (*progress)(void *user, const char *axis, double fraction);
  void *user;
} elbo_bench_scale_options;
/* FILE with `settings`, as elbo_experiment_open. axes [ELBO_BENCH_AXES]. */
elbo_status elbo_bench_scale(elbo_context *ctx, const char *file, const char *const *settings,
                             const elbo_bench_scale_options *options, elbo_bench_axis *axes);
/* scale.svg, all axes against their first point, and scale_AXIS.svg for each that has points, into
 * a folder, which is made. */
elbo_status elbo_bench_scale_write(elbo_context *ctx, const char *title,
                                   const elbo_bench_axis *axes, const char *directory);

#pragma GCC visibility pop

#endif
