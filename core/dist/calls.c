/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dist/calls.h"
#include "base/guard.h"
#include "dist/exponential.h"

#include <math.h>

/* Inputs and outputs of one event: n doubles. */
static const double *in(guard_set *s, const char *name, const double *from, int n)
{
  return guard_in(s, name, from, (size_t)n * sizeof *from);
}

static double *out(guard_set *s, const char *name, double *to, int n)
{
  return guard_out(s, name, to, (size_t)n * sizeof *to);
}

/* ---- events */
double call_log_prob(const family_use *u, const double *x, const double *w, double *dx, double *dw)
{
  if (!u->guards) return u->family->log_prob(&u->call, x, w, dx, dw);
  guard_set *s = guard_take(u->guards, "log_prob");
  if (!s) return NAN;
  x = in(s, "x", x, u->E);
  w = in(s, "w", w, u->W);
  dx = out(s, "dx", dx, u->E);
  dw = out(s, "dw", dw, u->W);
  double value = guard_short(s) ? NAN : u->family->log_prob(&u->call, x, w, dx, dw);
  guard_give(s);
  return value;
}

static double kl_of(const kl_use *k, const double *w, const double *w2, double *dw, double *dw2)
{
  return k->row ? k->row->kl(&k->call, w, w2, dw, dw2)
                : exponential_kl(&k->q, &k->p, w, w2, dw, dw2);
}

double call_kl(const kl_use *k, const double *w, const double *w2, double *dw, double *dw2)
{
  if (!k->q.guards) return kl_of(k, w, w2, dw, dw2);
  guard_set *s = guard_take(k->q.guards, "kl");
  if (!s) return NAN;
  w = in(s, "w", w, k->q.W);
  w2 = in(s, "w2", w2, k->p.W);
  dw = out(s, "dw", dw, k->q.W);
  dw2 = out(s, "dw2", dw2, k->p.W);
  double value = guard_short(s) ? NAN : kl_of(k, w, w2, dw, dw2);
  guard_give(s);
  return value;
}

/* The plugin's own word, and where it has none the entropy of an exponential family. */
static elbo_rc moment_of(const family_use *u, int which, const double *w, double *to)
{
  const elbo_family *f = u->family;
  elbo_rc rc = f->moment ? f->moment(&u->call, which, w, to) : ELBO_UNSUPPORTED;
  if (rc != ELBO_UNSUPPORTED || which != ELBO_ENTROPY) return rc;
  return exponential_entropy(u, w, to) ? ELBO_OK : ELBO_UNSUPPORTED;
}

elbo_rc call_moment(const family_use *u, int which, const double *w, double *to)
{
  if (!u->guards) return moment_of(u, which, w, to);
  guard_set *s = guard_take(u->guards, "moment");
  if (!s) return ELBO_FAILED;
  w = in(s, "w", w, u->W);
  to = out(s, "out", to, which == ELBO_ENTROPY ? 1 : u->E);
  elbo_rc rc = guard_short(s) ? ELBO_FAILED : moment_of(u, which, w, to);
  guard_give(s);
  return rc;
}

elbo_rc call_draw(const family_use *u, elbo_noise *noise, const double *w, double *x)
{
  if (!u->guards) return u->family->draw(&u->call, noise, w, x);
  guard_set *s = guard_take(u->guards, "draw");
  if (!s) return ELBO_FAILED;
  w = in(s, "w", w, u->W);
  x = out(s, "x", x, u->E);
  elbo_rc rc = guard_short(s) ? ELBO_FAILED : u->family->draw(&u->call, noise, w, x);
  guard_give(s);
  return rc;
}

double call_icdf(const family_use *u, double at, const double *w)
{
  if (!u->guards) return u->family->icdf(&u->call, at, w, NULL);
  guard_set *s = guard_take(u->guards, "icdf");
  if (!s) return NAN;
  w = in(s, "w", w, u->W);
  double x = guard_short(s) ? NAN : u->family->icdf(&u->call, at, w, NULL);
  guard_give(s);
  return x;
}

elbo_rc call_forward(const elbo_reparam *r, const family_use *u, elbo_noise *noise, const double *w,
                     double *x)
{
  if (!u->guards) return r->forward(u->family, &u->call, noise, w, x);
  guard_set *s = guard_take(u->guards, "forward");
  if (!s) return ELBO_FAILED;
  w = in(s, "w", w, u->W);
  x = out(s, "x", x, u->E);
  elbo_rc rc = guard_short(s) ? ELBO_FAILED : r->forward(u->family, &u->call, noise, w, x);
  guard_give(s);
  return rc;
}

