/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/registry.h"
#include "base/guard.h"
#include "base/mem.h"
#include "base/text.h"
#include "num/philox.h"
#include "num/special.h"
#include "plugin/inside.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  plugin plugin;
  uint32_t kind;
  const candidate *from;
} entry;

struct registry {
  elbo_host host; /* first: the services know their registry by it */
  search search;
  entry *entries;
  size_t n;
  elbo_plugin_refusal *refused;
  size_t n_refused;
  void (*log)(void *, int, const char *);
  void *log_user;
  guards *guards;
  int level;
};

/* ---- host services */
static void host_log(const elbo_host *h, int level, const char *words)
{
  const registry *r = (const registry *)h;
  if (r->log && words) r->log(r->log_user, level, words);
}

static const elbo_family *host_family(const elbo_host *h, const char *name)
{
  const plugin *p = registry_find((const registry *)h, ELBO_KIND_FAMILY, name, NULL);
  return p ? p->info.table : NULL;
}

static const elbo_host services = {
  .size = sizeof(elbo_host),
  .log = host_log,
  .uniform = noise_uniform,
  .normal = noise_normal,
  .exponential = noise_exponential,
  .uniform_f32 = noise_row_uniform,
  .normal_f32 = noise_row_normal,
  .special = special_call,
  .family = host_family,
  .special3 = special3_call,
};

/* ---- loading */
static elbo_status take_images(registry *r, bool trusted, error *e)
{
  search *s = &r->search;
  for (size_t i = 0; i < s->n; i++) {
    if (image_take(&s->list[i], trusted, s->texts, e)) return e->status;
    for (size_t j = 0; j < i && s->list[i].image >= 0; j++) /* one file found twice is one plugin */
      if (s->list[j].image >= 0 && s->list[j].device == s->list[i].device &&
          s->list[j].inode == s->list[i].inode) {
        close(s->list[i].image);
        s->list[i].image = -1;
      }
  }
  return ELBO_DONE;
}

static void drop_images(search *s)
{
  for (size_t i = 0; i < s->n; i++)
    if (s->list[i].image >= 0) close(s->list[i].image);
  for (size_t i = 0; i < s->n; i++) s->list[i].image = -1;
}

static const char *const kind_names[] = { [ELBO_KIND_FAMILY] = "family",
                                          [ELBO_KIND_REPARAM] = "reparametrizer",
                                          [ELBO_KIND_BACKEND] = "backend" };

static const char *table_summary(const elbo_plugin *p)
{
  if (p->kind == ELBO_KIND_FAMILY) return ((const elbo_family *)p->table)->summary;
  if (p->kind == ELBO_KIND_REPARAM) return ((const elbo_reparam *)p->table)->summary;
  return ((const elbo_backend *)p->table)->summary;
}

static elbo_status load(registry *r, candidate *c, error *e)
{
  char why[PLUGIN_WHY] = "";
  void *object; /* never closed */
  const elbo_plugin *p = plugin_open(c->image, r->search.texts, why, &object, e);
  if (!p && !why[0]) return ELBO_E_MEMORY;
  if (!p) return (c->why = arena_string(r->search.texts, why, e)) ? ELBO_DONE : ELBO_E_MEMORY;
  r->entries[r->n++] = (entry){
    .plugin.info = { plugin_name(p), table_summary(p), kind_names[p->kind], c->path, p->build,
                     (int)p->abi_major, (int)p->abi_minor, p->table },
    .kind = p->kind,
    .from = c,
  };
  return ELBO_DONE;
}

static int by_kind_and_name(const void *a, const void *b)
{
  const entry *x = a, *y = b;
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  return strcmp(x->plugin.info.name, y->plugin.info.name);
}

