/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_inside.h - the inside of elbo_run, shared by the files that open, evaluate and draw from
 * one. */
#ifndef ELBO_INFER_RUN_INSIDE_H
#define ELBO_INFER_RUN_INSIDE_H

#include "infer/context.h"

#include <math.h>

struct elbo_run {
  elbo_context *ctx;
  study *study;
  float *params;  /* of every graph of the model, 64-byte aligned */
  size_t chunk;   /* samples of a row that evaluation runs at a time; 0: as many as memory allows */
  float *values;  /* of the last elbo_array */
  float *figures; /* of each row of the last evaluation that was asked for them */
  double *latents;       /* kl_per_latent of the last evaluation */
  text likelihood, json; /* of the last evaluation */
  /* by feed: [given_rows][numbers] of an input, prepared; or NULL */
  float *given[MODEL_MAX_VARIABLES];
  size_t given_rows;
  arena *kept; /* what the last encode or impute gave out */
};

/* Dequantization and dynamic binarization of what is looked at are those of one visit that no
   training reaches, so that the same rows are the same numbers every time. */
enum { RUN_VISIT = INT32_MAX };
enum { RUN_BATCH = 1000 };

/* Test rows, or the training rows where there are none. */
split_kind run_split(const elbo_run *r);
const variable *run_observed(const elbo_run *r); /* the first one */
/* Height and width of a row seen as a grey image; 0 x 0: it is none. */
void run_image(const variable *v, size_t *height, size_t *width);
/* A machine whose memory is bounded for most->batch rows, in batches of *batch (at most RUN_BATCH),
   and most->samples samples, in chunks of *chunk; draws are those of `seed`. */
elbo_status run_machine(elbo_run *r, const graph_options *most, uint64_t seed, machine **out,
                        size_t *batch, size_t *chunk, error *e);
/* What the likelihood is, in words, into r->likelihood; improper: some observed variable's is not a
   density. */
elbo_status run_words(elbo_run *r, bool *improper, error *e);
bool run_improper(const variable *v);
/* Bits per dimension of the discrete data, from a mean log likelihood of the prepared data in nats;
   NaN where the data are not discrete. */
double run_bits(const elbo_run *r, double log_likelihood);
const char *run_bits_problem(const elbo_run *r); /* why it is NaN; NULL: it is not */

/* Running mean and squared deviations (Welford 1962). */
typedef struct row_moments {
  double n, mean, squares;
} row_moments;

static inline void row_moments_add(row_moments *m, double x)
{
  double before = x - m->mean;
  m->n++;
  m->mean += before / m->n;
  m->squares += before * (x - m->mean);
}

static inline double row_moments_se(const row_moments *m)
{
  return m->n > 1 ? sqrt(m->squares / (m->n - 1) / m->n) : NAN;
}

/* ---- run_walk.c: `rows` rows go through one of the graphs, batch by batch; `take` gets each. Data
   are fed from the rows of the split, again from the first where more are asked for than there are;
   inputs that were given (elbo_run_give) likewise from those. */
typedef struct walk {
  elbo_run *r;
  graph_purpose purpose;
  size_t rows;
  bool draw;             /* what is observed is drawn, instead of its mean */
  bool one_row;          /* every row is fed the first row's data */
  uint32_t mean_latents; /* of graph_options */
  uint64_t seed;
  void (*feed)(struct walk *w, machine *m, size_t first, size_t rows);
  void (*take)(struct walk *w, machine *m, size_t first, size_t rows);
  void *user;
  const char *doing; /* "encoding", for what a stop says */
  /* before each batch; NULL: not asked */
  bool (*stop)(void *told);
  void (*progress)(void *told, double fraction);
  void *told;
} walk;
elbo_status walk_run(walk *w, error *e);
/* The same; where a mean can't be had, draws are shown in its place, and the log says so. */
elbo_status walk_show(walk *w, error *e);
/* The rows of a kept node, `step` numbers apart in `to`. */
void walk_copy(const machine *m, node_id id, size_t rows, size_t step, float *to);
/* r->values for so many rows of the first observed variable. */
elbo_status run_new_array(elbo_run *r, size_t rows, elbo_array *out, error *e);
/* The first observed variable's place among the variables. */
int run_observed_at(const elbo_run *r);
/* An empty arena in r->kept. */
arena *run_keep_anew(elbo_run *r, error *e);

/* What training leaves beside the numbers: samples and, of images, reconstructions, in
 * `directory`. */
elbo_status run_leave_pictures(elbo_context *ctx, study *s, float *params, const char *directory,
                               error *e);

#endif
