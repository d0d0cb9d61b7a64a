/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gzip: half of the changes are made to what is packed, which is packed again, at times in two
 * members or with a piece cut off its end; the others to the packed bytes. */
#include "fuzz.h"

#include <string.h>
#include <zlib.h>

enum { MOST = 1 << 14 };

static size_t pack(uint8_t *to, size_t room, const uint8_t *from, size_t n)
{
  z_stream z = { 0 };
  if (deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
  z.next_in = (Bytef *)(uintptr_t)from;
  z.avail_in = (uInt)n;
  z.next_out = to;
  z.avail_out = (uInt)room;
  bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
  size_t made = z.total_out;
  deflateEnd(&z);
  return whole ? made : 0;
}

static size_t unpack(uint8_t *to, size_t room, const uint8_t *from, size_t n)
{
  z_stream z = { 0 };
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return 0;
  z.next_in = (Bytef *)(uintptr_t)from;
  z.avail_in = (uInt)n;
  z.next_out = to;
  z.avail_out = (uInt)room;
  inflate(&z, Z_SYNC_FLUSH);
  size_t made = z.total_out;
  inflateEnd(&z);
  return made;
}

size_t LLVMFuzzerCustomMutator(uint8_t *at, size_t n, size_t room, unsigned seed)
{
  static uint8_t plain[MOST], packed[2 * MOST];
  fuzz_draw d = { seed };
  size_t inner = n > 1 ? unpack(plain, MOST, at + 1, n - 1) : 0;
  if (fuzz_below(&d, 2) || !inner) return LLVMFuzzerMutate(at, n, room);
  inner = LLVMFuzzerMutate(plain, inner, MOST);
  size_t first = fuzz_below(&d, 4) ? inner : fuzz_below(&d, (uint32_t)inner + 1);
  size_t made = pack(packed, sizeof packed / 2, plain, first);
  if (first < inner) made += pack(packed + made, sizeof packed / 2, plain + first, inner - first);
  if (made && fuzz_below(&d, 8) == 0) made -= 1 + fuzz_below(&d, made < 12 ? (uint32_t)made : 12);
  if (!made || made + 1 > room) return LLVMFuzzerMutate(at, n, room);
  memcpy(at + 1, packed, made);
  return made + 1;
}
