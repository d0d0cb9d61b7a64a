/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The training data of an experiment, read once more with a clock. */
#include "base/clock.h"
#include "base/file.h"
#include "infer/context.h"

static double ms_since(double start)
{
  return 1e3 * (clock_seconds() - start);
}

static size_t bytes_on_disk(const char *path, error *e)
{
  file *f = path ? file_open(path, ELBO_E_DATA, e) : NULL;
  int64_t n = f ? file_size(f) : 0;
  if (f) file_close(f);
  return n > 0 ? (size_t)n : 0;
}

static elbo_status read_again(const study *s, int i, dataset *d, error *e)
{
  const data_spec *spec = &s->x->data[i];
  if (spec->builtin)
    return builtin_make(spec->builtin, s->x->seed, SPLIT_TRAIN, s->data[SPLIT_TRAIN][i].x.rows,
                        &d->x, NULL, e);
  bool stays = s->data[SPLIT_TRAIN][i].x.file != NULL;
  size_t rows = s->data[SPLIT_TRAIN][i].x.rows;
  return stays ? array_open(spec->train, rows, &d->x, e)
               : array_read_columns(spec->train, &spec->columns, rows, &d->x, e);
}

/* The first rows in their own order, prepared as in training. */
static elbo_status first_batch(const dataset *d, size_t rows, elbo_bench_load *out, error *e)
{
  uint32_t *index = mem_new(rows, sizeof *index, "a batch", e);
  float *to = mem_new(rows, d->x.D * sizeof *to, "a batch", e);
  for (size_t k = 0; index && k < rows; k++) index[k] = (uint32_t)k;
  void *raw = mem_new(rows, array_row_bytes(&d->x), "a batch", e);
  const void **at = mem_new(rows, sizeof *at, "a batch", e);
  double start = clock_seconds();
  bool ready = index && to && raw && at;
  if (ready && d->x.file) ready = !dataset_fetch(d, index, rows, raw, at, e);
  if (ready) dataset_rows(d, index, d->x.file ? at : NULL, rows, 0, to);
  out->batch_ms = ms_since(start), out->batch = rows;
  mem_free(index), mem_free(to), mem_free(raw), mem_free(at);
  return e->status;
}

static elbo_status load_one(const study *s, int i, elbo_bench_load *out, error *e)
{
  dataset d = s->data[SPLIT_TRAIN][i];
  d.x = (array){ 0 };
  double start = clock_seconds();
  if (read_again(s, i, &d, e)) return e->status;
  out->read_ms = ms_since(start);
  data_facts facts;
  start = clock_seconds();
  if (!dataset_facts(&d, &facts, e)) {
    out->facts_ms = ms_since(start);
    out->rows = d.x.rows, out->numbers = d.x.D;
    out->stays = d.x.file != NULL;
    out->bytes = d.x.rows * d.x.D * (d.x.type == ARRAY_U8 ? 1 : sizeof(float));
    size_t batch = (size_t)s->x->train.batch_size;
    first_batch(&d, batch < d.rows ? batch : d.rows, out, e);
  }
  array_free(&d.x);
  return e->status;
}

elbo_status elbo_bench_load_data(elbo_experiment *x, elbo_bench_load *data, size_t *n)
{
  error *e = context_enter(x->ctx);
  const study *s = x->study;
  *n = 0;
  for (int i = 0; i < s->n_data && !e->status; i++) {
    const data_spec *spec = &s->x->data[i];
    data[i] =
        (elbo_bench_load){ .variable = spec->variable, .file = spec->builtin ? NULL : spec->train };
    data[i].file_bytes = bytes_on_disk(data[i].file, e);
    if (!e->status && !load_one(s, i, &data[i], e)) ++*n;
  }
  return e->status;
}
