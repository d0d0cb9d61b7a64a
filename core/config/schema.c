/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine over the tables of keys: reading. */
#include "config/schema.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *at_offset(void *into, size_t offset)
{
  return (char *)into + offset;
}

static int word_index(const key *k, const char *word)
{
  int n = k->type == KEY_SWITCH ? 2 : *k->words->n;
  for (int i = 0; i < n; i++)
    if (!strcmp(k->words->at(i), word)) return i;
  return -1;
}

/* ---- defaults */
static void key_default(reader *r, const key *k, void *into)
{
  void *at = at_offset(into, k->offset);
  switch (k->type) {
  case KEY_COUNT:
    *(int64_t *)at = (int64_t)k->standard;
    break;
  case KEY_NUMBER:
    *(double *)at = k->standard;
    break;
  case KEY_SEED:
    *(uint64_t *)at = (uint64_t)k->standard;
    break;
  case KEY_SWITCH:
    *(bool *)at = k->standard != 0;
    break;
  case KEY_WORD:
    *(int *)at = word_index(k, k->word);
    break;
  case KEY_MAP:
    schema_defaults(r, k->map, at);
    break;
  default:
    break;
  }
}

static void more_defaults(reader *r, const schema *s, void *into)
{
  more_keys more;
  if (!s->more) return;
  s->more(r->registry, into, &more);
  for (int i = 0; i < more.n; i++) key_default(r, &more.rows[i], into);
}

void schema_defaults(reader *r, const schema *s, void *into)
{
  for (int i = 0; i < s->n; i++) key_default(r, &s->keys[i], into);
  more_defaults(r, s, into);
}

/* ---- one reader for each type of value */
static void read_text(reader *r, const key *k, const tree *n, void *at)
{
  const char *s;
  if (read_word(r, n, k->name, &s)) *(const char **)at = s;
}

static void read_path(reader *r, const key *k, const tree *n, void *at)
{
  const char *s;
  if (!read_word(r, n, k->name, &s)) return;
  char *path = path_join(r->root, s, &r->memory);
  if (path) *(const char **)at = reader_string(r, path);
  mem_free(path);
}

static void read_count_key(reader *r, const key *k, const tree *n, void *at)
{
  read_count(r, k, n, at);
}

static void read_number_key(reader *r, const key *k, const tree *n, void *at)
{
  read_number(r, k, n, at);
}

static void read_seed(reader *r, const key *k, const tree *n, void *at)
{
  char found[128];
  const char *s = n->kind == TREE_SCALAR && !n->quoted ? n->text : "";
  errno = 0;
  uint64_t v = strtoull(s, NULL, 10);
  if (!s[0] || s[strspn(s, "0123456789")] || errno)
    trouble(r, n->at, "%s must be a whole number from 0 to 18446744073709551615, found %s", k->name,
            tree_found(n, found, sizeof found));
  else
    *(uint64_t *)at = v;
}

/* The index of a word in the key's list, or -1 with a problem. */
static int read_index(reader *r, const key *k, const tree *n)
{
  enum { MOST = 64 };
  const char *word, *known[MOST];
  if (!read_word(r, n, k->name, &word)) return -1;
  int i = word_index(k, word), count = k->type == KEY_SWITCH ? 2 : *k->words->n;
  if (i >= 0) return i;
  line l = { 0 };
  if (k->type == KEY_SWITCH)
    line_add(&l, "%s can't be \"%.60s\"", k->name, word);
  else
    line_add(&l, "unknown %s \"%.60s\"", k->words->what, word);
  for (i = 0; i < count && i < MOST; i++) known[i] = k->words->at(i);
  line_suggest(&l, word, known, i);
  trouble(r, n->at, "%s", l.s);
  return -1;
}

static void read_switch(reader *r, const key *k, const tree *n, void *at)
{
  int i = read_index(r, k, n);
  if (i >= 0) *(bool *)at = i == 1;
}

static void read_word_key(reader *r, const key *k, const tree *n, void *at)
{
  *(int *)at = read_index(r, k, n);
}

static void read_map(reader *r, const key *k, const tree *n, void *at)
{
  tree name = *n,
       map = { .kind = TREE_MAP, .at = n->at, .first = &name, .last = &name, .count = 1 };
  name.key = "name";
  name.key_at = n->at;
  name.next = NULL;
  schema_read(r, k->map, k->named && n->kind == TREE_SCALAR && !tree_empty(n) ? &map : n, at);
}

static void read_other(reader *r, const key *k, const tree *n, void *at)
{
  k->read(r, k, n, at);
}

static void read_refused(reader *r, const key *k, const tree *n, void *at)
{
  (void)at;
  trouble(r, n->key_at, "`%s` %s", k->name, k->help);
}

static void (*const readers[])(reader *, const key *, const tree *, void *at) = {
  [KEY_TEXT] = read_text,         [KEY_PATH] = read_path, [KEY_COUNT] = read_count_key,
  [KEY_NUMBER] = read_number_key, [KEY_SEED] = read_seed, [KEY_SWITCH] = read_switch,
  [KEY_WORD] = read_word_key,     [KEY_MAP] = read_map,   [KEY_OTHER] = read_other,
  [KEY_REFUSED] = read_refused,
};

