/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of keys of `estimator`, `optimizer` and `train`. */
#include "config/schema.h"
#include "infer/estimator.h"
#include "infer/optimizer.h"

#include <math.h>
#include <string.h>

/* ---- estimator */
bool read_estimator_name(reader *r, const tree *n, const char **out)
{
  enum { MOST = 64 };
  const char *known[MOST] = { "auto" };
  int count = 1;
  if (!read_word(r, n, "an estimator", out)) return false;
  if (!strcmp(*out, "auto") || estimator_find(*out)) return true;
  for (int i = 0; i < n_estimators && count < MOST; i++) known[count++] = estimator_table[i]->name;
  line l = { 0 };
  line_add(&l, "unknown estimator \"%.60s\"", *out);
  line_suggest(&l, *out, known, count);
  trouble(r, n->at, "%s", l.s);
  return false;
}

static void read_estimator(reader *r, const key *k, const tree *n, void *into)
{
  estimator_spec *s = into;
  (void)k;
  read_estimator_name(r, n, &s->name);
}

static void write_estimator(writer *w, const key *k, const void *from)
{
  const estimator_spec *s = from;
  write_key(w, k->name);
  text_format(w->t, "%s\n", s->name);
}

/* One number, or from one to another. */
static const key temperature_keys[] = {
  { "from", KEY_NUMBER, offsetof(estimator_spec, temperature_from), .low = 0, .open_low = true,
    .high = MOST_SIZE, .required = true, .example = "1", .help = "temperature at the start" },
  { "to", KEY_NUMBER, offsetof(estimator_spec, temperature_to), .low = 0, .open_low = true,
    .high = MOST_SIZE, .required = true, .example = "0.3", .help = "temperature after `epochs`" },
  { "epochs", KEY_NUMBER, offsetof(estimator_spec, temperature_epochs), .low = 0, .open_low = true,
    .high = MOST_SIZE, .required = true, .example = "10",
    .help = "it goes exponentially over so many epochs" },
};
static const schema temperature_schema = { .what = "temperature", KEYS(temperature_keys) };

static void read_temperature(reader *r, const key *k, const tree *n, void *into)
{
  estimator_spec *s = into;
  if (n->kind == TREE_MAP)
    schema_read(r, &temperature_schema, n, s);
  else if (read_number(r, k, n, &s->temperature_from))
    s->temperature_to = s->temperature_from;
}

static bool temperature_written(const void *from)
{
  return ((const estimator_spec *)from)->temperature_from > 0;
}

static void write_temperature(writer *w, const key *k, const void *from)
{
  const estimator_spec *s = from;
  if (s->temperature_epochs > 0) {
    schema_write_map(w, k->name, &temperature_schema, s);
    return;
  }
  write_key(w, k->name);
  write_numbers(w, &s->temperature_from, 1);
  text_add(w->t, "\n");
}

static const char *density_word(int i)
{
  static const char *const all[] = { "discrete", "relaxed" };
  return all[i];
}
static const words density_words = { "value", NULL, density_word };

static bool density_written(const void *from)
{
  return ((const estimator_spec *)from)->density_relaxed;
}

static bool scale_written(const void *from)
{
  return ((const estimator_spec *)from)->scale != 1;
}

static const char *noise_name(int i)
{
  return noise_names[i];
}
static const words noise_words = { "noise", &n_noises, noise_name };

static const key estimator_keys[] = {
  { "name", KEY_OTHER, .read = read_estimator, .write = write_estimator,
    .form = "name of an estimator; default auto", .example = "iwae",
    .help = "auto takes sgvb_b where it applies, else the next best, and the plan says which" },
  { "samples", KEY_COUNT, offsetof(estimator_spec, samples), .standard = 1, .low = 1,
    .high = MOST_SAMPLES, .example = "5", .help = "draws of the latents per row" },
  { "temperature", KEY_OTHER, .at = AT(estimator_spec, temperature_at), .low = 0, .open_low = true,
    .high = MOST_SIZE, .written = temperature_written, .read = read_temperature,
    .write = write_temperature, .map = &temperature_schema,
    .form = "number, or a mapping; default 0.5 where a value is relaxed", .example = "0.5",
    .help = "of the relaxed twin of a discrete latent (concrete, rebar)" },
  { "density", KEY_SWITCH, offsetof(estimator_spec, density_relaxed),
    AT(estimator_spec, density_at), .words = &density_words, .written = density_written,
    .example = "relaxed",
    .help =
        "concrete: log p and log q of a relaxed value, the discrete ones continued or the twin's" },
  { "scale", KEY_NUMBER, offsetof(estimator_spec, scale), AT(estimator_spec, scale_at),
    .standard = 1, .low = -MOST_SIZE, .high = MOST_SIZE, .written = scale_written, .example = "0.7",
    .help = "of rebar's control variate; unbiased whatever it is" },
  { "noise", KEY_WORD, offsetof(estimator_spec, noise), AT(estimator_spec, noise_at),
    .words = &noise_words, .word = "iid", .example = "antithetic",
    .help =
        "how the samples of a row hang together; others than iid for score, sgvb_a, sgvb_b, stl" },
};
const schema estimator_schema = { .what = "estimator", KEYS(estimator_keys) };

