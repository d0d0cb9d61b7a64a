/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Densities, tails, quantiles, pathwise derivatives, moments and draws of one bound distribution,
 * in double precision and of x itself. */
#include "dist/calls.h"
#include "dist/query.h"

#include <math.h>
#include <string.h>

static const char *name_of(const bound *b)
{
  return b->use.family->name;
}

static bool lacks(query *q, const bound *b, const char *what)
{
  return query_fail(q, Q_UNSUPPORTED, "%s: its plugin provides no %s", name_of(b), what);
}

/* ---- values */
bool query_take_x(query *q, const bound *b, const numbers *x)
{
  int E = b->use.E, rank = b->use.family->event_rank ? 1 : 0;
  if (!x->v)
    return query_fail(q, Q_SYNTAX,
                      "%.*s: `x` is missing, the value that is asked about, as \"x\":%s",
                      (int)q->ask.op.n, q->ask.op.s ? q->ask.op.s : "", rank ? "[0.2,0.8]" : "1");
  if (!rank && (x->n != 1 || x->rank > 0))
    return query_fail(q, Q_SHAPE, "%s: x must be a number, not a list", name_of(b));
  if (x->n != E || (x->rank != RANK_ANY && x->rank != rank))
    return query_fail(q, Q_SHAPE, "%s: x must be a list of %d numbers, got %d", name_of(b), E,
                      x->n);
  for (int k = 0; k < E; k++)
    if (isnan(x->v[k]))
      return query_fail(q, Q_DOMAIN, "%s: x must be a number, got nan", name_of(b));
  return true;
}

void query_ends(const bound *b, const double *w, double *low, double *high)
{
  static const double ends[][2] = {
    [ELBO_SUP_REAL] = { -INFINITY, INFINITY },
    [ELBO_SUP_POSITIVE] = { 0, INFINITY },
    [ELBO_SUP_UNIT] = { 0, 1 },
    [ELBO_SUP_SIMPLEX] = { 0, 1 },
    [ELBO_SUP_INTERVAL] = { -INFINITY, INFINITY },
    [ELBO_SUP_CIRCLE] = { -M_PI, M_PI },
    [ELBO_SUP_BINARY] = { 0, 1 },
    [ELBO_SUP_CLASS] = { 0, INFINITY },
    [ELBO_SUP_COUNT] = { 0, INFINITY },
    [ELBO_SUP_GRID] = { 0, 1 },
  };
  const elbo_support *s = &b->use.family->support;
  uint32_t kind = s->kind < sizeof ends / sizeof *ends ? s->kind : ELBO_SUP_REAL;
  *low = ends[kind][0];
  *high = kind == ELBO_SUP_CLASS ? b->use.K - 1 : ends[kind][1];
  if (s->range) s->range(w, b->use.K, low, high);
}

/* Where the value form has no image of x, and at infinity. The rest is the plugin's to tell. */
static bool outside(const bound *b, const double *x)
{
  uint32_t form = b->use.family->value_form;
  double sum = 0;
  for (int k = 0; k < b->use.E; k++) {
    if (isinf(x[k]) || (form != ELBO_X_PLAIN && x[k] < 0) || (form == ELBO_X_LOGIT && x[k] > 1))
      return true;
    sum += x[k];
  }
  return form == ELBO_X_LOG_SIMPLEX && fabs(sum - 1) > FAMILY_SIMPLEX_SLACK;
}

/* dx/dy at x. */
static double slope_of_form(uint32_t form, double x)
{
  return form == ELBO_X_PLAIN ? 1 : form == ELBO_X_LOGIT ? x * (1 - x) : x;
}

static void clear(double *v, int n)
{
  if (v) memset(v, 0, (size_t)n * sizeof *v);
}

/* Gradients on the boundary are 0 where they are not finite. */
static void tidy(double *v, int n)
{
  for (int k = 0; v && k < n; k++)
    if (!isfinite(v[k])) v[k] = 0;
}

