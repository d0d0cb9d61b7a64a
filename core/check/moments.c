/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entropy, mean, variance, mode and divergences against quadrature. */
#include "check/inside.h"
#include "dist/exponential.h"

#include <math.h>
#include <string.h>

/* ---- functions of an event; shifted by `about` so that a variance does not cancel */
typedef struct {
  trial *t;
  int k;
  double about;
} moment_of;
static double plain(const moment_of *m, const double *y)
{
  double x[CHECK_MAX_E];
  value_to_plain(m->t->u.family->value_form, m->t->u.E, y, x);
  return x[m->k] - m->about;
}
static double first(void *arg, const double *y, double f)
{
  return (void)f, plain(arg, y);
}
static double second(void *arg, const double *y, double f)
{
  double x = plain(arg, y);
  return (void)f, x * x;
}
static double size_of(void *arg, const double *y, double f)
{
  return (void)f, fabs(plain(arg, y));
}
static double surprise(void *arg, const double *y, double f)
{
  return (void)arg, (void)y, -f;
}
static double cosine(void *arg, const double *y, double f)
{
  return (void)f, cos(plain(arg, y));
}
static double sine(void *arg, const double *y, double f)
{
  return (void)f, sin(plain(arg, y));
}

static bool circular(const trial *t)
{
  return t->u.family->support.kind == ELBO_SUP_CIRCLE;
}

/* What quadrature says; size: of what cancels in it. */
static expected entropy_of(trial *t, const double *w, int k, double *size)
{
  (void)k;
  expected e = expectation(t, w, surprise, NULL);
  *size = 1 + fabs(e.value);
  return e;
}
static expected mean_of(trial *t, const double *w, int k, double *size)
{
  moment_of m = { t, k, 0 };
  if (circular(t)) {
    expected c = expectation(t, w, cosine, &m), s = expectation(t, w, sine, &m);
    double r = hypot(c.value, s.value);
    *size = 1 / r;
    return (expected){ atan2(s.value, c.value), c.error + s.error, 0, r < 1e-6 };
  }
  expected e = expectation(t, w, first, &m), a = expectation(t, w, size_of, &m);
  *size = a.value;
  e.cut = e.cut || a.cut;
  return e;
}
static expected variance_of(trial *t, const double *w, int k, double *size)
{
  expected m = mean_of(t, w, k, size);
  if (circular(t)) {
    moment_of z = { t, k, 0 };
    expected c = expectation(t, w, cosine, &z), s = expectation(t, w, sine, &z);
    *size = 1;
    return (expected){ 1 - hypot(c.value, s.value), c.error + s.error, 0, false };
  }
  moment_of about = { t, k, m.value };
  expected e = expectation(t, w, second, &about);
  *size = e.value;
  e.cut = e.cut || m.cut || !isfinite(e.value);
  return e;
}

typedef expected moment_by(trial *, const double *w, int k, double *size);

static int one_moment(trial *t, const double *w, int which, moment_by *by, const char *name)
{
  double out[CHECK_MAX_E], size;
  int n = 0, numbers = which == ELBO_ENTROPY ? 1 : t->u.E;
  elbo_rc rc = ask_moment(t, which, w, out);
  if (rc == ELBO_UNSUPPORTED) return 0;
  for (int k = 0; k < numbers && !check_failed(t); k++) {
    expected e = by(t, w, k, &size);
    if (e.cut || !isfinite(e.value) || !isfinite(size)) continue;
    n++;
    check_that(t, rc == ELBO_OK, "%s answers %d, but quadrature gives %.9g at %s", name, (int)rc,
               e.value, place_of(t, NULL, w).text);
    check_that(t, rc != ELBO_OK || fabs(out[k] - e.value) <= 1e-7 * size + 30 * e.error,
               "%s: found %.12g, quadrature gives %.12g (error %.1g) at %s", name, out[k], e.value,
               e.error, place_of(t, NULL, w).text);
  }
  return n;
}

static bool has_moment(trial *t)
{
  if (!t->u.family->moment) check_absent(t, "moment is not provided");
  return t->u.family->moment;
}

static bool two_dimensions(trial *t)
{
  const elbo_family *f = t->u.family;
  return !f->event_rank || check_dim(t, f->support.kind == ELBO_SUP_SIMPLEX ? 3 : 2);
}

static void moments(trial *t, int which, moment_by *by, const char *name)
{
  double w[CHECK_MAX_W];
  int n = 0;
  if (!has_moment(t) || !two_dimensions(t)) return;
  bool vector = t->u.family->event_rank;
  int most = !vector ? grid_size(t) : t->thorough ? 3 : 1;
  for (int i = 0; i < most && !check_failed(t); i++) {
    if (!(vector ? grid_vector(t, i, w) : grid_at(t, i, w))) continue;
    n += one_moment(t, w, which, by, name);
  }
  check_says(t, "%d values", n);
  if (!n) check_absent(t, "not provided, or nowhere within the reach of quadrature");
}

void check_entropy(trial *t)
{
  moments(t, ELBO_ENTROPY, entropy_of, "entropy");
}
void check_mean(trial *t)
{
  moments(t, ELBO_MEAN, mean_of, "mean");
}
void check_variance(trial *t)
{
  moments(t, ELBO_VARIANCE, variance_of, "variance");
}