/* ---- optimizer and schedule: their constants are rows of the optimizer's own table */
static const char *optimizer_name(int i)
{
  return optimizer_table[i].name;
}
static const words optimizer_words = { "optimizer", &n_optimizers, optimizer_name };
static const char *schedule_name(int i)
{
  return schedule_table[i].name;
}
static const words schedule_words = { "schedule", &n_schedules, schedule_name };

static key hyper_key(const hyper *h, size_t offset)
{
  return (key){ .name = h->name,
                .type = KEY_NUMBER,
                .offset = offset,
                .standard = h->standard,
                .low = h->low,
                .high = h->high,
                .open_low = h->open_low,
                .open_high = h->open_high,
                .help = h->help };
}

static void hyper_keys(const hyper *h, int n, size_t offset, more_keys *out)
{
  out->n = n;
  for (int i = 0; i < n; i++) out->rows[i] = hyper_key(&h[i], offset + (size_t)i * sizeof(double));
}

static void optimizer_more(const registry *r, const void *into, more_keys *out)
{
  const optimizer_spec *s = into;
  (void)r;
  out->n = -1;
  if (s->kind < 0) return;
  hyper_keys(optimizer_table[s->kind].hypers, optimizer_table[s->kind].n_hypers,
             offsetof(optimizer_spec, hyper), out);
}

static void schedule_more(const registry *r, const void *into, more_keys *out)
{
  const optimizer_spec *s = into;
  (void)r;
  out->n = -1;
  if (s->schedule < 0) return;
  hyper_keys(schedule_table[s->schedule].hypers, schedule_table[s->schedule].n_hypers,
             offsetof(optimizer_spec, schedule_hyper), out);
}

static void print_hypers(text *out, int depth, const char *name, const char *help, const hyper *h,
                         int n)
{
  text_format(out, "%*s%s: %s\n", 2 * depth, "", name, help);
  for (int i = 0; i < n; i++) {
    key k = hyper_key(&h[i], 0);
    key_print(out, &k, depth + 1);
  }
}

static void print_optimizers(text *out, int depth)
{
  for (int i = 0; i < n_optimizers; i++)
    print_hypers(out, depth, optimizer_table[i].name, optimizer_table[i].help,
                 optimizer_table[i].hypers, optimizer_table[i].n_hypers);
}

static void print_schedules(text *out, int depth)
{
  for (int i = 0; i < n_schedules; i++)
    print_hypers(out, depth, schedule_table[i].name, schedule_table[i].help,
                 schedule_table[i].hypers, schedule_table[i].n_hypers);
}

static const key schedule_keys[] = {
  { "name", KEY_WORD, offsetof(optimizer_spec, schedule), .words = &schedule_words,
    .word = "constant", .example = "cosine", .help = "how the learning rate changes" },
};
static const schema schedule_schema = { .what = "schedule",
                                        KEYS(schedule_keys),
                                        .more = schedule_more,
                                        .rest_help = "and the constants of the schedule:",
                                        .print_rest = print_schedules };

