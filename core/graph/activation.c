/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "graph/activation.h"
#include "graph/levels.h"

#include <math.h>

/* From `value` and `slope` of one element the two loops, and both at each level. A slope takes y =
 * f(x), or x where the row says so. */
#define ACTIVATION(name, VALUE, SLOPE)                                                             \
  ELBO_INLINE void name##_forward(size_t n, const float *in, float *out)                           \
  {                                                                                                \
    for (size_t i = 0; i < n; i++) {                                                               \
      float x = in[i];                                                                             \
      out[i] = VALUE;                                                                              \
    }                                                                                              \
  }                                                                                                \
  ELBO_INLINE void name##_backward(size_t n, const float *in, const float *dy, float *dx)          \
  {                                                                                                \
    for (size_t i = 0; i < n; i++) {                                                               \
      float y = in[i];                                                                             \
      dx[i] = dy[i] * (SLOPE);                                                                     \
    }                                                                                              \
  }                                                                                                \
  LEVELS(name##_forward, (size_t n, const float *x, float *y), n, x, y)                            \
  LEVELS(name##_backward, (size_t n, const float *x, const float *dy, float *dx), n, x, dy, dx)

ELBO_INLINE float normal_cdf(float x)
{
  return 0.5f * erfcf(-0.70710678f * x);
}

ELBO_INLINE float normal_pdf(float x)
{
  return 0.3989422804f * elbo_expf(-0.5f * x * x);
}

ACTIVATION(identity, x, ((void)y, 1.0f))
ACTIVATION(tanh, elbo_tanhf(x), 1 - y * y)
ACTIVATION(relu, x<0 ? 0 : x, y> 0 ? 1.0f : 0.0f) /* so written, NaN stays NaN */
ACTIVATION(softplus, elbo_softplusf(x), 0 - elbo_expm1f(-y))
ACTIVATION(elu, x > 0 ? x : elbo_expm1f(x), y > 0 ? 1.0f : y + 1)
ACTIVATION(gelu, x *normal_cdf(x), normal_cdf(y) + y * normal_pdf(y))
ACTIVATION(sigmoid, elbo_sigmoidf(x), y *(1 - y))

#define ROW(name, help, needs_input, in_c)                                                         \
  {                                                                                                \
#name, help, LEVEL_SET(name##_forward), LEVEL_SET(name##_backward), needs_input, in_c          \
  }
const activation_kind activation_table[] = {
  ROW(tanh, "hyperbolic tangent", 0, "tanh(x)"),
  ROW(relu, "max(x, 0)", 0, "x < 0 ? 0 : x"),
  ROW(softplus, "log(1 + exp x)", 0, "(x > 0 ? x : 0) + log1p(exp(-fabs(x)))"),
  ROW(elu, "x above 0, exp(x) - 1 below (Clevert et al. 2016, alpha 1)", 0, "x > 0 ? x : expm1(x)"),
  ROW(gelu, "x Phi(x), by erf (Hendrycks and Gimpel 2016)", 1,
      "0.5 * x * erfc(-0.70710678118654752440 * x)"),
  ROW(sigmoid, "1 / (1 + exp(-x))", 0, "1 / (1 + exp(-x))"),
  ROW(identity, "x: a linear layer", 0, "x"),
};
const int n_activations = sizeof activation_table / sizeof *activation_table;
