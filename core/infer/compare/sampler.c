/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "infer/compare/sampler.h"
#include "base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* `keep: best` has left the best parameters beside those to go on with. */
static elbo_status read_parameters(sampler *p, const graph *g, const char *from, error *e)
{
  char *best = path_join(from, "best.safetensors", e),
       *last = path_join(from, "checkpoint.safetensors", e);
  if (best && last)
    checkpoint_read_params(p->s->x->train.keep_best && file_exists(best) ? best : last, g,
                           p->params, e);
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
  if (model_build(p->s->model, &o, &mg, e)) return e->status;
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
    return fail(e, ELBO_E_USAGE, "a minibatch of %zu rows; expected 1 to %zu, the training rows",
                batch, s->rows[SPLIT_TRAIN]);
  return choose_rows(out, e) || set_parameters(out, from, e) ? e->status : ELBO_DONE;
}

void sampler_free(sampler *p)
{
  groups_free(&p->groups);
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
                  .baseline = baseline_value(&p->baseline),
                  .feeds = m->feeds };
  if (run_forward(m->run, &a, e)) return e->status;
  if (!isfinite(*run_value(m->run, m->mg.objective))) return run_find_nonfinite(m->run, &a, e);
  if (p->s->model->baseline) baseline_see(&p->baseline, mean_of_rows(m));
  return run_backward(m->run, e);
}

/* ---- time */
enum { PARTS = 10 };
typedef struct stopwatch {
  double spent[PARTS], counted[PARTS];
} stopwatch;

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median_ms(const stopwatch *w)
{
  double ms[PARTS];
  int n = 0;
  for (int i = 0; i < PARTS; i++)
    if (w->counted[i] > 0) ms[n++] = 1e3 * w->spent[i] / w->counted[i];
  qsort(ms, (size_t)n, sizeof *ms, ascending);
  return n ? 0.5 * (ms[(n - 1) / 2] + ms[n / 2]) : NAN;
}

/* ---- estimates */
static elbo_status estimates(sampler *p, machine *m, uint64_t first, long repeats, moments *to,
                             double *ms, error *e)
{
  enum { WARM_UP = 20 }; /* untimed, of other noise: caches, pages, and a moving average's past */
  stopwatch w = { { 0 }, { 0 } };
  p->baseline = (baseline){ 0 };
  for (int i = 0; i < (p->s->model->baseline ? WARM_UP : 1); i++)
    if (gradient(p, m, first + (uint64_t)(repeats + i), e)) return e->status;
  for (long r = 0; r < repeats; r++) {
    double from = clock_seconds();
    if (gradient(p, m, first + (uint64_t)r, e)) return e->status;
    w.spent[r * PARTS / repeats] += clock_seconds() - from;
    w.counted[r * PARTS / repeats]++;
    moments_add(to, p->grads);
    if (p->between && p->between(p->user, e)) return e->status;
  }
  moments_finish(to);
  *ms = median_ms(&w);
  return ELBO_DONE;
}

elbo_status sampler_run(sampler *p, uint64_t first, long repeats, moments **out, double *ms,
                        error *e)
{
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = p->batch, .samples = p->s->model->samples };
  machine *m = NULL;
  *out = NULL;
  memset(p->grads, 0, p->groups.P * sizeof *p->grads);
  if (machine_new(p->s, &o, NULL, p->params, p->grads, &m, e)) return e->status;
  machine_feed_split(m, SPLIT_TRAIN, p->order, 0);
  m->run->env.seed = p->seed;
  if (!moments_new(&p->groups, repeats, out, e)) estimates(p, m, first, repeats, *out, ms, e);
  machine_free(m);
  if (e->status) moments_free(*out), *out = NULL;
  return e->status;
}
