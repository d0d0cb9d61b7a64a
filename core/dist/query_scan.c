/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A strict reader of one query (RFC 8259), written for speed: nothing is copied but the numbers.
 * Names are compared as they stand in the line: one written with \u escapes is not known. */
#include "dist/query.h"

#include <math.h>
#include <string.h>

enum { DEPTH = 64 };

typedef struct {
  query *q;
  const char *at, *start, *end;
  double *free; /* the next number goes here; there is room for all that the line can hold */
} scan;

static bool wrong(scan *s, const char *expected)
{
  if (s->at < s->end)
    return query_fail(s->q, Q_SYNTAX, "expected %s at byte %zu of the line", expected,
                      (size_t)(s->at - s->start) + 1);
  return query_fail(s->q, Q_SYNTAX, "the line ends where %s is expected", expected);
}

static void blanks(scan *s)
{
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
    s->at++;
}

static bool next_is(scan *s, char c)
{
  blanks(s);
  if (s->at == s->end || *s->at != c) return false;
  s->at++;
  return true;
}

static bool hex4(scan *s, unsigned *v)
{
  *v = 0;
  if (s->end - s->at < 4) return false;
  for (int i = 0; i < 4; i++) {
    char c = *s->at++;
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return false;
    *v = *v * 16 + (unsigned)digit;
  }
  return true;
}

/* Behind the backslash; surrogates come in pairs. */
static bool escape(scan *s)
{
  unsigned v;
  if (s->at == s->end) return false;
  char c = *s->at++;
  if (c != 'u') return c && strchr("\"\\/bfnrt", c);
  if (!hex4(s, &v) || (v >= 0xDC00 && v < 0xE000)) return false;
  if (v < 0xD800 || v >= 0xE000) return true;
  if (s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u') return false;
  s->at += 2;
  return hex4(s, &v) && v >= 0xDC00 && v < 0xE000;
}

static bool string(scan *s, span *out)
{
  if (!next_is(s, '"')) return wrong(s, "a string");
  out->s = s->at;
  while (s->at < s->end && *s->at != '"') {
    unsigned char c = (unsigned char)*s->at;
    size_t step = c < 0x80 ? 1 : utf8_step(s->at, (size_t)(s->end - s->at));
    if (c < ' ' || !step) return wrong(s, "a character that JSON allows in a string");
    s->at += step;
    if (c == '\\' && !escape(s)) return wrong(s, "an escape that JSON knows");
  }
  out->n = (size_t)(s->at - out->s);
  return next_is(s, '"') || wrong(s, "the end of a string");
}

static int digits(scan *s)
{
  const char *from = s->at;
  while (s->at < s->end && *s->at >= '0' && *s->at <= '9') s->at++;
  return (int)(s->at - from);
}

/* Up to 15 digits and a power of ten up to 22 are exact doubles, and so is one rounding of their
 * product or quotient the nearest (Clinger 1990). */
static bool short_decimal(const char *at, const char *end, double *v)
{
  static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
  bool minus = *at == '-';
  int count = 0, scale = 0, point = 0;
  uint64_t m = 0;
  for (at += minus; at < end; at++) {
    if (*at == '.') {
      point = 1;
      continue;
    }
    if (*at < '0' || *at > '9') break;
    m = m * 10 + (uint64_t)(*at - '0');
    count += m > 0;
    scale += point;
    if (count > 15) return false;
  }
  if (at < end) { /* e */
    bool below = at[1] == '-';
    int e = 0;
    for (at += 1 + (at[1] == '-' || at[1] == '+'); at < end; at++)
      if ((e = e * 10 + (*at - '0')) > 400) return false;
    scale += below ? e : -e;
  }
  if (scale > 22 || scale < -22) return false;
  *v = scale > 0 ? (double)m / tens[scale] : (double)m * tens[-scale];
  if (minus) *v = -*v;
  return true;
}

static bool decimal(scan *s, double *v)
{
  const char *from = s->at;
  if (s->at < s->end && *s->at == '-') s->at++;
  const char *whole = s->at;
  int n = digits(s);
  if (!n || (n > 1 && *whole == '0')) return wrong(s, "a number");
  if (s->at < s->end && *s->at == '.') {
    s->at++;
    if (!digits(s)) return wrong(s, "a digit");
  }
  if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
    s->at++;
    if (s->at < s->end && (*s->at == '-' || *s->at == '+')) s->at++;
    if (!digits(s)) return wrong(s, "a digit");
  }
  if (short_decimal(from, s->at, v) || number_read(from, (size_t)(s->at - from), v)) return true;
  return query_fail(s->q, Q_SYNTAX, "the number %.*s is beyond what a double can hold",
                    (int)(s->at - from < 40 ? s->at - from : 40), from);
}