static elbo_status load_all(registry *r, error *e)
{
  search *s = &r->search;
  r->entries = mem_new(s->n, sizeof *r->entries, "the list of plugins", e);
  if (!r->entries) return ELBO_E_MEMORY;
  for (size_t i = 0; i < s->n; i++)
    if (s->list[i].image >= 0 && !s->list[i].why && load(r, &s->list[i], e)) return ELBO_E_MEMORY;
  num_start(); /* a constructor may have set GSL's handler */
  if (r->n) qsort(r->entries, r->n, sizeof *r->entries, by_kind_and_name);
  for (size_t i = 1; i < r->n; i++)
    if (!by_kind_and_name(&r->entries[i - 1], &r->entries[i]))
      return fail(
          e, ELBO_E_PLUGIN,
          "two plugins give the %s `%s`: %s and %s; take one of them away, or rename its table",
          r->entries[i].plugin.info.kind, r->entries[i].plugin.info.name,
          r->entries[i - 1].from->path, r->entries[i].from->path);
  return ELBO_DONE;
}

/* ---- uses */
static const entry *find(const registry *r, uint32_t kind, const char *name)
{
  for (size_t i = 0; i < r->n; i++)
    if (r->entries[i].kind == kind && !strcmp(r->entries[i].plugin.info.name, name))
      return &r->entries[i];
  return NULL;
}

/* Takes out the first family that uses one that is not there. false: none. */
static bool take_out(registry *r, error *e, elbo_status *status)
{
  for (size_t i = 0; i < r->n; i++) {
    entry *x = &r->entries[i];
    const elbo_family *f = x->kind == ELBO_KIND_FAMILY ? x->plugin.info.table : NULL;
    for (const char *const *u = f ? f->uses : NULL; u && *u; u++) {
      if (find(r, ELBO_KIND_FAMILY, *u)) continue;
      candidate *c = &r->search.list[x->from - r->search.list];
      c->why = arena_format(r->search.texts, e, "%s: uses the family `%s`, which is not there",
                            f->name, *u);
      if (!c->why) *status = ELBO_E_MEMORY;
      memmove(x, x + 1, (r->n - i - 1) * sizeof *x);
      r->n--;
      return true;
    }
  }
  return false;
}

static elbo_status resolve_uses(registry *r, error *e)
{
  elbo_status status = ELBO_DONE;
  while (!status && take_out(r, e, &status)) {
  }
  for (size_t i = 0; i < r->n && !status; i++) {
    const elbo_family *f =
        r->entries[i].kind == ELBO_KIND_FAMILY ? r->entries[i].plugin.info.table : NULL;
    size_t n = 0;
    while (f && f->uses && f->uses[n]) n++;
    const void **tables = n ? arena_get(r->search.texts, n, sizeof *tables, e) : NULL;
    if (n && !tables) return ELBO_E_MEMORY;
    for (size_t k = 0; k < n; k++)
      tables[k] = find(r, ELBO_KIND_FAMILY, f->uses[k])->plugin.info.table;
    r->entries[i].plugin.uses = tables;
  }
  return status;
}

/* ---- what was refused */
static elbo_status collect_refused(registry *r, error *e)
{
  const search *s = &r->search;
  r->refused = mem_new(s->n, sizeof *r->refused, "the list of plugins", e);
  if (!r->refused) return ELBO_E_MEMORY;
  for (size_t i = 0; i < s->n; i++) {
    if (!s->list[i].why) continue;
    if (s->list[i].named) return fail(e, ELBO_E_PLUGIN, "%s: %s", s->list[i].path, s->list[i].why);
    r->refused[r->n_refused++] = (elbo_plugin_refusal){ s->list[i].path, s->list[i].why };
  }
  return ELBO_DONE;
}

static elbo_status fill(registry *r, const elbo_context_options *o, error *e)
{
  elbo_status status = search_all(&r->search, o, e);
  if (!status) status = take_images(r, o->trust_plugins, e);
  if (!status) status = probe_all(&r->search, e);
  if (!status) status = load_all(r, e);
  if (!status) status = resolve_uses(r, e);
  drop_images(&r->search);
  return status ? status : collect_refused(r, e);
}

