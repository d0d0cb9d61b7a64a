/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of keys of `data`. */
#include "config/schema.h"
#include "base/file.h"
#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- data: one variable */
static const char *no_yes(int i)
{
  static const char *const all[] = { "false", "true" };
  return all[i];
}
static const words flag_words = { "value", NULL, no_yes };

static const char *binarize_word(int i)
{
  static const char *const all[] = { "none", "static", "dynamic", "threshold" };
  static_assert(sizeof all / sizeof *all == BINARIZE_THRESHOLD + 1, "a word for each kind");
  return all[i];
}
static const int n_binarize = BINARIZE_THRESHOLD + 1;
static const words binarize_words = { "binarization", &n_binarize, binarize_word };
static_assert(sizeof(binarize_kind) == sizeof(int), "KEY_WORD writes an int");

static void read_clip(reader *r, const key *k, const tree *n, void *into)
{
  prepare *p = into;
  double *v;
  size_t count;
  if (!read_numbers(r, k, n, &v, &count)) return;
  if (count != 2 || v[0] >= v[1]) {
    trouble(r, n->at, "clip must be [low, high] with low < high; write for example `clip: [0, 1]`");
    return;
  }
  p->clip = true;
  p->clip_low = v[0];
  p->clip_high = v[1];
}

static void write_clip(writer *w, const key *k, const void *from)
{
  const prepare *p = from;
  if (!p->clip) return;
  write_key(w, k->name);
  write_numbers(w, (const double[]){ p->clip_low, p->clip_high }, 2);
  text_add(w->t, "\n");
}

static const key prepare_keys[] = {
  { "dequantize", KEY_SWITCH, offsetof(prepare, dequantize), .words = &flag_words,
    .example = "true", .help = "add U(0,1) before scaling, anew at each visit" },
  { "scale", KEY_NUMBER, offsetof(prepare, scale), .low = 0, .open_low = true, .high = INFINITY,
    .example = "255", .help = "divide by this number" },
  { "clip", KEY_OTHER, .read = read_clip, .write = write_clip, .form = "[low, high]",
    .example = "[0, 1]", .help = "cut values at both ends" },
  { "standardize", KEY_SWITCH, offsetof(prepare, standardize), .words = &flag_words,
    .example = "true",
    .help = "by mean and standard deviation of each column of the training set" },
  { "binarize", KEY_WORD, offsetof(prepare, binarize), .words = &binarize_words, .word = "none",
    .example = "dynamic",
    .help = "static: drawn once; dynamic: anew at each visit; threshold: 1 from 0.5 on" },
};
static const schema prepare_schema = { .what = "prepare", KEYS(prepare_keys) };

static void read_shape(reader *r, const key *k, const tree *n, void *into)
{
  data_spec *d = into;
  if (n->kind != TREE_LIST || n->count < 1 || n->count > 3) {
    trouble(r, n->at,
            "shape must be a list of 1 to 3 whole numbers; write for example `shape: [28, 28]`");
    return;
  }
  for (const tree *c = n->first; c; c = c->next)
    if (!read_count(r, k, c, &d->shape[d->shape_rank++])) return;
}

static void write_shape(writer *w, const key *k, const void *from)
{
  const data_spec *d = from;
  double v[3] = { 0 };
  if (!d->shape_rank) return;
  for (int i = 0; i < d->shape_rank; i++) v[i] = (double)d->shape[i];
  text_format(w->t, "%*s%s: %s", 2 * w->depth, "", k->name, d->shape_rank == 1 ? "[" : "");
  write_numbers(w, v, (size_t)d->shape_rank);
  text_add(w->t, d->shape_rank == 1 ? "]\n" : "\n");
}

/* ---- columns: a name or a number, or a list of them */
static bool read_column(reader *r, const key *k, const tree *n, data_column *to)
{
  int64_t v;
  if (n->kind == TREE_SCALAR && !n->quoted && number_read_int(n->text, strlen(n->text), &v)) {
    bool fine = read_count(r, k, n, &v);
    to->number = (size_t)v;
    return fine;
  }
  return read_word(r, n, "a column", &to->name);
}

