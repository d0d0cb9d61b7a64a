/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters against their family: forms, form sets, counts, constraints. */
#include "config/schema.h"
#include "dist/family.h"

#include <string.h>

/* One variable under examination. */
typedef struct {
  reader *r;
  const conditional *c;
  const elbo_family *f;
  int64_t size, K; /* 0: the data will tell */
} subject;

/* How many numbers one event has in the given form. */
static int64_t form_width(const elbo_param *p, int form, int64_t K)
{
  bool per_corner = p->flags & ELBO_PER_CORNER;
  switch (p->constraint) {
  case ELBO_SIMPLEX:
    return K;
  case ELBO_CHOLESKY:
    return form == PARAM_WORKING ? K * (K + 1) / 2 : K * K;
  default:
    return per_corner ? K : 1;
  }
}

/* One number does for all events and corners where numbers are independent of each other. */
static bool one_for_all(const elbo_param *p, int form)
{
  bool joint = p->constraint == ELBO_SIMPLEX || p->constraint == ELBO_CHOLESKY;
  return !joint || form == PARAM_WORKING;
}

static bool count_fine(const subject *s, const param_spec *p, int64_t width, bool one)
{
  int64_t n = (int64_t)p->n_values;
  if (n == width || (n == 1 && one)) return true;
  if (s->size ? n == s->size * width : n % width == 0) return true;
  line l = { 0 };
  line_add(&l, "%s of \"%s\" has %lld numbers; expected ", p->name, s->c->variable, (long long)n);
  if (one && width > 1) line_add(&l, "1, ");
  line_add(&l, "%lld for every event", (long long)width);
  if (s->size > 1)
    line_add(&l, ", or %lld for %lld events", (long long)(s->size * width), (long long)s->size);
  trouble(s->r, p->at, "%s", l.s);
  return false;
}

/* Each given event through the family's own conversion, which knows the constraint. */
static void values_check(const subject *s, const param_spec *p, const param_form *form,
                         int64_t width)
{
  error e = { 0 };
  family_use u;
  size_t n = p->n_values, w = (size_t)width;
  double *given = p->values, *working = NULL;
  if (family_bind(s->r->registry, s->c->family, (int)s->K, &u, &e)) {
    trouble(s->r, s->c->family_at, "%s", e.text);
    return;
  }
  if (n == 1 && w > 1) {
    given = reader_get(s->r, w, sizeof *given);
    for (size_t i = 0; given && i < w; i++) given[i] = p->values[0];
    n = w;
  }
  working = reader_get(s->r, (size_t)u.width[form->param], sizeof *working);
  if (!given || !working) return;
  for (size_t i = 0; i < n; i += w)
    if (param_to_working(&u, form, given + i, working, NULL, &e)) {
      trouble(s->r, p->at, "%s", e.text);
      return;
    }
}

static void one_check(const subject *s, const param_spec *p, const param_form *form)
{
  const elbo_param *row = &s->f->params[form->param];
  if (p->kind != GIVEN_CONSTANT &&
      (row->flags & ELBO_CONSTANT || row->constraint == ELBO_INTEGER)) {
    trouble(s->r, p->at, "%s of %s is a constant of the model and can't be learned; give a number",
            p->name, s->c->family);
    return;
  }
  if (p->kind == GIVEN_HEAD && !s->c->net.present) {
    trouble(s->r, p->at,
            "%s is to be a head, but \"%s\" has no net; add `net: {hidden: [..]}`, or write `%s: "
            "learn`",
            p->name, s->c->variable, p->name);
    return;
  }
  bool needs_K = form_width(row, form->form, 2) != 1;
  if (!p->n_values || (needs_K && !s->K)) return;
  int64_t width = form_width(row, form->form, s->K);
  if (!count_fine(s, p, width, one_for_all(row, form->form))) return;
  /* The working form of all but an integer takes any number. */
  if ((form->form != PARAM_WORKING || row->constraint == ELBO_INTEGER) && s->K)
    values_check(s, p, form, width);
}

