/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * csv.c - numbers as text, a row a line, in two passes: the first checks all and counts, so that a
 * file which is refused costs no memory and one that is taken costs what its numbers need; the
 * second stores. Fields are parted by the first of ';', ',', tab that stands in the first line
 * outside quotes, else by blanks; a first row without a number is names. Values stay bytes if all
 * of them are. */
#include "base/mem.h"
#include "base/text.h"
#include "data/read.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { MAX_FIELD = 1024, SHOWN = 40 };

typedef enum {
  FIELD_NUMBER,
  FIELD_NOT_FINITE,
  FIELD_BEYOND,
  FIELD_EMPTY,
  FIELD_MISSING,
  FIELD_WORD
} field_kind;
typedef enum { AFTER_FIELD, AFTER_LINE, AFTER_FILE } after; /* what stands behind a field */

typedef struct {
  source *s;
  error *e;
  array *out;
  char delimiter;           /* ' ': runs of blanks and tabs */
  size_t row, column, line; /* row of data from 0; column and line from 1 */
  bool storing;             /* the second pass */
  size_t room, used;        /* values: counted by the first pass, stored by the second */
  size_t names;             /* fields in the row of names; 0: no such row */
  const char *at;           /* the field, trimmed, in the source's buffer */
  size_t n;
  uint64_t start;        /* where the file's text begins */
  char shown[SHOWN + 1]; /* of a field, for messages */
} csv;

static void show(csv *c)
{
  size_t n = c->n < SHOWN ? c->n : SHOWN;
  for (size_t i = 0; i < n; i++) c->shown[i] = c->at[i] >= ' ' && c->at[i] < 127 ? c->at[i] : '?';
  c->shown[n] = 0;
}

static elbo_status refuse(csv *c, const char *what, const char *todo)
{
  show(c);
  return fail(c->e, ELBO_E_DATA, "row %zu, column %zu (line %zu): \"%s%s\" %s%s", c->row + 1,
              c->column, c->line, c->shown, c->n > SHOWN ? "..." : "", what, todo);
}

static bool is_blank(const csv *c, char ch)
{
  return ch == ' ' || (ch == '\t' && c->delimiter != '\t');
}

static bool ends_field(const csv *c, char ch)
{
  return ch == '\n' || ch == '\r' || ch == c->delimiter || (c->delimiter == ' ' && ch == '\t');
}

/* ---- numbers */

/* Decimal digits with a point and at most 15 of them: mantissa and power of ten are exact doubles,
 * so that one operation rounds once (Clinger 1990). false: take the long way. */
