/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entropy, mean, variance and mode against quadrature. */
#include "check/inside.h"
#include "dist/exponential.h"

#include <math.h>

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

static bool has_moment(trial *t, int which)
{
  const elbo_exponential *x = exponential_of(t->u.family);
  bool has = t->u.family->moment || (which == ELBO_ENTROPY && x && x->unit_base);
  if (!has) check_absent(t, "moment is not provided");
  return has;
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
  if (!has_moment(t, which) || !two_dimensions(t)) return;
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
  if (!has_moment(t, ELBO_MODE) || !two_dimensions(t)) return;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++)
    if (grid_at(t, i, w)) n += mode_at(t, w);
  check_says(t, "%d parameters", n);
  if (!n) check_absent(t, "not provided");
}
