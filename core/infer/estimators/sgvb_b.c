/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

const estimator_kind estimator_sgvb_b = {
  .name = "sgvb_b",
  .help = "the path of log p(x|z), minus the known KL where the per-latent rule allows it",
  .source = "Kingma and Welling 2014, eq. 7",
  .objective = &bound_elbo,
  .pathwise = true,
  .any_noise = true,
  .uses_kl = true,
};
