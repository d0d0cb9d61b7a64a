/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/context.h"
#include "base/options.h"
#include "io/json.h"
#include "num/special.h"

#include <gnu/libc-version.h>
#include <string.h>

const char *elbo_version(void)
{
  return ELBO_VERSION;
}

const char *elbo_last_error(const elbo_context *ctx)
{
  return ctx ? ctx->error.text : "out of memory";
}

static elbo_status start_backend(elbo_context *ctx, const char *name)
{
  const plugin *p = registry_find(ctx->registry, ELBO_KIND_BACKEND, name, &ctx->error);
  if (!p) return ctx->error.status;
  ctx->backend = p->info.table;
  if (ctx->backend->start && ctx->backend->start(registry_host(ctx->registry)))
    return fail(&ctx->error, ELBO_E_PLUGIN,
                "backend %s (%s): it could not start; is memory short, or the address space "
                "(ulimit -v, 512 MB are enough for small models)?",
                name, p->info.path);
  return ELBO_DONE;
}

elbo_status elbo_context_new(const elbo_context_options *options, elbo_context **out)
{
  elbo_context_options o;
  error early = { 0 };
  elbo_context *ctx = mem_new(1, sizeof *ctx, "the context", &early);
  *out = ctx;
  if (!ctx) return early.status;
  num_start();
  if (options_take(&o, sizeof o, options, "elbo_context_options", &ctx->error))
    return ctx->error.status;
  ctx->options = (elbo_context_options){ .size = sizeof o, .log = o.log, .log_user = o.log_user };
  ctx->threads = o.threads > 0 ? o.threads : cpu_count();
  ctx->registry = registry_new(&o, &ctx->error);
  if (!ctx->registry) return ctx->error.status;
  return start_backend(ctx, o.backend ? o.backend : "openblas");
}

void elbo_context_free(elbo_context *ctx)
{
  if (!ctx) return;
  registry_free(ctx->registry);
  text_free(&ctx->scratch);
  mem_free(ctx);
}

/* ---- plugins, as the registry has them */
size_t elbo_plugin_count(const elbo_context *ctx)
{
  return registry_count(ctx->registry);
}

elbo_status elbo_plugin_at(const elbo_context *ctx, size_t i, elbo_plugin_info *info)
{
  if (i >= registry_count(ctx->registry)) return ELBO_E_USAGE;
  *info = registry_at(ctx->registry, i)->info;
  return ELBO_DONE;
}

elbo_status elbo_plugin_find(elbo_context *ctx, const char *name, elbo_plugin_info *info)
{
  error *e = context_enter(ctx);
  for (uint32_t kind = ELBO_KIND_FAMILY; kind <= ELBO_KIND_BACKEND; kind++) {
    const plugin *p = registry_find(ctx->registry, kind, name, NULL);
    if (!p) continue;
    *info = p->info;
    return ELBO_DONE;
  }
  registry_find(ctx->registry, ELBO_KIND_FAMILY, name, e);
  return e->status;
}

size_t elbo_plugin_refused_count(const elbo_context *ctx)
{
  return registry_refused_count(ctx->registry);
}

elbo_status elbo_plugin_refused_at(const elbo_context *ctx, size_t i, elbo_plugin_refusal *refusal)
{
  if (i >= registry_refused_count(ctx->registry)) return ELBO_E_USAGE;
  *refusal = *registry_refused_at(ctx->registry, i);
  return ELBO_DONE;
}

size_t elbo_plugin_folder_count(const elbo_context *ctx)
{
  return registry_folder_count(ctx->registry);
}

const char *elbo_plugin_folder_at(const elbo_context *ctx, size_t i)
{
  return registry_folder_at(ctx->registry, i);
}

/* ---- what the bits depend on, and the doctor */
static void backend_line(const elbo_context *ctx, char *line, size_t n)
{
  line[0] = 0;
  if (ctx->backend && ctx->backend->describe) ctx->backend->describe(line, n);
}

elbo_status versions_text(const elbo_context *ctx, text *t, error *e)
{
  char line[256];
  json_out j;
  backend_line(ctx, line, sizeof line);
  json_begin(&j, t);
  json_open(&j, NULL, '{');
  json_string(&j, "elbo", ELBO_VERSION);
  json_string(&j, "compiler", __VERSION__);
  json_string(&j, "backend", line);
  json_string(&j, "kernels", cpu_level_name(registry_level(ctx->registry)));
  json_string(&j, "special", special_library());
  json_string(&j, "libc", gnu_get_libc_version());
  json_close(&j, '}');
  return t->failed ? fail(e, ELBO_E_MEMORY, "out of memory while naming versions") : ELBO_DONE;
}

const char *elbo_doctor(elbo_context *ctx)
{
  text *t = &ctx->scratch;
  char line[512];
  text_free(t);
  text_format(t, "elbo: %s\ncompiler: %s\nC library: %s\nspecial functions: %s\n", ELBO_VERSION,
              __VERSION__, gnu_get_libc_version(), special_library());
  text_format(t, "cpu kernels: %s\nthreads: %d (cores this process may use: %d)\n",
              cpu_level_name(registry_level(ctx->registry)), ctx->threads, cpu_count());
  backend_line(ctx, line, sizeof line);
  text_format(t, "backend: %s\n", line);
  for (size_t i = 0; i < registry_folder_count(ctx->registry); i++)
    text_format(t, "plugin folder: %s\n", registry_folder_at(ctx->registry, i));
  text_format(t, "plugins: %zu loaded, %zu refused\n", registry_count(ctx->registry),
              registry_refused_count(ctx->registry));
  for (size_t i = 0; i < registry_refused_count(ctx->registry); i++) {
    const elbo_plugin_refusal *r = registry_refused_at(ctx->registry, i);
    text_format(t, "refused: %s: %s\n", r->path, r->why);
  }
  line[0] = 0;
  if (ctx->backend && ctx->backend->advice) ctx->backend->advice(line, sizeof line);
  if (line[0]) text_format(t, "advice: %s\n", line);
  return t->s ? t->s : "";
}
