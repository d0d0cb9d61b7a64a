/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

static void weigh(samples_view f, samples_view log_q, float *to, size_t stride)
{
  (void)log_q;
  for (size_t k = 0; k < f.K; k++) to[k * stride] = f.at[k * f.stride] / (float)f.K;
}

const estimator_kind estimator_score = {
  .name = "score",
  .help = "(1/K) sum f_k grad log q(z_k): any family that can be drawn, large variance",
  .source = "the naive estimator of Kingma and Welling 2014, section 2.2",
  .objective = &bound_elbo,
  .score = weigh,
  .hold_q = true,
};
