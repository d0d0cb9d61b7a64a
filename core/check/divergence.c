/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Divergences and their gradients against quadrature. */
#include "check/inside.h"
#include "dist/exponential.h"

#include <math.h>
#include <string.h>

typedef struct {
  trial *t, q, p;
  const elbo_kl *row;
  elbo_kl rule; /* without a function: exponential_kl */
  double w[CHECK_MAX_W], w2[CHECK_MAX_W];
  double *moving;
} pair;

static bool bind_side(const trial *t, const char *name, int K, trial *side)
{
  const plugin *p = registry_find(t->registry, ELBO_KIND_FAMILY, name, NULL);
  if (!p) return false;
  *side = *t;
  side->plugin = p;
  return check_dim(side, family_has_dim(p->info.table) ? K : 1);
}

/* The divergences that the family provides; one more is the rule of exponential families, from it
 * to itself. */
static uint32_t pair_count(const trial *t)
{
  const elbo_family *f = t->u.family;
  return f->n_kls + (exponential_of(f) ? 1 : 0);
}

static bool pair_bind(trial *t, uint32_t i, pair *k)
{
  const elbo_family *f = t->u.family;
  k->rule = (elbo_kl){ .q = f->name, .p = f->name };
  k->row = i < f->n_kls ? &f->kls[i] : &k->rule;
  int K = f->support.kind == ELBO_SUP_SIMPLEX ? 3 : 2;
  return check_dim(t, family_has_dim(f) ? K : 1) && bind_side(t, k->row->q, K, &k->q) &&
         bind_side(t, k->row->p, K, &k->p);
}

static double ask_kl(trial *t, pair *k, double *dw, double *dw2)
{
  note(t, k->row->kl ? "kl" : ELBO_EXPONENTIAL, k->w2, k->w);
  if (!k->row->kl) return exponential_kl(&k->q.u, &k->p.u, k->w, k->w2, dw, dw2);
  return k->row->kl(&t->u.call, k->w, k->w2, dw, dw2);
}

static double log_ratio(void *arg, const double *y, double f)
{
  pair *k = arg;
  double x[CHECK_MAX_E], y2[CHECK_MAX_E];
  uint32_t from = k->q.u.family->value_form, to = k->p.u.family->value_form;
  memcpy(y2, y, sizeof(double) * (size_t)k->q.u.E);
  if (from != to) {
    value_to_plain(from, k->q.u.E, y, x);
    value_from_plain(to, k->q.u.E, x, y2);
  }
  for (int j = 0; j < k->q.u.E; j++)
    if (isnan(y2[j])) return INFINITY; /* x has no value form of p: it lies out of its support */
  return f - ask_log_prob(&k->p, y2, k->w2, NULL, NULL);
}

/* An infinite answer is right where the expectation is infinite, as where p has no density on mass
 * of q, or where its integrand does not fall off within doubles. */
static int kl_at(trial *t, pair *k)
{
  double found = ask_kl(t, k, NULL, NULL);
  place_text q = place_of(&k->q, NULL, k->w), p = place_of(&k->p, NULL, k->w2);
  check_that(t, !isnan(found), "KL(%s || %s) is NaN at %s and %s", k->row->q, k->row->p, q.text,
             p.text);
  expected e = expectation(&k->q, k->w, log_ratio, k);
  if (isnan(e.value)) return 0;
  if (e.cut || isinf(e.value)) return found == INFINITY;
  check_that(t, fabs(found - e.value) <= 1e-7 * (1 + fabs(e.value)) + 30 * e.error,
             "KL(%s || %s): found %.12g, quadrature gives %.12g at %s and %s", k->row->q, k->row->p,
             found, e.value, q.text, p.text);
  return 1;
}

/* A plugin of another family may be absent: then its pair can't be looked at. */
static bool has_kls(trial *t)
{
  if (!pair_count(t)) check_absent(t, "no divergences are provided");
  return pair_count(t);
}

static int side_length(const trial *t)
{
  return t->u.family->event_rank || !t->thorough ? 4 : 12;
}

/* How many values were compared; where quadrature reaches none of the usual ones, of many more. */
static int kl_pair(trial *t, pair *k)
{
  enum { P = 50, MORE = 40 };
  uint32_t side = (uint32_t)side_length(t);
  int n = 0;
  for (uint32_t a = 0; a < side; a++)
    for (uint32_t b = 0; b < side && !check_failed(t); b++)
      if (grid_moderate(&k->q, a, k->w) && grid_moderate(&k->p, P + b, k->w2)) n += kl_at(t, k);
  for (uint32_t i = side; !n && i < MORE && !check_failed(t); i++)
    if (grid_moderate(&k->q, i, k->w) && grid_moderate(&k->p, P + i, k->w2)) n += kl_at(t, k);
  check_that(t, n,
             "KL(%s || %s): no value could be compared: its expectation is out of the reach of "
             "quadrature, or infinite where kl is finite, at every parameter that was tried",
             k->row->q, k->row->p);
  return n;
}

void check_kl(trial *t)
{
  int n = 0, pairs = 0;
  if (!has_kls(t)) return;
  for (uint32_t i = 0; i < pair_count(t) && !check_failed(t); i++) {
    pair k = { .row = NULL };
    if (!pair_bind(t, i, &k)) continue;
    pairs++;
    n += kl_pair(t, &k);
  }
  check_says(t, "%d pairs, %d values", pairs, n);
}

