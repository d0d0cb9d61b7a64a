/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading JSON with jansson, some of whose names are also ours: its kinds get a prefix here. A
 * json_value is its json_t. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_REAL JANSSON_REAL
#define JSON_NULL JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_REAL
#undef JSON_NULL

#include "io/json.h"

#include <math.h>
#include <stdio.h>

enum { DEEPEST = 64, MOST_VALUES = 65536 };

static json_t *theirs(const json_value *v)
{
  return (json_t *)v;
}

static const json_value *ours(const json_t *v)
{
  return (const json_value *)v;
}

/* Bounds what the parser will need before it starts: its recursion by depth, its memory by the
 * number of values. */
static bool is_bounded(const char *s, size_t n, char *why, size_t why_n)
{
  int depth = 0, values = 1;
  bool quoted = false;
  for (size_t i = 0; i < n; i++) {
    char c = s[i];
    if (quoted) {
      if (c == '\\')
        i++;
      else if (c == '"')
        quoted = false;
      continue;
    }
    quoted = c == '"';
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    values += c == '{' || c == '[' || c == ',';
    if (depth > DEEPEST || values > MOST_VALUES) {
      snprintf(why, why_n, "at byte %zu: more than %d %s", i,
               depth > DEEPEST ? DEEPEST : MOST_VALUES, depth > DEEPEST ? "levels" : "values");
      return false;
    }
  }
  return true;
}

json_value *json_read(const char *s, size_t n, char *why, size_t why_n)
{
  if (!is_bounded(s, n, why, why_n)) return NULL;
  json_error_t place_of;
  json_t *v = json_loadb(s, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &place_of);
  if (!v)
    snprintf(why, why_n, "line %d, column %d: %s", place_of.line, place_of.column, place_of.text);
  return (json_value *)v;
}

void json_free(json_value *v)
{
  json_decref(theirs(v));
}

json_kind json_kind_of(const json_value *v)
{
  static const json_kind kinds[] = {
    [JANSSON_OBJECT] = JSON_OBJECT, [JANSSON_ARRAY] = JSON_ARRAY, [JANSSON_STRING] = JSON_STRING,
    [JSON_INTEGER] = JSON_INT,      [JANSSON_REAL] = JSON_REAL,   [JSON_TRUE] = JSON_BOOL,
    [JSON_FALSE] = JSON_BOOL,       [JANSSON_NULL] = JSON_NULL,
  };
  return kinds[json_typeof(theirs(v))];
}

size_t json_length(const json_value *v)
{
  return json_kind_of(v) == JSON_ARRAY ? json_array_size(theirs(v)) : json_object_size(theirs(v));
}

const json_value *json_item(const json_value *v, size_t i)
{
  return ours(json_array_get(theirs(v), i));
}

const json_value *json_get(const json_value *v, const char *key)
{
  return ours(json_object_get(theirs(v), key));
}

const char *json_key_after(const json_value *v, const char *key)
{
  void *at = key ? json_object_iter_next(theirs(v), json_object_key_to_iter(key))
                 : json_object_iter(theirs(v));
  return at ? json_object_iter_key(at) : NULL;
}

const char *json_text(const json_value *v)
{
  return json_string_value(theirs(v));
}

int64_t json_as_int(const json_value *v)
{
  return json_typeof(theirs(v)) == JSON_TRUE ? 1 : json_integer_value(theirs(v));
}

double json_number_of(const json_value *v)
{
  json_kind kind = v ? json_kind_of(v) : JSON_NULL;
  return kind == JSON_INT || kind == JSON_REAL ? json_number_value(theirs(v)) : NAN;
}
