/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/base: what everything else stands on: errors, allocation, arenas, strings, numbers as
 * text, files, checksums. Depends on libc, and zip.c on zlib.
 *
 * error.h - one error: a status and a message that says what, where, found, expected, and what
 * to do. Every internal function that can fail takes an `error *` and returns an elbo_status;
 * the first error stays, later ones on the way out do not overwrite it. */
#ifndef ELBO_BASE_ERROR_H
#define ELBO_BASE_ERROR_H

#include <elbo/status.h>

typedef struct error {
  elbo_status status; /* ELBO_DONE: no error yet */
  /* one message, no newline at its end; valid UTF-8; a longer one is cut with "..."; stray bytes
   * and control characters become '?' */
  char text[4096];
} error;

/* Sets the error unless one stands already; returns `status`, so that `return fail(e, ...)` is
 * the idiom. e may be NULL. */
elbo_status fail(error *e, elbo_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "PREFIX: " before the message that stands (file names and the like, on the way up), unless
 * it begins so already. */
elbo_status error_prefix(error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_clear(error *e);

/* Collected problems with places in a file: `elbo check` shows all of them at once, `train` too. */
typedef struct {
  int line, column; /* from 1; 0: no place */
} place;
typedef struct {
  place at;
  elbo_status status;
  char *text; /* owned */
} problem;
typedef struct problems {
  problem *list;
  int n, room;
  const char *file; /* borrowed: the name before line:column */
} problems;
/* Adds one; at most 100 are kept, n stops there. When memory is out n still rises: entries are
 * there up to `room`, and a text may be NULL. */
void problem_add(problems *p, place at, elbo_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void problems_free(problems *p);
/* All problems as one error, "file:line:column: text" a line; ELBO_DONE when there are none. The
 * status is that of the first. */
elbo_status problems_error(const problems *p, error *e);

#endif
