/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The contest: every estimator, number of samples and road gives R gradients at the same parameters
 * and minibatch. */
#include "infer/compare/contest.h"
#include "base/options.h"
#include "infer/compare/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
enum { FEWEST = 20, STANDARD_REPEATS = 1000, MOST_NAMES = 63 };

/* ---- one estimator's model, or why there is none */
static void set_roads(contest *c, const char *reparam)
{
  for (int i = 0; i < c->s->x->n_q; i++)
    c->s->x->q[i].reparam = reparam ? reparam : c->own_roads[i];
}

static elbo_status resolve_once(contest *c, model **out, char *why, size_t n)
{
  problems p = { 0 };
  model *m = NULL;
  elbo_status status = model_resolve(c->s->x, c->s->registry, c->facts, &m, &p, c->e);
  if (!status && p.n) {
    snprintf(why, n, "%s", p.list && p.list[0].text ? p.list[0].text : "it does not apply");
    status = ELBO_E_USAGE;
  }
  problems_free(&p);
  if (status) model_free(m), m = NULL;
  *out = m;
  return status;
}

elbo_status contest_resolve(contest *c, const char *name, long samples, const char *reparam,
                            char *why, size_t n)
{
  estimator_spec *x = &c->s->x->estimator;
  model *m;
  set_roads(c, reparam);
  x->name = name;
  x->samples = samples;
  x->noise = c->own_estimator.noise;
  elbo_status status = resolve_once(c, &m, why, n);
  if (status == ELBO_E_USAGE && why[0] && x->noise != NOISE_IID) {
    x->noise = NOISE_IID;
    why[0] = '\0';
    status = resolve_once(c, &m, why, n);
  }
  if (status) return status;
  if (c->s->model != c->own) model_free(c->s->model);
  c->s->model = m;
  return ELBO_DONE;
}

/* ---- progress */
void contest_report(contest *c, double fraction, double seconds_left)
{
  if (c->o.progress) c->o.progress(c->o.user, c->what, fraction, seconds_left);
  c->shown = clock_seconds();
}

elbo_status contest_stopped(contest *c)
{
  if (!c->o.stop || !c->o.stop(c->o.user)) return ELBO_DONE;
  return fail(c->e, ELBO_E_STOPPED, "the comparison was stopped");
}

static elbo_status between(void *user, error *e)
{
  contest *c = user;
  (void)e;
  c->done += c->weight;
  if (clock_seconds() - c->shown > 0.2) {
    double share = fmin(1, c->done / c->planned);
    contest_report(c, share, (clock_seconds() - c->started) * (1 - share) / share);
  }
  return contest_stopped(c);
}

/* ---- rows */
static elbo_compare_row *new_row(contest *c, const char *estimator, long samples,
                                 const char *reparam, const char *group)
{
  if (mem_grow(&c->rows, &c->room, c->n + 1, sizeof *c->rows, "the comparison", c->e)) return NULL;
  elbo_compare_row *row = &c->rows[c->n++];
  *row = (elbo_compare_row){ .samples = samples,
                             .mean_norm = NAN,
                             .mean_norm_se = NAN,
                             .variance = NAN,
                             .variance_se = NAN,
                             .snr = NAN,
                             .snr_se = NAN,
                             .bias = NAN,
                             .bias_chance = NAN,
                             .ms_per_gradient = NAN,
                             .ms_se = NAN,
                             .work_variance = NAN,
                             .work_variance_se = NAN };
  snprintf(row->estimator, sizeof row->estimator, "%s", estimator);
  snprintf(row->reparam, sizeof row->reparam, "%s", reparam ? reparam : "");
  snprintf(row->group, sizeof row->group, "%s", group);
  return row;
}

