/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "family_facts.h"

#include <string.h>

const elbo_param *family_param(const elbo_family *f, uint32_t i)
{
  return (const elbo_param *)((const char *)f->params + i * f->param_size);
}

const elbo_form_set *family_form_set(const elbo_family *f, uint32_t i)
{
  return (const elbo_form_set *)((const char *)f->form_sets + i * f->form_set_size);
}

const elbo_kl *family_kl(const elbo_family *f, uint32_t i)
{
  return (const elbo_kl *)((const char *)f->kls + i * f->kl_size);
}

#define ROWS(table) (sizeof(table) / sizeof *(table))

const char *support_words(const elbo_family *f)
{
  static const char *const words[] = {
    [ELBO_SUP_REAL] = "the real line",
    [ELBO_SUP_POSITIVE] = "positive numbers",
    [ELBO_SUP_UNIT] = "numbers from 0 to 1",
    [ELBO_SUP_INTERVAL] = "an interval that its parameters tell",
    [ELBO_SUP_SIMPLEX] = "K positive numbers of sum 1",
    [ELBO_SUP_CIRCLE] = "angles from -pi to pi",
    [ELBO_SUP_BINARY] = "0 and 1",
    [ELBO_SUP_CLASS] = "classes 0 to K-1",
    [ELBO_SUP_COUNT] = "counts 0, 1, ..",
    [ELBO_SUP_GRID] = "equidistant levels from 0 to 1",
  };
  return f->support.kind < ROWS(words) ? words[f->support.kind] : "unknown";
}

const char *value_form_words(const elbo_family *f)
{
  static const char *const words[] = {
    [ELBO_X_PLAIN] = "plain",
    [ELBO_X_LOG] = "log",
    [ELBO_X_LOGIT] = "logit",
    [ELBO_X_LOG_SIMPLEX] = "log_simplex",
  };
  return f->value_form < ROWS(words) ? words[f->value_form] : "unknown";
}

/* Forms: each a pattern in which %s is the parameter's name; the working form first. */
static const struct {
  const char *words, *forms[3];
} constraints[] = {
  [ELBO_REAL] = { "real", { "%s" } },
  [ELBO_POSITIVE] = { "positive", { "log_%s", "%s" } },
  [ELBO_UNIT] = { "between 0 and 1", { "logits", "probs" } },
  [ELBO_SIMPLEX] = { "simplex of K", { "logits", "probs" } },
  [ELBO_CHOLESKY] = { "lower Cholesky", { "%s_unconstrained", "%s" } },
  [ELBO_INTEGER] = { "integer >= 1", { "%s" } },
};
static const char *const variance_forms[] = { "log_var", "var" };

const char *constraint_words(const elbo_param *p)
{
  return p->constraint < ROWS(constraints) ? constraints[p->constraint].words : "unknown";
}

bool param_form(const elbo_param *p, size_t i, char *text, size_t n)
{
  if (p->constraint >= ROWS(constraints)) return false;
  const char *const *forms = constraints[p->constraint].forms;
  size_t known = 0;
  while (forms[known]) known++;
  if (i >= known) {
    if (!(p->flags & ELBO_VARIANCE_FORMS) || i - known >= ROWS(variance_forms)) return false;
    snprintf(text, n, "%s", variance_forms[i - known]);
    return true;
  }
  const char *hole = strstr(forms[i], "%s");
  if (hole)
    snprintf(text, n, "%.*s%s%s", (int)(hole - forms[i]), forms[i], p->name, hole + 2);
  else
    snprintf(text, n, "%s", forms[i]);
  return true;
}

const char *param_remark(const elbo_param *p, size_t i)
{
  static const struct {
    uint32_t flag;
    const char *words;
  } rows[] = {
    { ELBO_PER_CORNER, "K numbers" },
    { ELBO_CONSTANT, "never learned" },
    { ELBO_MOVES_SUPPORT, "moves the support" },
  };
  for (size_t r = 0; r < ROWS(rows); r++)
    if ((p->flags & rows[r].flag) && i-- == 0) return rows[r].words;
  return NULL;
}

/* All members named here are pointers to functions, which are compared with NULL as bytes. */
static bool filled(const elbo_family *f, size_t at)
{
  void (*null)(void) = NULL;
  return memcmp((const char *)f + at, &null, sizeof null) != 0;
}

const char *family_ability(const elbo_family *f, size_t i, bool *there)
{
  static const struct {
    const char *name;
    size_t at;
  } rows[] = {
    { "standard", offsetof(elbo_family, standard) },
    { "icdf", offsetof(elbo_family, icdf) },
    { "draw", offsetof(elbo_family, draw) },
    { "pull", offsetof(elbo_family, pull) },
    { "cdf", offsetof(elbo_family, cdf) },
    { "moment", offsetof(elbo_family, moment) },
    { "support_point", offsetof(elbo_family, support_point) },
    { "standard_f32", offsetof(elbo_family, standard_f32) },
    { "extension", offsetof(elbo_family, extension) },
  };
  if (i >= ROWS(rows)) return NULL;
  *there = filled(f, rows[i].at);
  return rows[i].name;
}

const char *kernel_level(const elbo_family *f, size_t i, bool *there)
{
  static const char *const names[] = { "any", "avx2", "avx512" };
  _Static_assert(sizeof names / sizeof *names == ELBO_LEVELS, "a name for every level");
  if (i >= ROWS(names)) return NULL;
  *there = f->log_prob_f32[i] != NULL;
  return names[i];
}
