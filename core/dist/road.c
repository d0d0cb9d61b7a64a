/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roads: draws through a reparametrizer and back, row by row where it has a kernel, else event by
 * event; and draws without a gradient. */
#include "dist/batch.h"
#include "dist/calls.h"
#include "dist/event.h"

/* A row of no events tells whether the kernel serves the family. */
static bool serves(forward_f32 *forward, const family_use *u)
{
  float none[1] = { 0 };
  const float *w[FAMILY_MAX_PARAMS];
  elbo_noise_row noise = { .level = u->level };
  for (int p = 0; p < FAMILY_MAX_PARAMS; p++) w[p] = none;
  return forward(u->family, &u->call, &noise, 0, w, none) == ELBO_OK;
}

static void bind_fast(road_use *r)
{
  forward_f32 *forward = NULL;
  backward_f32 *backward = NULL;
  for (int level = r->family.level; level >= 0; level--) {
    if (!forward) forward = r->reparam->forward_f32[level];
    if (!backward) backward = r->reparam->backward_f32[level];
  }
  if (!forward || !backward || !serves(forward, &r->family)) return;
  r->forward = forward;
  r->backward = backward;
}

elbo_status road_bind(const registry *r, const family_use *u, const char *name, road_use *out,
                      error *e)
{
  const elbo_family *f = u->family;
  const char *wanted = name ? name : f->reparam;
  if (!wanted)
    return fail(e, ELBO_E_USAGE,
                "%s has no reparametrizer: its draws do not depend on its parameters in a "
                "differentiable way; "
                "observe it, or choose an estimator that needs none",
                f->name);
  const plugin *found = registry_find(r, ELBO_KIND_REPARAM, wanted, e);
  if (!found) return ELBO_E_USAGE;
  const elbo_reparam *reparam = found->info.table;
  const char *missing = reparam->missing ? reparam->missing(f) : NULL;
  if (missing)
    return fail(e, ELBO_E_USAGE, "%s can't be drawn by %s, which needs %s; %s%s", f->name, wanted,
                missing,
                f->reparam ? "its own reparametrizer is " : "it has no reparametrizer of its own",
                f->reparam ? f->reparam : "");
  *out = (road_use){ .reparam = reparam, .family = *u };
  bind_fast(out);
  return ELBO_DONE;
}

static void row_params(const family_use *u, const elbo_rows *w, size_t i, const float **row)
{
  for (uint32_t p = 0; p < u->family->n_params; p++) row[p] = w[p].at + i * w[p].stride;
}

/* One event's draw by any means. */
typedef elbo_rc draw_event(const elbo_reparam *, const family_use *, elbo_noise *, const double *w,
                           double *x);

static elbo_rc by_road(const elbo_reparam *p, const family_use *u, elbo_noise *e, const double *w,
                       double *x)
{
  return call_forward(p, u, e, w, x);
}

static elbo_rc by_draw(const elbo_reparam *p, const family_use *u, elbo_noise *e, const double *w,
                       double *x)
{
  (void)p;
  return call_draw(u, e, w, x);
}

static elbo_rc by_icdf(const elbo_reparam *p, const family_use *u, elbo_noise *e, const double *w,
                       double *x)
{
  (void)p;
  x[0] = call_icdf(u, noise_uniform(e), w);
  return ELBO_OK;
}

static elbo_rc draw_row(draw_event *draw, const elbo_reparam *p, const family_use *u, size_t i,
                        size_t d, const elbo_noise_row *noise, const elbo_rows *w, float *z)
{
  double wd[FAMILY_MAX_NUMBERS], x[FAMILY_MAX_NUMBERS];
  for (size_t j = 0; j < d; j++) {
    elbo_noise e = noise_of_event(noise, j);
    event_take(u, w, i, j, wd);
    elbo_rc rc = draw(p, u, &e, wd, x);
    if (rc != ELBO_OK) return rc;
    event_round(u->E, x, z + j * (size_t)u->E);
  }
  return ELBO_OK;
}

