/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"
#include "base/mem.h"
#include "base/zip.h"
#include "io/json.h"
#include "io/tensor_types.h"

#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the bytes of numbers are written as they stand");

const tensor_type_row tensor_type_rows[TENSOR_TYPES] = {
  [TENSOR_F32] = { "F32", 4 }, [TENSOR_F64] = { "F64", 8 }, [TENSOR_I64] = { "I64", 8 },
  [TENSOR_U32] = { "U32", 4 }, [TENSOR_U64] = { "U64", 8 }, [TENSOR_U8] = { "U8", 1 },
};

bool tensor_bytes(tensor *t, size_t *bytes)
{
  t->count = 1;
  for (int i = 0; i < t->rank; i++)
    if (!mem_size(t->count, t->dims[i], &t->count)) return false;
  return mem_size(t->count, tensor_type_rows[t->type].size, bytes);
}

uint32_t tensors_pair_crc(const char *key, const char *value)
{
  uint32_t crc = crc32_of(0, key, strlen(key));
  crc = crc32_of(crc, "=", 1);
  return crc32_of(crc, value, strlen(value));
}

/* One tensor in its place in the file. */
typedef struct {
  tensor t;
  size_t begin, bytes;
} placed;

static elbo_status check(const tensor *t, placed *p, error *e)
{
  p->t = *t;
  if (!utf8_valid(t->name, strlen(t->name)) || strcmp(t->name, TENSORS_META) == 0)
    return fail(e, ELBO_E_CHECKPOINT,
                "tensor '%s': is no name for a tensor; use UTF-8, and not " TENSORS_META, t->name);
  if (t->rank < 0 || t->rank > TENSOR_RANK)
    return fail(e, ELBO_E_CHECKPOINT,
                "tensor '%s': has %d dimensions, at most %d can be written; merge some", t->name,
                t->rank, TENSOR_RANK);
  if (!tensor_bytes(&p->t, &p->bytes))
    return fail(e, ELBO_E_CHECKPOINT, "tensor '%s': its size can't be addressed; make it smaller",
                t->name);
  return ELBO_DONE;
}

/* Wider types first, else in the order given: so all are aligned without holes, which the format
 * forbids. */
static elbo_status place_all(const tensors_out *out, placed *list, error *e)
{
  static const size_t widths[] = { 8, 4, 1 };
  size_t n = 0, begin = 0;
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    for (size_t i = 0; i < out->n; i++) {
      if (tensor_type_rows[out->list[i].type].size != widths[w]) continue;
      placed *p = &list[n++];
      if (check(&out->list[i], p, e)) return ELBO_E_CHECKPOINT;
      p->begin = begin;
      if (__builtin_add_overflow(begin, p->bytes, &begin))
        return fail(e, ELBO_E_CHECKPOINT,
                    "tensor '%s': the file gets too large to be addressed; make it smaller",
                    p->t.name);
    }
  }
  return ELBO_DONE;
}

static void add_crc(json_out *j, const char *key, uint32_t crc)
{
  char digits[9];
  snprintf(digits, sizeof digits, "%08x", (unsigned)crc);
  json_string(j, key, digits);
}

static void add_meta(json_out *j, const tensors_out *out, const placed *list)
{
  uint32_t data = 0, meta = 0;
  json_open(j, TENSORS_META, '{');
  for (const char *const *m = out->meta; m && *m; m += 2) {
    json_string(j, m[0], m[1]);
    meta += tensors_pair_crc(m[0], m[1]);
  }
  for (size_t i = 0; i < out->n; i++) data = crc32_of(data, list[i].t.at, list[i].bytes);
  add_crc(j, TENSORS_CRC, data);
  add_crc(j, TENSORS_META_CRC, meta);
  json_close(j, '}');
}

static void add_tensor(json_out *j, const placed *p)
{
  json_open(j, p->t.name, '{');
  json_string(j, "dtype", tensor_type_rows[p->t.type].name);
  json_open(j, "shape", '[');
  for (int i = 0; i < p->t.rank; i++) json_int(j, NULL, (int64_t)p->t.dims[i]);
  json_close(j, ']');
  json_open(j, "data_offsets", '[');
  json_int(j, NULL, (int64_t)p->begin);
  json_int(j, NULL, (int64_t)(p->begin + p->bytes));
  json_close(j, ']');
  json_close(j, '}');
}

static void add_header(text *t, const tensors_out *out, const placed *list)
{
  json_out j;
  json_begin(&j, t);
  json_open(&j, NULL, '{');
  add_meta(&j, out, list);
  for (size_t i = 0; i < out->n; i++) add_tensor(&j, &list[i]);
  json_close(&j, '}');
  while (t->n % 8 && !t->failed) text_add(t, " ");
}

static elbo_status write_all(const char *path, const text *header, const placed *list, size_t n,
                             error *e)
{
  whole_file *w = whole_begin(path, e);
  if (!w) return ELBO_E_FILES;
  uint64_t length = header->n;
  elbo_status status = whole_write(w, &length, sizeof length, e);
  if (!status) status = whole_write(w, header->s, header->n, e);
  for (size_t i = 0; i < n && !status; i++) status = whole_write(w, list[i].t.at, list[i].bytes, e);
  if (!status) return whole_commit(w, e);
  whole_abandon(w);
  return status;
}

elbo_status tensors_write(const char *path, const tensors_out *out, error *e)
{
  error here = { 0 };
  text header = { 0 };
  placed *list = mem_new(out->n, sizeof *list, "tensors", &here);
  if (list && !place_all(out, list, &here)) {
    add_header(&header, out, list);
    if (header.failed)
      fail(&here, ELBO_E_MEMORY, "%s: no memory for its header; free some memory", path);
    else
      write_all(path, &header, list, out->n, &here);
  }
  text_free(&header);
  mem_free(list);
  return here.status ? fail(e, here.status, "%s", here.text) : ELBO_DONE;
}
