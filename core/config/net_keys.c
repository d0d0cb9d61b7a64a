/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of keys of a net. */
#include "config/schema.h"
#include "graph/activation.h"
#include "nn/net.h"

#include <math.h>

enum { MOST_LAYERS = 1000 };

static const char *activation_name(int i)
{
  return activation_table[i].name;
}
static const words activation_words = { "activation", &n_activations, activation_name };
static const char *init_name(int i)
{
  return init_table[i].name;
}
static const words init_words = { "initialiser", &n_inits, init_name };

/* Whether an initialiser has a scale of its own shows in what it does with two of them. */
static bool init_has_scale(const void *from)
{
  const net_spec *n = from;
  if (n->init < 0) return true;
  return init_table[n->init].spread(1, 1, 1) != init_table[n->init].spread(1, 1, 2);
}

static void init_check(reader *r, const tree *map, void *into)
{
  const net_spec *n = into;
  const tree *scale = tree_get(map, "scale");
  if (scale && !init_has_scale(n))
    trouble(r, scale->key_at,
            "initialiser \"%s\" has no scale, it follows from the layer; remove it",
            init_table[n->init].name);
}

static const key init_keys[] = {
  { "name", KEY_WORD, offsetof(net_spec, init), .words = &init_words, .word = "torch",
    .example = "normal", .help = "how weights start; biases start at 0" },
  { "scale", KEY_NUMBER, offsetof(net_spec, init_scale), .standard = 0.01, .low = 0,
    .open_low = true, .high = INFINITY, .written = init_has_scale, .example = "0.05",
    .help = "standard deviation of `normal`" },
};
static const schema init_schema = { .what = "init", KEYS(init_keys), .check = init_check };

static void read_hidden(reader *r, const key *k, const tree *n, void *into)
{
  net_spec *net = into;
  if (n->kind != TREE_LIST || n->count > MOST_LAYERS) {
    trouble(r, n->at,
            "hidden must be a list of at most %d layer sizes; write for example `hidden: [500]`, "
            "or `[]` for a linear map",
            MOST_LAYERS);
    return;
  }
  net->hidden = reader_get(r, (size_t)n->count, sizeof *net->hidden);
  if (!net->hidden) return;
  for (const tree *c = n->first; c; c = c->next) {
    int64_t v;
    if (read_count(r, k, c, &v)) net->hidden[net->n_hidden++] = (size_t)v;
  }
}

static void write_hidden(writer *w, const key *k, const void *from)
{
  const net_spec *net = from;
  write_key(w, k->name);
  text_add(w->t, "[");
  for (int i = 0; i < net->n_hidden; i++) text_format(w->t, "%s%zu", i ? ", " : "", net->hidden[i]);
  text_add(w->t, "]\n");
}

static const key net_keys[] = {
  { "hidden", KEY_OTHER, .low = 1, .high = MOST_SIZE, .required = true, .read = read_hidden,
    .write = write_hidden, .form = "list of whole numbers", .example = "[64, 32]",
    .help = "sizes of the hidden layers; [] is the linear case" },
  { "activation", KEY_WORD, offsetof(net_spec, activation), .words = &activation_words,
    .word = "tanh", .example = "relu", .help = "after every hidden layer, never after a head" },
  { "init", KEY_MAP, .map = &init_schema, .named = true, .example = "he",
    .help = "a bare word is its name" },
  { "dropout", KEY_NUMBER, offsetof(net_spec, dropout), .low = 0, .high = 1, .open_high = true,
    .example = "0.1", .help = "probability of dropping a hidden unit in training" },
};
const schema net_schema = { .what = "net", KEYS(net_keys) };
