/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a resolved model to its graphs. Parameters come first, in one order for all purposes; then
 * values of the variables, parents first; then densities and divergences; then the objective. */
#include "infer/build.h"

#include <string.h>

const char *build_name(builder *b, const char *format, const char *a, const char *c)
{
  return arena_format(graph_arena(b->g), b->e, format, a, c);
}

/* ---- parameters */
static node_id make_free(builder *b, const side *s, int p, const char *prefix)
{
  const param_plan *plan = &s->param[p];
  size_t width = (size_t)s->use.width[p], count = s->d * width;
  const char *label = build_name(b, "%s.param.%s", prefix, plan->working_name);
  node_id id = graph_param(b->g, label, 1, count, b->e);
  float *start = arena_get(graph_arena(b->g), count, sizeof *start, b->e);
  if (id == NODE_NONE || !start) return NODE_NONE;
  for (size_t i = 0; i < count; i++) start[i] = (float)plan->values[i];
  named_tensor t = { .name = label,
                     .node = id,
                     .count = count,
                     .rank = width > 1 ? 2 : 1,
                     .dims = { s->d, width },
                     .role = TENSOR_FREE,
                     .start = start };
  return graph_name_tensor(b->g, &t, b->e) ? NODE_NONE : id;
}

static elbo_status make_side_params(builder *b, const variable *v, side *s, const char *list)
{
  head_spec heads[FAMILY_MAX_PARAMS];
  int n = 0;
  if (!s->spec) return ELBO_DONE;
  const char *prefix = build_name(b, "%s.%s", list, v->name);
  for (uint32_t p = 0; p < s->use.family->n_params; p++) {
    const param_plan *plan = &s->param[p];
    size_t width = (size_t)s->use.width[p];
    if (plan->kind == FROM_HEAD)
      heads[n++] = (head_spec){ plan->working_name, plan->shared ? width : s->d * width };
    else if (plan->kind == FROM_LEARN &&
             (s->free[p] = make_free(b, s, (int)p, prefix)) == NODE_NONE)
      return b->e->status;
  }
  if (!s->spec->net.present) return ELBO_DONE;
  return net_make_params(b->g, prefix, &s->spec->net, s->in, heads, n, &s->net, b->e);
}

static elbo_status make_params(builder *b)
{
  for (int q = 0; q < 2; q++)
    for (int i = 0; i < (q ? b->m->n_q : b->m->n_p); i++) {
      variable *v = &b->m->variable[q ? b->m->q_order[i] : b->m->p_order[i]];
      if (make_side_params(b, v, q ? &v->q : &v->p, q ? "q" : "p")) return b->e->status;
    }
  return ELBO_DONE;
}

/* ---- values */
node_id build_to_form(builder *b, const variable *v, node_id id, uint32_t from, uint32_t to)
{
  convert_attr a = { from, to };
  if (from == to || id == NODE_NONE) return id;
  return graph_add(b->g, &op_convert, v->name, &id, 1, &a, sizeof a, b->e);
}

static node_id seen_by_net(builder *b, const variable *v)
{
  node_id x = b->out->plain[v - b->m->variable];
  const elbo_family *f = v->p.use.family;
  seen_attr a = { f ? f->seen : ELBO_SEEN_RAW, v->K };
  if (a.seen == ELBO_SEEN_RAW || x == NODE_NONE || build_is_relaxed(b, v))
    return x; /* relaxed, a class is a point between the corners */
  return graph_add(b->g, &op_seen, v->name, &x, 1, &a, sizeof a, b->e);
}

void build_set_value(builder *b, int v, node_id id, uint32_t form)
{
  b->out->value[v] = id;
  b->out->plain[v] = build_to_form(b, &b->m->variable[v], id, form, ELBO_X_PLAIN);
}

static elbo_status add_inputs(builder *b)
{
  for (int i = 0; i < b->m->n; i++) {
    const variable *v = &b->m->variable[i];
    if (v->role == VARIABLE_LATENT) continue;
    b->out->data[i] = graph_input(b->g, v->name, v->feed, AXIS_BATCH, v->numbers, b->e);
    if (b->out->data[i] == NODE_NONE) return b->e->status;
    build_set_value(b, i, b->out->data[i], ELBO_X_PLAIN);
  }
  return ELBO_DONE;
}

