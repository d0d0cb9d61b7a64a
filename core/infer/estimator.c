/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

#include <string.h>

const estimator_kind *const estimator_table[] = {
  &estimator_sgvb_a,         &estimator_sgvb_b,    &estimator_stl,       &estimator_score,
  &estimator_score_baseline, &estimator_score_loo, &estimator_iwae,      &estimator_iwae_stl,
  &estimator_dreg,           &estimator_vimco,     &estimator_rws,       &estimator_concrete,
  &estimator_rebar,          &estimator_disarm,    &estimator_enumerate,
};
const int n_estimators = sizeof estimator_table / sizeof *estimator_table;

const estimator_kind *estimator_find(const char *name)
{
  for (int i = 0; i < n_estimators; i++)
    if (!strcmp(estimator_table[i]->name, name)) return estimator_table[i];
  return NULL;
}

const char *const noise_names[] = {
  [NOISE_IID] = "iid", [NOISE_ANTITHETIC] = "antithetic", [NOISE_SOBOL] = "sobol"
};
const int n_noises = NOISE_KINDS;
