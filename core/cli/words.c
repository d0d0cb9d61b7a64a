/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <string.h>

enum { LONGEST = 48 }; /* a longer word is no misspelt name */

static size_t least(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* Insertions, deletions and substitutions from a to b (Levenshtein 1966), one row of the table at a
   time. */
static size_t distance(const char *a, const char *b)
{
  size_t row[LONGEST + 1], n = strlen(b);
  for (size_t j = 0; j <= n; j++) row[j] = j;
  for (size_t i = 1; a[i - 1]; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      size_t above = row[j];
      row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
      diagonal = above;
    }
  }
  return row[n];
}

const char *nearest_name(const char *word, const char *(*next)(const void *state, size_t i),
                         const void *state)
{
  size_t n = strlen(word);
  if (n == 0 || n > LONGEST) return NULL;
  const char *best = NULL, *name;
  size_t best_distance = n / 3 + 2; /* further off it would be a guess, not a hint */
  for (size_t i = 0; (name = next(state, i)); i++) {
    if (strlen(name) > LONGEST) continue;
    size_t d = distance(word, name);
    if (d < best_distance && d < n) {
      best = name;
      best_distance = d;
    }
  }
  return best;
}

quoted quote(const char *text)
{
  enum { SHOWN = 72 };
  quoted q;
  size_t n = 0;
  q.text[n++] = '"';
  for (size_t i = 0; text[i] && i < SHOWN; i++)
    q.text[n++] = (unsigned char)text[i] < 32 || text[i] == 127 ? '?' : text[i];
  q.text[n++] = '"';
  q.text[n] = '\0';
  if (strnlen(text, SHOWN + 1) > SHOWN) strcpy(q.text + n, " (cut)");
  return q;
}