/* ---- the working parameters of a side, as nodes of d * width columns */
static node_id parents_of(builder *b, const side *s, const char *prefix)
{
  node_id in[MODEL_MAX_VARIABLES];
  for (int i = 0; i < s->n_parents; i++) in[i] = seen_by_net(b, &b->m->variable[s->parent[i]]);
  if (s->n_parents == 1) return in[0];
  return graph_add(b->g, &op_concat, build_name(b, "%s.given%s", prefix, ""), in, s->n_parents,
                   NULL, 0, b->e);
}

static node_id constant_param(builder *b, const side *s, int p, const char *prefix)
{
  size_t count = s->d * (size_t)s->use.width[p];
  float *values = mem_new(count, sizeof *values, "a constant", b->e);
  if (!values) return NODE_NONE;
  for (size_t i = 0; i < count; i++) values[i] = (float)s->param[p].values[i];
  node_id id = graph_constant(b->g, build_name(b, "%s.%s", prefix, s->param[p].working_name),
                              values, 1, count, b->e);
  mem_free(values);
  return id;
}

static node_id spread_head(builder *b, const side *s, int p, node_id head)
{
  repeat_attr a = { s->d };
  if (!s->param[p].shared || s->d == 1 || head == NODE_NONE) return head;
  return graph_add(b->g, &op_repeat, s->param[p].working_name, &head, 1, &a, sizeof a, b->e);
}

elbo_status build_side(builder *b, const variable *v, const side *s, const char *list, bool hold,
                       node_id *w)
{
  const char *prefix = build_name(b, "%s.%s", list, v->name);
  node_id heads[FAMILY_MAX_PARAMS];
  if (s->spec->net.present) {
    uint64_t dropout =
        STREAM_DRAW * (uint64_t)(2 + (list[0] == 'q')) + 64 * (uint64_t)(v - b->m->variable);
    if (net_build(b->g, prefix, &s->spec->net, &s->net, parents_of(b, s, prefix), dropout, hold,
                  heads, b->e))
      return b->e->status;
  }
  for (int p = 0, head = 0; p < (int)s->use.family->n_params; p++) {
    const param_plan *plan = &s->param[p];
    w[p] = plan->kind == FROM_HEAD    ? spread_head(b, s, p, heads[head++])
           : plan->kind == FROM_LEARN ? (hold ? held(s->free[p]) : s->free[p])
                                      : constant_param(b, s, p, prefix);
    if (w[p] == NODE_NONE) return b->e->status;
  }
  return ELBO_DONE;
}

/* ---- nodes of a variable */
static node_id add_draw(builder *b, const variable *v, const side *s, const node_id *w, axis along,
                        uint64_t stream)
{
  draw_attr a = { .road = s->road.reparam ? &s->road : NULL,
                  .registry = b->m->registry,
                  .family = &s->use,
                  .d = s->d,
                  .stream = stream,
                  .axis = along };
  if (b->o->purpose == GRAPH_TRAIN) a.tie = v->noise;
  return graph_add(b->g, &op_draw, v->name, w, (int)s->use.family->n_params, &a, sizeof a, b->e);
}

static node_id add_mean(builder *b, const variable *v, const side *s, const node_id *w)
{
  log_prob_attr a = { &s->use, s->d, false };
  return graph_add(b->g, &op_mean, build_name(b, "mean(%s)%s", v->name, ""), w,
                   (int)s->use.family->n_params, &a, sizeof a, b->e);
}

/* Does a gradient flow into q(v | ..) through the value of a parent? */
static bool on_a_path(const builder *b, const variable *v)
{
  for (int i = 0; i < v->q.n_parents; i++) {
    const variable *parent = &b->m->variable[v->q.parent[i]];
    if (parent->role == VARIABLE_LATENT && parent->estimator->pathwise) return true;
  }
  return false;
}

