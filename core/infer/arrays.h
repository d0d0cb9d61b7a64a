/* SPDX-License-Identifier: GPL-3.0-or-later */
/* arrays.h - the inside of elbo_arrays: how encode, impute and export fill and write them. */
#ifndef ELBO_INFER_ARRAYS_H
#define ELBO_INFER_ARRAYS_H

#include "infer/context.h"

enum { ARRAYS_MOST = 4096 };
typedef struct arrays_out {
  elbo_named_array *list;
  size_t n;
  arena *arena; /* of names and values */
  error *e;
} arrays_out;
elbo_status arrays_begin(arrays_out *o, arena *a, error *e);
/* One more; its values, zeroed. NULL with the error; a name of NULL is an error that stands
 * already. */
float *arrays_add(arrays_out *o, const char *name, int rank, const size_t *dims);
elbo_status arrays_as_npz(const elbo_arrays *a, const char *path, error *e);

/* What may be written of something, by the ending of the file's name. */
typedef struct arrays_writer {
  const char *ending, *holds;
  elbo_status (*write)(const void *what, const char *path, error *e);
} arrays_writer;
elbo_status arrays_by_ending(const arrays_writer *writers, size_t n, const void *what,
                             const char *path, error *e);

#endif
