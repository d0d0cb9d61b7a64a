/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The density: its total, its gradients, its score. */
#include "check/inside.h"

#include <math.h>
#include <string.h>

/* ---- total */
static double one(void *arg, const double *y, double f)
{
  return (void)arg, (void)y, (void)f, 1;
}

/* An event that quadrature can do, of so many dimensions. */
static bool in_dimensions(trial *t, int D)
{
  if (!t->u.family->event_rank) return true;
  return check_dim(t, t->u.family->support.kind == ELBO_SUP_SIMPLEX ? D + 1 : D);
}

/* How much may lie beyond the edge of what doubles reach, by the integrand there: it falls at least
 * by e^-r / 100. */
static const double beyond = 100;

typedef struct {
  double worst;
  int tried, cut;
} total_tally;

static void total_at(trial *t, const double *w, expected e, total_tally *n)
{
  if (e.cut && ++n->cut && e.edge > 1e-5) return;
  double off = fabs(e.value - 1);
  n->tried++;
  n->worst = fmax(n->worst, off);
  check_that(t, e.value != 0 && !isnan(e.value),
             "log_prob is finite nowhere, or at single points alone, at %s: are .support (a "
             "discrete one is a kind of its own) and .value_form those of the values it takes?",
             place_of(t, NULL, w).text);
  check_that(t, off <= 1e-7 + 10 * e.error + beyond * e.edge && off < 1e-3,
             "the total is %.12g (error %.1g) at %s", e.value, e.error, place_of(t, NULL, w).text);
}

/* Of a vector event first in two dimensions, then in three, where not every density can be
 * resolved. */
static void vector_totals(trial *t, total_tally *n)
{
  double w[CHECK_MAX_W];
  for (int D = 2; D <= 3 && in_dimensions(t, D); D++)
    for (int i = 0; i < (t->thorough ? grid_size(t) : 9 - 2 * D) && !check_failed(t); i++) {
      if (!(i ? grid_moderate(t, (uint32_t)i, w) : grid_at(t, i, w))) continue;
      expected e = expectation(t, w, one, NULL);
      if (D == 2 || e.error < 1e-4) total_at(t, w, e, n);
    }
}

static void scalar_totals(trial *t, total_tally *n)
{
  double w[CHECK_MAX_W];
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++)
    if (grid_at(t, i, w)) total_at(t, w, expectation(t, w, one, NULL), n);
}

void check_total(trial *t)
{
  total_tally n = { 0 };
  int draws = 0;
  if (t->u.family->event_rank) {
    vector_totals(t, &n);
    draws = gap_test(t);
  } else {
    scalar_totals(t, &n);
  }
  check_that(t, n.tried > 0, "no parameters at which the mass lies within the reach of doubles");
  check_says(t, "worst |total - 1| = %.1e over %d parameters%s%s", n.worst, n.tried,
             n.cut ? "; others reach beyond doubles" : "",
             draws ? "; in 6 dimensions by draws" : "");
}

/* ---- gradients */
typedef struct {
  trial *t;
  double y[CHECK_MAX_E], w[CHECK_MAX_W];
  double *moving;
} density_line;
static double density_at(void *arg, double at)
{
  density_line *l = arg;
  double keep = *l->moving;
  *l->moving = at;
  double f = ask_log_prob(l->t, l->y, l->w, NULL, NULL);
  *l->moving = keep;
  return f;
}

typedef struct {
  double worst;
  int compared, unclear;
} tally;

/* A difference whose own error is large says nothing, as at a kink. */
static void compare(density_line *l, double *moving, double found, bool by_value, int k, tally *n)
{
  double error, d;
  l->moving = moving;
  d = difference(density_at, l, *moving, &error);
  double slack = 1e-6 * fabs(d) + 30 * error + 1e-9;
  if (!(error <= 1e-4 * (fabs(d) + 1e-3))) {
    n->unclear++;
    return;
  }
  n->compared++;
  n->worst = fmax(n->worst, fabs(found - d) / fmax(1, fabs(d)));
  if (!(fabs(found - d) <= slack))
    check_that(l->t, false, "d log_prob / d %s: found %.12g, expected %.12g at %s%s",
               by_value ? value_name(l->t, k).text : number_name(l->t, k).text, found, d,
               place_of(l->t, l->y, l->w).text, slip_of(l->t, by_value ? -1 : k, l->w, found, d));
}

static void compare_all(density_line *l, bool by_value, tally *n)
{
  trial *t = l->t;
  double dx[CHECK_MAX_E], dw[CHECK_MAX_W];
  double f = ask_log_prob(t, l->y, l->w, dx, dw);
  if (!isfinite(f)) return;
  if (by_value)
    for (int k = 0; k < t->u.E; k++) compare(l, &l->y[k], dx[k], true, k, n);
  else
    for (int k = 0; k < t->u.W; k++)
      if (grid_learned(t, k)) compare(l, &l->w[k], dw[k], false, k, n);
}

/* A gradient by a point of a simplex is the ambient one; the density off the simplex is the
 * author's, where it has one. */
