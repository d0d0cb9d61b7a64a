/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/read.h"
#include "base/mem.h"
#include <math.h>
#include <string.h>

static bool is_idx(const uint8_t *at, size_t n)
{
  return n >= 2 && at[0] == 0 && at[1] == 0;
}

/* A file that ends within the magic is one that was cut short. */
static bool is_npy(const uint8_t *at, size_t n)
{
  return memcmp(at, "\x93NUMPY", n < 6 ? n : 6) == 0;
}

/* No control bytes but those of text in the first kilobyte. */
static bool is_text(const uint8_t *at, size_t n)
{
  for (size_t i = 0; i < n && i < 1024; i++)
    if (at[i] < ' ' && !(at[i] >= '\t' && at[i] <= '\r')) return false;
  return true;
}

static const struct {
  data_kind kind;
  bool (*is)(const uint8_t *at, size_t n);
  elbo_status (*read)(source *s, size_t max_rows, array *out, error *e);
} kinds[] = { { KIND_IDX, is_idx, idx_read },
              { KIND_NPY, is_npy, npy_read },
              { KIND_CSV, is_text, csv_read } };

static elbo_status no_columns(error *e)
{
  return fail(
      e, ELBO_E_DATA,
      "`columns` picks from text alone (csv), and this is an IDX or npy file: write one with "
      "the columns that are wanted, and remove `columns`");
}

static elbo_status read_kind(source *s, size_t max_rows, array *out, error *e)
{
  if (source_fill(s, 1024, e) != ELBO_DONE) return e->status;
  const uint8_t *at = s->buffer + s->at;
  size_t n = s->n - s->at;
  out->compressed = s->z != NULL;
  if (n == 0)
    return fail(e, ELBO_E_DATA, "the file is empty (0 %ss): expected IDX, npy or text with numbers",
                source_unit(s));
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].is(at, n)) {
      out->kind = kinds[i].kind;
      if (s->look && out->kind == KIND_CSV) return ELBO_DONE;
      if (s->pick && s->pick->n && out->kind != KIND_CSV) return no_columns(e);
      return kinds[i].read(s, max_rows, out, e);
    }
  return fail(e, ELBO_E_DATA,
              "not a data file: it has %s%zu bytes and begins with %02X %02X %02X %02X; expected "
              "IDX (00 00, type, "
              "dimensions), npy (93 'NUMPY') or text with numbers",
              n < 1024 ? "" : "at least ", n, at[0], n > 1 ? at[1] : 0, n > 2 ? at[2] : 0,
              n > 3 ? at[3] : 0);
}

elbo_status not_finite(size_t bad, size_t first, size_t rows, size_t D, error *e)
{
  return fail(e, ELBO_E_DATA,
              "%zu of %zu values are NaN or infinite, the first at row %zu, column %zu (from 0): "
              "remove the rows or fill the values in",
              bad, rows * D, first / D, first % D);
}

static elbo_status check_finite(const array *a, error *e)
{
  if (a->type != ARRAY_F32 || !a->at) return ELBO_DONE;
  size_t bad = 0, first = 0;
  for (size_t i = 0; i < a->rows * a->D; i++)
    if (!isfinite(a->f32[i]) && bad++ == 0) first = i;
  return bad == 0 ? ELBO_DONE : not_finite(bad, first, a->rows, a->D, e);
}

/* How a file is to be read, as in `source`. */
typedef struct {
  bool look;
  const data_columns *pick;
  label_words *words;
} manner;

static elbo_status read_from(const char *path, manner m, size_t max_rows, array *out, error *e)
{
  error own = { 0 };
  e = e ? e : &own;
  *out = (array){ 0 };
  source *s = source_open(path, e);
  if (s) {
    s->look = m.look;
    s->pick = m.pick;
    s->words = m.words;
    if (read_kind(s, max_rows, out, e) == ELBO_DONE) check_finite(out, e);
  }
  source_close(s);
  if (e->status == ELBO_DONE) return ELBO_DONE;
  array_free(out);
  return error_prefix(e, "%s", path);
}

elbo_status array_read(const char *path, size_t max_rows, array *out, error *e)
{
  return read_from(path, (manner){ 0 }, max_rows, out, e);
}

elbo_status array_read_columns(const char *path, const data_columns *pick, size_t max_rows,
                               array *out, error *e)
{
  return read_from(path, (manner){ .pick = pick }, max_rows, out, e);
}

elbo_status array_read_labels(const char *path, const data_columns *pick, size_t max_rows,
                              label_words *words, array *out, error *e)
{
  return read_from(path, (manner){ .pick = pick, .words = words }, max_rows, out, e);
}

elbo_status array_open(const char *path, size_t max_rows, array *out, error *e)
{
  return read_from(path, (manner){ .look = true }, max_rows, out, e);
}

size_t array_row_bytes(const array *a)
{
  return a->D * (a->type == ARRAY_U8 ? 1 : sizeof(float));
}

void array_free(array *a)
{
  if (a->file) file_close(a->file->f);
  mem_free(a->file);
  mem_free(a->at);
  *a = (array){ 0 };
}
