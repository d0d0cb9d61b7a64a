/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The descriptor and the tables, field by field. This runs in the probing child first, where a
 * pointer into nowhere costs the child alone, and again in the host, on the same bytes.
 *
 * A struct grows at its end, and a plugin that was built against an older minor version brings the
 * shorter one. So tables are copied into structs of today's size, in which what the plugin does not
 * know is 0, 'not provided'; the copy is what is checked here and read everywhere else. */
#include "plugin/inside.h"
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 1000 };

/* Sizes in ABI 1.0: nothing is shorter. */
enum {
  FIRST_FAMILY = offsetof(elbo_family, mean_in_c),
  FIRST_PARAM = sizeof(elbo_param),
  FIRST_FORM_SET = sizeof(elbo_form_set),
  FIRST_KL = sizeof(elbo_kl),
  FIRST_REPARAM = sizeof(elbo_reparam),
  FIRST_BACKEND = sizeof(elbo_backend)
};

typedef struct {
  char *why;
  const char *of; /* the table's name */
  arena *copies;
  error *e; /* of an allocation that failed; why is "" then */
} verdict;

__attribute__((format(printf, 2, 3))) static bool no(verdict *v, const char *format, ...)
{
  va_list args;
  int n = v->of ? snprintf(v->why, PLUGIN_WHY, "%s: ", v->of) : 0;
  va_start(args, format);
  vsnprintf(v->why + n, PLUGIN_WHY - (size_t)n, format, args);
  va_end(args);
  return false;
}

bool name_valid(const char *name)
{
  size_t n = name ? strnlen(name, PLUGIN_MAX_NAME + 1) : 0;
  return n >= 1 && n <= PLUGIN_MAX_NAME &&
         strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static bool text_fine(const char *s)
{
  if (!s || strnlen(s, MAX_TEXT + 1) > MAX_TEXT) return false;
  for (; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 127) return false;
  return true;
}

static bool named(verdict *v, const char *name, const char *summary)
{
  if (!name_valid(name))
    return no(v, "the table's name is not of 1 to %d of the characters a-z, 0-9 and _",
              PLUGIN_MAX_NAME);
  v->of = name;
  if (text_fine(summary)) return true;
  return no(v,
            "its summary is missing, too long or has control characters; expected one line of at "
            "most %d bytes",
            MAX_TEXT);
}

typedef void anything(void);
typedef struct {
  const char *name;
  anything *at;
  bool required;
} slot;
#define SLOT(table, field, required)                                                               \
  {                                                                                                \
#field, (anything *)(table)->field, required                                                   \
  }

/* Does the pointer lie in an object that is loaded? */
static bool leads_somewhere(anything *at)
{
  Dl_info info;
  return dladdr((const void *)(uintptr_t)at, &info);
}

static bool slots_fine(verdict *v, const slot *s, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (s[i].required && !s[i].at)
      return no(v, "the slot `%s` is NULL; expected a function", s[i].name);
    if (s[i].at && !leads_somewhere(s[i].at))
      return no(v, "the slot `%s` points outside all loaded objects", s[i].name);
  }
  return true;
}

static bool size_fine(verdict *v, const char *what, size_t found, size_t first, size_t now)
{
  if (found >= first && found <= now && found % _Alignof(void *) == 0) return true;
  char from[32] = "";
  if (first < now) snprintf(from, sizeof from, "%zu to ", first);
  return no(v, "%s: found %zu bytes, expected %s%zu: build it with this version's elbo/plugin.h",
            what, found, from, now);
}

/* A struct, or an array of them, as the plugin has it. */
typedef struct {
  const char *size_name, *count_name; /* for messages */
  const void *at;
  uint32_t n, most;
  size_t size, first, now; /* bytes of one: as compiled, in ABI 1.0, today */
} given;

/* The same in today's size, zero behind `size`: NULL with why, or with e. */
static void *whole(verdict *v, given g)
{
  if (!size_fine(v, g.size_name, g.size, g.first, g.now)) return NULL;
  if (g.n > g.most)
    return no(v, "%s: found %u, expected at most %u", g.count_name, g.n, g.most), NULL;
  if (g.n && !g.at) return no(v, "%s: found %u, but the array is NULL", g.count_name, g.n), NULL;
  char *copy = arena_get(v->copies, g.n, g.now, v->e);
  for (uint32_t i = 0; copy && i < g.n; i++)
    memcpy(copy + i * g.now, (const char *)g.at + i * g.size, g.size);
  return copy;
}

