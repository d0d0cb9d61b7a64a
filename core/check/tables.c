/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the table says of itself: names, flags, forms, NULL outputs, points of a discrete
 * support. */
#include "base/text.h"
#include "check/inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- descriptor */
static const char *const value_form_names[] = {
  [ELBO_X_PLAIN] = "ELBO_X_PLAIN",
  [ELBO_X_LOG] = "ELBO_X_LOG",
  [ELBO_X_LOGIT] = "ELBO_X_LOGIT",
  [ELBO_X_LOG_SIMPLEX] = "ELBO_X_LOG_SIMPLEX",
};

static void form_suits(trial *t)
{
  const elbo_family *f = t->u.family;
  uint32_t k = f->support.kind;
  bool suits = f->value_form == ELBO_X_LOG     ? k == ELBO_SUP_POSITIVE || k == ELBO_SUP_INTERVAL
               : f->value_form == ELBO_X_LOGIT ? k == ELBO_SUP_UNIT
               : f->value_form == ELBO_X_LOG_SIMPLEX ? k == ELBO_SUP_SIMPLEX
                                                     : true;
  check_that(t, suits,
             "value_form %s does not suit the support %s: a log is of what is positive, a logit of "
             "what lies between 0 and 1",
             value_form_names[f->value_form], family_support_text(f));
  check_that(t, k != ELBO_SUP_SIMPLEX || f->event_rank == 1, "a simplex needs event_rank 1");
}

static void bounds_are_flagged(trial *t)
{
  const elbo_family *f = t->u.family;
  double w[CHECK_MAX_W], low, high, low2, high2;
  if (!f->support.range) return;
  param_standard(&t->u, w);
  note(t, "support.range", NULL, w);
  if (f->support.range(w, t->u.K, &low, &high) != ELBO_OK) return;
  check_that(t, low <= high, "support.range at the standard parameters: low %g > high %g", low,
             high);
  for (uint32_t p = 0; p < f->n_params; p++) {
    const elbo_param *of = &f->params[p];
    double keep = w[t->u.offset[p]];
    w[t->u.offset[p]] += of->constraint == ELBO_INTEGER ? 1 : 0.25;
    bool moved =
        f->support.range(w, t->u.K, &low2, &high2) == ELBO_OK && (low2 != low || high2 != high);
    w[t->u.offset[p]] = keep;
    if (moved && !(of->flags & (ELBO_MOVES_SUPPORT | ELBO_CONSTANT)) &&
        of->constraint != ELBO_INTEGER)
      check_that(t, false,
                 "parameter %s moves the support (range [%g, %g] -> [%g, %g]) without "
                 "the flag ELBO_MOVES_SUPPORT",
                 of->name, low, high, low2, high2);
  }
}

static void has_density(trial *t)
{
  double w[CHECK_MAX_W], x;
  space s;
  if (!grid_at(t, 0, w)) {
    check_that(t, false, "support.range refuses the standard parameters");
    return;
  }
  if (!family_is_discrete(t->u.family) && t->u.E > SPACE_MAX) return;
  bool found = family_is_discrete(t->u.family)
                   ? (x = discrete_point(t, 0, w), isfinite(ask_log_prob(t, &x, w, NULL, NULL)))
                   : space_open(&s, t, w);
  check_that(t, found, "log_prob is finite nowhere at the standard parameters, %s",
             place_of(t, NULL, w).text);
}

/* The names of all reparametrizers, "a, b, c", and the nearest to `word` or NULL. */
static const char *road_names(const trial *t, const char *word, char *to, size_t room)
{
  enum { MOST = 64 };
  const char *names[MOST];
  int n = 0;
  size_t at = 0;
  to[0] = '\0';
  for (size_t i = 0; i < registry_count(t->registry) && n < MOST; i++) {
    const plugin *p = registry_at(t->registry, i);
    if (strcmp(p->info.kind, "reparametrizer")) continue;
    if (at < room) at += (size_t)snprintf(to + at, room - at, "%s%s", n ? ", " : "", p->info.name);
    names[n++] = p->info.name;
  }
  return nearest_word(word, names, n);
}

static void road_is_there(trial *t, const elbo_family *f)
{
  char names[200];
  const plugin *r = registry_find(t->registry, ELBO_KIND_REPARAM, f->reparam, NULL);
  const char *near = road_names(t, f->reparam, names, sizeof names),
             *missing = r ? ((const elbo_reparam *)r->info.table)->missing(f) : NULL;
  check_that(t, r != NULL,
             ".reparam = \"%.63s\": no reparametrizer has this name; %s%s%sexpected one of %s",
             f->reparam, near ? "did you mean " : "", near ? near : "", near ? "? " : "", names);
  check_that(t, !missing,
             ".reparam = \"%.63s\": the family misses %s, which this reparametrizer calls: provide "
             "it, or name another of %s",
             f->reparam, missing ? missing : "", names);
}

