/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

const estimator_kind estimator_iwae = {
  .name = "iwae",
  .help = "the path of log (1/K) sum w_k",
  .source = "Burda, Grosse and Salakhutdinov 2016, eq. 14",
  .objective = &bound_iwae,
  .pathwise = true,
};
