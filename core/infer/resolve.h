/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolve.h - what the files of resolving share. Each step reports to `problems` and goes on with
 * what makes sense. */
#ifndef ELBO_INFER_RESOLVE_H
#define ELBO_INFER_RESOLVE_H

#include "infer/model.h"

#include <string.h>

typedef struct resolver {
  model *m;
  const experiment *x;
  problems *problems;
  error *e; /* out of memory only */
} resolver;

int variable_find(const model *m, const char *name); /* -1: not there */
/* resolve_side.c: binds the family and every parameter of one side. */
void resolve_side(resolver *s, variable *v, side *to, const conditional *spec);
/* resolve_kl.c: the KL of a latent, if there is one, and why it can't be used. */
void find_kl(resolver *s, variable *v);
/* For `auto`: one that is infinite for some parameters that training may meet is not used. */
void avoid_infinite_kl(resolver *s, variable *v);
/* resolve_estimator.c */
void choose_estimators(resolver *s);
static inline bool is_auto(const char *estimator)
{
  return !strcmp(estimator, "auto");
}
/* resolve_fit.c */
/* Do data with these facts lie in the family's support (K classes)? With `v` NULL, of a family
 * whose support moves, anything passes. */
bool support_fits(const elbo_family *f, const data_facts *facts, int K, const variable *v);
void check_data(resolver *s, const variable *v);
void check_supports(resolver *s, const variable *v);

#endif
