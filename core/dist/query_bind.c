/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Given names and numbers -> a family bound to its dimension and its working numbers. */
#include "dist/query.h"

#include <math.h>
#include <string.h>

enum { NAME_ROOM = 128 };

/* ---- complete sets of names: those of the plugin, and behind them the working names */
static const char *set_name(const elbo_family *f, uint32_t s, uint32_t member, char *text)
{
  if (s < f->n_form_sets) return f->form_sets[s].names[member];
  return member < f->n_params ? param_working_name(&f->params[member], text, NAME_ROOM) : NULL;
}

static int find_in_set(const elbo_family *f, uint32_t s, span name)
{
  char text[NAME_ROOM];
  const char *member;
  for (int m = 0; (member = set_name(f, s, (uint32_t)m, text)); m++)
    if (span_is(name, member)) return m;
  return -1;
}

static bool is_in_a_set(const elbo_family *f, span name)
{
  for (uint32_t s = 0; s <= f->n_form_sets; s++)
    if (find_in_set(f, s, name) >= 0) return true;
  return false;
}

/* ---- what is known of a family: where it has form sets, the names of those alone */
static void learn_names(known_family *k)
{
  char all[sizeof k->text];
  const char *names[QUERY_MAX_NAMES];
  int n = param_names(k->family, names, QUERY_MAX_NAMES, all, sizeof all);
  char *to = k->text;
  for (int i = 0; i < n; i++) {
    if (!param_find(k->family, names[i], &k->forms[k->n_names])) continue;
    size_t size = strlen(names[i]) + 1;
    span name = { names[i], size - 1 };
    if (k->family->n_form_sets && !is_in_a_set(k->family, name)) continue;
    k->names[k->n_names++] = memcpy(to, names[i], size);
    to += size;
  }
}

static known_family *know(query *q, span name)
{
  uint32_t hash = 2166136261u; /* FNV-1a */
  char text[NAME_ROOM];
  for (size_t i = 0; i < name.n; i++) hash = (hash ^ (unsigned char)name.s[i]) * 16777619u;
  known_family **slot = &q->known[(hash ^ hash >> 16) % QUERY_KNOWN];
  if (*slot && span_is(name, (*slot)->family->name)) return *slot;
  error e = { 0 };
  size_t n = name.n < sizeof text ? name.n : sizeof text - 1;
  memcpy(text, name.s, n);
  text[n] = '\0';
  const plugin *found = registry_find(q->registry, ELBO_KIND_FAMILY, text, &e);
  if (!found || !span_is(name, text)) {
    query_fail(q, Q_UNKNOWN_FAMILY, "%s", found ? "a family's name is not that long" : e.text);
    return NULL;
  }
  if (!*slot) *slot = mem_new(1, sizeof **slot, "a family's names", NULL);
  if (!*slot) return query_no_memory(q), NULL;
  **slot = (known_family){ .family = found->info.table };
  learn_names(*slot);
  return *slot;
}

/* ---- names */
static void add_sets(query *q, const elbo_family *f)
{
  char text[NAME_ROOM];
  const char *member;
  for (uint32_t s = 0; s <= f->n_form_sets; s++) {
    text_add(&q->why, s ? ", or {" : " {");
    for (uint32_t m = 0; (member = set_name(f, s, m, text)); m++)
      text_format(&q->why, "%s%s", m ? ", " : "", member);
    text_add(&q->why, "}");
  }
}

static bool unknown_name(query *q, const known_family *k, span name)
{
  char text[NAME_ROOM];
  size_t n = name.n < sizeof text ? name.n : sizeof text - 1;
  memcpy(text, name.s, n);
  text[n] = '\0';
  const char *near = nearest_word(text, k->names, k->n_names);
  query_fail(q, Q_UNKNOWN_PARAMETER, "%s: it has no parameter `%s`%s%s; it takes", k->family->name,
             text, near ? ", the nearest is " : "", near ? near : "");
  if (k->family->n_form_sets) return add_sets(q, k->family), false;
  for (int i = 0; i < k->n_names; i++) text_format(&q->why, "%s %s", i ? "," : "", k->names[i]);
  return false;
}

static bool take_items(query *q, const known_family *k, const asked_dist *d, bound *b)
{
  b->n = d->n;
  b->set = NULL;
  for (int i = 0; i < d->n; i++) {
    int at = 0;
    while (at < k->n_names && !span_is(d->params[i].name, k->names[at])) at++;
    if (at == k->n_names) return unknown_name(q, k, d->params[i].name);
    b->items[i].name = d->params[i].name;
    b->items[i].v = d->params[i].v;
    b->items[i].form = k->forms[at];
  }
  return true;
}

