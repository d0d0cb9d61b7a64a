/* SPDX-License-Identifier: GPL-3.0-or-later */
/* p and q as graphs: parents that exist, no cycles, a posterior for every latent. */
#include "config/schema.h"
#include "infer/estimator.h"
#include "dist/family.h"

#include <string.h>

static const conditional *find(const conditional *list, int n, const char *name)
{
  for (int i = 0; i < n; i++)
    if (!strcmp(list[i].variable, name)) return &list[i];
  return NULL;
}

static const data_spec *data_of(const experiment *x, const char *name)
{
  for (int i = 0; i < x->n_data; i++)
    if (!strcmp(x->data[i].variable, name)) return &x->data[i];
  return NULL;
}

/* ---- parents */
static void unknown_parent(reader *r, const conditional *c, const char *parent)
{
  const experiment *x = r->x;
  int n = 0;
  const char **known = reader_get(r, (size_t)(x->n_p + x->n_data) + 1, sizeof *known);
  if (!known) return;
  for (int i = 0; i < x->n_p; i++)
    if (strcmp(x->p[i].variable, c->variable)) known[n++] = x->p[i].variable;
  for (int i = 0; i < x->n_data; i++)
    if (!find(x->p, x->n_p, x->data[i].variable)) known[n++] = x->data[i].variable;
  line l = { 0 };
  line_add(&l, "parent \"%.60s\" of \"%s\" is neither in p nor in data", parent, c->variable);
  line_suggest(&l, parent, known, n);
  trouble(r, c->given_at, "%s", l.s);
}

static void parents_check(reader *r, const conditional *c)
{
  for (int i = 0; i < c->n_given; i++) {
    const char *g = c->given[i];
    if (!strcmp(g, c->variable))
      trouble(r, c->given_at, "\"%s\" is given itself (%s -> %s); name other variables", g, g, g);
    else if (!find(r->x->p, r->x->n_p, g) && !data_of(r->x, g))
      unknown_parent(r, c, g);
  }
  if (c->n_given && !place_known(c->net.at))
    trouble(r, c->given_at,
            "\"%s\" has parents but no net, so that nothing would depend on them; add `net: "
            "{hidden: [..]}` (`[]`: linear)",
            c->variable);
  if (c->net.present && !place_known(c->given_at))
    trouble(r, c->net.at,
            "\"%s\" has a net but no parents to feed it; add `given: NAME`, or remove the net and "
            "write `learn`",
            c->variable);
}

/* ---- cycles. Variables whose parents are all done are done; a parent chain among those that
   never are runs into a cycle. */
static const conditional *waiting_parent(const conditional *list, int n, const bool *done,
                                         const conditional *c)
{
  for (int i = 0; i < c->n_given; i++) {
    const conditional *g = find(list, n, c->given[i]);
    if (g && g != c && !done[g - list]) return g;
  }
  return NULL;
}

static void cycle_report(reader *r, const conditional *list, int n, const bool *done,
                         const conditional *c, const char *side)
{
  enum { SHOWN = 20 };
  const conditional *path[SHOWN];
  int length = 0;
  for (int i = 0; i < n; i++) c = waiting_parent(list, n, done, c); /* now on the cycle */
  const conditional *start = c;
  line l = { 0 };
  do {
    if (length < SHOWN) path[length] = c;
    length++;
    c = waiting_parent(list, n, done, c);
  } while (c != start);
  line_add(&l, "cycle in %s: %s", side, start->variable);
  if (length > SHOWN) line_add(&l, " -> ..."), length = SHOWN;
  while (length-- > 0)
    line_add(&l, " -> %s", path[length]->variable); /* parents point at children */
  trouble(r, start->given_at, "%s; a variable can't depend on itself: remove one of the parents",
          l.s);
}

static void cycles_check(reader *r, const conditional *list, int n, const char *side)
{
  bool *done = reader_get(r, (size_t)n + 1, sizeof *done);
  if (!done) return;
  for (bool moved = true; moved;) {
    moved = false;
    for (int i = 0; i < n; i++)
      if (!done[i] && !waiting_parent(list, n, done, &list[i])) done[i] = moved = true;
  }
  for (int i = 0; i < n; i++)
    if (!done[i]) {
      cycle_report(r, list, n, done, &list[i], side);
      return;
    }
}

/* ---- one variable of p, one of q */
static bool has_dim(const reader *r, const conditional *c)
{
  const plugin *found =
      c && c->family ? registry_find(r->registry, ELBO_KIND_FAMILY, c->family, NULL) : NULL;
  return found && family_has_dim(found->info.table);
}

