/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "data/read.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static size_t any_byte(const uint8_t *from, size_t n, float *to)
{
  (void)from, (void)to;
  return n;
}

static size_t truth_byte(const uint8_t *from, size_t n, float *to)
{
  (void)to;
  size_t i = 0;
  while (i < n && from[i] <= 1) i++;
  return i;
}

#define CONVERT(name, T, HELD)                                                                     \
  static size_t name(const uint8_t *from, size_t n, float *to)                                     \
  {                                                                                                \
    for (size_t i = 0; i < n; i++) {                                                               \
      T v;                                                                                         \
      memcpy(&v, from + i * sizeof v, sizeof v);                                                   \
      float f = (float)v;                                                                          \
      if (!(HELD)) return i;                                                                       \
      to[i] = f;                                                                                   \
    }                                                                                              \
    return n;                                                                                      \
  }
CONVERT(from_i1, int8_t, true)
CONVERT(from_i2, int16_t, true)
CONVERT(from_u2, uint16_t, true)
CONVERT(from_i4, int32_t, (double)f == (double)v)
CONVERT(from_u4, uint32_t, (double)f == (double)v)
/* 2^63 and 2^64 are what the largest numbers round to, and are beyond the type. */
CONVERT(from_i8, int64_t, f < 0x1p63f && (int64_t)f == v)
CONVERT(from_u8, uint64_t, f < 0x1p64f && (uint64_t)f == v)
CONVERT(from_f4, float, true)
CONVERT(from_f8, double, isfinite(f) || !isfinite(v)) /* nan and inf are counted later */

static const element elements[] = {
  { "u1", 0x08, 1, ARRAY_U8, any_byte }, { "b1", 0, 1, ARRAY_U8, truth_byte },
  { "i1", 0x09, 1, ARRAY_F32, from_i1 }, { "u2", 0, 2, ARRAY_F32, from_u2 },
  { "i2", 0x0B, 2, ARRAY_F32, from_i2 }, { "u4", 0, 4, ARRAY_F32, from_u4 },
  { "i4", 0x0C, 4, ARRAY_F32, from_i4 }, { "u8", 0, 8, ARRAY_F32, from_u8 },
  { "i8", 0, 8, ARRAY_F32, from_i8 },    { "f4", 0x0D, 4, ARRAY_F32, from_f4 },
  { "f8", 0x0E, 8, ARRAY_F32, from_f8 },
};
enum { ELEMENTS = sizeof elements / sizeof *elements };

const element *element_by_name(const char *name, size_t n)
{
  for (int i = 0; i < ELEMENTS; i++)
    if (n == 2 && memcmp(elements[i].name, name, 2) == 0) return &elements[i];
  return NULL;
}

const element *element_by_idx(uint8_t type)
{
  for (int i = 0; i < ELEMENTS; i++)
    if (type && elements[i].idx == type) return &elements[i];
  return NULL;
}

static void swap_bytes(uint8_t *at, size_t n, size_t bytes)
{
  for (size_t i = 0; i < n; i++, at += bytes)
    for (size_t j = 0; j < bytes / 2; j++) {
      uint8_t t = at[j];
      at[j] = at[bytes - 1 - j];
      at[bytes - 1 - j] = t;
    }
}

/* Sets out->D and the bytes of all rows; refuses shapes without numbers and those beyond what
   can be addressed. */
static elbo_status promised_bytes(const element *el, array *out, size_t *bytes, error *e)
{
  size_t D = 1, all;
  bool fits = true;
  for (int k = 0; k < out->rank; k++) fits = fits && mem_size(D, out->dims[k], &D);
  if (!fits || !mem_size(out->rows, D, &all) || !mem_size(all, sizeof(float), bytes) ||
      !mem_size(all, el->bytes, bytes))
    return fail(
        e, ELBO_E_DATA,
        "the header promises a shape beyond 2^64 bytes: the file is damaged, or no data file");
  if (all == 0)
    return fail(e, ELBO_E_DATA,
                "the header promises %zu rows of %zu numbers: there are no data in it", out->rows,
                D);
  if (out->rows > UINT32_MAX)
    return fail(e, ELBO_E_DATA, "the header promises %zu rows: at most 2^32 - 1 are read",
                out->rows);
  out->D = D;
  return ELBO_DONE;
}

