/* SPDX-License-Identifier: GPL-3.0-or-later */
/* context.h - the inside of elbo_context, for the rooms above that have public functions. */
#ifndef ELBO_PLUGIN_CONTEXT_H
#define ELBO_PLUGIN_CONTEXT_H

#include "base/text.h"
#include "plugin/registry.h"

struct elbo_context {
  registry *registry;
  const elbo_backend *backend;
  int threads;
  elbo_context_options options; /* log and log_user alone are used after the start */
  error error;
  text scratch; /* what string-valued functions return */
};
/* Clears the last error; the first line of every public function: error *e = context_enter(ctx). */
error *context_enter(elbo_context *ctx);
void context_log(const elbo_context *ctx, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
