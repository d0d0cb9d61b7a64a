/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/run.h - a trained model: what stands in a run directory, opened to evaluate, sample, reconstruct and look around in. */
#ifndef ELBO_RUN_H
#define ELBO_RUN_H

#include <elbo/experiment.h>

#pragma GCC visibility push(default)

typedef struct elbo_run elbo_run;

/* Opens the run in `directory`: its experiment with `settings` applied, its checkpoint's parameters. `data`: "VARIABLE=FILE" pairs that replace the
 * test data, NULL-ended, or NULL. ELBO_E_CHECKPOINT, ELBO_E_DATA, ELBO_E_USAGE with the reason. Borrows ctx. */
elbo_status elbo_run_open(elbo_context *ctx, const char *directory, const char *const *settings, const char *const *data, elbo_run **run);
void elbo_run_free(elbo_run *run);
const char *elbo_run_name(const elbo_run *run);
/* Numbers of one observed variable's row and its image shape (0 x 0: none); name NULL: the first observed one. */
elbo_status elbo_run_shape(elbo_run *run, const char *variable, size_t *numbers, size_t *height, size_t *width);

enum { EVALUATION_FIGURES = 6 }; /* of a row: elbo, reconstruction, kl, log likelihood, effective sample size, Pareto k; NaN where there is none */

/* Held-out figures in nats per row, over the test rows, or the training rows where there are none. NaN where there is none. */
typedef struct {
  size_t rows;
  const char *split;
  double elbo, elbo_se, reconstruction, kl;
  const double *kl_per_latent; /* of each latent number, in the order of q; valid until the next call */
  size_t n_latents;
  long active_units;           /* Var over rows of E_q[z] > 0.01 (Burda et al. 2016); -1: a q without a mean */
  double log_likelihood, log_likelihood_se; /* importance-sampled, log (1/K) sum w */
  long samples;
  double ess;                  /* effective sample size (sum w)^2 / sum w^2, mean over rows; NaN without samples */
  double khat, khat_heavy;     /* Pareto shape of the largest weights, mean over rows, and the share of rows above 0.7 (Vehtari et al. 2024); NaN
                                  with fewer than 25 samples, or where the largest weights are all equal */
  double bits_per_dim;
  const char *likelihood;      /* in words */
  bool improper;               /* not a density */
  const float *row_figures;    /* [rows][EVALUATION_FIGURES] with `rows`, else NULL; valid until the next call */
} elbo_evaluation;
typedef struct {
  size_t size;
  long samples; /* K of the importance samples; 0: no log likelihood */
  uint64_t seed;
  bool (*stop)(void *user);
  void (*progress)(void *user, double fraction);
  void *user;
  bool rows;    /* the figures of each row are wanted */
} elbo_evaluate_options;
elbo_status elbo_run_evaluate(elbo_run *run, const elbo_evaluate_options *options, elbo_evaluation *out);

/* Arrays that the following give: [rows][numbers], plain values of the first observed variable; owned by the run, valid until the next call. */
typedef struct {
  const float *values;
  size_t rows, numbers, height, width;
  float low, high; /* the range for a picture */
} elbo_array;
/* n ancestral draws: the means of p(x|z) (draws of x itself with `draw`). A model with inputs takes those of the first n test rows, again from the
   first where there are fewer. */
elbo_status elbo_run_sample(elbo_run *run, size_t n, uint64_t seed, bool draw, elbo_array *out);
/* The first n test rows (all, where there are fewer) and behind each its reconstruction E[x|z], z ~ q(z|x): rows 0, 2, 4 .. originals, 1, 3, 5 .. reconstructions. */
elbo_status elbo_run_reconstruct(elbo_run *run, size_t n, uint64_t seed, elbo_array *out);
/* Decoder means over side x side quantiles (m + 1/2) / side of the prior of latent numbers i (along a row) and j, counted in the order of p, the
   others at the prior's median; inputs are those of the first test row. A model with one latent number gives a row. */
elbo_status elbo_run_traverse(elbo_run *run, size_t side, size_t i, size_t j, elbo_array *out);

/* Writes an array as PNG (where it has an image shape), as npy, or as SVG points (two numbers a row), by the ending of `path`. ELBO_E_USAGE, ELBO_E_FILES. */
elbo_status elbo_array_write(elbo_context *ctx, const elbo_array *a, const char *path, size_t columns);

#pragma GCC visibility pop

#endif
