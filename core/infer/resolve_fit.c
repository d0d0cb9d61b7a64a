/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does it fit: data in the support of their family, q's support in p's, a road and a KL for each latent's estimator. */
#include "infer/resolve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- data against the support of the family */
typedef struct fit {
  const data_facts *facts;
  const elbo_support *support;
  int K;
  const variable *v;
} fit;

static bool fits_positive(const fit *f) { return f->facts->low > 0 || (f->facts->low == 0 && f->support->closed_low); }

static bool fits_unit(const fit *f)
{
  return fits_positive(f) && (f->facts->high < 1 || (f->facts->high == 1 && f->support->closed_high));
}

static bool fits_all(const fit *f)
{
  (void)f;
  return true;
}

static bool fits_circle(const fit *f) { return f->facts->low >= -3.1415927 && f->facts->high <= 3.1415927; }

static bool fits_binary(const fit *f) { return f->facts->binary; }

static bool fits_count(const fit *f) { return f->facts->integers && f->facts->low >= 0; }

static bool fits_class(const fit *f) { return fits_count(f) && f->facts->high < f->K; }

static bool fits_closed_unit(const fit *f) { return f->facts->low >= 0 && f->facts->high <= 1; }

/* Between the numbers that `range` tells, where the parameters are constants; in training value by value otherwise. */
static bool fits_interval(const fit *f)
{
  double w[FAMILY_MAX_PARAMS] = { 0 }, low, high;
  for (uint32_t p = 0; f->v && p < f->v->p.use.family->n_params; p++) {
    if (f->v->p.param[p].kind != FROM_CONSTANT) return true;
    w[p] = f->v->p.param[p].values[0];
  }
  return !f->v || !f->support->range || f->support->range(w, f->K, &low, &high) ||
         (f->facts->low >= low && f->facts->high <= high);
}

static const struct {
  bool (*fits)(const fit *);
  const char *advice;
} support_rows[] = {
  [ELBO_SUP_REAL] = { fits_all, "" },
  [ELBO_SUP_POSITIVE] = { fits_positive, "shift the data, or take a family on the whole line (normal, laplace)" },
  [ELBO_SUP_UNIT] = { fits_unit, "`prepare: {scale: ..}` brings data into it (255 for bytes); with exact 0 and 1 take continuous_bernoulli" },
  [ELBO_SUP_INTERVAL] = { fits_interval, "widen the bounds" },
  [ELBO_SUP_SIMPLEX] = { fits_closed_unit, "every row must be positive and sum to 1" },
  [ELBO_SUP_CIRCLE] = { fits_circle, "angles are in radians from -pi to pi" },
  [ELBO_SUP_BINARY] = { fits_binary, "binarize (`prepare: {binarize: dynamic}`) or take continuous_bernoulli; `improper: allow` lets grey levels through, "
                                     "and then what is reported is not a density" },
  [ELBO_SUP_CLASS] = { fits_class, "data of a categorical are indices 0 .. K-1; `dim: K` says how many classes" },
  [ELBO_SUP_COUNT] = { fits_count, "counts are whole numbers from 0 on" },
  [ELBO_SUP_GRID] = { fits_closed_unit, "`prepare: {scale: 255}` brings bytes to the grid 0, 1/255, .., 1" },
};

bool support_fits(const elbo_family *f, const data_facts *facts, int K, const variable *v)
{
  fit it = { facts, &f->support, K, v };
  return f->support.kind < sizeof support_rows / sizeof *support_rows && support_rows[f->support.kind].fits(&it);
}

void check_data(resolver *s, const variable *v)
{
  const elbo_support *sup = &v->p.use.family->support;
  if (support_fits(v->p.use.family, &v->facts, v->K, v)) return;
  if (v->p.spec->improper && sup->kind == ELBO_SUP_BINARY && v->facts.low >= 0 && v->facts.high <= 1) return;
  problem_add(s->problems, v->p.spec->family_at, ELBO_E_DATA,
              "%s: the data do not lie in the support of %s, which is %s: they go from %.9g to %.9g%s, with %zu values exactly 0 and %zu exactly 1; %s",
              v->name, v->p.use.family->name, family_support_text(v->p.use.family), v->facts.low, v->facts.high,
              v->facts.integers ? " in whole numbers" : "", v->facts.at_low, v->facts.at_high, support_rows[sup->kind].advice);
}

