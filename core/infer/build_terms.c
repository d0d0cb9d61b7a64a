/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Densities and divergences of a model, and what estimators make of them: f = log p(x, z) - log
 * q(z), rows, objective. */
#include "infer/build.h"

#include <string.h>

/* ---- nodes of a variable */
static node_id add_log_prob(builder *b, const variable *v, const side *s, node_id value,
                            const node_id *w, const char *list)
{
  log_prob_attr a = { &s->use, s->d, s->spec->improper };
  node_id in[1 + FAMILY_MAX_PARAMS] = { value };
  for (uint32_t p = 0; p < s->use.family->n_params; p++) in[1 + p] = w[p];
  return graph_add(b->g, &op_log_prob, build_name(b, "log %s(%s)", list, v->name), in,
                   1 + (int)s->use.family->n_params, &a, sizeof a, b->e);
}

static node_id add_kl(builder *b, const variable *v, const node_id *wq, const node_id *wp)
{
  kl_attr a = { &v->kl, v->d };
  node_id in[2 * FAMILY_MAX_PARAMS];
  int n = 0;
  for (uint32_t p = 0; p < v->q.use.family->n_params; p++) in[n++] = wq[p];
  for (uint32_t p = 0; p < v->p.use.family->n_params; p++) in[n++] = wp[p];
  return graph_add(b->g, &op_kl, build_name(b, "KL(%s)%s", v->name, ""), in, n, &a, sizeof a, b->e);
}

/* ---- densities. In training only those of the objective; in evaluation all. */
static elbo_status keep(builder *b, node_id id)
{
  if (id == NODE_NONE) return b->e->status;
  graph_keep(b->g, id);
  return ELBO_DONE;
}

static node_id add_mirror(builder *b, const variable *v, int at)
{
  node_id in[] = { held(b->out->value[at]), b->out->q_param[at][0] };
  return graph_add(b->g, &op_mirror, build_name(b, "mirror(%s)%s", v->name, ""), in, 2, NULL, 0,
                   b->e);
}

/* log q(z) as it stands in f, and, on a score road, log q(z) whose gradient the score weights
 * take. */
static elbo_status add_log_q(builder *b, const variable *v, int at)
{
  const node_id *live = b->out->q_param[at];
  node_id w[FAMILY_MAX_PARAMS];
  bool train = b->o->purpose == GRAPH_TRAIN, hold = train && v->estimator->hold_q;
  if (hold && build_held_side(b, v, w)) return b->e->status;
  b->out->log_q[at] = add_log_prob(b, v, &v->q, b->out->value[at], hold ? w : live, "q");
  if (keep(b, b->out->log_q[at]) || !train || !v->estimator->score) return b->e->status;
  b->out->score[at] = v->estimator->mirrors
                          ? add_mirror(b, v, at)
                          : add_log_prob(b, v, &v->q, b->out->value[at], live, "score q");
  return keep(b, b->out->score[at]);
}

/* The weights of q are held where the relaxed value stands beside the latent's own. */
static elbo_status add_relaxed_terms(builder *b, const variable *v, int at)
{
  node_id w[FAMILY_MAX_PARAMS];
  for (uint32_t p = 0; p < v->q.use.family->n_params; p++)
    w[p] = b->echo ? held(b->out->q_param[at][p]) : b->out->q_param[at][p];
  b->out->log_p[at] = build_relaxed_log_prob(b, v, b->out->p_param[at], "p");
  b->out->log_q[at] = build_relaxed_log_prob(b, v, w, "q");
  return keep(b, b->out->log_p[at]) || keep(b, b->out->log_q[at]) ? b->e->status : ELBO_DONE;
}

static elbo_status add_term(builder *b, const variable *v, int at)
{
  bool all = b->o->purpose == GRAPH_EVALUATE, latent = v->role == VARIABLE_LATENT;
  uint32_t from = latent ? v->q.use.family->value_form : ELBO_X_PLAIN;
  if (build_is_relaxed(b, v)) return add_relaxed_terms(b, v, at);
  if (latent && (all ? !v->why_not_kl : v->uses_kl)) {
    b->out->kl[at] = add_kl(b, v, b->out->q_param[at], b->out->p_param[at]);
    if (keep(b, b->out->kl[at]) || !all) return b->e->status;
  }
  node_id value = build_to_form(b, v, b->out->value[at], from, v->p.use.family->value_form);
  b->out->log_p[at] = add_log_prob(b, v, &v->p, value, b->out->p_param[at], "p");
  return keep(b, b->out->log_p[at]) || !latent ? b->e->status : add_log_q(b, v, at);
}

elbo_status build_terms(builder *b)
{
  for (int i = 0; i < b->m->n_p; i++)
    if (add_term(b, &b->m->variable[b->m->p_order[i]], b->m->p_order[i])) return b->e->status;
  return ELBO_DONE;
}

/* ---- rows */
typedef struct term_list {
  node_id in[NODE_MAX_IN];
  terms_attr attr;
  int n;
} term_list;

static void list_term(term_list *l, node_id id, float coefficient, bool weighted)
{
  if (id == NODE_NONE) return;
  l->attr.term[l->n].coefficient = coefficient;
  l->attr.term[l->n].weighted = weighted;
  l->in[l->n++] = id;
}

/* Two terms a variable at most. In evaluation a known KL stands for the sampled term that is there
 * too. */
