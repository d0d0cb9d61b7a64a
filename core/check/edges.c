/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values outside and on the edge of the support, and parameters at random. */
#include "check/inside.h"

#include <math.h>

static bool all_finite(int n, const double *x)
{
  for (int i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}
static bool all_zero(int n, const double *x)
{
  for (int i = 0; i < n; i++)
    if (x[i] != 0) return false;
  return true;
}

/* Outside the closure: -inf and zeros. */
static void outside(trial *t, const double *y, const double *w)
{
  double dx[CHECK_MAX_E], dw[CHECK_MAX_W], f = ask_log_prob(t, y, w, dx, dw);
  place_text at = place_of(t, y, w);
  const char *advice = isinf(y[0]) ? ": an infinite value is outside, so look for it first, "
                                     "if (isinf(x[0])) .."
                                   : "";
  check_that(t, f == -INFINITY, "outside the support log_prob is %.9g, expected -inf, at %s%s", f,
             at.text, advice);
  check_that(t, all_zero(t->u.E, dx) && all_zero(t->u.W, dw),
             "outside the support a gradient is not 0 at %s%s", at.text, advice);
}

/* On the boundary: the limit, which may be infinite, and finite gradients. */
static void boundary(trial *t, const double *y, const double *w)
{
  double dx[CHECK_MAX_E], dw[CHECK_MAX_W], f = ask_log_prob(t, y, w, dx, dw);
  place_text at = place_of(t, y, w);
  check_that(t, !isnan(f), "on the boundary log_prob is NaN at %s", at.text);
  check_that(t, all_finite(t->u.E, dx) && all_finite(t->u.W, dw),
             "on the boundary a gradient is not finite at %s: where its limit is infinite, give 0",
             at.text);
}

/* The ends of a scalar's values, in x. */
static void ends_of(trial *t, const double *w, double *low, double *high)
{
  const elbo_family *f = t->u.family;
  static const double ends[][2] = {
    [ELBO_SUP_REAL] = { -INFINITY, INFINITY },
    [ELBO_SUP_POSITIVE] = { 0, INFINITY },
    [ELBO_SUP_UNIT] = { 0, 1 },
    [ELBO_SUP_INTERVAL] = { -INFINITY, INFINITY },
    [ELBO_SUP_CIRCLE] = { -M_PI, M_PI },
    [ELBO_SUP_BINARY] = { 0, 1 },
    [ELBO_SUP_CLASS] = { 0, INFINITY },
    [ELBO_SUP_COUNT] = { 0, INFINITY },
    [ELBO_SUP_GRID] = { 0, 1 },
  };
  *low = ends[f->support.kind][0];
  *high = f->support.kind == ELBO_SUP_CLASS ? t->u.K - 1 : ends[f->support.kind][1];
  if (f->support.range) f->support.range(w, t->u.K, low, high);
}

static void scalar_edges(trial *t, const double *w)
{
  const elbo_family *f = t->u.family;
  bool plain = f->value_form == ELBO_X_PLAIN, discrete = family_is_discrete(f);
  double low, high, y, infinite[] = { -INFINITY, INFINITY };
  ends_of(t, w, &low, &high);
  for (int side = 0; side < 2; side++) {
    double end = side ? high : low, sign = side ? 1 : -1;
    if (isfinite(end) && plain) {
      double far[] = { end + sign * (0.01 + 1e-6 * fabs(end)), end + sign * 7.5, sign * 1e300 };
      for (int i = 0; i < 3; i++) outside(t, &far[i], w);
      if (!discrete) boundary(t, &end, w);
    }
    if (plain) outside(t, &infinite[side], w);
    /* In log and logit form an infinite value is x = 0, 1 or inf. */
    if (!plain) boundary(t, &infinite[side], w);
    if (isfinite(end) && !plain && end != 0 && f->value_form == ELBO_X_LOG) {
      y = log(end) + sign * 0.1;
      outside(t, &y, w);
    }
  }
  y = NAN;
  double f_nan = ask_log_prob(t, &y, w, NULL, NULL);
  if (!discrete)
    check_that(t, !(f_nan > -INFINITY), "log_prob of a NaN is %g, expected NaN or -inf", f_nan);
  if (discrete && f->support.kind != ELBO_SUP_GRID) {
    y = 0.5;
    outside(t, &y, w);
  }
}

static void vector_edges(trial *t, const double *w)
{
  double y[CHECK_MAX_E] = { 0 },
         level = t->u.family->value_form == ELBO_X_PLAIN ? 1.0 / t->u.E : -log((double)t->u.E);
  bool simplex = t->u.family->support.kind == ELBO_SUP_SIMPLEX;
  for (int k = 0; k < t->u.E; k++) y[k] = simplex ? level : 0;
  if (!simplex) {
    y[0] = INFINITY;
    outside(t, y, w);
    return;
  }
  if (t->u.family->value_form == ELBO_X_PLAIN) {
    y[0] = -0.25;
    y[1] += 0.25 + level;
    outside(t, y, w);
    return;
  }
  y[0] = -INFINITY;
  for (int k = 1; k < t->u.E; k++) y[k] = -log((double)t->u.E - 1);
  boundary(t, y, w);
}

void check_edges(trial *t)
{
  double w[CHECK_MAX_W];
  int n = 0;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    if (!grid_at(t, i, w)) continue;
    n++;
    if (t->u.family->event_rank)
      vector_edges(t, w);
    else
      scalar_edges(t, w);
  }
  check_says(t, "%d parameters", n);
}