static bool on_boundary(const bound *b, const double *x, const double *w)
{
  double low, high;
  query_ends(b, w, &low, &high);
  for (int k = 0; k < b->use.E; k++)
    if (x[k] == low || x[k] == high) return true;
  return false;
}

/* Only edges that the density bears, as probs 0 of a Bernoulli, are distributions. */
static bool check_edge(query *q, const bound *b, double value)
{
  if (!b->edge || !isnan(value)) return true;
  for (int i = 0; i < b->n; i++)
    if (b->items[i].form.param >= 0 && isinf(b->w[b->use.offset[b->items[i].form.param]]))
      return query_fail(q, Q_DOMAIN,
                        "%s: %.*s stands at the edge of its range, where there is no "
                        "density; choose it inside",
                        name_of(b), (int)b->items[i].name.n, b->items[i].name.s);
  return query_fail(q, Q_DOMAIN, "%s: the parameters stand at an edge where there is no density",
                    name_of(b));
}

/* A form set's own functions know better than the working form where the ends are. */
static bool by_given(const bound *b)
{
  return b->set && b->set->log_prob;
}

bool query_log_prob(query *q, const bound *b, const double *x, const double *w, double *value,
                    double *dx, double *dw)
{
  const family_use *u = &b->use;
  workspace s = { 0 };
  clear(dx, u->E);
  clear(dw, u->W);
  *value = -INFINITY;
  if (outside(b, x)) return true;
  if (by_given(b)) {
    *value = b->set->log_prob(&u->call, x[0], b->given, dx, dw);
    return true;
  }
  if (!query_work(q, b, &s)) return false;
  value_from_plain(u->family->value_form, u->E, x, s.y);
  *value = u->family->log_prob(&u->call, s.y, w, dx, dw);
  for (int k = 0; dx && k < u->E; k++)
    if (dx[k] != 0) dx[k] /= slope_of_form(u->family->value_form, x[k]);
  if (!isfinite(*value) || on_boundary(b, x, w)) {
    tidy(dx, u->E);
    tidy(dw, u->W);
  }
  return check_edge(q, b, *value);
}

bool query_no_slopes(query *q, const bound *b, const double *w, double *dw, const void *state)
{
  (void)q, (void)w, (void)state;
  memset(dw, 0, (size_t)b->use.W * sizeof *dw);
  return true;
}

static bool log_prob_slopes(query *q, const bound *b, const double *w, double *dw,
                            const void *state)
{
  double value;
  return query_log_prob(q, b, state, w, &value, NULL, dw);
}

slope_source query_log_prob_source(const bound *b, double value, const double *x)
{
  return (slope_source){ value == -INFINITY ? query_no_slopes : log_prob_slopes, x, by_given(b) };
}

/* ---- one dimension */
static bool scalar(query *q, const bound *b, const char *op)
{
  return !b->use.family->event_rank ||
         query_fail(q, Q_UNSUPPORTED, "%s: %s is of families of one dimension", name_of(b), op);
}

static double to_form(const bound *b, double x)
{
  double y;
  value_from_plain(b->use.family->value_form, 1, &x, &y);
  return y;
}
static double to_plain(const bound *b, double y)
{
  double x;
  value_to_plain(b->use.family->value_form, 1, &y, &x);
  return x;
}

bool query_cdf(query *q, const bound *b, double x, bool upper, double *value)
{
  const elbo_family *f = b->use.family;
  double low, high;
  bool discrete = family_is_discrete(f);
  if (!scalar(q, b, upper ? "sf" : "cdf")) return false;
  if (by_given(b)) {
    *value = b->set->cdf(&b->use.call, x, b->given, upper, NULL);
    return true;
  }
  query_ends(b, b->w, &low, &high);
  *value = upper;
  if (discrete ? x < low : x <= low) return true;
  *value = !upper;
  if (x >= high) return true;
  if (discrete && !f->cdf) return discrete_cdf(q, b, x, upper, value);
  if (!f->cdf) return lacks(q, b, upper ? "sf" : "cdf");
  if (discrete && f->support.kind != ELBO_SUP_GRID) x = floor(x);
  *value = f->cdf(&b->use.call, to_form(b, x), b->w, upper, NULL);
  return true;
}

