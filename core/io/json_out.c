/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void add_string(text *t, const char *s)
{
  size_t left = strlen(s);
  text_add(t, "\"");
  while (left) {
    size_t step = utf8_step(s, left);
    unsigned char c = (unsigned char)*s;
    if (!step) {
      text_add(t, "\xEF\xBF\xBD"); /* U+FFFD, the replacement character */
      step = 1;
    } else if (c == '"' || c == '\\') {
      text_format(t, "\\%c", c);
    } else if (c < ' ') {
      text_format(t, "\\u%04x", c);
    } else {
      text_add_n(t, s, step);
    }
    s += step;
    left -= step;
  }
  text_add(t, "\"");
}

/* What stands before a value: a comma behind another one, and its key. */
static text *before(json_out *j, const char *key)
{
  if (j->depth > 0) {
    if (j->filled[j->depth - 1]) text_add(j->t, ",");
    j->filled[j->depth - 1] = 1;
  }
  if (key) {
    add_string(j->t, key);
    text_add(j->t, ":");
  }
  return j->t;
}

void json_begin(json_out *j, text *t)
{
  *j = (json_out){ .t = t };
}

void json_open(json_out *j, const char *key, char bracket)
{
  text_add_n(before(j, key), &bracket, 1);
  if (j->depth == (int)sizeof j->filled)
    j->t->failed = true;
  else
    j->filled[j->depth++] = 0;
}

void json_close(json_out *j, char bracket)
{
  if (j->depth > 0) j->depth--;
  text_add_n(j->t, &bracket, 1);
}

void json_string(json_out *j, const char *key, const char *s)
{
  text *t = before(j, key);
  if (s)
    add_string(t, s);
  else
    text_add(t, "null");
}

void json_number(json_out *j, const char *key, double v)
{
  text *t = before(j, key);
  if (isfinite(v))
    text_shortest(t, v);
  else
    text_add(t, "null");
}

void json_float(json_out *j, const char *key, double v, int digits)
{
  text *t = before(j, key);
  if (isfinite(v))
    text_number(t, v, digits);
  else
    text_add(t, "null");
}

void json_int(json_out *j, const char *key, int64_t v)
{
  text_format(before(j, key), "%" PRId64, v);
}

void json_bool(json_out *j, const char *key, bool v)
{
  text_add(before(j, key), v ? "true" : "false");
}

void json_null(json_out *j, const char *key)
{
  text_add(before(j, key), "null");
}