/* ---- random parameters: any that a float network may put out, and values near and far */
static bool wild(trial *t, uint32_t i, double *w)
{
  elbo_noise e = check_noise(99, i);
  double low, high, size = i % 3 == 0 ? 6 : i % 3 == 1 ? 1.5 : 0.3;
  grid_moderate(t, i, w);
  for (int k = 0; k < t->u.W; k++)
    if (grid_learned(t, k)) w[k] = size * noise_normal(&e);
  const elbo_family *f = t->u.family;
  return !f->support.range || (f->support.range(w, t->u.K, &low, &high) == ELBO_OK && low <= high);
}

static bool wild_value(trial *t, uint32_t i, const double *w, double *y)
{
  elbo_noise e = check_noise(98, i);
  const elbo_family *f = t->u.family;
  if (family_is_discrete(f)) {
    y[0] = discrete_point(t, i % 2 ? i % 7 : i % 300, w);
    return !isnan(y[0]);
  }
  if (i % 2 && ask_draw(t, &e, w, y) == ELBO_OK) return all_finite(t->u.E, y);
  double sum = 0;
  for (int k = 0; k < t->u.E; k++) {
    y[k] = noise_normal(&e) * (i % 5 ? 2 : 30);
    if (f->support.kind == ELBO_SUP_UNIT && f->value_form == ELBO_X_PLAIN) y[k] = noise_uniform(&e);
    if (f->support.kind == ELBO_SUP_POSITIVE && f->value_form == ELBO_X_PLAIN) y[k] = exp(y[k] / 4);
    sum += exp(y[k]);
  }
  for (int k = 0; f->support.kind == ELBO_SUP_SIMPLEX && k < t->u.E; k++) {
    y[k] -= log(sum);
    if (f->value_form == ELBO_X_PLAIN) y[k] = exp(y[k]);
  }
  return true;
}

void check_finite(trial *t)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E], dx[CHECK_MAX_E], dw[CHECK_MAX_W];
  int n = 0, most = t->thorough ? 100000 : 10000;
  for (int i = 0; i < most && !check_failed(t); i++) {
    if (!wild(t, (uint32_t)i, w) || !wild_value(t, (uint32_t)i, w, y)) continue;
    n++;
    double f = ask_log_prob(t, y, w, dx, dw);
    bool number = !isnan(f);
    for (int k = 0; k < t->u.E; k++) number = number && !isnan(dx[k]);
    for (int k = 0; k < t->u.W; k++) number = number && !isnan(dw[k]);
    if (!number)
      check_that(t, false, "NaN in log_prob = %g or its gradients at %s%s", f,
                 place_of(t, y, w).text, underflow_of(y[0]));
  }
  check_says(t, "%d parameters and values", n);
}
