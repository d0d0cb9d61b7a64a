/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tree is built from libyaml's events: its own documents are quadratic in depth, and hide
   places and duplicate keys. */
#include "config/yaml.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

typedef struct builder {
  reader *r;
  int setting;
  tree *open[YAML_DEPTH]; /* the mappings and lists that are not closed yet */
  int depth, nodes, documents;
  tree *root;
  char *key; /* read, its value not yet */
  place key_at;
} builder;

tree *tree_get(const tree *map, const char *key)
{
  for (tree *c = map->first; c; c = c->next)
    if (!strcmp(c->key, key)) return c;
  return NULL;
}

void tree_append(tree *parent, tree *child)
{
  if (parent->last)
    parent->last->next = child;
  else
    parent->first = child;
  parent->last = child;
  parent->count++;
}

bool tree_empty(const tree *n)
{
  return n->kind == TREE_SCALAR && !n->quoted && !n->text[0];
}

const char *tree_found(const tree *n, char *room, size_t size)
{
  static const char *const kinds[] = { "", "a list", "a mapping" };
  if (n->kind != TREE_SCALAR) return kinds[n->kind];
  if (tree_empty(n)) return "nothing";
  snprintf(room, size, "\"%.60s%s\"%s", n->text, strlen(n->text) > 60 ? "..." : "",
           n->quoted ? " in quotes" : "");
  return room;
}

static place place_of(const builder *b, yaml_mark_t mark)
{
  if (b->setting >= 0) return setting_place(b->setting);
  return (place){ .line = (int)mark.line + 1, .column = (int)mark.column + 1 };
}

static place place_at_byte(const builder *b, const char *s, size_t byte)
{
  yaml_mark_t mark = { 0 };
  for (size_t i = 0; i < byte; i++) {
    mark.column++;
    if (s[i] == '\n') mark = (yaml_mark_t){ .line = mark.line + 1 };
  }
  return place_of(b, mark);
}

/* libyaml's complaints in our words; the first row whose text is part of it counts. */
static const struct {
  const char *theirs, *ours;
} complaints[] = {
  { "expected ',' or '}'",
    "expected `,` or `}`: a mapping in braces is not closed; close it, or quote "
    "a value that contains `{`, `}`, `[`, `]` or `,`" },
  { "expected ',' or ']'", "expected `,` or `]`: a list in brackets is not closed; close it" },
  { "mapping values are not allowed",
    "found a `:` where no key can stand; check the indentation, put "
    "`key: value` pairs of one line in braces, or quote the text" },
  { "expected key",
    "expected `key: value`; check the indentation, and that every `[`, `{` and quote "
    "before this line is closed" },
  { "could not find expected ':'", "expected `:` after a key; write `key: value`" },
  { "unexpected end of stream", "the text ends inside quotes; close them" },
  { "unexpected document indicator", "found `---` or `...` inside quotes; close them" },
  { "cannot start any token", "found a character that can't start a value (a tab, `@`, `` ` `` or "
                              "`%`); indent with spaces, and put such texts in quotes" },
  { "tab character", "found a tab in the indentation; indent with spaces" },
  { "'-' indicator", "expected `-` as in the lines before; check the indentation" },
  { "sequence entries are not allowed",
    "found a `-` where no list can begin; check the indentation" },
  { "mapping keys are not allowed", "found a `?` where no key can stand; write `key: value`" },
  { "expected node content", "expected a value; check for a comma or bracket too many" },
  { "escape", "found an unknown escape in double quotes; write `\\\\` for a backslash, or use "
              "single quotes" },
  { "hexdecimal",
    "expected hexadecimal digits after the escape in double quotes; write `\\\\` for a backslash" },
  { "expected <document start>",
    "found text behind the end of the document; check the indentation" },
  { "undefined tag handle", "found a tag (`!name`); tags are not used in experiments, remove it" },
  { "alphabetic or numeric", "found a lone `&` or `*`; put a text that begins with it in quotes" },
  { "directive", "found a directive that is not understood; remove the line that begins with `%`" },
  { "ontrol characters", "found a control character; remove it" },
};

static void complain(builder *b, const yaml_parser_t *parser, const char *s)
{
  const char *theirs = parser->problem ? parser->problem : "unknown problem";
  place at = place_of(b, parser->problem_mark);
  if (parser->error == YAML_MEMORY_ERROR) {
    fail(&b->r->memory, ELBO_E_MEMORY, "out of memory while YAML is read; free some");
    return;
  }
  if (parser->error == YAML_READER_ERROR) at = place_at_byte(b, s, parser->problem_offset);
  for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++)
    if (strstr(theirs, complaints[i].theirs)) {
      trouble(b->r, at, "not YAML: %s", complaints[i].ours);
      return;
    }
  trouble(b->r, at,
          "not YAML: %s; expected `key: value` lines; check indentation, brackets and quotes",
          theirs);
}

static bool refuse(builder *b, yaml_mark_t mark, const char *what)
{
  trouble(b->r, place_of(b, mark), "%s", what);
  return false;
}

static bool no_extras(builder *b, const yaml_event_t *e, const yaml_char_t *anchor,
                      const yaml_char_t *tag)
{
  if (anchor)
    return refuse(b, e->start_mark,
                  "found an anchor (`&name`); anchors and aliases are not used in experiments: "
                  "write the value out");
  if (tag)
    return refuse(b, e->start_mark,
                  "found a tag (`!name`); tags are not used in experiments: remove it");
  return true;
}

