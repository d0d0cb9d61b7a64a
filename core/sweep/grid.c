/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grid: what is varied, the combinations, and a name for each. */
#include "base/file.h"
#include "base/zip.h"
#include "sweep/inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- one "KEY=V1,V2" */
/* Characters up to the next comma outside of brackets, braces and quotes. */
static size_t value_length(const char *s)
{
  int depth = 0;
  char quote = 0;
  size_t n = 0;
  for (; s[n] && (s[n] != ',' || depth > 0 || quote); n++) {
    if (quote)
      quote = s[n] == quote ? 0 : quote;
    else if (s[n] == '\'' || s[n] == '"')
      quote = s[n];
    else
      depth += (s[n] == '[' || s[n] == '{') - (s[n] == ']' || s[n] == '}');
  }
  return n;
}

static const char *trimmed(elbo_sweep *s, const char *at, size_t n, error *e)
{
  while (n && *at == ' ') at++, n--;
  while (n && at[n - 1] == ' ') n--;
  return arena_format(s->arena, e, "%.*s", (int)n, at);
}

static elbo_status value_add(sweep_axis *a, const char *vary, const char *value, error *e)
{
  if (!*value)
    return fail(e, ELBO_E_USAGE,
                "--vary %.200s: value %zu is empty; write KEY=V1,V2, a comma between two values",
                vary, a->n + 1);
  for (size_t i = 0; i < a->n; i++)
    if (!strcmp(a->values[i], value))
      return fail(e, ELBO_E_USAGE,
                  "--vary %.200s: the value %.100s stands there twice; name it "
                  "once",
                  vary, value);
  a->values[a->n++] = value;
  return ELBO_DONE;
}

static elbo_status axis_read(elbo_sweep *s, const char *vary, error *e)
{
  const char *equals = strchr(vary, '=');
  if (!equals || equals == vary)
    return fail(
        e, ELBO_E_USAGE,
        "--vary %.200s: expected KEY=V1,V2,.., as in --vary model.p.z.family=normal,laplace", vary);
  sweep_axis *a = &s->axes[s->n_axes];
  a->key = trimmed(s, vary, (size_t)(equals - vary), e);
  a->values = arena_get(s->arena, strlen(equals), sizeof *a->values, e);
  if (!a->key || !a->values) return e->status;
  for (size_t i = 0; i < s->n_axes; i++)
    if (!strcmp(s->axes[i].key, a->key))
      return fail(e, ELBO_E_USAGE, "--vary: %.100s is varied twice; give all its values at once",
                  a->key);
  for (const char *at = equals + 1;; at++) {
    size_t n = value_length(at);
    const char *value = trimmed(s, at, n, e);
    if (!value || value_add(a, vary, value, e)) return e->status;
    if (!*(at += n)) break;
  }
  s->n_axes++;
  return ELBO_DONE;
}

/* ---- names */
/* The settings with what is no part of a file's name as '-', and a digest where that or the cut
   could make two alike. */
static const char *name_of(elbo_sweep *s, const char *const *settings, error *e)
{
  enum { LONGEST = 120 };
  text t = { 0 };
  bool changed = false;
  for (size_t i = 0; settings[i]; i++) text_format(&t, "%s%s", i ? "," : "", settings[i]);
  if (t.failed) {
    text_free(&t);
    fail(e, ELBO_E_MEMORY, "out of memory while cells are named");
    return NULL;
  }
  uint32_t digest = crc32_of(0, t.s, t.n);
  for (size_t i = 0; i < t.n; i++) {
    bool plain = (t.s[i] >= '0' && t.s[i] <= '9') || ((t.s[i] | 32) >= 'a' && (t.s[i] | 32) <= 'z');
    if (plain || strchr("._-=,", t.s[i])) continue;
    t.s[i] = '-';
    changed = true;
  }
  changed |= t.n > LONGEST;
  const char *name = changed ? arena_format(s->arena, e, "%.*s-%08x", LONGEST, t.s, digest)
                             : arena_string(s->arena, t.s, e);
  text_free(&t);
  return name;
}

/* ---- cells */
static elbo_status cell_make(elbo_sweep *s, cell *c, size_t number, const char *const *settings,
                             error *e)
{
  size_t n = 0;
  while (settings && settings[n]) n++;
  const char **own = arena_get(s->arena, s->n_axes + 1, sizeof *own, e);
  c->applied = arena_get(s->arena, n + s->n_axes + 2, sizeof *c->applied, e);
  if (!own || !c->applied) return e->status;
  for (size_t i = s->n_axes; i-- > 0;) {
    const sweep_axis *a = &s->axes[i];
    own[i] = arena_format(s->arena, e, "%s=%s", a->key, a->values[number % a->n]);
    number /= a->n;
    if (!own[i]) return e->status;
    c->applied[n + i] = own[i];
  }
  for (size_t i = 0; i < n; i++) c->applied[i] = settings[i];
  c->of.settings = own;
  c->of.reason = "";
  for (int i = 0; i < ELBO_SWEEP_FIGURES; i++) c->of.figures[i] = NAN;
  c->of.name = name_of(s, own, e);
  if (!c->of.name) return e->status;
  c->of.run = arena_format(s->arena, e, "%s/%s", s->directory, c->of.name);
  c->applied[n + s->n_axes] = arena_format(s->arena, e, "name=\"%s\"", c->of.name);
  return e->status;
}

elbo_status grid_make(elbo_sweep *s, const char *const *settings, const char *const *vary, error *e)
{
  s->n_cells = 1;
  for (size_t i = 0; vary && vary[i]; i++) {
    if (i == MOST_KEYS)
      return fail(e, ELBO_E_USAGE, "--vary: more than %d keys; vary fewer at a time", MOST_KEYS);
    if (axis_read(s, vary[i], e)) return e->status;
    s->n_cells *= s->axes[i].n;
    if (s->n_cells > MOST_CELLS)
      return fail(e, ELBO_E_USAGE, "--vary: more than %d cells; vary fewer values at a time",
                  MOST_CELLS);
  }
  if (!s->n_axes)
    return fail(e, ELBO_E_USAGE, "a sweep without a key to vary; add --vary KEY=V1,V2");
  s->cells = arena_get(s->arena, s->n_cells, sizeof *s->cells, e);
  for (size_t i = 0; s->cells && i < s->n_cells; i++)
    if (cell_make(s, &s->cells[i], i, settings, e)) break;
  return e->status;
}
