/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

#include <math.h>

/* The exact sum over the support: sum_k q_k f_k. Its gradient by q is sum_k q_k f_k grad log q_k,
 * since sum_k q_k grad log q_k = 0. */
static double value(const row_samples *s)
{
  samples_view f = s->f, log_q = s->log_q;
  double sum = 0;
  for (size_t k = 0; k < f.K; k++) {
    double q = exp((double)log_q.at[k * log_q.stride]);
    sum += q > 0 ? q * (double)f.at[k * f.stride] : 0;
  }
  return sum;
}

static void path(const row_samples *s, float *to, size_t stride)
{
  samples_view f = s->f, log_q = s->log_q;
  for (size_t k = 0; k < f.K; k++) to[k * stride] = (float)exp((double)log_q.at[k * log_q.stride]);
}

static void weigh(const row_samples *s, float *to, size_t stride)
{
  samples_view f = s->f, log_q = s->log_q;
  for (size_t k = 0; k < f.K; k++) {
    double q = exp((double)log_q.at[k * log_q.stride]);
    to[k * stride] = (float)(q > 0 ? q * (double)f.at[k * f.stride] : 0);
  }
}

static const bound_rule exact = { "elbo", value, path };
const estimator_kind estimator_enumerate = {
  .name = "enumerate",
  .help = "the exact sum over a small finite support: the reference for discrete latents",
  .source = "the definition of the ELBO",
  .objective = &exact,
  .score = weigh,
  .hold_q = true,
  .enumerates = true,
};