static elbo_status wrong_length(const source *s, size_t promised, uint64_t found, bool more,
                                error *e)
{
  return fail(e, ELBO_E_DATA,
              "the header promises %zu bytes of numbers from %s %" PRIu64 " on, found %s%" PRIu64
              ": the file is %s",
              promised, source_unit(s), s->offset, more ? "at least " : "", found,
              more || found > promised ? "longer than its header says"
                                       : "cut short, or its header is wrong");
}

/* What a gzipped file may make us allocate, in bytes, before its promise is held against the bytes
   that are there: deflate packs up to 1032 to 1. */
enum { BELIEVED = 48 << 20 };

/* Counts what is left of a gzipped file, up to promised + 1 bytes, and goes back to where it
   was. */
static elbo_status count_unpacked(source *s, size_t promised, uint64_t *found, error *e)
{
  uint64_t start = s->offset;
  *found = 0;
  while (source_fill(s, 1, e) == ELBO_DONE && s->n > s->at && *found <= promised) {
    *found += s->n - s->at;
    source_skip(s, s->n - s->at);
  }
  return e->status ? e->status : source_go_back(s, start, e);
}

/* needed: what would be allocated. */
static elbo_status check_length(source *s, size_t promised, size_t needed, bool limited, error *e)
{
  uint64_t found;
  if (!s->z) {
    found = (uint64_t)file_size(s->f) - s->offset;
    return found == promised ? ELBO_DONE : wrong_length(s, promised, found, false, e);
  }
  if (needed <= BELIEVED) return ELBO_DONE;
  if (count_unpacked(s, promised, &found, e) != ELBO_DONE) return e->status;
  return found == promised || (limited && found > promised)
             ? ELBO_DONE
             : wrong_length(s, promised, found, found > promised, e);
}

static elbo_status does_not_fit(const char *unit, const element *el, size_t D, size_t index,
                                uint64_t offset, error *e)
{
  const char *why =
      el->bytes == 1 ? "is neither 0 nor 1 in an array of truth values"
      : el->name[0] == 'f'
          ? "is beyond the range of a 32-bit float: rescale the data"
          : "is a whole number that a 32-bit float can't hold exactly: rescale the data";
  return fail(e, ELBO_E_DATA,
              "row %zu, column %zu (from 0; %s %" PRIu64 ", type %s): the number %s", index / D,
              index % D, unit, offset, el->name, why);
}

/* Floats from the file in blocks, so that the stored form never lies in memory whole. */
static elbo_status read_floats(source *s, const element *el, bool swap, size_t count, array *out,
                               size_t *got, error *e)
{
  _Alignas(8) uint8_t block[1 << 15];
  size_t per = sizeof block / el->bytes;
  for (size_t i = 0; i < count; i += per) {
    size_t n = count - i < per ? count - i : per, bytes;
    uint64_t offset = s->offset;
    if (source_read(s, block, n * el->bytes, &bytes, e) != ELBO_DONE) return e->status;
    *got += bytes;
    if (bytes < n * el->bytes) return ELBO_DONE;
    if (swap) swap_bytes(block, n, el->bytes);
    size_t held = el->convert(block, n, out->f32 + i);
    if (held < n)
      return does_not_fit(source_unit(s), el, out->D, i + held, offset + held * el->bytes, e);
  }
  return ELBO_DONE;
}

static elbo_status read_bytes(source *s, const element *el, size_t count, array *out, size_t *got,
                              error *e)
{
  uint64_t offset = s->offset;
  if (source_read(s, out->u8, count, got, e) != ELBO_DONE) return e->status;
  size_t held = el->convert(out->u8, *got, NULL);
  return held < *got ? does_not_fit(source_unit(s), el, out->D, held, offset + held, e) : ELBO_DONE;
}

/* ---- rows that stay in the file */
static elbo_status keep_open(source *s, const element *el, bool swap, array *out, error *e)
{
  out->file = mem_new(1, sizeof *out->file, "a data file", e);
  if (!out->file) return e->status;
  *out->file = (row_file){ s->f, s->offset, el, swap };
  s->f = NULL;
  return ELBO_DONE;
}

