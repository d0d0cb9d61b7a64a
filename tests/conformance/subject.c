/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A right family, the normal one in its plainest form, and with -DWRONG=W_NAME one that is wrong in
 * what the property NAME looks at. */
#include <elbo/kernel.h>
#include <math.h>
#include <stdlib.h>

enum {
  W_NOTHING,
  W_descriptor,
  W_parameter_forms,
  W_null_outputs,
  W_total,
  W_gradient_value,
  W_gradient_parameters,
  W_score_mean,
  W_edges,
  W_finite,
  W_cdf_slope,
  W_cdf_tails,
  W_cdf_gradient,
  W_icdf,
  W_draws_cdf,
  W_draws_density,
  W_draws_support,
  W_pathwise,
  W_continuity,
  W_roads,
  W_entropy,
  W_mean,
  W_variance,
  W_mode,
  W_kl,
  W_infinite,
  W_infinite_gradient,
  W_kl_zero,
  W_kl_gradient,
  W_kernel_value,
  W_kernel_gradient,
  W_kernel_layout,
  W_kernel_kl,
  W_kernel_standard,
  W_same_bits,
  W_threads,
  W_guard_pages,
  W_no_allocation,
  W_crash,
  W_hang,
  W_null,
  W_road,
  W_kept,
  W_beyond,
  W_nan,
  W_sign,
  W_factor
};
#ifndef WRONG
#define WRONG W_NOTHING
#endif
#define IS(NAME) (WRONG == W_##NAME)
#define HALF_LOG_2PI 0.91893853320467274178

enum { LOC, LOG_SCALE };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "mean" },
  { "scale", ELBO_POSITIVE, 0, 1.0, IS(descriptor) ? "" : "standard deviation" },
};

static elbo_rc to_working(const double *given, int K, double *w, double *jac)
{
  (void)K;
  if (!(given[1] > 0)) return ELBO_DOMAIN;
  w[LOC] = given[0];
  w[LOG_SCALE] = -log(given[1]) / 2;
  if (jac) {
    jac[0] = 1;
    jac[1] = jac[2] = 0;
    jac[3] = (IS(parameter_forms) ? 1 : -1) / (2 * given[1]);
  }
  return ELBO_OK;
}
static const char *const precision_names[] = { "centre", "precision", NULL };
static const elbo_form_set form_sets[] = { { precision_names, to_working } };

static int calls; /* what no plugin may have */
static void *volatile kept;

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double s = exp(w[LOG_SCALE]), r = (x[0] - w[LOC]) / s;
  int inside = !isinf(x[0]) || IS(edges);
  if (IS(crash) && w[LOC] > 5) *(volatile int *)8 = 1;
  while (IS(hang) && w[LOC] > 5) calls |= 1;
  if (IS(no_allocation)) free(kept = malloc(16));
  if (IS(guard_pages) && dx) dx[1] = 0;
  if (IS(null)) *(volatile double *)dx = 0;
  static const double *first; /* a pointer that no plugin may keep */
  if (IS(kept) && !first) first = w;
  if (IS(kept)) s = exp(first[LOG_SCALE]);
  if (IS(beyond) && dw) dw[2] = 0;
  if (dx) dx[0] = inside ? -r / s * (IS(gradient_value) ? 1.0001 : 1) : 0;
  if (dw && !(IS(null_outputs) && !dx)) {
    dw[LOC] = inside ? r / s + (IS(score_mean) ? 0.01 : 0) : 0;
    dw[LOG_SCALE] = inside ? r * r - (IS(gradient_parameters) ? 1.001 : 1) : 0;
    if (IS(sign)) dw[LOG_SCALE] = -dw[LOG_SCALE];
    if (IS(factor)) dw[LOG_SCALE] /= s;
  }
  double f = inside ? -r * r / 2 - w[LOG_SCALE] - HALF_LOG_2PI : -INFINITY;
  if (IS(threads)) f += 1e-9 * (calls++ % 1000);
  if (IS(nan) && x[0] > 30) f = NAN;
  if (IS(finite) && w[LOG_SCALE] < -12) f = NAN;
  return IS(total) ? f + 1e-4 : f;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  double r = (x - w[LOC]) * exp(-w[LOG_SCALE]), sign = upper ? 1 : -1;
  double f = isinf(x) ? 0 : exp(log_prob(c, &x, w, NULL, NULL));
  if (dw) {
    dw[LOC] = sign * f;
    dw[LOG_SCALE] = (IS(cdf_gradient) ? -1 : 1) * sign * (f > 0 ? f * r * exp(w[LOG_SCALE]) : 0);
  }
  if (IS(cdf_slope)) r *= 1.001;
  if (IS(cdf_tails) && upper) return 1 - erfc(-r * 0.70710678118654752440) / 2;
  return erfc(sign * r * 0.70710678118654752440) / 2;
}

static double inverse(const elbo_call *c, double u, const double *w, double *dw)
{
  double s = exp(w[LOG_SCALE]), r = c->host->special(ELBO_NDTRI, u, 0);
  if (dw) {
    dw[LOC] = 1;
    dw[LOG_SCALE] = s * r;
  }
  return w[LOC] + s * r * (IS(icdf) ? 1.00001 : 1);
}

