/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export_inside.h - what the files that export a model as C share. */
#ifndef ELBO_INFER_EXPORT_INSIDE_H
#define ELBO_INFER_EXPORT_INSIDE_H

#include "infer/run_inside.h"

typedef struct exporter {
  elbo_run *r;
  const model *m;
  const graph *g;
  error *e;
  char name[80];
  text header, source, weights;
  size_t count; /* numbers in weights */
} exporter;

void export_identifier(const char *from, char *to, size_t n); /* a name that C takes */
/* Appends numbers to the weights; where they begin. */
size_t export_put(exporter *x, const char *what, const float *at, size_t n);
size_t export_put_tensor(exporter *x, const char *stem, const char *part);

/* export_parts.c: one function each. */
void export_prepare(exporter *x, const variable *v);
void export_conditional(exporter *x, const variable *v, const side *s, char list);
void export_mean(exporter *x, const variable *v); /* of an observed variable, from its parameters */

#endif
