/* SPDX-License-Identifier: GPL-3.0-or-later */
/* elbo/dist.h: one line in, one line out; and the typed questions. */
#include "dist/query.h"
#include "plugin/context.h"
#include "io/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- failures */
static const char *const code_names[] = {
  [Q_SYNTAX] = "syntax",
  [Q_UNKNOWN_FAMILY] = "unknown_family",
  [Q_UNKNOWN_PARAMETER] = "unknown_parameter",
  [Q_MISSING_PARAMETER] = "missing_parameter",
  [Q_DOMAIN] = "domain",
  [Q_UNDEFINED] = "undefined",
  [Q_UNSUPPORTED] = "unsupported",
  [Q_SHAPE] = "shape",
  [Q_FINE] = "",
};

bool query_fail(query *q, query_code code, const char *format, ...)
{
  char words[1024];
  va_list args;
  if (q->code != Q_FINE) return false;
  va_start(args, format);
  vsnprintf(words, sizeof words, format, args);
  va_end(args);
  q->code = code;
  text_add(&q->why, words);
  return false;
}

/* The flag of the answer's text is that of the whole query. */
bool query_no_memory(query *q)
{
  q->out.failed = true;
  return query_fail(q, Q_UNSUPPORTED, "out of memory");
}

static void begin(query *q)
{
  error_clear(&q->ctx->error);
  q->code = Q_FINE;
  q->why.n = q->out.n = 0;
  if (q->why.failed || q->out.failed) {
    text_free(&q->why);
    text_free(&q->out);
  }
}

/* ---- the object */
elbo_status elbo_dist_new(elbo_context *ctx, elbo_dist **dist)
{
  error *e = context_enter(ctx);
  *dist = mem_new(1, sizeof **dist, "a reader of queries", e);
  if (!*dist) return e->status;
  (*dist)->ctx = ctx;
  (*dist)->registry = ctx->registry;
  (*dist)->code = Q_FINE;
  return ELBO_DONE;
}

void elbo_dist_free(elbo_dist *q)
{
  if (!q) return;
  for (int i = 0; i < QUERY_KNOWN; i++) mem_free(q->known[i]);
  mem_free(q->self.buffer);
  mem_free(q->other.buffer);
  mem_free(q->numbers);
  mem_free(q->work);
  mem_free(q->grad);
  mem_free(q->names);
  text_free(&q->why);
  text_free(&q->out);
  mem_free(q);
}

const char *elbo_dist_code(const elbo_dist *q)
{
  return code_names[q->code];
}

/* ---- a line */
static void begin_answer(query *q)
{
  const span *id = &q->ask.id;
  q->out.n = 0;
  text_add(&q->out, "{\"id\":");
  if (id->s)
    text_add_n(&q->out, id->s, id->n);
  else
    text_add(&q->out, "null");
}

static void tell_failure(query *q)
{
  json_out j;
  begin_answer(q);
  text_add(&q->out, ",\"error\":");
  json_begin(&j, &q->out);
  json_open(&j, NULL, '{');
  json_string(&j, "code", code_names[q->code]);
  json_string(&j, "message", q->why.s);
  json_close(&j, '}');
}

elbo_status elbo_dist_query(elbo_dist *q, const char *line, size_t n, const char **answer)
{
  begin(q);
  q->ask = (request){ 0 };
  *answer = NULL;
  bool fine = !mem_grow(&q->numbers, &q->numbers_room, n / 2 + 2, sizeof *q->numbers, "a query",
                        &q->ctx->error) &&
              query_scan(q, line, n, &q->ask);
  if (q->ctx->error.status) return q->ctx->error.status;
  if (fine) {
    begin_answer(q);
    fine = query_answer(q, &q->ask);
  }
  if (!fine && !q->out.failed) tell_failure(q);
  text_add(&q->out, "}");
  if (q->out.failed || q->why.failed)
    return fail(&q->ctx->error, ELBO_E_MEMORY, "a query: out of memory");
  *answer = q->out.s;
  return fine ? ELBO_DONE : ELBO_E_CHECK;
}

/* ---- typed questions */
static elbo_status told(query *q, bool fine)
{
  if (q->out.failed || q->why.failed)
    return fail(&q->ctx->error, ELBO_E_MEMORY, "a distribution: out of memory");
  if (fine) return ELBO_DONE;
  return fail(&q->ctx->error, ELBO_E_USAGE, "%s", q->why.s);
}

