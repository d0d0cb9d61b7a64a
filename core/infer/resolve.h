/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolve.h - what the files of resolving share. Each step reports to `problems` and goes on with
 * what makes sense. */
#ifndef ELBO_INFER_RESOLVE_H
#define ELBO_INFER_RESOLVE_H

#include "infer/model.h"

typedef struct resolver {
  model *m;
  const experiment *x;
  problems *problems;
  error *e; /* out of memory only */
} resolver;

int variable_find(const model *m, const char *name); /* -1: not there */
/* resolve_side.c: binds the family and every parameter of one side. */
void resolve_side(resolver *s, variable *v, side *to, const conditional *spec);
/* resolve_fit.c: supports and data; resolve_estimator.c: estimators and KLs. */
/* Do data with these facts lie in the family's support (K classes)? With `v` NULL, of a family
 * whose support moves, anything passes. */
bool support_fits(const elbo_family *f, const data_facts *facts, int K, const variable *v);
void check_data(resolver *s, const variable *v);
void check_supports(resolver *s, const variable *v);
void choose_estimators(resolver *s);

#endif
