/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expectations. Of one dimension by adaptive quadrature in r, v = mode + scale sinh r; of more by
 * the trapezoidal rule in the same r of each, which converges geometrically where the integrand is
 * analytic and falls off at both ends (Trefethen and Weideman 2014, theorem 5.1), and by nested
 * adaptive quadrature where that shows an error. Of a discrete family by a sum. */
#include "check/inside.h"
#include "base/sort.h"
#include "num/quadrature.h"

#include <math.h>
#include <string.h>

/* A NaN would be lost in a sum; here its place is known. */
static double log_prob_number(trial *t, const double *y, const double *w)
{
  double f = ask_log_prob(t, y, w, NULL, NULL);
  check_that(t, !isnan(f), "log_prob is NaN at %s%s", place_of(t, y, w).text, underflow_of(y[0]));
  return f;
}

/* ---- nested quadrature in r */
typedef struct {
  const space *s;
  event_function *phi;
  void *arg;
  int k; /* the coordinate being integrated */
  double v[SPACE_MAX], slope[SPACE_MAX];
  double error, edge; /* edge: the largest integrand met at an end that is not infinitely far */
} nested;

/* Relative error of an integral in more than one dimension. */
#define COARSE 1e-5

static double integrate_from(nested *n, int k);

static double integrand_at(void *arg, double r)
{
  nested *n = arg;
  const space *s = n->s;
  int k = n->k;
  double y[CHECK_MAX_E];
  n->v[k] = s->mode[k] + s->scale[k] * sinh(r);
  n->slope[k] = log(s->scale[k] * cosh(r));
  if (k + 1 < s->D) {
    double inner = integrate_from(n, k + 1);
    n->k = k;
    return inner;
  }
  double l = space_value(s, n->v, y);
  for (int j = 0; j <= k; j++) l += n->slope[j];
  double f = log_prob_number(s->t, y, s->w), mass = exp(f + l);
  return mass > 0 ? mass * n->phi(n->arg, y, f) : mass;
}

static const double marks[] = { -40, -20, -8, -4, -2, -1, 0, 1, 2, 4, 8, 20, 40 };
enum { MARKS = sizeof marks / sizeof *marks, MOST_MARKS = (1 + SPACE_PEAKS) * MARKS + 2 };

/* Marks around the mode and around every further peak, between first and last: at, rising. */
static int partition(const space *s, int k, double stretch, double shift, double first, double last,
                     double *at)
{
  int n = 0, kept = 1;
  at[n++] = first;
  for (int j = 0; j == 0 || j < s->peaks; j++)
    for (int i = 0; i < MARKS; i++) {
      double r = stretch * marks[i] + shift;
      if (j) r = asinh((s->peak[j] + s->width[j] * sinh(r) - s->mode[k]) / s->scale[k]);
      if (r > first + 1e-9 && r < last - 1e-9) at[n++] = r;
    }
  at[n++] = last;
  sort_doubles(at, (size_t)n);
  for (int i = 1; i < n; i++)
    if (at[i] > at[kept - 1]) at[kept++] = at[i];
  return kept;
}

static double integrate_over(nested *n, int k, double stretch, double shift)
{
  const space *s = n->s;
  double at[MOST_MARKS], error,
      first = fmax(asinh((s->first[k] - s->mode[k]) / s->scale[k]), marks[0]),
      last = fmin(asinh((s->last[k] - s->mode[k]) / s->scale[k]), marks[MARKS - 1]);
  int count = partition(s, k, stretch, shift, first, last, at);
  n->k = k;
  double tolerance = s->D == 1 ? 1e-10 : k ? 1e-7 : COARSE;
  double sum = quadrature(integrand_at, n, at, count, tolerance, &error);
  if (k == 0) {
    n->error = fmax(n->error, error);
    n->edge = fabs(integrand_at(n, first)) + fabs(integrand_at(n, last));
  }
  return sum;
}

/* Over two partitions: at a kink the error estimate of one may be small by chance. The second has
 * the mode inside a piece. */
static double integrate_from(nested *n, int k)
{
  double sum = integrate_over(n, k, 1, 0);
  if (n->s->D > 1 && k == 0) n->error = fmax(n->error, COARSE * fabs(sum));
  if (n->s->D > 1) return sum;
  double again = integrate_over(n, k, 0.87, 0.05);
  n->error = fmax(n->error, fabs(again - sum));
  return again;
}

/* ---- the trapezoidal rule over a lattice in r, v = mode + L sinh r: L L' is the covariance of the
 * normal density that has the curvature of this one at its mode, so that ridges lie along axes */
typedef double square[SPACE_MAX][SPACE_MAX];
typedef struct {
  const space *s;
  event_function *phi;
  void *arg;
  square L;
  double log_det;
  double low[SPACE_MAX], high[SPACE_MAX]; /* of r */
  double r[SPACE_MAX], step;
  double edge; /* the part of the sum that lies on the surface */
} lattice;

