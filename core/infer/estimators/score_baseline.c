/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

/* (f_k - b) / K: b knows nothing of the present draws, so that the term with it has mean 0. */
static void weigh(const row_samples *s, float *to, size_t stride)
{
  samples_view f = s->f;
  for (size_t k = 0; k < f.K; k++)
    to[k * stride] = (float)(((double)f.at[k * f.stride] - s->baseline) / (double)f.K);
}

/* What they keep of the past at each step. The sum is divided by its weights, so that the start is
 * no average with 0. */
static const double keep = 0.8;

double baseline_value(const baseline *b)
{
  return b->mass > 0 ? b->sum / b->mass : 0;
}

void baseline_see(baseline *b, double mean_f)
{
  b->sum = keep * b->sum + (1 - keep) * mean_f;
  b->mass = keep * b->mass + (1 - keep);
}

const estimator_kind estimator_score_baseline = {
  .name = "score_baseline",
  .help = "score with f_k minus a moving average of f over past steps",
  .source = "Mnih and Gregor 2014, algorithm 1, without its division by the deviation",
  .objective = &bound_elbo,
  .score = weigh,
  .hold_q = true,
  .baseline = true,
};
