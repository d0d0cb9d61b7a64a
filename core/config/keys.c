/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of keys of the experiment and its model. */
#include "config/schema.h"

#include <string.h>

static void read_conditional(reader *r, const schema *s, const tree *entry, conditional **list,
                             int *n)
{
  if (!*list) *list = reader_get(r, MOST_VARIABLES, sizeof **list);
  if (!*list || !variable_fine(r, entry, *n)) return;
  conditional *c = &(*list)[(*n)++];
  c->variable = entry->key;
  c->at = entry->key_at;
  schema_read(r, s, entry, c);
}

static void read_p(reader *r, const tree *entry, void *into)
{
  experiment *x = into;
  read_conditional(r, &p_schema, entry, &x->p, &x->n_p);
}

static void read_q(reader *r, const tree *entry, void *into)
{
  experiment *x = into;
  read_conditional(r, &q_schema, entry, &x->q, &x->n_q);
}

static void write_p(writer *w, const void *from)
{
  const experiment *x = from;
  for (int i = 0; i < x->n_p; i++) schema_write_map(w, x->p[i].variable, &p_schema, &x->p[i]);
}

static void write_q(writer *w, const void *from)
{
  const experiment *x = from;
  for (int i = 0; i < x->n_q; i++) schema_write_map(w, x->q[i].variable, &q_schema, &x->q[i]);
}

static const schema p_list = { .what = "model.p",
                               .each = read_p,
                               .write_each = write_p,
                               .rest_help = "NAME: mapping. One variable given its parents",
                               .rest_map = &p_schema };
static const schema q_list = { .what = "model.q",
                               .each = read_q,
                               .write_each = write_q,
                               .rest_help = "NAME: mapping. One latent given its parents",
                               .rest_map = &q_schema };

static bool q_written(const void *from)
{
  const experiment *x = from;
  return x->n_q > 0;
}

static bool weight_prior_written(const void *from)
{
  const experiment *x = from;
  return x->has_weight_prior;
}

static void model_check(reader *r, const tree *map, void *into)
{
  experiment *x = into;
  (void)r;
  x->has_weight_prior = tree_get(map, "weight_prior") != NULL;
}

static const key model_keys[] = {
  { "p", KEY_MAP, .map = &p_list, .required = true, .help = "how the data come about" },
  { "q", KEY_MAP, .map = &q_list, .written = q_written, .help = "how the latents are inferred" },
  { "weight_prior", KEY_MAP, offsetof(experiment, weight_prior), AT(experiment, weight_prior.at),
    .map = &weight_prior_schema, .written = weight_prior_written,
    .example = "{family: normal, scale: 1}",
    .help = "of every learned number of p; makes the estimate MAP instead of ML" },
  RESERVED("nets"),
};
static const schema model_schema = { .what = "model", KEYS(model_keys), .check = model_check };

static void experiment_check(reader *r, const tree *map, void *into)
{
  const experiment *x = into;
  if (!x->name || (!strchr(x->name, '/') && x->name[0] != '.' && strlen(x->name) <= 200)) return;
  trouble(r, tree_get(map, "name")->at,
          "name \"%.60s\" must be fit for a folder: no `/`, no `.` in front, at most 200 bytes",
          x->name);
}

static const key experiment_keys_table[] = {
  { "name", KEY_TEXT, offsetof(experiment, name), .example = "digits-laplace",
    .help = "of the experiment, and of its run; default: the file's name" },
  { "seed", KEY_SEED, offsetof(experiment, seed), .standard = 1, .example = "7",
    .help = "of everything that is drawn" },
  { "data", KEY_MAP, 0, AT(experiment, data_at), .map = &data_schema, .required = true,
    .help = "what is observed" },
  { "model", KEY_MAP, 0, AT(experiment, model_at), .map = &model_schema, .required = true,
    .help = "the random variables" },
  { "estimator", KEY_MAP, offsetof(experiment, estimator), AT(experiment, estimator.at),
    .map = &estimator_schema, .named = true, .example = "sgvb_a",
    .help = "of the gradient; a bare word is its name" },
  { "optimizer", KEY_MAP, offsetof(experiment, optimizer), AT(experiment, optimizer.at),
    .map = &optimizer_schema, .named = true, .example = "adam", .help = "a bare word is its name" },
  { "train", KEY_MAP, offsetof(experiment, train), AT(experiment, train.at), .map = &train_schema,
    .help = "how long, in which steps" },
  RESERVED("nets"),
};
const schema experiment_schema = { .what = "the experiment",
                                   KEYS(experiment_keys_table),
                                   .check = experiment_check };