static bool same_column(const data_column *a, const data_column *b)
{
  return a->name && b->name ? !strcmp(a->name, b->name)
                            : !a->name && !b->name && a->number == b->number;
}

static void read_columns_of(reader *r, const key *k, const tree *n, data_columns *to)
{
  bool list = n->kind == TREE_LIST;
  size_t count = 0;
  if (list && !n->count) {
    trouble(r, n->at, "%s is an empty list; name a column, or remove it for all of them", k->name);
    return;
  }
  data_column *all = reader_get(r, list ? (size_t)n->count : 1, sizeof *all);
  if (!all) return;
  for (const tree *c = list ? n->first : n; c; c = list ? c->next : NULL, count++) {
    if (!read_column(r, k, c, &all[count])) return;
    for (size_t i = 0; i < count; i++)
      if (same_column(&all[i], &all[count])) {
        trouble(r, c->at, "column \"%.60s\" is picked twice; remove one", c->text);
        return;
      }
  }
  *to = (data_columns){ all, count };
}

static void write_column(writer *w, const data_column *c)
{
  if (c->name)
    write_quoted(w, c->name);
  else
    text_format(w->t, "%zu", c->number);
}

static void read_columns(reader *r, const key *k, const tree *n, void *into)
{
  read_columns_of(r, k, n, &((data_spec *)into)->columns);
}

static void write_columns(writer *w, const key *k, const void *from)
{
  const data_columns *c = &((const data_spec *)from)->columns;
  if (!c->n) return;
  write_key(w, k->name);
  for (size_t i = 0; i < c->n; i++) {
    text_add(w->t, i ? ", " : "[");
    write_column(w, &c->at[i]);
  }
  text_add(w->t, "]\n");
}

static void data_variable_check(reader *r, const tree *map, void *into)
{
  data_spec *d = into;
  bool builtin = tree_get(map, "builtin"), train = tree_get(map, "train");
  if (builtin == train)
    trouble(r, map->at,
            "variable \"%s\" must have either `train: FILE` or `builtin: NAME`, found %s", map->key,
            train ? "both; remove one" : "neither; add one");
  if (builtin && tree_get(map, "test"))
    trouble(r, tree_get(map, "test")->key_at,
            "`test` is a file beside `train`; a builtin has `test_rows: N`");
  if (builtin && tree_get(map, "columns"))
    trouble(r, tree_get(map, "columns")->key_at,
            "`columns` picks from a csv file; a builtin has none, remove it");
  if (builtin) return;
  if (tree_get(map, "rows") || tree_get(map, "test_rows"))
    trouble(r, map->at,
            "`rows` and `test_rows` say how much of a builtin to make; to use the first rows of a "
            "file only, write `limit`");
  d->rows = d->test_rows = 0;
}