/* By the rule the normalisers' and the products' rounding is left. */
static double rounding_of(const pair *k)
{
  double eta[FAMILY_MAX_NUMBERS], mean[FAMILY_MAX_NUMBERS], size = 1;
  if (k->row->kl) return 1e-14;
  const elbo_exponential *x = exponential_of(k->q.u.family);
  size += fabs(x->natural(&k->q.u.call, k->w, eta, mean));
  for (uint32_t i = 0; i < (x->n ? x->n : (uint32_t)k->q.u.K); i++) size += fabs(eta[i] * mean[i]);
  return 1e-14 * size;
}

/* At k->w: 0 from itself, and not below 0 from its neighbours. */
static void kl_zero_at(trial *t, pair *k)
{
  double dw[CHECK_MAX_W], dw2[CHECK_MAX_W], rounding = rounding_of(k);
  memcpy(k->w2, k->w, sizeof k->w);
  double zero = ask_kl(t, k, dw, dw2);
  check_that(t, fabs(zero) <= rounding, "KL(%s || itself) = %.3g at %s", k->row->q, zero,
             place_of(t, NULL, k->w).text);
  for (int j = 0; j < t->u.W; j++) {
    if (!grid_learned(t, j)) continue;
    k->w2[j] += 1e-6;
    double near = ask_kl(t, k, NULL, NULL);
    check_that(t, near >= -rounding, "KL(%s || near itself) = %.3g < 0 at %s", k->row->q, near,
               place_of(t, NULL, k->w).text);
    k->w2[j] = k->w[j];
  }
}

void check_kl_zero(trial *t)
{
  int n = 0;
  for (uint32_t i = 0; i < pair_count(t); i++) {
    pair k = { .row = NULL };
    if (!pair_bind(t, i, &k) || strcmp(k.row->q, k.row->p)) continue;
    for (int a = 0; a < grid_size(t) && !check_failed(t); a++) {
      if (!grid_at(t, a, k.w)) continue;
      n++;
      kl_zero_at(t, &k);
    }
  }
  check_says(t, "%d parameters", n);
  if (!n) check_absent(t, "no divergence of the family from itself");
}

/* ---- their gradients */
static double kl_along(void *arg, double at)
{
  pair *k = arg;
  double keep = *k->moving;
  *k->moving = at;
  double v = ask_kl(k->t, k, NULL, NULL);
  *k->moving = keep;
  return v;
}

static int kl_slopes(pair *k, double *side, const trial *of, const double *found, const char *name)
{
  int n = 0;
  for (int j = 0; j < of->u.W; j++) {
    double error;
    if (!grid_learned(of, j)) continue;
    k->moving = &side[j];
    double d = difference(kl_along, k, side[j], &error);
    if (!(error <= 1e-4 * (fabs(d) + 1e-3))) continue;
    n++;
    check_that(k->t, fabs(found[j] - d) <= 1e-6 * fabs(d) + 30 * error + 1e-9,
               "d KL(%s || %s) / d %s of %s: found %.12g, expected %.12g at %s and %s%s", k->row->q,
               k->row->p, number_name(of, j).text, name, found[j], d,
               place_of(&k->q, NULL, k->w).text, place_of(&k->p, NULL, k->w2).text,
               slip_of(of, j, side, found[j], d));
  }
  return n;
}

static int kl_gradient_at(pair *k)
{
  double dw[CHECK_MAX_W], dw2[CHECK_MAX_W], again[CHECK_MAX_W];
  double v = ask_kl(k->t, k, dw, dw2);
  if (!isfinite(v)) return 0;
  double alone = ask_kl(k->t, k, NULL, again);
  check_that(k->t, v == alone && !memcmp(again, dw2, sizeof(double) * (size_t)k->p.u.W),
             "KL(%s || %s) with and without the first gradient differ at %s", k->row->q, k->row->p,
             place_of(&k->q, NULL, k->w).text);
  return kl_slopes(k, k->w, &k->q, dw, k->row->q) + kl_slopes(k, k->w2, &k->p, dw2, k->row->p);
}

/* Is the expectation infinite, and the divergence with it, so that there is no slope to compare? */
static bool rightly_infinite(pair *k)
{
  expected e = expectation(&k->q, k->w, log_ratio, k);
  return ask_kl(k->t, k, NULL, NULL) == INFINITY && (e.cut || isinf(e.value));
}

/* A pair that is infinite at the usual values is asked at more of them. */
static int kl_gradient_pair(pair *k)
{
  enum { P = 50, USUAL = 6, MORE = 40 };
  int n = 0, infinite = 0;
  for (uint32_t a = 0; a < (n ? USUAL : MORE) && !check_failed(k->t); a++) {
    if (!grid_moderate(&k->q, a, k->w) || !grid_moderate(&k->p, P + a, k->w2)) continue;
    n += kl_gradient_at(k);
    infinite += !n && rightly_infinite(k);
  }
  check_that(k->t, n || infinite,
             "KL(%s || %s): no derivative could be compared: kl is infinite, or its differences "
             "don't settle, at every parameter that was tried",
             k->row->q, k->row->p);
  return n;
}

void check_kl_gradient(trial *t)
{
  int n = 0;
  if (!has_kls(t)) return;
  for (uint32_t i = 0; i < pair_count(t) && !check_failed(t); i++) {
    pair k = { .row = NULL };
    if (!pair_bind(t, i, &k)) continue;
    k.t = t;
    n += kl_gradient_pair(&k);
  }
  check_says(t, "%d derivatives", n);
}
