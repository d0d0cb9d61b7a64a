/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * location_scale: z = loc + scale eps, eps the family's standard variate. dz/dloc = 1 and
 * dz/dlog_scale = z - loc are functions of z. (Kingma and Welling 2014, section 2.4.) loc may be
 * called low; scale may be called width, or be given by its inverse, a rate. A family may lack loc;
 * it then stands at 0. */
#include <math.h>
#include <elbo/kernel.h>

typedef struct {
  int loc, scale; /* indices of the parameters, -1: not there */
  int sign;       /* of log scale in the working parameter: -1 for a rate */
} places;

static const struct {
  const char *name;
  uint32_t constraint;
  int sign;
} roles[] = {
  { "loc", ELBO_REAL, 0 },       { "low", ELBO_REAL, 0 },      { "scale", ELBO_POSITIVE, 1 },
  { "width", ELBO_POSITIVE, 1 }, { "rate", ELBO_POSITIVE, -1 },
};

static places find(const elbo_family *f)
{
  places at = { -1, -1, 1 };
  for (uint32_t p = 0; p < f->n_params; p++)
    for (size_t k = 0; k < sizeof roles / sizeof roles[0]; k++) {
      if (strcmp(f->params[p].name, roles[k].name)) continue;
      if (f->params[p].constraint != roles[k].constraint) continue;
      if (roles[k].sign)
        at.scale = (int)p, at.sign = roles[k].sign;
      else
        at.loc = (int)p;
    }
  return at;
}

static const char *missing(const elbo_family *f)
{
  places at = find(f);
  if (f->event_rank) return "a scalar event";
  if (f->value_form != ELBO_X_PLAIN) return "values in their plain form";
  if (!f->standard) return "the hook `standard`";
  if (at.scale < 0) return "a positive parameter `scale`, `width` or `rate`";
  if (f->n_params != (at.loc < 0 ? 1u : 2u)) return "parameters that are a place and a scale alone";
  return NULL;
}

static elbo_rc forward(const elbo_family *f, const elbo_call *c, elbo_noise *e, const double *w,
                       double *x)
{
  places at = find(f);
  x[0] = (at.loc < 0 ? 0 : w[at.loc]) + exp(at.sign * w[at.scale]) * f->standard(c, e);
  return ELBO_OK;
}

static elbo_rc backward(const elbo_family *f, const elbo_call *c, const double *x, const double *w,
                        const double *dx, double *dw)
{
  (void)c;
  places at = find(f);
  if (at.loc >= 0) dw[at.loc] = dx[0];
  dw[at.scale] = at.sign * dx[0] * (at.loc < 0 ? x[0] : x[0] - w[at.loc]);
  return ELBO_OK;
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
  places at = find(f);
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
  places at = find(f);
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
  .summary = "z = loc + scale eps",
  .missing = missing,
  .forward = forward,
  .backward = backward,
  .forward_f32 = ELBO_KERNEL_SET(forward_f32),
  .backward_f32 = ELBO_KERNEL_SET(backward_f32),
};
ELBO_PLUGIN(ELBO_KIND_REPARAM, location_scale);
