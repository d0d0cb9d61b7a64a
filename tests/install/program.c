/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program of somebody else: opens a context with what is installed, and looks for one family. */
#include <elbo/elbo.h>

#include <stdio.h>

int main(void)
{
  elbo_context *ctx;
  elbo_plugin_info info;
  elbo_context_options o = { .size = sizeof o };
  elbo_status status = elbo_context_new(&o, &ctx);
  if (!status) status = elbo_plugin_find(ctx, "normal", &info);
  if (status)
    fprintf(stderr, "%s: %s\n", elbo_status_text(status), elbo_last_error(ctx));
  else
    printf("elbo %s, %zu plugins, %s in %s\n", elbo_version(), elbo_plugin_count(ctx), info.name,
           info.path);
  elbo_context_free(ctx);
  return status != 0;
}
