/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * location_scale: z = loc + S e, e the family's variate at loc 0 and S 1. dz/dloc = 1 and dz/dS =
 * e' are functions of z. (Kingma and Welling 2014, section 2.4.) S is a scale, which may be called
 * width or be given by its inverse, a rate; of a vector a triangle. A family may lack loc; it then
 * stands at 0. What further parameters there are shape e: they move it along its own road, dz = S
 * de. The hook `standard` says that there are none; a family without it says by naming this road
 * that it is one of place and scale, and e is drawn by its `draw` or `icdf`. */
#include "../families/tril.h"
#include "pathwise.h"

/* Where loc and S stand in w [W]. */
typedef struct {
  int loc, scale; /* -1: not there */
  int sign;       /* of log scale in the working parameter: -1 for a rate, 0 for a triangle */
  int n, K, W;    /* parameters that are a place or a scale; numbers of an event, of w */
} places;
enum { MOST = 4096 }; /* the greatest W for which scratch is at hand */

static const struct {
  const char *name;
  uint32_t constraint;
  int is_scale, sign;
} roles[] = {
  { "loc", ELBO_REAL, 0, 0 },       { "low", ELBO_REAL, 0, 0 },
  { "scale", ELBO_POSITIVE, 1, 1 }, { "width", ELBO_POSITIVE, 1, 1 },
  { "rate", ELBO_POSITIVE, 1, -1 }, { "scale_tril", ELBO_CHOLESKY, 1, 0 },
};

static int width_of(const elbo_param *p, int K)
{
  if (p->constraint == ELBO_CHOLESKY) return (int)tril_at(K, 0);
  return p->constraint == ELBO_SIMPLEX || p->flags & ELBO_PER_CORNER ? K : 1;
}

static places find(const elbo_family *f, int K)
{
  places at = { .loc = -1, .scale = -1, .sign = 1, .K = f->event_rank ? K : 1 };
  for (uint32_t p = 0; p < f->n_params; at.W += width_of(&f->params[p++], K))
    for (size_t k = 0; k < sizeof roles / sizeof roles[0]; k++) {
      if (strcmp(f->params[p].name, roles[k].name)) continue;
      if (f->params[p].constraint != roles[k].constraint) continue;
      at.n++;
      if (roles[k].is_scale)
        at.scale = at.W, at.sign = roles[k].sign;
      else
        at.loc = at.W;
    }
  return at;
}

static const char *missing(const elbo_family *f)
{
  places at = find(f, 1);
  int alone = (uint32_t)at.n == f->n_params;
  if (f->value_form != ELBO_X_PLAIN) return "values in their plain form";
  if (!f->standard && (!f->reparam || strcmp(f->reparam, "location_scale")))
    return "the hook `standard`";
  if (at.scale < 0) return "a parameter `scale`, `width`, `rate` or `scale_tril`";
  if (at.n != (at.loc < 0 ? 1 : 2)) return "one place and one scale";
  if (!at.sign != !!f->event_rank) return "a scale of its event: `scale_tril` of a vector";
  if (f->standard && !alone) return "parameters that are a place and a scale alone";
  if (!f->standard && !f->draw && (f->event_rank || !f->icdf)) return "the hook `draw` or `icdf`";
  if (!alone && !f->pull && (f->event_rank || !f->cdf)) return "the hook `pull` or `cdf`";
  return NULL;
}

/* w0 <- w at loc 0 and S 1: both are 0 in their working form. */
static int at_standard(const places *at, const double *w, double *w0)
{
  if (at->W > MOST) return 0;
  memcpy(w0, w, (size_t)at->W * sizeof *w);
  if (at->loc >= 0) memset(w0 + at->loc, 0, (size_t)at->K * sizeof *w0);
  memset(w0 + at->scale, 0, (at->sign ? 1 : tril_at(at->K, 0)) * sizeof *w0);
  return 1;
}

static elbo_rc variate(const elbo_family *f, const elbo_call *c, const places *at, elbo_noise *e,
                       const double *w, double *x)
{
  double w0[MOST];
  if (!at_standard(at, w, w0)) return ELBO_UNSUPPORTED;
  if (f->draw) return f->draw(c, e, w0, x);
  x[0] = f->icdf(c, c->host->uniform(e), w0, NULL);
  return ELBO_OK;
}

static elbo_rc forward(const elbo_family *f, const elbo_call *c, elbo_noise *e, const double *w,
                       double *x)
{
  places at = find(f, c->K);
  elbo_rc rc = ELBO_OK;
  if (f->standard)
    x[0] = f->standard(c, e);
  else
    rc = variate(f, c, &at, e, w, x);
  if (rc != ELBO_OK) return rc;
  if (at.sign)
    x[0] *= exp(at.sign * w[at.scale]);
  else
    tril_times(at.K, w + at.scale, x);
  for (int k = 0; at.loc >= 0 && k < at.K; k++) x[k] += w[at.loc + k];
  return ELBO_OK;
}

