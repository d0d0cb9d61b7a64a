/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

const estimator_kind estimator_score = {
  .name = "score",
  .help = "(1/K) sum f_k grad log q(z_k): any family that can be drawn, large variance",
  .source = "Paisley, Blei and Jordan 2012; Kingma and Welling 2014, section 2.2",
  .objective = &bound_elbo,
  .score = score_mean,
  .hold_q = true,
  .any_noise = true,
};
