/* SPDX-License-Identifier: GPL-3.0-or-later */
/* estimator.h - the estimators an experiment may name: an objective, a gradient road for each latent, and whether known KLs are used.
 * One file each in core/infer/estimators/; the table joins them. */
#ifndef ELBO_INFER_ESTIMATOR_H
#define ELBO_INFER_ESTIMATOR_H

#include <stdbool.h>

typedef struct estimator_kind {
  const char *name, *help, *source; /* source: author, year */
  bool pathwise;   /* draws need a reparametrizer */
  bool uses_kl;    /* a known KL replaces the sampled term, by the per-latent rule */
} estimator_kind;
extern const estimator_kind estimator_table[];
extern const int n_estimators;
const estimator_kind *estimator_find(const char *name);

#endif
