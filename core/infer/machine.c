/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A graph ready to run: feeds from data sets or from arrays, its pool and its memory. */
#include "infer/study.h"

#include <string.h>

static void feed_rows(const void *user, size_t first, size_t n, float *at)
{
  const struct feed_slot *slot = user;
  const machine *m = slot->machine;
  if (m->given[slot->feed]) {
    size_t numbers = m->numbers[slot->feed];
    memcpy(at, m->given[slot->feed] + first * numbers, n * numbers * sizeof *at);
  } else {
    const void *const *raw = m->at[slot->feed];
    dataset_rows(m->source[slot->feed], m->index + first, raw ? raw + first : NULL, n, m->visit,
                 at);
  }
}

static void set_feeds(machine *m)
{
  const model *mo = m->study->model;
  int latents = 0;
  for (int i = 0; i < mo->n_p; i++) {
    const variable *v = &mo->variable[mo->p_order[i]];
    if (v->role == VARIABLE_LATENT) m->numbers[mo->n_feeds + latents++] = v->numbers;
  }
  for (int i = 0; i < mo->n; i++)
    if (mo->variable[i].feed >= 0) m->numbers[mo->variable[i].feed] = mo->variable[i].numbers;
  for (int f = 0; f < mo->n_feeds + latents; f++) {
    m->slots[f] = (struct feed_slot){ m, f };
    m->feeds[f] = (feed){ feed_rows, &m->slots[f] };
  }
}

static elbo_status make_rooms(machine *m, size_t batch, error *e)
{
  const study *s = m->study;
  for (int f = 0; f < s->n_data && !e->status; f++) {
    const array *train = &s->data[SPLIT_TRAIN][f].x, *test = &s->data[SPLIT_TEST][f].x;
    if (!train->file && !test->file) continue;
    size_t bytes = array_row_bytes(train);
    m->room[f] = mem_new(batch, sizeof *m->room[f], "rows of a batch", e);
    m->fetched[f] =
        mem_new(batch, bytes > sizeof(float) ? bytes : sizeof(float), "rows of a batch", e);
  }
  return e->status;
}

elbo_status machine_new(study *s, const graph_options *o, pool *shared, float *params, float *grads,
                        machine **out, error *e)
{
  *out = NULL;
  machine *m = mem_new(1, sizeof *m, "the model's graph", e);
  if (!m) return e->status;
  m->study = s, m->params = params, m->grads = grads;
  m->owns_pool = !shared;
  if (model_build(s->model, o, &m->mg, e)) goto fail;
  set_feeds(m);
  if (make_rooms(m, o->batch, e)) goto fail;
  m->pool = shared ? shared : pool_new(s->threads, e);
  if (!m->pool) goto fail;
  run_env env = { m->pool, s->backend, registry_level(s->registry), s->x->seed };
  m->run = run_new(m->mg.g, &env, params, grads, e);
  if (!m->run) goto fail;
  *out = m;
  return ELBO_DONE;
fail:
  machine_free(m);
  return e->status;
}

void machine_free(machine *m)
{
  if (!m) return;
  run_free(m->run);
  if (m->owns_pool) pool_free(m->pool);
  model_graph_free(&m->mg);
  for (int f = 0; f < MODEL_MAX_VARIABLES; f++) {
    mem_free(m->room[f]);
    mem_free(m->fetched[f]);
  }
  mem_free(m);
}

static void set_source(machine *m, int f, split_kind split)
{
  m->source[f] = &m->study->data[split][f];
  m->given[f] = NULL;
  m->at[f] = m->source[f]->x.file ? m->room[f] : NULL;
}

elbo_status machine_feed_split(machine *m, split_kind split, const uint32_t *index, size_t n,
                               uint32_t visit, error *e)
{
  for (int f = 0; f < m->study->n_data; f++) {
    set_source(m, f, split);
    if (m->at[f] && dataset_fetch(m->source[f], index, n, m->fetched[f], m->room[f], e))
      return e->status;
  }
  m->index = index;
  m->visit = visit;
  return ELBO_DONE;
}

void machine_feed_fetched(machine *m, const uint32_t *index, uint32_t visit)
{
  for (int f = 0; f < m->study->n_data; f++) set_source(m, f, SPLIT_TRAIN);
  m->index = index;
  m->visit = visit;
}

void machine_feed_values(machine *m, int feed_index, const float *values)
{
  m->given[feed_index] = values;
}

elbo_status machine_forward(machine *m, size_t batch, uint64_t step, uint64_t sample_offset,
                            error *e)
{
  step_args a = { .batch = batch,
                  .same_batch = sample_offset > 0,
                  .step = step,
                  .sample_offset = sample_offset,
                  .kl_weight = 1,
                  .feeds = m->feeds };
  return run_forward(m->run, &a, e);
}
