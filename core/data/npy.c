/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * npy.c - numpy's array files, format versions 1 to 3 (NumPy enhancement proposal 1): magic,
 * version, header length, a Python dict with descr, fortran_order and shape, then the numbers. The
 * dict is read, never evaluated. */
#include "data/read.h"
#include <inttypes.h>
#include <string.h>

enum { MAX_HEADER = 1 << 15, MAX_DIMS = 4 };

typedef struct {
  const char *s, *at, *end;
  uint64_t offset; /* of s in the file */
  error *e;
} scan;

typedef struct {
  bool descr, fortran, shape; /* which keys were seen */
  const element *el;
  bool swap, column_major;
  int dims;
  uint64_t dim[MAX_DIMS];
} npy_header;

static elbo_status refuse(scan *p, const char *what)
{
  return fail(p->e, ELBO_E_DATA, "npy header, byte %" PRIu64 ": %s",
              p->offset + (uint64_t)(p->at - p->s), what);
}

static void blanks(scan *p)
{
  while (p->at < p->end && strchr(" \t\r\n", *p->at) && *p->at) p->at++;
}

static bool take(scan *p, const char *word)
{
  blanks(p);
  size_t n = strlen(word);
  if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0) return false;
  p->at += n;
  return true;
}

/* A quoted word without escapes. */
static elbo_status take_word(scan *p, const char **word, size_t *n)
{
  blanks(p);
  if (p->at == p->end || (*p->at != '\'' && *p->at != '"'))
    return refuse(
        p, "expected a quoted word (the header is a dict of descr, fortran_order and shape)");
  char quote = *p->at++;
  *word = p->at;
  while (p->at < p->end && *p->at != quote && *p->at != '\\') p->at++;
  if (p->at == p->end || *p->at != quote) return refuse(p, "a quoted word does not end");
  *n = (size_t)(p->at++ - *word);
  return ELBO_DONE;
}

static elbo_status take_descr(scan *p, npy_header *h)
{
  blanks(p);
  if (p->at < p->end && *p->at == '[')
    return refuse(
        p, "a structured type: expected one number type for the whole array; save one field of it");
  const char *word;
  size_t n;
  if (take_word(p, &word, &n) != ELBO_DONE) return p->e->status;
  if (n >= 2 && (memcmp(word, "|O", 2) == 0 || memchr(word, 'O', n)))
    return refuse(p, "pickle refused: an array of Python objects; save it with astype('float32')");
  h->el = n == 3 && word[0] && strchr("<>|=", word[0]) ? element_by_name(word + 1, n - 1) : NULL;
  if (!h->el) {
    p->at = word;
    return refuse(p, "the number type is not read: expected u1, i1, u2, i2, u4, i4, u8, i8, f4, f8 "
                     "or b1; save it with "
                     "astype('float32')");
  }
  bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  h->swap = h->el->bytes > 1 && word[0] == (little ? '>' : '<');
  return ELBO_DONE;
}

static elbo_status take_fortran(scan *p, npy_header *h)
{
  h->column_major = take(p, "True");
  if (!h->column_major && !take(p, "False"))
    return refuse(p, "fortran_order: expected True or False");
  return ELBO_DONE;
}

static elbo_status take_dim(scan *p, npy_header *h)
{
  uint64_t v = 0;
  const char *start = p->at;
  for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++)
    if (__builtin_mul_overflow(v, 10, &v) ||
        __builtin_add_overflow(v, (uint64_t)(*p->at - '0'), &v))
      return refuse(p, "a dimension beyond 2^64");
  if (p->at == start)
    return refuse(p, p->at < p->end && *p->at == '-'
                         ? "a negative dimension"
                         : "shape: expected whole numbers in parentheses");
  if (p->at < p->end && *p->at == 'L') /* Python 2 wrote long numbers so */
    p->at++;
  if (h->dims == MAX_DIMS)
    return refuse(
        p, "more than 4 dimensions: expected rows and at most three of a row; reshape the array");
  h->dim[h->dims++] = v;
  return ELBO_DONE;
}

static elbo_status take_shape(scan *p, npy_header *h)
{
  if (!take(p, "(")) return refuse(p, "shape: expected whole numbers in parentheses");
  h->dims = 0;
  while (!take(p, ")")) {
    if (h->dims && !take(p, ","))
      return refuse(p, "shape: expected a comma or a closing parenthesis");
    if (h->dims && take(p, ")")) break;
    blanks(p);
    if (take_dim(p, h) != ELBO_DONE) return p->e->status;
  }
  return ELBO_DONE;
}

