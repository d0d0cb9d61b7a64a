/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Columns of a text file that are picked, by name or by number: found in the first row, then met
 * one after the other in every row. */
#include "data/csv.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct csv_pick {
  const char *name; /* NULL: by number */
  size_t column;    /* of the file, from 1; 0: not found yet */
  size_t slot;      /* of the array's rows */
};

/* Those without a name come last. */
static int by_name(const void *a, const void *b)
{
  const csv_pick *p = a, *q = b;
  return p->name && q->name ? strcmp(p->name, q->name) : (q->name != NULL) - (p->name != NULL);
}

static int by_column(const void *a, const void *b)
{
  const csv_pick *p = a, *q = b;
  return (p->column > q->column) - (p->column < q->column);
}

elbo_status csv_picks_new(csv *c, const data_columns *wanted)
{
  if (!wanted || !wanted->n) return ELBO_DONE;
  c->picks = mem_new(wanted->n, sizeof *c->picks, "the columns that are picked", c->e);
  if (!c->picks) return c->e->status;
  c->n_picks = wanted->n;
  for (size_t i = 0; i < wanted->n; i++) {
    c->picks[i] = (csv_pick){ wanted->at[i].name, wanted->at[i].number, i };
    c->by_name |= wanted->at[i].name != NULL;
  }
  qsort(c->picks, c->n_picks, sizeof *c->picks, c->by_name ? by_name : by_column);
  for (size_t i = 1; c->by_name && i < wanted->n && c->picks[i].name; i++)
    if (!strcmp(c->picks[i].name, c->picks[i - 1].name))
      return fail(c->e, ELBO_E_DATA, "column \"%.60s\" is picked twice: remove one",
                  c->picks[i].name);
  return ELBO_DONE;
}

/* The pick that is called as the field is: among those with a name, which are sorted. */
static csv_pick *find(const csv *c)
{
  size_t low = 0, high = c->n_picks;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    csv_pick *p = &c->picks[mid];
    size_t n = p->name ? strlen(p->name) : 0, both = n < c->n ? n : c->n;
    int order = p->name ? memcmp(c->at, p->name, both) : -1;
    if (!order) order = (c->n > n) - (c->n < n);
    if (!order) return p;
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

elbo_status csv_named(csv *c)
{
  csv_pick *p = find(c);
  if (p && p->column)
    return fail(c->e, ELBO_E_DATA,
                "columns %zu and %zu (line %zu) are both named \"%.60s\": pick it by its number",
                p->column, c->column, c->line, p->name);
  if (p) p->column = c->column;
  return ELBO_DONE;
}

/* Looks through the first row once more, for the nearest name, and for some of them all. */
static elbo_status unknown(csv *c, const char *name)
{
  enum { LISTED = 20 };
  char best[CSV_SHOWN + 1] = "", field[CSV_SHOWN + 1], list[LISTED * (CSV_SHOWN + 2) + 1] = "";
  bool numbers = false;
  size_t n = 0;
  after what = AFTER_FIELD;
  if (source_go_back(c->s, c->start, c->e) || csv_begin(c)) return c->e->status;
  for (size_t i = 0; what == AFTER_FIELD; i++) {
    double v;
    if (csv_take(c, &what)) return c->e->status;
    csv_show(c);
    memcpy(field, c->shown, sizeof field);
    numbers |= csv_classify(c, &v) == FIELD_NUMBER;
    const char *near = nearest_word(name, (const char *const[]){ best, field }, 2);
    if (near == field) memcpy(best, field, sizeof best);
    if (i < LISTED) n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", field);
  }
  if (numbers && !best[0])
    return fail(c->e, ELBO_E_DATA,
                "no column is named \"%.60s\": the first row is %s%s; where it is no row of names, "
                "pick columns by number, the first is 1",
                name, list, c->width > LISTED ? ", ..." : "");
  return fail(c->e, ELBO_E_DATA, "no column is named \"%.60s\"%s%s%s; the first row has %s%s", name,
              best[0] ? "; did you mean \"" : "", best, best[0] ? "\"?" : "", list,
              c->width > LISTED ? ", ..." : "");
}

elbo_status csv_picks_settle(csv *c)
{
  for (size_t i = 0; i < c->n_picks; i++) {
    const csv_pick *p = &c->picks[i];
    if (!p->column && p->name) return unknown(c, p->name);
    if (p->column > c->width)
      return fail(c->e, ELBO_E_DATA,
                  "column %zu is picked, and there are %zu: expected a number from 1 to %zu, or a "
                  "name in quotes",
                  p->column, c->width, c->width);
  }
  if (!c->n_picks) return ELBO_DONE;
  qsort(c->picks, c->n_picks, sizeof *c->picks, by_column);
  for (size_t i = 1; i < c->n_picks; i++)
    if (c->picks[i].column == c->picks[i - 1].column)
      return fail(c->e, ELBO_E_DATA, "column %zu is picked twice: remove one", c->picks[i].column);
  return ELBO_DONE;
}

bool csv_wanted(csv *c, size_t *slot)
{
  *slot = c->column - 1;
  if (!c->picks) return true;
  if (c->next == c->n_picks || c->picks[c->next].column != c->column) return false;
  *slot = c->picks[c->next++].slot;
  return true;
}