elbo_rc call_backward(const elbo_reparam *r, const family_use *u, const double *x, const double *w,
                      const double *dx, double *dw)
{
  if (!u->guards) return r->backward(u->family, &u->call, x, w, dx, dw);
  guard_set *s = guard_take(u->guards, "backward");
  if (!s) return ELBO_FAILED;
  x = in(s, "x", x, u->E);
  w = in(s, "w", w, u->W);
  dx = in(s, "dx", dx, u->E);
  dw = out(s, "dw", dw, u->W);
  elbo_rc rc = guard_short(s) ? ELBO_FAILED : r->backward(u->family, &u->call, x, w, dx, dw);
  guard_give(s);
  return rc;
}

/* ---- a discrete family and its twin */
elbo_rc call_harden(const relax_use *u, const double *y, double *x)
{
  if (!u->hard.guards) return u->relaxation->harden(&u->hard.call, y, x);
  guard_set *s = guard_take(u->hard.guards, "harden");
  if (!s) return ELBO_FAILED;
  y = in(s, "y", y, u->twin.E);
  x = out(s, "x", x, u->hard.E);
  elbo_rc rc = guard_short(s) ? ELBO_FAILED : u->relaxation->harden(&u->hard.call, y, x);
  guard_give(s);
  return rc;
}

elbo_rc call_draw_given(const relax_use *u, elbo_noise *noise, const double *x, const double *w,
                        double *y)
{
  if (!u->hard.guards) return u->relaxation->draw_given(&u->hard.call, noise, x, w, y);
  guard_set *s = guard_take(u->hard.guards, "draw_given");
  if (!s) return ELBO_FAILED;
  x = in(s, "x", x, u->hard.E);
  w = in(s, "w", w, u->twin.W);
  y = out(s, "y", y, u->twin.E);
  elbo_rc rc =
      guard_short(s) ? ELBO_FAILED : u->relaxation->draw_given(&u->hard.call, noise, x, w, y);
  guard_give(s);
  return rc;
}

elbo_rc call_pull_given(const relax_use *u, const double *y, const double *w, const double *dy,
                        double *dw)
{
  if (!u->hard.guards) return u->relaxation->pull_given(&u->hard.call, y, w, dy, dw);
  guard_set *s = guard_take(u->hard.guards, "pull_given");
  if (!s) return ELBO_FAILED;
  y = in(s, "y", y, u->twin.E);
  w = in(s, "w", w, u->twin.W);
  dy = in(s, "dy", dy, u->twin.E);
  dw = out(s, "dw", dw, u->twin.W);
  elbo_rc rc =
      guard_short(s) ? ELBO_FAILED : u->relaxation->pull_given(&u->hard.call, y, w, dy, dw);
  guard_give(s);
  return rc;
}

/* ---- rows. One at a time, so that every row ends where its page begins; a row's bits do not
 * depend on the others. */
static const float *row_in(guard_set *s, const char *name, elbo_rows x, size_t i, size_t n)
{
  return guard_in(s, name, x.at + i * x.stride, n * sizeof(float));
}

static float *row_out(guard_set *s, const char *name, float *to, size_t i, size_t n)
{
  return guard_out(s, name, to ? to + i * n : NULL, n * sizeof(float));
}

static void params_in(guard_set *s, const char *name, const family_use *u, size_t d,
                      const elbo_rows *w, size_t i, elbo_rows *row)
{
  for (uint32_t p = 0; p < u->family->n_params; p++) {
    size_t n = d * (size_t)u->width[p];
    row[p] = (elbo_rows){ row_in(s, name, w[p], i, n), n };
  }
}

static void params_out(guard_set *s, const char *name, const family_use *u, size_t d,
                       float *const *dw, size_t i, float **row)
{
  for (uint32_t p = 0; p < u->family->n_params; p++)
    row[p] = row_out(s, name, dw ? dw[p] : NULL, i, d * (size_t)u->width[p]);
}

static elbo_rc log_prob_row(const family_use *u, size_t i, size_t d, elbo_rows x,
                            const elbo_rows *w, float *value, float *dx, float *const *dw)
{
  elbo_rows in_w[FAMILY_MAX_PARAMS];
  float *out_dw[FAMILY_MAX_PARAMS];
  size_t E = d * (size_t)u->E;
  guard_set *s = guard_take(u->guards, "log_prob_f32");
  if (!s) return ELBO_FAILED;
  elbo_rows in_x = { row_in(s, "x", x, i, E), E };
  params_in(s, "w", u, d, w, i, in_w);
  value = row_out(s, "value", value, i, 1);
  dx = row_out(s, "dx", dx, i, E);
  params_out(s, "dw", u, d, dw, i, out_dw);
  elbo_rc rc = guard_short(s)
                   ? ELBO_FAILED
                   : u->log_prob_f32(&u->call, 1, d, in_x, in_w, value, dx, dw ? out_dw : NULL);
  guard_give(s);
  return rc;
}

