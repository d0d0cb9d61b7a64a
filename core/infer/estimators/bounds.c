/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The objectives of K samples. */
#include "infer/estimator.h"

#include <math.h>

double samples_mean(samples_view f)
{
  double sum = 0;
  for (size_t k = 0; k < f.K; k++) sum += (double)f.at[k * f.stride];
  return sum / (double)f.K;
}

static double largest(samples_view f)
{
  double top = -INFINITY;
  for (size_t k = 0; k < f.K; k++) top = fmax(top, (double)f.at[k * f.stride]);
  return top;
}

double samples_log_mean_exp(samples_view f)
{
  double top = largest(f), sum = 0;
  if (isinf(top)) return top;
  for (size_t k = 0; k < f.K; k++) sum += exp((double)f.at[k * f.stride] - top);
  return top + log(sum / (double)f.K);
}

static double elbo_value(const row_samples *s)
{
  return samples_mean(s->f);
}

static void elbo_path(const row_samples *s, float *to, size_t stride)
{
  for (size_t k = 0; k < s->f.K; k++) to[k * stride] = (float)(1 / (double)s->f.K);
}

static double iwae_value(const row_samples *s)
{
  return samples_log_mean_exp(s->f);
}

/* The normalised weights w_k / sum w. */
static void iwae_path(const row_samples *s, float *to, size_t stride)
{
  samples_view f = s->f;
  double norm = samples_log_mean_exp(f) + log((double)f.K);
  for (size_t k = 0; k < f.K; k++) to[k * stride] = (float)exp((double)f.at[k * f.stride] - norm);
}

const bound_rule bound_elbo = { "elbo", elbo_value, elbo_path };
const bound_rule bound_iwae = { "iwae", iwae_value, iwae_path };
const bound_rule bound_wake = { "wake", iwae_value, iwae_path };

/* f_k / K: the weight of grad log q in the mean of f. */
void score_mean(const row_samples *s, float *to, size_t stride)
{
  for (size_t k = 0; k < s->f.K; k++) to[k * stride] = s->f.at[k * s->f.stride] / (float)s->f.K;
}