static const key optimizer_keys[] = {
  { "name", KEY_WORD, offsetof(optimizer_spec, kind), .words = &optimizer_words, .word = "adam",
    .example = "rmsprop", .help = "the method" },
  { "learning_rate", KEY_NUMBER, offsetof(optimizer_spec, learning_rate), .standard = 0.001,
    .low = 0, .open_low = true, .high = INFINITY, .example = "0.002", .help = "of the first step" },
  { "weight_decay", KEY_NUMBER, offsetof(optimizer_spec, weight_decay), .low = 0, .high = INFINITY,
    .example = "0.01",
    .help = "decoupled: each step takes learning_rate times this part off every weight" },
  { "clip", KEY_NUMBER, offsetof(optimizer_spec, clip), .low = 0, .open_low = true,
    .high = INFINITY, .example = "10",
    .help = "the gradient's norm is cut to this; without it, it is not cut" },
  { "schedule", KEY_MAP, .map = &schedule_schema, .named = true, .example = "cosine",
    .help = "of the learning rate; a bare word is its name" },
};
const schema optimizer_schema = { .what = "optimizer",
                                  KEYS(optimizer_keys),
                                  .more = optimizer_more,
                                  .rest_help = "and the constants of the method:",
                                  .print_rest = print_optimizers };

/* ---- train */
static const char *keep_word(int i)
{
  static const char *const all[] = { "last", "best" };
  return all[i];
}
static const words keep_words = { "value", NULL, keep_word };

static const key kl_keys[] = {
  { "from", KEY_NUMBER, offsetof(train_spec, kl_from), .standard = 0, .low = 0, .high = INFINITY,
    .example = "0", .help = "weight at the start" },
  { "to", KEY_NUMBER, offsetof(train_spec, kl_to), .standard = 1, .low = 0, .high = INFINITY,
    .example = "1", .help = "weight after `epochs`" },
  { "epochs", KEY_NUMBER, offsetof(train_spec, kl_epochs), .low = 0, .open_low = true,
    .high = MOST_SIZE, .required = true, .example = "10",
    .help = "the weight rises linearly over so many epochs" },
};
static const schema kl_schema = { .what = "kl_weight", KEYS(kl_keys) };

static void read_kl_weight(reader *r, const key *k, const tree *n, void *into)
{
  train_spec *t = into;
  if (n->kind == TREE_MAP)
    schema_read(r, &kl_schema, n, t);
  else if (read_number(r, k, n, &t->kl_from))
    t->kl_to = t->kl_from;
}

static void write_kl_weight(writer *w, const key *k, const void *from)
{
  const train_spec *t = from;
  if (t->kl_epochs > 0) {
    schema_write_map(w, k->name, &kl_schema, t);
    return;
  }
  write_key(w, k->name);
  write_numbers(w, &t->kl_from, 1);
  text_add(w->t, "\n");
}

static void train_check(reader *r, const tree *map, void *into)
{
  const train_spec *t = into;
  if (r->x->validate > 0 || (!t->patience && !t->keep_best)) return;
  const tree *n = tree_get(map, t->patience ? "patience" : "keep");
  trouble(r, n->key_at, "`%s` judges by held-out rows, and none are: add `validate: 0.1` to data",
          n->key);
}

static const key train_keys[] = {
  { "epochs", KEY_COUNT, offsetof(train_spec, epochs), .standard = 10, .low = 1, .high = MOST_SIZE,
    .example = "20", .help = "passes over the training rows" },
  { "batch_size", KEY_COUNT, offsetof(train_spec, batch_size), AT(train_spec, batch_at),
    .standard = 100, .low = 1, .high = MOST_SIZE, .example = "50", .help = "rows of a step" },
  { "log_every", KEY_COUNT, offsetof(train_spec, log_every), .low = 1, .high = MOST_ROWS,
    .example = "100", .help = "steps; without it, each epoch" },
  { "checkpoint_every", KEY_COUNT, offsetof(train_spec, checkpoint_every), .low = 1,
    .high = MOST_ROWS, .example = "1000", .help = "steps; without it, each epoch" },
  { "keep", KEY_SWITCH, offsetof(train_spec, keep_best), .words = &keep_words, .example = "best",
    .help = "which weights the run ends with, by the held-out rows" },
  { "patience", KEY_COUNT, offsetof(train_spec, patience), .low = 1, .high = MOST_SIZE,
    .example = "5",
    .help = "stop after so many epochs without a better ELBO of the held-out rows" },
  { "kl_weight", KEY_OTHER, .low = 0, .high = INFINITY, .read = read_kl_weight,
    .write = write_kl_weight, .map = &kl_schema, .form = "number, or a mapping; default 1",
    .example = "{from: 0, to: 1, epochs: 10}",
    .help = "factor on the KL term; while it is not 1 the objective is not the ELBO" },
};
const schema train_schema = { .what = "train", KEYS(train_keys), .check = train_check };
