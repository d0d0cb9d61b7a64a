/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * composition: z is a function of draws from other families. The family's `draw` composes them
 * and its `pull` brings dz back through the composition, from z alone. (Kingma and Welling 2014,
 * section 2.4.) */
#include <elbo/plugin.h>

static const char *missing(const elbo_family *f)
{
  if (!f->draw) return "the hook `draw`";
  if (!f->pull) return "the hook `pull`";
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
  return f->pull(c, x, w, dx, dw);
}

static const elbo_reparam composition = {
  .size = sizeof(elbo_reparam),
  .name = "composition",
  .summary = "z from draws of other families",
  .missing = missing,
  .forward = forward,
  .backward = backward,
};
ELBO_PLUGIN(ELBO_KIND_REPARAM, composition);
