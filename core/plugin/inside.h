/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inside.h - the steps from a folder to a loaded plugin: search.c finds candidates, image.c copies
 * each into sealed memory and opens it, probe.c tries them in a child process, validate.c reads
 * their tables, registry.c loads what is left and answers for it. */
#ifndef ELBO_PLUGIN_INSIDE_H
#define ELBO_PLUGIN_INSIDE_H

#include "base/error.h"
#include "base/mem.h"
#include <elbo/context.h>
#include <stdbool.h>

enum {
  PLUGIN_MAX_PARAMS = 8,
  PLUGIN_MAX_USES = 16,
  PLUGIN_MAX_NAME = 63,
  PLUGIN_MAX_KLS = 1024,
  PLUGIN_MAX_FORM_SETS = 16,
  PLUGIN_WHY = 512
};

/* One file that may be a plugin. Strings live in the arena of the search. */
typedef struct candidate {
  const char *path; /* absolute */
  bool named;       /* in options->plugins: a fault is the caller's error */
  int image;        /* sealed memory file, or -1 */
  uint64_t device, inode;
  const char *why; /* refused: the reason; else NULL */
} candidate;

typedef struct search {
  arena *texts;
  candidate *list;
  size_t n, room;
  const char **folders;
  size_t n_folders, folders_room;
} search;

/* All candidates in order: named files, then the *.so of each folder. Zero-initialised s with texts
 * set. */
elbo_status search_all(search *s, const elbo_context_options *o, error *e);

/* Opens, checks (unless trusted) and copies: sets image, device and inode, or why. Fails only when
 * memory is out. */
elbo_status image_take(candidate *c, bool trusted, arena *texts, error *e);
/* What is wrong with the program headers of an object of this machine, of `size` bytes; NULL:
 * nothing, or it is the linker's to say. */
const char *elf_damaged(int image, uint64_t size);

/* Tries all candidates that have an image in child processes; sets why of those that failed. */
elbo_status probe_all(search *s, error *e);

/* Opens the image in this process, never to close it, and checks symbol, descriptor and tables. The
 * answer and its tables lie in `copies`, each struct of today's size, zero where the plugin's is
 * shorter; NULL with the reason in why [PLUGIN_WHY], which is "" when e says that memory ran out.
 */
const elbo_plugin *plugin_open(int image, arena *copies, char *why, void **object, error *e);
/* The same for a descriptor in memory: symbol_size is what the file says of its size. */
const elbo_plugin *plugin_whole(const elbo_plugin *p, size_t symbol_size, arena *copies, char *why,
                                error *e);
const char *plugin_name(const elbo_plugin *p); /* of its table */

/* What a name must look like: [a-z0-9_], 1 to 63 characters. */
bool name_valid(const char *name);

#endif
