/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimator.h"

#include <string.h>

const estimator_kind estimator_table[] = {
  { .name = "sgvb_a", .help = "the path of log p(x,z) - log q(z|x)", .source = "Kingma and Welling 2014, estimator A",
    .pathwise = true },
  { .name = "sgvb_b", .help = "the path of log p(x|z), minus the known KL where the per-latent rule allows it",
    .source = "Kingma and Welling 2014, estimator B", .pathwise = true, .uses_kl = true },
};
const int n_estimators = sizeof estimator_table / sizeof *estimator_table;

const estimator_kind *estimator_find(const char *name)
{
  for (int i = 0; i < n_estimators; i++)
    if (!strcmp(estimator_table[i].name, name)) return &estimator_table[i];
  return NULL;
}
