/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tensor_types.h - what the reader and the writer of safetensors share. Inside core/io. */
#ifndef ELBO_IO_TENSOR_TYPES_H
#define ELBO_IO_TENSOR_TYPES_H

#include "io/tensors.h"

#define TENSORS_META "__metadata__"
#define TENSORS_CRC "elbo.crc32"
#define TENSORS_META_CRC "elbo.meta_crc32"
enum { TENSOR_RANK = 4, TENSOR_TYPES = TENSOR_U8 + 1 };

typedef struct {
  const char *name; /* in the file */
  size_t size;      /* bytes of one number */
} tensor_type_row;
extern const tensor_type_row tensor_type_rows[TENSOR_TYPES]; /* [tensor_type] */

/* Bytes of a tensor from its rank, dims and type, its count set on the way; false when they
 * wrap. */
bool tensor_bytes(tensor *t, size_t *bytes);
const char *tensors_path(const tensors *t);
/* What one pair of the metadata adds to "elbo.meta_crc32". */
uint32_t tensors_pair_crc(const char *key, const char *value);

#endif
