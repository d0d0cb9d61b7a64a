/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pass.c - rows of a data set wherever its numbers lie: all of them in turn, or some of a file. */
#include "base/mem.h"
#include "data/dataset.h"

/* Of a part: large enough for a disk, small enough for a cache. */
enum { PART_BYTES = 1 << 20 };

static elbo_status pass_parts(const dataset *d, size_t most, void *buffer, rows_fn *fn, void *user,
                              error *e)
{
  size_t bytes = array_row_bytes(&d->x);
  dataset part = *d;
  part.x.file = NULL;
  part.first = 0;
  for (size_t done = 0; done < d->rows; done += part.rows) {
    size_t first = d->first + done;
    part.rows = part.x.rows = d->rows - done < most ? d->rows - done : most;
    part.x.at = buffer ? buffer : (char *)d->x.at + first * bytes;
    if (buffer && array_fetch(&d->x, first, part.rows, buffer, e)) return e->status;
    if (!fn(&part, done, user)) break;
  }
  return ELBO_DONE;
}

elbo_status dataset_pass(const dataset *d, rows_fn *fn, void *user, error *e)
{
  error own = { 0 };
  e = e ? e : &own;
  size_t bytes = array_row_bytes(&d->x), most = bytes < PART_BYTES ? PART_BYTES / bytes : 1;
  void *buffer = NULL;
  if (d->x.file && !(buffer = mem_new(most, bytes, "a part of the data", e))) return e->status;
  elbo_status status = pass_parts(d, most, buffer, fn, user, e);
  mem_free(buffer);
  return status;
}

elbo_status dataset_fetch(const dataset *d, const uint32_t *index, size_t n, void *to,
                          const void **at, error *e)
{
  size_t bytes = array_row_bytes(&d->x);
  for (size_t i = 0, run; i < n; i += run) {
    for (run = 1; i + run < n && index[i + run] == index[i] + run; run++) {
    }
    if (array_fetch(&d->x, d->first + index[i], run, (char *)to + i * bytes, e)) return e->status;
    for (size_t k = i; k < i + run; k++) at[k] = (char *)to + k * bytes;
  }
  return ELBO_DONE;
}