elbo_rc call_log_prob_f32(const family_use *u, size_t n, size_t d, elbo_rows x, const elbo_rows *w,
                          float *value, float *dx, float *const *dw)
{
  if (!u->guards) return u->log_prob_f32(&u->call, n, d, x, w, value, dx, dw);
  elbo_rc rc = ELBO_OK;
  for (size_t i = 0; i < n && rc == ELBO_OK; i++) rc = log_prob_row(u, i, d, x, w, value, dx, dw);
  return rc;
}

static elbo_rc kl_row(const kl_use *k, size_t i, size_t d, const elbo_rows *w, const elbo_rows *w2,
                      float *value, float *const *dw, float *const *dw2)
{
  elbo_rows in_w[FAMILY_MAX_PARAMS], in_w2[FAMILY_MAX_PARAMS];
  float *out_dw[FAMILY_MAX_PARAMS], *out_dw2[FAMILY_MAX_PARAMS];
  guard_set *s = guard_take(k->q.guards, "kl_f32");
  if (!s) return ELBO_FAILED;
  params_in(s, "w", &k->q, d, w, i, in_w);
  params_in(s, "w2", &k->p, d, w2, i, in_w2);
  value = row_out(s, "value", value, i, 1);
  params_out(s, "dw", &k->q, d, dw, i, out_dw);
  params_out(s, "dw2", &k->p, d, dw2, i, out_dw2);
  elbo_rc rc = guard_short(s) ? ELBO_FAILED
                              : k->f32(&k->call, 1, d, in_w, in_w2, value, dw ? out_dw : NULL,
                                       dw2 ? out_dw2 : NULL);
  guard_give(s);
  return rc;
}

elbo_rc call_kl_f32(const kl_use *k, size_t n, size_t d, const elbo_rows *w, const elbo_rows *w2,
                    float *value, float *const *dw, float *const *dw2)
{
  if (!k->q.guards) return k->f32(&k->call, n, d, w, w2, value, dw, dw2);
  elbo_rc rc = ELBO_OK;
  for (size_t i = 0; i < n && rc == ELBO_OK; i++) rc = kl_row(k, i, d, w, w2, value, dw, dw2);
  return rc;
}

static void row_params_in(guard_set *s, const family_use *u, size_t d, const float *const *w,
                          const float **row)
{
  for (uint32_t p = 0; p < u->family->n_params; p++)
    row[p] = guard_in(s, "w", w[p], d * (size_t)u->width[p] * sizeof(float));
}

elbo_rc call_forward_f32(forward_f32 *f, const family_use *u, const elbo_noise_row *noise, size_t d,
                         const float *const *w, float *x)
{
  if (!u->guards) return f(u->family, &u->call, noise, d, w, x);
  const float *in_w[FAMILY_MAX_PARAMS];
  guard_set *s = guard_take(u->guards, "forward_f32");
  if (!s) return ELBO_FAILED;
  row_params_in(s, u, d, w, in_w);
  x = row_out(s, "x", x, 0, d * (size_t)u->E);
  elbo_rc rc = guard_short(s) ? ELBO_FAILED : f(u->family, &u->call, noise, d, in_w, x);
  guard_give(s);
  return rc;
}

elbo_rc call_backward_f32(backward_f32 *f, const family_use *u, size_t d, const float *x,
                          const float *const *w, const float *dx, float *const *dw)
{
  if (!u->guards) return f(u->family, &u->call, d, x, w, dx, dw);
  const float *in_w[FAMILY_MAX_PARAMS];
  float *out_dw[FAMILY_MAX_PARAMS];
  size_t E = d * (size_t)u->E;
  guard_set *s = guard_take(u->guards, "backward_f32");
  if (!s) return ELBO_FAILED;
  x = row_in(s, "x", (elbo_rows){ x, 0 }, 0, E);
  dx = row_in(s, "dx", (elbo_rows){ dx, 0 }, 0, E);
  row_params_in(s, u, d, w, in_w);
  params_out(s, "dw", u, d, dw, 0, out_dw);
  elbo_rc rc = guard_short(s) ? ELBO_FAILED : f(u->family, &u->call, d, x, in_w, dx, out_dw);
  guard_give(s);
  return rc;
}