static void list_terms(const builder *b, term_list *l)
{
  _Static_assert(2 * MODEL_MAX_VARIABLES <= NODE_MAX_IN, "every term of the objective has a place");
  memset(l, 0, sizeof *l);
  for (int i = 0; i < b->m->n_p; i++) {
    int at = b->m->p_order[i];
    bool latent = b->m->variable[at].role == VARIABLE_LATENT, known = b->out->kl[at] != NODE_NONE;
    list_term(l, known ? b->out->kl[at] : b->out->log_p[at], known ? -1 : 1, latent);
    list_term(l, known ? NODE_NONE : b->out->log_q[at], -1, latent);
  }
}

node_id build_log_w(builder *b, const char *label)
{
  term_list l;
  list_terms(b, &l);
  return graph_add(b->g, &op_sum, label, l.in, l.n, &l.attr, sizeof l.attr, b->e);
}

static node_id sum_of_scores(builder *b)
{
  term_list l;
  memset(&l, 0, sizeof l);
  for (int i = 0; i < b->m->n_q; i++) list_term(&l, b->out->score[b->m->q_order[i]], 1, false);
  return l.n ? graph_add(b->g, &op_sum, "score log q", l.in, l.n, &l.attr, sizeof l.attr, b->e)
             : NODE_NONE;
}

static void hand_out_weights(builder *b, node_id weights)
{
  for (int i = 0; i < b->m->n_q; i++) {
    node *n = graph_node_mutable(b->g, b->out->value[b->m->q_order[i]]);
    if (n->op == &op_scale_path)
      ((scale_attr *)n->attr)->weights = weights; /* the graph's own copy */
  }
}

/* An estimator that weighs each sample: f and what stands beside it, the weights, the bound. */
static node_id add_bound(builder *b)
{
  bound_attr a = { b->m->objective, b->m->score, b->m->x->estimator.scale, b->m->draws };
  node_id in[5] = { build_log_w(b, "log w") }, looked_at[4];
  int n = 1;
  if (b->m->score) in[n++] = sum_of_scores(b);
  if (b->m->controls) {
    in[n++] = build_echo(b, b->out->relaxed, "relaxed log w");
    in[n++] = build_echo(b, b->out->given, "relaxed log w given z");
  }
  for (int i = 0; i < n; i++) looked_at[i] = held(in[i]);
  node_id weights = graph_add(b->g, &op_weights, "weights", looked_at, n, &a, sizeof a, b->e);
  if (keep(b, weights)) return NODE_NONE;
  b->out->weights = weights;
  hand_out_weights(b, weights);
  for (int i = n; i > 1; i--) in[i] = in[i - 1];
  in[1] = held(weights);
  return graph_add(b->g, &op_bound, "bound", in, n + 1, &a, sizeof a, b->e);
}

static node_id add_rows(builder *b)
{
  term_list l;
  if (b->o->purpose == GRAPH_TRAIN && b->m->weighs) return add_bound(b);
  list_terms(b, &l);
  return graph_add(b->g, &op_terms, "ELBO rows", l.in, l.n, &l.attr, sizeof l.attr, b->e);
}

/* ---- log p(theta): the prior's density at every number of p */
static node_id add_weight_prior(builder *b, node_id param)
{
  const node *w = graph_node(b->g, param);
  size_t d = w->shape.cols;
  log_prob_attr a = { &b->m->prior, d, false };
  node_id in[1 + FAMILY_MAX_PARAMS] = { param };
  float *row = mem_new(d, sizeof *row, "a constant", b->e);
  if (!row) return NODE_NONE;
  for (uint32_t p = 0; p < b->m->prior.family->n_params; p++) {
    for (size_t j = 0; j < d; j++) row[j] = (float)b->m->prior_values[p];
    in[1 + p] = graph_constant(b->g, "weight_prior", row, 1, d, b->e);
  }
  mem_free(row);
  return graph_add(b->g, &op_log_prob, build_name(b, "log p(%s)%s", w->name, ""), in,
                   1 + (int)b->m->prior.family->n_params, &a, sizeof a, b->e);
}

static node_id add_objective(builder *b)
{
  node_id in[NODE_MAX_IN] = { b->out->rows };
  objective_attr a = { 1 / (double)(b->m->N ? b->m->N : 1) };
  int n = 1;
  for (int i = 0, last = NODE_NONE; b->m->has_prior && i < graph_tensor_count(b->g); i++) {
    const named_tensor *t = graph_tensor(b->g, i);
    if (t->name[0] != 'p' || t->node == last)
      continue; /* heads share one matrix, named row by row */
    bool seen = false;
    for (int k = 0; k < i; k++) seen |= graph_tensor(b->g, k)->node == t->node;
    last = t->node;
    if (seen) continue;
    if (n == NODE_MAX_IN) {
      fail(b->e, ELBO_E_USAGE, "weight_prior: p has more than %d weights and biases",
           NODE_MAX_IN - 1);
      return NODE_NONE;
    }
    in[n++] = add_weight_prior(b, t->node);
  }
  return graph_add(b->g, &op_objective, "objective", in, n, &a, sizeof a, b->e);
}

elbo_status build_objective(builder *b)
{
  b->out->rows = add_rows(b);
  if (keep(b, b->out->rows) || b->o->purpose == GRAPH_EVALUATE) return b->e->status;
  b->out->objective = add_objective(b);
  return keep(b, b->out->objective);
}
