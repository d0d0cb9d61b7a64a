/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * read.h - what the readers of idx, npy and csv share: bytes from a plain or gzipped file, and
 * numbers of any stored type as bytes or floats. Messages here do not name the file: array_read
 * puts its name before them. */
#ifndef ELBO_DATA_READ_H
#define ELBO_DATA_READ_H

#include "base/file.h"
#include "base/zip.h"
#include "data/dataset.h"

enum { SOURCE_BUFFER = 1 << 16 };

/* A file read forwards, unpacked if it is gzipped. Offsets count unpacked bytes. */
typedef struct source {
  file *f;
  gunzip *z;       /* NULL: a plain file */
  uint64_t offset; /* of buffer[at] */
  size_t at, n;    /* unread: buffer[at, n) */
  bool end;        /* nothing is left beyond the buffer */
  bool look;       /* the readers stop behind the header: see array_open */
  const data_columns *pick;
  label_words *words; /* NULL: only numbers are taken */
  uint8_t buffer[SOURCE_BUFFER];
} source;

source *source_open(const char *path, error *e);
void source_close(source *s); /* NULL is fine */
/* At least `want` unread bytes (at most SOURCE_BUFFER) in the buffer, fewer only where the file
   ends. */
elbo_status source_fill(source *s, size_t want, error *e);
/* Moves past n unread bytes of the buffer. */
void source_skip(source *s, size_t n);
/* The next n bytes, fewer only where the file ends. */
elbo_status source_read(source *s, void *to, size_t n, size_t *got, error *e);
/* Goes back to an offset that was there before, by reading anew from the beginning. */
elbo_status source_go_back(source *s, uint64_t to, error *e);
/* "unpacked byte" or "byte": how messages call an offset. */
const char *source_unit(const source *s);

/* One stored number type. */
typedef struct element {
  const char *name; /* as numpy calls it, without byte order: "u1" */
  uint8_t idx;      /* type byte of idx, 0: none */
  size_t bytes;
  array_type type;
  /* n numbers in this machine's byte order to floats (to: NULL for ARRAY_U8, which is checked
     only); the index of the first that can't be held, or n. */
  size_t (*convert)(const uint8_t *from, size_t n, float *to);
} element;
const element *element_by_name(const char *name, size_t n);
const element *element_by_idx(uint8_t type);

/* An uncompressed file whose rows are read when they are asked for. */
struct row_file {
  file *f;         /* owned */
  uint64_t offset; /* of the first row */
  const element *el;
  bool swap;
};

/* Reads the numbers behind a header. out->rows, rank, dims are what the header promises; fills the
 * rest, and cuts rows to max_rows. The promise is held against the file before anything is
 * allocated. */
elbo_status values_read(source *s, const element *el, bool swap, size_t max_rows, array *out,
                        error *e);

/* How many values are NaN or infinite, and where the first of them stands. */
elbo_status not_finite(size_t bad, size_t first, size_t rows, size_t D, error *e);

elbo_status idx_read(source *s, size_t max_rows, array *out, error *e);
elbo_status npy_read(source *s, size_t max_rows, array *out, error *e);
elbo_status csv_read(source *s, size_t max_rows, array *out, error *e);

#endif
