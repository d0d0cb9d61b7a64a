/* SPDX-License-Identifier: GPL-3.0-or-later */
/* npy: the length of the header is that of the dict, and at times the dict is written anew so that
 * its shape is that of the numbers. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

enum { BEGIN = 1, DICT = BEGIN + 10 }; /* behind the byte that asks for rows */

static size_t write_anew(uint8_t *at, size_t n, size_t room, fuzz_draw *d)
{
  static const char *const types[] = { "|u1", "|b1", "|i1", "<u2", ">i2", "<i4", ">u4",
                                       "<i8", ">u8", "<f4", ">f4", "<f8", ">f8", "=f4" };
  char dict[160];
  uint32_t type = fuzz_below(d, 14), rank = fuzz_below(d, 4),
           width = (uint32_t)(types[type][2] - '0');
  size_t body = fuzz_below(d, 64), cells = body;
  int used = snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': %s, 'shape': (%zu,",
                      types[type], fuzz_below(d, 8) ? "False" : "True", body);
  for (uint32_t k = 0; k < rank; k++) {
    uint32_t size = 1 + fuzz_below(d, 3);
    cells *= size;
    used += snprintf(dict + used, sizeof dict - (size_t)used, " %u,", size);
  }
  used += snprintf(dict + used, sizeof dict - (size_t)used, "), }\n");
  size_t whole = DICT + (size_t)used + cells * width;
  if (whole > room) return n;
  for (size_t i = n; i < whole; i++) at[i] = (uint8_t)fuzz_below(d, 256);
  memcpy(at + BEGIN, "\x93NUMPY\1", 8);
  at[DICT - 2] = (uint8_t)used, at[DICT - 1] = 0;
  memcpy(at + DICT, dict, (size_t)used);
  return whole;
}

size_t LLVMFuzzerCustomMutator(uint8_t *at, size_t n, size_t room, unsigned seed)
{
  fuzz_draw d = { seed };
  n = LLVMFuzzerMutate(at, n, room);
  uint32_t way = fuzz_below(&d, 8);
  if (way == 0) return n;
  if (way == 1 || n < DICT + 2) return write_anew(at, n, room, &d);
  const uint8_t *end = memchr(at + DICT, '\n', n - DICT);
  size_t length = end ? (size_t)(end - at) + 1 - DICT : n - DICT;
  memcpy(at + BEGIN, "\x93NUMPY\1", 8);
  at[DICT - 2] = (uint8_t)length, at[DICT - 1] = (uint8_t)(length >> 8);
  return n;
}
