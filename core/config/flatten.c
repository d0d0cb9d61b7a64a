/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A text of YAML key by key, so that two experiments can be laid side by side. */
#include "config/config.h"
#include "config/yaml.h"

typedef struct {
  arena *arena;
  experiment_value *list; /* room for every node */
  size_t n;
  text path;
  error *e;
} flat;

static size_t nodes(const tree *t)
{
  size_t n = 1;
  for (const tree *c = t->first; c; c = c->next) n += nodes(c);
  return n;
}

static void add_value(text *t, const tree *v)
{
  if (v->kind == TREE_SCALAR) {
    text_add(t, v->text);
    return;
  }
  text_add(t, v->kind == TREE_LIST ? "[" : "{");
  for (const tree *c = v->first; c; c = c->next) {
    if (c != v->first) text_add(t, ", ");
    if (v->kind == TREE_MAP) text_format(t, "%s: ", c->key);
    add_value(t, c);
  }
  text_add(t, v->kind == TREE_LIST ? "]" : "}");
}

static void keep(flat *f, const tree *v)
{
  text value = { 0 };
  add_value(&value, v);
  if (value.failed || f->path.failed) {
    fail(f->e, ELBO_E_MEMORY, "no memory for the keys of an experiment");
  } else {
    experiment_value *to = &f->list[f->n++];
    to->path = arena_string(f->arena, f->path.s ? f->path.s : "", f->e);
    to->value = arena_string(f->arena, value.s ? value.s : "", f->e);
  }
  text_free(&value);
}

static void walk(flat *f, const tree *v)
{
  if (v->kind != TREE_MAP || !v->first) {
    keep(f, v);
    return;
  }
  for (const tree *c = v->first; c && !f->e->status; c = c->next) {
    size_t before = f->path.n;
    text_format(&f->path, "%s%s", before ? "." : "", c->key);
    walk(f, c);
    if (f->path.s && !f->path.failed) f->path.s[f->path.n = before] = '\0';
  }
}

elbo_status experiment_values(const char *yaml, size_t n, arena *a, experiment_value **values,
                              size_t *count, error *e)
{
  problems p = { .file = "experiment.yaml" };
  reader r = { .arena = a, .p = &p };
  *values = NULL, *count = 0;
  const tree *root = yaml_read(&r, yaml, n, -1);
  problems_error(&p, e);
  problems_free(&p);
  if (r.memory.status) fail(e, r.memory.status, "%s", r.memory.text);
  if (!root || e->status) return e->status;
  flat f = { .arena = a, .e = e };
  f.list = arena_get(a, nodes(root), sizeof *f.list, e);
  if (f.list) walk(&f, root);
  text_free(&f.path);
  *values = f.list, *count = f.n;
  return e->status;
}
