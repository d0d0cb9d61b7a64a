/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reader.h - what all parts of the reading of one experiment share: where results and problems
 * go. Private to core/config. */
#ifndef ELBO_CONFIG_READER_H
#define ELBO_CONFIG_READER_H

#include "infer/spec.h"
#include "plugin/registry.h"

typedef struct reader {
  experiment *x;
  arena *arena; /* of the experiment: tree, strings, lists */
  const registry *registry;
  problems *p;
  const char *const *settings; /* texts of --set, for messages */
  const char *root;            /* relative paths stand against this */
  error memory;                /* set once memory ran out: then the experiment is given up */
} reader;

/* A node that a setting made has no line: its column is the setting's number, from 1. */
place setting_place(int setting);
/* Was the key written at all, rightly or not? */
bool place_known(place at);

/* Adds a problem (ELBO_E_USAGE) at its place; one that comes from a setting names it. */
void trouble(reader *r, place at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Zeroed memory and strings of the experiment; NULL with r->memory set when there is none. */
void *reader_get(reader *r, size_t count, size_t size);
char *reader_string(reader *r, const char *s);

/* A line of a message, cut where it is full. */
typedef struct line {
  char s[1600];
  size_t n;
} line;
void line_add(line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
void line_number(line *l, double v);
/* Appends `; did you mean "w"? (known: a, b, c)`, or only the known ones. words: n of them. */
void line_suggest(line *l, const char *word, const char *const *words, int n);

#endif
