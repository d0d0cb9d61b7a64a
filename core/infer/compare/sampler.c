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
                  .temperature = model_temperature(p->s->model, p->epochs),
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

/* Of n values in order. */
static double median(const double *x, int n)
{
  return 0.5 * (x[(n - 1) / 2] + x[n / 2]);
}

/* The spread is the median distance from the median, times what makes it the deviation of normal
   values; the median of n of them varies by sqrt(pi / 2n) of that. */
static timing read_watch(const stopwatch *w)
{
  const double of_normal = 1.4826, pi = 3.14159265358979323846;
  double ms[PARTS], off[PARTS];
  int n = 0;
  for (int i = 0; i < PARTS; i++)
    if (w->counted[i] > 0) ms[n++] = 1e3 * w->spent[i] / w->counted[i];
  if (n < 2) return (timing){ n ? ms[0] : NAN, NAN };
  qsort(ms, (size_t)n, sizeof *ms, ascending);
  timing t = { .median = median(ms, n) };
  for (int i = 0; i < n; i++) off[i] = fabs(ms[i] - t.median);
  qsort(off, (size_t)n, sizeof *off, ascending);
  t.se = of_normal * median(off, n) * sqrt(pi / 2 / n);
  return t;
}

/* ---- estimates */
static elbo_status estimates(sampler *p, machine *m, uint64_t first, long repeats, moments *to,
                             timing *ms, error *e)
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
  *ms = read_watch(&w);
  return ELBO_DONE;
}

elbo_status sampler_run(sampler *p, uint64_t first, long repeats, moments **out, timing *ms,
                        error *e)
{
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = p->batch, .samples = p->s->model->samples };
  machine *m = NULL;
  *out = NULL;
  memset(p->grads, 0, p->groups.P * sizeof *p->grads);
  if (machine_new(p->s, &o, NULL, p->params, p->grads, &m, e)) return e->status;
  m->run->env.seed = p->seed;
  if (!machine_feed_split(m, SPLIT_TRAIN, p->order, p->batch, 0, e) &&
      !moments_new(&p->groups, repeats, out, e))
    estimates(p, m, first, repeats, *out, ms, e);
  machine_free(m);
  if (e->status) moments_free(*out), *out = NULL;
  return e->status;
}
