/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json_print.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

json json_start(FILE *out)
{
  return (json){ .out = out };
}

/* The length of the well-formed UTF-8 character at s, 0 when there is none (Unicode 15, table 3-7).
   `n`: bytes left. */
static size_t utf8_length(const unsigned char *s, size_t n)
{
  static const struct {
    unsigned char first, last, low, high, length;
  } rows[] = {
    { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
    { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
    { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    if (s[0] < rows[r].first || s[0] > rows[r].last) continue;
    size_t length = rows[r].length;
    if (length == 1) return 1;
    if (length > n || s[1] < rows[r].low || s[1] > rows[r].high) return 0;
    for (size_t i = 2; i < length; i++)
      if ((s[i] & 0xc0) != 0x80) return 0;
    return length;
  }
  return 0;
}

static void put_character(FILE *out, const unsigned char *s, size_t length)
{
  if (length == 0)
    fputs("\\ufffd", out);
  else if (*s == '"' || *s == '\\')
    fprintf(out, "\\%c", *s);
  else if (*s < 0x20)
    fprintf(out, "\\u%04x", *s);
  else
    fwrite(s, 1, length, out);
}

static void put_text(FILE *out, const char *text, size_t n)
{
  const unsigned char *s = (const unsigned char *)text;
  fputc('"', out);
  for (size_t i = 0; i < n;) {
    size_t length = utf8_length(s + i, n - i);
    put_character(out, s + i, length);
    i += length ? length : 1;
  }
  fputc('"', out);
}

static void member(json *j, const char *key)
{
  uint64_t bit = UINT64_C(1) << j->depth;
  if (j->filled & bit) fputs(", ", j->out);
  j->filled |= bit;
  if (!key) return;
  put_text(j->out, key, strlen(key));
  fputs(": ", j->out);
}

static void enter(json *j, const char *key, char bracket)
{
  member(j, key);
  fputc(bracket, j->out);
  j->depth++;
  j->filled &= ~(UINT64_C(1) << j->depth);
}

static void leave(json *j, char bracket)
{
  fputc(bracket, j->out);
  if (--j->depth == 0) fputc('\n', j->out);
}

void json_object(json *j, const char *key)
{
  enter(j, key, '{');
}

void json_object_end(json *j)
{
  leave(j, '}');
}

void json_array(json *j, const char *key)
{
  enter(j, key, '[');
}

void json_array_end(json *j)
{
  leave(j, ']');
}

void json_text(json *j, const char *key, const char *text)
{
  if (!text) {
    json_null(j, key);
    return;
  }
  member(j, key);
  put_text(j->out, text, strlen(text));
}

void json_number(json *j, const char *key, double number)
{
  char text[32];
  if (!isfinite(number)) {
    json_null(j, key);
    return;
  }
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, number);
    if (strtod(text, NULL) == number) break;
  }
  member(j, key);
  fputs(text, j->out);
}

void json_integer(json *j, const char *key, int64_t number)
{
  member(j, key);
  fprintf(j->out, "%" PRId64, number);
}

void json_count(json *j, const char *key, uint64_t number)
{
  member(j, key);
  fprintf(j->out, "%" PRIu64, number);
}

void json_bool(json *j, const char *key, bool value)
{
  member(j, key);
  fputs(value ? "true" : "false", j->out);
}

void json_null(json *j, const char *key)
{
  member(j, key);
  fputs("null", j->out);
}

void json_lines(json *j, const char *key, const char *text)
{
  json_array(j, key);
  while (*text) {
    size_t n = strcspn(text, "\n");
    if (n) {
      member(j, NULL);
      put_text(j->out, text, n);
    }
    text += n + (text[n] == '\n');
  }
  json_array_end(j);
}
