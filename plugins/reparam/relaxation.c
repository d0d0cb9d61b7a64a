/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * relaxation: a discrete draw made continuous by a temperature (Maddison, Mnih and Teh 2017; Jang,
 * Gu and Poole 2017). The relaxed family's `draw`, and its `pull` at fixed noise, from the value
 * alone; in one dimension that is the derivative along the constant cdf. */
#include <string.h>
#include <elbo/plugin.h>

static const char *missing(const elbo_family *f)
{
  int found = 0;
  for (uint32_t p = 0; p < f->n_params; p++)
    found |= !strcmp(f->params[p].name, "temperature") && f->params[p].constraint == ELBO_POSITIVE;
  if (!found) return "a positive parameter `temperature`";
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

static const elbo_reparam relaxation = {
  .size = sizeof(elbo_reparam),
  .name = "relaxation",
  .summary = "a discrete draw made continuous by a temperature",
  .missing = missing,
  .forward = forward,
  .backward = backward,
};
ELBO_PLUGIN(ELBO_KIND_REPARAM, relaxation);
