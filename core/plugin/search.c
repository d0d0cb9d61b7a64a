/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/inside.h"
#include "base/file.h"
#include "plugin/registry.h"
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const subfolders[] = { "families", "reparam", "backend" };

static elbo_status add(search *s, const char *path, bool named, error *e)
{
  if (mem_grow(&s->list, &s->room, s->n + 1, sizeof *s->list, "the list of plugins", e))
    return ELBO_E_MEMORY;
  char *copy = arena_string(s->texts, path, e);
  if (!copy) return ELBO_E_MEMORY;
  s->list[s->n++] = (candidate){ .path = copy, .named = named, .image = -1 };
  return ELBO_DONE;
}

static bool known(const search *s, const char *folder)
{
  for (size_t i = 0; i < s->n_folders; i++)
    if (!strcmp(s->folders[i], folder)) return true;
  return false;
}

static int is_object(const struct dirent *d)
{
  size_t n = strlen(d->d_name);
  return n > 3 && d->d_name[0] != '.' && !strcmp(d->d_name + n - 3, ".so");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
  return strcmp((*a)->d_name, (*b)->d_name);
}

/* The *.so of one folder in the order of their names, whatever the locale. */
static elbo_status one_folder(search *s, const char *folder, error *e)
{
  if (known(s, folder)) return ELBO_DONE;
  if (mem_grow(&s->folders, &s->folders_room, s->n_folders + 1, sizeof *s->folders,
               "the list of folders", e))
    return ELBO_E_MEMORY;
  if (!(s->folders[s->n_folders] = arena_string(s->texts, folder, e))) return ELBO_E_MEMORY;
  s->n_folders++;
  struct dirent **entries = NULL;
  int n = scandir(folder, &entries, is_object, by_name);
  elbo_status status = ELBO_DONE;
  for (int i = 0; i < n; i++) {
    char *path = status ? NULL : path_join(folder, entries[i]->d_name, e);
    if (!status) status = path ? add(s, path, false, e) : ELBO_E_MEMORY;
    mem_free(path);
    free(entries[i]);
  }
  free(entries);
  return status;
}

static elbo_status three_folders(search *s, const char *folder, error *e)
{
  for (size_t i = 0; i < sizeof subfolders / sizeof *subfolders; i++) {
    char *sub = path_join(folder, subfolders[i], e);
    if (!sub) return ELBO_E_MEMORY;
    elbo_status status = dir_exists(sub) ? one_folder(s, sub, e) : ELBO_DONE;
    mem_free(sub);
    if (status) return status;
  }
  return ELBO_DONE;
}

static elbo_status given_folder(search *s, const char *folder, error *e)
{
  char *path = path_absolute(folder, e);
  if (!path) return e && e->status ? e->status : ELBO_E_MEMORY;
  elbo_status status = one_folder(s, path, e);
  if (!status) status = three_folders(s, path, e);
  mem_free(path);
  return status;
}

/* The folder of the object that holds this code: of libelbo.so, or of a program that has it
 * inside. */
static bool own_folder(char path[PATH_MAX])
{
  Dl_info info;
  bool found = dladdr((const void *)(uintptr_t)registry_new, &info) && info.dli_fname &&
               realpath(info.dli_fname, path);
  if (!found && !realpath("/proc/self/exe", path)) return false;
  char *slash = strrchr(path, '/');
  slash[slash == path] = 0; /* realpath's answers begin with one */
  return true;
}

/* Installed, the plugins lie in $libdir/elbo; in a build tree libelbo.so lies at the top, beside
 * plugins/. */
static elbo_status own_folders(search *s, error *e)
{
  static const char *const beside[] = { "elbo", "plugins" };
  char path[PATH_MAX];
  if (!own_folder(path)) return ELBO_DONE;
  for (size_t i = 0; i < 2; i++) {
    char *folder = path_join(path, beside[i], e);
    elbo_status status = folder ? three_folders(s, folder, e) : ELBO_E_MEMORY;
    mem_free(folder);
    if (status) return status;
  }
  return ELBO_DONE;
}

elbo_status search_all(search *s, const elbo_context_options *o, error *e)
{
  elbo_status status = ELBO_DONE;
  for (const char *const *p = o->plugins; p && *p && !status; p++) {
    char *path = path_absolute(*p, e);
    status = path ? add(s, path, true, e) : ELBO_E_MEMORY;
    mem_free(path);
  }
  for (const char *const *d = o->directories; d && *d && !status; d++)
    status = given_folder(s, *d, e);
  return status ? status : own_folders(s, e);
}
