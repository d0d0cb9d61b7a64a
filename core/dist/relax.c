/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dist/relax.h"
#include "dist/calls.h"
#include "dist/event.h"

#include <string.h>

/* ---- binding */
static const elbo_relaxation *relaxation_of(const elbo_family *f)
{
  const elbo_relaxation *x = f->extension ? f->extension(ELBO_RELAXATION) : NULL;
  return x && x->size >= sizeof *x ? x : NULL;
}

/* A temperature, then the family's own parameters. */
static bool fits(const elbo_family *hard, const elbo_family *twin)
{
  bool same = twin->n_params == hard->n_params + 1 && !strcmp(twin->params[0].name, "temperature");
  for (uint32_t p = 0; same && p < hard->n_params; p++)
    same = twin->params[p + 1].constraint == hard->params[p].constraint;
  return same;
}

elbo_status relax_bind(const registry *r, const family_use *hard, relax_use *out, error *e)
{
  const elbo_family *f = hard->family;
  *out = (relax_use){ .relaxation = relaxation_of(f), .hard = *hard };
  if (!out->relaxation || !enumerate_points(hard))
    return fail(e, ELBO_E_USAGE, "%s has no relaxed twin; bernoulli and categorical have one",
                f->name);
  if (family_bind(r, out->relaxation->twin, hard->K, &out->twin, e)) return e->status;
  if (!fits(f, out->twin.family))
    return fail(e, ELBO_E_USAGE,
                "%s is said to be the relaxed twin of %s, but its parameters are not a temperature "
                "and then those of %s",
                out->twin.family->name, f->name, f->name);
  out->numbers = (size_t)out->twin.E;
  return road_bind(r, &out->twin, NULL, &out->road, e);
}

/* ---- the density between the points */
size_t enumerate_points(const family_use *u)
{
  return u->family->support.kind == ELBO_SUP_BINARY  ? 2
         : u->family->support.kind == ELBO_SUP_CLASS ? (size_t)u->K
                                                     : 0;
}

/* The share of point c of `points`, in y [1] of two, else [points]. */
static double share(const float *y, size_t points, size_t numbers, size_t c)
{
  return numbers == points ? (double)y[c] : c ? (double)y[0] : 1 - (double)y[0];
}

static double event_value(const family_use *u, size_t points, size_t numbers, const float *y,
                          const double *w, double *dy, double *dw)
{
  double one[FAMILY_MAX_NUMBERS], sum = 0;
  memset(dw, 0, (size_t)u->W * sizeof *dw);
  memset(dy, 0, numbers * sizeof *dy);
  for (size_t c = 0; c < points; c++) {
    double x = (double)c, a = share(y, points, numbers, c),
           log_f = call_log_prob(u, &x, w, NULL, one);
    if (a != 0) sum += a * log_f;
    for (int k = 0; k < u->W; k++) dw[k] += a * one[k];
    dy[numbers == points ? c : 0] += numbers == points || c ? log_f : -log_f;
  }
  return sum;
}

elbo_rc batch_log_prob_relaxed(const family_use *u, size_t n, size_t d, elbo_rows y,
                               const elbo_rows *w, float *value, float *dy, float *const *dw)
{
  size_t points = enumerate_points(u),
         numbers = points == 2 && u->family->support.kind == ELBO_SUP_BINARY ? 1 : points;
  double wd[FAMILY_MAX_NUMBERS], by_y[FAMILY_MAX_NUMBERS], by_w[FAMILY_MAX_NUMBERS];
  if (!points || points > FAMILY_MAX_NUMBERS) return ELBO_UNSUPPORTED;
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
      event_take(u, w, i, j, wd);
      sum += event_value(u, points, numbers, y.at + i * y.stride + j * numbers, wd, by_y, by_w);
      if (!dy) continue;
      event_round((int)numbers, by_y, dy + (i * d + j) * numbers);
      event_put(u, by_w, i * d + j, dw);
    }
    value[i] = (float)sum;
  }
  return ELBO_OK;
}

/* ---- from one twin to the other */
elbo_rc batch_harden(const relax_use *u, size_t n, size_t d, const float *y, float *x)
{
  double yd[FAMILY_MAX_NUMBERS], xd[FAMILY_MAX_NUMBERS];
  elbo_rc rc = ELBO_OK;
  for (size_t event = 0; event < n * d && rc == ELBO_OK; event++) {
    event_widen(u->twin.E, y + event * (size_t)u->twin.E, yd);
    rc = call_harden(u, yd, xd);
    event_round(u->hard.E, xd, x + event * (size_t)u->hard.E);
  }
  return rc;
}

elbo_rc batch_draw_given(const relax_use *u, size_t n, size_t d, const elbo_noise_row *rows,
                         const float *x, const elbo_rows *w, float *y)
{
  double wd[FAMILY_MAX_NUMBERS], xd[FAMILY_MAX_NUMBERS], yd[FAMILY_MAX_NUMBERS];
  elbo_rc rc = ELBO_OK;
  for (size_t event = 0; event < n * d && rc == ELBO_OK; event++) {
    elbo_noise noise = noise_of_event(&rows[event / d], event % d);
    event_take(&u->twin, w, event / d, event % d, wd);
    event_widen(u->hard.E, x + event * (size_t)u->hard.E, xd);
    rc = call_draw_given(u, &noise, xd, wd, yd);
    event_round(u->twin.E, yd, y + event * (size_t)u->twin.E);
  }
  return rc;
}

elbo_rc batch_pull_given(const relax_use *u, size_t n, size_t d, const float *y, const elbo_rows *w,
                         const float *dy, float *const *dw)
{
  double wd[FAMILY_MAX_NUMBERS], yd[FAMILY_MAX_NUMBERS], dyd[FAMILY_MAX_NUMBERS],
      by_w[FAMILY_MAX_NUMBERS];
  elbo_rc rc = ELBO_OK;
  for (size_t event = 0; event < n * d && rc == ELBO_OK; event++) {
    event_take(&u->twin, w, event / d, event % d, wd);
    event_widen(u->twin.E, y + event * (size_t)u->twin.E, yd);
    event_widen(u->twin.E, dy + event * (size_t)u->twin.E, dyd);
    rc = call_pull_given(u, yd, wd, dyd, by_w);
    event_put(&u->twin, by_w, event, dw);
  }
  return rc;
}
