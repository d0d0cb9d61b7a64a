/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Densities, divergences and moments over blocks of rows: the plugin's kernel, or its double
 * function event by event, a row summed from its first event to its last. */
#include "dist/batch.h"
#include "dist/calls.h"
#include "dist/event.h"
#include "dist/exponential.h"

#include <string.h>

static double log_prob_event(const family_use *u, size_t i, size_t j, size_t d, elbo_rows x,
                             const elbo_rows *w, float *dx, float *const *dw)
{
  double xd[FAMILY_MAX_NUMBERS], wd[FAMILY_MAX_NUMBERS], gx[FAMILY_MAX_NUMBERS],
      gw[FAMILY_MAX_NUMBERS];
  size_t E = (size_t)u->E, event = i * d + j;
  event_widen(u->E, x.at + i * x.stride + j * E, xd);
  event_take(u, w, i, j, wd);
  double v = call_log_prob(u, xd, wd, dx ? gx : NULL, dw ? gw : NULL);
  if (dx) event_round(u->E, gx, dx + event * E);
  if (dw) event_put(u, gw, event, dw);
  return v;
}

elbo_rc batch_log_prob(const family_use *u, size_t n, size_t d, elbo_rows x, const elbo_rows *w,
                       float *value, float *dx, float *const *dw)
{
  if (u->log_prob_f32) return call_log_prob_f32(u, n, d, x, w, value, dx, dw);
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += log_prob_event(u, i, j, d, x, w, dx, dw);
    value[i] = (float)sum;
  }
  return ELBO_OK;
}

/* x log f(1) + (1 - x) log f(0) of one event of a binary family; a point of weight 0 does not
 * count, whatever its density. */
static double between_event(const family_use *u, size_t i, size_t j, size_t d, elbo_rows x,
                            const elbo_rows *w, float *const *dw)
{
  double at = (double)x.at[i * x.stride + j], sum = 0;
  double wd[FAMILY_MAX_PARAMS], g[FAMILY_MAX_PARAMS], total[FAMILY_MAX_PARAMS] = { 0 };
  event_take(u, w, i, j, wd);
  for (int point = 0; point < 2; point++) {
    double weight = point ? at : 1 - at, where = point;
    if (weight == 0) continue;
    sum += weight * call_log_prob(u, &where, wd, NULL, g);
    for (int k = 0; k < u->W; k++) total[k] += weight * g[k];
  }
  if (dw) event_put(u, total, i * d + j, dw);
  return sum;
}

elbo_rc batch_log_prob_between(const family_use *u, size_t n, size_t d, elbo_rows x,
                               const elbo_rows *w, float *value, float *dx, float *const *dw)
{
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
      sum += between_event(u, i, j, d, x, w, dw);
      if (dx) dx[i * d + j] = 0;
    }
    value[i] = (float)sum;
  }
  return ELBO_OK;
}

static bool kl_find_in(const family_use *from, const family_use *q, const family_use *p,
                       kl_use *out)
{
  const elbo_family *f = from->family;
  for (uint32_t i = 0; i < f->n_kls; i++) {
    if (strcmp(f->kls[i].q, q->family->name) || strcmp(f->kls[i].p, p->family->name)) continue;
    *out = (kl_use){ .row = &f->kls[i], .q = *q, .p = *p, .call = from->call };
    for (int level = from->level; level >= 0 && !out->f32; level--)
      out->f32 = f->kls[i].kl_f32[level];
    return true;
  }
  return false;
}

bool kl_find(const registry *r, const family_use *q, const family_use *p, kl_use *out)
{
  (void)r;
  if (kl_find_in(q, q, p, out) || kl_find_in(p, q, p, out)) return true;
  *out = (kl_use){ .q = *q, .p = *p };
  return q->K == p->K && exponential_pair(q->family, p->family);
}

static double kl_event(const kl_use *k, size_t i, size_t j, size_t d, const elbo_rows *w,
                       const elbo_rows *w2, float *const *dw, float *const *dw2)
{
  double wd[FAMILY_MAX_NUMBERS], wd2[FAMILY_MAX_NUMBERS], g[FAMILY_MAX_NUMBERS],
      g2[FAMILY_MAX_NUMBERS];
  event_take(&k->q, w, i, j, wd);
  event_take(&k->p, w2, i, j, wd2);
  double v = call_kl(k, wd, wd2, dw ? g : NULL, dw2 ? g2 : NULL);
  if (dw) event_put(&k->q, g, i * d + j, dw);
  if (dw2) event_put(&k->p, g2, i * d + j, dw2);
  return v;
}

elbo_rc batch_kl(const kl_use *k, size_t n, size_t d, const elbo_rows *w, const elbo_rows *w2,
                 float *value, float *const *dw, float *const *dw2)
{
  if (k->f32) return call_kl_f32(k, n, d, w, w2, value, dw, dw2);
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += kl_event(k, i, j, d, w, w2, dw, dw2);
    value[i] = (float)sum;
  }
  return ELBO_OK;
}

elbo_rc batch_moment(const family_use *u, int which, size_t n, size_t d, const elbo_rows *w,
                     float *out)
{
  double wd[FAMILY_MAX_NUMBERS], x[FAMILY_MAX_NUMBERS];
  int numbers = which == ELBO_ENTROPY ? 1 : u->E;
  if (!u->family->moment && which != ELBO_ENTROPY) return ELBO_UNSUPPORTED;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++) {
      event_take(u, w, i, j, wd);
      elbo_rc rc = call_moment(u, which, wd, x);
      if (rc != ELBO_OK) return rc;
      event_round(numbers, x, out + (i * d + j) * (size_t)numbers);
    }
  return ELBO_OK;
}
