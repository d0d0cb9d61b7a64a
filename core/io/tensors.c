/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading safetensors. The order of checks: lengths, JSON, each tensor by itself, all together,
 * the checksums. */
#include "io/tensors.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/zip.h"
#include "io/json.h"
#include "io/tensor_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_HEADER = 8 << 20 };

typedef struct {
  const char *key, *value;
} pair;

struct tensors {
  arena *a;
  char *path;
  tensor *list; /* in the order of the file's header */
  size_t n;
  pair *meta;
  size_t n_meta;
  unsigned char *data;
  size_t size; /* of data */
};

/* Where a tensor lies in the data, while all are laid side by side. */
typedef struct {
  const tensor *t;
  size_t begin, end;
} extent;

#define REFUSE(e, ...) fail(e, ELBO_E_CHECKPOINT, __VA_ARGS__)

static elbo_status read_shape(const json_value *shape, tensor *t, error *e)
{
  if (!shape || json_kind_of(shape) != JSON_ARRAY)
    return REFUSE(e, "tensor '%s': has no array 'shape'", t->name);
  size_t rank = json_length(shape);
  if (rank > TENSOR_RANK)
    return REFUSE(e, "tensor '%s': has %zu dimensions, expected at most %d", t->name, rank,
                  TENSOR_RANK);
  t->rank = (int)rank;
  for (size_t i = 0; i < rank; i++) {
    const json_value *size = json_item(shape, i);
    if (json_kind_of(size) != JSON_INT || json_as_int(size) < 0)
      return REFUSE(e, "tensor '%s': dimension %zu of its shape is no whole number from 0", t->name,
                    i);
    t->dims[i] = (size_t)json_as_int(size);
  }
  return ELBO_DONE;
}

static elbo_status read_type(const json_value *dtype, tensor *t, error *e)
{
  if (!dtype || json_kind_of(dtype) != JSON_STRING)
    return REFUSE(e, "tensor '%s': has no string 'dtype'", t->name);
  for (int i = 0; i < TENSOR_TYPES; i++) {
    if (strcmp(json_text(dtype), tensor_type_rows[i].name)) continue;
    t->type = (tensor_type)i;
    return ELBO_DONE;
  }
  return REFUSE(e, "tensor '%s': has dtype '%s', expected F32, F64, I64, U32, U64 or U8", t->name,
                json_text(dtype));
}

static elbo_status read_offsets(const json_value *offsets, const tensor *t, size_t size, extent *x,
                                error *e)
{
  bool whole = offsets && json_kind_of(offsets) == JSON_ARRAY && json_length(offsets) == 2;
  for (size_t i = 0; whole && i < 2; i++) {
    const json_value *v = json_item(offsets, i);
    whole = json_kind_of(v) == JSON_INT && json_as_int(v) >= 0;
  }
  if (!whole)
    return REFUSE(e, "tensor '%s': 'data_offsets' is no pair of whole numbers from 0", t->name);
  x->begin = (size_t)json_as_int(json_item(offsets, 0));
  x->end = (size_t)json_as_int(json_item(offsets, 1));
  if (x->begin > x->end)
    return REFUSE(e, "tensor '%s': its data run backwards, from byte %zu to %zu", t->name, x->begin,
                  x->end);
  if (x->end > size)
    return REFUSE(e, "tensor '%s': its data end at byte %zu, but the file has %zu bytes of data",
                  t->name, x->end, size);
  return ELBO_DONE;
}

/* One entry of the header, checked by itself. */
static elbo_status read_tensor(tensors *all, const json_value *v, tensor *t, extent *x, error *e)
{
  static const char *const keys[] = { "dtype", "shape", "data_offsets" };
  if (json_kind_of(v) != JSON_OBJECT)
    return REFUSE(e, "tensor '%s': its entry is no object", t->name);
  for (const char *key = json_key_after(v, NULL); key; key = json_key_after(v, key))
    if (strcmp(key, keys[0]) && strcmp(key, keys[1]) && strcmp(key, keys[2]))
      return REFUSE(e, "tensor '%s': has the unknown key '%s', expected dtype, shape, data_offsets",
                    t->name, key);
  if (read_type(json_get(v, keys[0]), t, e) || read_shape(json_get(v, keys[1]), t, e) ||
      read_offsets(json_get(v, keys[2]), t, all->size, x, e))
    return ELBO_E_CHECKPOINT;
  size_t bytes, width = tensor_type_rows[t->type].size;
  if (!tensor_bytes(t, &bytes))
    return REFUSE(e, "tensor '%s': its shape is larger than can be addressed", t->name);
  if (bytes != x->end - x->begin)
    return REFUSE(e, "tensor '%s': its shape and dtype need %zu bytes, its data have %zu", t->name,
                  bytes, x->end - x->begin);
  if (x->begin % width)
    return REFUSE(e, "tensor '%s': its data begin at byte %zu, expected a multiple of %zu", t->name,
                  x->begin, width);
  t->at = all->data + x->begin;
  x->t = t;
  return ELBO_DONE;
}

