/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

/* The objective is that of the relaxed model: another number than the ELBO, and so are its
 * gradients. */
const estimator_kind estimator_concrete = {
  .name = "concrete",
  .help = "the path through the relaxed twin of a discrete family: BIASED, the less the lower the "
          "temperature",
  .source = "Maddison, Mnih and Teh 2017; Jang, Gu and Poole 2017",
  .objective = &bound_elbo,
  .pathwise = true,
  .relaxes = true,
};
