/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/text.h"
#include "base/format.h"
#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

static bool make_room(text *t, size_t n)
{
  if (t->failed) return false;
  if (n < SIZE_MAX - t->n - FIRST_ROOM) {
    size_t need = t->n + n + 1;
    if (need <= t->room) return true;
    if (!mem_grow(&t->s, &t->room, need < FIRST_ROOM ? FIRST_ROOM : need, 1, "a text", NULL))
      return true;
  }
  t->failed = true;
  return false;
}

void text_add_n(text *t, const char *s, size_t n)
{
  if (!make_room(t, n)) return;
  if (n) memcpy(t->s + t->n, s, n);
  t->n += n;
  t->s[t->n] = '\0';
}

void text_add(text *t, const char *s)
{
  text_add_n(t, s, strlen(s));
}

void text_format(text *t, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  size_t n = format_into(NULL, 0, format, args);
  va_end(args);
  if (!make_room(t, n)) return;
  va_start(args, format);
  format_into(t->s + t->n, n + 1, format, args);
  va_end(args);
  t->n += n;
}

static const char *name_of_not_finite(double v)
{
  return isnan(v) ? "nan" : v > 0 ? "inf" : "-inf";
}

void text_number(text *t, double v, int digits)
{
  if (isfinite(v))
    text_format(t, "%.*g", digits, v);
  else
    text_add(t, name_of_not_finite(v));
}

static bool reads_back(const char *s, double v)
{
  return format_strtod(s, NULL) == v;
}

void text_shortest(text *t, double v)
{
  if (!isfinite(v)) {
    text_add(t, name_of_not_finite(v));
  } else if (v == trunc(v) && fabs(v) < 1e15) {
    text_format(t, "%.0f", v);
  } else {
    size_t start = t->n;
    for (int digits = 15; digits <= 17; digits++) {
      t->n = start;
      text_number(t, v, digits);
      if (t->failed || reads_back(t->s + start, v)) return;
    }
  }
}

void text_free(text *t)
{
  mem_free(t->s);
  *t = (text){ 0 };
}

static size_t digits_at(const char *s, size_t n, size_t i)
{
  size_t start = i;
  while (i < n && s[i] >= '0' && s[i] <= '9') i++;
  return i - start;
}

static size_t sign_at(const char *s, size_t n, size_t i)
{
  return i < n && (s[i] == '-' || s[i] == '+');
}

/* [sign] digits [. digits] [e [sign] digits], one of the first two digits present; nothing
 * before or behind. */
static bool is_decimal(const char *s, size_t n)
{
  size_t i = sign_at(s, n, 0), whole = digits_at(s, n, i), part = 0;
  i += whole;
  if (i < n && s[i] == '.') {
    part = digits_at(s, n, ++i);
    i += part;
  }
  if (!whole && !part) return false;
  if (i < n && (s[i] == 'e' || s[i] == 'E')) {
    i++;
    i += sign_at(s, n, i);
    size_t power = digits_at(s, n, i);
    if (!power) return false;
    i += power;
  }
  return i == n;
}

static bool has_digit_above_zero(const char *s)
{
  for (; *s && *s != 'e' && *s != 'E'; s++)
    if (*s >= '1' && *s <= '9') return true;
  return false;
}

bool number_read(const char *s, size_t n, double *v)
{
  char copy[1001];
  if (n >= sizeof copy || !is_decimal(s, n)) return false;
  memcpy(copy, s, n);
  copy[n] = '\0';
  double read = format_strtod(copy, NULL);
  if (!isfinite(read) || (read == 0 && has_digit_above_zero(copy))) return false;
  *v = read;
  return true;
}

bool number_read_int(const char *s, size_t n, int64_t *v)
{
  size_t i = sign_at(s, n, 0);
  bool negative = i && s[0] == '-';
  if (i == n) return false;
  int64_t read = 0;
  for (; i < n; i++) {
    if (s[i] < '0' || s[i] > '9') return false;
    int digit = s[i] - '0';
    if (__builtin_mul_overflow(read, 10, &read)) return false;
    if (__builtin_add_overflow(read, negative ? -digit : digit, &read)) return false;
  }
  *v = read;
  return true;
}

/* Table 3-7 of the Unicode standard: for each first byte the range of the second; all later ones
 * are 80..BF. */
static const struct {
  unsigned char first, last, second_low, second_high, length;
} utf8_rows[] = {
  { 0x00, 0x7F, 0, 0, 1 },       { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
  { 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
  { 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

size_t utf8_step(const char *s, size_t n)
{
  const unsigned char *b = (const unsigned char *)s;
  for (size_t r = 0; n && r < sizeof utf8_rows / sizeof *utf8_rows; r++) {
    if (b[0] < utf8_rows[r].first || b[0] > utf8_rows[r].last) continue;
    size_t length = utf8_rows[r].length;
    if (length == 1) return 1;
    if (length > n || b[1] < utf8_rows[r].second_low || b[1] > utf8_rows[r].second_high) return 0;
    for (size_t i = 2; i < length; i++)
      if ((b[i] & 0xC0) != 0x80) return 0;
    return length;
  }
  return 0;
}

bool utf8_valid(const char *s, size_t n)
{
  for (size_t i = 0; i < n;) {
    size_t step = utf8_step(s + i, n - i);
    if (!step) return false;
    i += step;
  }
  return true;
}

enum { LONGEST_WORD = 64 };

static int lower(char c)
{
  return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int least(int a, int b)
{
  return a < b ? a : b;
}

/* Insertions, deletions, changes, and swaps of neighbours (optimal string alignment), in bytes. */
static int distance(const char *a, size_t na, const char *b, size_t nb)
{
  int rows[3][LONGEST_WORD + 1];
  int *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= nb; j++) last[j] = (int)j;
  for (size_t i = 1; i <= na; i++) {
    now[0] = (int)i;
    for (size_t j = 1; j <= nb; j++) {
      int differ = lower(a[i - 1]) != lower(b[j - 1]);
      now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + differ);
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        now[j] = least(now[j], before[j - 2] + 1);
    }
    int *free_row = before;
    before = last;
    last = now;
    now = free_row;
  }
  return last[nb];
}

const char *nearest_word(const char *word, const char *const *words, int n)
{
  size_t length = strnlen(word, LONGEST_WORD + 1);
  if (length > LONGEST_WORD) return NULL;
  const char *nearest = NULL;
  int best = LONGEST_WORD + 1;
  for (int i = 0; i < n; i++) {
    size_t other = strnlen(words[i], LONGEST_WORD + 1);
    if (other > LONGEST_WORD) continue;
    int off = distance(word, length, words[i], other);
    if (off < best && (size_t)off * 3 <= (length > other ? length : other)) {
      best = off;
      nearest = words[i];
    }
  }
  return nearest;
}