static int by_place(const void *a, const void *b)
{
  const extent *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

/* Side by side the tensors must fill the data without overlap or hole. */
static elbo_status check_cover(const tensors *all, extent *x, error *e)
{
  size_t at = 0;
  qsort(x, all->n, sizeof *x, by_place);
  for (size_t i = 0; i < all->n; i++) {
    if (x[i].begin < at)
      return REFUSE(e,
                    "tensor '%s': its data begin at byte %zu, within tensor '%s' that ends at %zu",
                    x[i].t->name, x[i].begin, x[i - 1].t->name, at);
    if (x[i].begin > at)
      return REFUSE(e, "tensor '%s': its data begin at byte %zu, expected at %zu: a hole before it",
                    x[i].t->name, x[i].begin, at);
    at = x[i].end;
  }
  if (at == all->size) return ELBO_DONE;
  return REFUSE(e, "%zu bytes of data behind the last tensor%s%s%s, expected none", all->size - at,
                all->n ? " '" : "", all->n ? x[all->n - 1].t->name : "", all->n ? "'" : "");
}

static elbo_status read_meta(tensors *all, const json_value *meta, error *e)
{
  if (json_kind_of(meta) != JSON_OBJECT) return REFUSE(e, TENSORS_META " is no object");
  all->meta = arena_get(all->a, json_length(meta), sizeof *all->meta, e);
  if (!all->meta) return ELBO_E_MEMORY;
  for (const char *key = json_key_after(meta, NULL); key; key = json_key_after(meta, key)) {
    const json_value *v = json_get(meta, key);
    if (json_kind_of(v) != JSON_STRING) return REFUSE(e, TENSORS_META ": '%s' is no string", key);
    pair p = { arena_string(all->a, key, e), arena_string(all->a, json_text(v), e) };
    if (!p.key || !p.value) return ELBO_E_MEMORY;
    all->meta[all->n_meta++] = p;
  }
  return ELBO_DONE;
}

static elbo_status read_entries(tensors *all, const json_value *header, extent *x, error *e)
{
  for (const char *key = json_key_after(header, NULL); key; key = json_key_after(header, key)) {
    const json_value *v = json_get(header, key);
    if (strcmp(key, TENSORS_META) == 0) {
      if (read_meta(all, v, e)) return ELBO_E_CHECKPOINT;
      continue;
    }
    tensor *t = &all->list[all->n];
    t->name = arena_string(all->a, key, e);
    if (!t->name || read_tensor(all, v, t, &x[all->n], e)) return ELBO_E_CHECKPOINT;
    all->n++;
  }
  return check_cover(all, x, e);
}

static elbo_status check_crc(const tensors *all, const char *key, uint32_t found, const char *of,
                             error *e)
{
  const char *written = tensors_meta(all, key);
  char digits[9];
  snprintf(digits, sizeof digits, "%08x", (unsigned)found);
  if (!written || strcmp(written, digits) == 0) return ELBO_DONE;
  return REFUSE(e, "the checksum of its %s is %s, '%s' was written: the file is damaged", of,
                digits, written);
}

/* They are written together: where one of them is missing, the name of one is damaged. */
static elbo_status check_crcs(const tensors *all, error *e)
{
  uint32_t meta = 0;
  if (!tensors_meta(all, TENSORS_CRC) != !tensors_meta(all, TENSORS_META_CRC))
    return REFUSE(e, "one of the checksums '" TENSORS_CRC "' and '" TENSORS_META_CRC
                     "' is missing: the file is damaged");
  for (size_t i = 0; i < all->n_meta; i++)
    if (strcmp(all->meta[i].key, TENSORS_CRC) && strcmp(all->meta[i].key, TENSORS_META_CRC))
      meta += tensors_pair_crc(all->meta[i].key, all->meta[i].value);
  elbo_status status = check_crc(all, TENSORS_META_CRC, meta, "metadata", e);
  return status ? status
                : check_crc(all, TENSORS_CRC, crc32_of(0, all->data, all->size), "data", e);
}

static elbo_status read_header(tensors *all, const char *s, size_t n, error *e)
{
  char why[256];
  json_value *header = json_read(s, n, why, sizeof why);
  if (!header) return REFUSE(e, "its header is no JSON that can be read: %s", why);
  elbo_status status = ELBO_DONE;
  if (json_kind_of(header) != JSON_OBJECT) {
    status = REFUSE(e, "its header is no JSON object");
  } else {
    size_t room = json_length(header);
    all->list = arena_get(all->a, room, sizeof *all->list, e);
    extent *x = mem_new(room, sizeof *x, "tensors", e);
    status = all->list && x ? read_entries(all, header, x, e) : ELBO_E_MEMORY;
    mem_free(x);
  }
  json_free(header);
  return status ? status : check_crcs(all, e);
}

static elbo_status read_exactly(file *f, void *at, size_t n, error *e)
{
  int64_t got = file_read(f, at, n, e);
  if (got < 0 || (size_t)got == n) return got < 0 ? ELBO_E_CHECKPOINT : ELBO_DONE;
  return REFUSE(e, "it ended after %lld of %zu bytes: it shrank while it was read", (long long)got,
                n);
}

/* The length of the header, which must lie in the file. */
static elbo_status read_length(file *f, size_t limit, size_t *n, error *e)
{
  uint64_t size = (uint64_t)file_size(f), length;
  if (size > limit)
    return REFUSE(e, "has %llu bytes, at most %zu are read", (unsigned long long)size, limit);
  if (size < sizeof length)
    return REFUSE(e, "has %llu bytes, expected at least 8: it is no safetensors file, or cut short",
                  (unsigned long long)size);
  if (read_exactly(f, &length, sizeof length, e)) return ELBO_E_CHECKPOINT;
  if (length > size - sizeof length || length < 2)
    return REFUSE(
        e,
        "promises a header of %llu bytes, and %llu follow: it is no safetensors file, or cut short",
        (unsigned long long)length, (unsigned long long)(size - sizeof length));
  if (length > LONGEST_HEADER)
    return REFUSE(e, "has a header of %llu bytes, at most %d are read", (unsigned long long)length,
                  LONGEST_HEADER);
  *n = (size_t)length;
  return ELBO_DONE;
}

static elbo_status read_file(tensors *all, file *f, size_t limit, error *e)
{
  size_t n = 0;
  if (read_length(f, limit, &n, e)) return ELBO_E_CHECKPOINT;
  all->size = (size_t)file_size(f) - sizeof(uint64_t) - n;
  char *header = mem_new(n, 1, "a checkpoint's header", e);
  all->data = header ? mem_new_aligned(all->size, 1, "a checkpoint", e) : NULL;
  elbo_status status = all->data ? read_exactly(f, header, n, e) : ELBO_E_MEMORY;
  if (!status) status = read_exactly(f, all->data, all->size, e);
  if (!status) status = read_header(all, header, n, e);
  mem_free(header);
  return status;
}

elbo_status tensors_read(const char *path, size_t limit, tensors **out, error *e)
{
  error here = { 0 };
  *out = NULL;
  file *f = file_open(path, ELBO_E_CHECKPOINT, &here);
  if (!f) return fail(e, here.status, "%s", here.text);
  tensors *all = mem_new(1, sizeof *all, "a checkpoint", &here);
  if (all) all->a = arena_new(&here);
  if (all && all->a) all->path = arena_string(all->a, path, &here);
  if (all && all->path) read_file(all, f, limit, &here);
  file_close(f);
  if (!here.status) {
    *out = all;
    return ELBO_DONE;
  }
  tensors_free(all);
  return fail(e, here.status, "%s: %s; take an undamaged one", path, here.text);
}

const char *tensors_path(const tensors *t)
{
  return t->path;
}

size_t tensors_count(const tensors *t)
{
  return t->n;
}

const tensor *tensors_at(const tensors *t, size_t i)
{
  return &t->list[i];
}

const tensor *tensors_find(const tensors *t, const char *name)
{
  for (size_t i = 0; i < t->n; i++)
    if (strcmp(t->list[i].name, name) == 0) return &t->list[i];
  return NULL;
}

const char *tensors_meta(const tensors *t, const char *key)
{
  for (size_t i = 0; i < t->n_meta; i++)
    if (strcmp(t->meta[i].key, key) == 0) return t->meta[i].value;
  return NULL;
}

void tensors_free(tensors *t)
{
  if (!t) return;
  arena_free(t->a);
  mem_free(t->data);
  mem_free(t);
}
