/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>

enum { KEPT = 100 };

void problem_add(problems *p, place at, elbo_status status, const char *format, ...)
{
  if (p->n >= KEPT) return;
  if (!p->list) {
    p->list = mem_new(KEPT, sizeof *p->list, "problems", NULL);
    p->room = p->list ? KEPT : 0;
  }
  if (p->n < p->room) {
    va_list args;
    va_start(args, format);
    size_t n = format_into(NULL, 0, format, args);
    va_end(args);
    char *words = mem_new(n + 1, 1, "a problem", NULL);
    va_start(args, format);
    if (words) format_into(words, n + 1, format, args);
    va_end(args);
    p->list[p->n] = (problem){ at, status, words };
  }
  p->n++;
}

void problems_free(problems *p)
{
  for (int i = 0; i < p->n && i < p->room; i++) mem_free(p->list[i].text);
  mem_free(p->list);
  *p = (problems){ .file = p->file };
}

static void add_line(text *t, const problems *p, const problem *one)
{
  const char *file = p->file ? p->file : "";
  if (one->at.line)
    text_format(t, "%s:%d:%d: ", file, one->at.line, one->at.column);
  else if (p->file)
    text_format(t, "%s: ", file);
  text_add(t, one->text ? one->text : "a problem, but memory ran out before it could be told");
  text_add(t, "\n");
}

elbo_status problems_error(const problems *p, error *e)
{
  if (!p->n) return ELBO_DONE;
  if (!p->room)
    return fail(e, ELBO_E_MEMORY, "%s: %d problems, but memory ran out before they could be told",
                p->file ? p->file : "problems", p->n);
  text t = { 0 };
  int told = 0;
  while (told < p->n && told < p->room && t.n < sizeof e->text) {
    size_t before = t.n;
    add_line(&t, p, &p->list[told]);
    /* A first one is told whatever its length; another only if it and a last line about the
     * others fit. */
    if (told && t.n + 32 > sizeof e->text) {
      t.n = before;
      t.s[before] = '\0';
      break;
    }
    told++;
  }
  if (told < p->n) text_format(&t, "... and %d more", p->n - told);
  elbo_status status = p->list[0].status;
  if (t.failed) status = ELBO_E_MEMORY;
  fail(e, status, "%s", t.s ? t.s : "problems, but memory ran out before they could be told");
  text_free(&t);
  return status;
}
