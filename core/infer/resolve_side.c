/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One side, p(v | parents) or q(v | parents): the family, its parents, and where each working
 * parameter comes from. */
#include "infer/resolve.h"

#include <stdio.h>
#include <string.h>

static void find_parents(resolver *s, variable *v, side *to)
{
  const conditional *c = to->spec;
  for (int i = 0; i < c->n_given; i++) {
    int parent = variable_find(s->m, c->given[i]);
    if (parent < 0) continue; /* the reader has reported it */
    to->parent[to->n_parents++] = parent;
    to->in += s->m->variable[parent].seen;
  }
  if (c->n_given && !c->net.present)
    problem_add(s->problems, c->given_at, ELBO_E_USAGE,
                "%s: `given` without a `net` would have no effect; write `net: {hidden: [..]}` "
                "(`net: {hidden: []}` is linear)",
                v->name);
  if (c->net.present && !c->n_given)
    problem_add(s->problems, c->net.at, ELBO_E_USAGE,
                "%s: a `net` needs parents; write `given: NAME`", v->name);
}

/* What is given of event j: `width` numbers of its own, or the same for every event; or one number
 * for all, spread over `spread`. */
static const double *given_of(const param_spec *spec, size_t d, size_t width, size_t j,
                              double *spread)
{
  if (spec->n_values == d * width) return spec->values + j * width;
  if (spec->n_values == width) return spec->values;
  for (size_t k = 0; k < width; k++) spread[k] = spec->values[0];
  return spread;
}

/* Every number of the parameter in working form. */
static void fill_values(resolver *s, side *to, const param_spec *spec, const param_form *form,
                        size_t d, double *values)
{
  error why = { 0 };
  const family_use *u = &to->use;
  bool matrix =
      form->form == PARAM_CONSTRAINED && u->family->params[form->param].constraint == ELBO_CHOLESKY;
  size_t width = (size_t)u->width[form->param],
         given = matrix ? (size_t)u->K * (size_t)u->K : width, n = spec->n_values;
  double *spread = arena_get(s->m->arena, given, sizeof *spread, s->e);
  if (!spread) return;
  if (n != 1 && n != given && n != d * given) {
    problem_add(s->problems, spec->at, ELBO_E_USAGE,
                "%s: %zu numbers, expected 1, %zu for every event, or %zu for %zu events",
                spec->name, n, given, d * given, d);
    return;
  }
  for (size_t j = 0; j < d && !why.status; j++)
    param_to_working(u, form, given_of(spec, d, given, j, spread), values + j * width, NULL, &why);
  if (why.status) problem_add(s->problems, spec->at, ELBO_E_USAGE, "%s", why.text);
}

static void take_standard(side *to, int p, size_t d, double *values)
{
  double w[FAMILY_MAX_NUMBERS];
  size_t width = (size_t)to->use.width[p];
  param_standard(&to->use, w);
  for (size_t i = 0; i < d * width; i++) values[i] = w[(size_t)to->use.offset[p] + i % width];
}

static void refuse_unlearnable(resolver *s, const elbo_param *param, const param_spec *spec)
{
  if (spec->kind == GIVEN_CONSTANT ||
      !(param->flags & ELBO_CONSTANT || param->constraint == ELBO_INTEGER))
    return;
  problem_add(s->problems, spec->at, ELBO_E_USAGE, "%s is a constant of the family: give a number",
              spec->name);
}

static void plan_given(resolver *s, variable *v, side *to, const param_spec *spec,
                       const param_form *form)
{
  int p = form->param;
  param_plan *plan = &to->param[p];
  if (plan->values || plan->kind) {
    problem_add(s->problems, spec->at, ELBO_E_USAGE, "%s: %s is given twice, in two forms", v->name,
                to->use.family->params[p].name);
    return;
  }
  refuse_unlearnable(s, &to->use.family->params[p], spec);
  plan->kind = spec->kind == GIVEN_CONSTANT ? FROM_CONSTANT
               : spec->kind == GIVEN_LEARN  ? FROM_LEARN
                                            : FROM_HEAD;
  plan->shared = spec->share_event;
  if (spec->kind == GIVEN_HEAD && !to->spec->net.present)
    problem_add(s->problems, spec->at, ELBO_E_USAGE,
                "%s: {share: event} is about a head of the net, and there is no net", spec->name);
  if (spec->kind == GIVEN_HEAD) return;
  plan->values = arena_get(s->m->arena, to->d * (size_t)to->use.width[p], sizeof(double), s->e);
  if (!plan->values) return;
  if (spec->n_values)
    fill_values(s, to, spec, form, to->d, plan->values);
  else
    take_standard(to, p, to->d, plan->values);
}