elbo_rc batch_draw(const road_use *r, size_t n, size_t d, const elbo_noise_row *rows,
                   const elbo_rows *w, float *z)
{
  const family_use *u = &r->family;
  for (size_t i = 0; i < n; i++) {
    const float *row[FAMILY_MAX_PARAMS];
    float *to = z + i * d * (size_t)u->E;
    row_params(u, w, i, row);
    elbo_rc rc =
        r->forward ? call_forward_f32(r->forward, u, &rows[i], d, row, to) : ELBO_UNSUPPORTED;
    if (rc == ELBO_UNSUPPORTED) rc = draw_row(by_road, r->reparam, u, i, d, &rows[i], w, to);
    if (rc != ELBO_OK) return rc;
  }
  return ELBO_OK;
}

static elbo_rc pull_row(const road_use *r, size_t i, size_t d, const float *z, const elbo_rows *w,
                        const float *dz, float *const *dw)
{
  const family_use *u = &r->family;
  double wd[FAMILY_MAX_NUMBERS], x[FAMILY_MAX_NUMBERS], dx[FAMILY_MAX_NUMBERS],
      g[FAMILY_MAX_NUMBERS];
  for (size_t j = 0; j < d; j++) {
    size_t event = i * d + j, at = event * (size_t)u->E;
    event_take(u, w, i, j, wd);
    event_widen(u->E, z + at, x);
    event_widen(u->E, dz + at, dx);
    elbo_rc rc = call_backward(r->reparam, u, x, wd, dx, g);
    if (rc != ELBO_OK) return rc;
    event_put(u, g, event, dw);
  }
  return ELBO_OK;
}

elbo_rc batch_pull(const road_use *r, size_t n, size_t d, const float *z, const elbo_rows *w,
                   const float *dz, float *const *dw)
{
  const family_use *u = &r->family;
  for (size_t i = 0; i < n; i++) {
    const float *row[FAMILY_MAX_PARAMS];
    float *to[FAMILY_MAX_PARAMS];
    size_t at = i * d * (size_t)u->E;
    row_params(u, w, i, row);
    for (uint32_t p = 0; p < u->family->n_params; p++) to[p] = dw[p] + i * d * (size_t)u->width[p];
    elbo_rc rc = r->backward ? call_backward_f32(r->backward, u, d, z + at, row, dz + at, to)
                             : ELBO_UNSUPPORTED;
    if (rc == ELBO_UNSUPPORTED) rc = pull_row(r, i, d, z, w, dz, dw);
    if (rc != ELBO_OK) return rc;
  }
  return ELBO_OK;
}

static bool has_icdf(const family_use *u)
{
  return u->family->icdf && !u->family->event_rank;
}

/* Samples that hang together want a draw that is monotone in one uniform, where there is one. */
static draw_event *plain_draw(const family_use *u, noise_kind noise)
{
  if (has_icdf(u) && (noise != NOISE_IID || !u->family->draw)) return by_icdf;
  return u->family->draw ? by_draw : NULL;
}

uint32_t draw_noise(const family_use *u)
{
  return !u->family->reparam && has_icdf(u) ? 1 : u->family->noise_per_event;
}

elbo_rc batch_sample(const registry *r, const family_use *u, size_t n, size_t d,
                     const elbo_noise_row *rows, const elbo_rows *w, float *z)
{
  road_use road;
  if (u->family->reparam && !road_bind(r, u, NULL, &road, NULL))
    return batch_draw(&road, n, d, rows, w, z);
  draw_event *draw = plain_draw(u, n ? rows->tie.kind : NOISE_IID);
  if (!draw) return ELBO_UNSUPPORTED;
  for (size_t i = 0; i < n; i++) {
    elbo_rc rc = draw_row(draw, NULL, u, i, d, &rows[i], w, z + i * d * (size_t)u->E);
    if (rc != ELBO_OK) return rc;
  }
  return ELBO_OK;
}
