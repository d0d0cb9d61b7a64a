/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz.h"
#include "io/json.h"

#include <string.h>

static size_t walk(const json_value *v)
{
  json_kind kind = json_kind_of(v);
  size_t n = 1;
  if (kind == JSON_STRING) n += strlen(json_text(v));
  if (kind == JSON_INT || kind == JSON_BOOL) n += json_as_int(v) != 0;
  if (kind == JSON_REAL) n += json_number_of(v) > 0;
  for (size_t i = 0; kind == JSON_ARRAY && i < json_length(v); i++) n += walk(json_item(v, i));
  const char *key = kind == JSON_OBJECT ? json_key_after(v, NULL) : NULL;
  for (; key; key = json_key_after(v, key)) n += walk(json_get(v, key));
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  char why[256] = "";
  json_value *v = json_read((const char *)at, n, why, sizeof why);
  fuzz_want(!v == (why[0] != 0), "a refusal, and only a refusal, has a reason");
  if (v) fuzz_want(walk(v) > 0, "there is a value");
  if (v) json_free(v);
  return 0;
}
