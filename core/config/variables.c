/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of keys of one variable of p or q: family, parents, net, parameters. */
#include "config/schema.h"
#include "dist/family.h"

#include <string.h>

static const char reserved[] = RESERVED_HELP;

enum { MOST_NAME = 64, MOST_PARENTS = 2 * MOST_VARIABLES };

static bool word_reserved(const char *s)
{
  static const char *const all[] = { "plate", "prev", "nets" };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!strcmp(s, all[i])) return true;
  return false;
}

static bool room_for(reader *r, const tree *entry, int n)
{
  if (n < MOST_VARIABLES) return true;
  trouble(r, entry->key_at, "\"%s\" is one variable too many; a list has at most %d", entry->key,
          MOST_VARIABLES);
  return false;
}

bool variable_fine(reader *r, const tree *entry, int n)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  const char *s = entry->key;
  if (word_reserved(s))
    trouble(r, entry->key_at, "`%s` %s, or choose another name for the variable", s, reserved);
  else if (!s[0] || s[strspn(s, letters)] || strchr("0123456789", s[0]) || strlen(s) > MOST_NAME)
    trouble(r, entry->key_at,
            "\"%.60s\" can't name a variable; expected at most %d letters, digits and `_`, a "
            "letter first",
            s, MOST_NAME);
  else
    return room_for(r, entry, n);
  return false;
}

/* ---- names that the registry and the table of estimators know */
static void read_family(reader *r, const key *k, const tree *n, void *into)
{
  conditional *c = into;
  error e = { 0 };
  if (!read_word(r, n, k->name, &c->family)) return;
  c->family_at = n->at;
  if (!registry_find(r->registry, ELBO_KIND_FAMILY, c->family, &e)) trouble(r, n->at, "%s", e.text);
}

static void read_reparam(reader *r, const key *k, const tree *n, void *into)
{
  conditional *c = into;
  error e = { 0 };
  if (!read_word(r, n, k->name, &c->reparam)) return;
  if (!registry_find(r->registry, ELBO_KIND_REPARAM, c->reparam, &e))
    trouble(r, n->at, "%s", e.text);
}

static void read_gradient(reader *r, const key *k, const tree *n, void *into)
{
  conditional *c = into;
  (void)k;
  read_estimator_name(r, n, &c->gradient);
}

static void write_word_of(writer *w, const key *k, const char *s)
{
  if (!s) return;
  write_key(w, k->name);
  text_format(w->t, "%s\n", s);
}

static void write_family(writer *w, const key *k, const void *from)
{
  write_word_of(w, k, ((const conditional *)from)->family);
}

static void write_reparam(writer *w, const key *k, const void *from)
{
  write_word_of(w, k, ((const conditional *)from)->reparam);
}

static void write_gradient(writer *w, const key *k, const void *from)
{
  write_word_of(w, k, ((const conditional *)from)->gradient);
}

/* ---- parents */
static void add_parent(reader *r, conditional *c, const tree *n)
{
  const char *s;
  if (n->kind == TREE_MAP) {
    trouble(r, n->at, "`given` takes names of variables; a mapping there (`prev` and the like) %s",
            reserved);
    return;
  }
  if (!read_word(r, n, "a parent in `given`", &s)) return;
  if (word_reserved(s)) {
    trouble(r, n->at, "`%s` %s", s, reserved);
    return;
  }
  for (int i = 0; i < c->n_given; i++)
    if (!strcmp(c->given[i], s)) {
      trouble(r, n->at, "parent \"%.60s\" stands twice in `given` of \"%s\"; keep one", s,
              c->variable);
      return;
    }
  c->given[c->n_given++] = s;
}

static void read_given(reader *r, const key *k, const tree *n, void *into)
{
  conditional *c = into;
  (void)k;
  c->given = reader_get(r, (size_t)n->count + 1, sizeof *c->given);
  if (!c->given) return;
  if (n->kind != TREE_LIST)
    add_parent(r, c, n);
  else if (n->count > MOST_PARENTS)
    trouble(r, n->at, "`given` lists %d parents; at most %d are possible", n->count, MOST_PARENTS);
  else
    for (const tree *p = n->first; p; p = p->next) add_parent(r, c, p);
}

