/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From text to fields: delimiters, quotes, line ends, blanks. */
#include "data/csv.h"
#include "base/text.h"
#include <string.h>

enum { MAX_FIELD = 1024 };

void csv_show(csv *c)
{
  size_t used = 0;
  for (size_t i = 0, n; i < c->n && used < CSV_SHOWN; i += n) {
    const unsigned char *p = (const unsigned char *)c->at + i;
    n = utf8_step(c->at + i, c->n - i);
    bool plain = n == 1 ? *p >= ' ' && *p < 127 : n > 1 && !(*p == 0xC2 && p[1] < 0xA0);
    if (!plain) {
      c->shown[used++] = '?';
      n = n ? n : 1;
    } else if (used + n <= CSV_SHOWN) {
      memcpy(c->shown + used, p, n);
      used += n;
    } else
      break;
  }
  c->shown[used] = 0;
}

elbo_status csv_refuse(csv *c, const char *what, const char *todo)
{
  csv_show(c);
  return fail(c->e, ELBO_E_DATA, "row %zu, column %zu (line %zu): \"%s%s\" %s%s", c->row + 1,
              c->column, c->line, c->shown, c->n > CSV_SHOWN ? "..." : "", what, todo);
}

static bool is_blank(const csv *c, char ch)
{
  return ch == ' ' || (ch == '\t' && c->delimiter != '\t');
}

static bool ends_field(const csv *c, char ch)
{
  return ch == '\n' || ch == '\r' || ch == c->delimiter || (c->delimiter == ' ' && ch == '\t');
}

/* What stands behind the field that ends at p; moves the source there. */
static elbo_status step_behind(csv *c, const char *p, after *what)
{
  const char *end = (const char *)c->s->buffer + c->s->n, *start = p;
  while (p < end && is_blank(c, *p)) p++;
  if (p - start > MAX_FIELD) return csv_refuse(c, "is followed by more than 1024 blanks", "");
  *what = AFTER_FIELD;
  if (p == end)
    *what = AFTER_FILE;
  else if (*p == '\n' || *p == '\r') {
    p += *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
    *what = AFTER_LINE;
  } else if (c->delimiter != ' ')
    p++; /* the delimiter */
  source_skip(c->s, (size_t)(p - (const char *)c->s->buffer) - c->s->at);
  return ELBO_DONE;
}

/* A quote inside quotes is written twice. */
static bool is_doubled(const char *quote, const char *end)
{
  return quote + 1 < end && quote[1] == '"';
}

/* A field in quotes, which ends on its line: from *p, behind the opening quote, to behind the
   closing one. */
static elbo_status take_quoted(csv *c, const char **p, const char *end)
{
  const char *q = c->at = *p;
  while (q < end && *q != '\n' && q - c->at <= MAX_FIELD && (*q != '"' || is_doubled(q, end)))
    q += *q == '"' ? 2 : 1;
  c->n = (size_t)(q - c->at);
  if (q == end || *q != '"')
    return csv_refuse(
        c, "opens a quote that is not closed",
        " within its line and 1024 bytes: close it, or leave the column out of the file");
  *p = ++q;
  while (q < end && is_blank(c, *q)) q++;
  return q == end || ends_field(c, *q) || (c->delimiter == ' ' && q > *p)
             ? ELBO_DONE
             : csv_refuse(c, "has something behind its closing quote", ": expected a delimiter");
}

/* Reads one field into at, n. Of what is looked at here, nothing is longer than MAX_FIELD, so
   that all of it is in the buffer. */
elbo_status csv_take(csv *c, after *what)
{
  source *s = c->s;
  if (s->n - s->at < 4 * MAX_FIELD && source_fill(s, 4 * MAX_FIELD, c->e) != ELBO_DONE)
    return c->e->status;
  const char *p = (const char *)s->buffer + s->at, *end = (const char *)s->buffer + s->n,
             *start = p;
  while (p < end && is_blank(c, *p) && p - start <= MAX_FIELD) p++;
  c->at = p;
  if (p < end && *p == '"') {
    p++;
    if (take_quoted(c, &p, end) != ELBO_DONE) return c->e->status;
  } else {
    while (p < end && !ends_field(c, *p) && p - start <= MAX_FIELD) p++;
    c->n = (size_t)(p - c->at);
    while (c->n && is_blank(c, c->at[c->n - 1])) c->n--;
  }
  if (p - start > MAX_FIELD)
    return csv_refuse(c, "is a field of more than 1024 bytes",
                      ": expected numbers; leave a column of texts out of the file");
  return step_behind(c, p, what);
}

static void choose_delimiter(csv *c)
{
  const char *p = (const char *)c->s->buffer + c->s->at,
             *end = (const char *)c->s->buffer + c->s->n;
  bool quoted = false, comma = false, tab = false, semicolon = false;
  for (; p < end && *p != '\n' && *p != '\r'; p++) {
    quoted ^= *p == '"';
    semicolon |= !quoted && *p == ';';
    comma |= !quoted && *p == ',';
    tab |= !quoted && *p == '\t';
  }
  c->delimiter = semicolon ? ';' : comma ? ',' : tab ? '\t' : ' ';
}

/* Steps over blank lines. *end: nothing else was left; *blank: how many there were. */
elbo_status csv_blank_lines(csv *c, size_t *blank, bool *end)
{
  source *s = c->s;
  for (*blank = 0;; ++*blank, c->line++) {
    if (s->n - s->at < 4 * MAX_FIELD && source_fill(s, 4 * MAX_FIELD, c->e) != ELBO_DONE)
      return c->e->status;
    const char *start = (const char *)s->buffer + s->at, *stop = (const char *)s->buffer + s->n,
               *p = start;
    while (p < stop && (*p == ' ' || *p == '\t') && p - start <= MAX_FIELD) p++;
    *end = p == stop;
    if (*end || (*p != '\n' && *p != '\r')) return ELBO_DONE;
    p += *p == '\r' && p + 1 < stop && p[1] == '\n' ? 2 : 1;
    source_skip(s, (size_t)(p - start));
  }
}

elbo_status csv_begin(csv *c)
{
  source *s = c->s;
  if (source_fill(s, SOURCE_BUFFER, c->e) != ELBO_DONE) return c->e->status;
  if (s->n - s->at >= 3 && memcmp(s->buffer + s->at, "\xEF\xBB\xBF", 3) == 0) source_skip(s, 3);
  size_t blank;
  bool end;
  if (csv_blank_lines(c, &blank, &end) != ELBO_DONE) return c->e->status;
  if (end) return fail(c->e, ELBO_E_DATA, "the file holds no number: expected rows of numbers");
  choose_delimiter(c);
  return ELBO_DONE;
}