/* Each parameter once, in any of its forms. */
static bool check_one_each(query *q, const known_family *k, const bound *b)
{
  const elbo_family *f = k->family;
  int by[FAMILY_MAX_PARAMS] = { 0 };
  for (int i = 0; i < b->n; i++) {
    int p = b->items[i].form.param;
    if (by[p])
      return query_fail(q, Q_UNKNOWN_PARAMETER, "%s: %.*s is given already, as %.*s", f->name,
                        (int)b->items[i].name.n, b->items[i].name.s,
                        (int)b->items[by[p] - 1].name.n, b->items[by[p] - 1].name.s);
    by[p] = i + 1;
  }
  for (uint32_t p = 0; p < f->n_params; p++) {
    const char *others = "; it may be given as";
    if (by[p]) continue;
    query_fail(q, Q_MISSING_PARAMETER, "%s: %s is missing", f->name, f->params[p].name);
    for (int i = 0; i < k->n_names; i++) {
      if (k->forms[i].param != (int)p) continue;
      text_format(&q->why, "%s %s", others, k->names[i]);
      others = " or";
    }
    return false;
  }
  return true;
}

/* How many of the given are in set s; *lacking: the first member that is not given. */
static int count_in_set(const elbo_family *f, uint32_t s, const asked_dist *d, int *lacking)
{
  char text[NAME_ROOM];
  const char *member;
  int in = 0;
  *lacking = -1;
  for (int i = 0; i < d->n; i++) in += find_in_set(f, s, d->params[i].name) >= 0;
  for (int m = 0; *lacking < 0 && (member = set_name(f, s, (uint32_t)m, text)); m++) {
    bool there = false;
    for (int i = 0; i < d->n; i++) there |= span_is(d->params[i].name, member);
    if (!there) *lacking = m;
  }
  return in;
}

static bool take_set(query *q, const known_family *k, const asked_dist *d, bound *b)
{
  const elbo_family *f = k->family;
  char text[NAME_ROOM];
  int lacking, lacks = -1, from = 0;
  b->n = d->n;
  for (uint32_t s = 0; s <= f->n_form_sets; s++) {
    if (count_in_set(f, s, d, &lacking) < d->n) continue;
    if (lacking >= 0) {
      lacks = lacks < 0 ? lacking : lacks;
      from = (int)s;
      continue;
    }
    b->set = s < f->n_form_sets ? &f->form_sets[s] : NULL;
    for (int i = 0; i < d->n; i++) {
      int m = find_in_set(f, s, d->params[i].name);
      b->items[i].name = d->params[i].name;
      b->items[i].v = d->params[i].v;
      b->items[i].form = b->set ? (param_form){ .param = -1, .form_set = (int)s, .member = m }
                                : (param_form){ .param = m, .form = PARAM_WORKING };
    }
    return true;
  }
  if (lacks >= 0)
    query_fail(q, Q_MISSING_PARAMETER, "%s: %s is missing; give the whole of", f->name,
               set_name(f, (uint32_t)from, (uint32_t)lacks, text));
  else
    query_fail(q, Q_UNKNOWN_PARAMETER, "%s: the names given are of no one set; give", f->name);
  add_sets(q, f);
  return false;
}

/* ---- shapes */
static bool bad_shape(query *q, const elbo_family *f, span name, const char *expected)
{
  return query_fail(q, Q_SHAPE, "%s: %.*s must be %s", f->name, (int)name.n, name.s, expected);
}

/* The K of a triangle, or -1. */
static int side_of(int n, bool square)
{
  int K = (int)floor(square ? sqrt(n) : (sqrt(8.0 * n + 1) - 1) / 2);
  return (square ? K * K : K * (K + 1) / 2) == n ? K : -1;
}

/* K as item i tells it, 0: it has none, -1: it makes no sense. */
static int item_dim(query *q, const elbo_family *f, const bound *b, int i)
{
  const numbers *v = &b->items[i].v;
  const param_form *form = &b->items[i].form;
  const elbo_param *p = form->param < 0 ? NULL : &f->params[form->param];
  bool flat = v->rank == RANK_ANY, listed = flat || v->rank == 1;
  span name = b->items[i].name;
  if (p && p->constraint == ELBO_CHOLESKY && form->form == PARAM_CONSTRAINED) {
    int K = flat ? side_of(v->n, true) : v->rank == 2 && v->rows * v->rows == v->n ? v->rows : -1;
    return K > 0 ? K : (bad_shape(q, f, name, "a square matrix, as [[1,0],[0.5,2]]"), -1);
  }
  if (p && p->constraint == ELBO_CHOLESKY) {
    int K = listed ? side_of(v->n, false) : -1;
    return K > 0 ? K : (bad_shape(q, f, name, "the K(K+1)/2 numbers of a lower triangle"), -1);
  }
  if (p && (p->constraint == ELBO_SIMPLEX || p->flags & ELBO_PER_CORNER))
    return listed && v->n ? v->n : (bad_shape(q, f, name, "a list of numbers"), -1);
  if (flat ? v->n == 1 : v->rank == 0) return 0;
  bad_shape(q, f, name, "a number");
  return -1;
}

