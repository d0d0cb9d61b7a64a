/* SPDX-License-Identifier: GPL-3.0-or-later */
/* calls.h - the functions of a plugin as the batch loops call them: directly, or, with
 * --check-plugins, on guarded copies (base/guard.h). Arguments are those of plugin.h. Where the
 * guards' memory is out, ELBO_FAILED or NaN, as if the plugin had answered it. All are [exec]. */
#ifndef ELBO_DIST_CALLS_H
#define ELBO_DIST_CALLS_H

#include "dist/batch.h"
#include "dist/relax.h"

double call_log_prob(const family_use *u, const double *x, const double *w, double *dx, double *dw);
elbo_rc call_log_prob_f32(const family_use *u, size_t n, size_t d, elbo_rows x, const elbo_rows *w,
                          float *value, float *dx, float *const *dw);
double call_kl(const kl_use *k, const double *w, const double *w2, double *dw, double *dw2);
elbo_rc call_kl_f32(const kl_use *k, size_t n, size_t d, const elbo_rows *w, const elbo_rows *w2,
                    float *value, float *const *dw, float *const *dw2);
elbo_rc call_moment(const family_use *u, int which, const double *w, double *out);
elbo_rc call_draw(const family_use *u, elbo_noise *noise, const double *w, double *x);
double call_icdf(const family_use *u, double at, const double *w);
elbo_rc call_forward(const elbo_reparam *r, const family_use *u, elbo_noise *noise, const double *w,
                     double *x);
elbo_rc call_backward(const elbo_reparam *r, const family_use *u, const double *x, const double *w,
                      const double *dx, double *dw);
elbo_rc call_forward_f32(forward_f32 *f, const family_use *u, const elbo_noise_row *noise, size_t d,
                         const float *const *w, float *x);
elbo_rc call_backward_f32(backward_f32 *f, const family_use *u, size_t d, const float *x,
                          const float *const *w, const float *dx, float *const *dw);
elbo_rc call_harden(const relax_use *u, const double *y, double *x);
elbo_rc call_draw_given(const relax_use *u, elbo_noise *noise, const double *x, const double *w,
                        double *y);
elbo_rc call_pull_given(const relax_use *u, const double *y, const double *w, const double *dy,
                        double *dw);

#endif