static void gradients(trial *t, bool by_value)
{
  tally n = { 0 };
  double v[SPACE_MAX];
  bool discrete = family_is_discrete(t->u.family);
  density_line l = { .t = t };
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    space s;
    if (!grid_at(t, i, l.w)) continue;
    if (!discrete && !space_open(&s, t, l.w)) continue;
    for (int k = 0; k < (discrete ? 6 : space_count(t)); k++) {
      if (discrete && isnan(l.y[0] = discrete_point(t, (uint64_t)(k * k), l.w))) break;
      if (!discrete) space_points(&s, k, v), space_value(&s, v, l.y);
      compare_all(&l, by_value, &n);
    }
  }
  check_that(t, n.compared > 0, "no derivative could be resolved by differences");
  check_says(t, "worst %.1e over %d derivatives, %d too steep or kinked to tell", n.worst,
             n.compared, n.unclear);
}

void check_by_value(trial *t)
{
  if (family_is_discrete(t->u.family))
    check_absent(t, "a discrete support");
  else if (t->u.family->support.kind == ELBO_SUP_SIMPLEX && t->u.family->value_form == ELBO_X_PLAIN)
    check_absent(t, "plain points of a simplex leave it when one number moves");
  else
    gradients(t, true);
}

void check_by_parameters(trial *t)
{
  if (!t->u.family->n_params)
    check_absent(t, "no parameters");
  else
    gradients(t, false);
}

/* ---- score: of each parameter its mean, beside its root mean square, which sets the scale */
typedef struct {
  trial *t;
  const double *w;
  int k;
} score_of;
static double score(void *arg, const double *y, double f)
{
  const score_of *s = arg;
  double dw[CHECK_MAX_W];
  (void)f;
  ask_log_prob(s->t, y, s->w, NULL, dw);
  return dw[s->k];
}
static double score_and_1(void *arg, const double *y, double f)
{
  return 1 + score(arg, y, f);
}
static double score_squared(void *arg, const double *y, double f)
{
  double s = score(arg, y, f);
  return s * s;
}

static bool excepted(const trial *t, int k)
{
  const elbo_family *f = t->u.family;
  return !grid_learned(t, k) ||
         f->params[param_index(t, k)].flags & (ELBO_MOVES_SUPPORT | ELBO_CONSTANT);
}

/* Does a value with a density lose it when working number k moves? */
static bool moves_support(trial *t, const double *w, int k)
{
  double moved[CHECK_MAX_W], v[SPACE_MAX], y[CHECK_MAX_E];
  space s;
  if (family_is_discrete(t->u.family) || !space_open(&s, t, w)) return false;
  memcpy(moved, w, sizeof(double) * (size_t)t->u.W);
  for (int i = 0; i < 4 * space_count(t); i++) {
    space_points(&s, i / 4, v);
    if (!isfinite(space_density(&s, v, y))) continue;
    moved[k] = w[k] + (i % 2 ? 1 : -1) * (i % 4 < 2 ? 0.01 : 3);
    if (ask_log_prob(t, y, moved, NULL, NULL) == -INFINITY) return true;
  }
  return false;
}

static const char *score_advice(trial *t, const double *w, int k)
{
  if (!(fabs(expectation(t, w, one, NULL).value - 1) < 1e-6))
    return "the density does not integrate to 1 there: see `total` first";
  return moves_support(t, w, k)
             ? "it moves the support: give its parameter the flag ELBO_MOVES_SUPPORT"
             : "it does not move the support: its derivative in dw, or how it enters the "
               "normaliser, is wrong; see `total` and `gradient_parameters`";
}

void check_score(trial *t)
{
  double w[CHECK_MAX_W], worst = 0;
  int tried = 0, learned = 0;
  if (!in_dimensions(t, 2)) return;
  int most = !t->u.family->event_rank ? grid_size(t) : t->thorough ? 3 : 1;
  for (int i = 0; i < most && !check_failed(t); i++) {
    bool vector = t->u.family->event_rank;
    if (!(vector ? grid_vector(t, i, w) : grid_at(t, i, w))) continue;
    for (int k = 0; k < t->u.W; k++) {
      score_of s = { t, w, k };
      if (excepted(t, k)) continue;
      learned++;
      expected mean = expectation(t, w, score_and_1, &s),
               size = expectation(t, w, score_squared, &s);
      size.value = sqrt(size.value);
      if (mean.cut || size.cut || !isfinite(size.value)) continue;
      tried++;
      double off = fabs(mean.value - 1);
      worst = fmax(worst, off / (1 + size.value));
      if (off <= 1e-6 * (1 + size.value) + 10 * mean.error) continue;
      check_that(t, false, "E[d log q / d %s] = %.3g, expected 0 (its deviation is %.3g) at %s: %s",
                 number_name(t, k).text, mean.value - 1, size.value, place_of(t, NULL, w).text,
                 score_advice(t, w, k));
    }
  }
  check_says(t, "worst %.1e of the deviation, %d means", worst, tried);
  if (!tried)
    check_absent(t, learned ? "nowhere within the reach of quadrature"
                            : "every parameter moves the support or is constant");
}