static const key data_variable_keys[] = {
  { "train", KEY_PATH, offsetof(data_spec, train), .example = "flowers.csv",
    .help = "the training data: idx, npy or csv, told by the content" },
  { "test", KEY_PATH, offsetof(data_spec, test), .example = "flowers-test.csv",
    .help = "the test data" },
  { "columns", KEY_OTHER, .low = 1, .high = MOST_SIZE, .read = read_columns, .write = write_columns,
    .form = "[name or number, ...]; default all of them", .example = "[length, width]",
    .help = "of csv files: what makes a row, by the names in the file's first row or by number "
            "from 1; the other columns may hold text" },
  { "builtin", KEY_TEXT, offsetof(data_spec, builtin), .example = "digits",
    .help = "instead of files: digits, linear_gaussian, pinwheel" },
  { "rows", KEY_COUNT, offsetof(data_spec, rows), .standard = 10000, .low = 1, .high = MOST_ROWS,
    .example = "500", .help = "training rows of a builtin" },
  { "test_rows", KEY_COUNT, offsetof(data_spec, test_rows), .standard = 1000, .low = 1,
    .high = MOST_ROWS, .example = "100", .help = "test rows of a builtin" },
  { "limit", KEY_COUNT, offsetof(data_spec, limit), .low = 1, .high = MOST_ROWS, .example = "100",
    .help = "the first training rows only, while there is one variable" },
  { "shape", KEY_OTHER, .low = 1, .high = MOST_SIZE, .read = read_shape, .write = write_shape,
    .form = "[height, width]", .example = "[1, 2]",
    .help = "of one row, where the file does not tell" },
  { "prepare", KEY_MAP, offsetof(data_spec, prepare), AT(data_spec, prepare_at),
    .map = &prepare_schema,
    .help = "in this order: dequantize, scale, clip, standardize, binarize" },
};
static const schema data_variable_schema = { .what = "a variable of data",
                                             KEYS(data_variable_keys),
                                             .check = data_variable_check };

/* ---- data */
static void read_root(reader *r, const key *k, const tree *n, void *into)
{
  const char *s;
  (void)into;
  if (!read_word(r, n, k->name, &s)) return;
  char *path = path_join(r->root, s, &r->memory);
  if (path) r->root = reader_string(r, path);
  mem_free(path);
}

/* Paths are written absolute, so that no root is needed. */
static void write_root(writer *w, const key *k, const void *from)
{
  (void)w, (void)k, (void)from;
}

static void read_labels_column(reader *r, const key *k, const tree *n, void *into)
{
  data_columns *to = &((experiment *)into)->labels_column;
  if (n->kind == TREE_LIST)
    trouble(r, n->at, "labels are in one column; write its name, or its number from 1");
  else
    read_columns_of(r, k, n, to);
}

static void write_labels_column(writer *w, const key *k, const void *from)
{
  const data_columns *c = &((const experiment *)from)->labels_column;
  if (!c->n) return;
  write_key(w, k->name);
  write_column(w, c->at);
  text_add(w->t, "\n");
}

static void labels_check(reader *r, const tree *map, void *into)
{
  experiment *x = into;
  x->labels_at = map->at;
  if (!tree_get(map, "train") && !tree_get(map, "column"))
    trouble(r, map->at,
            "labels need `train: FILE`, or `column: NAME` of the variable's own csv "
            "files; add one");
}

static const key labels_keys[] = {
  { "train", KEY_PATH, offsetof(experiment, labels_train), .example = "flowers.csv",
    .help = "labels of the training rows; with `column`, default the first variable's file" },
  { "test", KEY_PATH, offsetof(experiment, labels_test), .example = "flowers-test.csv",
    .help = "labels of the test rows" },
  { "column", KEY_OTHER, .low = 1, .high = MOST_SIZE, .read = read_labels_column,
    .write = write_labels_column, .form = "name or number", .example = "species",
    .help = "of csv files: which column holds them" },
};
static const schema labels_schema = { .what = "labels", KEYS(labels_keys), .check = labels_check };

/* A column alone is one of the first variable's own files. */
static void labels_from_data(reader *r, experiment *x)
{
  if (!x->labels_column.n || x->labels_train || !x->n_data) return;
  if (!x->data[0].train)
    trouble(r, x->labels_at,
            "`column` of labels picks from csv files, and \"%s\" has none; name "
            "the file by `train`",
            x->data[0].variable);
  x->labels_train = x->data[0].train;
  if (!x->labels_test) x->labels_test = x->data[0].test;
}

static bool labels_written(const void *from)
{
  const experiment *x = from;
  return x->labels_train;
}

static void read_data_variable(reader *r, const tree *entry, void *into)
{
  experiment *x = into;
  if (!x->data) x->data = reader_get(r, MOST_VARIABLES, sizeof *x->data);
  if (!x->data || !variable_fine(r, entry, x->n_data)) return;
  data_spec *d = &x->data[x->n_data++];
  d->variable = entry->key;
  d->at = entry->key_at;
  schema_read(r, &data_variable_schema, entry, d);
}

