/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * inverse_cdf: z = F^-1(u; w) for a uniform u (Devroye 1986, chapter 2). Backwards along the
 * constant cdf, from z: u itself would have lost the upper tail. */
#include "pathwise.h"

static const char *missing(const elbo_family *f)
{
  if (f->event_rank) return "a scalar event";
  if (f->support.kind >= ELBO_SUP_BINARY) return "a continuous support";
  if (!f->icdf) return "the hook `icdf`";
  if (!f->cdf) return "the hook `cdf`";
  return NULL;
}

static elbo_rc forward(const elbo_family *f, const elbo_call *c, elbo_noise *e, const double *w,
                       double *x)
{
  x[0] = f->icdf(c, c->host->uniform(e), w, NULL);
  return ELBO_OK;
}

static const elbo_reparam inverse_cdf = {
  .size = sizeof(elbo_reparam),
  .name = "inverse_cdf",
  .summary = "z = F^-1(u)",
  .missing = missing,
  .forward = forward,
  .backward = pathwise,
};
ELBO_PLUGIN(ELBO_KIND_REPARAM, inverse_cdf);