void check_descriptor(trial *t)
{
  const elbo_family *f = t->u.family;
  check_that(t, f->summary[0], "the summary is empty");
  for (uint32_t p = 0; p < f->n_params; p++)
    check_that(t, f->params[p].help && f->params[p].help[0], "parameter %s has no help",
               f->params[p].name);
  if (f->reparam) road_is_there(t, f);
  note(t, "extension", NULL, NULL);
  if (f->extension)
    check_that(t, !f->extension("elbo.no_such_ability/1"),
               "extension answers an id that nobody has");
  form_suits(t);
  bounds_are_flagged(t);
  has_density(t);
  check_says(t, "ABI %d.%d, %u parameters, %s", t->plugin->info.abi_major,
             t->plugin->info.abi_minor, f->n_params, family_support_text(f));
}

/* ---- forms of parameters */
static double from_working(const elbo_param *p, int form, double w)
{
  if (form == PARAM_LOG_VAR) return 2 * w;
  if (form == PARAM_VAR) return exp(2 * w);
  if (form == PARAM_WORKING || p->constraint == ELBO_REAL || p->constraint == ELBO_INTEGER)
    return w;
  if (p->constraint == ELBO_UNIT) return 1 / (1 + exp(-w));
  return exp(w);
}

/* Forms of one number: from the working form to the given one and back. */
static void there_and_back(trial *t, const param_form *form, const char *name)
{
  static const double working[] = { -5, -0.6, 0, 1.3, 7 };
  const elbo_param *p = &t->u.family->params[form->param];
  if (t->u.width[form->param] != 1) return;
  for (size_t i = 0; i < sizeof working / sizeof *working; i++) {
    error e = { 0 };
    double want = p->constraint == ELBO_INTEGER ? 2 + (double)i : working[i];
    double given = from_working(p, form->form, want), w = NAN, jac = NAN;
    if (param_to_working(&t->u, form, &given, &w, &jac, &e)) {
      check_that(t, false, "%s = %g: %s", name, given, e.text);
      return;
    }
    check_that(t, fabs(w - want) <= 1e-12 * fmax(1, fabs(want)) * exp(fmax(0, want)),
               "%s = %.17g: working value %.17g, expected %.17g", name, given, w, want);
  }
}

typedef struct {
  trial *t;
  const elbo_form_set *set;
  double given[CHECK_MAX_W];
  int from, to;
} set_line;
static double working_at(void *arg, double at)
{
  set_line *l = arg;
  double keep = l->given[l->from], w[CHECK_MAX_W];
  l->given[l->from] = at;
  elbo_rc rc = l->set->to_working(l->given, l->t->u.K, w, NULL);
  l->given[l->from] = keep;
  return rc == ELBO_OK ? w[l->to] : NAN;
}

static void set_slopes(set_line *l, const double *jac)
{
  int W = l->t->u.W;
  for (l->to = 0; l->to < W; l->to++)
    for (l->from = 0; l->from < W; l->from++) {
      double error, d = difference_from(working_at, l, l->given[l->from], 1e-3, &error),
                    found = jac[l->to * W + l->from];
      check_that(l->t, fabs(found - d) <= 1e-7 * fmax(1, fabs(d)) + 10 * error,
                 "form set {%s ..}: d working %d / d %s: found %.12g, expected %.12g",
                 l->set->names[0], l->to, l->set->names[l->from], found, d);
    }
}

/* Where a set names the ends of the support, they must become the ends of the support. */
static void set_ends(set_line *l, const double *w)
{
  const elbo_family *f = l->t->u.family;
  double end[2];
  static const char *const names[] = { "low", "high" };
  if (!f->support.range || f->support.range(w, l->t->u.K, &end[0], &end[1]) != ELBO_OK) return;
  for (int i = 0; i < l->t->u.W; i++)
    for (int k = 0; k < 2; k++)
      if (!strcmp(l->set->names[i], names[k]))
        check_that(l->t, fabs(end[k] - l->given[i]) <= 1e-12 * fmax(1, fabs(l->given[i])),
                   "form set {%s ..}: %s = %.17g becomes an end at %.17g", l->set->names[0],
                   names[k], l->given[i], end[k]);
}

