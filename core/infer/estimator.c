/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"
#include "base/text.h"

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

elbo_status estimator_unknown(const char *name, const char *more, error *e)
{
  enum { MOST = 64 };
  const char *names[MOST];
  int n = 0;
  text known = { 0 };
  for (; n < n_estimators && n < MOST; n++) {
    names[n] = estimator_table[n]->name;
    text_format(&known, "%s%s", n ? ", " : "", names[n]);
  }
  const char *near = nearest_word(name, names, n);
  fail(e, ELBO_E_USAGE, "unknown estimator \"%.60s\"%s%s%s; known: %s%s", name,
       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", known.s ? known.s : "",
       more);
  text_free(&known);
  return e->status;
}

const char *const noise_names[] = {
  [NOISE_IID] = "iid", [NOISE_ANTITHETIC] = "antithetic", [NOISE_SOBOL] = "sobol"
};
const int n_noises = NOISE_KINDS;