bool query_icdf(query *q, const bound *b, double u, double *value)
{
  const elbo_family *f = b->use.family;
  double low, high;
  if (!scalar(q, b, "icdf")) return false;
  if (!(u >= 0 && u <= 1))
    return query_fail(q, Q_DOMAIN, "%s: u must be between 0 and 1, got %.9g", name_of(b), u);
  query_ends(b, b->w, &low, &high);
  *value = u == 0 ? low : high;
  if (u == 0 || u == 1) return true;
  if (!f->icdf && family_is_discrete(f)) return discrete_icdf(q, b, u, value);
  if (!f->icdf) return lacks(q, b, "icdf");
  *value = to_plain(b, f->icdf(&b->use.call, u, b->w, NULL));
  return true;
}

/* dx/dw = -(dF/dw) / f, from the smaller tail. */
static bool path_by_cdf(query *q, const bound *b, double x, const double *w, double *dw)
{
  const family_use *u = &b->use;
  double y = to_form(b, x), density, sign = -1;
  if (!u->family->cdf) return lacks(q, b, "pathwise derivative (it has neither a road nor a cdf)");
  if (u->family->cdf(&u->call, y, w, 0, dw) > 0.5) {
    u->family->cdf(&u->call, y, w, 1, dw);
    sign = 1;
  }
  density = exp(u->family->log_prob(&u->call, &y, w, NULL, NULL));
  for (int k = 0; k < u->W; k++)
    if (dw[k] != 0) dw[k] *= sign / density;
  return true;
}

/* By the family's own road, which has no tail to lose; a circle's turns, so along its cdf. */
static bool path_by_road(query *q, const bound *b, double x, const double *w, double *dw)
{
  road_use road;
  double y = to_form(b, x), slope = slope_of_form(b->use.family->value_form, x);
  const elbo_family *f = b->use.family;
  if (!f->reparam || f->support.kind == ELBO_SUP_CIRCLE) return false;
  if (road_bind(q->registry, &b->use, NULL, &road, NULL)) return false;
  if (road.reparam->backward(f, &b->use.call, &y, w, &slope, dw) != ELBO_OK) return false;
  for (int k = 0; k < b->use.W; k++)
    if (isnan(dw[k])) return false;
  return true;
}

static void path_by_given(const bound *b, double x, double *dw)
{
  const elbo_call *c = &b->use.call;
  int upper = b->set->cdf(c, x, b->given, 0, dw) > 0.5;
  if (upper) b->set->cdf(c, x, b->given, 1, dw);
  double density = exp(b->set->log_prob(c, x, b->given, NULL, NULL));
  for (int k = 0; k < b->use.W; k++)
    if (dw[k] != 0) dw[k] *= (upper ? 1 : -1) / density;
}

bool query_pathwise(query *q, const bound *b, double x, const double *w, double *dw)
{
  double low, high;
  if (!scalar(q, b, "pathwise")) return false;
  if (family_is_discrete(b->use.family))
    return query_fail(q, Q_UNSUPPORTED, "%s: a discrete family has no pathwise derivative",
                      name_of(b));
  clear(dw, b->use.W);
  if (by_given(b)) {
    path_by_given(b, x, dw);
    return true;
  }
  query_ends(b, w, &low, &high);
  /* an end comes back from its working form with rounding, so that x may be the end as given */
  if (outside(b, &x) || x < low - END_SLACK * fabs(low) || x > high + END_SLACK * fabs(high))
    return true;
  if (!path_by_road(q, b, x, w, dw) && !path_by_cdf(q, b, x, w, dw)) return false;
  if (x == low || x == high) tidy(dw, b->use.W);
  return true;
}

