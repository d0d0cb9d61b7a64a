/* SPDX-License-Identifier: GPL-3.0-or-later */
/* context.h - the inside of elbo_context and elbo_experiment. */
#ifndef ELBO_INFER_CONTEXT_H
#define ELBO_INFER_CONTEXT_H

#include "base/text.h"
#include "infer/study.h"
#include <elbo/elbo.h>

struct elbo_context {
  registry *registry;
  const elbo_backend *backend;
  int threads;
  elbo_context_options options; /* log and log_user alone are used after the start */
  error error;
  text scratch; /* what string-valued functions return */
};
/* Clears the last error; use at the start of every public function: error *e = context_enter(ctx). */
error *context_enter(elbo_context *ctx);
/* config/open.c: reads FILE with the settings applied and opens it with its data; all problems become the context's error. Options as in study_open. */
elbo_status study_from_file(elbo_context *ctx, const char *file, const char *const *settings, const char *const *data, study **out);
/* What the bits of a run depend on, as JSON: program, backend and its kernels, CPU level, special functions, C library. */
elbo_status versions_text(const elbo_context *ctx, text *t, error *e);
void context_log(const elbo_context *ctx, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

struct elbo_experiment {
  elbo_context *ctx;
  study *study;
  text plan, dump;
  size_t parameters, memory;
  elbo_bench_op *ops; /* of the last bench */
};

#endif