static void duplicate_key(builder *b, const tree *map, const tree *child)
{
  const tree *old = tree_get(map, child->key);
  if (!old) return;
  if (b->setting >= 0)
    trouble(b->r, child->key_at, "key `%.60s` stands twice; keep one", child->key);
  else
    trouble(b->r, child->key_at, "key `%.60s` stands twice, first in line %d; keep one", child->key,
            old->key_at.line);
}

/* A new value under the innermost open node. NULL: refused, or no memory. */
static tree *value_add(builder *b, tree_kind kind, const yaml_event_t *e)
{
  if (++b->nodes > YAML_NODES) {
    trouble(b->r, place_of(b, e->start_mark), "more than %d values; an experiment has fewer",
            YAML_NODES);
    return NULL;
  }
  tree *n = reader_get(b->r, 1, sizeof *n);
  if (!n) return NULL;
  n->kind = kind;
  n->at = place_of(b, e->start_mark);
  tree *parent = b->depth ? b->open[b->depth - 1] : NULL;
  if (!parent) {
    b->root = n;
    return n;
  }
  if (parent->kind == TREE_MAP) {
    if (parent->count == YAML_KEYS) {
      trouble(b->r, b->key_at, "a mapping of more than %d keys; an experiment has fewer",
              YAML_KEYS);
      return NULL;
    }
    n->key = b->key;
    n->key_at = b->key_at;
    b->key = NULL;
    duplicate_key(b, parent, n);
  }
  tree_append(parent, n);
  return n;
}

static bool key_wanted(const builder *b)
{
  return b->depth && b->open[b->depth - 1]->kind == TREE_MAP && !b->key;
}

static bool on_scalar(builder *b, const yaml_event_t *e)
{
  const char *s = (const char *)e->data.scalar.value;
  if (!no_extras(b, e, e->data.scalar.anchor, e->data.scalar.tag)) return false;
  if (strlen(s) != e->data.scalar.length)
    return refuse(b, e->start_mark, "found an escaped NUL character; remove it");
  char *copy = reader_string(b->r, s);
  if (!copy) return false;
  if (key_wanted(b)) {
    b->key = copy;
    b->key_at = place_of(b, e->start_mark);
    return true;
  }
  tree *n = value_add(b, TREE_SCALAR, e);
  if (!n) return false;
  n->text = copy;
  n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
  return true;
}

static bool on_open(builder *b, const yaml_event_t *e, tree_kind kind)
{
  if (key_wanted(b))
    return refuse(b, e->start_mark,
                  "found a list or mapping as a key; expected a word, as in `key: value`");
  if (b->depth == YAML_DEPTH) {
    trouble(b->r, place_of(b, e->start_mark), "nested more than %d deep; an experiment is flatter",
            YAML_DEPTH);
    return false;
  }
  tree *n = value_add(b, kind, e);
  if (!n) return false;
  b->open[b->depth++] = n;
  return true;
}

static bool on_event(builder *b, const yaml_event_t *e)
{
  switch (e->type) {
  case YAML_DOCUMENT_START_EVENT:
    return !b->documents++ ||
           refuse(b, e->start_mark,
                  "found a second document (`---`); a file holds one experiment: split it");
  case YAML_ALIAS_EVENT:
    return refuse(b, e->start_mark,
                  "found an alias (`*name`); anchors and aliases are not used in experiments: "
                  "write the value out");
  case YAML_SCALAR_EVENT:
    return on_scalar(b, e);
  case YAML_SEQUENCE_START_EVENT:
    return no_extras(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag) &&
           on_open(b, e, TREE_LIST);
  case YAML_MAPPING_START_EVENT:
    return no_extras(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag) &&
           on_open(b, e, TREE_MAP);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    b->depth--;
    return true;
  default:
    return true;
  }
}

/* NUL and bad UTF-8 are found here, by line, before libyaml sees them. */
static bool characters_fine(builder *b, const char *s, size_t n)
{
  for (size_t at = 0; at < n;) {
    const char *end = memchr(s + at, '\n', n - at);
    size_t length = end ? (size_t)(end - (s + at)) : n - at;
    const char *nul = memchr(s + at, 0, length);
    if (nul) {
      trouble(b->r, place_at_byte(b, s, (size_t)(nul - s)),
              "found a NUL byte; an experiment is a text in UTF-8: remove it");
      return false;
    }
    if (!utf8_valid(s + at, length)) {
      trouble(b->r, place_at_byte(b, s, at),
              "this line is not valid UTF-8; save the file in UTF-8");
      return false;
    }
    at += length + 1;
  }
  return true;
}

static bool events(builder *b, yaml_parser_t *parser, const char *s)
{
  for (bool more = true; more;) {
    yaml_event_t e;
    if (!yaml_parser_parse(parser, &e)) {
      complain(b, parser, s);
      return false;
    }
    bool fine = on_event(b, &e);
    more = e.type != YAML_STREAM_END_EVENT;
    yaml_event_delete(&e);
    if (!fine) return false;
  }
  return true;
}

tree *yaml_read(reader *r, const char *s, size_t n, int setting)
{
  builder b = { .r = r, .setting = setting };
  if (n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) s += 3, n -= 3;
  if (n > YAML_BYTES) {
    trouble(r, place_of(&b, (yaml_mark_t){ 0 }), "%zu bytes; an experiment has at most %d", n,
            YAML_BYTES);
    return NULL;
  }
  if (!characters_fine(&b, s, n)) return NULL;
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser)) {
    fail(&r->memory, ELBO_E_MEMORY, "out of memory while YAML is read; free some");
    return NULL;
  }
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const unsigned char *)s, n);
  bool fine = events(&b, &parser, s);
  yaml_parser_delete(&parser);
  return fine ? b.root : NULL;
}
