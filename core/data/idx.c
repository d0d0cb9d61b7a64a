/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * idx.c - the format of MNIST (LeCun, Cortes and Burges): 0, 0, a type byte, the number of
 * dimensions, each dimension as a big-endian 32-bit number, then the numbers, big-endian, row-
 * major. */
#include "data/read.h"
#include <inttypes.h>

enum { MAX_DIMS = 4 }; /* rows and three of a row */

static uint32_t big_endian(const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static elbo_status header_short(const source *s, size_t want, error *e)
{
  return fail(
      e, ELBO_E_DATA,
      "an IDX header of %zu bytes is promised, but the file ends at %s %zu: it is cut short", want,
      source_unit(s), s->n - s->at);
}

elbo_status idx_read(source *s, size_t max_rows, array *out, error *e)
{
  if (source_fill(s, 4 + 4 * MAX_DIMS, e) != ELBO_DONE) return e->status;
  const uint8_t *at = s->buffer + s->at;
  size_t have = s->n - s->at;
  if (have < 4) return header_short(s, 4, e);
  const element *el = element_by_idx(at[2]);
  if (!el)
    return fail(e, ELBO_E_DATA,
                "IDX type byte 0x%02X at %s 2 is unknown: expected 08 (unsigned byte), 09 (signed "
                "byte), 0B (short), 0C "
                "(int), 0D (float) or 0E (double)",
                at[2], source_unit(s));
  unsigned dims = at[3];
  if (dims < 1 || dims > MAX_DIMS)
    return fail(e, ELBO_E_DATA, "the IDX header promises %u dimensions (%s 3): expected 1 to %d",
                dims, source_unit(s), MAX_DIMS);
  if (have < 4 + 4 * dims) return header_short(s, 4 + 4 * dims, e);
  out->rows = big_endian(at + 4);
  out->rank = (int)dims - 1;
  for (int k = 0; k < out->rank; k++) out->dims[k] = big_endian(at + 8 + 4 * k);
  source_skip(s, 4 + 4 * dims);
  return values_read(s, el, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, max_rows, out, e);
}
