/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/context.h"

#include <stdarg.h>
#include <stdio.h>

error *context_enter(elbo_context *ctx)
{
  error_clear(&ctx->error);
  return &ctx->error;
}

void context_log(const elbo_context *ctx, int level, const char *format, ...)
{
  char line[1024];
  va_list args;
  if (!ctx->options.log) return;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  ctx->options.log(ctx->options.log_user, level, line);
}
