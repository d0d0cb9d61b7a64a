/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows taken through one of a run's graphs, batch by batch, and the array of what came out. */
#include "infer/run_inside.h"

#include <string.h>

int run_observed_at(const elbo_run *r)
{
  return (int)(run_observed(r) - r->study->model->variable);
}

arena *run_keep_anew(elbo_run *r, error *e)
{
  arena_free(r->kept);
  return r->kept = arena_new(e);
}

/* ---- the array that is given out */
static void picture_range(const variable *v, float *low, float *high)
{
  uint32_t kind = v->p.use.family->support.kind;
  bool unit = kind == ELBO_SUP_UNIT || kind == ELBO_SUP_BINARY || kind == ELBO_SUP_GRID ||
              kind == ELBO_SUP_SIMPLEX;
  *low = unit ? 0 : (float)v->facts.low;
  *high = unit ? 1 : (float)v->facts.high;
}

elbo_status run_new_array(elbo_run *r, size_t rows, elbo_array *out, error *e)
{
  const variable *v = run_observed(r);
  size_t count;
  if (!v)
    return fail(e, ELBO_E_USAGE, "%s has no observed variable, so there is nothing to show",
                elbo_run_name(r));
  if (rows == 0) return fail(e, ELBO_E_USAGE, "0 rows were asked for; ask for at least 1");
  if (!mem_size(rows, v->numbers, &count) || rows > UINT32_MAX)
    return fail(e, ELBO_E_USAGE, "%zu rows of %zu numbers are too many; ask for fewer", rows,
                v->numbers);
  mem_free(r->values);
  r->values = mem_new(count, sizeof *r->values, "rows to show", e);
  *out = (elbo_array){ .values = r->values, .rows = rows, .numbers = v->numbers };
  run_image(v, &out->height, &out->width);
  picture_range(v, &out->low, &out->high);
  return r->values ? ELBO_DONE : e->status;
}

void walk_copy(const machine *m, node_id id, size_t rows, size_t step, float *to)
{
  const node *n = graph_node(m->mg.g, id);
  size_t have = run_rows(m->run, id);
  for (size_t i = 0; i < rows; i++)
    memcpy(to + i * step, run_value(m->run, id) + i % have * n->ld, n->shape.cols * sizeof *to);
}

/* Rows of the inputs that were given, into `to` [batch][numbers of all of them]. */
static void feed_given(const walk *w, machine *m, size_t first, size_t rows, float *to)
{
  const elbo_run *r = w->r;
  for (int f = 0; f < r->study->model->n_feeds; f++) {
    size_t numbers = m->numbers[f];
    if (!r->given[f]) continue;
    for (size_t i = 0; i < rows; i++) {
      size_t row = w->one_row ? 0 : (first + i) % r->given_rows;
      memcpy(to + i * numbers, r->given[f] + row * numbers, numbers * sizeof *to);
    }
    machine_feed_values(m, f, to);
    to += rows * numbers;
  }
}

/* Before the batch that begins at row `first`. */
static elbo_status say_where(const walk *w, size_t first, error *e)
{
  if (w->stop && w->stop(w->told))
    return fail(e, ELBO_E_STOPPED, "%s was stopped after %zu of %zu rows", w->doing, first,
                w->rows);
  if (w->progress) w->progress(w->told, (double)first / (double)w->rows);
  return ELBO_DONE;
}

static elbo_status walk_rows(walk *w, machine *m, size_t batch, uint32_t *index, float *given,
                             error *e)
{
  size_t have = w->one_row ? 1 : w->r->study->rows[run_split(w->r)];
  for (size_t first = 0, step = 0; first < w->rows; first += batch, step++) {
    size_t n = w->rows - first < batch ? w->rows - first : batch;
    if (say_where(w, first, e)) return e->status;
    for (size_t i = 0; i < n; i++) index[i] = (uint32_t)((first + i) % have);
    if (machine_feed_split(m, run_split(w->r), index, n, RUN_VISIT, e)) return e->status;
    feed_given(w, m, first, n, given);
    if (w->feed) w->feed(w, m, first, n);
    if (machine_forward(m, n, step, 0, e)) return e->status;
    w->take(w, m, first, n);
  }
  return ELBO_DONE;
}

static size_t given_numbers(const elbo_run *r)
{
  const model *m = r->study->model;
  size_t n = 0;
  for (int i = 0; i < m->n; i++)
    if (m->variable[i].feed >= 0 && r->given[m->variable[i].feed]) n += m->variable[i].numbers;
  return n;
}

elbo_status walk_run(walk *w, error *e)
{
  size_t batch, chunk;
  machine *m = NULL;
  graph_options most = { .purpose = w->purpose,
                         .batch = w->rows,
                         .samples = 1,
                         .draw = w->draw,
                         .mean_latents = w->mean_latents };
  if (run_machine(w->r, &most, w->seed, &m, &batch, &chunk, e)) return e->status;
  uint32_t *index = mem_new(batch, sizeof *index, "indices of rows", e);
  float *given = mem_new(batch * given_numbers(w->r), sizeof *given, "inputs", e);
  if (index && given) walk_rows(w, m, batch, index, given, e);
  mem_free(given);
  mem_free(index);
  machine_free(m);
  return e->status;
}

/* A family whose mean does not exist (cauchy), does not exist everywhere (student_t), or is not
   known (relaxed_categorical) is shown by draws. */
elbo_status walk_show(walk *w, error *e)
{
  if (walk_run(w, e) != ELBO_E_PLUGIN || w->draw) return e->status;
  context_log(w->r->ctx, 1, "%s is shown by draws in place of its mean, which can't be had: %s",
              run_observed(w->r)->name, e->text);
  error_clear(e);
  w->draw = true;
  return walk_run(w, e);
}