/* What was given lives on in the query: names in the text of the request, numbers in its list. */
static bool keep_given(query *q, const char *family, const elbo_dist_param *params, size_t n)
{
  size_t count = 0, length = strlen(family), names = 0;
  for (size_t i = 0; i < n; i++) count += params[i].n, names += strlen(params[i].name);
  if (n > QUERY_MAX_PARAMS)
    return query_fail(q, Q_UNKNOWN_PARAMETER, "%s: more than %d parameters are given", family,
                      QUERY_MAX_PARAMS);
  if (mem_grow(&q->numbers, &q->numbers_room, count + 1, sizeof *q->numbers, "numbers", NULL) ||
      mem_grow(&q->names, &q->names_room, length + names + 1, 1, "names", NULL))
    return query_no_memory(q);
  double *to = q->numbers;
  char *text = memcpy(q->names, family, length);
  q->ask.self = (asked_dist){ .family = { text, length }, .n = (int)n };
  text += length;
  for (size_t i = 0; i < n; i++) {
    size_t size = strlen(params[i].name);
    if (params[i].n) memcpy(to, params[i].values, params[i].n * sizeof *to);
    memcpy(text, params[i].name, size);
    q->ask.self.params[i] = (given){ { text, size }, { to, (int)params[i].n, 0, RANK_ANY } };
    to += params[i].n;
    text += size;
  }
  return true;
}

elbo_status elbo_dist_set(elbo_dist *q, const char *family, const elbo_dist_param *params, size_t n)
{
  begin(q);
  q->ask = (request){ 0 };
  q->set = keep_given(q, family, params, n) && query_bind(q, &q->ask.self, &q->self);
  return told(q, q->set);
}

static bool is_set(query *q)
{
  begin(q);
  return q->set ||
         query_fail(q, Q_SYNTAX, "no distribution is set; call elbo_dist_set before questions");
}

size_t elbo_dist_numbers(const elbo_dist *q)
{
  return q->set ? (size_t)q->self.use.E : 0;
}

static void give(query *q, const double *dw, slope_source from, double *const *dparams)
{
  for (int i = 0; dparams && i < q->self.n; i++)
    if (dparams[i] && query_has_gradient(&q->self, i))
      query_chain(q, &q->self, i, dw, &from, dparams[i]);
}

static bool log_prob_of(query *q, const double *x, double *value, double *dx,
                        double *const *dparams)
{
  const bound *b = &q->self;
  workspace s = { 0 };
  numbers at = { x, b->use.E, 0, RANK_ANY };
  if (!query_take_x(q, b, &at) || !query_work(q, b, &s)) return false;
  if (!query_log_prob(q, b, x, b->w, value, dx, s.dw)) return false;
  give(q, s.dw, query_log_prob_source(b, *value, x), dparams);
  return true;
}

elbo_status elbo_dist_log_prob(elbo_dist *q, const double *x, double *value, double *dx,
                               double *const *dparams)
{
  return told(q, is_set(q) && log_prob_of(q, x, value, dx, dparams));
}

static bool one_number(query *q, double x)
{
  numbers at = { &x, 1, 0, RANK_ANY };
  return query_take_x(q, &q->self, &at);
}

elbo_status elbo_dist_cdf(elbo_dist *q, double x, bool upper, double *value)
{
  return told(q, is_set(q) && one_number(q, x) && query_cdf(q, &q->self, x, upper, value));
}

elbo_status elbo_dist_icdf(elbo_dist *q, double u, double *value)
{
  return told(q, is_set(q) && query_icdf(q, &q->self, u, value));
}

static bool pathwise_of(query *q, double x, double *const *dparams)
{
  workspace s = { 0 };
  if (!one_number(q, x) || !query_work(q, &q->self, &s)) return false;
  if (!query_pathwise(q, &q->self, x, q->self.w, s.dw)) return false;
  give(q, s.dw, query_pathwise_source(&q->self, &x), dparams);
  return true;
}

elbo_status elbo_dist_pathwise(elbo_dist *q, double x, double *const *dparams)
{
  return told(q, is_set(q) && pathwise_of(q, x, dparams));
}

elbo_status elbo_dist_moment(elbo_dist *q, elbo_moment which, double *out)
{
  estimate e;
  return told(q, is_set(q) && query_moment(q, &q->self, (int)which, &e, out));
}

static bool sample_of(query *q, size_t n, uint64_t seed, double *x)
{
  const family_use *u = &q->self.use;
  philox_key key = philox_make_key(seed, STREAM_SAMPLE);
  sampler s;
  workspace work = { 0 };
  if (!query_sampler(q, &q->self, &s) || !query_work(q, &q->self, &work)) return false;
  for (size_t i = 0; i < n; i++) {
    elbo_noise noise = { .key = key, .row = (uint32_t)i };
    if (!s.draw(&s, &noise, work.y))
      return query_fail(q, Q_UNSUPPORTED, "%s: a draw failed", u->family->name);
    value_to_plain(u->family->value_form, u->E, work.y, x + i * (size_t)u->E);
  }
  return true;
}

elbo_status elbo_dist_sample(elbo_dist *q, size_t n, uint64_t seed, double *x)
{
  return told(q, is_set(q) && sample_of(q, n, seed, x));
}