static void form_set(trial *t, const elbo_form_set *set)
{
  static const double spread[][4] = { { 0.6, 1.1, 1.9, 2.6 },
                                      { 0.1, 0.2, 0.9, 1 },
                                      { 3, 40, 41, 50 } };
  double w[CHECK_MAX_W], jac[16];
  int fine = 0;
  note(t, "form_sets.to_working", NULL, NULL);
  if (t->u.W > 4 || t->u.W != (int)t->u.family->n_params) return;
  for (size_t i = 0; i < sizeof spread / sizeof *spread; i++) {
    set_line l = { .t = t, .set = set };
    memcpy(l.given, spread[i], sizeof spread[i]);
    if (set->to_working(l.given, t->u.K, w, jac) != ELBO_OK) continue;
    fine++;
    set_slopes(&l, jac);
    set_ends(&l, w);
  }
  check_that(t, fine > 0, "form set {%s ..} refuses every rising list of numbers tried",
             set->names[0]);
}

void check_forms(trial *t)
{
  const elbo_family *f = t->u.family;
  const char *names[128];
  char room[4096];
  int n = param_names(f, names, 128, room, sizeof room);
  for (int i = 0; i < n; i++) {
    param_form form;
    if (!check_that(t, param_find(f, names[i], &form), "the name %s is not found again", names[i]))
      return;
    if (form.param >= 0) there_and_back(t, &form, names[i]);
  }
  for (uint32_t i = 0; i < f->n_form_sets; i++) form_set(t, &f->form_sets[i]);
  check_says(t, "%d names, %u form sets", n, f->n_form_sets);
  if (!n) check_absent(t, "no parameters");
}

/* ---- NULL outputs */
static bool same(const double *a, const double *b, int n)
{
  return !memcmp(a, b, (size_t)n * sizeof *a);
}

static void null_at(trial *t, const double *y, const double *w)
{
  double dx[2][CHECK_MAX_E], dw[2][CHECK_MAX_W];
  memset(dx, 0x7f, sizeof dx);
  memset(dw, 0x7f, sizeof dw);
  double both = ask_log_prob(t, y, w, dx[0], dw[0]), value = ask_log_prob(t, y, w, NULL, NULL),
         x_only = ask_log_prob(t, y, w, dx[1], NULL), w_only = ask_log_prob(t, y, w, NULL, dw[1]);
  place_text at = place_of(t, y, w);
  check_that(t, same(&both, &value, 1) && same(&both, &x_only, 1) && same(&both, &w_only, 1),
             "log_prob is %.17g with gradients, %.17g without, %.17g with dx, %.17g with dw at %s",
             both, value, x_only, w_only, at.text);
  check_that(t, same(dx[0], dx[1], t->u.E), "dx with and without dw differ at %s", at.text);
  check_that(t, same(dw[0], dw[1], t->u.W), "dw with and without dx differ at %s", at.text);
}

void check_nulls(trial *t)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E], v[SPACE_MAX];
  int tried = 0;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    space s;
    if (!grid_at(t, i, w)) continue;
    bool discrete = family_is_discrete(t->u.family);
    if (!discrete && !space_open(&s, t, w)) continue;
    for (int k = 0; k < (discrete ? 4 : space_count(t)); k++, tried++) {
      if (discrete && isnan(y[0] = discrete_point(t, (uint64_t)k, w))) break;
      if (!discrete) space_points(&s, k, v), space_value(&s, v, y);
      null_at(t, y, w);
    }
  }
  check_says(t, "%d points", tried);
}

/* ---- the points of a discrete support */
void check_points(trial *t)
{
  double w[CHECK_MAX_W];
  uint64_t n = 0;
  if (!t->u.family->support_point) {
    check_absent(t, family_is_discrete(t->u.family) ? "support_point is not provided"
                                                    : "a continuous support");
    return;
  }
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    double before = -INFINITY, x = 0;
    if (!grid_at(t, i, w)) continue;
    for (n = 0; n < 1000 && !isnan(x = discrete_point(t, n, w)); n++, before = x) {
      check_that(t, x > before, "point %llu is %g after %g", (unsigned long long)n, x, before);
      check_that(t, family_in_support(&t->u, &x, w), "point %llu, %g, is not in %s",
                 (unsigned long long)n, x, family_support_text(t->u.family));
    }
    if (isnan(x)) x = discrete_point(t, n + 5, w);
    check_that(t, n == 1000 || isnan(x), "behind the last point comes %g, expected NaN", x);
  }
  check_says(t, "%llu points of the last parameters", (unsigned long long)n);
}