static bool find_dim(query *q, const elbo_family *f, const bound *b, int *K)
{
  int of = -1;
  *K = 0;
  for (int i = 0; i < b->n; i++) {
    int k = item_dim(q, f, b, i);
    if (k < 0) return false;
    if (*K && k && k != *K)
      return query_fail(q, Q_SHAPE, "%s: %.*s has dimension %d, but %.*s has %d", f->name,
                        (int)b->items[i].name.n, b->items[i].name.s, k, (int)b->items[of].name.n,
                        b->items[of].name.s, *K);
    if (k) {
      *K = k;
      of = i;
    }
  }
  if (!*K) *K = 1;
  return true;
}

/* ---- numbers */
static bool grow(query *q, bound *b)
{
  size_t W = (size_t)b->use.W, need = W + (b->set ? W * W + W : W);
  if (mem_grow(&b->buffer, &b->room, need, sizeof *b->buffer, "a distribution", NULL))
    return query_no_memory(q);
  b->w = b->buffer;
  b->jac = b->buffer + W;
  b->given = b->set ? b->jac + W * W : NULL;
  return true;
}

static bool set_numbers(query *q, bound *b)
{
  double *v = b->given;
  const elbo_family *f = b->use.family;
  bool fine = b->n == b->use.W;
  for (int i = 0; i < b->n; i++) v[b->items[i].form.member] = b->items[i].v.v[0];
  for (int i = 0; i < b->n; i++) fine &= isfinite(v[i]);
  if (fine && b->set->to_working(v, b->use.K, b->w, b->jac) == ELBO_OK) return true;
  query_fail(q, Q_DOMAIN, "%s: these parameters make no distribution:", f->name);
  for (int i = 0; i < b->n; i++) {
    text_format(&q->why, "%s %s = ", i ? "," : "", b->set->names[i]);
    text_number(&q->why, v[i], 9);
  }
  text_format(&q->why, "; its support is %s, every number must be finite", family_support_text(f));
  return false;
}

static bool item_numbers(query *q, bound *b, int i)
{
  error e = { 0 };
  const param_form *form = &b->items[i].form;
  int at = b->use.offset[form->param];
  if (!param_to_working(&b->use, form, b->items[i].v.v, b->w + at, b->jac + at, &e)) return true;
  return query_fail(q, Q_DOMAIN, "%s", e.text);
}

/* Bounds that are constants of their own may leave nothing between them. */
static bool check_range(query *q, const bound *b)
{
  const elbo_support *s = &b->use.family->support;
  double low = 0, high = 0;
  if (!s->range || s->range(b->w, b->use.K, &low, &high) == ELBO_OK) return true;
  return query_fail(q, Q_DOMAIN,
                    "%s: the support from %.17g to %.17g is empty; expected low < high",
                    b->use.family->name, low, high);
}

static bool work_out(query *q, bound *b)
{
  if (b->set && !set_numbers(q, b)) return false;
  for (int i = 0; i < b->n && !b->set; i++)
    if (!item_numbers(q, b, i)) return false;
  b->edge = false;
  for (int i = 0; i < b->use.W; i++) b->edge |= !isfinite(b->w[i]);
  return b->edge || check_range(q, b);
}

bool query_bind(query *q, const asked_dist *d, bound *b)
{
  int K;
  if (!d->family.s) return query_fail(q, Q_SYNTAX, "`family` is missing, as \"family\":\"normal\"");
  known_family *k = know(q, d->family);
  if (!k) return false;
  const elbo_family *f = k->family;
  if (f->n_form_sets) {
    for (int i = 0; i < d->n; i++)
      if (!is_in_a_set(f, d->params[i].name)) return unknown_name(q, k, d->params[i].name);
    if (!take_set(q, k, d, b)) return false;
  } else if (!take_items(q, k, d, b) || !check_one_each(q, k, b)) {
    return false;
  }
  if (!find_dim(q, f, b, &K)) return false;
  if (!k->use.family || k->use.K != K) {
    error e = { 0 };
    if (family_bind(q->registry, f->name, K, &k->use, &e)) {
      k->use.family = NULL;
      return query_fail(q, Q_SHAPE, "%s", e.text);
    }
  }
  b->use = k->use;
  return grow(q, b) && work_out(q, b);
}

bool query_work(query *q, const bound *b, workspace *s)
{
  size_t E = (size_t)b->use.E, W = (size_t)b->use.W;
  if (mem_grow(&q->work, &q->work_room, 3 * (E + W), sizeof *q->work, "a query", NULL))
    return query_no_memory(q);
  double *at = q->work;
  *s = (workspace){ at, at + E, at + 2 * E, at + 3 * E, at + 3 * E + W, at + 3 * E + 2 * W };
  return true;
}
