/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h - growing strings, numbers without locale, and the nearest known word. */
#ifndef ELBO_BASE_TEXT_H
#define ELBO_BASE_TEXT_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing string. Zero-initialise; when memory runs out `failed` is set and further appends do
 * nothing: check once at the end. */
typedef struct {
  char *s; /* NUL-ended, or NULL while empty */
  size_t n, room;
  bool failed;
} text;
void text_add(text *t, const char *s);
void text_add_n(text *t, const char *s, size_t n);
/* in the C locale */
void text_format(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* %.{digits}g, always with '.', "inf", "-inf", "nan" */
void text_number(text *t, double v, int digits);
/* the fewest digits that read back the same double; integers without exponent below 1e15 */
void text_shortest(text *t, double v);
void text_free(text *t);

/* Reads a whole decimal number in the C locale: 1, -2.5, 1e-3, .5; not hex, inf, nan, "1,5",
 * blanks. false: not a number, or out of range (also where digits other than 0 would become 0),
 * or longer than 1000 characters. */
bool number_read(const char *s, size_t n, double *v);
/* decimal digits with an optional sign; false beyond int64 */
bool number_read_int(const char *s, size_t n, int64_t *v);

bool utf8_valid(const char *s, size_t n);
/* Bytes of the character that begins at s, of at most n: 1 to 4; 0 if there is no valid one (n
 * 0, a stray byte, overlong, a surrogate, cut short). */
size_t utf8_step(const char *s, size_t n);
/* The nearest of the words by edit distance (with swaps), if at most a third of the longer
 * word's length is off, else NULL; letters of either case are alike. words: n of them; those
 * beyond 64 characters are near to nothing. */
const char *nearest_word(const char *word, const char *const *words, int n);

#endif
