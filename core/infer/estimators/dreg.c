/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

/* By phi: sum of squared normalised weights times the path gradient; by theta the plain gradient of
 * the bound. */
const estimator_kind estimator_dreg = {
  .name = "dreg",
  .help = "iwae's bound by doubly reparametrized gradients",
  .source = "Tucker, Lawson, Gu and Maddison 2019, eq. 8",
  .objective = &bound_iwae,
  .pathwise = true,
  .hold_q = true,
  .scale_path = true,
  .no_chains = "it is known for latents without latent parents only (Bauer and Mnih 2021 "
               "generalise it); take iwae",
};
