/* SPDX-License-Identifier: GPL-3.0-or-later */
/* KL(q || p): by a pair's closed form; +inf where the support of q exceeds that of p; else, when
 * asked, by quadrature, a sum, or draws. */
#include "dist/calls.h"
#include "dist/query.h"

#include <math.h>

enum { DRAWS = 200000 };
#define DRAWS_SEED 20140414 /* one stream for all such answers: the same bits every time */

/* q's points lie within p's, by the ends of both. */
static bool within(const bound *from, const bound *to)
{
  double low[2], high[2];
  if (family_is_discrete(from->use.family) != family_is_discrete(to->use.family)) return false;
  query_ends(from, from->w, &low[0], &high[0]);
  query_ends(to, to->w, &low[1], &high[1]);
  return (low[0] == low[1] || low[0] >= low[1] - END_SLACK * fabs(low[1])) &&
         (high[0] == high[1] || high[0] <= high[1] + END_SLACK * fabs(high[1]));
}

typedef struct {
  const bound *from, *to;
} pair;

/* A value between the forms of two families. LOG and LOGIT meet without a detour by x, which
 * would lose the tails (Maechler 2012, eq. 7, for log(1 - e^z)). */
static double between(uint32_t from, uint32_t to, double v)
{
  double x;
  if (from == to) return v;
  if (from == ELBO_X_LOGIT && to == ELBO_X_LOG) return v < 0 ? v - log1p(exp(v)) : -log1p(exp(-v));
  if (from == ELBO_X_LOG && to == ELBO_X_LOGIT)
    return v - (v > -M_LN2 ? log(-expm1(v)) : log1p(-exp(v)));
  value_to_plain(from, 1, &v, &x);
  /* Next to the end, never on it by rounding, where the other density may be 0. */
  if (from == ELBO_X_LOGIT && isfinite(v) && x >= 1) x = nextafter(1, 0);
  value_from_plain(to, 1, &x, &v);
  return v;
}

static double log_ratio(void *state, double v, double log_q)
{
  const pair *p = state;
  const family_use *u = &p->to->use;
  double y = between(p->from->use.family->value_form, u->family->value_form, v);
  return log_q - u->family->log_prob(&u->call, &y, p->to->w, NULL, NULL);
}

/* One draw of a vector, in plain form for p. */
static double ratio_of_vector(const pair *p, const workspace *s)
{
  const family_use *a = &p->from->use, *b = &p->to->use;
  double log_q = a->family->log_prob(&a->call, s->y, p->from->w, NULL, NULL);
  const double *y = s->y;
  if (a->family->value_form != b->family->value_form) {
    value_to_plain(a->family->value_form, a->E, s->y, s->x);
    value_from_plain(b->family->value_form, a->E, s->x, s->dx);
    y = s->dx;
  }
  return log_q - b->family->log_prob(&b->call, y, p->to->w, NULL, NULL);
}

static bool by_draws(query *q, const pair *p, estimate *e)
{
  sampler s;
  workspace work = { 0 };
  double mean = 0, squares = 0;
  if (!query_sampler(q, p->from, &s) || !query_work(q, p->from, &work)) return false;
  philox_key key = philox_make_key(DRAWS_SEED, STREAM_SAMPLE);
  for (uint32_t i = 0; i < DRAWS; i++) {
    elbo_noise noise = { .key = key, .row = i };
    if (!s.draw(&s, &noise, work.y))
      return query_fail(q, Q_UNSUPPORTED, "%s: a draw failed", p->from->use.family->name);
    double v = ratio_of_vector(p, &work), d = v - mean;
    if (v == INFINITY) { /* a draw where p has no density that a number can hold */
      *e = (estimate){ "sampled", INFINITY, 0 };
      return true;
    }
    mean += d / (i + 1); /* Welford 1962 */
    squares += d * (v - mean);
  }
  *e = (estimate){ "sampled", mean, sqrt(squares / (DRAWS - 1.0) / DRAWS) };
  return true;
}

static bool by_any_method(query *q, const pair *p, estimate *e)
{
  const elbo_family *f = p->from->use.family;
  e->method = "quadrature";
  if (family_is_discrete(f)) return discrete_expect(q, p->from, log_ratio, (void *)p, e);
  if (f->event_rank) return by_draws(q, p, e);
  return density_expect(q, p->from, log_ratio, (void *)p, e);
}

bool query_kl_slopes(query *q, const bound *b, const double *w, double *dw, const void *state)
{
  const kl_side *s = state;
  kl_use found;
  const bound *from = s->of_p ? s->other : b, *to = s->of_p ? b : s->other;
  if (!kl_find(q->registry, &from->use, &to->use, &found)) return false;
  if (s->of_p)
    call_kl(&found, from->w, w, NULL, dw);
  else
    call_kl(&found, w, to->w, dw, NULL);
  return true;
}

/* The closed form is one of the rounded logs of what was given: where it is steep beside its size,
 * as in a Pareto's least value, a step of the gradient makes up for the rounding. */
static bool by_closed_form(query *q, const pair *p, const kl_use *found, estimate *e)
{
  const bound *sides[] = { p->from, p->to };
  workspace s = { 0 };
  e->value = call_kl(found, p->from->w, p->to->w, NULL, NULL);
  for (int i = 0; i < 2 && isfinite(e->value); i++) {
    if (!query_work(q, sides[i], &s)) return false;
    call_kl(found, p->from->w, p->to->w, i ? NULL : s.dw, i ? s.dw : NULL);
    e->value += query_unrounded(sides[i], s.dw);
  }
  return true;
}

bool query_kl(query *q, const bound *from, const bound *to, bool any_method, estimate *e)
{
  kl_use found;
  pair p = { from, to };
  const char *names[] = { from->use.family->name, to->use.family->name };
  *e = (estimate){ .method = "analytic", .value = INFINITY };
  if (from->use.E != to->use.E)
    return query_fail(q, Q_SHAPE, "kl: a value of %s has %d numbers, one of %s has %d", names[0],
                      from->use.E, names[1], to->use.E);
  if (kl_find(q->registry, &from->use, &to->use, &found)) {
    if (from->use.K != to->use.K)
      return query_fail(q, Q_SHAPE, "kl: %s has dimension %d, %s has %d", names[0], from->use.K,
                        names[1], to->use.K);
    return by_closed_form(q, &p, &found, e);
  }
  if (!within(from, to)) return true;
  if (any_method || !from->use.family->event_rank) return by_any_method(q, &p, e);
  return query_fail(q, Q_UNSUPPORTED,
                    "KL(%s || %s) has no closed form here; \"method_any\":true allows quadrature "
                    "or draws",
                    names[0], names[1]);
}
