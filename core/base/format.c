/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/format.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The C locale needs no memory in glibc and musl: newlocale hands out a constant. Should it fail
 * none the less, the thread's locale stays as it is. */
static locale_t c_locale(void)
{
  return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

size_t format_into(char *at, size_t n, const char *format, va_list args)
{
  int saved = errno;
  locale_t c = c_locale(), before = c ? uselocale(c) : (locale_t)0;
  int length = vsnprintf(at, n, format, args);
  if (c) {
    uselocale(before);
    freelocale(c);
  }
  if (length < 0 && n) at[0] = '\0';
  errno = saved;
  return length < 0 ? 0 : (size_t)length;
}

double format_strtod(const char *s, char **end)
{
  locale_t c = c_locale();
  if (!c) return strtod(s, end);
  double v = strtod_l(s, end, c);
  freelocale(c);
  return v;
}

void format_errno(int number, char *words, size_t n)
{
  locale_t c = c_locale();
  if (c) {
    snprintf(words, n, "%s", strerror_l(number, c));
    freelocale(c);
  } else {
    snprintf(words, n, "error %d", number);
  }
}
