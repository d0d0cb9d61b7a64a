/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/check.h - the conformance engine: does a loaded plugin do what plugin.h promises? It is
 * driven by the plugin's table alone. */
#ifndef ELBO_CHECK_H
#define ELBO_CHECK_H

#include <elbo/context.h>

#pragma GCC visibility push(default)

typedef enum { ELBO_CHECK_PASS, ELBO_CHECK_FAIL, ELBO_CHECK_NOT_APPLICABLE } elbo_check_verdict;

typedef struct {
  const char *name, *help; /* the property; static */
  elbo_check_verdict verdict;
  double seconds;
  char detail[640]; /* the numbers; of a failure: the operation, where, found, expected */
} elbo_check_row;

enum { ELBO_CHECK_ROWS = 48 };
typedef struct {
  const char *plugin, *kind; /* the context's */
  int n, passed, failed, not_applicable;
  elbo_check_row row[ELBO_CHECK_ROWS];
} elbo_check_report;

typedef struct {
  size_t size;      /* sizeof(elbo_check_options) */
  bool in_process;  /* for a debugger: a crash or a loop of the plugin is then the caller's */
  bool thorough;    /* longer grids */
  const char *only; /* this one property, or NULL */
  void (*progress)(void *user, const elbo_check_row *row); /* after each property; may be NULL */
  void *user;
} elbo_check_options;

/* Checks the plugin of this table (elbo_plugin_info.table). Each property is tried in a process of
 * its own, so that a crash or a loop is a failure of that property. ELBO_DONE: all hold;
 * ELBO_E_CHECK: one failed; ELBO_E_USAGE: no such plugin or property. The report is the caller's.
 * Statistical properties use fixed seeds; a right plugin would fail one of them with probability
 * below 1e-6. [build] */
elbo_status elbo_plugin_check(elbo_context *ctx, const void *table,
                              const elbo_check_options *options, elbo_check_report *report);

/* The text of a new plugin's file. kind: "family" or "reparametrizer"; name: put in for the
 * template's own. ELBO_E_USAGE: no such kind, a bad name, or one that is loaded. The text is
 * the context's, valid until the next call. */
elbo_status elbo_plugin_template(elbo_context *ctx, const char *kind, const char *name,
                                 const char **text);

#pragma GCC visibility pop

#endif
