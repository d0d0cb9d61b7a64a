/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a file, or a text, with its settings, to an experiment. */
#include "config/config.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/schema.h"

#include <string.h>

/* ---- --set KEY=VALUE */

/* The entry `name` of a mapping, made if it is not there. */
static tree *entry_at(reader *r, tree *map, const char *name, place at)
{
  tree *n = tree_get(map, name);
  if (n) return n;
  n = reader_get(r, 1, sizeof *n);
  if (!n) return NULL;
  *n = (tree){ .kind = TREE_MAP, .at = at, .key = name, .key_at = at };
  tree_append(map, n);
  return n;
}

static const key *key_named(const schema *s, const char *name)
{
  for (int i = 0; s && i < s->n; i++)
    if (!strcmp(s->keys[i].name, name)) return &s->keys[i];
  return NULL;
}

/* A bare word W where {name: W} may stand becomes that, so that another key can be set beside
 * it. */
static void spell_out(reader *r, const key *k, tree *n)
{
  if (!k || !k->named || n->kind != TREE_SCALAR || tree_empty(n)) return;
  tree *name = reader_get(r, 1, sizeof *name);
  if (!name) return;
  *name = *n;
  name->key = "name";
  name->next = NULL;
  n->kind = TREE_MAP;
  tree_append(n, name);
}

/* Walks the dotted path (cut in place) below root. */
static tree *setting_target(reader *r, tree *root, char *path, place at)
{
  char found[128];
  tree *n = root;
  const schema *s = &experiment_schema;
  const key *k = NULL;
  for (char *name = path, *dot; name; name = dot) {
    spell_out(r, k, n);
    if (n->kind != TREE_MAP) {
      trouble(r, at, "`%s` is %s, not a mapping, so `%s` can't be set in it; set it whole", n->key,
              tree_found(n, found, sizeof found), name);
      return NULL;
    }
    dot = strchr(name, '.');
    if (dot) *dot++ = '\0';
    if (!name[0]) {
      trouble(r, at,
              "a key is empty; expected KEY=VALUE with a dotted path, for example "
              "model.p.x.family=laplace");
      return NULL;
    }
    if (!(n = entry_at(r, n, name, at))) return NULL;
    k = key_named(s, name);
    s = k ? k->map : s ? s->rest_map : NULL;
  }
  return n;
}

/* The value takes the entry's place in the mapping. */
static void tree_replace(tree *n, const tree *value, place at)
{
  tree old = *n;
  *n = *value;
  n->at = n->key_at = at;
  n->key = old.key;
  n->next = old.next;
}

static void setting_apply(reader *r, tree *root, int i)
{
  place at = setting_place(i);
  char *path = reader_string(r, r->settings[i]);
  if (!path) return;
  char *value = strchr(path, '=');
  if (!value || !utf8_valid(path, strlen(path))) {
    trouble(r, at, "%s",
            value ? "the setting is not valid UTF-8; write it in UTF-8"
                  : "expected KEY=VALUE with a dotted path, for example model.p.x.family=laplace");
    return;
  }
  *value++ = '\0';
  int before = r->p->n;
  tree nothing = { .kind = TREE_SCALAR, .text = "" };
  tree *whole = yaml_read(r, value, strlen(value), i);
  if (!whole && (r->p->n > before || r->memory.status)) return;
  tree *target = setting_target(r, root, path, at);
  if (target) tree_replace(target, whole ? whole : &nothing, at);
}

/* ---- names and folders */
static const char *name_of_file(reader *r, const char *path)
{
  const char *slash = strrchr(path, '/');
  char *name = reader_string(r, slash ? slash + 1 : path);
  char *dot = name ? strrchr(name, '.') : NULL;
  if (dot && dot > name) *dot = '\0';
  return name && name[0] && name[0] != '.' ? name : "experiment";
}

static const char *absolute(reader *r, const char *path)
{
  char *s = path_absolute(path, &r->memory);
  char *copy = s ? reader_string(r, s) : NULL;
  mem_free(s);
  return copy;
}

