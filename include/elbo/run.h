/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/run.h - a trained model: what stands in a run directory, opened to evaluate, sample,
 * reconstruct and look around in. */
#ifndef ELBO_RUN_H
#define ELBO_RUN_H

#include <elbo/experiment.h>

#pragma GCC visibility push(default)

typedef struct elbo_run elbo_run;

/* Opens the run in `directory`: its experiment with `settings` applied, its checkpoint's
 * parameters. `data`: "VARIABLE=FILE" pairs that replace the test data, NULL-ended, or NULL.
 * ELBO_E_CHECKPOINT, ELBO_E_DATA, ELBO_E_USAGE with the reason. Borrows ctx. */
elbo_status elbo_run_open(elbo_context *ctx, const char *directory, const char *const *settings,
                          const char *const *data, elbo_run **run);
void elbo_run_free(elbo_run *run);
const char *elbo_run_name(const elbo_run *run);
/* Numbers of one observed variable's row and its image shape (0 x 0: none); name NULL: the first
 * observed one. */
elbo_status elbo_run_shape(elbo_run *run, const char *variable, size_t *numbers, size_t *height,
                           size_t *width);

/* of a row: elbo, reconstruction, kl, log likelihood, effective sample size, Pareto k; NaN where
 * there is none */
enum { EVALUATION_FIGURES = 6 };
/* Var over rows of E_q[z] from which on a latent number counts as active (Burda et al. 2016,
 * section 5.2) */
#define EVALUATION_ACTIVE 0.01

/* Held-out figures in nats per row, over the test rows, or the training rows where there are none.
 * NaN where there is none. */
typedef struct {
  size_t rows;
  const char *split;
  double elbo, elbo_se, reconstruction, kl;
  /* of each event of a latent, the larger ones where p and q cut it differently, in the order of q;
   * valid until the next call */
  const double *kl_per_latent;
  size_t n_latents;
  long active_units; /* latent numbers above EVALUATION_ACTIVE; -1: a q without a mean */
  double log_likelihood, log_likelihood_se; /* importance-sampled, log (1/K) sum w */
  long samples;
  /* effective sample size (sum w)^2 / sum w^2, mean over rows; NaN without samples */
  double ess;
  double khat, khat_heavy; /* Pareto shape of the largest weights, mean over rows, and the share of
                              rows above 0.7 (Vehtari et al. 2024); NaN with fewer than 25 samples,
                              or where the largest weights are all equal */
  double bits_per_dim;
  const char *likelihood; /* in words */
  bool improper;          /* not a density */
  /* [rows][EVALUATION_FIGURES] with `rows`, else NULL; valid until the next call */
  const float *row_figures;
  /* Var over rows of E_q[z] of each latent number, in the order of q; NaN of a q without a mean */
  const double *mean_variance;
  size_t n_numbers;
  const char *bits_reason; /* why bits_per_dim is NaN; NULL: it is not */
} elbo_evaluation;
typedef struct {
  size_t size;
  long samples; /* K of the importance samples; 0: no log likelihood */
  uint64_t seed;
  bool (*stop)(void *user);
  void (*progress)(void *user, double fraction);
  void *user;
  bool rows; /* the figures of each row are wanted */
} elbo_evaluate_options;
elbo_status elbo_run_evaluate(elbo_run *run, const elbo_evaluate_options *options,
                              elbo_evaluation *out);
/* It as one JSON object on a line; NULL with an error. Valid until the next call. */
const char *elbo_evaluation_json(elbo_run *run, const elbo_evaluation *evaluation);

/* Arrays that the following give: [rows][numbers], plain values of the first observed variable;
 * owned by the run, valid until the next call. */
typedef struct {
  const float *values;
  size_t rows, numbers, height, width;
  float low, high; /* the range for a picture */
} elbo_array;
/* n ancestral draws: the means of p(x|z) (draws of x itself with `draw`). A model with inputs takes
   those of the first n test rows, again from the first where there are fewer. */
