/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/compare/sampler.h"
#include "base/clock.h"
#include "base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* `keep: best` has left the best parameters beside those to go on with. */
static elbo_status read_parameters(sampler *p, const graph *g, const char *from, error *e)
{
  char *best = path_join(from, "best.safetensors", e),
       *last = path_join(from, "checkpoint.safetensors", e);
  progress_state at = { 0 };
  if (best && last &&
      !checkpoint_read_params(p->s->x->train.keep_best && file_exists(best) ? best : last, g,
                              p->params, &at, e))
    p->epochs = (double)at.epoch;
  mem_free(best), mem_free(last);
  return e->status;
}

static elbo_status choose_rows(sampler *p, error *e)
{
  size_t rows = p->s->rows[SPLIT_TRAIN];
  uint32_t *all = mem_new(rows, sizeof *all, "the order of rows", e);
  p->order = mem_new(p->batch, sizeof *p->order, "the order of rows", e);
  if (all && p->order) {
    philox_shuffle(philox_make_key(p->s->x->seed, STREAM_SHUFFLE), 0, (uint32_t)rows, all);
    memcpy(p->order, all, p->batch * sizeof *all);
  }
  mem_free(all);
  return e->status;
}

static elbo_status set_parameters(sampler *p, const char *from, error *e)
{
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = 1, .samples = 1 };
  model_graph mg;
  if (model_build(p->s->model, &o, &mg, e)) {
    model_graph_free(&mg);
    return e->status;
  }
  if (!groups_make(mg.g, &p->groups, e)) {
    p->params = mem_new_aligned(p->groups.P, sizeof(float), "parameters", e);
    p->grads = mem_new_aligned(p->groups.P, sizeof(float), "gradients", e);
  }
  if (!e->status) init_params(mg.g, p->s->x->seed, p->params);
  if (!e->status && from) read_parameters(p, mg.g, from, e);
  model_graph_free(&mg);
  return e->status;
}

elbo_status sampler_new(study *s, const char *from, size_t batch, uint64_t seed, sampler *out,
                        error *e)
{
  *out = (sampler){ .s = s, .batch = batch, .seed = seed };
  if (batch < 1 || batch > s->rows[SPLIT_TRAIN])
    return fail(e, ELBO_E_USAGE,
                "a minibatch of %zu rows; expected 1 to %zu, the training rows: give `--rows` "
                "(`rows` of elbo_compare_options), or train.batch_size, within that",
                batch, s->rows[SPLIT_TRAIN]);
  out->pool = pool_new(s->threads, e);
  return !out->pool || choose_rows(out, e) || set_parameters(out, from, e) ? e->status : ELBO_DONE;
}

void sampler_free(sampler *p)
{
  groups_free(&p->groups);
  pool_free(p->pool);
  mem_free(p->params), mem_free(p->grads), mem_free(p->order);
}

/* ---- one gradient */
static double mean_of_rows(const machine *m)
{
  const node *n = graph_node(m->mg.g, m->mg.rows);
  const float *at = run_value(m->run, m->mg.rows);
  double sum = 0;
  for (size_t i = 0; i < m->run->batch; i++) sum += (double)at[i * n->ld];
  return sum / (double)m->run->batch;
}

static elbo_status gradient(sampler *p, machine *m, uint64_t step, error *e)
{
  step_args a = { .batch = p->batch,
                  .step = step,
                  .kl_weight = 1,
                  .temperature = model_temperature(p->s->model, p->epochs),
                  .baseline = baseline_value(&p->baseline),
                  .feeds = m->feeds };
  if (run_forward(m->run, &a, e)) return e->status;
  if (!isfinite(*run_value(m->run, m->mg.objective))) return run_find_nonfinite(m->run, &a, e);
  if (p->s->model->baseline) baseline_see(&p->baseline, mean_of_rows(m));
  return run_backward(m->run, e);
}

/* ---- estimates */
static elbo_status open_machine(sampler *p, machine **out, error *e)
{
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = p->batch, .samples = p->s->model->samples };
  memset(p->grads, 0, p->groups.P * sizeof *p->grads);
  if (machine_new(p->s, &o, p->pool, p->params, p->grads, out, e)) return e->status;
  (*out)->run->env.seed = p->seed;
  p->baseline = (baseline){ 0 };
  return machine_feed_split(*out, SPLIT_TRAIN, p->order, p->batch, 0, e);
}

/* What is not counted has noise of its own: a moving average's past. */
static elbo_status estimates(sampler *p, machine *m, uint64_t first, long repeats, moments *to,
                             error *e)
{
  enum { PAST = 20 };
  for (int i = 0; i < PAST && p->s->model->baseline; i++)
    if (gradient(p, m, first + (uint64_t)(repeats + i), e)) return e->status;
  for (long r = 0; r < repeats; r++) {
    if (gradient(p, m, first + (uint64_t)r, e)) return e->status;
    moments_add(to, p->grads);
    if (p->between && p->between(p->user, e)) return e->status;
  }
  moments_finish(to);
  return ELBO_DONE;
}

elbo_status sampler_run(sampler *p, uint64_t first, long repeats, moments **out, error *e)
{
  machine *m = NULL;
  *out = NULL;
  if (!open_machine(p, &m, e) && !moments_new(&p->groups, repeats, out, e))
    estimates(p, m, first, repeats, *out, e);
  machine_free(m);
  if (e->status) moments_free(*out), *out = NULL;
  return e->status;
}

/* ---- time */
static elbo_status gradients(sampler *p, machine *m, uint64_t first, long repeats, error *e)
{
  for (long r = 0; r < repeats; r++)
    if (gradient(p, m, first + (uint64_t)r, e)) return e->status;
  return ELBO_DONE;
}

/* The untimed one warms caches and pages. */
elbo_status sampler_time(sampler *p, uint64_t first, long repeats, double *ms, error *e)
{
  machine *m = NULL;
  if (!open_machine(p, &m, e) && !gradient(p, m, first, e)) {
    double from = clock_seconds();
    if (!gradients(p, m, first, repeats, e)) *ms = 1e3 * (clock_seconds() - from) / (double)repeats;
  }
  machine_free(m);
  return !e->status && p->between ? p->between(p->user, e) : e->status;
}
