/* SPDX-License-Identifier: GPL-3.0-or-later */
/* yaml.h - a YAML text as a tree with places. Private to core/config. */
#ifndef ELBO_CONFIG_YAML_H
#define ELBO_CONFIG_YAML_H

#include "config/reader.h"

/* What a text may ask for at most; experiments are far below. */
enum { YAML_BYTES = 4 << 20, YAML_DEPTH = 64, YAML_NODES = 100000, YAML_KEYS = 1000 };

typedef enum { TREE_SCALAR, TREE_LIST, TREE_MAP } tree_kind;
typedef struct tree {
  tree_kind kind;
  place at;
  const char *key; /* inside a mapping */
  place key_at;
  const char *text; /* scalar: NUL-ended, valid UTF-8 without NUL */
  bool quoted;      /* scalar: a text, never a number */
  struct tree *first, *last, *next;
  int count; /* of children */
} tree;

/* The one document of `s`; NULL with problems in r when there is none. Anchors, aliases, tags
 * and further documents are refused; duplicate keys are problems, the tree then keeps the
 * first. setting: -1, or the setting that the text belongs to. */
tree *yaml_read(reader *r, const char *s, size_t n, int setting);

tree *tree_get(const tree *map, const char *key); /* NULL: not there */
void tree_append(tree *parent, tree *child);
/* What stands there, in words: `"abc"`, `nothing`, `a list`, `a mapping`, `"12" in quotes`.
 * room [size] */
const char *tree_found(const tree *n, char *room, size_t size);
bool tree_empty(const tree *n); /* `key:` and nothing behind it */

#endif