/* ---- mappings */
static void key_read(reader *r, const schema *s, const key *k, const tree *map, void *into)
{
  const tree *n = tree_get(map, k->name);
  if (!n) {
    if (k->required) trouble(r, map->at, "%s lacks `%s` (%s); add it", s->what, k->name, k->help);
    return;
  }
  if (k->at) *(place *)at_offset(into, k->at - 1) = n->at;
  readers[k->type](r, k, n, at_offset(into, k->type == KEY_OTHER ? 0 : k->offset));
}

static bool key_known(const key *keys, int n, const char *name)
{
  for (int i = 0; i < n; i++)
    if (!strcmp(keys[i].name, name)) return true;
  return false;
}

static int names_of(const key *keys, int n, const char **names, int room)
{
  int count = 0;
  for (int i = 0; i < n && count < room; i++)
    if (keys[i].type != KEY_REFUSED) names[count++] = keys[i].name;
  return count;
}

/* Names of the keys of a mapping and of those below it, where variables are free too. */
static int names_below(const schema *s, const char **names, int room)
{
  int n = names_of(s->keys, s->n, names, room);
  for (int i = 0; i < s->n; i++)
    if (s->keys[i].map) n += names_below(s->keys[i].map, names + n, room - n);
  return s->rest_map ? n + names_below(s->rest_map, names + n, room - n) : n;
}

/* The key called so that stands `depth` mappings below s; its path goes behind `path`. */
static bool key_below(const schema *s, const char *name, int depth, line *path)
{
  size_t before = path->n;
  for (int i = 0; i < s->n + !!s->rest_map; i++) {
    const key *k = i < s->n ? &s->keys[i] : NULL;
    const schema *map = k ? k->map : s->rest_map;
    if (k && k->type == KEY_REFUSED) continue;
    line_add(path, "%s%s", before ? "." : "", k ? k->name : "NAME");
    if (depth ? map && key_below(map, name, depth - 1, path) : k && !strcmp(k->name, name))
      return true;
    path->s[path->n = before] = '\0';
  }
  return false;
}

/* Where in an experiment a key of that name, or nearly, stands; the least deep one. */
static bool key_elsewhere(const char *name, line *path)
{
  enum { MOST_NAMES = 256, DEEPEST = 8 };
  const char *names[MOST_NAMES];
  int n = names_below(&experiment_schema, names, MOST_NAMES);
  const char *near = nearest_word(name, names, n);
  for (int depth = 0; near && depth < DEEPEST; depth++)
    if (key_below(&experiment_schema, near, depth, path)) return true;
  return false;
}

static void unknown_key(reader *r, const schema *s, const more_keys *more, const tree *entry)
{
  const char *known[2 * MORE_KEYS];
  int n = names_of(s->keys, s->n, known, MORE_KEYS);
  n += names_of(more->rows, more->n, known + n, MORE_KEYS);
  line l = { 0 }, path = { 0 };
  line_add(&l, "unknown key \"%.60s\" in %s", entry->key, s->what);
  if (!nearest_word(entry->key, known, n) && key_elsewhere(entry->key, &path))
    line_add(&l, "; there is `%s`", path.s);
  line_suggest(&l, entry->key, known, n);
  trouble(r, entry->key_at, "%s", l.s);
}

static void read_rest(reader *r, const schema *s, const more_keys *more, const tree *map,
                      void *into)
{
  for (const tree *c = map->first; c; c = c->next) {
    if (tree_get(map, c->key) != c) continue; /* a duplicate, told by the parser */
    if (key_known(s->keys, s->n, c->key) || more->n < 0 || key_known(more->rows, more->n, c->key))
      continue;
    if (s->each)
      s->each(r, c, into);
    else
      unknown_key(r, s, more, c);
  }
}

void schema_read(reader *r, const schema *s, const tree *n, void *into)
{
  char found[128];
  if (n->kind != TREE_MAP) {
    trouble(r, n->at,
            "%s must be a mapping (`{key: value, ...}`, or indented lines `key: value`), found %s",
            s->what, tree_found(n, found, sizeof found));
    return;
  }
  schema_defaults(r, s, into);
  for (int i = 0; i < s->n; i++) key_read(r, s, &s->keys[i], n, into);
  /* In the arena: they are large, this function calls itself, and stacks may be small. */
  static const more_keys none;
  more_keys *more = s->more ? reader_get(r, 1, sizeof *more) : NULL;
  if (s->more && !more) return;
  if (more) s->more(r->registry, into, more);
  for (int i = 0; more && i < more->n; i++) {
    key_default(r, &more->rows[i], into);
    key_read(r, s, &more->rows[i], n, into);
  }
  read_rest(r, s, more ? more : &none, n, into);
  if (s->check && !r->memory.status) s->check(r, n, into);
}
