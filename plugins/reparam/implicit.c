/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * implicit: any sampler, and the gradient along the constant cdf (Figurnov, Mohamed and Mnih
 * 2018): the family's `pull`, or where there is none the derivatives of its cdf. */
#include "pathwise.h"

static const char *missing(const elbo_family *f)
{
  if (f->support.kind >= ELBO_SUP_BINARY) return "a continuous support";
  if (!f->draw) return "the hook `draw`";
  if (!f->pull && (f->event_rank || !f->cdf)) return "the hook `pull`";
  return NULL;
}

static elbo_rc forward(const elbo_family *f, const elbo_call *c, elbo_noise *e, const double *w,
                       double *x)
{
  return f->draw(c, e, w, x);
}

static elbo_rc backward(const elbo_family *f, const elbo_call *c, const double *x, const double *w,
                        const double *dx, double *dw)
{
  return f->pull ? f->pull(c, x, w, dx, dw) : pathwise(f, c, x, w, dx, dw);
}

static const elbo_reparam implicit = {
  .size = sizeof(elbo_reparam),
  .name = "implicit",
  .summary = "dz/dw = -(dF/dw) / f",
  .missing = missing,
  .forward = forward,
  .backward = backward,
};
ELBO_PLUGIN(ELBO_KIND_REPARAM, implicit);
