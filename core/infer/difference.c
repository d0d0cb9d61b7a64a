/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two resolved experiments side by side. They are our own writing: a key a line, two blanks a
 * level, no comments. */
#include "infer/study.h"

#include <string.h>

enum { LEVELS = 16 };

/* One line of an experiment, with the keys above it. */
typedef struct entry {
  const char *key[LEVELS];
  size_t length[LEVELS];
  int depth; /* of this key */
  const char *value;
  size_t n; /* of the value; 0: a mapping */
} entry;

static size_t line_length(const char *s)
{
  return strcspn(s, "\n");
}

/* Takes the line at `s` into e, whose keys above it stand; the start of the next one. */
static const char *take_line(entry *e, const char *s)
{
  size_t n = line_length(s), blanks = strspn(s, " ");
  const char *end = s + n, *colon = memchr(s, ':', n);
  size_t depth = blanks / 2;
  e->n = 0;
  e->depth = depth < LEVELS ? (int)depth : LEVELS - 1;
  e->key[e->depth] = s + (blanks < n ? blanks : n);
  e->length[e->depth] = (size_t)((colon ? colon : end) - e->key[e->depth]);
  if (colon) {
    e->value = colon + 1 + strspn(colon + 1, " ");
    e->n = e->value < end ? (size_t)(end - e->value) : 0;
  }
  return *end ? end + 1 : end;
}

static bool same_key(const entry *a, const entry *b)
{
  bool same = a->depth == b->depth;
  for (int i = 0; same && i <= a->depth; i++)
    same = a->length[i] == b->length[i] && !memcmp(a->key[i], b->key[i], a->length[i]);
  return same;
}

static bool find(const char *in, const entry *wanted, entry *found)
{
  while (*in) {
    in = take_line(found, in);
    if (found->n && same_key(found, wanted)) return true;
  }
  return false;
}

static bool is_epochs(const entry *e)
{
  return e->depth == 1 && e->length[0] == 5 && !memcmp(e->key[0], "train", 5) &&
         e->length[1] == 6 && !memcmp(e->key[1], "epochs", 6);
}

static void add_key(text *t, const entry *e)
{
  for (int i = 0; i <= e->depth; i++) {
    if (i) text_add(t, ".");
    text_add_n(t, e->key[i], e->length[i]);
  }
}

static void add_value(text *t, const entry *e)
{
  if (e)
    text_add_n(t, e->value, e->n);
  else
    text_add(t, "not set");
}

/* The first key of one that the other has not, or not so. */
static bool first_difference(const char *one, const char *other, entry *a, entry *b, bool *there)
{
  for (const char *s = one; *s;) {
    s = take_line(a, s);
    if (!a->n || is_epochs(a)) continue;
    *there = find(other, a, b);
    if (!*there || a->n != b->n || memcmp(a->value, b->value, a->n)) return true;
  }
  return false;
}

bool experiment_difference(const char *was, const char *is, text *words)
{
  entry a = { .n = 0 }, b = { .n = 0 };
  bool there, added = false;
  if (!first_difference(was, is, &a, &b, &there)) {
    added = first_difference(is, was, &a, &b, &there);
    if (!added) return false;
  }
  const entry *before = added ? NULL : &a, *now = added ? &a : there ? &b : NULL;
  add_key(words, &a);
  text_add(words, " was ");
  add_value(words, before);
  text_add(words, " and is ");
  add_value(words, now);
  return !words->failed;
}