static void fill_row(elbo_compare_row *row, const group_moments *g, const group_moments *se,
                     timing ms)
{
  row->mean_norm = sqrt(fmax(0, g->squared_norm));
  row->mean_norm_se = row->mean_norm > 0 ? se->squared_norm / (2 * row->mean_norm) : NAN;
  row->variance = g->trace, row->variance_se = se->trace;
  row->snr = g->snr, row->snr_se = isnan(g->snr) ? NAN : se->snr;
  row->ms_per_gradient = ms.median, row->ms_se = ms.se;
  row->work_variance = row->variance * ms.median;
  row->work_variance_se = hypot(row->variance_se * ms.median, row->variance * ms.se);
}

static int group_at(const groups *g, int place)
{
  int all = g->n_leaves; /* "all" is the first of the unions, and comes first here */
  return place == 0 ? all : place <= all ? place - 1 : place;
}

static void add_rows(contest *c, const elbo_compare_row *like, const moments *m,
                     const reference *ref, timing ms)
{
  const groups *g = &c->sampler.groups;
  group_moments all[GROUPS], se[GROUPS];
  verdict v[GROUPS];
  moments_read(m, all, se);
  if (ref->m) verdicts_of(m, ref->m, v);
  for (int i = 0; i < g->n; i++) {
    int k = group_at(g, i);
    elbo_compare_row *row =
        new_row(c, like->estimator, like->samples, like->reparam, g->list[k].name);
    if (!row) return;
    memcpy(row->objective, like->objective, sizeof row->objective);
    memcpy(row->noise, like->noise, sizeof row->noise);
    fill_row(row, &all[k], &se[k], ms);
    row->verdict = ref->m ? v[k].word : "cannot tell";
    snprintf(row->reference, sizeof row->reference, "%s",
             ref->m ? ref->name : "none: no other unbiased one applies");
    if (ref->m) row->bias = v[k].bias, row->bias_chance = v[k].chance;
  }
}

/* Without noise a few are enough, for the clock. */
static long repeats_of(const contest *c)
{
  return c->s->model->enumerates && c->repeats > FEWEST ? FEWEST : c->repeats;
}

static elbo_compare_row *refuse(contest *c, const entry *n, const char *why)
{
  elbo_compare_row *row = new_row(c, n->estimator, n->samples, n->reparam, "all");
  if (row) snprintf(row->reason, sizeof row->reason, "%s", why);
  return row;
}

static elbo_status compete(contest *c, const entry *n)
{
  char why[512] = "";
  moments *m = NULL;
  elbo_status status = contest_resolve(c, n->estimator, n->samples, n->reparam, why, sizeof why);
  c->planned -= (double)(c->repeats * n->samples);
  if (status && why[0]) return refuse(c, n, why) ? ELBO_DONE : c->e->status;
  if (status) return status;
  elbo_compare_row like = { .samples = (long)c->s->model->samples };
  snprintf(like.estimator, sizeof like.estimator, "%s", n->estimator);
  snprintf(like.reparam, sizeof like.reparam, "%s", n->reparam ? n->reparam : "");
  snprintf(like.objective, sizeof like.objective, "%s", c->s->model->objective->name);
  snprintf(like.noise, sizeof like.noise, "%s", noise_names[c->s->x->estimator.noise]);
  c->what = n->estimator;
  c->weight = (double)like.samples;
  contest_forget(c, n->samples);
  c->planned += (double)repeats_of(c) * c->weight;
  if (!sampler_run(&c->sampler, 1, repeats_of(c), &m, c->e)) {
    const reference *ref = contest_reference(c, like.objective, like.samples, n->estimator);
    if (ref) add_rows(c, &like, m, ref, timing_of(n->ms));
  }
  moments_free(m);
  return c->e->status;
}

/* ---- the list of what is compared */
typedef struct lists {
  const char *const *names, *const *roads;
  const long *samples;
} lists;

static elbo_status add_entry(contest *c, const char *name, long samples, const char *reparam)
{
  if (mem_grow(&c->entries, &c->entry_room, c->n_entries + 1, sizeof *c->entries, "the comparison",
               c->e))
    return c->e->status;
  c->entries[c->n_entries++] = (entry){ .estimator = name, .samples = samples, .reparam = reparam };
  c->planned += (double)(c->repeats * samples);
  return ELBO_DONE;
}

