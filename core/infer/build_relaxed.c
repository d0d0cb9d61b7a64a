/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Latents with relaxed values: in place of their own (concrete), or beside them, for a control
 * variate (rebar). */
#include "infer/build.h"

enum { STREAM_GIVEN = 8 * STREAM_DRAW };

bool build_is_relaxed(const builder *b, const variable *v)
{
  return v->relax && b->o->purpose == GRAPH_TRAIN && (v->estimator->relaxes || b->echo);
}

/* The twin's parameters: a temperature, then the family's own. */
static int twin_params(builder *b, const variable *v, const node_id *own, node_id *w)
{
  temperature_attr a = { v->d, model_temperature(b->m, 0) };
  int n = (int)v->relax->hard.family->n_params;
  w[0] = graph_add(b->g, &op_temperature, build_name(b, "%s.temperature%s", v->name, ""), NULL, 0,
                   &a, sizeof a, b->e);
  for (int p = 0; p < n; p++) w[1 + p] = own[p];
  return n + 1;
}

static node_id add_twin_draw(builder *b, const variable *v, const node_id *w, int n, int at)
{
  draw_attr a = { .road = &v->relax->road,
                  .registry = b->m->registry,
                  .family = &v->relax->twin,
                  .d = v->d,
                  .stream = STREAM_DRAW + (uint64_t)at,
                  .axis = AXIS_SAMPLE };
  return graph_add(b->g, &op_draw, v->name, w, n, &a, sizeof a, b->e);
}

node_id build_relaxed_value(builder *b, const variable *v, int at)
{
  relax_attr a = { v->relax, v->d, STREAM_GIVEN + (uint64_t)at };
  node_id w[1 + FAMILY_MAX_PARAMS], in[1 + FAMILY_MAX_PARAMS];
  int n = twin_params(b, v, b->out->q_param[at], w);
  node_id y = b->out->drawn[at] = add_twin_draw(b, v, w, n, at);
  if (v->estimator->relaxes) return y;
  node_id from = held(y), x = graph_add(b->g, &op_harden, v->name, &from, 1, &a, sizeof a, b->e);
  in[0] = held(x);
  for (int i = 0; i < n; i++) in[1 + i] = w[i];
  b->out->relaxed[at] = y;
  b->out->given[at] =
      graph_add(b->g, &op_draw_given, build_name(b, "relaxed %s given %s", v->name, v->name), in,
                n + 1, &a, sizeof a, b->e);
  return b->out->given[at] == NODE_NONE ? NODE_NONE : x;
}

node_id build_relaxed_log_prob(builder *b, const variable *v, const node_id *own, const char *list)
{
  int at = (int)(v - b->m->variable), n = (int)v->relax->hard.family->n_params;
  node_id in[2 + FAMILY_MAX_PARAMS];
  log_prob_attr twin = { &v->relax->twin, v->d, false };
  relax_attr between = { v->relax, v->d, 0 };
  const char *label = build_name(b, "log %s(relaxed %s)", list, v->name);
  if (b->m->x->estimator.density_relaxed && v->estimator->relaxes) {
    in[0] = b->out->value[at];
    n = twin_params(b, v, own, in + 1);
    return graph_add(b->g, &op_log_prob, label, in, 1 + n, &twin, sizeof twin, b->e);
  }
  in[0] = b->out->plain[at];
  for (int p = 0; p < n; p++) in[1 + p] = own[p];
  return graph_add(b->g, &op_log_prob_relaxed, label, in, 1 + n, &between, sizeof between, b->e);
}

/* p once more, parents first. */
static elbo_status add_echo(builder *b, const node_id *relaxed)
{
  for (int i = 0; i < b->m->n_q; i++) {
    int at = b->m->q_order[i];
    build_set_value(b, at, relaxed[at], b->m->variable[at].relax->twin.family->value_form);
  }
  for (int i = 0; i < b->m->n_p; i++) {
    int at = b->m->p_order[i];
    const variable *v = &b->m->variable[at];
    if (build_side(b, v, &v->p, "p", true, b->out->p_param[at])) return b->e->status;
  }
  return build_terms(b);
}

node_id build_echo(builder *b, const node_id *relaxed, const char *label)
{
  model_graph own = *b->out;
  b->echo = true;
  node_id f = add_echo(b, relaxed) ? NODE_NONE : build_log_w(b, label);
  b->echo = false;
  *b->out = own;
  return f;
}
