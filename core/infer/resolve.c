/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resolving: variables and their roles, parents, orders, sizes. */
#include "infer/resolve.h"

#include <math.h>
#include <string.h>

int variable_find(const model *m, const char *name)
{
  for (int i = 0; i < m->n; i++)
    if (!strcmp(m->variable[i].name, name)) return i;
  return -1;
}

static const conditional *conditional_find(const conditional *list, int n, const char *name)
{
  for (int i = 0; i < n; i++)
    if (!strcmp(list[i].variable, name)) return &list[i];
  return NULL;
}

static variable *add_variable(resolver *s, const char *name, place at)
{
  model *m = s->m;
  int i = variable_find(m, name);
  if (i >= 0) return &m->variable[i];
  if (m->n == MODEL_MAX_VARIABLES) {
    problem_add(s->problems, at, ELBO_E_USAGE, "more than %d variables; \"%s\" is one too many",
                MODEL_MAX_VARIABLES, name);
    return NULL;
  }
  m->variable[m->n] = (variable){ .name = name, .feed = -1, .d = 1, .K = 1 };
  return &m->variable[m->n++];
}

static void list_variables(resolver *s, const data_facts *facts)
{
  const experiment *x = s->x;
  for (int i = 0; i < x->n_data; i++) {
    variable *v = add_variable(s, x->data[i].variable, x->data[i].at);
    if (!v) return;
    v->data = &x->data[i];
    v->role = VARIABLE_INPUT;
    v->feed = s->m->n_feeds++;
    v->facts = facts[i];
    v->rank = facts[i].rank;
    for (int k = 0; k < v->rank && k < 4; k++) v->dims[k] = (int)facts[i].dims[k];
  }
  for (int i = 0; i < x->n_p; i++) {
    variable *v = add_variable(s, x->p[i].variable, x->p[i].at);
    if (!v) return;
    if (v->data) v->role = VARIABLE_OBSERVED;
  }
}

/* The family's K of a variable: written, or told by the data: as many classes as the largest index
 * needs, or the whole row of a vector. */
static int find_dim(resolver *s, const variable *v, const conditional *p, const elbo_family *f)
{
  if (!family_has_dim(f)) return 1;
  if (p->dim > 0) return (int)p->dim;
  if (v->role == VARIABLE_OBSERVED && f->support.kind == ELBO_SUP_CLASS)
    return (int)v->facts.high + 1;
  if (v->role == VARIABLE_OBSERVED && f->event_rank) return (int)v->facts.D;
  problem_add(s->problems, p->at, ELBO_E_USAGE,
              "%s: family %s has a dimension of its own; write `dim: K` here", v->name, f->name);
  return 2;
}

static void size_variable(resolver *s, variable *v, const conditional *p)
{
  const plugin *found = registry_find(s->m->registry, ELBO_KIND_FAMILY, p->family, NULL);
  if (!found) return; /* reported when the side is bound */
  const elbo_family *f = found->info.table;
  v->K = find_dim(s, v, p, f);
  size_t E = f->event_rank ? (size_t)v->K : 1;
  v->d = v->role == VARIABLE_LATENT ? (size_t)p->size : v->facts.D / E;
  v->numbers = v->d * E;
  if (v->role == VARIABLE_OBSERVED && v->numbers != v->facts.D)
    problem_add(s->problems, p->at, ELBO_E_DATA,
                "%s: a row of the data has %zu numbers, which is no multiple of dim %d", v->name,
                v->facts.D, v->K);
  v->seen = f->seen == ELBO_SEEN_ONE_HOT  ? v->d * (size_t)v->K
            : f->seen == ELBO_SEEN_CIRCLE ? 2 * v->numbers
                                          : v->numbers;
}

static void size_variables(resolver *s)
{
  for (int i = 0; i < s->m->n; i++) {
    variable *v = &s->m->variable[i];
    const conditional *p = conditional_find(s->x->p, s->x->n_p, v->name);
    if (v->role == VARIABLE_INPUT)
      v->d = v->numbers = v->seen = v->facts.D;
    else if (p)
      size_variable(s, v, p);
  }
}