static double standard(const elbo_call *c, elbo_noise *e)
{
  double r = c->host->normal(e);
  if (IS(draws_cdf) || IS(draws_density)) r *= 1.3;
  if (IS(draws_support) && r > 2) return INFINITY;
  if (IS(same_bits)) r += calls++;
  return r;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = w[LOC] + exp(w[LOG_SCALE]) * standard(c, e);
  return ELBO_OK;
}

static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                    double *dw)
{
  (void)c;
  double wrong = IS(pathwise) || IS(continuity) || IS(roads) ? 1.001 : 1;
  dw[LOC] = dx[0];
  dw[LOG_SCALE] = dx[0] * (x[0] - w[LOC]) * wrong;
  return ELBO_OK;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double s = exp(w[LOG_SCALE]);
  if (which == ELBO_ENTROPY) out[0] = HALF_LOG_2PI + 0.5 + w[LOG_SCALE] + (IS(entropy) ? 1e-4 : 0);
  if (which == ELBO_MEAN) out[0] = w[LOC] + (IS(mean) ? 1e-4 * s : 0);
  if (which == ELBO_VARIANCE) out[0] = s * s * (IS(variance) ? 1.0001 : 1);
  if (which == ELBO_MODE) out[0] = w[LOC] + (IS(mode) ? 0.1 * s : 0);
  return ELBO_OK;
}

static double divergence(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  (void)c;
  double t = q[LOG_SCALE] - p[LOG_SCALE], d = (q[LOC] - p[LOC]) * exp(-p[LOG_SCALE]),
         v = expm1(2 * t);
  if (dq) {
    dq[LOC] = d * exp(-p[LOG_SCALE]) * (IS(kl_gradient) ? -1 : 1);
    dq[LOG_SCALE] = v;
  }
  if (dp) {
    dp[LOC] = -d * exp(-p[LOG_SCALE]);
    dp[LOG_SCALE] = -v - d * d;
  }
  return (v + d * d) / 2 - t + (IS(kl) ? 1e-4 : 0) - (IS(kl_zero) ? 1e-10 : 0);
}

ELBO_INLINE float event(const float in[4], float grad[4])
{
  float t = elbo_expf(-in[2]), r = (in[0] - in[1]) * t;
  grad[0] = -r * t;
  grad[1] = r * t * (IS(kernel_gradient) ? 1.0001f : 1.0f);
  grad[2] = r * r - 1.0f;
  return -0.5f * r * r - in[2] - (float)HALF_LOG_2PI + (IS(kernel_value) ? 1e-4f : 0.0f);
}
ELBO_INLINE elbo_rc rows(int level, const elbo_call *c, size_t n, size_t d, elbo_rows x,
                         const elbo_rows *w, float *value, float *dx, float *const *dw)
{
  elbo_rc rc = elbo_log_prob_rows(level, c, event, 2, n, d, x, w, value, dx, dw);
  if (IS(kernel_layout) && n > 1) value[1] += 1e-3f;
  return rc;
}
ELBO_KERNEL(kernel, rows,
            (const elbo_call *c, size_t n, size_t d, elbo_rows x, const elbo_rows *w, float *value,
             float *dx, float *const *dw),
            c, n, d, x, w, value, dx, dw)

ELBO_INLINE float kl_event(const float in[4], float grad[4])
{
  float t = in[1] - in[3], i = elbo_expf(-in[3]), d = (in[0] - in[2]) * i,
        v = elbo_expm1f(2.0f * t);
  grad[0] = d * i;
  grad[1] = v;
  grad[2] = -d * i;
  grad[3] = -v - d * d;
  return 0.5f * (v + d * d) - t + (IS(kernel_kl) ? 1e-3f : 0.0f);
}
ELBO_KERNEL_KL(kl_rows, kl_event, 2)

ELBO_INLINE elbo_rc standards(int level, const elbo_call *c, const elbo_noise_row *e, size_t d,
                              float *out)
{
  (void)level;
  c->host->normal_f32(e, d, out);
  for (size_t j = 0; j < d; j++) out[j] *= IS(kernel_standard) ? 1.001f : 1.0f;
  return ELBO_OK;
}
ELBO_KERNEL(standard_f32, standards,
            (const elbo_call *c, const elbo_noise_row *e, size_t d, float *out), c, e, d, out)

/* A normal's parameters are these. */
static double from_normal(const elbo_call *c, const double *q, const double *p, double *dq,
                          double *dp)
{
  double value = divergence(c, q, p, dq, dp);
  if (!IS(infinite) && !IS(infinite_gradient)) return value;
  for (int k = 0; dq && k < 2; k++) dq[k] = 0;
  for (int k = 0; dp && k < 2; k++) dp[k] = 0;
  return INFINITY;
}

static const elbo_kl kls[] = {
  { "subject", "subject", divergence, ELBO_KERNEL_SET(kl_rows) },
  { "subject", "normal", from_normal, { NULL } },
};
static const elbo_family subject = {
  ELBO_FAMILY_SIZES,
  .name = "subject",
  .summary = "a family to be judged",
  .params = params,
  .n_params = 2,
  .form_sets = form_sets,
  .n_form_sets = 1,
  .support = { ELBO_SUP_REAL, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = IS(road) ? "implicid" : "implicit",
  .standard = standard,
  .icdf = inverse,
  .draw = draw,
  .pull = pull,
  .cdf = cdf,
  .moment = moment,
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
  .log_prob_f32 = ELBO_KERNEL_SET(kernel),
  .standard_f32 = ELBO_KERNEL_SET(standard_f32),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, subject);