static bool quick_number(const char *s, size_t n, double *v)
{
  static const double ten[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
  bool minus = n && s[0] == '-';
  int64_t m = 0;
  size_t i = minus, digits = 0, behind = 0;
  bool point = false;
  if (n > 17) return false;
  for (; i < n; i++) {
    if (s[i] == '.' && !point) {
      point = true;
      continue;
    }
    if (s[i] < '0' || s[i] > '9') return false;
    m = m * 10 + (s[i] - '0');
    digits++;
    behind += point;
  }
  if (digits == 0 || digits > 15) return false;
  double a = (double)m / ten[behind];
  *v = minus ? -a : a;
  return true;
}

static bool is_not_finite(const char *s, size_t n)
{
  static const char *const words[] = { "nan", "inf", "infinity" };
  if (n && (s[0] == '+' || s[0] == '-')) s++, n--;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (n == strlen(words[i]) && strncasecmp(s, words[i], n) == 0) return true;
  return false;
}

/* What spreadsheets, R and SQL write where there is no value. */
static bool is_missing(const char *s, size_t n)
{
  static const char *const words[] = { "na",      "n/a", "#n/a", "<na>", "null", "none",
                                       "missing", "?",   "-",    ".",    "--" };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (n == strlen(words[i]) && strncasecmp(s, words[i], n) == 0) return true;
  return false;
}

/* Has the form of a number, though none that a double holds. */
static bool looks_numeric(const char *s, size_t n)
{
  bool digit = false;
  for (size_t i = 0; i < n; i++) {
    digit |= s[i] >= '0' && s[i] <= '9';
    if (!strchr("0123456789.eE+-", s[i]) || !s[i]) return false;
  }
  return digit;
}

static field_kind classify(const csv *c, double *v)
{
  if (c->n == 0) return FIELD_EMPTY;
  if (quick_number(c->at, c->n, v)) return FIELD_NUMBER;
  if (number_read(c->at, c->n, v)) return fabs(*v) > FLT_MAX ? FIELD_BEYOND : FIELD_NUMBER;
  if (is_not_finite(c->at, c->n)) return FIELD_NOT_FINITE;
  if (is_missing(c->at, c->n)) return FIELD_MISSING;
  return looks_numeric(c->at, c->n) ? FIELD_BEYOND : FIELD_WORD;
}

static elbo_status refuse_field(csv *c, field_kind kind)
{
  static const char *const why[][2] = {
    [FIELD_NOT_FINITE] = { "is not finite", ": remove the row or fill the value in" },
    [FIELD_BEYOND] = { "is no number that a 32-bit float holds", ": rescale the data" },
    [FIELD_EMPTY] = { "is an empty field",
                      ": expected a number; remove the row or fill the value in" },
    [FIELD_MISSING] = { "stands for a missing value",
                        ": expected a number; remove the row or fill the value in" },
    [FIELD_WORD] = { "is not a number", ": expected digits with '.' as decimal point (only a first "
                                        "row without any number "
                                        "is taken as names)" },
  };
  return refuse(c, why[kind][0], why[kind][1]);
}

/* ---- storage */

/* 16777217 says that it is exact; 1.6777217e7 does not. */
static bool is_written_whole(const csv *c)
{
  for (size_t i = 0; i < c->n; i++)
    if (strchr(".eE", c->at[i])) return false;
  return true;
}

static bool is_byte(double v)
{
  return v >= 0 && v <= 255 && v == (int)v && !signbit(v);
}

static elbo_status count(csv *c, double v)
{
  if (fabs(v) > 0x1p24 && (double)(float)v != v && is_written_whole(c))
    return refuse(c, "is a whole number that a 32-bit float can't hold exactly",
                  ": rescale the data");
  if (!is_byte(v)) c->out->type = ARRAY_F32;
  c->used++;
  return ELBO_DONE;
}

static elbo_status store(csv *c, double v)
{
  array *a = c->out;
  if (!c->storing) return count(c, v);
  if (c->used == c->room || (a->type == ARRAY_U8 && !is_byte(v)))
    return fail(c->e, ELBO_E_DATA, "the file changed while it was read");
  if (a->type == ARRAY_U8)
    a->u8[c->used++] = (uint8_t)v;
  else
    a->f32[c->used++] = (float)v;
  return ELBO_DONE;
}

/* ---- fields and lines */

/* What stands behind the field that ends at p; moves the source there. */
static elbo_status step_behind(csv *c, const char *p, after *what)
{
  const char *end = (const char *)c->s->buffer + c->s->n, *start = p;
  while (p < end && is_blank(c, *p)) p++;
  if (p - start > MAX_FIELD) return refuse(c, "is followed by more than 1024 blanks", "");
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

/* A field in quotes, which ends on its line: from *p, behind the opening quote, to behind the
   closing one. */
static elbo_status take_quoted(csv *c, const char **p, const char *end)
{
  const char *q = c->at = *p;
  while (q < end && *q != '"' && *q != '\n' && q - c->at <= MAX_FIELD) q++;
  c->n = (size_t)(q - c->at);
  if (q == end || *q != '"')
    return refuse(c, "opens a quote that is not closed", " within its line and 1024 bytes");
  *p = ++q;
  while (q < end && is_blank(c, *q)) q++;
  return q == end || ends_field(c, *q) || (c->delimiter == ' ' && q > *p)
             ? ELBO_DONE
             : refuse(c, "has something behind its closing quote", ": expected a delimiter");
}

/* Reads one field into at, n. Of what is looked at here, nothing is longer than MAX_FIELD, so
   that all of it is in the buffer. */
static elbo_status take_field(csv *c, after *what)
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
    return refuse(c, "is a field of more than 1024 bytes", ": expected numbers");
  return step_behind(c, p, what);
}

/* ended: all columns of the row were read; else one more is about to be. */
static elbo_status check_width(csv *c, size_t want, bool ended)
{
  if (ended ? c->column == want : c->column <= want) return ELBO_DONE;
  return fail(c->e, ELBO_E_DATA,
              "row %zu (line %zu) has %s%zu columns: expected %zu, as in the first row", c->row + 1,
              c->line, ended ? "" : "at least ", c->column, want);
}

/* The first row: numbers, or names if no field is a number. *names: which. */
static elbo_status first_row(csv *c, bool *names, after *what)
{
  bool words = false, numbers = false;
  field_kind bad = FIELD_NUMBER;
  error first = { 0 }, *e = c->e;
  c->column = 0;
  do {
    double v = 0;
    c->column++;
    if (take_field(c, what) != ELBO_DONE) return e->status;
    field_kind kind = classify(c, &v);
    bool word = kind == FIELD_WORD || kind == FIELD_MISSING;
    words |= word;
    numbers |= !word && kind != FIELD_EMPTY;
    if (kind != FIELD_NUMBER && !bad) {
      bad = kind;
      c->e = &first;
      refuse_field(c, kind);
      c->e = e;
    }
    if (!bad && store(c, v) != ELBO_DONE) return e->status;
  } while (*what == AFTER_FIELD);
  *names = words && !numbers;
  if (bad && !*names) return fail(e, first.status, "%s", first.text);
  c->out->D = c->column;
  c->names = *names ? c->column : 0;
  return ELBO_DONE;
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
static elbo_status blank_lines(csv *c, size_t *blank, bool *end)
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

static elbo_status begin(csv *c)
{
  source *s = c->s;
  if (source_fill(s, SOURCE_BUFFER, c->e) != ELBO_DONE) return c->e->status;
  if (s->n - s->at >= 3 && memcmp(s->buffer + s->at, "\xEF\xBB\xBF", 3) == 0) source_skip(s, 3);
  size_t blank;
  bool end;
  if (blank_lines(c, &blank, &end) != ELBO_DONE) return c->e->status;
  if (end) return fail(c->e, ELBO_E_DATA, "the file holds no number: expected rows of numbers");
  choose_delimiter(c);
  return ELBO_DONE;
}

/* A word in a row of data. With names, the column's stands in the message: it is read once more. */
static elbo_status refuse_word(csv *c)
{
  char found[SHOWN + 1];
  size_t column = c->column, line = c->line;
  after what;
  show(c);
  memcpy(found, c->shown, sizeof found);
  if (source_go_back(c->s, c->start, c->e) || begin(c)) return c->e->status;
  for (c->column = 0; c->column < column; c->column++)
    if (take_field(c, &what)) return c->e->status;
  show(c);
  return fail(
      c->e, ELBO_E_DATA,
      "row %zu, column %zu (line %zu), named \"%s\": \"%s\" is not a number: expected digits "
      "with '.' as decimal point; leave a column of words or codes out of the file, and write "
      "classes as numbers into one of their own (data.labels)",
      c->row + 1, column, line, c->shown, found);
}

static elbo_status data_row(csv *c, after *what)
{
  c->column = 0;
  do {
    double v;
    c->column++;
    if (check_width(c, c->out->D, false) != ELBO_DONE || take_field(c, what) != ELBO_DONE)
      return c->e->status;
    field_kind kind = classify(c, &v);
    if (kind == FIELD_WORD && c->names) return refuse_word(c);
    if (kind != FIELD_NUMBER) return refuse_field(c, kind);
    if (store(c, v) != ELBO_DONE) return c->e->status;
  } while (*what == AFTER_FIELD);
  return check_width(c, c->out->D, true);
}

static elbo_status rows(csv *c, size_t max_rows)
{
  bool names = false, end = false;
  after what;
  size_t blank;
  if (begin(c) != ELBO_DONE || first_row(c, &names, &what) != ELBO_DONE) return c->e->status;
  c->row = !names;
  while (what != AFTER_FILE && (!max_rows || c->row < max_rows)) {
    c->line++;
    if (blank_lines(c, &blank, &end) != ELBO_DONE) return c->e->status;
    if (end) break;
    if (blank)
      return fail(c->e, ELBO_E_DATA,
                  "row %zu: line %zu is blank, and rows follow: remove it or fill it in",
                  c->row + 1, c->line - 1);
    if (data_row(c, &what) != ELBO_DONE) return c->e->status;
    c->row++;
  }
  return c->row ? ELBO_DONE
                : fail(c->e, ELBO_E_DATA, "the file holds a row of %zu names and no numbers",
                       c->names);
}

elbo_status csv_read(source *s, size_t max_rows, array *out, error *e)
{
  csv first = { .s = s, .e = e, .out = out, .line = 1, .start = s->offset }, c = first;
  out->type = ARRAY_U8;
  if (rows(&first, max_rows) != ELBO_DONE || source_go_back(s, c.start, e) != ELBO_DONE)
    return e->status;
  c.storing = true;
  c.room = first.used;
  out->at = mem_new(c.room, out->type == ARRAY_U8 ? 1 : sizeof(float), "the data", e);
  if (!out->at || rows(&c, max_rows) != ELBO_DONE) return e->status;
  if (c.used < c.room) return fail(e, ELBO_E_DATA, "the file changed while it was read");
  out->rows = c.row;
  out->rank = out->D > 1;
  out->dims[0] = out->D;
  return ELBO_DONE;
}
