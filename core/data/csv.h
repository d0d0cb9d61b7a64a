/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * csv.h - what the files of the csv reader share: csv_field.c parts the text into fields,
 * csv_number.c says what a field is, csv_columns.c which of them are wanted, csv.c makes rows. */
#ifndef ELBO_DATA_CSV_H
#define ELBO_DATA_CSV_H

#include "data/read.h"

enum { CSV_SHOWN = 40 };

typedef enum {
  FIELD_NUMBER,
  FIELD_NOT_FINITE,
  FIELD_BEYOND,
  FIELD_EMPTY,
  FIELD_MISSING,
  FIELD_WORD,
  FIELD_NO_LABEL
} field_kind;
typedef enum { AFTER_FIELD, AFTER_LINE, AFTER_FILE } after; /* what stands behind a field */

typedef struct csv_pick csv_pick;

typedef struct csv {
  source *s;
  error *e;
  array *out;
  char delimiter;           /* ' ': runs of blanks and tabs */
  size_t row, column, line; /* row of data from 0; column and line from 1 */
  bool storing;             /* the second pass */
  size_t room, used;        /* values: counted by the first pass, stored by the second */
  size_t width;             /* fields of every row */
  size_t names;             /* fields in the row of names; 0: no such row */
  const char *at;           /* the field, trimmed, in the source's buffer */
  size_t n;
  uint64_t start;            /* where the file's text begins */
  char shown[CSV_SHOWN + 1]; /* of a field, for messages */
  csv_pick *picks;           /* NULL: every column */
  size_t n_picks, next;      /* next: of the picks, the first whose column is still to come */
  bool worded;               /* the column of labels holds words */
  bool by_name;              /* some are picked by name: the first row is names */
} csv;

/* csv_field.c. To the first row: steps over a mark of UTF-8 and blank lines, finds the delimiter.
 */
elbo_status csv_begin(csv *c);
/* Reads one field into at, n. */
elbo_status csv_take(csv *c, after *what);
/* Steps over blank lines. *end: nothing else was left; *blank: how many there were. */
elbo_status csv_blank_lines(csv *c, size_t *blank, bool *end);
void csv_show(csv *c); /* the field, cut and harmless, into `shown` */
elbo_status csv_refuse(csv *c, const char *what, const char *todo);

/* csv_number.c */
field_kind csv_classify(const csv *c, double *v);
elbo_status csv_refuse_field(csv *c, field_kind kind);

/* Where labels may be words and the first is one: its place among them is the number. */
field_kind csv_label(csv *c, field_kind kind, double *v);

/* csv_columns.c. Takes over what is wanted; picks are freed by whoever made the csv. */
elbo_status csv_picks_new(csv *c, const data_columns *wanted);
/* The field is the name of its column. */
elbo_status csv_named(csv *c);
/* The first row is read: are all there, and each once? */
elbo_status csv_picks_settle(csv *c);
/* Does the column go into the array, and where in its row? To be asked once a column, in order;
   next is set to 0 before each row. */
bool csv_wanted(csv *c, size_t *slot);

#endif