/* What K, or the road, does not change stands there once. All of one K come together, and need
   the same references. */
static elbo_status list_entries(contest *c, const lists *n)
{
  for (int k = 0; n->samples[k]; k++)
    for (int i = 0; n->names[i]; i++) {
      const estimator_kind *kind = estimator_find(n->names[i]);
      for (int r = 0; r == 0 || (n->roads[r] && kind->pathwise); r++)
        if ((k == 0 || !kind->enumerates) &&
            add_entry(c, n->names[i], n->samples[k], kind->pathwise ? n->roads[r] : NULL))
          return c->e->status;
    }
  return ELBO_DONE;
}

static elbo_status check_names(contest *c, const lists *n)
{
  for (int i = 0; n->names[i]; i++)
    if (!estimator_find(n->names[i]))
      return estimator_unknown(n->names[i], "; leave the list out for all of them", c->e);
  for (int r = 0; n->roads[r]; r++)
    if (!registry_find(c->s->registry, ELBO_KIND_REPARAM, n->roads[r], c->e)) return c->e->status;
  return n->names[0] ? ELBO_DONE
                     : fail(c->e, ELBO_E_USAGE,
                            "the list of estimators is empty; leave it out for all of them");
}

/* ---- the end: rows in order, and everything of the result in one piece of memory */
static int by_work(const void *a, const void *b)
{
  const elbo_compare_row *const *x = a, *const *y = b;
  double u = (*x)->work_variance, v = (*y)->work_variance;
  if (isnan(u) != isnan(v)) return isnan(u) - isnan(v);
  return u > v ? 1 : u < v ? -1 : (*x > *y) - (*x < *y);
}

/* Whole blocks of rows, one for each estimator with "all" first, in the order of their work. */
static elbo_status sort_rows(contest *c)
{
  elbo_compare_row *sorted = mem_new(c->n + 1, sizeof *sorted, "the comparison", c->e);
  const elbo_compare_row **heads = mem_new(c->n + 1, sizeof *heads, "the comparison", c->e);
  size_t n = 0, at = 0;
  if (!sorted || !heads) {
    mem_free(sorted), mem_free(heads);
    return c->e->status;
  }
  for (size_t i = 0; i < c->n; i++)
    if (!strcmp(c->rows[i].group, "all")) heads[n++] = &c->rows[i];
  qsort(heads, n, sizeof *heads, by_work);
  for (size_t h = 0; h < n; h++)
    for (size_t i = (size_t)(heads[h] - c->rows);
         i < c->n && (&c->rows[i] == heads[h] || strcmp(c->rows[i].group, "all")); i++)
      sorted[at++] = c->rows[i];
  mem_free(heads);
  mem_free(c->rows);
  c->rows = sorted;
  return ELBO_DONE;
}

static elbo_status gather(contest *c, elbo_experiment *x, elbo_compare_result *result)
{
  size_t points = 0, rows_size = (c->n + 1) * sizeof *c->rows,
         curves_size = c->n_curves * sizeof *c->curves;
  for (size_t i = 0; i < c->n_curves; i++) points += 2 * c->curves[i].n;
  char *piece =
      mem_new(rows_size + curves_size + points * sizeof(double), 1, "the comparison", c->e);
  if (!piece) return c->e->status;
  elbo_compare_curve *curves = (elbo_compare_curve *)(void *)(piece + rows_size);
  double *at = (double *)(void *)(piece + rows_size + curves_size);
  if (c->n) memcpy(piece, c->rows, c->n * sizeof *c->rows);
  for (size_t i = 0; i < c->n_curves; i++) {
    const elbo_compare_curve *from = &c->curves[i];
    curves[i] = *from;
    curves[i].seconds = memcpy(at, from->seconds, from->n * sizeof *at), at += from->n;
    curves[i].elbo = memcpy(at, from->elbo, from->n * sizeof *at), at += from->n;
  }
  mem_free(x->compared);
  x->compared = (elbo_compare_row *)(void *)piece;
  *result = (elbo_compare_result){ .rows = x->compared,
                                   .n = c->n,
                                   .curves = curves,
                                   .n_curves = c->n_curves,
                                   .repeats = c->repeats,
                                   .snr_noise = sqrt(2 / (PI * (double)c->repeats)) };
  return ELBO_DONE;
}

