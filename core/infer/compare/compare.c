/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The contest: every estimator, number of samples and road gives R gradients at the same parameters and minibatch. */
#include "base/file.h"
#include "infer/compare/verdict.h"
#include "infer/context.h"

#include <elbo/compare.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A long run of an unbiased estimator of the same objective, on steps of its own. */
typedef struct reference {
  char objective[32], name[64];
  long samples; /* of objectives that depend on K, else 0 */
  moments *m;
  struct reference *next;
} reference;

typedef struct contest {
  elbo_experiment *x;
  study *s;
  const elbo_compare_options *o;
  error *e;
  data_facts facts[MODEL_MAX_VARIABLES];
  model *own; /* the experiment's, put back at the end */
  estimator_spec own_estimator;
  float *params, *grads;
  uint32_t *order;
  size_t batch;
  long repeats;
  groups groups;
  bool groups_known;
  reference *references;
  elbo_compare_row *rows;
  size_t n, room;
  long done, planned; /* gradients */
  double started;
} contest;

enum { REFERENCE_TIMES = 4, REFERENCE_SAMPLES = 10, WAKE_TIMES = 64 };
static const uint64_t REFERENCE_STEPS = (uint64_t)1 << 30;

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one estimator's model and machine, or why there is none */
static void set_road(contest *c, const char *reparam)
{
  for (int i = 0; i < c->s->x->n_q; i++)
    if (reparam) c->s->x->q[i].reparam = reparam;
}

static elbo_status resolve_as(contest *c, const char *name, long samples, char *why, size_t n)
{
  problems p = { 0 };
  model *m = NULL;
  c->s->x->estimator.name = name;
  c->s->x->estimator.samples = samples;
  elbo_status status = model_resolve(c->s->x, c->s->registry, c->facts, &m, &p, c->e);
  if (!status && p.n) {
    snprintf(why, n, "%s", p.list && p.list[0].text ? p.list[0].text : "it does not apply");
    status = ELBO_E_USAGE;
  }
  problems_free(&p);
  if (status) {
    model_free(m);
    return status;
  }
  if (c->s->model != c->own) model_free(c->s->model);
  c->s->model = m;
  return ELBO_DONE;
}

static elbo_status gradient(contest *c, machine *m, uint64_t step)
{
  step_args a = { .batch = c->batch, .step = step, .kl_weight = 1, .feeds = m->feeds };
  if (run_forward(m->run, &a, c->e)) return c->e->status;
  if (!isfinite(*run_value(m->run, m->mg.objective))) return run_find_nonfinite(m->run, &a, c->e);
  return run_backward(m->run, c->e);
}

static void report(contest *c, const char *what)
{
  double spent = now() - c->started, share = c->planned ? (double)c->done / (double)c->planned : 0;
  if (share > 1) share = 1;
  if (c->o->progress) c->o->progress(c->o->user, what, share, share > 0 ? spent * (1 - share) / share : NAN);
}

static elbo_status estimate(contest *c, machine *m, uint64_t first, long repeats, const char *what, moments *to, double *ms)
{
  double spent = 0, shown = now();
  for (long r = 0; r < repeats; r++) {
    double from = now();
    if (gradient(c, m, first + (uint64_t)r)) return c->e->status;
    double until = now();
    spent += until - from;
    moments_add(to, c->grads);
    c->done++;
    if (until - shown > 0.2) report(c, what), shown = until;
    if (c->o->stop && c->o->stop(c->o->user)) return fail(c->e, ELBO_E_STOPPED, "stopped; nothing was written");
  }
  moments_finish(to);
  *ms = 1e3 * spent / (double)repeats;
  return ELBO_DONE;
}

/* Everything of one estimator that has been resolved: a machine on the fixed minibatch, and its moments. */
static elbo_status measure(contest *c, uint64_t first, long repeats, const char *what, moments **to, double *ms)
{
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = c->batch, .samples = c->s->model->samples };
  machine *m = NULL;
  memset(c->grads, 0, c->groups.P * sizeof *c->grads);
  if (machine_new(c->s, &o, NULL, c->params, c->grads, &m, c->e)) return c->e->status;
  machine_feed_split(m, SPLIT_TRAIN, c->order, 0);
  m->run->env.seed = c->o->seed;
  if (!moments_new(&c->groups, repeats, to, c->e) && !gradient(c, m, first)) estimate(c, m, first, repeats, what, *to, ms);
  machine_free(m);
  return c->e->status;
}

/* ---- references */
static const char *objective_name(const model *m)
{
  return m->estimator == estimator_find("rws") ? "wake" : m->objective == &bound_iwae ? "iwae" : "elbo";
}

typedef struct candidate {
  const char *objective, *estimator;
  long samples; /* 0: those of the one that is compared */
  long times;
} candidate;
/* In the order in which they are tried. The sum over the support is exact: once is enough. */
static const candidate candidates[] = {
  { "elbo", "enumerate", 1, 0 },
  { "elbo", "sgvb_b", REFERENCE_SAMPLES, 1 },
  { "elbo", "sgvb_a", REFERENCE_SAMPLES, 1 },
  { "elbo", "score_loo", REFERENCE_SAMPLES, 1 },
  { "iwae", "dreg", 0, 1 },
  { "iwae", "iwae", 0, 1 },
  { "iwae", "vimco", 0, 1 },
  { "wake", "rws", WAKE_TIMES, 1 },
};

