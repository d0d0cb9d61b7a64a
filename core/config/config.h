/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/config: from an experiment file (YAML, of which JSON is a part) to an experiment
 * (infer/spec.h), and back. Depends on infer's tables, dist and base. libyaml is included by yaml.c
 * alone.
 *
 * config.h - reading checks everything that the file alone and the registry decide: syntax, keys,
 * types, ranges, names (with the nearest known), the shape of p and q as graphs. What needs data or
 * sizes is infer/resolve's. */
#ifndef ELBO_CONFIG_CONFIG_H
#define ELBO_CONFIG_CONFIG_H

#include "base/text.h"
#include "infer/spec.h"
#include "plugin/registry.h"

/* One `--set KEY=VALUE`: a dotted path and a value read as YAML. */
typedef struct {
  const char *text;
} setting;

/* Reads `path` with the settings applied. All problems found go to `p` (places in the file; a
   setting's name in its message); *out is NULL if the file could not be read as a tree at all, else
   an experiment that is complete only if `p` is empty. Free with experiment_free. */
elbo_status experiment_read(const char *path, const char *const *settings, int n_settings,
                            const registry *r, experiment **out, problems *p);
/* Same from text in memory; `file` for messages, relative paths against `folder`. */
elbo_status experiment_read_text(const char *yaml, size_t n, const char *file, const char *folder,
                                 const char *const *settings, int n_settings, const registry *r,
                                 experiment **out, problems *p);
void experiment_free(experiment *x);

/* The resolved file: every default written out, paths absolute; reading it gives the same
 * experiment. */
elbo_status experiment_write(const experiment *x, const registry *r, text *out, error *e);
/* What such a text says, key by key: dotted paths in its order, a list as "[a, b]". Values lie in
 * the arena. ELBO_E_USAGE where it is no YAML. */
typedef struct {
  const char *path, *value;
} experiment_value;
elbo_status experiment_values(const char *yaml, size_t n, arena *a, experiment_value **values,
                              size_t *count, error *e);
/* The keys of the file with type, default and help, as lines of text: what `elbo help experiment`
 * prints. From the schema tables. */
elbo_status experiment_keys(text *out, error *e);

#endif