elbo_status build_held_side(builder *b, const variable *v, node_id *w)
{
  const node_id *live = b->out->q_param[v - b->m->variable];
  if (on_a_path(b, v) && !v->estimator->owns_log_q) return build_side(b, v, &v->q, "q", true, w);
  for (uint32_t p = 0; p < v->q.use.family->n_params; p++) w[p] = held(live[p]);
  return ELBO_DONE;
}

static node_id add_enumeration(builder *b, const variable *v, size_t *below)
{
  enumerate_attr a = { v->q.d, enumerate_points(&v->q.use), *below };
  for (size_t j = 0; j < v->q.d; j++) *below *= a.points;
  return graph_add(b->g, &op_enumerate, v->name, NULL, 0, &a, sizeof a, b->e);
}

/* A draw on a score road has no derivative; one that is scaled gets its weights when they are
 * made. */
static node_id add_posterior_value(builder *b, const variable *v, int at, size_t *below)
{
  bool train = b->o->purpose == GRAPH_TRAIN, path = !train || v->estimator->pathwise;
  node_id w[FAMILY_MAX_PARAMS];
  if (train && v->estimator->enumerates) return add_enumeration(b, v, below);
  if (train && v->relax) return build_relaxed_value(b, v, at);
  for (uint32_t p = 0; p < v->q.use.family->n_params; p++)
    w[p] = path ? b->out->q_param[at][p] : held(b->out->q_param[at][p]);
  node_id z = b->out->drawn[at] = add_draw(b, v, &v->q, w, AXIS_SAMPLE, STREAM_DRAW + (uint64_t)at);
  scale_attr a = { NODE_NONE };
  return train && v->estimator->scale_path
             ? graph_add(b->g, &op_scale_path, v->name, &z, 1, &a, sizeof a, b->e)
             : z;
}

static elbo_status add_posterior(builder *b)
{
  size_t below = 1;
  for (int i = 0; i < b->m->n_q; i++) {
    int at = b->m->q_order[i];
    variable *v = &b->m->variable[at];
    if (build_side(b, v, &v->q, "q", false, b->out->q_param[at])) return b->e->status;
    build_set_value(b, at, add_posterior_value(b, v, at, &below),
                    build_is_relaxed(b, v) ? v->relax->twin.family->value_form
                                           : v->q.use.family->value_form);
    if (b->out->plain[at] == NODE_NONE) return b->e->status;
  }
  return ELBO_DONE;
}

static node_id prior_value(builder *b, const variable *v, int at)
{
  int k = 0;
  for (int i = 0; b->m->p_order[i] != at; i++)
    k += b->m->variable[b->m->p_order[i]].role == VARIABLE_LATENT;
  if (b->o->purpose == GRAPH_SAMPLE)
    return add_draw(b, v, &v->p, b->out->p_param[at], AXIS_BATCH, STREAM_DRAW * 5 + (uint64_t)at);
  return graph_input(b->g, v->name, b->m->n_feeds + k, AXIS_BATCH, v->numbers, b->e);
}

static node_id add_plain_draw(builder *b, const variable *v, int at)
{
  axis along = b->o->purpose == GRAPH_RECONSTRUCT ? AXIS_SAMPLE : AXIS_BATCH;
  node_id drawn = add_draw(b, v, &v->p, b->out->p_param[at], along, STREAM_DRAW * 5 + (uint64_t)at);
  return build_to_form(b, v, drawn, v->p.use.family->value_form, ELBO_X_PLAIN);
}

/* What is shown of an observed variable: its mean, or a draw, or both. */
static elbo_status keep_shown(builder *b, const variable *v, int at)
{
  node_id shown =
      b->o->draw ? add_plain_draw(b, v, at) : add_mean(b, v, &v->p, b->out->p_param[at]);
  if (shown == NODE_NONE) return b->e->status;
  graph_keep(b->g, shown);
  b->out->p_mean[at] = shown;
  if (!b->o->draw_too) return ELBO_DONE;
  b->out->p_draw[at] = b->o->draw ? shown : add_plain_draw(b, v, at);
  if (b->out->p_draw[at] == NODE_NONE) return b->e->status;
  graph_keep(b->g, b->out->p_draw[at]);
  return ELBO_DONE;
}