static double log_at(const lattice *l, const double *r, double *y, double *f)
{
  const space *s = l->s;
  double v[SPACE_MAX], slope = l->log_det;
  for (int k = 0; k < s->D; k++) {
    v[k] = s->mode[k];
    for (int j = 0; j < s->D; j++) v[k] += l->L[k][j] * sinh(r[j]);
    slope += log(cosh(r[k]));
  }
  slope += space_value(s, v, y);
  return (*f = log_prob_number(s->t, y, s->w)) + slope;
}

static double shifted(const lattice *l, int i, double di, int j, double dj)
{
  const space *s = l->s;
  double v[SPACE_MAX], y[CHECK_MAX_E];
  memcpy(v, s->mode, sizeof v);
  v[i] += di * s->scale[i];
  v[j] += dj * s->scale[j];
  return space_density(s, v, y);
}

/* Minus the second derivatives at the mode, in units of the scales. */
static void curvature(const lattice *l, square H)
{
  const double h = 0.3;
  double top = shifted(l, 0, 0, 0, 0);
  for (int i = 0; i < l->s->D; i++)
    for (int j = 0; j <= i; j++)
      H[i][j] = i == j ? (2 * top - shifted(l, i, h, i, 0) - shifted(l, i, -h, i, 0)) / (h * h)
                       : (shifted(l, i, h, j, -h) + shifted(l, i, -h, j, h) -
                          shifted(l, i, h, j, h) - shifted(l, i, -h, j, -h)) /
                             (4 * h * h);
}

/* H = M M' in place, lower. false: not positive. */
static bool cholesky(int D, square H)
{
  for (int i = 0; i < D; i++)
    for (int j = 0; j <= i; j++) {
      double sum = H[i][j];
      for (int k = 0; k < j; k++) sum -= H[i][k] * H[j][k];
      if (i == j && !(sum > 1e-6)) return false;
      H[i][j] = i == j ? sqrt(sum) : sum / H[j][j];
    }
  return true;
}

/* L = M'^-1 in the units of the scales, upper; where the curvature tells nothing the scales alone.
 */
static void align(lattice *l)
{
  int D = l->s->D;
  square M = { { 0 } };
  curvature(l, M);
  bool curved = cholesky(D, M);
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D && !curved; j++) M[i][j] = i == j;
  l->log_det = 0;
  for (int j = 0; j < D; j++)
    for (int i = j; i >= 0; i--) {
      double sum = i == j;
      for (int k = i + 1; k <= j; k++) sum -= M[k][i] * l->L[k][j];
      l->L[i][j] = sum / M[i][i];
    }
  for (int i = 0; i < D; i++) {
    for (int j = 0; j < D; j++) l->L[i][j] *= l->s->scale[i];
    l->log_det += log(l->L[i][i]);
  }
}

/* How far out along axis k, seen from the mode, there is mass; and further, since away from the
 * modes of the others it lies elsewhere and falls more slowly. */
static double reach_of(const lattice *l, int k, int side)
{
  int far = l->s->D > 2 ? 40 : 100;
  double fallen = l->s->D > 2 ? 24 : 30;
  double r[SPACE_MAX] = { 0 }, y[CHECK_MAX_E], f, last = 0, top = log_at(l, r, y, &f);
  for (int i = 1; i <= far; i++) {
    r[k] = side * 0.25 * i;
    if (log_at(l, r, y, &f) > top - fallen) last = 0.25 * i;
  }
  return side * (1.25 * last + 0.7);
}

static double lattice_sum(lattice *l, int k, bool surface)
{
  const space *s = l->s;
  double sum = 0, y[CHECK_MAX_E], f;
  int first = (int)(l->low[k] / l->step), last = (int)(l->high[k] / l->step);
  for (int i = first; i <= last; i++) { /* a kink at the mode is a point of every lattice */
    bool at_end = surface || i == first || i == last;
    l->r[k] = l->step * i;
    if (k + 1 < s->D && k + 1 < SPACE_MAX) {
      sum += l->step * lattice_sum(l, k + 1, at_end);
      continue;
    }
    double mass = exp(log_at(l, l->r, y, &f)), term = mass > 0 ? mass * l->phi(l->arg, y, f) : mass;
    sum += l->step * term;
    if (at_end) l->edge += pow(l->step, s->D) * fabs(term);
  }
  return sum;
}

static void span(lattice *l)
{
  align(l);
  for (int k = 0; k < l->s->D; k++) {
    l->low[k] = reach_of(l, k, -1);
    l->high[k] = reach_of(l, k, 1);
  }
}

static double points_of(const lattice *l, double step)
{
  double n = 1;
  for (int k = 0; k < l->s->D; k++) n *= (l->high[k] - l->low[k]) / step;
  return n;
}

