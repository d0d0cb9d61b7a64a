/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/io: file formats that results are written in: safetensors, JSON lines, npy, PNG, SVG.
 * Depends on base and num.
 *
 * tensors.h - safetensors (https://huggingface.co/docs/safetensors: 8 bytes of header length, a
 * JSON header, the data), read strictly and written whole. Everything in a file is untrusted:
 * lengths, offsets, shapes and the checksum are checked before anything is believed. */
#ifndef ELBO_IO_TENSORS_H
#define ELBO_IO_TENSORS_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { TENSOR_F32, TENSOR_F64, TENSOR_I64, TENSOR_U32, TENSOR_U64, TENSOR_U8 } tensor_type;
typedef struct tensor {
  const char *name;
  tensor_type type;
  int rank;
  size_t dims[4];
  size_t count; /* numbers in all */
  const void *at;
} tensor;

/* What is to be written: tensors are borrowed until the file is written. */
typedef struct {
  const tensor *list;
  size_t n;
  /* pairs key, value; NULL-ended; or NULL. Values are strings, JSON inside is escaped */
  const char *const *meta;
} tensors_out;
/* Adds to __metadata__ the keys "elbo.crc32", the CRC-32 of all data, and "elbo.meta_crc32", the
 * sum of the CRC-32s of "KEY=VALUE" of the others; both as 8 hexadecimal digits. With the checks
 * of the header no single changed bit goes unseen. Data stand in the order given, wider types
 * first, so that each is aligned. Written whole (file.h). */
elbo_status tensors_write(const char *path, const tensors_out *out, error *e);

typedef struct tensors tensors;
/* ELBO_E_CHECKPOINT with what, found and expected; at most `limit` bytes. A file without
 * "elbo.crc32" is fine (other programs write none); with one that does not match it is refused;
 * so for "elbo.meta_crc32". Tensors have at most 4 dimensions and one of the types above; the
 * header is at most 8 MiB. */
elbo_status tensors_read(const char *path, size_t limit, tensors **out, error *e);
size_t tensors_count(const tensors *t);
const tensor *tensors_at(const tensors *t, size_t i);
const tensor *tensors_find(const tensors *t, const char *name); /* NULL: not there */
const char *tensors_meta(const tensors *t, const char *key);    /* NULL: not there */
/* Copies as floats (F32 or F64 only); refuses another count or shape, naming the tensor: rank
 * dims [rank]. NaN or inf: refused with its index. */
elbo_status tensors_floats(const tensors *t, const char *name, int rank, const size_t *dims,
                           float *out, error *e);
void tensors_free(tensors *t);

#endif