/* ---- q against p */
void check_supports(resolver *s, const variable *v)
{
  char why[512];
  if (!v->q.spec || !v->p.spec) return;
  if (family_support_within(v->q.use.family, v->p.use.family, why, sizeof why)) return;
  problem_add(s->problems, v->q.spec->family_at, ELBO_E_USAGE,
              "%s: q's family %s can give values where p's family %s has no density (%s), so the ELBO would be -inf; choose families "
              "with the same support", v->name, v->q.use.family->name, v->p.use.family->name, why);
}

/* ---- estimators */
static bool is_auto(const char *name) { return !strcmp(name, "auto"); }

static const char *kl_parent_problem(resolver *s, const variable *v)
{
  const model *m = s->m;
  for (int i = 0; i < v->p.n_parents; i++) {
    int parent = v->p.parent[i];
    if (m->variable[parent].role != VARIABLE_LATENT) continue;
    bool before = false;
    for (int k = 0; k < m->n_q && m->q_order[k] != (int)(v - m->variable); k++) before |= m->q_order[k] == parent;
    if (!before)
      return arena_format(m->arena, s->e, "its parent %s in p is drawn after it in q", m->variable[parent].name);
  }
  return NULL;
}

/* The KL is used only where every p-parent is observed, an input, or comes before the latent in q's order (estimators.md, B on chains). */
static void find_kl(resolver *s, variable *v)
{
  v->kl_known = kl_find(s->m->registry, &v->q.use, &v->p.use, &v->kl);
  v->why_not_kl = v->kl_known ? kl_parent_problem(s, v)
                              : arena_format(s->m->arena, s->e, "no plugin knows KL(%s || %s)", v->q.use.family->name,
                                             v->p.use.family->name);
}

static void need_road(resolver *s, variable *v)
{
  error why = { 0 };
  if (!road_bind(s->m->registry, &v->q.use, v->q.spec->reparam, &v->q.road, &why)) return;
  place at = v->q.spec->reparam ? v->q.spec->reparam_at : v->q.spec->family_at;
  problem_add(s->problems, at, ELBO_E_USAGE,
              "%s: estimator %s differentiates through the draw, and %s can't be drawn that way: %s", v->name, v->estimator->name,
              v->q.spec->family, why.text);
}

static const estimator_kind *named_estimator(resolver *s, const char *name, place at)
{
  const char *names[64];
  int n = 0;
  const estimator_kind *k = estimator_find(name);
  if (k) return k;
  for (; n < n_estimators && n < 64; n++) names[n] = estimator_table[n].name;
  const char *near = nearest_word(name, names, n);
  problem_add(s->problems, at, ELBO_E_USAGE, "unknown estimator \"%s\"%s%s%s; known: sgvb_a, sgvb_b, auto", name,
              near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  return NULL;
}

static void choose_auto(resolver *s)
{
  model *m = s->m;
  bool any = false;
  for (int i = 0; i < m->n_q; i++) any |= !m->variable[m->q_order[i]].why_not_kl;
  m->estimator = estimator_find(any ? "sgvb_b" : "sgvb_a");
  m->estimator_reason = any ? "auto: a known KL can be used" : "auto: no latent has a KL that can be used";
}

static void refuse_useless_b(resolver *s)
{
  model *m = s->m;
  if (m->n_q == 0) return;
  for (int i = 0; i < m->n_q; i++)
    if (m->variable[m->q_order[i]].uses_kl || !m->variable[m->q_order[i]].estimator->uses_kl) return;
  const variable *v = &m->variable[m->q_order[0]];
  problem_add(s->problems, s->x->estimator.at, ELBO_E_USAGE,
              "estimator sgvb_b applies to no latent: %s: %s; take `estimator: sgvb_a` (or `auto`)", v->name, v->why_not_kl);
}

void choose_estimators(resolver *s)
{
  model *m = s->m;
  for (int i = 0; i < m->n_q; i++) find_kl(s, &m->variable[m->q_order[i]]);
  if (is_auto(s->x->estimator.name))
    choose_auto(s);
  else
    m->estimator = named_estimator(s, s->x->estimator.name, s->x->estimator.at);
  if (!m->estimator) return;
  for (int i = 0; i < m->n_q; i++) {
    variable *v = &m->variable[m->q_order[i]];
    const char *own = v->q.spec->gradient;
    v->estimator = own && !is_auto(own) ? named_estimator(s, own, v->q.spec->gradient_at) : m->estimator;
    if (!v->estimator) return;
    v->uses_kl = v->estimator->uses_kl && !v->why_not_kl;
    if (v->estimator->pathwise) need_road(s, v);
  }
  refuse_useless_b(s);
}