bool grid_vector(trial *t, int i, double *w)
{
  enum { MOST = 24, SMALL = 12000 };
  for (uint32_t j = 0; j < MOST; j++) {
    space s;
    lattice l = { .s = &s };
    if (!grid_moderate(t, j, w) || !space_open(&s, t, w)) continue;
    span(&l);
    if (points_of(&l, 0.207) < SMALL && !i--) return true;
  }
  return false;
}

/* Twice, with steps whose ratio is no simple number: an error that the one has the other lacks. At
 * a kink the rule is of second order, which extrapolation takes away. */
static expected lattice_of(const space *s, event_function *phi, void *arg)
{
  double fine = s->D > 2 ? 0.29 : 0.207, coarse = sqrt(2) * fine;
  lattice l = { .s = s, .phi = phi, .arg = arg, .step = coarse };
  span(&l);
  if (points_of(&l, fine) > 3e5) return (expected){ NAN, INFINITY, INFINITY, true };
  double first = lattice_sum(&l, 0, false);
  l.step = fine;
  l.edge = 0;
  double second = lattice_sum(&l, 0, false), error = fabs(second - first);
  double value = error > 1e-4 * fabs(second) ? 2 * second - first : second;
  return (expected){ value, error, l.edge, l.edge > 1e-9 * fmax(1, fabs(value)) };
}

/* ---- sums */
double discrete_point(trial *t, uint64_t i, const double *w)
{
  const elbo_family *f = t->u.family;
  if (f->support_point) {
    note(t, "support_point", NULL, w);
    return f->support_point(&t->u.call, i, w);
  }
  if (f->support.kind == ELBO_SUP_BINARY) return i < 2 ? (double)i : NAN;
  if (f->support.kind == ELBO_SUP_CLASS) return i < (uint64_t)t->u.K ? (double)i : NAN;
  if (f->support.kind == ELBO_SUP_COUNT) return (double)i;
  double levels = NAN;
  for (uint32_t p = 0; p < f->n_params; p++)
    if (f->params[p].constraint == ELBO_INTEGER) levels = w[t->u.offset[p]];
  return (double)i < levels ? (double)i / (levels - 1) : NAN;
}

enum { MOST_TERMS = 100000 };

/* Of a support without end: the last of ever sparser points that still matters beside the highest,
 * so that a gap in front of a far peak is crossed. A peak at k is seen if it is wider than k / 50.
 */
static uint64_t last_seen(trial *t, const double *w)
{
  double top = -INFINITY;
  uint64_t last = 0;
  for (uint64_t i = 0; i < MOST_TERMS; i += 1 + i / 100) {
    double x = discrete_point(t, i, w), f = log_prob_number(t, &x, w);
    if (f > top - 41) last = i;
    top = fmax(top, f);
  }
  return last;
}

/* Of a support without end stops, behind the last point that was seen to matter, when what falls
 * off can't matter: when the last third of the terms, and at least 20 of them, lay below 1e-18 of
 * their peak. So many, as there may be gaps. */
static expected discrete_sum(trial *t, const double *w, event_function *phi, void *arg)
{
  expected e = { 0, 0, 0, false };
  double peak = 0;
  uint64_t small = 0; /* terms since the last that counts */
  bool endless = t->u.family->support.kind == ELBO_SUP_COUNT;
  uint64_t least = endless ? last_seen(t, w) : 0;
  for (uint64_t i = 0;; i++) {
    double x = discrete_point(t, i, w);
    if (isnan(x)) break;
    double f = log_prob_number(t, &x, w), mass = exp(f);
    if (mass > 0) e.value += mass * phi(arg, &x, f);
    peak = fmax(peak, mass);
    small = mass < 1e-18 * peak ? small + 1 : 0;
    if (endless && i > least && small > 20 + i / 3) break;
    if (i >= MOST_TERMS) return (expected){ e.value, INFINITY, INFINITY, true };
  }
  return e;
}

expected expectation(trial *t, const double *w, event_function *phi, void *arg)
{
  space s;
  if (family_is_discrete(t->u.family)) return discrete_sum(t, w, phi, arg);
  if (!space_open(&s, t, w)) return (expected){ NAN, INFINITY, 0, false };
  if (s.D > 1) {
    expected e = lattice_of(&s, phi, arg);
    if (s.D > 2 || e.cut || e.error <= 1e-3 * fabs(e.value)) return e;
  }
  nested n = { .s = &s, .phi = phi, .arg = arg };
  double value = integrate_from(&n, 0);
  return (expected){ value, n.error, n.edge, n.edge > 1e-9 * fmax(1, fabs(value)) };
}

static double unit(void *arg, const double *y, double f)
{
  return (void)arg, (void)y, (void)f, 1;
}

bool space_reached(trial *t, const double *w)
{
  const elbo_family *f = t->u.family;
  if (f->value_form != ELBO_X_PLAIN || f->event_rank || family_is_discrete(f)) return true;
  return !expectation(t, w, unit, NULL).cut;
}