static bool range_fine(verdict *v, const char *what, uint32_t found, uint32_t most)
{
  if (found <= most) return true;
  return no(v, "%s: found %u, expected at most %u", what, found, most);
}

static bool standard_fine(const elbo_param *p)
{
  double s = p->standard;
  if (!isfinite(s)) return false;
  if (p->constraint == ELBO_POSITIVE) return s > 0;
  if (p->constraint == ELBO_INTEGER) return s >= 1 && s == floor(s);
  if (p->constraint == ELBO_UNIT) return s > 0 && s < 1;
  return true;
}

static bool params_fine(verdict *v, const elbo_family *f)
{
  for (uint32_t i = 0; i < f->n_params; i++) {
    const elbo_param *p = &f->params[i];
    if (!name_valid(p->name))
      return no(v, "parameter %u: its name is not of 1 to %d of the characters a-z, 0-9 and _", i,
                PLUGIN_MAX_NAME);
    if (p->constraint > ELBO_INTEGER)
      return no(v, "parameter %s: constraint %u is unknown", p->name, p->constraint);
    if (p->flags > 15) return no(v, "parameter %s: flags %u are unknown", p->name, p->flags);
    if ((p->flags & ELBO_VARIANCE_FORMS) && p->constraint != ELBO_POSITIVE)
      return no(v, "parameter %s: ELBO_VARIANCE_FORMS belongs to a positive parameter", p->name);
    if (!standard_fine(p))
      return no(v, "parameter %s: the standard value %g breaks its constraint", p->name,
                p->standard);
    if (p->help && !text_fine(p->help))
      return no(v, "parameter %s: its help is no line of at most %d bytes", p->name, MAX_TEXT);
    for (uint32_t j = 0; j < i; j++)
      if (!strcmp(p->name, f->params[j].name)) return no(v, "parameter %s is there twice", p->name);
  }
  return true;
}

static bool form_sets_fine(verdict *v, const elbo_family *f)
{
  for (uint32_t i = 0; i < f->n_form_sets; i++) {
    const elbo_form_set *s = &f->form_sets[i];
    uint32_t n = 0;
    for (; s->names && n <= PLUGIN_MAX_PARAMS && s->names[n]; n++)
      if (!name_valid(s->names[n]))
        return no(v, "form set %u: name %u is not of the characters a-z, 0-9 and _", i, n);
    if (n != f->n_params)
      return no(v, "form set %u: found %u names, expected %u, one a parameter", i, n, f->n_params);
    slot to[] = { { "form_sets.to_working", (anything *)s->to_working, true },
                  { "form_sets.log_prob", (anything *)s->log_prob, s->cdf != NULL },
                  { "form_sets.cdf", (anything *)s->cdf, s->log_prob != NULL } };
    if (!slots_fine(v, to, 3)) return false;
    if (s->log_prob && f->event_rank)
      return no(v, "form set %u: its own log_prob and cdf are for events of one number", i);
  }
  return true;
}

static bool levels_fine(verdict *v, const char *name, anything *const *at)
{
  slot s[ELBO_LEVELS];
  for (int i = 0; i < ELBO_LEVELS; i++) s[i] = (slot){ name, at[i], false };
  return slots_fine(v, s, ELBO_LEVELS);
}

static bool kls_fine(verdict *v, const elbo_family *f)
{
  for (uint32_t i = 0; i < f->n_kls; i++) {
    const elbo_kl *k = &f->kls[i];
    if (!name_valid(k->q) || !name_valid(k->p))
      return no(v, "kls[%u]: q or p is no name of a family", i);
    if (strcmp(k->q, f->name) && strcmp(k->p, f->name))
      return no(v, "kls[%u]: KL(%s || %s) does not name this family", i, k->q, k->p);
    slot s[] = { { "kls.kl", (anything *)k->kl, true } };
    if (!slots_fine(v, s, 1) || !levels_fine(v, "kls.kl_f32", (anything *const *)k->kl_f32))
      return false;
  }
  return true;
}