/* ---- the whole */
static elbo_status prepare_contest(contest *c)
{
  const study *s = c->s;
  for (int i = 0; i < s->model->n; i++)
    if (s->model->variable[i].feed >= 0)
      c->facts[s->model->variable[i].feed] = s->model->variable[i].facts;
  c->repeats = c->o.repeats ? c->o.repeats : STANDARD_REPEATS;
  if (c->repeats < FEWEST)
    return fail(c->e, ELBO_E_USAGE,
                "repeats: %ld are too few to tell a variance from; take at least %d", c->repeats,
                FEWEST);
  if (sampler_new(c->s, c->o.from, (size_t)(c->o.rows ? c->o.rows : s->x->train.batch_size),
                  c->o.seed, &c->sampler, c->e))
    return c->e->status;
  c->sampler.between = between;
  c->sampler.user = c;
  return ELBO_DONE;
}

static elbo_status run_contest(contest *c)
{
  static const char *const no_road[] = { NULL, NULL };
  const char *all[MOST_NAMES + 1] = { NULL };
  long own[] = { (long)c->own_estimator.samples, 0 };
  for (int i = 0; i < n_estimators && i < MOST_NAMES; i++) all[i] = estimator_table[i]->name;
  lists n = { c->o.estimators ? c->o.estimators : all,
              c->o.reparams && c->o.reparams[0] ? c->o.reparams : no_road,
              c->o.samples ? c->o.samples : own };
  if (check_names(c, &n) || list_entries(c, &n) || contest_time(c)) return c->e->status;
  elbo_status status = ELBO_DONE;
  for (size_t i = 0; i < c->n_entries && !status; i++) status = compete(c, &c->entries[i]);
  if ((status && status != ELBO_E_STOPPED) || sort_rows(c)) return c->e->status;
  return !status && c->o.epochs > 0 ? contest_train(c) : status;
}

static void end_contest(contest *c)
{
  if (c->s->model != c->own) model_free(c->s->model);
  c->s->model = c->own;
  c->s->x->estimator = c->own_estimator;
  set_roads(c, NULL);
  for (reference *r = c->references, *next; r; r = next) {
    next = r->next;
    moments_free(r->m);
    mem_free(r);
  }
  for (size_t i = 0; i < c->n_curves; i++)
    mem_free(c->curves[i].seconds), mem_free(c->curves[i].elbo);
  mem_free(c->curves);
  mem_free(c->rows);
  mem_free(c->entries);
  sampler_free(&c->sampler);
}

elbo_status elbo_compare(elbo_experiment *x, const elbo_compare_options *options,
                         elbo_compare_result *result)
{
  error *e = context_enter(x->ctx);
  contest c = { .s = x->study,
                .e = e,
                .own = x->study->model,
                .own_estimator = x->study->x->estimator,
                .started = clock_seconds() };
  *result = (elbo_compare_result){ 0 };
  if (options_take(&c.o, sizeof c.o, options, "elbo_compare_options", e)) return e->status;
  for (int i = 0; i < c.s->x->n_q; i++) c.own_roads[i] = c.s->x->q[i].reparam;
  elbo_status status = prepare_contest(&c) ? e->status : run_contest(&c);
  if (!status || (status == ELBO_E_STOPPED && c.n)) gather(&c, x, result);
  end_contest(&c);
  return e->status;
}
