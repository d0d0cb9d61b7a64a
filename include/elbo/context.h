/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/context.h - the context owns everything: the registry of plugins, the last error, the log.
 * There is no global state; two contexts do not know each other. A context is used by one thread at
 * a time. */
#ifndef ELBO_CONTEXT_H
#define ELBO_CONTEXT_H

#include <elbo/plugin.h>
#include <elbo/status.h>
#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(default)

typedef struct elbo_context elbo_context;

/* Zero-initialise, set size and what differs; so it is with the options of every call: NULL stands
 * for all 0, a struct of an older header is read as far as it goes, and one whose size is 0 is
 * refused (ELBO_E_USAGE). Here all strings are copied. */
typedef struct {
  size_t size; /* sizeof(elbo_context_options) */
  /* plugin files to load (absolute, or relative to the current folder), NULL-ended, or NULL */
  const char *const *plugins;
  /* searched before the installed folder, NULL-ended, or NULL */
  const char *const *directories;
  bool trust_plugins;  /* lifts the check of owner and permissions */
  const char *backend; /* name of the backend plugin; NULL: "openblas" */
  int threads;         /* of a step; 0: the cores this process may use, at most 64 */
  /* Messages of the library and of plugins (level 0 note, 1 warning). NULL: dropped. */
  void (*log)(void *user, int level, const char *text);
  void *log_user;
  /* Functions of families and reparametrizers are called on copies: inputs that can't be written,
   * outputs that end where memory ends. One that reaches beside them is a fault of the machine at
   * that place, which elbo_at_fault names to the program's signal handler. Same numbers, slower. */
  bool check_plugins;
  /* The highest loops and kernels to be used, if the CPU has them: "baseline", "avx2", "avx512".
   * NULL: the CPU's own. The bits of a result depend on it. */
  const char *cpu_kernels;
} elbo_context_options;

/* Makes a context and loads the plugins found (a bad one in a searched folder is listed as refused;
 * a bad one named in `plugins` is an error). *ctx is NULL only when memory is out; on any other
 * error it holds the text. Free it in every case. */
elbo_status elbo_context_new(const elbo_context_options *options, elbo_context **ctx);
void elbo_context_free(elbo_context *ctx); /* NULL is fine, as for all that is freed */

/* The message of the last call that failed with this context; "" if none. Valid until the next
 * call. */
const char *elbo_last_error(const elbo_context *ctx);
const char *elbo_version(void); /* "0.1.0" */

/* What is loaded, in order of kind and name. */
typedef struct {
  const char *name, *summary, *kind; /* "family", "reparametrizer", "backend" */
  const char *path, *build;
  int abi_major, abi_minor;
  /* elbo_family, elbo_reparam or elbo_backend, of this header's size whatever the plugin's is */
  const void *table;
} elbo_plugin_info;
size_t elbo_plugin_count(const elbo_context *ctx);
/* ELBO_E_USAGE: there is no such number. All strings are the context's. */
elbo_status elbo_plugin_at(const elbo_context *ctx, size_t i, elbo_plugin_info *info);
/* ELBO_E_USAGE with the nearest name */
elbo_status elbo_plugin_find(elbo_context *ctx, const char *name, elbo_plugin_info *info);

/* What was refused, and the folders searched, in order. */
typedef struct {
  const char *path, *why;
} elbo_plugin_refusal;
/* ELBO_E_USAGE, and NULL, for a number that is not there. */
size_t elbo_plugin_refused_count(const elbo_context *ctx);
elbo_status elbo_plugin_refused_at(const elbo_context *ctx, size_t i, elbo_plugin_refusal *refusal);
size_t elbo_plugin_folder_count(const elbo_context *ctx);
const char *elbo_plugin_folder_at(const elbo_context *ctx, size_t i);

/* What `elbo doctor` prints: lines of "key: value", and advice ("" when all is well). Buffers are
 * the context's, valid until the next call. */
const char *elbo_doctor(elbo_context *ctx);

#pragma GCC visibility pop

#endif
