/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine over the tables of keys: writing an experiment back, and printing the keys. */
#include "config/config.h"
#include "config/schema.h"

#include <inttypes.h>
#include <string.h>

static void write_text(writer *w, const key *k, const void *at)
{
  const char *s = *(const char *const *)at;
  if (!s) return;
  write_key(w, k->name);
  write_quoted(w, s);
  text_add(w->t, "\n");
}

static void write_count(writer *w, const key *k, const void *at)
{
  int64_t v = *(const int64_t *)at;
  if (!key_in_range(k, (double)v)) return;
  write_key(w, k->name);
  text_format(w->t, "%" PRId64 "\n", v);
}

static void write_number(writer *w, const key *k, const void *at)
{
  double v = *(const double *)at;
  if (!key_in_range(k, v)) return;
  write_key(w, k->name);
  write_numbers(w, &v, 1);
  text_add(w->t, "\n");
}

static void write_seed(writer *w, const key *k, const void *at)
{
  write_key(w, k->name);
  text_format(w->t, "%" PRIu64 "\n", *(const uint64_t *)at);
}

static void write_switch(writer *w, const key *k, const void *at)
{
  write_key(w, k->name);
  text_format(w->t, "%s\n", k->words->at(*(const bool *)at));
}

static void write_word(writer *w, const key *k, const void *at)
{
  write_key(w, k->name);
  text_format(w->t, "%s\n", k->words->at(*(const int *)at));
}

void schema_write_map(writer *w, const char *name, const schema *s, const void *from)
{
  text_format(w->t, "%*s%s:\n", 2 * w->depth, "", name);
  w->depth++;
  schema_write(w, s, from);
  w->depth--;
}

static void write_map(writer *w, const key *k, const void *at)
{
  schema_write_map(w, k->name, k->map, at);
}

static void write_other(writer *w, const key *k, const void *at)
{
  k->write(w, k, at);
}

static void write_nothing(writer *w, const key *k, const void *at)
{
  (void)w, (void)k, (void)at;
}

static void (*const writers[])(writer *, const key *, const void *at) = {
  [KEY_TEXT] = write_text,       [KEY_PATH] = write_text, [KEY_COUNT] = write_count,
  [KEY_NUMBER] = write_number,   [KEY_SEED] = write_seed, [KEY_SWITCH] = write_switch,
  [KEY_WORD] = write_word,       [KEY_MAP] = write_map,   [KEY_OTHER] = write_other,
  [KEY_REFUSED] = write_nothing,
};

static void keys_write(writer *w, const key *keys, int n, const void *from)
{
  for (int i = 0; i < n; i++) {
    const key *k = &keys[i];
    if (k->written && !k->written(from)) continue;
    writers[k->type](w, k, (const char *)from + (k->type == KEY_OTHER ? 0 : k->offset));
  }
}

void schema_write(writer *w, const schema *s, const void *from)
{
  more_keys more = { .n = 0 };
  keys_write(w, s->keys, s->n, from);
  if (s->more) s->more(w->registry, from, &more);
  keys_write(w, more.rows, more.n, from);
  if (s->write_each) s->write_each(w, from);
}

elbo_status experiment_write(const experiment *x, const registry *r, text *out, error *e)
{
  writer w = { .t = out, .registry = r };
  schema_write(&w, &experiment_schema, x);
  if (out->failed)
    return fail(e, ELBO_E_MEMORY, "out of memory while the experiment is written; free some");
  if (!utf8_valid(out->s, out->n))
    return fail(
        e, ELBO_E_FILES,
        "%s: a path in the resolved experiment is not valid UTF-8, so it could not be read back; "
        "rename the folder or file",
        x->file);
  return ELBO_DONE;
}

/* ---- the keys as text */
static const char *const forms[] = {
  [KEY_TEXT] = "text",     [KEY_PATH] = "path",         [KEY_COUNT] = "whole number",
  [KEY_NUMBER] = "number", [KEY_SEED] = "whole number", [KEY_MAP] = "mapping",
};

static void print_range(text *t, const key *k)
{
  line l = { 0 };
  range_text(k, &l);
  text_add(t, l.s);
}

static void print_form(text *t, const key *k)
{
  if (k->type == KEY_SWITCH)
    text_format(t, "%s|%s", k->words->at(0), k->words->at(1));
  else if (k->type == KEY_WORD)
    for (int i = 0; i < *k->words->n; i++) text_format(t, "%s%s", i ? "|" : "", k->words->at(i));
  else
    text_add(t, k->form ? k->form : forms[k->type]);
  if (k->type == KEY_COUNT || k->type == KEY_NUMBER) print_range(t, k);
}

static void print_default(text *t, const key *k)
{
  if (k->required) {
    text_add(t, "; required");
  } else if (k->type == KEY_WORD) {
    text_format(t, "; default %s", k->word);
  } else if (k->type == KEY_SWITCH) {
    text_format(t, "; default %s", k->words->at(k->standard != 0));
  } else if ((k->type == KEY_COUNT || k->type == KEY_NUMBER || k->type == KEY_SEED) &&
             key_in_range(k, k->standard)) {
    text_add(t, "; default ");
    text_shortest(t, k->standard);
  }
}

/* "..., as in `epochs: 20`" */
static void print_example(text *t, const key *k)
{
  bool number = (k->type == KEY_COUNT || k->type == KEY_NUMBER) && key_in_range(k, k->standard);
  if (!k->example && !number) return;
  text_format(t, ", as in `%s: ", k->name);
  if (k->example)
    text_add(t, k->example);
  else
    text_shortest(t, k->standard);
  text_add(t, "`");
}

void key_print(text *out, const key *k, int depth)
{
  text_format(out, "%*s%s: ", 2 * depth, "", k->name);
  print_form(out, k);
  print_default(out, k);
  text_format(out, " - %s", k->help);
  print_example(out, k);
  text_add(out, "\n");
  if (k->map) schema_print(out, k->map, depth + 1);
}

void schema_print(text *out, const schema *s, int depth)
{
  for (int i = 0; i < s->n; i++)
    if (s->keys[i].type != KEY_REFUSED) key_print(out, &s->keys[i], depth);
  if (s->rest_help) text_format(out, "%*s%s\n", 2 * depth, "", s->rest_help);
  if (s->rest_map) schema_print(out, s->rest_map, depth + 1);
  if (s->print_rest) s->print_rest(out, depth + 1);
}

elbo_status experiment_keys(text *out, error *e)
{
  schema_print(out, &experiment_schema, 0);
  if (out->failed)
    return fail(e, ELBO_E_MEMORY, "out of memory while the keys are listed; free some");
  return ELBO_DONE;
}