/* A number, or one of the three strings that stand for one. */
static bool number(scan *s, double *v)
{
  span word;
  blanks(s);
  if (s->at == s->end || *s->at != '"') return decimal(s, v);
  const char *from = s->at;
  if (!string(s, &word)) return false;
  *v = span_is(word, "nan") ? NAN : span_is(word, "-inf") ? -INFINITY : INFINITY;
  if (span_is(word, "inf") || span_is(word, "+inf") || *v < 0 || isnan(*v)) return true;
  s->at = from;
  return wrong(s, "a number, or \"inf\", \"-inf\", \"nan\"");
}

static bool list(scan *s, numbers *out)
{
  if (next_is(s, ']')) return true;
  do {
    if (!number(s, s->free)) return false;
    s->free++;
    out->n++;
  } while (next_is(s, ','));
  return next_is(s, ']') || wrong(s, "a comma or ]");
}

/* Behind the outer bracket, before the first inner one. */
static bool rows(scan *s, numbers *out)
{
  out->rank = 2;
  do {
    int before = out->n;
    if (!next_is(s, '[')) return wrong(s, "[");
    if (!list(s, out)) return false;
    out->rows++;
    if (out->rows > 1 && (out->n - before) * (out->rows - 1) != before)
      return query_fail(s->q, Q_SHAPE, "the rows of a list of lists differ in length");
  } while (next_is(s, ','));
  return next_is(s, ']') || wrong(s, "a comma or ]");
}

static bool tensor(scan *s, numbers *out)
{
  if (out->v) return query_fail(s->q, Q_SYNTAX, "a field stands twice in the query");
  *out = (numbers){ .v = s->free };
  if (next_is(s, '[')) {
    out->rank = 1;
    blanks(s);
    return s->at < s->end && *s->at == '[' ? rows(s, out) : list(s, out);
  }
  out->n = 1;
  return number(s, s->free) && s->free++;
}

/* Any value, checked and passed over. */
static bool skip(scan *s, int depth);
static bool skip_members(scan *s, int depth, char close)
{
  span key;
  if (next_is(s, close)) return true;
  do {
    if (close == '}' && !(string(s, &key) && (next_is(s, ':') || wrong(s, "a colon"))))
      return false;
    if (!skip(s, depth + 1)) return false;
  } while (next_is(s, ','));
  return next_is(s, close) || wrong(s, "a comma or the closing bracket");
}

static bool skip(scan *s, int depth)
{
  static const char *const words[] = { "true", "false", "null" };
  span text;
  double v;
  if (depth > DEPTH) return query_fail(s->q, Q_SYNTAX, "brackets are nested deeper than %d", DEPTH);
  if (next_is(s, '{')) return skip_members(s, depth, '}');
  if (next_is(s, '[')) return skip_members(s, depth, ']');
  if (s->at == s->end) return wrong(s, "a value");
  if (*s->at == '"') return string(s, &text);
  for (int i = 0; i < 3; i++) {
    size_t n = strlen(words[i]);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, words[i], n)) continue;
    s->at += n;
    return true;
  }
  return decimal(s, &v);
}

static bool params(scan *s, asked_dist *d)
{
  if (d->has_params) return query_fail(s->q, Q_SYNTAX, "`params` stands twice");
  d->has_params = true;
  if (!next_is(s, '{')) return wrong(s, "the object of `params`");
  if (next_is(s, '}')) return true;
  do {
    if (d->n == QUERY_MAX_PARAMS)
      return query_fail(s->q, Q_UNKNOWN_PARAMETER, "more than %d parameters are given",
                        QUERY_MAX_PARAMS);
    given *g = &d->params[d->n++];
    *g = (given){ 0 };
    if (!string(s, &g->name)) return false;
    if (!next_is(s, ':')) return wrong(s, "a colon");
    if (!tensor(s, &g->v)) return false;
  } while (next_is(s, ','));
  return next_is(s, '}') || wrong(s, "a comma or }");
}

