/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard.h - memory at the edge of a page that must not be touched, and sets of it for the calls of
 * a plugin under --check-plugins: what it reads it can't write, and its outputs end where the page
 * begins. What such a call touches beside them is a fault of the machine, for which guard_broken
 * has the words. */
#ifndef ELBO_BASE_GUARD_H
#define ELBO_BASE_GUARD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* The same bytes twice: as the plugin sees them, and as the host may always write them. */
typedef struct guarded {
  void *at;    /* the plugin's; behind the last number lies the page */
  void *host;  /* may always be written */
  size_t room; /* bytes, in whole pages */
  void *map;
  size_t mapped;
} guarded;
typedef struct guard_kind {
  bool before;    /* the page lies in front instead */
  bool read_only; /* what `at` points to can't be written */
} guard_kind;
/* false: no memory. guarded_free is right in either case. */
bool guarded_new(guarded *g, size_t bytes, guard_kind kind);
void guarded_free(guarded *g);

/* ---- sets, one a call under way; kept from call to call */
typedef struct guards guards;
typedef struct guard_set guard_set;
guards *guards_new(error *e);
void guards_free(guards *g);
/* The set of a call of `operation`, a literal; NULL: no memory. [any thread] */
guard_set *guard_take(guards *g, const char *operation);
/* Copies of inputs and room for outputs, by their names in plugin.h: literals. NULL stays NULL, and
 * where memory is out guard_short answers true. */
const void *guard_in(guard_set *s, const char *name, const void *from, size_t bytes);
void *guard_out(guard_set *s, const char *name, void *to, size_t bytes);
bool guard_short(const guard_set *s);
/* The end of the call: what is in the outputs goes to where it was wanted. */
void guard_give(guard_set *s);

/* What a fault at this address means to the call that this thread is in; false: nothing. [any
 * thread, async-signal-safe] */
typedef struct guard_fault {
  const char *operation, *deed, *name; /* "log_prob", "wrote into its input", "w" */
} guard_fault;
bool guard_broken(const void *address, guard_fault *f);

#endif