static bool uses_fine(verdict *v, const elbo_family *f)
{
  for (uint32_t i = 0; f->uses && f->uses[i]; i++)
    if (i >= PLUGIN_MAX_USES || !name_valid(f->uses[i]))
      return no(v, "uses: entry %u is no name of a family, or there are more than %d", i,
                PLUGIN_MAX_USES);
  return true;
}

static bool road_fine(verdict *v, const elbo_family *f)
{
  const struct {
    const char *reparam;
    bool there;
    const char *hook;
  } roads[] = {
    { "location_scale", f->standard || f->draw || f->icdf, "standard` or `draw` or `icdf" },
    { "inverse_cdf", f->icdf != NULL, "icdf" },
    { "composition", f->draw && f->pull, "draw` and `pull" },
    { "implicit", f->draw && (f->pull || f->cdf), "draw` and `pull` or `cdf" },
  };
  if (!f->reparam) return true;
  if (!name_valid(f->reparam)) return no(v, "reparam is no name of a reparametrizer");
  for (size_t i = 0; i < sizeof roads / sizeof *roads; i++)
    if (!strcmp(f->reparam, roads[i].reparam) && !roads[i].there)
      return no(v, "reparam is %s, but the hook `%s` is NULL", f->reparam, roads[i].hook);
  return true;
}

/* What an exported model prints as code. */
static bool mean_fine(verdict *v, const char *c)
{
  enum { MOST = 4000 };
  if (!c) return true;
  size_t n = strnlen(c, MOST + 1), i = 0;
  while (i < n && i < MOST && (c[i] == '\n' || (c[i] >= ' ' && c[i] < 127))) i++;
  if (n && i == n) return true;
  return no(v,
            "mean_in_c: expected 1 to %d characters of ASCII, the body of a function in C; NULL "
            "where there is none",
            MOST);
}

static bool arrays_whole(verdict *v, elbo_family *f)
{
  return (f->params =
              whole(v, (given){ "param_size", "n_params", f->params, f->n_params, PLUGIN_MAX_PARAMS,
                                f->param_size, FIRST_PARAM, sizeof(elbo_param) })) &&
         (f->form_sets = whole(v, (given){ "form_set_size", "n_form_sets", f->form_sets,
                                           f->n_form_sets, PLUGIN_MAX_FORM_SETS, f->form_set_size,
                                           FIRST_FORM_SET, sizeof(elbo_form_set) })) &&
         (f->kls = whole(v, (given){ "kl_size", "n_kls", f->kls, f->n_kls, PLUGIN_MAX_KLS,
                                     f->kl_size, FIRST_KL, sizeof(elbo_kl) }));
}

static bool family_fine(verdict *v, void *table)
{
  elbo_family *f = table;
  if (!named(v, f->name, f->summary) || !arrays_whole(v, f)) return false;
  f->param_size = sizeof(elbo_param);
  f->form_set_size = sizeof(elbo_form_set);
  f->kl_size = sizeof(elbo_kl);
  if (!range_fine(v, "event_rank", f->event_rank, 1) ||
      !range_fine(v, "value_form", f->value_form, ELBO_X_LOG_SIMPLEX) ||
      !range_fine(v, "support.kind", f->support.kind, ELBO_SUP_GRID) ||
      !range_fine(v, "seen", f->seen, ELBO_SEEN_CIRCLE))
    return false;
  const slot slots[] = {
    SLOT(f, log_prob, true),
    { "support.range", (anything *)f->support.range, f->support.kind == ELBO_SUP_INTERVAL },
    SLOT(f, standard, false),
    SLOT(f, icdf, false),
    SLOT(f, draw, false),
    SLOT(f, pull, false),
    SLOT(f, cdf, false),
    SLOT(f, moment, false),
    SLOT(f, support_point, false),
    SLOT(f, extension, false),
  };
  return slots_fine(v, slots, sizeof slots / sizeof *slots) &&
         levels_fine(v, "log_prob_f32", (anything *const *)f->log_prob_f32) &&
         levels_fine(v, "standard_f32", (anything *const *)f->standard_f32) && params_fine(v, f) &&
         form_sets_fine(v, f) && kls_fine(v, f) && uses_fine(v, f) && road_fine(v, f) &&
         mean_fine(v, f->mean_in_c);
}