static elbo_status run_reference(contest *c, const candidate *k, reference *r, long samples)
{
  char why[8];
  long K = k->samples == WAKE_TIMES ? WAKE_TIMES * samples : k->samples ? k->samples : samples;
  long repeats = k->times ? REFERENCE_TIMES * c->repeats / (k->samples == WAKE_TIMES ? 8 : 1) : 1;
  double ms;
  if (resolve_as(c, k->estimator, K, why, sizeof why)) return c->e->status;
  snprintf(r->name, sizeof r->name, k->times ? "%s, K %ld, %ld gradients" : "%s", k->estimator, K, repeats);
  return measure(c, REFERENCE_STEPS, repeats, r->name, &r->m, &ms);
}

static reference *find_reference(contest *c, const char *objective, long samples)
{
  long K = strcmp(objective, "elbo") ? samples : 0;
  for (reference *r = c->references; r; r = r->next)
    if (!strcmp(r->objective, objective) && r->samples == K) return r;
  reference *r = mem_new(1, sizeof *r, "a reference", c->e);
  if (!r) return NULL;
  snprintf(r->objective, sizeof r->objective, "%s", objective);
  r->samples = K;
  r->next = c->references;
  c->references = r;
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates && !r->m && !c->e->status; i++)
    if (!strcmp(candidates[i].objective, objective)) run_reference(c, &candidates[i], r, samples);
  return c->e->status ? NULL : r;
}

/* ---- rows */
static elbo_compare_row *new_row(contest *c, const char *estimator, long samples, const char *reparam, const char *group)
{
  if (mem_grow(&c->rows, &c->room, c->n + 1, sizeof *c->rows, "the comparison", c->e)) return NULL;
  elbo_compare_row *row = &c->rows[c->n++];
  *row = (elbo_compare_row){ .samples = samples, .mean_norm = NAN, .variance = NAN, .variance_se = NAN, .snr = NAN, .bias = NAN,
                             .bias_chance = NAN, .ms_per_gradient = NAN, .work_variance = NAN };
  snprintf(row->estimator, sizeof row->estimator, "%s", estimator);
  snprintf(row->reparam, sizeof row->reparam, "%s", reparam ? reparam : "");
  snprintf(row->group, sizeof row->group, "%s", group);
  return row;
}

static void fill_row(contest *c, elbo_compare_row *row, const moments *m, const reference *ref, int group_index, double ms)
{
  group_moments g = moments_of(m, group_index);
  bool one = m->n < 2;
  row->variance = one ? 0 : g.trace;
  row->variance_se = one ? 0 : g.trace_se;
  row->snr = g.snr;
  row->mean_norm = sqrt(fmax(0, g.squared_norm - row->variance / (double)m->n));
  row->ms_per_gradient = ms;
  row->work_variance = row->variance * ms;
  if (!ref->m) return;
  verdict v = verdict_of(m, ref->m, group_index);
  row->bias = v.bias, row->bias_chance = v.chance, row->verdict = v.word;
  snprintf(row->reference, sizeof row->reference, "%s", ref->name);
  (void)c;
}

static int group_at(const groups *g, int place)
{
  int all = g->n_leaves; /* "all" is the first union */
  return place == 0 ? all : place <= all ? place - 1 : place;
}

static elbo_status compete(contest *c, const char *name, long samples, const char *reparam)
{
  char why[512] = "";
  double ms = NAN;
  moments *m = NULL;
  elbo_status status = resolve_as(c, name, samples, why, sizeof why);
  if (status && why[0]) {
    elbo_compare_row *row = new_row(c, name, samples, reparam, "all");
    if (row) snprintf(row->reason, sizeof row->reason, "%s", why);
    return c->e->status;
  }
  if (status) return status;
  char objective[32];
  long K = (long)c->s->model->samples;
  snprintf(objective, sizeof objective, "%s", objective_name(c->s->model));
  if (!measure(c, 1, c->repeats, name, &m, &ms)) {
    reference *ref = find_reference(c, objective, K);
    for (int i = 0; ref && i < c->groups.n; i++) {
      elbo_compare_row *row = new_row(c, name, K, reparam, c->groups.list[group_at(&c->groups, i)].name);
      if (!row) break;
      snprintf(row->objective, sizeof row->objective, "%s", objective);
      fill_row(c, row, m, ref, group_at(&c->groups, i), ms);
    }
  }
  moments_free(m);
  return c->e->status;
}

