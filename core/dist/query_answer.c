/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ops of a query, each from the request to its part of the answer. */
#include "dist/query.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- numbers. Whatever the locale has for a decimal point becomes one. */
static void decimal(text *t, double v)
{
  char all[40];
  int n = 0, length = snprintf(all, sizeof all, "%.17g", v);
  for (int i = 0; i < length; i++) {
    char c = all[i];
    bool known = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e';
    if (known || (n && all[n - 1] != '.')) all[n++] = known ? c : '.';
  }
  text_add_n(t, all, (size_t)n);
}

static void add_number(text *t, double v)
{
  if (v == floor(v) && fabs(v) < 10 && !(v == 0 && signbit(v))) {
    char small[3] = { '-', (char)('0' + (int)fabs(v)), 0 };
    text_add(t, small + (v >= 0));
  } else if (isfinite(v)) {
    decimal(t, v);
  } else {
    text_add(t, isnan(v) ? "\"nan\"" : v > 0 ? "\"inf\"" : "\"-inf\"");
  }
}

static void put_row(text *t, const double *v, int n)
{
  text_add_n(t, "[", 1);
  for (int i = 0; i < n; i++) {
    if (i) text_add_n(t, ",", 1);
    add_number(t, v[i]);
  }
  text_add_n(t, "]", 1);
}

/* v in the shape of a number (rank 0), a list, or a list of `rows` lists. */
static void put(text *t, const double *v, int n, int rank, int rows)
{
  if (rank == 0) {
    add_number(t, v[0]);
  } else if (rank == 2) {
    for (int i = 0; i < rows; i++) {
      text_add_n(t, i ? "," : "[", 1);
      put_row(t, v + i * (n / rows), n / rows);
    }
    text_add_n(t, "]", 1);
  } else {
    put_row(t, v, n);
  }
}

/* One number whatever the family: a density, an entropy, a divergence. */
static void put_number(query *q, double v)
{
  text_add(&q->out, ",\"value\":");
  put(&q->out, &v, 1, false, 0);
}

/* A value, or a moment for each of its numbers: an array for a vector family. */
static void put_value(query *q, const double *v, int n)
{
  text_add(&q->out, ",\"value\":");
  put(&q->out, v, n, n > 1 || q->self.use.family->event_rank, 0);
}

static bool put_gradient(query *q, const bound *b, const double *dw, const slope_source *from,
                         bool first)
{
  for (int i = 0; i < b->n; i++) {
    const numbers *v = &b->items[i].v;
    if (!query_has_gradient(b, i)) continue;
    if (mem_grow(&q->grad, &q->grad_room, (size_t)v->n, sizeof *q->grad, "a gradient", NULL))
      return query_no_memory(q);
    query_chain(q, b, i, dw, from, q->grad);
    text_add_n(&q->out, first ? "\"" : ",\"", first ? 1 : 2);
    text_add_n(&q->out, b->items[i].name.s, b->items[i].name.n);
    text_add_n(&q->out, "\":", 2);
    put(&q->out, q->grad, v->n, v->rank, v->rows);
    first = false;
  }
  text_add_n(&q->out, "}", 1);
  return q->code == Q_FINE;
}

/* ---- the ops */
static bool do_log_prob(query *q, const request *r)
{
  const bound *b = &q->self;
  workspace s = { 0 };
  double value;
  bool discrete = family_is_discrete(b->use.family);
  if (!query_take_x(q, b, &r->x) || !query_work(q, b, &s)) return false;
  if (!query_log_prob(q, b, r->x.v, b->w, &value, s.dx, s.dw)) return false;
  text_add(&q->out, ",\"value\":");
  add_number(&q->out, value);
  text_add(&q->out, ",\"grad\":{");
  if (!discrete) {
    text_add(&q->out, "\"x\":");
    put(&q->out, s.dx, b->use.E, r->x.rank, 0);
  }
  slope_source from = query_log_prob_source(b, value, r->x.v);
  return put_gradient(q, b, s.dw, &from, discrete);
}

