/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a field is: a number, or one of the things that stand where a number should. */
#include "data/csv.h"
#include "base/text.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* Decimal digits with a point and at most 15 of them: mantissa and power of ten are exact doubles,
 * so that one operation rounds once (Clinger 1990). false: take the long way. */
static bool quick_number(const char *s, size_t n, double *v)
{
  static const double ten[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
  bool minus = n && s[0] == '-';
  int64_t m = 0;
  size_t i = minus, digits = 0, behind = 0;
  bool point = false;
  if (n > 17) return false;
  for (; i < n; i++) {
    if (s[i] == '.' && !point) {
      point = true;
      continue;
    }
    if (s[i] < '0' || s[i] > '9') return false;
    m = m * 10 + (s[i] - '0');
    digits++;
    behind += point;
  }
  if (digits == 0 || digits > 15) return false;
  double a = (double)m / ten[behind];
  *v = minus ? -a : a;
  return true;
}

static bool is_not_finite(const char *s, size_t n)
{
  static const char *const words[] = { "nan", "inf", "infinity" };
  if (n && (s[0] == '+' || s[0] == '-')) s++, n--;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (n == strlen(words[i]) && strncasecmp(s, words[i], n) == 0) return true;
  return false;
}

/* What spreadsheets, R and SQL write where there is no value. */
static bool is_missing(const char *s, size_t n)
{
  static const char *const words[] = { "na",      "n/a", "#n/a", "<na>", "null", "none",
                                       "missing", "?",   "-",    ".",    "--" };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (n == strlen(words[i]) && strncasecmp(s, words[i], n) == 0) return true;
  return false;
}

/* Has the form of a number, though none that a double holds. */
static bool looks_numeric(const char *s, size_t n)
{
  bool digit = false;
  for (size_t i = 0; i < n; i++) {
    digit |= s[i] >= '0' && s[i] <= '9';
    if (!strchr("0123456789.eE+-", s[i]) || !s[i]) return false;
  }
  return digit;
}

field_kind csv_classify(const csv *c, double *v)
{
  if (c->n == 0) return FIELD_EMPTY;
  if (quick_number(c->at, c->n, v)) return FIELD_NUMBER;
  if (number_read(c->at, c->n, v)) return fabs(*v) > FLT_MAX ? FIELD_BEYOND : FIELD_NUMBER;
  if (is_not_finite(c->at, c->n)) return FIELD_NOT_FINITE;
  if (is_missing(c->at, c->n)) return FIELD_MISSING;
  return looks_numeric(c->at, c->n) ? FIELD_BEYOND : FIELD_WORD;
}

static bool is_word(const csv *c, const char *word)
{
  return strlen(word) == c->n && !memcmp(word, c->at, c->n);
}

field_kind csv_label(csv *c, field_kind kind, double *v)
{
  label_words *w = c->s->words;
  size_t i = 0;
  if (!w || kind == FIELD_EMPTY) return kind;
  if (!c->storing && c->row == 0) c->worded = kind == FIELD_WORD || kind == FIELD_MISSING;
  if (!c->worded) return kind;
  *v = 0;
  if (!c->storing) return FIELD_NUMBER;
  if (c->n > LABEL_BYTES || memchr(c->at, 0, c->n)) return FIELD_NO_LABEL;
  while (i < w->n && !is_word(c, w->at[i])) i++;
  if (i == LABEL_WORDS) return FIELD_NO_LABEL;
  if (i == w->n) memcpy(w->at[w->n++], c->at, c->n);
  *v = (double)i;
  return FIELD_NUMBER;
}

elbo_status csv_refuse_field(csv *c, field_kind kind)
{
  static const char *const why[][2] = {
    [FIELD_NOT_FINITE] = { "is not finite", ": remove the row or fill the value in" },
    [FIELD_BEYOND] = { "is no number that a 32-bit float holds", ": rescale the data" },
    [FIELD_EMPTY] = { "is an empty field",
                      ": expected a number; remove the row or fill the value in" },
    [FIELD_MISSING] = { "stands for a missing value",
                        ": expected a number; remove the row or fill the value in" },
    [FIELD_NO_LABEL] = { "is no label",
                         ": expected at most 256 different words, none of more than 40 bytes "
                         "or with a byte of 0" },
    [FIELD_WORD] = { "is not a number",
                     ": expected digits with '.' as decimal point (only a first row without any "
                     "number is taken as names; `columns: [...]` in an experiment, or --columns of "
                     "`data info`, picks columns, by number too)" },
  };
  return csv_refuse(c, why[kind][0], why[kind][1]);
}