elbo_status elbo_run_sample(elbo_run *run, size_t n, uint64_t seed, bool draw, elbo_array *out);
/* The first n test rows (all, where there are fewer) and behind each its reconstruction E[x|z], z ~
 * q(z|x): rows 0, 2, 4 .. originals, 1, 3, 5 .. reconstructions. */
elbo_status elbo_run_reconstruct(elbo_run *run, size_t n, uint64_t seed, elbo_array *out);
/* Decoder means over side x side quantiles (m + 1/2) / side of the prior of latent numbers i (along
   a row) and j, counted over all latents in the order of p, parents first (elbo_run_latent); i = j,
   or a model with one latent number, gives a row. The other numbers of their latents, and latents
   without latent parents, stand at the prior's median; the latents below take their conditional
   means. Inputs are those of the first test row. */
elbo_status elbo_run_traverse(elbo_run *run, size_t side, size_t i, size_t j, elbo_array *out);

/* Rows of inputs (variables without a density) for sample and traverse, in place of the test rows:
   "VARIABLE=FILE" pairs, NULL-ended; files as in an experiment, prepared like the training data;
   all of one number of rows. ELBO_E_USAGE: not an input; ELBO_E_DATA. */
elbo_status elbo_run_give(elbo_run *run, const char *const *given);
/* Where the numbers of a latent variable begin in the counting of elbo_run_traverse, and how many
 * they are. ELBO_E_USAGE with the nearest name. */
elbo_status elbo_run_latent(elbo_run *run, const char *name, size_t *first, size_t *numbers);

/* Arrays with names, row-major floats; owned by the run, valid until the next call of the function
 * that gave them. */
typedef struct {
  const char *name;
  const float *values;
  int rank;
  size_t dims[4];
} elbo_named_array;
typedef struct {
  const elbo_named_array *arrays;
  size_t n;
} elbo_arrays;
/* NULL: there is none. */
const elbo_named_array *elbo_arrays_find(const elbo_arrays *a, const char *name);
/* All of them in one .npz file, as numpy reads it. ELBO_E_USAGE, ELBO_E_FILES. */
elbo_status elbo_arrays_write(elbo_context *ctx, const elbo_arrays *a, const char *path);

/* q(z|x) of the first `rows` test rows (0, or more than there are: all). For each latent in the
   order of q: every parameter in working form
   ("z.log_scale") and, where that is another, in plain form ("z.scale"), shape [rows][events], with
   a third dimension where an event has several numbers; a draw ("z.sample"), in plain form. A
   latent whose parents are latents has the parameters that follow from their draws. "labels" [rows]
   where the experiment has them. */
typedef struct {
  size_t size; /* sizeof(elbo_encode_options) */
  size_t rows;
  uint64_t seed;
  /* Between two batches: true ends the call with ELBO_E_STOPPED; how much is done. The caller's
   * thread; NULL: not asked. */
  bool (*stop)(void *user);
  void (*progress)(void *user, double fraction);
  void *user;
} elbo_encode_options;
elbo_status elbo_run_encode(elbo_run *run, const elbo_encode_options *options, elbo_arrays *out);
/* By the ending of `path`: .npz all arrays; .npy the draws of all latents side by side,
   [rows][numbers]; .svg the first two numbers of the draws, coloured by label. */
elbo_status elbo_encoding_write(elbo_context *ctx, const elbo_arrays *encoding, const char *path);

/* Marginal inference of a part of x given the rest, by the Markov chain of Rezende, Mohamed and
   Wierstra 2014, appendix F: missing numbers start as a draw from the model; then z ~ q(z|x) and
   the missing part of x ~ p(x|z), again and again, what is given being held. */