static void write_given(writer *w, const key *k, const void *from)
{
  const conditional *c = from;
  if (!c->n_given) return;
  write_key(w, k->name);
  for (int i = 0; i < c->n_given; i++) text_format(w->t, "%s%s", i ? ", " : "[", c->given[i]);
  text_add(w->t, "]\n");
}

/* ---- net */
static void read_net(reader *r, const key *k, const tree *n, void *into)
{
  conditional *c = into;
  c->net.at = n->at;
  if (n->kind == TREE_SCALAR && !tree_empty(n)) {
    trouble(r, n->at, "`net: NAME` %s, or write the net out: `net: {hidden: [500]}`", reserved);
    return;
  }
  c->net.present = true;
  schema_read(r, &net_schema, n, &c->net);
  (void)k;
}

static void write_net(writer *w, const key *k, const void *from)
{
  const conditional *c = from;
  if (c->net.present) schema_write_map(w, k->name, &net_schema, &c->net);
}

/* ---- parameters: the rows come from the family */
static const char *share_word(int i)
{
  static const char *const all[] = { "none", "event" };
  return all[i];
}
static const words share_words = { "value", NULL, share_word };

static void read_init_values(reader *r, const key *k, const tree *n, void *into)
{
  param_spec *p = into;
  read_numbers(r, k, n, &p->values, &p->n_values);
}

static const key param_keys[] = {
  { "share", KEY_SWITCH, offsetof(param_spec, share_event), .words = &share_words,
    .help = "event: one head for all events" },
  { "init", KEY_OTHER, .read = read_init_values, .form = "number or list",
    .help = "learned, from this start" },
  { "from", KEY_REFUSED, .help = reserved },
};

static void param_check(reader *r, const tree *map, void *into)
{
  param_spec *p = into;
  const tree *init = tree_get(map, "init"), *share = tree_get(map, "share");
  p->kind = init ? GIVEN_LEARN : GIVEN_HEAD;
  if (!init == !share && !tree_get(map, "from"))
    trouble(
        r, map->at,
        "%s must have either `share` (a head of the net) or `init` (a learned number), found %s",
        p->name, init ? "both; remove one" : "neither; add one");
}
static const schema param_schema = { .what = "a parameter",
                                     KEYS(param_keys),
                                     .check = param_check };

static void read_param(reader *r, const key *k, const tree *n, void *into)
{
  conditional *c = into;
  if (!c->params) c->params = reader_get(r, MORE_KEYS, sizeof *c->params);
  if (!c->params) return;
  int before = r->p->n;
  param_spec *p = &c->params[c->n_params];
  p->name = n->key;
  p->at = n->key_at;
  if (n->kind == TREE_MAP)
    schema_read(r, &param_schema, n, p);
  else if (n->kind == TREE_SCALAR &&
           !strcmp(n->text, "learn")) /* JSON has no word without quotes */
    p->kind = GIVEN_LEARN;
  else
    read_numbers(r, k, n, &p->values, &p->n_values);
  if (r->p->n == before) c->n_params++;
}

static const param_spec *param_of(const conditional *c, const char *name)
{
  for (int i = 0; i < c->n_params; i++)
    if (!strcmp(c->params[i].name, name)) return &c->params[i];
  return NULL;
}

static void write_param(writer *w, const key *k, const void *from)
{
  const param_spec *p = param_of(from, k->name);
  if (!p) return;
  write_key(w, k->name);
  if (p->kind == GIVEN_HEAD)
    text_format(w->t, "{share: %s}", share_word(p->share_event));
  else if (p->kind == GIVEN_LEARN && !p->n_values)
    text_add(w->t, "learn");
  else {
    if (p->kind == GIVEN_LEARN) text_add(w->t, "{init: ");
    write_numbers(w, p->values, p->n_values);
    if (p->kind == GIVEN_LEARN) text_add(w->t, "}");
  }
  text_add(w->t, "\n");
}

