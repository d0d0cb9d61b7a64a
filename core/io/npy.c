/* SPDX-License-Identifier: GPL-3.0-or-later */
/* npy 1.0: magic, version, header length (2 bytes), a Python dict padded with blanks to a
 * multiple of 64 and a newline, data. */
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/picture.h"

#include <stdio.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "'<f4' is written as it stands in memory");

enum { ALIGNMENT = 64, MOST_DIMENSIONS = 32 };

/* Begins with a gap for the 10 bytes that are no text. */
static void add_header(text *t, int rank, const size_t *dims)
{
  text_add(t, "          {'descr': '<f4', 'fortran_order': False, 'shape': (");
  for (int i = 0; i < rank; i++) text_format(t, rank == 1 ? "%zu," : i ? ", %zu" : "%zu", dims[i]);
  text_add(t, "), }");
  while ((t->n + 1) % ALIGNMENT && !t->failed) text_add(t, " ");
  text_add(t, "\n");
  if (t->failed) return;
  size_t length = t->n - 10;
  const unsigned char start[10] = { 0x93, 'N', 'U', 'M',          'P',
                                    'Y',  1,   0,   length & 255, (unsigned char)(length >> 8) };
  for (int i = 0; i < 10; i++) t->s[i] = (char)start[i];
}

static elbo_status write_all(const char *path, const text *header, const float *at, size_t bytes,
                             error *e)
{
  whole_file *w = whole_begin(path, e);
  if (!w) return ELBO_E_FILES;
  elbo_status status = whole_write(w, header->s, header->n, e);
  if (!status) status = whole_write(w, at, bytes, e);
  if (!status) return whole_commit(w, e);
  whole_abandon(w);
  return status;
}

elbo_status npy_header(const char *path, int rank, const size_t *dims, text *header, size_t *bytes,
                       error *e)
{
  *bytes = sizeof(float);
  if (rank < 0 || rank > MOST_DIMENSIONS)
    return fail(e, ELBO_E_USAGE, "%s: %d dimensions, expected 0 to %d", path, rank,
                MOST_DIMENSIONS);
  for (int i = 0; i < rank; i++)
    if (!mem_size(*bytes, dims[i], bytes))
      return fail(e, ELBO_E_USAGE, "%s: an array of that shape can't be addressed; make it smaller",
                  path);
  add_header(header, rank, dims);
  return header->failed
             ? fail(e, ELBO_E_MEMORY, "%s: no memory for its header; free some memory", path)
             : ELBO_DONE;
}

elbo_status npy_write(const char *path, const float *at, int rank, const size_t *dims, error *e)
{
  error here = { 0 };
  text header = { 0 };
  size_t bytes;
  if (!npy_header(path, rank, dims, &header, &bytes, &here))
    write_all(path, &header, at, bytes, &here);
  text_free(&header);
  return here.status ? fail(e, here.status, "%s", here.text) : ELBO_DONE;
}
