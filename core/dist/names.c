/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names that a family's parameters may be given by: a table of affixes by constraint, and the
 * names of form sets. */
#include "dist/family.h"

#include <stdio.h>
#include <string.h>

enum { FORMS = PARAM_VAR + 1, NAME_ROOM = 128 };

/* before NULL: the constraint has no such form. */
typedef struct {
  const char *before, *after;
} affix;
static const affix affixes[][2] = {
  [ELBO_REAL] = { { "", "" }, { NULL, NULL } },
  [ELBO_POSITIVE] = { { "log_", "" }, { "", "" } },
  [ELBO_UNIT] = { { "logit_", "" }, { "", "" } },
  [ELBO_SIMPLEX] = { { "logit_", "" }, { "", "" } },
  [ELBO_CHOLESKY] = { { "", "_unconstrained" }, { "", "" } },
  [ELBO_INTEGER] = { { "", "" }, { NULL, NULL } },
};

/* Forms whose name does not hold the parameter's. */
static const char *const fixed_names[FORMS] = { "logits", "probs", "log_var", "var" };

static bool is_probability(const elbo_param *p)
{
  if (p->constraint == ELBO_SIMPLEX) return true;
  return p->constraint == ELBO_UNIT && (!strcmp(p->name, "logits") || !strcmp(p->name, "probs"));
}

bool param_form_name(const elbo_param *p, int form, char *text, size_t n)
{
  if (p->constraint > ELBO_INTEGER) return false;
  bool variance = p->constraint == ELBO_POSITIVE && p->flags & ELBO_VARIANCE_FORMS;
  if (form >= PARAM_LOG_VAR && !variance) return false;
  if (form >= PARAM_LOG_VAR || is_probability(p)) {
    snprintf(text, n, "%s", fixed_names[form]);
    return true;
  }
  const affix *a = &affixes[p->constraint][form];
  if (!a->before) return false;
  snprintf(text, n, "%s%s%s", a->before, p->name, a->after);
  return true;
}

const char *param_working_name(const elbo_param *p, char *text, size_t n)
{
  if (!param_form_name(p, PARAM_WORKING, text, n))
    snprintf(text, n, "%s", p->name); /* of an unknown constraint */
  return text;
}

static bool find_in_sets(const elbo_family *f, const char *given, param_form *out)
{
  for (uint32_t s = 0; s < f->n_form_sets; s++)
    for (int m = 0; f->form_sets[s].names[m]; m++)
      if (!strcmp(f->form_sets[s].names[m], given)) {
        *out = (param_form){ .param = -1, .form_set = (int)s, .member = m };
        return true;
      }
  return false;
}

bool param_find(const elbo_family *f, const char *given, param_form *out)
{
  char name[NAME_ROOM];
  for (uint32_t p = 0; p < f->n_params; p++)
    for (int form = 0; form < FORMS; form++)
      if (param_form_name(&f->params[p], form, name, sizeof name) && !strcmp(name, given)) {
        *out = (param_form){ .param = (int)p, .form = form };
        return true;
      }
  return find_in_sets(f, given, out);
}

/* A list of names that grows in the caller's room. */
typedef struct {
  const char **names;
  int n, most;
  char *text;
  size_t room;
} name_list;

static void add_name(name_list *l, const char *name)
{
  size_t size = strlen(name) + 1;
  for (int i = 0; i < l->n; i++)
    if (!strcmp(l->names[i], name)) return;
  if (l->n == l->most || size > l->room) return;
  memcpy(l->text, name, size);
  l->names[l->n++] = l->text;
  l->text += size;
  l->room -= size;
}

int param_names(const elbo_family *f, const char **names, int n, char *text, size_t room)
{
  name_list l = { names, 0, n, text, room };
  char name[NAME_ROOM];
  for (uint32_t p = 0; p < f->n_params; p++)
    for (int form = 0; form < FORMS; form++)
      if (param_form_name(&f->params[p], form, name, sizeof name)) add_name(&l, name);
  for (uint32_t s = 0; s < f->n_form_sets; s++)
    for (int m = 0; f->form_sets[s].names[m]; m++) add_name(&l, f->form_sets[s].names[m]);
  return l.n;
}