static elbo_status shrank(const row_file *r, uint64_t from, size_t wanted, size_t got, error *e)
{
  fail(e, ELBO_E_DATA,
       "the file shrank while it was read: bytes %" PRIu64 " to %" PRIu64
       " were there when it was opened, now it ends at byte %" PRIu64 "; put the whole file back",
       from, from + wanted, from + got);
  return error_prefix(e, "%s", file_path(r->f));
}

static elbo_status fetch_bytes(const row_file *r, uint64_t from, size_t n, void *to, error *e)
{
  int64_t got = file_read_at(r->f, (int64_t)from, to, n, e);
  if (got < 0) return e->status;
  return (size_t)got < n ? shrank(r, from, n, (size_t)got, e) : ELBO_DONE;
}

/* Numbers that lie in the file as they lie in memory, but for the order of their bytes. */
static elbo_status fetch_as_they_are(const row_file *r, uint64_t from, size_t count, void *to,
                                     size_t *held, error *e)
{
  if (fetch_bytes(r, from, count * r->el->bytes, to, e)) return e->status;
  if (r->swap) swap_bytes(to, count, r->el->bytes);
  *held = r->el->type == ARRAY_U8 ? r->el->convert(to, count, NULL) : count;
  return ELBO_DONE;
}

static elbo_status fetch_converted(const row_file *r, uint64_t from, size_t count, float *to,
                                   size_t *held, error *e)
{
  _Alignas(8) uint8_t block[1 << 15];
  size_t bytes = r->el->bytes, per = sizeof block / bytes;
  for (*held = 0; *held < count;) {
    size_t n = count - *held < per ? count - *held : per;
    if (fetch_bytes(r, from + *held * bytes, n * bytes, block, e)) return e->status;
    if (r->swap) swap_bytes(block, n, bytes);
    size_t good = r->el->convert(block, n, to + *held);
    *held += good;
    if (good < n) break;
  }
  return ELBO_DONE;
}

elbo_status array_fetch(const array *a, size_t first, size_t n, void *to, error *e)
{
  const row_file *r = a->file;
  size_t count = n * a->D, held = 0;
  uint64_t from = r->offset + (uint64_t)first * a->D * r->el->bytes;
  bool same = r->el->type == ARRAY_U8 || element_by_name("f4", 2) == r->el;
  if (same ? fetch_as_they_are(r, from, count, to, &held, e)
           : fetch_converted(r, from, count, to, &held, e))
    return e->status;
  if (held == count) return ELBO_DONE;
  does_not_fit("byte", r->el, a->D, first * a->D + held, from + held * r->el->bytes, e);
  return error_prefix(e, "%s", file_path(r->f));
}

elbo_status values_read(source *s, const element *el, bool swap, size_t max_rows, array *out,
                        error *e)
{
  size_t promised, got = 0;
  if (promised_bytes(el, out, &promised, e) != ELBO_DONE) return e->status;
  bool limited = max_rows && max_rows < out->rows;
  size_t rows = limited ? max_rows : out->rows, count = rows * out->D, bytes = count * el->bytes;
  size_t width = el->type == ARRAY_U8 ? 1 : sizeof(float);
  if (s->look && s->z) return ELBO_DONE;
  if (check_length(s, s->z ? bytes : promised, count * width, limited, e) != ELBO_DONE)
    return e->status;
  uint64_t start = s->offset;
  out->rows = rows;
  out->type = el->type;
  if (s->look) return keep_open(s, el, swap, out, e);
  out->at = mem_new(count, width, "the data", e);
  if (!out->at) return e->status;
  elbo_status status = el->type == ARRAY_U8 ? read_bytes(s, el, count, out, &got, e)
                                            : read_floats(s, el, swap, count, out, &got, e);
  if (status != ELBO_DONE) return status;
  bool more = false;
  if (got == bytes && !limited) {
    if (source_fill(s, 1, e) != ELBO_DONE) return e->status;
    more = s->n > s->at;
  }
  s->offset = start;
  return got == bytes && !more ? ELBO_DONE : wrong_length(s, bytes, (uint64_t)got + more, more, e);
}
