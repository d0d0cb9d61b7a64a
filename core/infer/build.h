/* SPDX-License-Identifier: GPL-3.0-or-later */
/* build.h - what the files that build a model's graphs share. */
#ifndef ELBO_INFER_BUILD_H
#define ELBO_INFER_BUILD_H

#include "graph/ops.h"
#include "infer/model.h"

typedef struct builder {
  model *m;
  const graph_options *o;
  model_graph *out;
  graph *g;
  error *e;
} builder;

/* A name in the graph's arena, from a format with up to two strings. */
const char *build_name(builder *b, const char *format, const char *a, const char *c);
node_id build_to_form(builder *b, const variable *v, node_id id, uint32_t from, uint32_t to);
/* The working parameters of q(v | parents) as edges along which no gradient reaches the weights of q; through the parents' values it still flows. */
elbo_status build_held_side(builder *b, const variable *v, node_id *w);

/* build_terms.c: densities and divergences, kept for reports; then rows and, in training, the objective. */
elbo_status build_terms(builder *b);
elbo_status build_objective(builder *b);

#endif
