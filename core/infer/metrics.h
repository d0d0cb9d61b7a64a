/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metrics.h - what a run writes down while it trains: metrics.jsonl, summary.json, curves.svg. */
#ifndef ELBO_INFER_METRICS_H
#define ELBO_INFER_METRICS_H

#include "base/file.h"
#include "infer/trainer.h"
#include <elbo/experiment.h>

/* Means of the sums, as a report; the rest of `p` stays. */
void metrics_means(const sums *s, elbo_progress *p);
/* One line: {"step","epoch","objective","elbo","reconstruction","kl","grad_norm","seconds",..};
 * learning_rate is that of the last step they are of; kl_weight, the mean over the steps, is named
 * where it is not 1. */
elbo_status metrics_line(line_log *log, const elbo_progress *p, double kl_weight,
                         double learning_rate, error *e);
/* For a resume after `step` steps: how many bytes of the file to keep (whole lines up to that
   step), and the seconds its last kept line says. A file that is not there keeps 0. */
elbo_status metrics_cut(const char *metrics, uint64_t step, int64_t *keep, double *seconds,
                        error *e);
elbo_status metrics_summary(const char *path, const study *s, const elbo_train_result *r,
                            const char *versions, error *e);
/* Draws the curves of a metrics file: ELBO, reconstruction and KL of each split over epochs. */
elbo_status metrics_curves(const char *metrics, const char *svg, const char *title, error *e);

#endif
