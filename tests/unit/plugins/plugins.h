/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plugins.h - for the tests of the installed plugins: opening one from the build folder, and a
 * host that serves it. */
#ifndef TEST_PLUGINS_H
#define TEST_PLUGINS_H

#include <elbo/plugin.h>
#include <num/philox.h>
#include <num/special.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

extern const char plugin_dir[], golden_dir[]; /* the build folder of plugins/; tests/golden */

/* NULL where the file or its entry is missing. */
static inline const elbo_plugin *open_plugin(const char *kind, const char *name)
{
  char path[1024];
  snprintf(path, sizeof path, "%s/%s/%s.so", plugin_dir, kind, name);
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!so) fprintf(stderr, "%s\n", dlerror());
  return so ? dlsym(so, "elbo_plugin_entry") : NULL;
}
static inline const elbo_family *open_family(const char *name)
{
  const elbo_plugin *p = open_plugin("families", name);
  return p && p->kind == ELBO_KIND_FAMILY ? p->table : NULL;
}
static inline const elbo_reparam *open_reparam(const char *name)
{
  const elbo_plugin *p = open_plugin("reparam", name);
  return p && p->kind == ELBO_KIND_REPARAM ? p->table : NULL;
}

static const elbo_host test_host = {
  .size = sizeof(elbo_host),
  .uniform = noise_uniform,
  .normal = noise_normal,
  .exponential = noise_exponential,
  .uniform_f32 = noise_row_uniform,
  .normal_f32 = noise_row_normal,
  .special = special_call,
  .special3 = special3_call,
};
static const elbo_call test_call = { .size = sizeof(elbo_call), .host = &test_host, .K = 1 };

#endif
