/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/compare/tuples.h"

#include <math.h>
#include <stdlib.h>

/* MOST_WORK: tuples of all rows. A tuple has so few different states at most, since 2^d of them
   have d. */
enum { MOST_STATES = 1024, MOST_DIFFERENT = 32, MOST_WORK = 4000000 };

/* ---- does it apply? */
static double count_tuples(size_t states, size_t draws)
{
  double n = 1;
  for (size_t k = 1; k <= draws && n <= MOST_WORK; k++) n *= (double)(states + k - 1) / (double)k;
  return n;
}

bool tuples_fit(const model *m, size_t draws, size_t rows)
{
  for (int i = 0; i < m->n_q; i++)
    if (!m->variable[m->q_order[i]].estimator->enumerates) return false;
  return m->samples <= MOST_STATES && count_tuples(m->samples, draws) * (double)rows <= MOST_WORK;
}

/* ---- all tuples of a row */
typedef struct state {
  double f, q;
  double path, score; /* what is made: the weights of the gradients of f and of log q */
  size_t place;       /* among the samples */
} state;

typedef struct tuples {
  state s[MOST_STATES]; /* the largest f first, so that a tuple's first state has its largest */
  size_t n, K;
  double value;
  struct {
    state *s;
    double times, w; /* how often it stands in the tuple; w over that of the first */
  } has[MOST_DIFFERENT];
} tuples;

static int by_f(const void *a, const void *b)
{
  const state *x = a, *y = b;
  return x->f != y->f ? (x->f < y->f) - (x->f > y->f)
                      : (x->place > y->place) - (x->place < y->place);
}

/* f less the largest of all in the score's weight: sum_s q_s grad log q_s = 0. log q has its share
   of the gradient of f there, since it is held in f. */
static void add_tuple(tuples *t, int different, double prob, double sum)
{
  double bound = t->has[0].s->f + log(sum / (double)t->K);
  t->value += prob * bound;
  for (int i = 0; i < different; i++) {
    double share = t->has[i].times * t->has[i].w / sum;
    t->has[i].s->path += prob * share;
    t->has[i].s->score += prob * ((bound - t->s[0].f) * t->has[i].times - share);
  }
}

/* Those that go on with states from `from` on; prob: multinomial so far, sum: of w over the
   first. */
static void walk(tuples *t, size_t from, size_t left, int different, double prob, double sum)
{
  if (left == 0) {
    add_tuple(t, different, prob, sum);
    return;
  }
  for (size_t i = from; i < t->n; i++) {
    double w = different ? exp(t->s[i].f - t->has[0].s->f) : 1, p = prob;
    for (size_t c = 1; c <= left; c++) {
      p *= t->s[i].q * (double)(left - c + 1) / (double)c;
      if (!(p > 0)) break;
      if (i + 1 == t->n && c < left) continue;
      t->has[different].s = &t->s[i], t->has[different].times = (double)c, t->has[different].w = w;
      walk(t, i + 1, left - c, different + 1, p, sum + (double)c * w);
    }
  }
}

static void walk_all(const row_samples *r, tuples *t)
{
  t->n = r->f.K, t->K = r->draws, t->value = 0;
  for (size_t i = 0; i < t->n; i++)
    t->s[i] = (state){ .f = (double)r->f.at[i * r->f.stride],
                       .q = exp((double)r->log_q.at[i * r->log_q.stride]),
                       .place = i };
  qsort(t->s, t->n, sizeof *t->s, by_f);
  walk(t, 0, t->K, 0, 1, 0);
}

/* ---- the rules */
static double value(const row_samples *r)
{
  tuples t;
  walk_all(r, &t);
  return t.value;
}

static void path(const row_samples *r, float *to, size_t stride)
{
  tuples t;
  walk_all(r, &t);
  for (size_t i = 0; i < t.n; i++) to[t.s[i].place * stride] = (float)t.s[i].path;
}

static void score(const row_samples *r, float *to, size_t stride)
{
  tuples t;
  walk_all(r, &t);
  for (size_t i = 0; i < t.n; i++) to[t.s[i].place * stride] = (float)t.s[i].score;
}

/* p(s|x): p(x, s) = q_s w_s. */
static void posterior(const row_samples *r, float *to, size_t stride)
{
  double top = -INFINITY, sum = 0;
  for (int pass = 0; pass < 3; pass++)
    for (size_t i = 0; i < r->f.K; i++) {
      double joint = (double)r->f.at[i * r->f.stride] + (double)r->log_q.at[i * r->log_q.stride];
      if (pass == 0) top = fmax(top, joint);
      if (pass == 1) sum += exp(joint - top);
      if (pass == 2) to[i * stride] = (float)(exp(joint - top) / sum);
    }
}

void tuples_take(model *m, const bound_rule *objective, size_t draws)
{
  static const bound_rule iwae = { "iwae", value, path }, wake = { "wake", value, path };
  bool wakes = objective == &bound_wake;
  m->objective = wakes ? &wake : &iwae;
  m->score = wakes ? posterior : score;
  m->draws = draws;
}