static bool word(scan *s, span *out)
{
  if (out->s) return query_fail(s->q, Q_SYNTAX, "a field stands twice in the query");
  return string(s, out);
}

/* A field that is not known is likely a slip: it is refused, with the nearest that is. */
static bool unknown_field(scan *s, span key, const char *const *known, int n)
{
  char name[64];
  int length = key.n < sizeof name ? (int)key.n : (int)sizeof name - 1;
  memcpy(name, key.s, (size_t)length);
  name[length] = '\0';
  const char *near = nearest_word(name, known, n);
  query_fail(s->q, Q_SYNTAX, "unknown field `%s`%s%s%s; there are", name,
             near ? ", did you mean `" : "", near ? near : "", near ? "`" : "");
  for (int i = 0; i < n; i++) text_format(&s->q->why, "%s %s", i ? "," : "", known[i]);
  return false;
}

static bool other(scan *s, request *r)
{
  static const char *const known[] = { "family", "params" };
  span key;
  if (r->has_other) return query_fail(s->q, Q_SYNTAX, "`other` stands twice");
  r->has_other = true;
  if (!next_is(s, '{')) return wrong(s, "the object of `other`");
  if (next_is(s, '}')) return true;
  do {
    if (!string(s, &key)) return false;
    if (!next_is(s, ':')) return wrong(s, "a colon");
    bool fine = span_is(key, "family")   ? word(s, &r->other.family)
                : span_is(key, "params") ? params(s, &r->other)
                                         : unknown_field(s, key, known, 2);
    if (!fine) return false;
  } while (next_is(s, ','));
  return next_is(s, '}') || wrong(s, "a comma or }");
}

static bool raw(scan *s, span *out)
{
  if (out->s) return query_fail(s->q, Q_SYNTAX, "`id` stands twice");
  blanks(s);
  const char *from = s->at;
  if (!skip(s, 1)) return false;
  *out = (span){ from, (size_t)(s->at - from) };
  return true;
}

static bool truth(scan *s, bool *out)
{
  blanks(s);
  const char *from = s->at;
  if (!skip(s, 1)) return false;
  *out = *from == 't';
  return *from == 't' || *from == 'f' ||
         query_fail(s->q, Q_SYNTAX, "`method_any` must be true or false");
}

/* What stands beside a question in a table of answers: passed over, so that a row is a query too.
 */
static bool is_answer(span key)
{
  return span_is(key, "expect") || span_is(key, "tol") || (key.n && key.s[0] == '_');
}

static bool field(scan *s, span key, request *r)
{
  static const char *const known[] = { "id", "family", "params", "op",    "x",
                                       "u",  "n",      "seed",   "other", "method_any" };
  if (span_is(key, "id")) return raw(s, &r->id);
  if (span_is(key, "family")) return word(s, &r->self.family);
  if (span_is(key, "op")) return word(s, &r->op);
  if (span_is(key, "params")) return params(s, &r->self);
  if (span_is(key, "x")) return tensor(s, &r->x);
  if (span_is(key, "u")) return tensor(s, &r->u);
  if (span_is(key, "n")) return tensor(s, &r->n);
  if (span_is(key, "seed")) return tensor(s, &r->seed);
  if (span_is(key, "other")) return other(s, r);
  if (span_is(key, "method_any")) return truth(s, &r->any_method);
  if (is_answer(key)) return skip(s, 1);
  return unknown_field(s, key, known, sizeof known / sizeof *known);
}

bool span_is(span s, const char *word)
{
  return s.n == strlen(word) && !memcmp(s.s, word, s.n);
}

bool query_scan(query *q, const char *line, size_t n, request *r)
{
  scan s = { q, line, line, line + n, q->numbers };
  span key;
  if (!next_is(&s, '{'))
    return wrong(&s,
                 "the { of a query, as {\"family\":\"normal\",\"params\":{\"loc\":0,\"scale\":1},"
                 "\"op\":\"mean\"},");
  if (!next_is(&s, '}')) {
    do {
      if (!string(&s, &key)) return false;
      if (!next_is(&s, ':')) return wrong(&s, "a colon");
      if (!field(&s, key, r)) return false;
    } while (next_is(&s, ','));
    if (!next_is(&s, '}')) return wrong(&s, "a comma or }");
  }
  blanks(&s);
  return s.at == s.end || wrong(&s, "the end of the line");
}