/* ---- the whole */
static elbo_status prepare_contest(contest *c)
{
  study *s = c->s;
  size_t rows = s->rows[SPLIT_TRAIN];
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = 1, .samples = s->model->samples };
  model_graph mg;
  for (int i = 0; i < s->model->n; i++)
    if (s->model->variable[i].feed >= 0) c->facts[s->model->variable[i].feed] = s->model->variable[i].facts;
  c->batch = (size_t)(c->o->rows ? c->o->rows : s->x->train.batch_size);
  if (c->batch > rows) return fail(c->e, ELBO_E_USAGE, "rows: %zu is more than the %zu training rows", c->batch, rows);
  c->repeats = c->o->repeats ? c->o->repeats : 1000;
  if (c->repeats < 20) return fail(c->e, ELBO_E_USAGE, "repeats: %ld are too few to tell a variance from; take at least 20", c->repeats);
  c->order = mem_new(rows, sizeof *c->order, "the order of rows", c->e);
  if (!c->order || model_build(s->model, &o, &mg, c->e)) return c->e->status;
  philox_shuffle(philox_make_key(s->x->seed, STREAM_SHUFFLE), 0, (uint32_t)rows, c->order);
  groups_make(mg.g, &c->groups, c->e);
  c->params = mem_new_aligned(c->groups.P, sizeof(float), "parameters", c->e);
  c->grads = mem_new_aligned(c->groups.P, sizeof(float), "gradients", c->e);
  if (c->params) init_params(mg.g, s->x->seed, c->params);
  if (!c->e->status && c->o->from) {
    char *path = path_join(c->o->from, "checkpoint.safetensors", c->e);
    if (path) checkpoint_read_params(path, mg.g, c->params, c->e);
    mem_free(path);
  }
  model_graph_free(&mg);
  return c->e->status;
}

static int by_work(const void *a, const void *b)
{
  const elbo_compare_row *const *x = a, *const *y = b;
  double u = (*x)->work_variance, v = (*y)->work_variance;
  if (isnan(u) || isnan(v)) return isnan(u) - isnan(v);
  return (u > v) - (u < v);
}

/* Whole blocks of rows, one for each estimator with "all" first, in the order of their work. */
static elbo_status sort_rows(contest *c)
{
  elbo_compare_row *sorted = mem_new(c->n + 1, sizeof *sorted, "the comparison", c->e);
  const elbo_compare_row **heads = mem_new(c->n + 1, sizeof *heads, "the comparison", c->e);
  size_t n = 0, at = 0;
  if (sorted && heads) {
    for (size_t i = 0; i < c->n; i++)
      if (!strcmp(c->rows[i].group, "all")) heads[n++] = &c->rows[i];
    qsort(heads, n, sizeof *heads, by_work);
    for (size_t h = 0; h < n; h++)
      for (size_t i = (size_t)(heads[h] - c->rows); i < c->n && (&c->rows[i] == heads[h] || strcmp(c->rows[i].group, "all")); i++)
        sorted[at++] = c->rows[i];
    mem_free(c->rows);
    c->rows = sorted;
  }
  mem_free(heads);
  return c->e->status;
}

static elbo_status run_contest(contest *c)
{
  static const char *const no_road[] = { NULL, NULL };
  const char *all[64] = { NULL };
  long own[] = { c->own_estimator.samples, 0 };
  for (int i = 0; i < n_estimators && i < 63; i++) all[i] = estimator_table[i]->name;
  const char *const *names = c->o->estimators ? c->o->estimators : all, *const *roads = c->o->reparams ? c->o->reparams : no_road;
  const long *samples = c->o->samples ? c->o->samples : own;
  for (int i = 0; names[i]; i++)
    for (int k = 0; samples[k]; k++)
      for (int r = 0; r == 0 || roads[r]; r++) c->planned += c->repeats;
  c->planned += REFERENCE_TIMES * c->repeats;
  for (int i = 0; names[i]; i++) {
    const estimator_kind *kind = estimator_find(names[i]);
    for (int k = 0; samples[k] && (k == 0 || !kind || !kind->enumerates); k++)
      for (int r = 0; r == 0 || roads[r]; r++) {
        set_road(c, roads[r]);
        if (compete(c, names[i], samples[k], roads[r])) return c->e->status;
      }
  }
  return sort_rows(c);
}

static void end_contest(contest *c)
{
  if (c->s->model != c->own) model_free(c->s->model);
  c->s->model = c->own;
  c->s->x->estimator = c->own_estimator;
  for (reference *r = c->references, *next; r; r = next) {
    next = r->next;
    moments_free(r->m);
    mem_free(r);
  }
  groups_free(&c->groups);
  mem_free(c->params), mem_free(c->grads), mem_free(c->order);
}

elbo_status elbo_compare(elbo_experiment *x, const elbo_compare_options *options, elbo_compare_result *result)
{
  contest c = { .x = x, .s = x->study, .o = options, .e = context_enter(x->ctx), .own = x->study->model,
                .own_estimator = x->study->x->estimator, .started = now() };
  const char *roads[MODEL_MAX_VARIABLES];
  for (int i = 0; i < c.s->x->n_q; i++) roads[i] = c.s->x->q[i].reparam;
  *result = (elbo_compare_result){ 0 };
  if (!prepare_contest(&c)) run_contest(&c);
  end_contest(&c);
  for (int i = 0; i < c.s->x->n_q; i++) c.s->x->q[i].reparam = roads[i];
  mem_free(x->compared);
  x->compared = c.rows;
  if (!c.e->status) result->rows = c.rows, result->n = c.n;
  return c.e->status;
}