/* A latent where there is no q: fed, drawn, or what is expected of it. */
static void set_prior_value(builder *b, const variable *v, int at)
{
  bool expected = b->o->purpose == GRAPH_DECODE && b->o->mean_latents >> at & 1;
  node_id z = expected ? add_mean(b, v, &v->p, b->out->p_param[at]) : prior_value(b, v, at);
  build_set_value(b, at, z,
                  b->o->purpose == GRAPH_SAMPLE ? v->p.use.family->value_form : ELBO_X_PLAIN);
}

/* p, parents first: parameters of everything, values of latents where there is no q, means and
 * draws of what is observed. */
static elbo_status add_prior(builder *b)
{
  bool generate = b->o->purpose == GRAPH_SAMPLE || b->o->purpose == GRAPH_DECODE;
  for (int i = 0; i < b->m->n_p; i++) {
    int at = b->m->p_order[i];
    variable *v = &b->m->variable[at];
    node_id *w = b->out->p_param[at];
    if (build_side(b, v, &v->p, "p", false, w)) return b->e->status;
    if (v->role == VARIABLE_LATENT && generate) set_prior_value(b, v, at);
    if (v->role == VARIABLE_OBSERVED && (generate || b->o->purpose == GRAPH_RECONSTRUCT) &&
        keep_shown(b, v, at))
      return b->e->status;
    if (v->role == VARIABLE_OBSERVED && b->o->purpose == GRAPH_SAMPLE && b->o->draw)
      b->out->value[at] = b->out->plain[at] = b->out->p_mean[at];
    if (b->out->plain[at] == NODE_NONE && v->role == VARIABLE_LATENT) return b->e->status;
  }
  return ELBO_DONE;
}

/* ---- purposes */
static elbo_status add_all(builder *b)
{
  graph_purpose p = b->o->purpose;
  bool posterior = p == GRAPH_TRAIN || p == GRAPH_EVALUATE || p == GRAPH_RECONSTRUCT;
  if (make_params(b) || add_inputs(b) || (posterior && add_posterior(b)) || add_prior(b))
    return b->e->status;
  for (int i = 0; i < b->m->n; i++)
    if (p != GRAPH_TRAIN && b->out->plain[i] != NODE_NONE)
      graph_keep(b->g, b->out->plain[i]), graph_keep(b->g, b->out->value[i]);
  if (p == GRAPH_EVALUATE)
    for (int i = 0; i < b->m->n_q; i++)
      for (uint32_t k = 0; k < FAMILY_MAX_PARAMS; k++) {
        int at = b->m->q_order[i];
        if (b->out->q_param[at][k] != NODE_NONE) graph_keep(b->g, b->out->q_param[at][k]);
        if (b->out->p_param[at][k] != NODE_NONE) graph_keep(b->g, b->out->p_param[at][k]);
      }
  if (p != GRAPH_TRAIN && p != GRAPH_EVALUATE) return ELBO_DONE;
  return build_terms(b) ? b->e->status : build_objective(b);
}

static int count_feeds(const model *m)
{
  int n = m->n_feeds;
  for (int i = 0; i < m->n; i++) n += m->variable[i].role == VARIABLE_LATENT;
  return n;
}

elbo_status model_build(model *m, const graph_options *o, model_graph *out, error *e)
{
  memset(out, 0xff, sizeof *out); /* NODE_NONE everywhere */
  out->g = graph_new(e);
  if (!out->g) return e->status;
  builder b = { m, o, out, out->g, e };
  if (add_all(&b)) return e->status;
  seal_options s = { .batch = o->batch,
                     .samples = o->samples,
                     .train = o->purpose == GRAPH_TRAIN,
                     .no_fuse = o->no_fuse,
                     .dense = o->dense,
                     .resamples = o->purpose == GRAPH_EVALUATE,
                     .objective = out->objective,
                     .input_count = count_feeds(m) };
  return graph_seal(out->g, &s, e);
}

void model_graph_free(model_graph *mg)
{
  graph_free(mg->g);
  mg->g = NULL;
}
