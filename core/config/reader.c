/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/reader.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

bool place_known(place at)
{
  return at.line || at.column;
}

place setting_place(int setting)
{
  return (place){ .line = 0, .column = setting + 1 };
}

void trouble(reader *r, place at, const char *format, ...)
{
  char s[3072];
  va_list list;
  va_start(list, format);
  vsnprintf(s, sizeof s, format, list);
  va_end(list);
  if (at.line == 0 && at.column > 0)
    problem_add(r->p, (place){ 0 }, ELBO_E_USAGE, "--set %.200s: %s", r->settings[at.column - 1],
                s);
  else
    problem_add(r->p, at, ELBO_E_USAGE, "%s", s);
}

void *reader_get(reader *r, size_t count, size_t size)
{
  return arena_get(r->arena, count, size, &r->memory);
}

char *reader_string(reader *r, const char *s)
{
  return arena_string(r->arena, s, &r->memory);
}

void line_add(line *l, const char *format, ...)
{
  va_list list;
  va_start(list, format);
  int n = vsnprintf(l->s + l->n, sizeof l->s - l->n, format, list);
  va_end(list);
  if (n > 0) l->n += (size_t)n;
  if (l->n >= sizeof l->s) l->n = sizeof l->s - 1;
}

void line_number(line *l, double v)
{
  text t = { 0 };
  text_shortest(&t, v);
  line_add(l, "%s", t.failed ? "?" : t.s);
  text_free(&t);
}

void line_suggest(line *l, const char *word, const char *const *words, int n)
{
  const char *near = nearest_word(word, words, n);
  if (near)
    line_add(l, "; did you mean \"%s\"? (known: ", near);
  else
    line_add(l, "; known: ");
  for (int i = 0; i < n; i++) line_add(l, "%s%s", i ? ", " : "", words[i]);
  line_add(l, "%s%s", n ? "" : "none", near ? ")" : "");
}