static bool reparam_fine(verdict *v, void *table)
{
  const elbo_reparam *r = table;
  if (!named(v, r->name, r->summary)) return false;
  const slot slots[] = { SLOT(r, missing, true), SLOT(r, forward, true), SLOT(r, backward, true) };
  for (int i = 0; i < ELBO_LEVELS; i++)
    if (!r->forward_f32[i] != !r->backward_f32[i])
      return no(v, "forward_f32[%d] and backward_f32[%d]: found one of them, expected both or none",
                i, i);
  return slots_fine(v, slots, sizeof slots / sizeof *slots) &&
         levels_fine(v, "forward_f32", (anything *const *)r->forward_f32) &&
         levels_fine(v, "backward_f32", (anything *const *)r->backward_f32);
}

static bool backend_fine(verdict *v, void *table)
{
  const elbo_backend *b = table;
  if (!named(v, b->name, b->summary)) return false;
  const slot slots[] = { SLOT(b, sgemm, true), SLOT(b, describe, true), SLOT(b, advice, false),
                         SLOT(b, start, false) };
  return slots_fine(v, slots, sizeof slots / sizeof *slots);
}

static bool descriptor_fine(verdict *v, const elbo_plugin *p, size_t symbol_size)
{
  if ((uintptr_t)p % _Alignof(elbo_plugin)) return no(v, "elbo_plugin_entry is not aligned");
  if (symbol_size < sizeof *p)
    return no(v, "elbo_plugin_entry: found %zu bytes in the file, expected %zu", symbol_size,
              sizeof *p);
  if (memcmp(p->magic, ELBO_MAGIC, sizeof ELBO_MAGIC))
    return no(v, "magic: not that of an elbo plugin: use the macro ELBO_PLUGIN");
  if (p->abi_major != ELBO_ABI_MAJOR || p->abi_minor > ELBO_ABI_MINOR)
    return no(
        v, "ABI: found %u.%u, expected %d.0 to %d.%d: build it with this version's elbo/plugin.h",
        p->abi_major, p->abi_minor, ELBO_ABI_MAJOR, ELBO_ABI_MAJOR, ELBO_ABI_MINOR);
  if (!size_fine(v, "size of elbo_plugin", p->size, sizeof *p, sizeof *p)) return false;
  if (p->kind < ELBO_KIND_FAMILY || p->kind > ELBO_KIND_BACKEND)
    return no(v, "kind: found %u, expected 1 (family), 2 (reparametrizer) or 3 (backend)", p->kind);
  if (!memchr(p->build, 0, sizeof p->build))
    return no(v, "build: no text that ends within %zu bytes", sizeof p->build);
  if (p->table) return true;
  return no(v, "table is NULL");
}

/* Each table begins with its size. `fine` looks at the copy and makes its arrays whole. */
static const struct {
  const char *size_name;
  size_t first, now;
  bool (*fine)(verdict *, void *copy);
} kinds[] = {
  [ELBO_KIND_FAMILY] = { "size of elbo_family", FIRST_FAMILY, sizeof(elbo_family), family_fine },
  [ELBO_KIND_REPARAM] = { "size of elbo_reparam", FIRST_REPARAM, sizeof(elbo_reparam),
                          reparam_fine },
  [ELBO_KIND_BACKEND] = { "size of elbo_backend", FIRST_BACKEND, sizeof(elbo_backend),
                          backend_fine },
};

const elbo_plugin *plugin_whole(const elbo_plugin *p, size_t symbol_size, arena *copies, char *why,
                                error *e)
{
  verdict v = { .why = why, .copies = copies, .e = e };
  if (!descriptor_fine(&v, p, symbol_size)) return NULL;
  size_t now = kinds[p->kind].now;
  size_t *table = whole(&v, (given){ kinds[p->kind].size_name, "tables", p->table, 1, 1,
                                     *(const size_t *)p->table, kinds[p->kind].first, now });
  if (!table || !kinds[p->kind].fine(&v, table)) return NULL;
  *table = now;
  elbo_plugin *copy = arena_get(copies, 1, sizeof *copy, e);
  if (!copy) return NULL;
  *copy = *p;
  copy->table = table;
  return copy;
}

const char *plugin_name(const elbo_plugin *p)
{
  if (p->kind == ELBO_KIND_FAMILY) return ((const elbo_family *)p->table)->name;
  if (p->kind == ELBO_KIND_REPARAM) return ((const elbo_reparam *)p->table)->name;
  return ((const elbo_backend *)p->table)->name;
}
