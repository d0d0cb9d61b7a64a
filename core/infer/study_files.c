/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of an experiment, read into memory or left where they are. */
#include "infer/study_inside.h"

#include <string.h>

void study_complain(opener *o, place at, const char *what, const error *why)
{
  problem_add(o->problems, at, why->status == ELBO_E_MEMORY ? ELBO_E_MEMORY : ELBO_E_DATA, "%s: %s",
              what, why->text);
}

/* ---- files */
/* What a variable's split is read from. Columns are picked from text, which is never left in its
   file. */
typedef struct origin {
  const data_spec *d;
  const char *path; /* NULL: nothing, or a builtin */
  size_t limit;
  dataset *to;
} origin;

static void open_file(opener *o, const origin *f)
{
  error why = { 0 };
  if (array_open(f->path, f->limit, &f->to->x, &why))
    study_complain(o, f->d->at, f->d->variable, &why);
}

/* What was opened is read as any other: one road into memory. */
static void read_file(opener *o, const origin *f)
{
  error why = { 0 };
  array_free(&f->to->x);
  if (array_read_columns(f->path, &f->d->columns, f->limit, &f->to->x, &why))
    study_complain(o, f->d->at, f->d->variable, &why);
}

static void make_builtin(opener *o, const data_spec *d, split_kind split, size_t rows, dataset *to)
{
  error why = { 0 };
  array *labels = &o->s->labels[split];
  bool wanted = !labels->rows;
  if (!rows) return;
  if (builtin_make(d->builtin, o->s->x->seed, split == SPLIT_TEST, rows, &to->x,
                   wanted ? labels : NULL, &why))
    study_complain(o, d->at, d->variable, &why);
}

static size_t row_limit(const experiment *x, const data_spec *d)
{
  return (size_t)(d->limit ? d->limit : x->limit);
}

static size_t smaller(size_t a, size_t limit)
{
  return limit && limit < a ? limit : a;
}

static const char *override_of(const char *const *overrides, const char *name)
{
  size_t n = strlen(name);
  for (; overrides && *overrides; overrides++)
    if (!strncmp(*overrides, name, n) && (*overrides)[n] == '=') return *overrides + n + 1;
  return NULL;
}

/* The origins of variable i: train and test. Built-in sets are made on the way. */
static void find_origins(opener *o, int i, const char *const *overrides, origin *train,
                         origin *test)
{
  const data_spec *d = &o->s->x->data[i];
  const char *other = override_of(overrides, d->variable);
  size_t limit = row_limit(o->s->x, d);
  *train = (origin){ d, d->train, limit, &o->s->data[SPLIT_TRAIN][i] };
  *test = (origin){ d, other ? other : d->test, 0, &o->s->data[SPLIT_TEST][i] };
  if (!d->builtin) return;
  make_builtin(o, d, SPLIT_TRAIN, smaller((size_t)d->rows, limit), train->to);
  if (!other) make_builtin(o, d, SPLIT_TEST, (size_t)d->test_rows, test->to);
}

/* ---- which of them stay */
/* BUFFER_BYTES of rows, where the experiment does not say how many. */
static int64_t standard_buffer(const origin *all, int n)
{
  size_t bytes = 0;
  for (int k = 0; k < n; k += 2)
    if (all[k].to->x.file) bytes += array_row_bytes(&all[k].to->x);
  return bytes ? (int64_t)(BUFFER_BYTES / bytes) + 2 : 0;
}

static void nothing_to_stream(opener *o, const origin *all, int n)
{
  const char *first = NULL;
  for (int k = 0; k < n && !first; k++) first = all[k].path;
  problem_add(o->problems, o->s->x->stream_at, ELBO_E_USAGE,
              "data.stream: rows are read from uncompressed idx and npy files alone, and %s is "
              "none; %s, or remove `stream`",
              first ? first : "a built-in set", first ? "unpack or convert it" : "name a file");
}

/* Decides by the files and the experiment alone, never by the machine: the order of the training
   rows, and so every bit of a run, depends on it. */
static void decide(opener *o, const origin *all, int n)
{
  experiment *x = o->s->x;
  size_t bytes = 0;
  bool some = false;
  for (int k = 0; k < n; k++) {
    if (!all[k].to->x.file) continue;
    bytes += all[k].to->x.rows * array_row_bytes(&all[k].to->x);
    some = true;
  }
  bool stream = x->stream == STREAM_YES || (x->stream == STREAM_AUTO && bytes > STREAM_BYTES);
  if (x->stream == STREAM_YES && !some) nothing_to_stream(o, all, n);
  if (stream && !x->buffer) x->buffer = standard_buffer(all, n);
  if (!stream) x->buffer = 0;
}

static bool stays(const experiment *x, const origin *f)
{
  return x->buffer && f->to->x.file && f->to->x.rows > (size_t)x->buffer;
}

/* Of a test file, or the one that was named in its place; other splits are parts of one file. */
static void check_width(opener *o, const origin *train, const origin *test)
{
  size_t D = train->to->x.D, found = test->to->x.D;
  if (test->path && D && found && found != D)
    problem_add(o->problems, test->d->at, ELBO_E_DATA,
                "%s: %s: a row to test on has %zu number%s, one to train on %zu", test->d->variable,
                test->path, found, found == 1 ? "" : "s", D);
}

static void read_variables(opener *o, const char *const *overrides)
{
  origin all[2 * MODEL_MAX_VARIABLES];
  int n = 2 * o->s->n_data;
  for (int k = 0; k < n; k += 2) find_origins(o, k / 2, overrides, &all[k], &all[k + 1]);
  for (int k = 0; k < n && !o->problems->n; k++)
    if (all[k].path && !all[k].d->columns.n) open_file(o, &all[k]);
  if (!o->problems->n) decide(o, all, n);
  for (int k = 0; k < n; k++)
    if (all[k].path && !stays(o->s->x, &all[k])) read_file(o, &all[k]);
  for (int k = 0; k < n; k += 2) check_width(o, &all[k], &all[k + 1]);
}

static void read_labels(opener *o, const char *path, split_kind split)
{
  error why = { 0 };
  if (!path || o->s->labels[split].rows) return;
  const experiment *x = o->s->x;
  if (array_read_labels(path, &x->labels_column, split == SPLIT_TRAIN ? (size_t)x->limit : 0,
                        &o->s->words, &o->s->labels[split], &why))
    study_complain(o, x->labels_at, "labels", &why);
}

/* A file for no variable would be left out in silence. */
static void check_overrides(opener *o, const char *const *overrides)
{
  text known = { 0 };
  for (int i = 0; i < o->s->n_data; i++)
    text_format(&known, "%s%s", i ? ", " : "", o->s->x->data[i].variable);
  for (; overrides && *overrides; overrides++) {
    bool found = false;
    for (int i = 0; i < o->s->n_data; i++)
      found |=
          override_of((const char *const[]){ *overrides, NULL }, o->s->x->data[i].variable) != NULL;
    if (!found)
      problem_add(o->problems, (place){ 0 }, ELBO_E_USAGE,
                  "data \"%s\": expected VARIABLE=FILE with one of the variables %s", *overrides,
                  known.s ? known.s : "");
  }
  text_free(&known);
}

void study_read_files(opener *o, const char *const *overrides)
{
  const experiment *x = o->s->x;
  check_overrides(o, overrides);
  read_variables(o, overrides);
  read_labels(o, x->labels_train, SPLIT_TRAIN);
  if (!overrides) read_labels(o, x->labels_test, SPLIT_TEST);
}