static bool one(query *q, const numbers *x, const char *name)
{
  if (!x->v)
    return query_fail(q, Q_SYNTAX, "%.*s: `%s` is missing, as \"%s\":%s", (int)q->ask.op.n,
                      q->ask.op.s ? q->ask.op.s : "", name, name, *name == 'u' ? "0.5" : "1");
  if (x->n == 1 && x->rank <= 0) return true;
  return query_fail(q, Q_SHAPE, "%s: %s must be a number", q->self.use.family->name, name);
}

static bool do_tail(query *q, const request *r, bool upper)
{
  double value;
  if (!query_take_x(q, &q->self, &r->x)) return false;
  if (!query_cdf(q, &q->self, r->x.v[0], upper, &value)) return false;
  put_value(q, &value, 1);
  return true;
}
static bool do_cdf(query *q, const request *r)
{
  return do_tail(q, r, false);
}
static bool do_sf(query *q, const request *r)
{
  return do_tail(q, r, true);
}

static bool do_icdf(query *q, const request *r)
{
  double value;
  if (!one(q, &r->u, "u") || !query_icdf(q, &q->self, r->u.v[0], &value)) return false;
  put_value(q, &value, 1);
  return true;
}

static bool do_pathwise(query *q, const request *r)
{
  workspace s = { 0 };
  if (!query_take_x(q, &q->self, &r->x) || !query_work(q, &q->self, &s)) return false;
  if (!query_pathwise(q, &q->self, r->x.v[0], q->self.w, s.dw)) return false;
  text_add(&q->out, ",\"grad\":{");
  slope_source from = query_pathwise_source(&q->self, r->x.v);
  return put_gradient(q, &q->self, s.dw, &from, true);
}

static void put_method(query *q, const estimate *e)
{
  text_add(&q->out, ",\"method\":\"");
  text_add(&q->out, e->method);
  text_add(&q->out, "\"");
  if (!strcmp(e->method, "analytic")) return;
  text_add(&q->out, ",\"error_estimate\":");
  add_number(&q->out, e->error);
}

static bool do_moment(query *q, const request *r, int which)
{
  (void)r;
  workspace s = { 0 };
  estimate e;
  if (!query_work(q, &q->self, &s)) return false;
  if (!query_moment(q, &q->self, which, &e, s.x)) return false;
  if (which == ELBO_ENTROPY)
    put_number(q, s.x[0]);
  else
    put_value(q, s.x, q->self.use.E);
  if (e.method) put_method(q, &e);
  return true;
}
static bool do_entropy(query *q, const request *r)
{
  return do_moment(q, r, ELBO_ENTROPY);
}
static bool do_mean(query *q, const request *r)
{
  return do_moment(q, r, ELBO_MEAN);
}
static bool do_variance(query *q, const request *r)
{
  return do_moment(q, r, ELBO_VARIANCE);
}
static bool do_mode(query *q, const request *r)
{
  return do_moment(q, r, ELBO_MODE);
}

/* Of a closed form. */
static bool put_kl_gradient(query *q, bool of_p, bool finite)
{
  const bound *b = of_p ? &q->other : &q->self;
  kl_side side = { of_p ? &q->self : &q->other, of_p };
  slope_source from = { finite ? query_kl_slopes : query_no_slopes, &side, false };
  workspace s = { 0 };
  if (!query_work(q, b, &s) || !from.at(q, b, b->w, s.dw, &side)) return false;
  text_add(&q->out, of_p ? ",\"other_grad\":{" : ",\"grad\":{");
  return put_gradient(q, b, s.dw, &from, true);
}

