/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the data of an experiment, cutting validation and limits, and resolving the model against
 * what was found. */
#include "infer/study.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *split_name(split_kind k)
{
  static const char *const names[] = { "train", "validate", "test" };
  return names[k];
}

typedef struct opener {
  study *s;
  problems *problems;
  error *e;
} opener;

static void complain(opener *o, place at, const char *what, const error *why)
{
  problem_add(o->problems, at, why->status == ELBO_E_MEMORY ? ELBO_E_MEMORY : ELBO_E_DATA, "%s: %s",
              what, why->text);
}

/* ---- files */
static void read_file(opener *o, const data_spec *d, const char *path, size_t limit, dataset *to)
{
  error why = { 0 };
  if (array_read(path, limit, &to->x, &why)) complain(o, d->at, d->variable, &why);
}

static void make_builtin(opener *o, const data_spec *d, split_kind split, size_t rows, dataset *to)
{
  error why = { 0 };
  array *labels = &o->s->labels[split];
  bool wanted = !labels->rows;
  if (!rows) return;
  if (builtin_make(d->builtin, o->s->x->seed, split == SPLIT_TEST, rows, &to->x,
                   wanted ? labels : NULL, &why))
    complain(o, d->at, d->variable, &why);
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

static void read_variable(opener *o, int i, const char *const *overrides)
{
  const data_spec *d = &o->s->x->data[i];
  dataset *train = &o->s->data[SPLIT_TRAIN][i], *test = &o->s->data[SPLIT_TEST][i];
  const char *other = override_of(overrides, d->variable);
  size_t limit = row_limit(o->s->x, d);
  if (d->builtin) {
    make_builtin(o, d, SPLIT_TRAIN, smaller((size_t)d->rows, limit), train);
    if (!other) make_builtin(o, d, SPLIT_TEST, (size_t)d->test_rows, test);
  } else {
    read_file(o, d, d->train, limit, train);
    if (d->test && !other) read_file(o, d, d->test, 0, test);
  }
  if (other) read_file(o, d, other, 0, test);
}

static void read_labels(opener *o, const char *path, split_kind split)
{
  error why = { 0 };
  if (!path || o->s->labels[split].rows) return;
  if (array_read(path, split == SPLIT_TRAIN ? (size_t)o->s->x->limit : 0, &o->s->labels[split],
                 &why))
    complain(o, o->s->x->data_at, "labels", &why);
}

/* ---- windows */
static void set_window(opener *o, int i, split_kind split)
{
  const data_spec *d = &o->s->x->data[i];
  dataset *set = &o->s->data[split][i];
  set->prepare = d->prepare;
  set->seed = o->s->x->seed;
  set->stream = (uint32_t)(STREAM_PREPARE + 16 * (i + 1) + (split == SPLIT_TEST));
  set->first = 0;
  set->rows = set->x.rows;
}

/* The last part of the training rows: its window shares the array, so nothing is copied and nothing
 * freed twice. */
static void cut_validation(study *s)
{
  for (int i = 0; i < s->n_data && s->x->validate > 0; i++) {
    dataset *train = &s->data[SPLIT_TRAIN][i], *validate = &s->data[SPLIT_VALIDATE][i];
    size_t cut = (size_t)llround(s->x->validate * (double)train->rows);
    if (cut == 0) cut = 1;
    if (cut >= train->rows) continue;
    *validate = *train;
    train->rows -= cut;
    validate->first = train->rows;
    validate->rows = cut;
  }
}

static void check_rows(opener *o, split_kind split)
{
  study *s = o->s;
  for (int i = 0; i < s->n_data; i++) {
    const dataset *set = &s->data[split][i], *first = &s->data[split][0];
    if (set->rows != first->rows)
      problem_add(o->problems, s->x->data[i].at, ELBO_E_DATA,
                  "%s: %zu rows to %s on, but %s has %zu", s->x->data[i].variable, set->rows,
                  split_name(split), s->x->data[0].variable, first->rows);
    const dataset *train = &s->data[SPLIT_TRAIN][i];
    if (set->rows && set->x.D != train->x.D)
      problem_add(o->problems, s->x->data[i].at, ELBO_E_DATA,
                  "%s: a row to %s on has %zu numbers, one to train on %zu", s->x->data[i].variable,
                  split_name(split), set->x.D, train->x.D);
  }
  s->rows[split] = s->n_data ? s->data[split][0].rows : 0;
  if (s->labels[split].rows && split != SPLIT_VALIDATE &&
      s->labels[split].rows != s->data[split][0].x.rows)
    problem_add(o->problems, s->x->data_at, ELBO_E_DATA,
                "labels: %zu of them for %zu rows to %s on", s->labels[split].rows,
                s->data[split][0].x.rows, split_name(split));
}

static void check_batch(opener *o)
{
  const train_spec *t = &o->s->x->train;
  if ((size_t)t->batch_size > o->s->rows[SPLIT_TRAIN])
    problem_add(o->problems, t->batch_at, ELBO_E_USAGE,
                "train.batch_size: %lld is more than the %zu training rows",
                (long long)t->batch_size, o->s->rows[SPLIT_TRAIN]);
}

static void standardize(opener *o)
{
  study *s = o->s;
  for (int i = 0; i < s->n_data; i++) {
    error why = { 0 };
    dataset *train = &s->data[SPLIT_TRAIN][i];
    if (!train->prepare.standardize) continue;
    if (dataset_standardize(train, &why))
      complain(o, s->x->data[i].prepare_at, s->x->data[i].variable, &why);
    for (int k = SPLIT_VALIDATE; k < SPLITS; k++)
      s->data[k][i].mean = train->mean, s->data[k][i].scale = train->scale;
  }
}

/* ---- shapes and facts */
static void set_shape(opener *o, const data_spec *d, data_facts *f)
{
  size_t product = 1;
  if (!d->shape_rank) return;
  for (int k = 0; k < d->shape_rank; k++) product *= (size_t)d->shape[k];
  if (product != f->D) {
    problem_add(o->problems, d->at, ELBO_E_DATA, "%s: shape holds %zu numbers, a row has %zu",
                d->variable, product, f->D);
    return;
  }
  f->rank = d->shape_rank;
  for (int k = 0; k < d->shape_rank; k++) f->dims[k] = (size_t)d->shape[k];
}

static elbo_status collect_facts(opener *o, data_facts *facts)
{
  for (int i = 0; i < o->s->n_data; i++) {
    error why = { 0 };
    if (dataset_facts(&o->s->data[SPLIT_TRAIN][i], &facts[i], &why)) {
      complain(o, o->s->x->data[i].at, o->s->x->data[i].variable, &why);
      continue;
    }
    set_shape(o, &o->s->x->data[i], &facts[i]);
    data_facts test;
    if (o->s->rows[SPLIT_TEST] && !dataset_facts(&o->s->data[SPLIT_TEST][i], &test, &why)) {
      facts[i].low = fmin(facts[i].low, test.low);
      facts[i].high = fmax(facts[i].high, test.high);
      facts[i].integers &= test.integers;
      facts[i].binary &= test.binary;
      facts[i].at_low += test.at_low, facts[i].at_high += test.at_high;
    }
  }
  return o->e->status;
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

static void read_all(opener *o, const char *const *overrides)
{
  study *s = o->s;
  check_overrides(o, overrides);
  for (int i = 0; i < s->n_data; i++) read_variable(o, i, overrides);
  read_labels(o, s->x->labels_train, SPLIT_TRAIN);
  if (!overrides) read_labels(o, s->x->labels_test, SPLIT_TEST);
  if (o->problems->n) return;
  for (int i = 0; i < s->n_data; i++) set_window(o, i, SPLIT_TRAIN), set_window(o, i, SPLIT_TEST);
  cut_validation(s);
  for (int k = 0; k < SPLITS; k++) check_rows(o, (split_kind)k);
  check_batch(o);
  if (!o->problems->n) standardize(o);
}

/* ---- data of a family that lives on levels: the facts don't know how many, the model does */
/* true: every event has the same number of them, *levels. Where they differ, training looks value
 * by value. */
static bool levels_of(const variable *v, double *levels)
{
  const elbo_family *f = v->p.use.family;
  for (uint32_t p = 0; v->data && f && f->support.kind == ELBO_SUP_GRID && p < f->n_params; p++) {
    const double *values = v->p.param[p].values;
    if (f->params[p].constraint != ELBO_INTEGER || !values) continue;
    for (size_t j = 1; j < v->p.d; j++)
      if (values[j] != values[0]) return false;
    *levels = values[0];
    return true;
  }
  return false;
}

static void stray(opener *o, const variable *v, split_kind k, double levels, const data_stray *at)
{
  double step = levels - 1, below = floor(at->value * step) / step;
  char advice[160] = "no number of levels fits, so take a family with a density (logistic, normal)";
  if (at->fitting)
    snprintf(advice, sizeof advice, "`levels: %d` fits all values of this set", at->fitting);
  problem_add(o->problems, v->p.spec->family_at, ELBO_E_DATA,
              "%s: row %zu, column %zu (from 0) of the %s set is %.9g%s; expected one of the %g "
              "levels of %s, where the nearest are %.9g and %.9g: %s",
              v->name, at->row, at->column, split_name(k), at->value,
              v->data->prepare.dequantize ? " and more, as it is dequantized" : "", levels,
              v->p.use.family->name, below, below + 1 / step,
              v->data->prepare.dequantize ? "leave out `dequantize`" : advice);
}

static void check_levels(opener *o)
{
  data_stray at;
  double levels;
  const model *m = o->s->model;
  for (int i = 0; i < m->n; i++)
    for (int k = 0; k < SPLITS && levels_of(&m->variable[i], &levels); k++) {
      const dataset *d = &o->s->data[k][m->variable[i].feed];
      if (!o->s->rows[k] || !dataset_strays(d, levels, &at)) continue;
      stray(o, &m->variable[i], (split_kind)k, levels, &at);
      break;
    }
}

static elbo_status finish(opener *o)
{
  data_facts facts[MODEL_MAX_VARIABLES] = { 0 };
  if (o->problems->n || collect_facts(o, facts) || o->problems->n) return o->e->status;
  elbo_status status =
      model_resolve(o->s->x, o->s->registry, facts, &o->s->model, o->problems, o->e);
  if (!status && !o->problems->n) check_levels(o);
  return status;
}

elbo_status study_open(const registry *r, const elbo_backend *backend, int threads, experiment *x,
                       const char *const *overrides, study **out, problems *p, error *e)
{
  *out = NULL;
  study *s = mem_new(1, sizeof *s, "the experiment", e);
  if (!s) {
    arena_free(x->arena);
    return e->status;
  }
  s->registry = r, s->backend = backend, s->threads = threads, s->x = x, s->n_data = x->n_data;
  opener o = { s, p, e };
  if (s->n_data > MODEL_MAX_VARIABLES)
    problem_add(p, x->data_at, ELBO_E_USAGE, "data: %d variables, at most %d", s->n_data,
                MODEL_MAX_VARIABLES);
  else
    read_all(&o, overrides);
  finish(&o);
  if (p->n || e->status) {
    study_free(s);
    if (e->status) return e->status;
    return p->room ? p->list[0].status : ELBO_E_MEMORY; /* no room even to tell of a problem */
  }
  *out = s;
  return ELBO_DONE;
}

void study_free(study *s)
{
  if (!s) return;
  for (int i = 0; i < s->n_data && i < MODEL_MAX_VARIABLES; i++) {
    s->data[SPLIT_TEST][i].mean = s->data[SPLIT_TEST][i].scale =
        NULL; /* borrowed from the training set */
    dataset_free(&s->data[SPLIT_TRAIN][i]);
    dataset_free(&s->data[SPLIT_TEST][i]);
  }
  array_free(&s->labels[SPLIT_TRAIN]);
  array_free(&s->labels[SPLIT_TEST]);
  model_free(s->model);
  text_free(&s->resolved);
  if (s->x) arena_free(s->x->arena); /* the experiment lies in its own arena */
  mem_free(s);
}

size_t study_data_bytes(const study *s)
{
  size_t bytes = 0;
  for (int k = 0; k < SPLITS; k++)
    for (int i = 0; i < s->n_data; i++)
      if (k != SPLIT_VALIDATE)
        bytes += s->data[k][i].x.rows * s->data[k][i].x.D *
                 (s->data[k][i].x.type == ARRAY_U8 ? 1 : sizeof(float));
  return bytes;
}
