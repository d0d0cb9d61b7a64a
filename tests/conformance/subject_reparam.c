/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A right reparametrizer, loc + scale times a standard variate, and wrong ones. */
#include <elbo/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  W_NOTHING,
  W_descriptor,
  W_draws_support,
  W_linear,
  W_pathwise,
  W_continuity,
  W_kernel,
  W_same_bits,
  W_guard_pages,
  W_no_allocation
};
#ifndef WRONG
#define WRONG W_NOTHING
#endif
#define IS(NAME) (WRONG == W_##NAME)

static int calls; /* what no plugin may have */
static void *volatile kept;

static const char *missing(const elbo_family *f)
{
  if (!f->standard || f->event_rank || f->value_form != ELBO_X_PLAIN)
    return IS(descriptor) ? "" : "the hook `standard`";
  if (f->n_params != 2 || strcmp(f->params[0].name, "loc") || strcmp(f->params[1].name, "scale"))
    return "loc and scale";
  return NULL;
}

static elbo_rc forward(const elbo_family *f, const elbo_call *c, elbo_noise *e, const double *w,
                       double *x)
{
  if (IS(no_allocation)) free(kept = malloc(16));
  if (IS(guard_pages)) x[1] = 0;
  x[0] = w[0] + exp(w[1]) * f->standard(c, e);
  if (IS(draws_support) && x[0] > w[0]) x[0] = INFINITY;
  if (IS(same_bits)) x[0] += calls++;
  return ELBO_OK;
}

static elbo_rc backward(const elbo_family *f, const elbo_call *c, const double *x, const double *w,
                        const double *dx, double *dw)
{
  (void)f, (void)c;
  dw[0] = dx[0];
  dw[1] = dx[0] * (x[0] - w[0]) * (IS(pathwise) || IS(continuity) ? 1.001 : 1);
  if (IS(linear)) dw[0] = fabs(dx[0]);
  return ELBO_OK;
}

static elbo_rc forward_rows(const elbo_family *f, const elbo_call *c, const elbo_noise_row *e,
                            size_t d, const float *const *w, float *x)
{
  if (!f->standard_f32[0]) return ELBO_UNSUPPORTED;
  f->standard_f32[0](c, e, d, x);
  for (size_t j = 0; j < d; j++) x[j] = w[0][j] + expf(w[1][j]) * x[j] + (IS(kernel) ? 0.01f : 0);
  return ELBO_OK;
}

static elbo_rc backward_rows(const elbo_family *f, const elbo_call *c, size_t d, const float *x,
                             const float *const *w, const float *dx, float *const *dw)
{
  (void)f, (void)c;
  for (size_t j = 0; j < d; j++) {
    dw[0][j] = dx[j];
    dw[1][j] = dx[j] * (x[j] - w[0][j]);
  }
  return ELBO_OK;
}

static const elbo_reparam subject = {
  .size = sizeof(elbo_reparam),
  .name = "subject",
  .summary = "a reparametrizer to be judged",
  .missing = missing,
  .forward = forward,
  .backward = backward,
  .forward_f32 = { forward_rows },
  .backward_f32 = { backward_rows },
};
ELBO_PLUGIN(ELBO_KIND_REPARAM, subject);