static bool do_kl(query *q, const request *r)
{
  estimate e;
  if (!r->has_other)
    return query_fail(q, Q_SYNTAX,
                      "kl: `other` is missing, the distribution from which this one "
                      "diverges, as \"other\":{\"family\":\"normal\",\"params\":"
                      "{\"loc\":0,\"scale\":1}}");
  if (!query_bind(q, &r->other, &q->other)) return false;
  if (!query_kl(q, &q->self, &q->other, r->any_method, &e)) return false;
  put_number(q, e.value);
  put_method(q, &e);
  kl_use closed;
  if (!kl_find(q->registry, &q->self.use, &q->other.use, &closed)) return true;
  bool finite = isfinite(e.value);
  return put_kl_gradient(q, false, finite) && put_kl_gradient(q, true, finite);
}

static bool whole(query *q, const numbers *v, const char *name, double low, double high, double *to)
{
  if (!v->v) return true;
  if (!one(q, v, name)) return false;
  *to = v->v[0];
  if (*to == floor(*to) && *to >= low && *to <= high) return true;
  return query_fail(q, Q_DOMAIN, "sample: %s must be an integer from %.17g to %.17g, got %.9g",
                    name, low, high, *to);
}

static bool do_sample(query *q, const request *r)
{
  double n = 1, seed = 1;
  const family_use *u = &q->self.use;
  sampler s;
  workspace work = { 0 };
  if (!whole(q, &r->n, "n", 1, 10000000, &n) || !whole(q, &r->seed, "seed", 0, 0x1p53, &seed) ||
      !query_sampler(q, &q->self, &s) || !query_work(q, &q->self, &work))
    return false;
  philox_key key = philox_make_key((uint64_t)seed, STREAM_SAMPLE);
  text_add(&q->out, ",\"x\":[");
  for (uint32_t i = 0; i < n; i++) {
    elbo_noise noise = { .key = key, .row = i };
    if (!s.draw(&s, &noise, work.y))
      return query_fail(q, Q_UNSUPPORTED, "%s: a draw failed", u->family->name);
    value_to_plain(u->family->value_form, u->E, work.y, work.x);
    if (i) text_add_n(&q->out, ",", 1);
    put(&q->out, work.x, u->E, u->family->event_rank, 0);
  }
  text_add(&q->out, "]");
  return true;
}

/* ---- the table */
static const struct {
  const char *name;
  bool (*run)(query *, const request *);
  bool unbound; /* the parameters are not asked for */
} ops[] = {
  { "log_prob", do_log_prob, false },
  { "cdf", do_cdf, false },
  { "sf", do_sf, false },
  { "icdf", do_icdf, false },
  { "pathwise", do_pathwise, false },
  { "entropy", do_entropy, false },
  { "mean", do_mean, false },
  { "variance", do_variance, false },
  { "mode", do_mode, false },
  { "kl", do_kl, false },
  { "sample", do_sample, false },
  { "info", query_info, true },
};

static bool no_such_op(query *q, span op)
{
  const char *names[sizeof ops / sizeof *ops], *near = NULL;
  int n = 0;
  for (; n < (int)(sizeof ops / sizeof *ops); n++) names[n] = ops[n].name;
  if (op.s) {
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(op.n < 60 ? op.n : 60), op.s);
    near = nearest_word(word, names, n);
    query_fail(q, Q_SYNTAX, "unknown op `%s`%s%s%s; there are", word,
               near ? ", did you mean `" : "", near ? near : "", near ? "`" : "");
  } else {
    query_fail(q, Q_SYNTAX, "`op` is missing, what is asked; there are");
  }
  for (int i = 0; i < n; i++) text_format(&q->why, "%s %s", i ? "," : "", names[i]);
  return false;
}

bool query_answer(query *q, const request *r)
{
  if (!r->self.family.s)
    return query_fail(q, Q_SYNTAX, "`family` is missing, as \"family\":\"normal\"");
  for (size_t i = 0; r->op.s && i < sizeof ops / sizeof *ops; i++) {
    if (!span_is(r->op, ops[i].name)) continue;
    return (ops[i].unbound || query_bind(q, &r->self, &q->self)) && ops[i].run(q, r);
  }
  return no_such_op(q, r->op);
}
