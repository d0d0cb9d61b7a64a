/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"
#include "base/format.h"
#include "base/text.h"

#include <stdarg.h>
#include <string.h>

const char *elbo_status_text(elbo_status status)
{
  static const struct {
    int number;
    const char *text;
  } rows[] = {
#define X(name, number, text) { number, text },
    ELBO_STATUS_TABLE(X)
#undef X
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].number == (int)status) return rows[i].text;
  return "unknown status";
}

/* Messages quote names and lines of files that nobody has checked: what could upset a terminal
 * or a log is replaced. */
static void make_printable(char *s)
{
  for (size_t left = strlen(s); left;) {
    size_t step = utf8_step(s, left);
    unsigned char c = (unsigned char)*s;
    if (!step || (c < ' ' && c != '\n' && c != '\t') || c == 0x7F) {
      *s = '?';
      step = 1;
    }
    s += step;
    left -= step;
  }
}

/* Ends a text that was longer than its `room` with "...", at a whole character. */
static void cut(char *s, size_t room)
{
  size_t n = room - sizeof "...";
  while (n && ((unsigned char)s[n] & 0xC0) == 0x80) n--;
  memcpy(s + n, "...", sizeof "...");
}

static void finish(char *s, size_t room, size_t wanted)
{
  if (wanted >= room) cut(s, room);
  make_printable(s);
  for (size_t n = strlen(s); n && s[n - 1] == '\n'; n--) s[n - 1] = '\0';
}

elbo_status fail(error *e, elbo_status status, const char *format, ...)
{
  if (!e || e->status) return status;
  va_list args;
  va_start(args, format);
  size_t wanted = format_into(e->text, sizeof e->text, format, args);
  va_end(args);
  finish(e->text, sizeof e->text, wanted);
  e->status = status;
  return status;
}

elbo_status error_prefix(error *e, const char *format, ...)
{
  if (!e || !e->status) return ELBO_DONE;
  char prefix[sizeof e->text];
  va_list args;
  va_start(args, format);
  size_t n = format_into(prefix, sizeof prefix - 2, format, args), length = strlen(e->text);
  va_end(args);
  finish(prefix, sizeof prefix - 2, n);
  strcat(prefix, ": ");
  n = strlen(prefix);
  if (!strncmp(e->text, prefix, n)) return e->status;
  size_t kept = n + length < sizeof e->text ? length : sizeof e->text - 1 - n;
  memmove(e->text + n, e->text, kept);
  memcpy(e->text, prefix, n);
  e->text[n + kept] = '\0';
  finish(e->text, sizeof e->text, n + length);
  return e->status;
}

void error_clear(error *e)
{
  if (!e) return;
  e->status = ELBO_DONE;
  e->text[0] = '\0';
}
