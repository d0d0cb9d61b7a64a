/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

const estimator_kind estimator_iwae_stl = {
  .name = "iwae_stl",
  .help = "iwae with the weights of q held still inside log q: BIASED, kept to show it",
  .source = "Tucker et al. 2019, section 3",
  .objective = &bound_iwae,
  .pathwise = true,
  .hold_q = true,
};
