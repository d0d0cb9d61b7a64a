/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/status.h - what a call of the library answers. 0 is success; the others are the negatives of
 * the program's exit statuses. The text of an error is in the context (elbo_last_error); every
 * error says what, where, found, expected, and what to do. */
#ifndef ELBO_STATUS_H
#define ELBO_STATUS_H

#pragma GCC visibility push(default)

#define ELBO_STATUS_TABLE(X)                                                                       \
  X(ELBO_DONE, 0, "done")                                                                          \
  X(ELBO_E_CHECK, -1, "a check or a row failed")                                                   \
  X(ELBO_E_USAGE, -2, "usage or experiment file")                                                  \
  X(ELBO_E_DATA, -3, "data")                                                                       \
  X(ELBO_E_CHECKPOINT, -4, "checkpoint")                                                           \
  X(ELBO_E_PLUGIN, -5, "plugin")                                                                   \
  X(ELBO_E_NOT_FINITE, -6, "not finite")                                                           \
  X(ELBO_E_FILES, -7, "file system")                                                               \
  X(ELBO_E_MEMORY, -8, "memory")                                                                   \
  X(ELBO_E_STOPPED, -9, "stopped on request, after saving")

typedef enum {
#define X(name, number, text) name = number,
  ELBO_STATUS_TABLE(X)
#undef X
} elbo_status;

/* The few words of the table for a status; "unknown status" for any other number. [any thread] */
const char *elbo_status_text(elbo_status status);

#pragma GCC visibility pop

#endif
