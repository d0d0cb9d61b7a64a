/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

const estimator_kind estimator_sgvb_a = {
  .name = "sgvb_a",
  .help = "the path of log p(x,z) - log q(z|x)",
  .source = "Kingma and Welling 2014, eq. 6",
  .objective = &bound_elbo,
  .pathwise = true,
  .any_noise = true,
};
