/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the data of an experiment, cutting validation and limits, and resolving the model against
 * what was found. */
#include "infer/study_inside.h"
#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *split_name(split_kind k)
{
  static const char *const names[] = { "train", "validate", "test" };
  return names[k];
}

/* ---- windows */
static void set_window(opener *o, int i, split_kind split)
{
  const data_spec *d = &o->s->x->data[i];
  dataset *set = &o->s->data[split][i];
  set->prepare = d->prepare;
  set->seed = o->s->x->seed;
  set->level = registry_level(o->s->registry);
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

/* Once the windows are cut: the order of training rows of which some stay in their files. */
static void set_order(opener *o)
{
  study *s = o->s;
  size_t rows = s->rows[SPLIT_TRAIN], bytes = 0, buffer = (size_t)s->x->buffer;
  for (int i = 0; i < s->n_data; i++) {
    const array *x = &s->data[SPLIT_TRAIN][i].x;
    bytes += x->file ? array_row_bytes(x) : 0;
  }
  s->shuffled_by_blocks = bytes > 0;
  if (!bytes) return;
  if (buffer > rows) buffer = rows;
  s->order = row_order_make(s->x->seed, rows, buffer, bytes);
  if (row_order_group_rows(&s->order) < (size_t)s->x->train.batch_size)
    problem_add(o->problems, s->x->stream_at, ELBO_E_USAGE,
                "data.stream.buffer: %zu rows; half of them are shuffled at a time, and "
                "train.batch_size is %lld: give at least twice as many",
                buffer, (long long)s->x->train.batch_size);
}

static void standardize(opener *o)
{
  study *s = o->s;
  for (int i = 0; i < s->n_data; i++) {
    error why = { 0 };
    dataset *train = &s->data[SPLIT_TRAIN][i];
    if (!train->prepare.standardize) continue;
    if (dataset_standardize(train, &why))
      study_complain(o, s->x->data[i].prepare_at, s->x->data[i].variable, &why);
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

/* What nobody has looked at yet: rows that were not read. */
static bool look_at_held_out(opener *o, int i, data_facts *test)
{
  const study *s = o->s;
  error why = { 0 };
  const dataset *validate = &s->data[SPLIT_VALIDATE][i];
  if (s->rows[SPLIT_VALIDATE] && validate->x.file && dataset_facts(validate, test, &why)) {
    study_complain(o, s->x->data[i].at, s->x->data[i].variable, &why);
    return false;
  }
  if (!s->rows[SPLIT_TEST]) return false;
  const dataset *set = &s->data[SPLIT_TEST][i];
  if (!dataset_facts(set, test, &why)) return true;
  if (set->x.file) study_complain(o, s->x->data[i].at, s->x->data[i].variable, &why);
  return false;
}

static elbo_status collect_facts(opener *o, data_facts *facts)
{
  for (int i = 0; i < o->s->n_data; i++) {
    error why = { 0 };
    if (dataset_facts(&o->s->data[SPLIT_TRAIN][i], &facts[i], &why)) {
      study_complain(o, o->s->x->data[i].at, o->s->x->data[i].variable, &why);
      continue;
    }
    set_shape(o, &o->s->x->data[i], &facts[i]);
    facts[i].in_file = o->s->data[SPLIT_TRAIN][i].x.file != NULL;
    data_facts test;
    if (look_at_held_out(o, i, &test)) {
      facts[i].low = fmin(facts[i].low, test.low);
      facts[i].high = fmax(facts[i].high, test.high);
      facts[i].integers &= test.integers;
      facts[i].binary &= test.binary;
      facts[i].at_low += test.at_low, facts[i].at_high += test.at_high;
    }
  }
  return o->e->status;
}

static void read_all(opener *o, const char *const *overrides)
{
  study *s = o->s;
  study_read_files(o, overrides);
  if (o->problems->n) return;
  for (int i = 0; i < s->n_data; i++) set_window(o, i, SPLIT_TRAIN), set_window(o, i, SPLIT_TEST);
  cut_validation(s);
  for (int k = 0; k < SPLITS; k++) check_rows(o, (split_kind)k);
  check_batch(o);
  if (!o->problems->n) set_order(o);
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
      bool found = false;
      if (o->s->rows[k] && dataset_strays(d, levels, &found, &at, o->e)) return;
      if (!found) continue;
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
  return o->e->status;
}

/* How much was looked through in files, and how long that took. */
static void measure_passes(study *s, double seconds)
{
  for (int i = 0; i < s->n_data; i++)
    for (int k = 0; k < SPLITS; k++) {
      const dataset *d = &s->data[k][i];
      size_t passes = 1 + (k == SPLIT_TRAIN && d->prepare.standardize);
      if (d->x.file) s->pass_bytes += passes * d->rows * array_row_bytes(&d->x);
    }
  s->pass_seconds = seconds;
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
  double begin = clock_seconds();
  if (s->n_data > MODEL_MAX_VARIABLES)
    problem_add(p, x->data_at, ELBO_E_USAGE, "data: %d variables, at most %d", s->n_data,
                MODEL_MAX_VARIABLES);
  else
    read_all(&o, overrides);
  finish(&o);
  measure_passes(s, clock_seconds() - begin);
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
      if (k != SPLIT_VALIDATE && !s->data[k][i].x.file)
        bytes += s->data[k][i].x.rows * array_row_bytes(&s->data[k][i].x);
  for (int i = 0; i < s->n_data && s->shuffled_by_blocks; i++)
    if (s->data[SPLIT_TRAIN][i].x.file)
      bytes += 2 * row_order_group_rows(&s->order) * array_row_bytes(&s->data[SPLIT_TRAIN][i].x);
  return bytes;
}
