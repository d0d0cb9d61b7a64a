/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * csv.c - numbers as text, a row a line, in two passes: the first checks all and counts, so that a
 * file which is refused costs no memory and one that is taken costs what its numbers need; the
 * second stores. Fields are parted by the first of ';', ',', tab that stands in the first line
 * outside quotes, else by blanks; a first row without a number is names. Values stay bytes if all
 * of them are. */
#include "data/csv.h"
#include "base/mem.h"
#include <math.h>
#include <string.h>

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
    return csv_refuse(c, "is a whole number that a 32-bit float can't hold exactly",
                      ": rescale the data");
  if (!is_byte(v)) c->out->type = ARRAY_F32;
  c->used++;
  return ELBO_DONE;
}

/* The rank of a row of data among those that are stored is c->row; D is known behind the first. */
static elbo_status store(csv *c, size_t slot, double v)
{
  array *a = c->out;
  size_t i = c->row * a->D + slot;
  if (!c->storing) return count(c, v);
  if (i >= c->room || (a->type == ARRAY_U8 && !is_byte(v)))
    return fail(c->e, ELBO_E_DATA, "the file changed while it was read");
  if (a->type == ARRAY_U8)
    a->u8[i] = (uint8_t)v;
  else
    a->f32[i] = (float)v;
  c->used++;
  return ELBO_DONE;
}

/* ---- rows */

/* ended: all columns of the row were read; else one more is about to be. */
static elbo_status check_width(csv *c, bool ended)
{
  if (ended ? c->column == c->width : c->column <= c->width) return ELBO_DONE;
  return fail(c->e, ELBO_E_DATA,
              "row %zu (line %zu) has %s%zu columns: expected %zu, as in the first row", c->row + 1,
              c->line, ended ? "" : "at least ", c->column, c->width);
}

/* What the fields of a first row are, taken together. */
typedef struct {
  bool words, numbers;
  error bad; /* of the first wanted field that is no number */
} first_fields;

static elbo_status first_field(csv *c, first_fields *f)
{
  double v = 0;
  size_t slot;
  error *e = c->e;
  field_kind kind = csv_classify(c, &v);
  bool word = kind == FIELD_WORD || kind == FIELD_MISSING;
  f->words |= word;
  f->numbers |= !word && kind != FIELD_EMPTY;
  if (!csv_wanted(c, &slot) || f->bad.status) return ELBO_DONE;
  kind = csv_label(c, kind, &v);
  if (kind == FIELD_NUMBER) return store(c, slot, v);
  c->e = &f->bad;
  csv_refuse_field(c, kind);
  c->e = e;
  return ELBO_DONE;
}

/* The first row: names if some column is picked by its name, or if no field is a number. *names:
   is it? */
static elbo_status first_row(csv *c, bool *names, after *what)
{
  first_fields f = { 0 };
  c->column = c->next = 0;
  do {
    c->column++;
    if (csv_take(c, what) != ELBO_DONE) return c->e->status;
    if (c->storing && c->names) continue;
    if ((c->by_name ? csv_named(c) : first_field(c, &f)) != ELBO_DONE) return c->e->status;
  } while (*what == AFTER_FIELD);
  c->width = c->column;
  *names = c->storing ? c->names > 0 : c->by_name || (f.words && !f.numbers);
  if (c->storing) return ELBO_DONE;
  if (csv_picks_settle(c) != ELBO_DONE) return c->e->status;
  if (f.bad.status && !*names) return fail(c->e, f.bad.status, "%s", f.bad.text);
  c->out->D = c->picks ? c->n_picks : c->width;
  c->names = *names ? c->width : 0;
  if (*names) c->used = 0;
  return ELBO_DONE;
}

/* A word in a row of data. With names, the column's stands in the message: it is read once more. */
static elbo_status refuse_word(csv *c)
{
  char found[CSV_SHOWN + 1];
  size_t column = c->column, line = c->line;
  after what;
  csv_show(c);
  memcpy(found, c->shown, sizeof found);
  if (source_go_back(c->s, c->start, c->e) || csv_begin(c)) return c->e->status;
  for (c->column = 0; c->column < column; c->column++)
    if (csv_take(c, &what)) return c->e->status;
  csv_show(c);
  return fail(
      c->e, ELBO_E_DATA,
      "row %zu, column %zu (line %zu), named \"%s\": \"%s\" is not a number: expected digits "
      "with '.' as decimal point; pick the columns of numbers by `columns: [...]` in an experiment "
      "or --columns of `data info`, and one of classes by `column` of data.labels",
      c->row + 1, column, line, c->shown, found);
}

static elbo_status data_row(csv *c, after *what)
{
  c->column = c->next = 0;
  do {
    double v;
    size_t slot;
    c->column++;
    if (check_width(c, false) != ELBO_DONE || csv_take(c, what) != ELBO_DONE) return c->e->status;
    if (!csv_wanted(c, &slot)) continue;
    field_kind kind = csv_label(c, csv_classify(c, &v), &v);
    if (kind == FIELD_WORD && c->names) return refuse_word(c);
    if (kind != FIELD_NUMBER) return csv_refuse_field(c, kind);
    if (store(c, slot, v) != ELBO_DONE) return c->e->status;
  } while (*what == AFTER_FIELD);
  return check_width(c, true);
}

static elbo_status rows(csv *c, size_t max_rows)
{
  bool names = false, end = false;
  after what;
  size_t blank;
  if (csv_begin(c) != ELBO_DONE || first_row(c, &names, &what) != ELBO_DONE) return c->e->status;
  c->row = !names;
  while (what != AFTER_FILE && (!max_rows || c->row < max_rows)) {
    c->line++;
    if (csv_blank_lines(c, &blank, &end) != ELBO_DONE) return c->e->status;
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

static elbo_status read_twice(csv *c, size_t max_rows)
{
  array *out = c->out;
  if (rows(c, max_rows) || source_go_back(c->s, c->start, c->e)) return c->e->status;
  c->storing = true;
  c->room = c->used;
  c->used = c->row = 0;
  c->line = 1;
  out->at = mem_new(c->room, out->type == ARRAY_U8 ? 1 : sizeof(float), "the data", c->e);
  if (!out->at || rows(c, max_rows)) return c->e->status;
  if (c->used < c->room) return fail(c->e, ELBO_E_DATA, "the file changed while it was read");
  out->rows = c->row;
  out->rank = out->D > 1;
  out->dims[0] = out->D;
  return ELBO_DONE;
}

elbo_status csv_read(source *s, size_t max_rows, array *out, error *e)
{
  csv c = { .s = s, .e = e, .out = out, .line = 1, .start = s->offset };
  out->type = ARRAY_U8;
  if (!csv_picks_new(&c, s->pick)) read_twice(&c, max_rows);
  mem_free(c.picks);
  return e->status;
}
