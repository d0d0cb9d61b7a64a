/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Training under each estimator with equal compute: the cheapest by the step does the epochs asked
 * for, and the others as many steps as take the same time by what a step of each costs. The cost is
 * the median of the first steps, so that a pause of the machine takes no steps away. Held-out rows
 * are looked at POINTS times on the way. */
#include "infer/compare/contest.h"
#include "base/sort.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POINTS = 40, TIMED = 101 };

typedef struct race {
  contest *c;
  trainer *t;
  elbo_compare_curve *curve;
  double budget;      /* seconds; NaN: the first, which goes by epochs */
  double took[TIMED]; /* seconds of the first steps */
  double cost;        /* seconds of a step: the median of those */
  uint64_t steps;     /* of the first */
  sums since;         /* of training, where nothing is held out */
  double place, of;   /* among the trainings, for progress */
} race;

static double mean_elbo(const sums *s)
{
  return (s->reconstruction - s->kl) / (double)s->rows;
}

static elbo_status add_point(race *r)
{
  const study *s = r->c->s;
  split_kind split = s->rows[SPLIT_TEST] ? SPLIT_TEST : SPLIT_VALIDATE;
  sums held = { 0 };
  bool has = s->rows[split] > 0;
  if (!has && !r->since.rows) return ELBO_DONE;
  if (r->curve->n > POINTS) return ELBO_DONE;
  if (has && trainer_test(r->t, split, &held, r->c->e)) return r->c->e->status;
  r->curve->seconds[r->curve->n] = (double)r->t->at.step; /* times what a step costs, in the end */
  r->curve->elbo[r->curve->n++] = mean_elbo(has ? &held : &r->since);
  r->since = (sums){ 0 };
  return ELBO_DONE;
}

static double median_step(const race *r, size_t n)
{
  double took[TIMED];
  memcpy(took, r->took, sizeof took);
  sort_doubles(took, n);
  return took[n / 2];
}

static elbo_status take_step(race *r)
{
  uint64_t i = r->t->at.step;
  double from = clock_seconds();
  if (trainer_step(r->t, &r->since, r->c->e)) return r->c->e->status;
  if (i >= TIMED) return ELBO_DONE;
  r->took[i] = clock_seconds() - from;
  r->cost = median_step(r, i + 1);
  return ELBO_DONE;
}

static double share_done(const race *r)
{
  double steps = (double)r->t->at.step;
  return isnan(r->budget) ? steps / (double)r->steps : steps * r->cost / r->budget;
}

static elbo_status run_race(race *r)
{
  contest *c = r->c;
  double began = clock_seconds();
  if (add_point(r)) return c->e->status;
  for (int point = 1; share_done(r) < 1;) {
    if (take_step(r)) return c->e->status;
    if (share_done(r) * POINTS >= point) {
      if (add_point(r)) return c->e->status;
      while (share_done(r) * POINTS >= point) point++;
    }
    if (clock_seconds() - c->shown > 0.2) {
      double done = share_done(r), each = done > 0 ? (clock_seconds() - began) / done : NAN;
      contest_report(c, (r->place + done) / r->of, each * (r->of - r->place - done));
    }
    if (contest_stopped(c)) return c->e->status;
  }
  for (size_t i = 0; i < r->curve->n; i++) r->curve->seconds[i] *= r->cost;
  r->curve->steps = (long)r->t->at.step;
  return ELBO_DONE;
}

static elbo_status start_race(race *r, const elbo_compare_row *row)
{
  contest *c = r->c;
  char why[512];
  const char *road = row->reparam[0] ? row->reparam : NULL;
  if (contest_resolve(c, estimator_find(row->estimator)->name, row->samples, road, why,
                      sizeof why) ||
      mem_grow(&c->curves, &c->curve_room, c->n_curves + 1, sizeof *c->curves, "the curves",
               c->e) ||
      trainer_new(c->s, c->o.epochs, &r->t, c->e))
    return c->e->status;
  memcpy(r->t->params, c->sampler.params, r->t->floats * sizeof *r->t->params);
  r->curve = &c->curves[c->n_curves++];
  snprintf(r->curve->label, sizeof r->curve->label, "%s%s%s, K %ld", row->estimator,
           road ? " by " : "", road ? road : "", row->samples);
  r->curve->seconds = mem_new(POINTS + 1, sizeof(double), "the curves", c->e);
  r->curve->elbo = mem_new(POINTS + 1, sizeof(double), "the curves", c->e);
  r->steps = (uint64_t)c->o.epochs * r->t->per_epoch;
  return c->e->status;
}

/* Of a training that was not finished. */
static void drop_curve(race *r)
{
  if (!r->curve) return;
  mem_free(r->curve->seconds), mem_free(r->curve->elbo);
  r->c->n_curves--;
}

static elbo_status train_one(contest *c, const elbo_compare_row *row, double *budget, double place,
                             double of)
{
  race r = { .c = c, .budget = *budget, .place = place, .of = of };
  c->what = row->estimator;
  if (start_race(&r, row) || run_race(&r))
    drop_curve(&r);
  else if (isnan(*budget))
    *budget = (double)r.steps * r.cost;
  trainer_free(r.t);
  return c->e->status;
}

static bool trainable(const elbo_compare_row *row)
{
  return !strcmp(row->group, "all") && !row->reason[0];
}

elbo_status contest_train(contest *c)
{
  const elbo_compare_row *cheapest = NULL;
  double budget = NAN, of = 0, place = 0;
  for (size_t i = 0; i < c->n; i++) {
    if (!trainable(&c->rows[i])) continue;
    of++;
    if (!cheapest || c->rows[i].ms_per_gradient < cheapest->ms_per_gradient) cheapest = &c->rows[i];
  }
  if (cheapest && train_one(c, cheapest, &budget, place++, of)) return c->e->status;
  for (size_t i = 0; i < c->n; i++)
    if (trainable(&c->rows[i]) && &c->rows[i] != cheapest &&
        train_one(c, &c->rows[i], &budget, place++, of))
      return c->e->status;
  return ELBO_DONE;
}
