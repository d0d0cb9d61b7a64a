/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The total in more dimensions than quadrature can do, from the family's own draws: for any region
 * of volume V the mean over draws of [x in the region] / (V f(x)) is 1 over the total of f (the
 * reciprocal importance sampling of Gelfand and Dey 1994 with a uniform density). The region is an
 * ellipsoid that holds about half of the mass, where f is nowhere small, so that the terms are
 * bounded. Coordinates: the value itself, or the log ratios of a simplex to its last corner. */
#include "check/inside.h"
#include "base/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 6, HALF = 2000, JUDGED = 4000, ROUNDS = 6 };

typedef struct {
  double mean[DIM], L[DIM][DIM], radius2, log_volume;
} ellipsoid;
typedef struct {
  trial *t;
  double w[CHECK_MAX_W];
  double c[HALF][DIM], d2[HALF], sorted[HALF];
} cloud;

static bool simplex(const trial *t)
{
  return t->u.family->support.kind == ELBO_SUP_SIMPLEX;
}

/* A draw -> its coordinates and the log density of these; false: none could be had. */
static bool spot(trial *t, const double *w, uint32_t seed, uint32_t i, double *c, double *f)
{
  double y[CHECK_MAX_E], slope = 0;
  elbo_noise e = check_noise(seed, i);
  uint32_t form = t->u.family->value_form;
  bool plain = form == ELBO_X_PLAIN;
  if (ask_draw(t, &e, w, y) != ELBO_OK) return false;
  for (int k = 0; k < DIM; k++) {
    c[k] = !simplex(t) ? y[k] : plain ? log(y[k] / y[DIM]) : y[k] - y[DIM];
    if (!isfinite(c[k])) return false;
    if (!simplex(t)) slope += form_log_slope(form, y[k]);
  }
  for (int k = 0; k <= DIM && simplex(t); k++) slope += plain ? log(y[k]) : y[k];
  *f = ask_log_prob(t, y, w, NULL, NULL) + slope;
  return true;
}

static double distance2(const ellipsoid *s, const double *c)
{
  double z[DIM], sum = 0;
  for (int i = 0; i < DIM; i++) {
    z[i] = c[i] - s->mean[i];
    for (int k = 0; k < i; k++) z[i] -= s->L[i][k] * z[k];
    z[i] /= s->L[i][i];
    sum += z[i] * z[i];
  }
  return sum;
}

/* The Cholesky factor of the covariance of the spots within radius2; false: it has none. */
static bool shape(cloud *a, ellipsoid *s)
{
  double sum[DIM] = { 0 };
  int n = 0;
  for (int i = 0; i < HALF; i++) {
    if (a->d2[i] > s->radius2) continue;
    n++;
    for (int k = 0; k < DIM; k++) sum[k] += a->c[i][k];
  }
  for (int k = 0; k < DIM; k++) s->mean[k] = sum[k] / n;
  memset(s->L, 0, sizeof s->L);
  for (int i = 0; i < HALF; i++)
    for (int j = 0; j < DIM && a->d2[i] <= s->radius2; j++)
      for (int k = 0; k <= j; k++)
        s->L[j][k] += (a->c[i][j] - s->mean[j]) * (a->c[i][k] - s->mean[k]) / n;
  for (int j = 0; j < DIM; j++)
    for (int k = 0; k <= j; k++) {
      for (int l = 0; l < k; l++) s->L[j][k] -= s->L[j][l] * s->L[k][l];
      if (j == k && !(s->L[j][j] > 0)) return false;
      s->L[j][k] = j == k ? sqrt(s->L[j][j]) : s->L[j][k] / s->L[k][k];
    }
  return true;
}

/* Steps towards the half that lies closest together: far draws of heavy tails have no say. */
static bool fit(cloud *a, ellipsoid *s)
{
  s->radius2 = INFINITY;
  for (int round = 0; round < ROUNDS; round++) {
    if (!shape(a, s)) return false;
    for (int i = 0; i < HALF; i++) a->sorted[i] = a->d2[i] = distance2(s, a->c[i]);
    sort_doubles(a->sorted, HALF);
    s->radius2 = a->sorted[HALF / 2];
  }
  /* of the ball of dimension 6: pi^3 R^6 / 6 */
  s->log_volume = 3 * log(M_PI) - log(6) + 3 * log(s->radius2);
  for (int k = 0; k < DIM; k++) s->log_volume += log(s->L[k][k]);
  return true;
}

static bool judge(cloud *a, const ellipsoid *s)
{
  double sum = 0, squares = 0, c[DIM], f;
  for (uint32_t i = 0; i < JUDGED; i++) {
    if (!spot(a->t, a->w, 32, i, c, &f)) return false;
    double term = distance2(s, c) <= s->radius2 ? exp(-f - s->log_volume) : 0;
    sum += term;
    squares += term * term;
  }
  double mean = sum / JUDGED, error = sqrt((squares / JUDGED - mean * mean) / JUDGED);
  check_that(a->t, fabs(mean - 1) <= 6 * error + 1e-6,
             "in %d dimensions the total is %.3g +- %.2g by the family's own draws, at %s", DIM,
             1 / mean, error / (mean * mean), place_of(a->t, NULL, a->w).text);
  return true;
}

int gap_test(trial *t)
{
  int n = 0;
  if (!check_dim(t, simplex(t) ? DIM + 1 : DIM) || (!own_road(t) && !t->u.family->draw)) return 0;
  cloud *a = malloc(sizeof *a);
  if (!check_that(t, a != NULL, "no memory")) return 0;
  a->t = t;
  for (uint32_t i = 0; i < (t->thorough ? 20 : 3) && !check_failed(t); i++) {
    ellipsoid s;
    double f;
    bool drawn = grid_moderate(t, i, a->w);
    for (uint32_t k = 0; k < HALF && drawn; k++) {
      drawn = spot(t, a->w, 31, k, a->c[k], &f);
      a->d2[k] = 0;
    }
    n += drawn && fit(a, &s) && judge(a, &s);
  }
  free(a);
  return n;
}