/* dw of the parameters that shape e, from e and dx; the others' are overwritten later. */
static elbo_rc by_shape(const elbo_family *f, const elbo_call *c, const places *at, const double *e,
                        const double *w, const double *dx, double *dw)
{
  double w0[MOST], de[MOST];
  if (!at_standard(at, w, w0)) return ELBO_UNSUPPORTED;
  memcpy(de, dx, (size_t)at->K * sizeof *de);
  if (at->sign)
    de[0] *= exp(at->sign * w[at->scale]);
  else
    tril_times_transposed(at->K, w + at->scale, de);
  return f->pull ? f->pull(c, e, w0, de, dw) : pathwise(f, c, e, w0, de, dw);
}

/* e of x. */
static void standardise(const places *at, const double *x, const double *w, double *e)
{
  for (int k = 0; k < at->K; k++) e[k] = at->loc < 0 ? x[k] : x[k] - w[at->loc + k];
  if (at->sign)
    e[0] *= exp(-at->sign * w[at->scale]);
  else
    tril_solve(at->K, w + at->scale, e);
}

static elbo_rc backward(const elbo_family *f, const elbo_call *c, const double *x, const double *w,
                        const double *dx, double *dw)
{
  places at = find(f, c->K);
  double e[MOST];
  if (at.W > MOST) return ELBO_UNSUPPORTED;
  standardise(&at, x, w, e);
  elbo_rc rc = (uint32_t)at.n < f->n_params ? by_shape(f, c, &at, e, w, dx, dw) : ELBO_OK;
  if (at.loc >= 0) memcpy(dw + at.loc, dx, (size_t)at.K * sizeof *dx);
  if (at.sign)
    dw[at.scale] = at.sign * dx[0] * (at.loc < 0 ? x[0] : x[0] - w[at.loc]);
  else
    tril_outer(at.K, w + at.scale, dx, e, dw + at.scale);
  return rc;
}

ELBO_INLINE void place(const float *loc, float sign, const float *log_scale, float *x)
{
  for (int k = 0; k < ELBO_LANES; k++)
    x[k] = (loc ? loc[k] : 0.0f) + elbo_expf(sign * log_scale[k]) * x[k];
}

/* x [d]: the standard variates, in place. */
ELBO_INLINE void place_row(size_t d, const float *loc, float sign, const float *log_scale, float *x)
{
  size_t j = 0;
  for (; j + ELBO_LANES <= d; j += ELBO_LANES)
    place(loc ? loc + j : NULL, sign, log_scale + j, x + j);
  if (j == d) return;
  float m[ELBO_LANES] = { 0 }, s[ELBO_LANES], z[ELBO_LANES];
  if (loc) elbo_take(loc + j, d - j, m);
  elbo_take(log_scale + j, d - j, s);
  elbo_take(x + j, d - j, z);
  place(m, sign, s, z);
  elbo_put(z, d - j, x + j);
}

ELBO_INLINE elbo_rc forward_row(int level, const elbo_family *f, const elbo_call *c,
                                const elbo_noise_row *e, size_t d, const float *const *w, float *x)
{
  while (level >= 0 && !f->standard_f32[level]) level--;
  if (level < 0) return ELBO_UNSUPPORTED;
  elbo_rc rc = f->standard_f32[level](c, e, d, x);
  if (rc != ELBO_OK) return rc;
  places at = find(f, 1);
  if (at.loc < 0)
    place_row(d, NULL, (float)at.sign, w[at.scale], x);
  else
    place_row(d, w[at.loc], (float)at.sign, w[at.scale], x);
  return ELBO_OK;
}
ELBO_KERNEL(forward_f32, forward_row,
            (const elbo_family *f, const elbo_call *c, const elbo_noise_row *e, size_t d,
             const float *const *w, float *x),
            f, c, e, d, w, x)

ELBO_INLINE elbo_rc backward_row(int level, const elbo_family *f, const elbo_call *c, size_t d,
                                 const float *x, const float *const *w, const float *dx,
                                 float *const *dw)
{
  (void)level, (void)c;
  places at = find(f, 1);
  const float *restrict loc = at.loc < 0 ? NULL : w[at.loc];
  float *restrict by_scale = dw[at.scale], sign = (float)at.sign;
  for (size_t j = 0; j < d; j++) by_scale[j] = sign * dx[j] * (loc ? x[j] - loc[j] : x[j]);
  if (loc) memcpy(dw[at.loc], dx, d * sizeof *dx);
  return ELBO_OK;
}
ELBO_KERNEL(backward_f32, backward_row,
            (const elbo_family *f, const elbo_call *c, size_t d, const float *x,
             const float *const *w, const float *dx, float *const *dw),
            f, c, d, x, w, dx, dw)

static const elbo_reparam location_scale = {
  .size = sizeof(elbo_reparam),
  .name = "location_scale",
  .summary = "z = loc + scale e",
  .missing = missing,
  .forward = forward,
  .backward = backward,
  .forward_f32 = ELBO_KERNEL_SET(forward_f32),
  .backward_f32 = ELBO_KERNEL_SET(backward_f32),
};
ELBO_PLUGIN(ELBO_KIND_REPARAM, location_scale);
