/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

/* f_k minus the mean of the other f_j, over K: (f_k - mean) / (K - 1). */
static void weigh(const row_samples *s, float *to, size_t stride)
{
  samples_view f = s->f;
  double mean = samples_mean(f);
  for (size_t k = 0; k < f.K; k++)
    to[k * stride] = (float)(((double)f.at[k * f.stride] - mean) / (double)(f.K - 1));
}

const estimator_kind estimator_score_loo = {
  .name = "score_loo",
  .help = "score with f_k minus the mean of the other samples' f",
  .source = "Salimans and Knowles 2014; Richter et al. 2020 (VarGrad)",
  .objective = &bound_elbo,
  .score = weigh,
  .hold_q = true,
  .min_samples = 2,
};
