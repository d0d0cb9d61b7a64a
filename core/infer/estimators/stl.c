/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

/* The term that is left out, grad log q by the weights of q alone, has mean 0; without it the
 * variance vanishes at the exact posterior. */
const estimator_kind estimator_stl = {
  .name = "stl",
  .help = "sgvb_a with the weights of q held still inside log q",
  .source = "Roeder, Wu and Duvenaud 2017, eq. 7",
  .objective = &bound_elbo,
  .pathwise = true,
  .any_noise = true,
  .hold_q = true,
};
