/* SPDX-License-Identifier: GPL-3.0-or-later */
/* format.h - printf and strtod that write and read '.' whatever locale the process has set.
 * Inside core/base. */
#ifndef ELBO_BASE_FORMAT_H
#define ELBO_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* vsnprintf in the C locale. Returns the length that was wanted; 0 and an empty text if the C
 * library refuses. */
size_t format_into(char *at, size_t n, const char *format, va_list args);
/* strtod in the C locale. */
double format_strtod(const char *s, char **end);
/* The C library's English words for an errno, put into words [n]. */
void format_errno(int number, char *words, size_t n);

#endif