static void family_keys(const registry *r, const void *into, more_keys *out)
{
  const conditional *c = into;
  const char *names[MORE_KEYS];
  const plugin *found = c->family ? registry_find(r, ELBO_KIND_FAMILY, c->family, NULL) : NULL;
  out->n = -1;
  if (!found) return;
  out->n = param_names(found->info.table, names, MORE_KEYS, out->text, sizeof out->text);
  for (int i = 0; i < out->n; i++)
    out->rows[i] = (key){ .name = names[i],
                          .type = KEY_OTHER,
                          .read = read_param,
                          .write = write_param,
                          .form = "parameter",
                          .help = "of the family" };
}

/* ---- the three tables */
static const char *improper_word(int i)
{
  static const char *const all[] = { "refuse", "allow" };
  return all[i];
}
static bool is_improper(const void *from)
{
  return ((const conditional *)from)->improper;
}

static const words improper_words = { "value", NULL, improper_word };

static const char params_help[] = "PARAMETER: of the family, in any of its forms: a number, a list "
                                  "of numbers (constant); learn, or {init: NUMBER} "
                                  "(learned); {share: event} (a head of the net, one for all "
                                  "events). Without a net, one that is not given is standard, "
                                  "as in `scale: {share: event}`";

#define FAMILY                                                                                     \
  {                                                                                                \
    "family", KEY_OTHER, .required = true, .read = read_family, .write = write_family,             \
                         .form = "name of a family", .example = "laplace",                         \
                         .help = "the distribution"                                                \
  }
#define GIVEN(EXAMPLE)                                                                             \
  {                                                                                                \
    "given", KEY_OTHER, .at = AT(conditional, given_at), .read = read_given, .write = write_given, \
                        .form = "name, or list of names", .example = EXAMPLE,                      \
                        .help = "parents; what the net sees"                                       \
  }
#define NET                                                                                        \
  {                                                                                                \
    "net", KEY_OTHER, .read = read_net, .write = write_net, .map = &net_schema, .form = "mapping", \
                      .help = "from the parents to the parameters"                                 \
  }
#define REPARAM                                                                                    \
  {                                                                                                \
    "reparam", KEY_OTHER, .at = AT(conditional, reparam_at), .read = read_reparam,                 \
                          .write = write_reparam, .form = "name of a reparametrizer",              \
                          .example = "location_scale",                                             \
                          .help = "the road of the gradient; default: the family's"                \
  }

static const key p_keys[] = {
  FAMILY,
  { "size", KEY_COUNT, offsetof(conditional, size), AT(conditional, size_at), .low = 1,
    .high = MOST_SIZE, .example = "8",
    .help = "independent events of a latent; of an observed variable the data tell it" },
  { "dim", KEY_COUNT, offsetof(conditional, dim), .low = 1, .high = MOST_SIZE, .example = "3",
    .help = "K of a vector family, or of classes" },
  GIVEN("z"),
  NET,
  REPARAM,
  { "improper", KEY_SWITCH, offsetof(conditional, improper), .written = is_improper,
    .words = &improper_words, .example = "allow",
    .help = "of an observed variable: allow data on which the family is no density" },
  { "gradient", KEY_REFUSED, .help = "belongs to the latent's entry in q; move it there" },
  RESERVED("plate"),
  RESERVED("prev"),
};
const schema p_schema = {
  .what = "a variable of p", KEYS(p_keys), .more = family_keys, .rest_help = params_help
};

static const key q_keys[] = {
  FAMILY,
  GIVEN("x"),
  NET,
  REPARAM,
  { "gradient", KEY_OTHER, .at = AT(conditional, gradient_at), .read = read_gradient,
    .write = write_gradient, .form = "name of an estimator", .example = "sgvb_a",
    .help = "of this latent; default: that of the experiment" },
  { "size", KEY_REFUSED, .help = "is written once, in p; remove it here" },
  { "dim", KEY_REFUSED, .help = "is written once, in p; remove it here" },
  { "improper", KEY_REFUSED, .help = "is of observed variables, in p; remove it here" },
  RESERVED("plate"),
  RESERVED("prev"),
};
const schema q_schema = {
  .what = "a variable of q", KEYS(q_keys), .more = family_keys, .rest_help = params_help
};

static const key weight_prior_keys[] = { FAMILY };
const schema weight_prior_schema = { .what = "weight_prior",
                                     KEYS(weight_prior_keys),
                                     .more = family_keys,
                                     .rest_help =
                                         "PARAMETER: of the family, a number, as in `scale: 2`" };