static void dim_check(reader *r, const conditional *c, const conditional *q)
{
  bool has = has_dim(r, c), latent = !data_of(r->x, c->variable);
  if (has && latent && !c->dim)
    trouble(r, c->at, "latent \"%s\" lacks `dim` (K of %s); add it, for example `dim: 10`",
            c->variable, c->family);
  if (c->size * c->dim > MOST_SIZE)
    trouble(r, c->at, "\"%s\" has size times dim = %lld numbers; at most %d are possible",
            c->variable, (long long)(c->size * c->dim), MOST_SIZE);
  if (!has && !has_dim(r, q) && c->dim && c->family &&
      registry_find(r->registry, ELBO_KIND_FAMILY, c->family, NULL))
    trouble(r, c->at,
            "\"%s\" has `dim`, but %s is not a family of vectors or classes; remove it, or write "
            "`size`",
            c->variable, c->family);
}

static void latent_check(reader *r, const conditional *c)
{
  const experiment *x = r->x;
  if (!place_known(c->size_at))
    trouble(r, c->at,
            "latent \"%s\" lacks `size` (how many events it has); add it, for example `size: 20`",
            c->variable);
  if (c->improper)
    trouble(r, c->at,
            "`improper: allow` is for observed variables, and \"%s\" is a latent; remove it",
            c->variable);
  if (!find(x->q, x->n_q, c->variable))
    trouble(r, c->at,
            "latent \"%s\" has no entry in q; add how it is inferred, for example `%s: {family: "
            "normal, given: %s, net: {hidden: "
            "[100]}}`, or name its data in data if it is observed",
            c->variable, c->variable, x->data[0].variable);
}

static void p_check(reader *r, const conditional *c)
{
  bool observed = data_of(r->x, c->variable);
  parents_check(r, c);
  dim_check(r, c, find(r->x->q, r->x->n_q, c->variable));
  params_check(r, c, c->size, c->dim);
  if (!observed)
    latent_check(r, c);
  else if (c->size)
    trouble(r, c->size_at, "`size` of \"%s\", which is observed, comes from the data; remove it",
            c->variable);
}

static void not_a_latent(reader *r, const conditional *c)
{
  const experiment *x = r->x;
  int n = 0;
  const char **known = reader_get(r, (size_t)x->n_p + 1, sizeof *known);
  if (!known) return;
  for (int i = 0; i < x->n_p; i++)
    if (!data_of(x, x->p[i].variable)) known[n++] = x->p[i].variable;
  line l = { 0 };
  line_add(&l, "\"%s\" of q is not a variable of p", c->variable);
  line_suggest(&l, c->variable, known, n);
  trouble(r, c->at, "%s", l.s);
}

static void q_check(reader *r, const conditional *c)
{
  const conditional *p = find(r->x->p, r->x->n_p, c->variable);
  parents_check(r, c);
  params_check(r, c, p ? p->size : 0, p ? p->dim : 0);
  if (data_of(r->x, c->variable))
    trouble(r, c->at,
            "\"%s\" is in data and in q; a partly observed variable is reserved for a later "
            "version: remove one of them",
            c->variable);
  else if (!p)
    not_a_latent(r, c);
}

static void weight_prior_check(reader *r, const conditional *c)
{
  for (int i = 0; i < c->n_params; i++)
    if (c->params[i].kind != GIVEN_CONSTANT || c->params[i].n_values != 1) {
      trouble(r, c->params[i].at,
              "%s of weight_prior must be one number: it is the same for every weight",
              c->params[i].name);
      return;
    }
  params_check(r, c, 1, 1);
}

/* Keys of the estimator that none of those named uses. */
static void estimator_check(reader *r)
{
  const experiment *x = r->x;
  bool relaxes = false, controls = false;
  for (int i = -1; i < x->n_q; i++) {
    const char *name = i < 0 ? x->estimator.name : x->q[i].gradient;
    const estimator_kind *k = name ? estimator_find(name) : NULL;
    relaxes = relaxes || (k && k->relaxes);
    controls = controls || (k && k->controls);
  }
  if (x->estimator.temperature_from > 0 && !relaxes && !controls)
    trouble(r, x->estimator.temperature_at,
            "temperature is of relaxed values, and no latent has any; take estimator concrete or "
            "rebar, or remove it");
  if (x->estimator.scale != 1 && !controls)
    trouble(r, x->estimator.scale_at,
            "scale is of rebar's control variate, and no latent has one; take estimator rebar, or "
            "remove it");
  if (x->estimator.density_relaxed && !relaxes)
    trouble(r, x->estimator.density_at,
            "density is of estimator concrete, which no latent has; remove it");
}

void structure_check(reader *r)
{
  experiment *x = r->x;
  bool observed = false;
  if (!x->n_data)
    return; /* told already, and without data every variable would look like a latent */
  for (int i = 0; i < x->n_p; i++) {
    p_check(r, &x->p[i]);
    observed = observed || data_of(x, x->p[i].variable);
  }
  for (int i = 0; i < x->n_q; i++) q_check(r, &x->q[i]);
  cycles_check(r, x->p, x->n_p, "p");
  cycles_check(r, x->q, x->n_q, "q");
  if (x->n_p && !observed)
    trouble(r, x->model_at,
            "no variable of p is in data, so there is nothing to learn from; name the data after "
            "the variable of p that they are");
  estimator_check(r);
  if (x->has_weight_prior) weight_prior_check(r, &x->weight_prior);
}
