/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The library's text of what failed; without one, the words of the status. */
int context_failed(cli *c, const elbo_context *ctx, elbo_status status)
{
  const char *text = ctx ? elbo_last_error(ctx) : "";
  return fail(c, -status, "%s", *text ? text : elbo_status_text(status));
}

int library_failed(cli *c, elbo_status status)
{
  return context_failed(c, c->ctx, status);
}

/* The library reads no environment; the program does. */

/* The folders of ELBO_PLUGIN_PATH; an empty piece of the list does not mean the current folder.
 * false: no memory. */
static bool folders_of_environment(option_list *folders, char **copy)
{
  const char *list = getenv("ELBO_PLUGIN_PATH");
  size_t n = 1;
  for (const char *s = list; s && *s; s++) n += *s == ':';
  *copy = strdup(list ? list : "");
  folders->items = calloc(n + 1, sizeof *folders->items);
  if (!*copy || !folders->items) return false;
  char *rest = *copy;
  for (char *folder; (folder = strsep(&rest, ":"));)
    if (*folder) folders->items[folders->n++] = folder;
  return true;
}

int new_context(cli *c, int threads, elbo_context **ctx)
{
  char *copy = NULL;
  option_list folders = { 0 };
  const char *kernels = getenv("ELBO_CPU_LEVEL");
  bool fine = folders_of_environment(&folders, &copy);
  elbo_context_options options = {
    .size = sizeof options,
    .plugins = c->o.plugin.items,
    .directories = folders.items,
    .trust_plugins = c->o.trust_plugins,
    .check_plugins = c->o.check_plugins,
    .threads = threads,
    .cpu_kernels = kernels && *kernels ? kernels : NULL,
    .log = library_log,
    .log_user = c,
  };
  *ctx = NULL;
  elbo_status status = fine ? elbo_context_new(&options, ctx) : ELBO_E_MEMORY;
  free(folders.items);
  free(copy);
  return status ? context_failed(c, *ctx, status) : 0;
}

int open_context(cli *c)
{
  return new_context(c, (int)c->o.threads, &c->ctx);
}

/* --seed and --epochs are settings with names of their own, so that the run's experiment.yaml holds
 * them. */
int open_experiment(cli *c)
{
  char seed[32], epochs[48];
  size_t n = c->o.set.n;
  int failed = open_context(c);
  if (failed) return failed;
  snprintf(seed, sizeof seed, "seed=%" PRIu64, c->o.seed);
  snprintf(epochs, sizeof epochs, "train.epochs=%" PRIu64, c->o.epochs);
  if (c->o.given & OPTION(O_SEED)) c->o.set.items[c->o.set.n++] = seed; /* the list has room */
  if (c->o.given & OPTION(O_EPOCHS)) c->o.set.items[c->o.set.n++] = epochs;
  elbo_status status = elbo_experiment_open(c->ctx, c->arguments[0], c->o.set.items, &c->x);
  while (c->o.set.n > n) c->o.set.items[--c->o.set.n] = NULL; /* the texts end here */
  return status ? library_failed(c, status) : 0;
}

int open_run(cli *c)
{
  int failed = open_context(c);
  if (failed) return failed;
  const char *const *settings = c->o.set.items, *const *data = c->o.data.items;
  elbo_status status = elbo_run_open(c->ctx, c->arguments[0], settings, data, &c->run);
  if (!status) status = elbo_run_give(c->run, c->o.inputs.items);
  return status ? library_failed(c, status) : 0;
}

void close_all(cli *c)
{
  elbo_run_free(c->run);
  elbo_experiment_free(c->x);
  elbo_context_free(c->ctx);
  options_free(c);
  free(c->own_path);
}
