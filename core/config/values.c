/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scalars and lists of numbers: from the tree, and back into text. */
#include "config/schema.h"

#include <math.h>
#include <string.h>

void range_text(const key *k, line *l)
{
  if (!k->low && !k->high) return;
  if (isfinite(k->low)) {
    line_add(l, "%s", k->open_low ? " above " : " of at least ");
    line_number(l, k->low);
  }
  if (isfinite(k->high)) {
    line_add(l, "%s%s ", isfinite(k->low) ? " and" : "", k->open_high ? " below" : " at most");
    line_number(l, k->high);
  }
}

bool key_in_range(const key *k, double v)
{
  if (!k->low && !k->high) return true;
  return (k->open_low ? v > k->low : v >= k->low) && (k->open_high ? v < k->high : v <= k->high);
}

/* What stands at n is no number (of the kind), or out of range. */
static bool expected(reader *r, const key *k, const tree *n, const char *what, bool is_number)
{
  char found[128];
  line l = { 0 };
  line_add(&l, "%s must be %s", k->name, what);
  range_text(k, &l);
  trouble(r, n->at, "%s, found %s; %s", l.s, tree_found(n, found, sizeof found),
          is_number ? "choose one in that range"
                    : "write it in plain decimal digits, as 100 or 1e-3");
  return false;
}

static bool plain(const tree *n)
{
  return n->kind == TREE_SCALAR && !n->quoted;
}

bool read_number(reader *r, const key *k, const tree *n, double *out)
{
  double v;
  bool is_number = plain(n) && number_read(n->text, strlen(n->text), &v) && isfinite(v);
  if (!is_number || !key_in_range(k, v)) return expected(r, k, n, "a number", is_number);
  *out = v;
  return true;
}

bool read_count(reader *r, const key *k, const tree *n, int64_t *out)
{
  int64_t v;
  bool is_number = plain(n) && number_read_int(n->text, strlen(n->text), &v);
  if (!is_number || !key_in_range(k, (double)v))
    return expected(r, k, n, "a whole number", is_number);
  *out = v;
  return true;
}

bool read_word(reader *r, const tree *n, const char *what, const char **out)
{
  char found[128];
  if (n->kind != TREE_SCALAR || !n->text[0]) {
    trouble(r, n->at, "%s must be a word, found %s", what, tree_found(n, found, sizeof found));
    return false;
  }
  *out = n->text;
  return true;
}

/* Appends the numbers of a list of numbers at *out. */
static bool read_row(reader *r, const key *k, const tree *list, double **out)
{
  for (const tree *c = list->first; c; c = c->next)
    if (!read_number(r, k, c, (*out)++)) return false;
  return true;
}

static bool read_rows(reader *r, const key *k, const tree *n, double *at)
{
  if (n->first->kind != TREE_LIST) return read_row(r, k, n, &at);
  for (const tree *c = n->first; c; c = c->next) {
    if (c->kind != TREE_LIST || c->count != n->first->count) {
      trouble(r, c->at, "%s is a list of lists; expected %d numbers in each, as in the first",
              k->name, n->first->count);
      return false;
    }
    if (!read_row(r, k, c, &at)) return false;
  }
  return true;
}

bool read_numbers(reader *r, const key *k, const tree *n, double **values, size_t *count)
{
  size_t room = 1;
  if (n->kind == TREE_LIST) {
    bool rows = n->first && n->first->kind == TREE_LIST;
    room = (size_t)n->count * (size_t)(rows ? n->first->count : 1);
    /* More numbers than values in the whole file: the first row is longer than the others. */
    if (room == 0 || room > YAML_NODES) {
      trouble(r, n->at, "%s must be a number or a list of numbers, found %s", k->name,
              room ? "rows of different length" : "an empty list");
      return false;
    }
  }
  double *v = reader_get(r, room, sizeof *v);
  if (!v) return false;
  if (n->kind == TREE_LIST ? !read_rows(r, k, n, v) : !read_number(r, k, n, v)) return false;
  *values = v;
  *count = room;
  return true;
}

void write_key(writer *w, const char *name)
{
  text_format(w->t, "%*s%s: ", 2 * w->depth, "", name);
}

/* Double-quoted, with what YAML can't show escaped byte by byte only below 0x20 and at 0x7f:
   the rest is UTF-8 as it stands. */
void write_quoted(writer *w, const char *s)
{
  text_add(w->t, "\"");
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\')
      text_format(w->t, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
      text_format(w->t, "\\x%02x", c);
    else
      text_add_n(w->t, s, 1);
  }
  text_add(w->t, "\"");
}

void write_numbers(writer *w, const double *values, size_t n)
{
  if (n != 1) text_add(w->t, "[");
  for (size_t i = 0; i < n; i++) {
    if (i) text_add(w->t, ", ");
    text_shortest(w->t, values[i]);
  }
  if (n != 1) text_add(w->t, "]");
}