static void write_data_variables(writer *w, const void *from)
{
  const experiment *x = from;
  for (int i = 0; i < x->n_data; i++)
    schema_write_map(w, x->data[i].variable, &data_variable_schema, &x->data[i]);
}

static void data_check(reader *r, const tree *map, void *into)
{
  experiment *x = into;
  labels_from_data(r, x);
  if (!x->n_data)
    trouble(r, map->at, "data names no variable; add one, for example `x: {train: FILE}`");
  for (int i = 0; i < x->n_data; i++)
    if (x->data[i].limit && (x->n_data > 1 || x->limit))
      trouble(r, x->data[i].at,
              "`limit` of \"%s\" would cut the rows of one variable alone; write one `limit` "
              "beside the variables",
              x->data[i].variable);
}

/* ---- stream: auto | true | false | {buffer: ROWS} */
static const key stream_keys[] = {
  { "buffer", KEY_COUNT, offsetof(experiment, buffer), .required = true, .low = 2,
    .high = MOST_ROWS, .example = "100000",
    .help = "rows in memory: half of them are shuffled, half are read ahead" },
};
static const schema stream_schema = { .what = "stream", KEYS(stream_keys) };

static const char *stream_word(int i)
{
  static const char *const all[] = { "auto", "false", "true" };
  static_assert(sizeof all / sizeof *all == STREAM_YES + 1, "a word for each kind");
  return all[i];
}

static void read_stream(reader *r, const key *k, const tree *n, void *into)
{
  experiment *x = into;
  const char *word;
  x->stream_at = n->at;
  if (n->kind == TREE_MAP) {
    schema_read(r, &stream_schema, n, x);
    x->stream = STREAM_YES;
    return;
  }
  if (!read_word(r, n, k->name, &word)) return;
  for (int i = 0; i <= STREAM_YES; i++)
    if (!strcmp(word, stream_word(i))) {
      x->stream = i;
      return;
    }
  trouble(r, n->at,
          "stream must be auto, true, false or a mapping, found \"%s\"; write for "
          "example `stream: {buffer: 100000}`",
          word);
}

static void write_stream(writer *w, const key *k, const void *from)
{
  const experiment *x = from;
  if (x->buffer) {
    schema_write_map(w, k->name, &stream_schema, x);
    return;
  }
  write_key(w, k->name);
  text_format(w->t, "%s\n", stream_word(x->stream));
}

static const key data_keys[] = {
  { "root", KEY_OTHER, .read = read_root, .write = write_root, .form = "path", .example = "tables",
    .help = "the folder of the data files; default: the experiment's" },
  { "labels", KEY_MAP, .map = &labels_schema, .written = labels_written,
    .help = "classes of the rows; they only colour pictures" },
  { "limit", KEY_COUNT, offsetof(experiment, limit), AT(experiment, limit_at), .low = 1,
    .high = MOST_ROWS, .example = "100", .help = "the first training rows only" },
  { "stream", KEY_OTHER, .read = read_stream, .write = write_stream, .map = &stream_schema,
    .form = "auto, true, false, or a mapping; default auto", .example = "auto",
    .help = "rows stay in their files (idx, npy) and are read when they are needed; auto: when "
            "all of them would take more than 1 GiB" },
  { "validate", KEY_NUMBER, offsetof(experiment, validate), .low = 0, .high = 1, .open_high = true,
    .example = "0.1", .help = "this part of the training rows, the last ones, is held out" },
};
const schema data_schema = {
  .what = "data",
  KEYS(data_keys),
  .each = read_data_variable,
  .write_each = write_data_variables,
  .check = data_check,
  .rest_help =
      "NAME: mapping. The data of one variable; one without an entry in model.p is an input",
  .rest_map = &data_variable_schema
};
