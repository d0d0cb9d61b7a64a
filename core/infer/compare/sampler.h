/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sampler.h - gradients at fixed parameters and on one fixed minibatch (its binarization fixed
 * too), of whatever model the study holds at the moment: that is how estimators are exchanged. */
#ifndef ELBO_COMPARE_SAMPLER_H
#define ELBO_COMPARE_SAMPLER_H

#include "infer/compare/moments.h"

typedef struct sampler {
  study *s;
  pool *pool; /* of every model in turn */
  groups groups;
  float *params, *grads; /* [groups.P] */
  uint32_t *order;       /* [batch] rows of the training split */
  size_t batch;
  uint64_t seed; /* of the draws */
  double epochs; /* that the run of the parameters has done: what temperatures go by */
  /* of the run under way: estimates with one are uncorrelated, each unbiased given those before
   * it */
  baseline baseline;
  /* after every estimate; may be NULL; what it refuses ends the run */
  elbo_status (*between)(void *user, error *e);
  void *user;
} sampler;
/* The first `batch` training rows in shuffled order; parameters as training would start them, or
 * those of the run `from`. */
elbo_status sampler_new(study *s, const char *from, size_t batch, uint64_t seed, sampler *out,
                        error *e);
void sampler_free(sampler *p);
/* `repeats` estimates, numbered from `first` on: equal numbers are equal noise, and different ones
   are independent. */
elbo_status sampler_run(sampler *p, uint64_t first, long repeats, moments **out, error *e);
/* The milliseconds of one of `repeats` gradients, the mean of them, after one untimed. */
elbo_status sampler_time(sampler *p, uint64_t first, long repeats, double *ms, error *e);

#endif
