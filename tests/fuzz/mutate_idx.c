/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IDX: the header promises what follows, mostly. */
#include "fuzz.h"

#include <string.h>

static void put_size(uint8_t *at, uint32_t v)
{
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> (24 - 8 * i));
}

size_t LLVMFuzzerCustomMutator(uint8_t *at, size_t n, size_t room, unsigned seed)
{
  static const uint8_t types[] = { 8, 9, 11, 12, 13, 14 }, widths[] = { 1, 1, 2, 4, 4, 8 };
  fuzz_draw d = { seed };
  n = LLVMFuzzerMutate(at, n, room);
  if (fuzz_below(&d, 4) == 0 || n < 22) return n;
  uint8_t *file = at + 1; /* the first byte asks for rows */
  uint32_t type = fuzz_below(&d, 6), dims = 1 + fuzz_below(&d, 4);
  size_t body = (n - 5 - 4 * dims) / widths[type];
  file[0] = file[1] = 0;
  file[2] = types[type];
  file[3] = (uint8_t)dims;
  for (uint32_t k = dims - 1; k > 0; k--) {
    uint32_t size = 1 + fuzz_below(&d, 4);
    put_size(file + 4 + 4 * k, size);
    body /= size;
  }
  put_size(file + 4, (uint32_t)body);
  if (fuzz_below(&d, 3) == 0) return n;
  size_t whole = body * widths[type]; /* what the rounding left over goes */
  for (uint32_t k = 1; k < dims; k++) whole *= file[7 + 4 * k];
  return 5 + 4 * dims + whole;
}
