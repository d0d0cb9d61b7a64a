/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

#include <math.h>

/* The bound with w_k replaced by the geometric mean of the others (their eq. 10). */
static double without(samples_view f, size_t k, double sum)
{
  double stand_in = (sum - (double)f.at[k * f.stride]) / (double)(f.K - 1), top = stand_in,
         total = 0;
  for (size_t j = 0; j < f.K; j++)
    if (j != k) top = fmax(top, (double)f.at[j * f.stride]);
  for (size_t j = 0; j < f.K; j++)
    total += exp((j == k ? stand_in : (double)f.at[j * f.stride]) - top);
  return top + log(total / (double)f.K);
}

/* The learning signal, minus what log q is weighed by in f. */
static void weigh(const row_samples *s, float *to, size_t stride)
{
  samples_view f = s->f;
  double bound = samples_log_mean_exp(f), sum = samples_mean(f) * (double)f.K;
  for (size_t k = 0; k < f.K; k++) {
    double share = exp((double)f.at[k * f.stride] - bound) / (double)f.K;
    to[k * stride] = (float)(bound - without(f, k, sum) - share);
  }
}

const estimator_kind estimator_vimco = {
  .name = "vimco",
  .help = "leave-one-out score function for iwae's bound",
  .source = "Mnih and Rezende 2016, eqs. 6 and 10",
  .objective = &bound_iwae,
  .score = weigh,
  .hold_q = true,
  .owns_log_q = true,
  .min_samples = 2,
};