static bool path_slopes(query *q, const bound *b, const double *w, double *dw, const void *state)
{
  return query_pathwise(q, b, *(const double *)state, w, dw);
}

slope_source query_pathwise_source(const bound *b, const double *x)
{
  return (slope_source){ path_slopes, x, by_given(b) };
}

/* ---- moments */
static double minus_log_density(void *state, double y, double log_density)
{
  return (void)state, (void)y, -log_density;
}
typedef struct {
  const bound *b;
  double centre;
  int power;
} about;
static double power_about(void *state, double y, double log_density)
{
  const about *a = state;
  double d = to_plain(a->b, y) - a->centre;
  return (void)log_density, a->power == 1 ? d : d * d;
}

static bool expect(query *q, const bound *b, expected *g, void *state, estimate *e)
{
  e->method = "quadrature";
  return family_is_discrete(b->use.family) ? discrete_expect(q, b, g, state, e)
                                           : density_expect(q, b, g, state, e);
}

static bool moment_by_quadrature(query *q, const bound *b, int which, estimate *e)
{
  about a = { b, 0, 1 };
  if (which == ELBO_ENTROPY) return expect(q, b, minus_log_density, NULL, e);
  if (!expect(q, b, power_about, &a, e) || which == ELBO_MEAN) return q->code == Q_FINE;
  a = (about){ b, e->value, 2 };
  return expect(q, b, power_about, &a, e);
}

bool query_moment(query *q, const bound *b, int which, estimate *method, double *out)
{
  static const char *const names[] = { "entropy", "mean", "variance", "mode" };
  const elbo_family *f = b->use.family;
  *method = (estimate){ 0 };
  elbo_rc rc = call_moment(&b->use, which, b->w, out);
  if (rc == ELBO_OK) return check_edge(q, b, out[0]);
  if (rc == ELBO_UNDEFINED)
    return query_fail(q, Q_UNDEFINED,
                      "%s: its %s is infinite or does not exist for these parameters", name_of(b),
                      names[which]);
  if (rc == ELBO_DOMAIN)
    return query_fail(q, Q_DOMAIN, "%s: these parameters have no %s", name_of(b), names[which]);
  if (rc == ELBO_UNSUPPORTED && which != ELBO_MODE && !f->event_rank) {
    if (!moment_by_quadrature(q, b, which, method)) return false;
    out[0] = method->value;
    return true;
  }
  return query_fail(q, Q_UNSUPPORTED, "%s: its plugin provides no %s", name_of(b), names[which]);
}

/* ---- draws */
static bool by_road(const sampler *s, elbo_noise *e, double *y)
{
  const family_use *u = &s->b->use;
  return s->road.reparam->forward(u->family, &u->call, e, s->b->w, y) == ELBO_OK;
}
static bool by_draw(const sampler *s, elbo_noise *e, double *y)
{
  const family_use *u = &s->b->use;
  return u->family->draw(&u->call, e, s->b->w, y) == ELBO_OK;
}
static bool by_icdf(const sampler *s, elbo_noise *e, double *y)
{
  const family_use *u = &s->b->use;
  *y = u->family->icdf(&u->call, noise_uniform(e), s->b->w, NULL);
  return true;
}
static bool by_search(const sampler *s, elbo_noise *e, double *y)
{
  return discrete_icdf(s->q, s->b, noise_uniform(e), y);
}

bool query_sampler(query *q, const bound *b, sampler *s)
{
  const elbo_family *f = b->use.family;
  *s = (sampler){ .b = b, .q = q };
  if (f->reparam && !road_bind(q->registry, &b->use, NULL, &s->road, NULL))
    s->draw = by_road;
  else if (f->draw)
    s->draw = by_draw;
  else if (!f->event_rank && f->icdf)
    s->draw = by_icdf;
  else if (!f->event_rank && family_is_discrete(f) && f->support_point)
    s->draw = by_search;
  return s->draw || lacks(q, b, "draw");
}
