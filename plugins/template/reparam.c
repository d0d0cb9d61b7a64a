/* SPDX-License-Identifier: MIT-0
 *
 * my_reparam: a complete reparametrizer: how a draw depends on its parameters. Here z = F^-1(1 -
 * u), for any scalar family with icdf and cdf. Edit at (1) to (4), then cc -O2 -shared -fPIC
 * $(pkg-config --cflags elbo-plugin) -o my_reparam.so my_reparam.c -lm elbo plugin check
 * ./my_reparam.so and choose it for a variable with `reparam: my_reparam`. */
#include <elbo/plugin.h>
#include <math.h>

/* (1) Does it apply to a family? NULL if so, else what is missing. */
static const char *missing(const elbo_family *f)
{
  if (f->event_rank) return "a scalar event";
  if (f->support.kind >= ELBO_SUP_BINARY) return "a continuous support";
  if (!f->icdf) return "the hook `icdf`";
  if (!f->cdf) return "the hook `cdf`";
  return NULL;
}

/* (2) A draw, in the family's value form, from one event's noise and the working parameters w. */
static elbo_rc forward(const elbo_family *f, const elbo_call *c, elbo_noise *e, const double *w,
                       double *x)
{
  x[0] = f->icdf(c, 1 - c->host->uniform(e), w, NULL);
  return ELBO_OK;
}

/* log dx/dy of a value y in a form other than x itself. */
static double log_slope(uint32_t form, double y)
{
  if (form == ELBO_X_LOG) return y;
  return form == ELBO_X_LOGIT ? -fabs(y) - 2 * log1p(exp(-fabs(y))) : 0;
}

/* (3) dw = dx . dz/dw at fixed noise, from the value alone, whatever noise led to it. Along a
 * constant cdf dz/dw = -(dF/dw) / f. By w, the working forms: of a scale s, d/dlog s = s d/ds. */
static elbo_rc backward(const elbo_family *f, const elbo_call *c, const double *x, const double *w,
                        const double *dx, double *dw)
{
  int upper = f->cdf(c, x[0], w, 0, NULL) > 0.5; /* the smaller tail has the digits */
  f->cdf(c, x[0], w, upper, dw);
  double density = exp(f->log_prob(c, x, w, NULL, NULL) + log_slope(f->value_form, x[0]));
  if (!(density > 0)) return ELBO_UNDEFINED;
  for (uint32_t p = 0; p < f->n_params; p++) dw[p] *= (upper ? dx[0] : -dx[0]) / density;
  return ELBO_OK;
}

/* (4) The table. */
static const elbo_reparam reparam = {
  .size = sizeof(elbo_reparam),
  .name = "my_reparam",
  .summary = "z = F^-1(1 - u)",
  .missing = missing,
  .forward = forward,
  .backward = backward,
};
ELBO_PLUGIN(ELBO_KIND_REPARAM, reparam);