/* A whole form set of numbers (uniform: low, high): all working parameters at once, constants. */
static void plan_form_set(resolver *s, variable *v, side *to, const elbo_form_set *forms)
{
  const family_use *u = &to->use;
  double given[FAMILY_MAX_PARAMS] = { 0 }, w[FAMILY_MAX_PARAMS];
  int n = 0;
  for (; n < FAMILY_MAX_PARAMS && forms->names[n]; n++) {
    const param_spec *spec = NULL;
    for (int i = 0; i < to->spec->n_params; i++)
      if (!strcmp(to->spec->params[i].name, forms->names[n])) spec = &to->spec->params[i];
    if (!spec || spec->kind != GIVEN_CONSTANT || spec->n_values != 1) {
      problem_add(s->problems, spec ? spec->at : to->spec->at, ELBO_E_USAGE,
                  "%s: %s of %s must be one number", v->name, forms->names[n], u->family->name);
      return;
    }
    given[n] = spec->values[0];
  }
  if (forms->to_working(given, u->K, w, NULL)) {
    problem_add(s->problems, to->spec->at, ELBO_E_USAGE, "%s: %s: these %s .. make no distribution",
                v->name, u->family->name, forms->names[0]);
    return;
  }
  for (int p = 0; p < n; p++) {
    to->param[p] = (param_plan){ .kind = FROM_CONSTANT };
    to->param[p].values = arena_get(s->m->arena, to->d, sizeof(double), s->e);
    for (size_t j = 0; to->param[p].values && j < to->d; j++) to->param[p].values[j] = w[p];
  }
}

/* What is not given: a head of the net, or the standard value. */
static void plan_rest(resolver *s, side *to)
{
  for (uint32_t p = 0; p < to->use.family->n_params; p++) {
    const elbo_param *param = &to->use.family->params[p];
    param_plan *plan = &to->param[p];
    if (plan->values || plan->kind) continue;
    bool fixed = param->flags & ELBO_CONSTANT || param->constraint == ELBO_INTEGER;
    plan->kind = to->spec->net.present && !fixed ? FROM_HEAD : FROM_CONSTANT;
    if (plan->kind == FROM_HEAD) continue;
    plan->standard = true;
    plan->values = arena_get(s->m->arena, to->d * (size_t)to->use.width[p], sizeof(double), s->e);
    if (plan->values) take_standard(to, (int)p, to->d, plan->values);
  }
}

static bool in_set(const elbo_form_set *forms, const char *name)
{
  for (int n = 0; forms->names[n]; n++)
    if (!strcmp(forms->names[n], name)) return true;
  return false;
}

/* The form set that a given name is of; a name that is also a parameter's own (uniform: low) does
 * not tell. NULL: none. */
static const elbo_form_set *set_used(const side *to)
{
  const elbo_family *f = to->use.family;
  param_form form;
  for (int i = 0; i < to->spec->n_params; i++)
    if (param_find(f, to->spec->params[i].name, &form) && form.param < 0)
      return &f->form_sets[form.form_set];
  return NULL;
}