registry *registry_new(const elbo_context_options *options, error *e)
{
  static const elbo_context_options standard = { .size = sizeof standard };
  const elbo_context_options *o = options ? options : &standard;
  registry *r = mem_new(1, sizeof *r, "the list of plugins", e);
  if (!r) return NULL;
  r->host = services;
  r->log = o->log;
  r->log_user = o->log_user;
  r->search.texts = arena_new(e);
  bool known = !cpu_level_choose(o->cpu_kernels, &r->level, e);
  bool guarded = !o->check_plugins || (r->guards = guards_new(e));
  if (known && guarded && r->search.texts && !fill(r, o, e)) return r;
  registry_free(r);
  return NULL;
}

void registry_free(registry *r)
{
  if (!r) return;
  mem_free(r->entries);
  mem_free(r->refused);
  mem_free(r->search.list);
  mem_free(r->search.folders);
  arena_free(r->search.texts);
  guards_free(r->guards);
  mem_free(r);
}

/* ---- answers */
size_t registry_count(const registry *r)
{
  return r->n;
}

const plugin *registry_at(const registry *r, size_t i)
{
  return i < r->n ? &r->entries[i].plugin : NULL;
}

/* The file that should have given it: NULL, or why it was refused. */
static const elbo_plugin_refusal *refused_file(const registry *r, const char *name)
{
  size_t n = strlen(name);
  for (size_t i = 0; i < r->n_refused; i++) {
    const char *file = strrchr(r->refused[i].path, '/');
    file = file ? file + 1 : r->refused[i].path;
    if (!strncmp(file, name, n) && !strcmp(file + n, ".so")) return &r->refused[i];
  }
  return NULL;
}

static void not_there(const registry *r, uint32_t kind, const char *name, error *e)
{
  const elbo_plugin_refusal *refused = refused_file(r, name);
  if (refused) {
    fail(e, ELBO_E_PLUGIN, "the %s `%.100s` is not there, its file was refused: %s: %s",
         kind_names[kind], name, refused->path, refused->why);
    return;
  }
  enum { MOST = 256 };
  const char *names[MOST];
  int n = 0;
  text folders = { 0 };
  for (size_t i = 0; i < r->n && n < MOST; i++)
    if (r->entries[i].kind == kind) names[n++] = r->entries[i].plugin.info.name;
  for (size_t i = 0; i < r->search.n_folders; i++)
    text_format(&folders, "%s%s", i ? ", " : "", r->search.folders[i]);
  const char *near = nearest_word(name, names, n);
  fail(e, ELBO_E_USAGE,
       "no %s is called `%.100s`%s%s%s; searched: %s (`elbo plugin list --verbose` shows what was "
       "found and refused)",
       kind_names[kind], name, near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "",
       folders.s ? folders.s : "no folder");
  text_free(&folders);
}

const plugin *registry_find(const registry *r, uint32_t kind, const char *name, error *e)
{
  const entry *x = name ? find(r, kind, name) : NULL;
  if (!x && e && kind >= ELBO_KIND_FAMILY && kind <= ELBO_KIND_BACKEND)
    not_there(r, kind, name ? name : "", e);
  return x ? &x->plugin : NULL;
}

const elbo_host *registry_host(const registry *r)
{
  return &r->host;
}

guards *registry_guards(const registry *r)
{
  return r->guards;
}

int registry_level(const registry *r)
{
  return r->level;
}

size_t registry_refused_count(const registry *r)
{
  return r->n_refused;
}

const elbo_plugin_refusal *registry_refused_at(const registry *r, size_t i)
{
  return i < r->n_refused ? &r->refused[i] : NULL;
}

size_t registry_folder_count(const registry *r)
{
  return r->search.n_folders;
}

const char *registry_folder_at(const registry *r, size_t i)
{
  return i < r->search.n_folders ? r->search.folders[i] : NULL;
}