/* ---- form sets */
static const param_spec *given_as(const conditional *c, const char *name)
{
  for (int i = 0; i < c->n_params; i++)
    if (!strcmp(c->params[i].name, name)) return &c->params[i];
  return NULL;
}

static bool set_has(const elbo_form_set *set, const char *name)
{
  for (const char *const *n = set->names; *n; n++)
    if (!strcmp(*n, name)) return true;
  return false;
}

static void set_names(const elbo_form_set *set, line *l)
{
  for (const char *const *n = set->names; *n; n++)
    line_add(l, "%s%s", n == set->names ? "" : ", ", *n);
}

static bool set_whole(const subject *s, const elbo_form_set *set)
{
  line names = { 0 };
  set_names(set, &names);
  for (const char *const *n = set->names; *n; n++)
    if (!given_as(s->c, *n)) {
      trouble(s->r, s->c->at, "\"%s\" lacks %s: of %s {%s} are given together; add it",
              s->c->variable, *n, s->c->family, names.s);
      return false;
    }
  for (int i = 0; i < s->c->n_params; i++) {
    const param_spec *p = &s->c->params[i];
    if (set_has(set, p->name) && p->kind == GIVEN_CONSTANT) continue;
    if (set_has(set, p->name))
      trouble(
          s->r, p->at,
          "%s among {%s} can be a constant only; to learn it, use the family's other names (%s)",
          p->name, names.s, s->f->params[0].name);
    else
      trouble(s->r, p->at, "%s can't be mixed with {%s}; keep one set", p->name, names.s);
    return false;
  }
  return true;
}

static void set_check(const subject *s, const elbo_form_set *set)
{
  double given[FAMILY_MAX_PARAMS] = { 0 }, w[FAMILY_MAX_PARAMS];
  line shown = { 0 };
  if (!set_whole(s, set)) return;
  for (int i = 0; set->names[i] && i < FAMILY_MAX_PARAMS; i++) {
    const param_spec *p = given_as(s->c, set->names[i]);
    if (p->n_values != 1) {
      trouble(s->r, p->at, "%s of \"%s\" must be one number, for all events", p->name,
              s->c->variable);
      return;
    }
    given[i] = p->values[0];
    line_add(&shown, "%s%s = ", i ? ", " : "", p->name);
    line_number(&shown, given[i]);
  }
  if (set->to_working(given, 1, w, NULL) != ELBO_OK)
    trouble(s->r, s->c->params[0].at, "%s: %s make no distribution; change one of them",
            s->c->family, shown.s);
}

/* Are two names given for one parameter? */
static bool twice(const subject *s, const param_form *forms, int i)
{
  for (int j = 0; j < i; j++) {
    if (forms[i].param < 0 || forms[i].param != forms[j].param) continue;
    trouble(s->r, s->c->params[i].at,
            "%s and %s of \"%s\" are one parameter in two forms; keep one", s->c->params[j].name,
            s->c->params[i].name, s->c->variable);
    return true;
  }
  return false;
}

void params_check(reader *r, const conditional *c, int64_t size, int64_t dim)
{
  const plugin *found =
      c->family ? registry_find(r->registry, ELBO_KIND_FAMILY, c->family, NULL) : NULL;
  param_form forms[MORE_KEYS];
  if (!found) return;
  subject s = { .r = r, .c = c, .f = found->info.table, .size = size, .K = dim };
  if (!family_has_dim(s.f)) s.K = 1;
  int set = -1;
  for (int i = 0; i < c->n_params; i++) {
    if (!param_find(s.f, c->params[i].name, &forms[i])) return;
    if (forms[i].param < 0) set = forms[i].form_set;
  }
  if (set >= 0) {
    set_check(&s, &s.f->form_sets[set]);
    return;
  }
  for (int i = 0; i < c->n_params; i++)
    if (!twice(&s, forms, i)) one_check(&s, &c->params[i], &forms[i]);
}
