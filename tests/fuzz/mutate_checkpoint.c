/* SPDX-License-Identifier: GPL-3.0-or-later */
/* safetensors: header or data are changed, then the header's length, the data's length and both
 * checksums are made to hold again. */
#include "fuzz.h"
#include "base/zip.h"
#include "io/json.h"
#include "io/tensor_types.h"

#include <stdio.h>
#include <string.h>

enum { LENGTH = 8 };

static size_t header_length(const uint8_t *at, size_t n)
{
  uint64_t length = 0;
  for (int i = LENGTH; i--;) length = length << 8 | at[i];
  return length > n - LENGTH ? n - LENGTH : (size_t)length;
}

static void put_length(uint8_t *at, size_t length)
{
  for (int i = 0; i < LENGTH; i++) at[i] = (uint8_t)((uint64_t)length >> (8 * i));
}

/* Where the last tensor of a header ends. */
static size_t data_end(const json_value *header)
{
  int64_t end = 0;
  for (const char *key = json_key_after(header, NULL); key; key = json_key_after(header, key)) {
    const json_value *v = json_get(header, key);
    const json_value *o = json_kind_of(v) == JSON_OBJECT ? json_get(v, "data_offsets") : NULL;
    const json_value *last = o && json_kind_of(o) == JSON_ARRAY ? json_item(o, 1) : NULL;
    if (last && json_kind_of(last) == JSON_INT && json_as_int(last) > end) end = json_as_int(last);
  }
  return (size_t)end;
}

static uint32_t meta_sum(const json_value *header)
{
  uint32_t sum = 0;
  const json_value *meta = json_get(header, TENSORS_META);
  if (!meta || json_kind_of(meta) != JSON_OBJECT) return 0;
  for (const char *key = json_key_after(meta, NULL); key; key = json_key_after(meta, key)) {
    const json_value *v = json_get(meta, key);
    if (json_kind_of(v) == JSON_STRING && strcmp(key, TENSORS_CRC) && strcmp(key, TENSORS_META_CRC))
      sum += tensors_pair_crc(key, json_text(v));
  }
  return sum;
}

static void put_digits(uint8_t *at, size_t n, const char *key, uint32_t sum)
{
  char digits[9], wanted[64];
  size_t length = (size_t)snprintf(wanted, sizeof wanted, "\"%s\":\"", key);
  uint8_t *found = memmem(at, n, wanted, length);
  snprintf(digits, sizeof digits, "%08x", (unsigned)sum);
  if (found && found + length + 8 <= at + n) memcpy(found + length, digits, 8);
}

size_t LLVMFuzzerCustomMutator(uint8_t *at, size_t n, size_t room, unsigned seed)
{
  fuzz_draw d = { seed };
  char why[128];
  if (n < LENGTH + 2 || fuzz_below(&d, 8) == 0) return LLVMFuzzerMutate(at, n, room);
  size_t header = header_length(at, n), data = n - LENGTH - header;
  static uint8_t kept[1 << 16];
  if (room > sizeof kept) room = sizeof kept;
  if (n > room) return LLVMFuzzerMutate(at, room, room);
  memcpy(kept, at + LENGTH + header, data);
  if (fuzz_below(&d, 4))
    header = LLVMFuzzerMutate(at + LENGTH, header, room - LENGTH - data);
  else
    data = LLVMFuzzerMutate(kept, data, room - LENGTH - header);
  put_length(at, header);
  json_value *v = json_read((char *)at + LENGTH, header, why, sizeof why);
  bool object = v && json_kind_of(v) == JSON_OBJECT;
  size_t end = object ? data_end(v) : data;
  if (end > data && end <= room - LENGTH - header) memset(kept + data, 0, end - data);
  if (end <= room - LENGTH - header && fuzz_below(&d, 8)) data = end;
  if (object && fuzz_below(&d, 8)) {
    put_digits(at + LENGTH, header, TENSORS_CRC, crc32_of(0, kept, data));
    put_digits(at + LENGTH, header, TENSORS_META_CRC, meta_sum(v));
  }
  if (v) json_free(v);
  memcpy(at + LENGTH + header, kept, data);
  return LENGTH + header + data;
}