static void plan_params(resolver *s, variable *v, side *to)
{
  const elbo_family *f = to->use.family;
  const elbo_form_set *set = set_used(to);
  if (set) plan_form_set(s, v, to, set);
  for (int i = 0; i < to->spec->n_params; i++) {
    const param_spec *spec = &to->spec->params[i];
    param_form form;
    if (set && in_set(set, spec->name)) continue;
    if (!param_find(f, spec->name, &form))
      problem_add(s->problems, spec->at, ELBO_E_USAGE, "%s: %s has no parameter \"%s\"", v->name,
                  f->name, spec->name);
    else if (form.param < 0)
      problem_add(s->problems, spec->at, ELBO_E_USAGE, "%s: %s can't be given together with %s",
                  v->name, spec->name, set->names[0]);
    else
      plan_given(s, v, to, spec, &form);
  }
  plan_rest(s, to);
  for (uint32_t p = 0; p < f->n_params; p++)
    param_working_name(&f->params[p], to->param[p].working_name, sizeof to->param[p].working_name);
}

/* Bounds that are constants may leave nothing between them. */
static void check_range(resolver *s, const variable *v, const side *to)
{
  const elbo_support *sup = &to->use.family->support;
  double w[FAMILY_MAX_PARAMS], low = 0, high = 0;
  if (!sup->range) return;
  for (uint32_t p = 0; p < to->use.family->n_params; p++) {
    if (to->param[p].kind != FROM_CONSTANT || !to->param[p].values || to->use.width[p] != 1) return;
    w[p] = to->param[p].values[0];
  }
  if (sup->range(w, to->use.K, &low, &high))
    problem_add(s->problems, to->spec->family_at, ELBO_E_USAGE,
                "%s: %s: the support from %.9g to %.9g is empty; expected low < high", v->name,
                to->use.family->name, low, high);
}

/* K of a side's family: that of the variable; of a vector family of q over numbers that p's family
 * takes one by one, all of them. */
static int dim_of(const variable *v, const side *to, const elbo_family *f)
{
  bool apart = to == &v->q && f->event_rank && v->p.use.family && !v->p.use.family->event_rank;
  return !family_has_dim(f) ? 1 : apart ? (int)v->numbers : v->K;
}

/* p and q may cut the same numbers into other events, one the finer: three normals under a
 * three-dimensional prior, or the reverse. A point of a simplex has a density over one number less
 * than it has. */
static void cut_events(resolver *s, variable *v, side *to)
{
  size_t E = (size_t)to->use.E, whole = v->d ? v->numbers / v->d : E; /* so far */
  const elbo_family *p = v->p.use.family;
  bool q = to == &v->q && p, simplex = to->use.family->support.kind == ELBO_SUP_SIMPLEX ||
                                       (q && p->support.kind == ELBO_SUP_SIMPLEX);
  to->d = v->numbers / E;
  if (E == whole) return;
  if (q && !simplex && !(E % whole && whole % E) && !(v->numbers % E)) {
    if (to->d < v->d) v->d = to->d;
    return;
  }
  to->d = v->d;
  problem_add(s->problems, to->spec->family_at, ELBO_E_USAGE,
              "%s: q's %s gives events of %zu numbers, p's %s has %zu of %zu%s; write %s in q too, "
              "or %s in p with `%s: %zu`",
              v->name, to->spec->family, E, p ? p->name : "family", v->d, whole,
              simplex ? ", and a point of a simplex is one event" : "", p ? p->name : "its family",
              to->spec->family, v->numbers > v->d ? "size" : "dim", v->numbers);
}

void resolve_side(resolver *s, variable *v, side *to, const conditional *spec)
{
  error why = { 0 };
  to->spec = spec;
  find_parents(s, v, to);
  const plugin *found = registry_find(s->m->registry, ELBO_KIND_FAMILY, spec->family, NULL);
  int K = found ? dim_of(v, to, found->info.table) : 1;
  if (family_bind(s->m->registry, spec->family, K, &to->use, &why)) {
    problem_add(s->problems, spec->family_at, ELBO_E_USAGE, "%s: %s", v->name, why.text);
    to->use.family = NULL;
    return;
  }
  if (to->use.family->support.kind == ELBO_SUP_CLASS && v->role == VARIABLE_LATENT && K < 2)
    problem_add(s->problems, spec->family_at, ELBO_E_USAGE,
                "%s: %s: dim must be at least 2, got %d", v->name, spec->family, K);
  cut_events(s, v, to);
  plan_params(s, v, to);
  check_range(s, v, to);
}