static elbo_status take_entry(scan *p, npy_header *h)
{
  static const struct {
    const char *key;
    size_t seen;
    elbo_status (*read)(scan *, npy_header *);
  } entries[] = { { "descr", offsetof(npy_header, descr), take_descr },
                  { "fortran_order", offsetof(npy_header, fortran), take_fortran },
                  { "shape", offsetof(npy_header, shape), take_shape } };
  const char *word;
  size_t n;
  if (take_word(p, &word, &n) != ELBO_DONE) return p->e->status;
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
    if (n != strlen(entries[i].key) || memcmp(word, entries[i].key, n) != 0) continue;
    bool *seen = (bool *)((char *)h + entries[i].seen);
    if (*seen) return refuse(p, "a key stands twice");
    *seen = true;
    return take(p, ":") ? entries[i].read(p, h) : refuse(p, "expected ':' after a key");
  }
  p->at = word;
  return refuse(p, "unknown key: expected descr, fortran_order and shape");
}

static elbo_status read_dict(scan *p, npy_header *h)
{
  if (!take(p, "{")) return refuse(p, "expected a dict of descr, fortran_order and shape");
  for (int n = 0; !take(p, "}"); n++) {
    if (n && !take(p, ",")) return refuse(p, "expected ',' or '}'");
    if (n && take(p, "}")) break;
    if (take_entry(p, h) != ELBO_DONE) return p->e->status;
  }
  blanks(p);
  if (p->at != p->end) return refuse(p, "something stands behind the dict");
  if (!h->descr || !h->fortran || !h->shape)
    return refuse(p, "descr, fortran_order or shape is missing");
  return ELBO_DONE;
}

/* Magic, version and length; *at and *n become the dict, in the source's buffer. */
static elbo_status read_preamble(source *s, size_t *skip, size_t *n, error *e)
{
  const uint8_t *b = s->buffer + s->at;
  size_t have = s->n - s->at;
  if (have < 12)
    return fail(e, ELBO_E_DATA, "the npy header is cut short: the file ends at %s %zu",
                source_unit(s), have);
  if (b[6] < 1 || b[6] > 3 || b[7] != 0)
    return fail(e, ELBO_E_DATA, "npy format version %u.%u (%s 6): expected 1.0, 2.0 or 3.0", b[6],
                b[7], source_unit(s));
  *skip = b[6] == 1 ? 10 : 12;
  *n = (size_t)b[8] | (size_t)b[9] << 8;
  if (b[6] > 1) *n |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
  if (*n > MAX_HEADER)
    return fail(e, ELBO_E_DATA,
                "an npy header of %zu bytes is promised (%s 8): expected at most %d", *n,
                source_unit(s), MAX_HEADER);
  if (have < *skip + *n)
    return fail(e, ELBO_E_DATA,
                "an npy header of %zu bytes is promised (%s 8), but the file ends at %s %zu", *n,
                source_unit(s), source_unit(s), have);
  return ELBO_DONE;
}

elbo_status npy_read(source *s, size_t max_rows, array *out, error *e)
{
  size_t skip = 0, n = 0;
  npy_header h = { 0 };
  if (source_fill(s, 12 + MAX_HEADER, e) != ELBO_DONE ||
      read_preamble(s, &skip, &n, e) != ELBO_DONE)
    return e->status;
  const char *dict = (const char *)s->buffer + s->at + skip;
  scan p = { dict, dict, dict + n, skip, e };
  if (read_dict(&p, &h) != ELBO_DONE) return e->status;
  if (h.dims == 0)
    return fail(
        e, ELBO_E_DATA,
        "the npy header promises shape (), a single number: expected rows, shape (N,) or (N, ...)");
  if (h.column_major && h.dims > 1)
    return fail(e, ELBO_E_DATA,
                "the array is in Fortran order (column by column): expected C order; save "
                "numpy.ascontiguousarray of it");
  out->rows = h.dim[0];
  out->rank = h.dims - 1;
  for (int k = 0; k < out->rank; k++) out->dims[k] = h.dim[k + 1];
  source_skip(s, skip + n);
  return values_read(s, h.el, h.swap, max_rows, out, e);
}
