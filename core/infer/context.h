/* SPDX-License-Identifier: GPL-3.0-or-later */
/* context.h - the inside of elbo_experiment. */
#ifndef ELBO_INFER_CONTEXT_H
#define ELBO_INFER_CONTEXT_H

#include "infer/study.h"
#include "plugin/context.h"
#include <elbo/elbo.h>

/* config/open.c: reads FILE with the settings applied and opens it with its data; all problems
 * become the context's error. Options as in study_open. */
elbo_status study_from_file(elbo_context *ctx, const char *file, const char *const *settings,
                            const char *const *data, study **out);
/* What the bits of a run depend on, as JSON: program, backend and its kernels, CPU level, special
 * functions, C library. */
elbo_status versions_text(const elbo_context *ctx, text *t, error *e);

struct elbo_experiment {
  elbo_context *ctx;
  study *study;
  text plan, dump;
  size_t parameters, memory;
  elbo_bench_op *ops;         /* of the last bench */
  elbo_compare_row *compared; /* of the last comparison */
  text compared_json;
};

#endif
