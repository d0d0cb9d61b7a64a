/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/compare.h - which gradient estimator is better, here, and by how much: at fixed parameters
 * and one fixed minibatch every estimator gives independent gradient estimates, whose moments are
 * accumulated in one pass for every learned number. */
#ifndef ELBO_COMPARE_H
#define ELBO_COMPARE_H

#include <elbo/experiment.h>

#pragma GCC visibility push(default)

typedef struct {
  size_t size;                   /* sizeof(elbo_compare_options) */
  const char *from;              /* a run's parameters; NULL: fresh ones */
  const char *const *estimators; /* names, NULL-ended; NULL: all that there are */
  const long *samples;           /* values of K, 0-ended; NULL: the experiment's */
  /* roads of reparametrization to compare, NULL-ended; NULL: each family's own */
  const char *const *reparams;
  long repeats; /* R gradient estimates each; 0: 1000 */
  /* > 0: train each for the time in which the cheapest does so many epochs */
  long epochs;
  /* B of the minibatch, the first training rows in shuffled order; 0: the experiment's batch
   * size */
  long rows;
  uint64_t seed;            /* of the draws */
  bool (*stop)(void *user); /* asked between estimates */
  void (*progress)(void *user, const char *what, double fraction, double seconds_left);
  void *user;
} elbo_compare_options;

/* One estimator, K and group of parameters ("all"; "p", "q"; a network "q.z.net", a head
 * "q.z.head.loc", a free parameter). Numbers are NaN where the estimator does not apply, and
 * `reason` says why. */
typedef struct {
  char estimator[32], objective[32], group[96], reparam[32];
  char noise[16]; /* iid, antithetic, sobol: iid where the estimator refuses the experiment's */
  long samples;
  /* of the mean gradient, squared norm debiased by trace / R; standard errors are from the spread
   * over 10 blocks */
  double mean_norm, mean_norm_se;
  double variance, variance_se; /* the trace of the covariance of one estimate */
  /* mean over coordinates of |mean| / standard deviation (Rainforth et al. 2018); NaN where all are
   * 0/0 */
  double snr, snr_se;
  double bias, bias_chance;      /* |mean - reference|, and what chance alone would give */
  const char *verdict;           /* "unbiased", "biased", "cannot tell"; NULL: not applicable */
  double ms_per_gradient, ms_se; /* the median over ten rounds in which all took turns */
  double work_variance, work_variance_se; /* variance times milliseconds: what decides */
  char reference[64];                     /* what the bias is measured against */
  char reason[512];
} elbo_compare_row;

/* The ELBO along a training by one estimator (held-out rows, else training rows): n points after so
 * many seconds of steps. */
typedef struct {
  char label[96];
  double *seconds, *elbo;
  size_t n;
  long steps; /* in all */
} elbo_compare_curve;

typedef struct {
  /* for each estimator its groups, "all" first; sorted by work_variance of "all"; valid until the
   * experiment is freed */
  const elbo_compare_row *rows;
  size_t n;
  /* with `epochs`: the cheapest first, then in the order of the rows */
  const elbo_compare_curve *curves;
  size_t n_curves;
  long repeats;
  double snr_noise; /* what snr would be of a gradient that is noise alone: sqrt(2 / (pi R)) */
} elbo_compare_result;
/* ELBO_E_STOPPED: the result holds the estimators and trainings that were done, if there are any.
 */
elbo_status elbo_compare(elbo_experiment *x, const elbo_compare_options *options,
                         elbo_compare_result *result);
/* The comparison as one JSON object, as in compare.json; valid until the experiment is freed or
 * asked again; NULL with an error. */
const char *elbo_compare_json(elbo_experiment *x, const elbo_compare_result *result);
/* compare.json, compare.csv, compare.svg and, with curves, compare_train.svg into a folder, which
 * is made. */
elbo_status elbo_compare_write(elbo_experiment *x, const elbo_compare_result *result,
                               const char *directory);

#pragma GCC visibility pop

#endif