/* Parents first, else as written (Kahn 1962, taking the first that is ready). The reader has
 * refused cycles. */
static int order_sides(const model *m, const conditional *list, int n, bool q, int *order)
{
  bool done[MODEL_MAX_VARIABLES] = { false };
  int placed = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (int i = 0; i < n && !moved; i++) {
      int v = variable_find(m, list[i].variable);
      if (v < 0 || done[v]) continue;
      const side *s = q ? &m->variable[v].q : &m->variable[v].p;
      bool ready = true;
      for (int k = 0; k < s->n_parents; k++) {
        const variable *parent = &m->variable[s->parent[k]];
        bool given = q ? parent->role != VARIABLE_LATENT : !conditional_find(list, n, parent->name);
        ready &= given || done[s->parent[k]];
      }
      if (!ready) continue;
      done[v] = moved = true;
      order[placed++] = v;
    }
  }
  return placed;
}

static void resolve_prior(resolver *s)
{
  model *m = s->m;
  const conditional *c = &s->x->weight_prior;
  variable weights = { .name = "weight_prior", .d = 1, .K = 1, .numbers = 1 };
  side bound = { 0 };
  if (!s->x->has_weight_prior) return;
  resolve_side(s, &weights, &bound, c);
  if (!bound.use.family) return;
  const elbo_family *f = bound.use.family;
  if (f->event_rank || f->support.kind != ELBO_SUP_REAL || f->value_form != ELBO_X_PLAIN)
    problem_add(s->problems, c->family_at, ELBO_E_USAGE,
                "weight_prior: %s has the support %s; weights are real numbers, so a family on the "
                "whole line is needed "
                "(normal, laplace, ...)",
                f->name, family_support_text(f));
  for (uint32_t p = 0; p < f->n_params; p++) {
    if (bound.param[p].kind != FROM_CONSTANT)
      problem_add(s->problems, c->at, ELBO_E_USAGE,
                  "weight_prior: %s must be a number; a prior of weights is not learned",
                  f->params[p].name);
    else if (bound.param[p].values)
      m->prior_values[p] = bound.param[p].values[0];
  }
  m->prior = bound.use;
  m->has_prior = true;
}

static void resolve_sides(resolver *s)
{
  const experiment *x = s->x;
  for (int i = 0; i < x->n_p; i++) {
    int v = variable_find(s->m, x->p[i].variable);
    if (v >= 0) resolve_side(s, &s->m->variable[v], &s->m->variable[v].p, &x->p[i]);
  }
  for (int i = 0; i < x->n_q; i++) {
    int v = variable_find(s->m, x->q[i].variable);
    if (v >= 0 && s->m->variable[v].role == VARIABLE_LATENT)
      resolve_side(s, &s->m->variable[v], &s->m->variable[v].q, &x->q[i]);
  }
}

static void check_fits(resolver *s)
{
  for (int i = 0; i < s->m->n; i++) {
    const variable *v = &s->m->variable[i];
    if (v->role == VARIABLE_OBSERVED) check_data(s, v);
    if (v->role == VARIABLE_LATENT) check_supports(s, v);
  }
}

elbo_status model_resolve(const experiment *x, const registry *r, const data_facts *facts,
                          model **out, problems *p, error *e)
{
  *out = NULL;
  model *m = mem_new(1, sizeof *m, "the model", e);
  if (!m) return e->status;
  *m = (model){ .x = x, .registry = r, .arena = arena_new(e) };
  *out = m;
  if (!m->arena) return e->status;
  resolver s = { m, x, p, e };
  list_variables(&s, facts);
  m->N = x->n_data ? facts[0].rows : 0;
  size_variables(&s);
  resolve_sides(&s);
  m->n_p = order_sides(m, x->p, x->n_p, false, m->p_order);
  m->n_q = order_sides(m, x->q, x->n_q, true, m->q_order);
  resolve_prior(&s);
  if (!p->n) check_fits(&s);
  if (!p->n) choose_estimators(&s);
  return e->status;
}

void model_free(model *m)
{
  if (!m) return;
  arena_free(m->arena);
  mem_free(m);
}
