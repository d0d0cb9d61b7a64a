/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/report.h - one self-contained page of HTML on a trained model, or on several side by side:
 * plan, curves, pictures, held-out figures, what they are figures of, and how to get them again. */
#ifndef ELBO_REPORT_H
#define ELBO_REPORT_H

#include <elbo/run.h>

#pragma GCC visibility push(default)

typedef struct elbo_report elbo_report;

typedef struct {
  size_t size; /* sizeof(elbo_report_options) */
  /* the page, written at the end, whole or not at all; what is there is replaced, as by the other
   * calls that write. NULL: none */
  const char *output;
  long samples; /* K of the importance samples; 0: no log likelihood */
  /* of the test set, the first so many for the view of q(z|x) and the table of columns; 0: 2000 */
  size_t rows;
  uint64_t seed;            /* of what is drawn */
  bool (*stop)(void *user); /* asked between pieces of work */
  void (*progress)(void *user, const char *what, double fraction);
  void *user;
} elbo_report_options;

/* Opens the n (1 to 64) run directories one after the other, evaluates each as elbo_run_evaluate
   does, and writes the page. A picture that a model can't give is a sentence in the page.
   *report is NULL on error: what elbo_run_open and elbo_run_evaluate answer, ELBO_E_FILES,
   ELBO_E_STOPPED; then no file was written. Free it. Borrows ctx. */
elbo_status elbo_report_make(elbo_context *ctx, const char *const *runs, size_t n,
                             const elbo_report_options *options, elbo_report **report);
/* The same numbers as one JSON object with "runs" (each as `elbo evaluate --json` gives them) and
   "differences" between their experiments; lives as long as the report. */
const char *elbo_report_json(const elbo_report *report);
const char *elbo_report_html(const elbo_report *report); /* the page */
void elbo_report_free(elbo_report *report);              /* NULL is fine */

#pragma GCC visibility pop

#endif
