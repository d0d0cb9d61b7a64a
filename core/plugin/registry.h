/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/plugin: finding, probing and loading plugins. Depends on base and num.
 *
 * registry.h - what is loaded, by kind and name. Plugins are loaded once, when the registry is
 * made, and never unloaded. */
#ifndef ELBO_PLUGIN_REGISTRY_H
#define ELBO_PLUGIN_REGISTRY_H

#include "base/error.h"
#include <elbo/context.h>

typedef struct plugin {
  elbo_plugin_info info;
  /* family: the tables named in its `uses`, in order (same length), or NULL */
  const void *const *uses;
} plugin;

typedef struct registry registry;

/* Searches and loads as in context.h. The copies of options it needs are its own. */
registry *registry_new(const elbo_context_options *options, error *e);
void registry_free(registry *r);

size_t registry_count(const registry *r);
const plugin *registry_at(const registry *r, size_t i);
/* kind: ELBO_KIND_*. NULL with e (ELBO_E_USAGE: nearest known name, folders searched) when it is
 * not there; e may be NULL. */
const plugin *registry_find(const registry *r, uint32_t kind, const char *name, error *e);
const elbo_host *registry_host(const registry *r); /* the services of plugin.h */
struct guards *registry_guards(const registry *r); /* of check_plugins, or NULL */
int registry_level(const registry *r);             /* of kernels and loops: cpu_level() or lower */

size_t registry_refused_count(const registry *r);
const elbo_plugin_refusal *registry_refused_at(const registry *r, size_t i);
size_t registry_folder_count(const registry *r);
const char *registry_folder_at(const registry *r, size_t i);

#endif