typedef struct {
  size_t size;       /* sizeof(elbo_impute_options) */
  size_t rows;       /* the first test rows; 0: all */
  size_t iterations; /* of the chain; 0: 100 */
  uint64_t seed;
  /* [mask_rows][numbers of the first observed variable]: 1 given, 0 missing. mask_rows 1: the same
   * for all rows */
  const uint8_t *mask;
  size_t mask_rows; /* else at least as many as rows are imputed */
  /* or, with mask NULL, a data file of that shape, or of the shape of one row */
  const char *mask_file;
  /* Between two steps of the chain: true ends the call with ELBO_E_STOPPED; how much is done. The
   * caller's thread; NULL: not asked. */
  bool (*stop)(void *user);
  void (*progress)(void *user, double fraction);
  void *user;
} elbo_impute_options;
typedef struct {
  /* missing: numbers that are, over all rows */
  size_t rows, numbers, height, width, iterations, missing;
  float low, high; /* the range for a picture */
  /* [iterations + 1] root mean square over missing numbers: of the start, then of E[x|z] in each
   * iteration */
  const double *error;
  double error_imputed;
  elbo_arrays arrays; /* "truth", "mask", "imputed" (missing numbers: E[x|z] averaged over the
                         second half of the chain), "chain" (its last state), each [rows][numbers];
                         "error" [iterations + 1] */
} elbo_imputation;
/* ELBO_E_USAGE, ELBO_E_DATA: the mask's shape, or a number that is neither 0 nor 1;
 * ELBO_E_NOT_FINITE. */
elbo_status elbo_run_impute(elbo_run *run, const elbo_impute_options *options,
                            elbo_imputation *out);
/* By the ending of `path`: .npz all arrays; .npy "imputed"; .png (images) rows of original, what
 * was given, imputed; .svg the error over iterations. */
elbo_status elbo_imputation_write(elbo_context *ctx, const elbo_imputation *imputation,
                                  const char *path);

/* Every learned tensor by its name in the checkpoint, and of a variable that is standardized
 * prepare.NAME.mean and prepare.NAME.scale [numbers]. */
elbo_status elbo_run_weights(elbo_run *run, elbo_arrays *out);
/* Writes the model as plain C11 (and C++) that needs libm alone: NAME.h, NAME.c, NAME_weights.c in
   `directory`, which is made; NAME begins all names in them: `name`, a C identifier, or where it is
   NULL the run's made one. Files of this run's name are written anew, of another refused. For every
   variable of p and q a function from its parents' values to the working parameters, in the order
   of the encoder and the decoder; for every data variable its preparation (what is random in it at
   its mean); for every observed variable, where its family's mean has a formula in C, the mean from
   these parameters. The header says shapes and forms, and where there is no mean. ELBO_E_USAGE,
   ELBO_E_FILES. */
elbo_status elbo_run_export_c(elbo_run *run, const char *directory, const char *name);

/* Writes an array as PNG (where it has an image shape), as npy, or as SVG points (two numbers a
 * row), by the ending of `path`. ELBO_E_USAGE, ELBO_E_FILES. */
elbo_status elbo_array_write(elbo_context *ctx, const elbo_array *a, const char *path,
                             size_t columns);

/* ---- who is at work: for the program's own signal handlers and watchdogs. The library installs
 * none. */
typedef struct {
  const char *node, *op;
  const char *plugin; /* whose functions the op calls; NULL: none's */
  uint64_t step;
  uint64_t serial; /* changes from one piece of work to the next */
} elbo_work;
/* What the calling thread computes for a graph, or waits for; false: nothing. The strings live as
 * long as the graph. [any thread, async-signal-safe] */
bool elbo_at_work(elbo_work *work);
/* What a fault at `address` means under check_plugins; false: nothing is known. The strings are
 * literals. [any thread, async-signal-safe] */
typedef struct {
  const char *operation; /* of plugin.h: "log_prob", "backward_f32" */
  const char *deed;      /* "wrote into its input" */
  const char *name;      /* of the argument: "dw" */
} elbo_fault;
bool elbo_at_fault(const void *address, elbo_fault *fault);

#pragma GCC visibility pop

#endif
