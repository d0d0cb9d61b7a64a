/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What there is to know of a family, as the answer to the op `info`. */
#include "dist/exponential.h"
#include "dist/query.h"
#include "io/json.h"

#include <stdio.h>
#include <string.h>

static void put_param(json_out *j, const elbo_family *f, uint32_t p)
{
  static const char *const constraints[] = { "real",    "positive",       "unit interval",
                                             "simplex", "lower Cholesky", "integer" };
  const char *names[QUERY_MAX_NAMES];
  char all[2048];
  param_form form;
  int n = param_names(f, names, QUERY_MAX_NAMES, all, sizeof all);
  json_open(j, NULL, '{');
  json_string(j, "name", f->params[p].name);
  json_string(j, "constraint", constraints[f->params[p].constraint]);
  json_number(j, "standard", f->params[p].standard);
  json_bool(j, "constant", f->params[p].flags & ELBO_CONSTANT);
  json_bool(j, "moves_support", f->params[p].flags & ELBO_MOVES_SUPPORT);
  json_bool(j, "vector", f->params[p].flags & ELBO_PER_CORNER);
  json_string(j, "help", f->params[p].help);
  json_open(j, "forms", '[');
  for (int i = 0; i < n; i++)
    if (param_find(f, names[i], &form) && form.param == (int)p) json_string(j, NULL, names[i]);
  json_close(j, ']');
  json_close(j, '}');
}

static void put_params(json_out *j, const elbo_family *f)
{
  json_open(j, "parameters", '[');
  for (uint32_t p = 0; p < f->n_params; p++) put_param(j, f, p);
  json_close(j, ']');
  json_open(j, "form_sets", '[');
  for (uint32_t s = 0; s < f->n_form_sets; s++) {
    json_open(j, NULL, '[');
    for (int m = 0; f->form_sets[s].names[m]; m++) json_string(j, NULL, f->form_sets[s].names[m]);
    json_close(j, ']');
  }
  json_close(j, ']');
}

static void put_roads(query *q, json_out *j, const family_use *u)
{
  json_open(j, "roads", '[');
  for (size_t i = 0; i < registry_count(q->registry); i++) {
    road_use road;
    const plugin *p = registry_at(q->registry, i);
    if (!strcmp(p->info.kind, "reparametrizer") &&
        !road_bind(q->registry, u, p->info.name, &road, NULL))
      json_string(j, NULL, p->info.name);
  }
  json_close(j, ']');
}

static void put_kls(query *q, json_out *j, const elbo_family *f)
{
  json_open(j, "kl", '[');
  for (size_t i = 0; i < registry_count(q->registry); i++) {
    const plugin *p = registry_at(q->registry, i);
    const elbo_family *of = strcmp(p->info.kind, "family") ? NULL : p->info.table;
    bool own = false;
    for (uint32_t k = 0; of && k < of->n_kls; k++) {
      if (strcmp(of->kls[k].q, f->name)) continue;
      json_string(j, NULL, of->kls[k].p);
      own = own || !strcmp(of->kls[k].p, of->name);
    }
    for (uint32_t k = 0; of && k < f->n_kls; k++)
      own = own || (!strcmp(f->kls[k].q, f->name) && !strcmp(f->kls[k].p, of->name));
    if (of && !own && exponential_pair(f, of)) json_string(j, NULL, of->name);
  }
  json_close(j, ']');
}

bool query_info(query *q, const request *r)
{
  json_out j;
  family_use u;
  error e = { 0 };
  char name[128];
  snprintf(name, sizeof name, "%.*s", (int)r->self.family.n, r->self.family.s);
  if (family_bind(q->registry, name, 2, &u, NULL) && family_bind(q->registry, name, 1, &u, &e))
    return query_fail(q, Q_UNKNOWN_FAMILY, "%s", e.text);
  text_add(&q->out, ",\"info\":");
  json_begin(&j, &q->out);
  json_open(&j, NULL, '{');
  json_string(&j, "family", u.family->name);
  json_string(&j, "summary", u.family->summary);
  put_params(&j, u.family);
  json_string(&j, "support", family_support_text(u.family));
  json_bool(&j, "discrete", family_is_discrete(u.family));
  json_bool(&j, "vector", u.family->event_rank);
  json_string(&j, "road", u.family->reparam);
  put_roads(q, &j, &u);
  put_kls(q, &j, u.family);
  json_string(&j, "file", u.plugin->info.path);
  json_close(&j, '}');
  return true;
}
