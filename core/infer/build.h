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
  bool echo; /* the latents have relaxed values, and nothing but those sends a gradient */
} builder;

/* A name in the graph's arena, from a format with up to two strings. */
const char *build_name(builder *b, const char *format, const char *a, const char *c);
node_id build_to_form(builder *b, const variable *v, node_id id, uint32_t from, uint32_t to);
void build_set_value(builder *b, int v, node_id id, uint32_t form);
/* The working parameters of a side, all weights held where `hold`. */
elbo_status build_side(builder *b, const variable *v, const side *s, const char *list, bool hold,
                       node_id *w);
/* The working parameters of q(v | parents) as edges along which no gradient reaches the weights of
 * q; through the parents' values it still flows. */
elbo_status build_held_side(builder *b, const variable *v, node_id *w);

/* build_relaxed.c. Is the value of v that of its relaxed twin, at this place of this graph? */
bool build_is_relaxed(const builder *b, const variable *v);
/* The value of a latent whose estimator relaxes it: of the twin, or, for a control variate,
 * hardened, with the two relaxed values beside it. */
node_id build_relaxed_value(builder *b, const variable *v, int at);
/* log p or log q of a relaxed value: by the twin at the temperature, or by the discrete density
 * between its points. */
node_id build_relaxed_log_prob(builder *b, const variable *v, const node_id *w, const char *label);
/* f at relaxed values (by variable) in place of the latents' own, through held weights. */
node_id build_echo(builder *b, const node_id *relaxed, const char *label);

/* build_terms.c: log w as it stands in `out`. */
node_id build_log_w(builder *b, const char *label);
/* build_terms.c: densities and divergences, kept for reports; then rows and, in training, the
 * objective. */
elbo_status build_terms(builder *b);
elbo_status build_objective(builder *b);

#endif
