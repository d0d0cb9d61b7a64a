/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

/* (1/2) (f(b) - f(b')) (b_i - b'_i) sigmoid(|a_i|) by the logits a, for each pair of samples (their
   section 3): f_k / K times (b - b') sigmoid(|a|) of each of the two, which op_mirror
   differentiates to. */
const estimator_kind estimator_disarm = {
  .name = "disarm",
  .help = "antithetic pairs of binary draws, by logits",
  .source = "Dong, Mnih and Tucker 2020, section 3",
  .objective = &bound_elbo,
  .score = score_mean,
  .hold_q = true,
  .mirrors = true,
  .no_chains = "both draws of a pair need the same logits; take score_loo",
  .min_samples = 2,
};