/* ---- mode: of the density of x */
static void no_higher(trial *t, const double *w, const double *mode, double top, const double *y)
{
  double f = ask_log_prob(t, y, w, NULL, NULL);
  check_that(t, !(f > top + 1e-9 * fmax(1, fabs(top))),
             "log_prob is %.12g at the mode %.9g and %.12g at %s", top, mode[0], f,
             place_of(t, y, w).text);
}

static int mode_at(trial *t, const double *w)
{
  double x[CHECK_MAX_E], y[CHECK_MAX_E], mode[CHECK_MAX_E], v[SPACE_MAX];
  const elbo_family *f = t->u.family;
  elbo_rc rc = ask_moment(t, ELBO_MODE, w, x);
  if (rc != ELBO_OK) return 0;
  value_from_plain(f->value_form, t->u.E, x, mode);
  double top = ask_log_prob(t, mode, w, NULL, NULL);
  if (family_is_discrete(f)) {
    for (uint64_t i = 0; i < 2000 && !isnan(y[0] = discrete_point(t, i, w)); i++)
      no_higher(t, w, mode, top, y);
    return 1;
  }
  space s;
  if (!space_open(&s, t, w)) return 0;
  for (int i = 0; i < 4 * space_count(t); i++) {
    space_points(&s, i % space_count(t), v);
    for (int k = 0; k < s.D; k++)
      v[k] = s.mode[k] + (v[k] - s.mode[k]) / (1 << (3 * (i / space_count(t))));
    space_value(&s, v, y);
    no_higher(t, w, mode, top, y);
  }
  for (int i = -30; i <= 30 && s.D == 1 && isfinite(mode[0]); i++) {
    double near =
        s.scale[0] * (isfinite(s.low) || isfinite(s.high) ? fmax(1e-3, fabs(mode[0])) : 1);
    y[0] = mode[0] + near * sinh(0.2 * i) * 0.05;
    if (y[0] > s.low && y[0] < s.high) no_higher(t, w, mode, top, y);
  }
  return 1;
}

void check_mode(trial *t)
{
  double w[CHECK_MAX_W];
  int n = 0;
  if (!has_moment(t) || !two_dimensions(t)) return;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++)
    if (grid_at(t, i, w)) n += mode_at(t, w);
  check_says(t, "%d parameters", n);
  if (!n) check_absent(t, "not provided");
}

/* ---- divergences */
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
  return f - ask_log_prob(&k->p, y2, k->w2, NULL, NULL);
}

static int kl_at(trial *t, pair *k)
{
  double found = ask_kl(t, k, NULL, NULL);
  place_text q = place_of(&k->q, NULL, k->w), p = place_of(&k->p, NULL, k->w2);
  check_that(t, !isnan(found), "KL(%s || %s) is NaN at %s and %s", k->row->q, k->row->p, q.text,
             p.text);
  if (found == INFINITY) return 0;
  expected e = expectation(&k->q, k->w, log_ratio, k);
  if (e.cut || !isfinite(e.value)) return 0;
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

void check_kl(trial *t)
{
  int n = 0, pairs = 0;
  if (!has_kls(t)) return;
  for (uint32_t i = 0; i < pair_count(t); i++) {
    pair k = { .row = NULL };
    if (!pair_bind(t, i, &k)) continue;
    pairs++;
    for (int a = 0; a < side_length(t); a++)
      for (int b = 0; b < side_length(t) && !check_failed(t); b++) {
        if (grid_moderate(&k.q, (uint32_t)a, k.w) && grid_moderate(&k.p, (uint32_t)(b + 50), k.w2))
          n += kl_at(t, &k);
      }
  }
  check_says(t, "%d pairs, %d values", pairs, n);
}

#define ROUNDING 1e-14

void check_kl_zero(trial *t)
{
  int n = 0;
  for (uint32_t i = 0; i < t->u.family->n_kls; i++) {
    pair k = { .row = NULL };
    double dw[CHECK_MAX_W], dw2[CHECK_MAX_W];
    const char *name = t->u.family->kls[i].q;
    if (strcmp(name, t->u.family->kls[i].p) || !pair_bind(t, i, &k)) continue;
    for (int a = 0; a < grid_size(t) && !check_failed(t); a++) {
      if (!grid_at(t, a, k.w)) continue;
      n++;
      memcpy(k.w2, k.w, sizeof k.w);
      double zero = ask_kl(t, &k, dw, dw2);
      check_that(t, fabs(zero) <= ROUNDING, "KL(%s || itself) = %.3g at %s", name, zero,
                 place_of(t, NULL, k.w).text);
      for (int j = 0; j < t->u.W; j++) {
        if (!grid_learned(t, j)) continue;
        k.w2[j] += 1e-6;
        double near = ask_kl(t, &k, NULL, NULL);
        check_that(t, near >= -ROUNDING, "KL(%s || near itself) = %.3g < 0 at %s", name, near,
                   place_of(t, NULL, k.w).text);
        k.w2[j] = k.w[j];
      }
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

void check_kl_gradient(trial *t)
{
  int n = 0;
  if (!has_kls(t)) return;
  for (uint32_t i = 0; i < pair_count(t); i++) {
    pair k = { .row = NULL };
    if (!pair_bind(t, i, &k)) continue;
    k.t = t;
    for (uint32_t a = 0; a < 6 && !check_failed(t); a++) {
      if (grid_moderate(&k.q, a, k.w) && grid_moderate(&k.p, a + 50, k.w2)) n += kl_gradient_at(&k);
    }
  }
  check_says(t, "%d derivatives", n);
}