/* What no row's `standard` can say. */
static void defaults(reader *r)
{
  schema_defaults(r, &experiment_schema, r->x);
  r->x->estimator.name = "auto";
  r->x->train.kl_from = r->x->train.kl_to = 1;
}

static void read_into(reader *r, const char *yaml, size_t n, int n_settings)
{
  int before = r->p->n;
  tree *root = yaml_read(r, yaml, n, -1);
  if (r->memory.status) return;
  if (!root) {
    if (r->p->n == before)
      trouble(r, (place){ 1, 1 },
              "the experiment is empty; expected at least `data` and `model` (see `elbo help "
              "experiment`)");
    return;
  }
  if (root->kind == TREE_MAP)
    for (int i = 0; i < n_settings; i++) setting_apply(r, root, i);
  if (r->memory.status) return;
  defaults(r);
  schema_read(r, &experiment_schema, root, r->x);
  if (!r->memory.status) structure_check(r);
  if (!r->x->name) r->x->name = name_of_file(r, r->x->file);
}

static experiment *experiment_new(reader *r, const char *named, const char *folder)
{
  r->arena = arena_new(&r->memory);
  if (!r->arena) return NULL;
  experiment *x = r->x = reader_get(r, 1, sizeof *x);
  if (!x) return NULL;
  x->arena = r->arena;
  x->file = reader_string(r, named);
  x->folder = r->root = absolute(r, folder);
  return x->file && x->folder ? x : NULL;
}

elbo_status experiment_read_text(const char *yaml, size_t n, const char *named, const char *folder,
                                 const char *const *settings, int n_settings, const registry *known,
                                 experiment **out, problems *p)
{
  reader r = { .registry = known, .p = p, .settings = settings };
  int before = p->n;
  *out = NULL;
  if (!p->file) p->file = named;
  if (experiment_new(&r, named, folder)) read_into(&r, yaml, n, n_settings);
  if (r.memory.status) {
    problem_add(p, (place){ 0 }, r.memory.status, "%s", r.memory.text);
    if (r.arena) arena_free(r.arena);
    return r.memory.status;
  }
  *out = r.x;
  return p->n > before ? ELBO_E_USAGE : ELBO_DONE;
}

/* The problems' file stands before each of their texts already. */
static const char *without_name(const char *message, const char *name)
{
  size_t n = strlen(name);
  return !strncmp(message, name, n) && !strncmp(message + n, ": ", 2) ? message + n + 2 : message;
}

/* A run where an experiment is asked for. */
static elbo_status folder_named(const char *path, error *e)
{
  bool is_run = false;
  char *inside = path_join(path, "experiment.yaml", e);
  if (inside) file_look(inside, &is_run, e);
  mem_free(inside);
  if (e->status || !is_run) return e->status;
  return fail(e, ELBO_E_USAGE,
              "%s: is the directory of a run, expected an experiment file; that of this run is "
              "%s/experiment.yaml",
              path, path);
}

elbo_status experiment_read(const char *path, const char *const *settings, int n_settings,
                            const registry *r, experiment **out, problems *p)
{
  error e = { 0 };
  char *yaml = NULL, *folder = NULL;
  size_t n = 0;
  *out = NULL;
  if (!p->file) p->file = path;
  elbo_status status = dir_exists(path) ? folder_named(path, &e) : ELBO_DONE;
  if (!status) status = file_read_all(path, YAML_BYTES, ELBO_E_USAGE, &yaml, &n, &e);
  if (!status && !(folder = path_folder(path, &e))) status = e.status;
  if (!status)
    status = experiment_read_text(yaml, n, path, folder, settings, n_settings, r, out, p);
  else
    problem_add(p, (place){ 0 }, status, "%s", without_name(e.text, p->file));
  mem_free(yaml);
  mem_free(folder);
  return status;
}

void experiment_free(experiment *x)
{
  if (x) arena_free(x->arena);
}
