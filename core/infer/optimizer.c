/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/optimizer.h"
#include "graph/levels.h"

#include <math.h>

/* Every update climbs: g is the gradient of what is maximised. Weight decay is decoupled
 * (Loshchilov and Hutter 2019): w -= decay * w. */
#define UPDATE(name, ...)                                                                          \
  ELBO_INLINE void name(const update_args *a, size_t n, float *restrict w,                         \
                        const float *restrict g, float *restrict s0, float *restrict s1)           \
  {                                                                                                \
    const float rate = a->rate, decay = a->decay, clip = a->clip, c0 = a->c[0], c1 = a->c[1],      \
                c2 = a->c[2];                                                                      \
    (void)c0, (void)c1, (void)c2, (void)s0, (void)s1;                                              \
    for (size_t i = 0; i < n; i++) {                                                               \
      float v = clip * g[i];                                                                       \
      __VA_ARGS__                                                                                  \
    }                                                                                              \
  }                                                                                                \
  LEVELS(name, (const update_args *a, size_t n, float *w, const float *g, float *s0, float *s1),   \
         a, n, w, g, s0, s1)

/* Robbins and Monro 1951 */
UPDATE(sgd, w[i] += rate * v - decay * w[i];)
/* Polyak 1964; c0 momentum; c1 = 1: the look-ahead of Nesterov 1983 as in Sutskever et al. 2013 */
UPDATE(momentum, {
  float m = c0 * s0[i] + v;
  s0[i] = m;
  w[i] += rate * (c1 != 0 ? c0 * m + v : m) - decay * w[i];
})
/* Duchi, Hazan and Singer 2011; c0 epsilon */
UPDATE(adagrad, {
  float s = s0[i] + v * v;
  s0[i] = s;
  w[i] += rate * v / (sqrtf(s) + c0) - decay * w[i];
})
/* Tieleman and Hinton 2012; c0 = 1 - rho, c1 epsilon */
UPDATE(rmsprop, {
  float s = s0[i] + c0 * (v * v - s0[i]);
  s0[i] = s;
  w[i] += rate * v / (sqrtf(s) + c1) - decay * w[i];
})
/* Kingma and Ba 2015, algorithm 1 with the last line of section 2: c0 = 1 - beta1, c1 = 1 - beta2,
 * c2 = epsilon scaled by the second correction */
UPDATE(adam, {
  float m = s0[i] + c0 * (v - s0[i]), s = s1[i] + c1 * (v * v - s1[i]);
  s0[i] = m;
  s1[i] = s;
  w[i] += rate * m / (sqrtf(s) + c2) - decay * w[i];
})

static void prepare_plain(const double *h, double learning_rate, uint64_t step, update_args *a)
{
  (void)step;
  a->rate = (float)learning_rate;
  for (int i = 0; i < 3; i++) a->c[i] = (float)h[i];
}

static void prepare_rmsprop(const double *h, double learning_rate, uint64_t step, update_args *a)
{
  (void)step;
  a->rate = (float)learning_rate;
  a->c[0] = (float)(1 - h[0]);
  a->c[1] = (float)h[1];
}

static void prepare_adam(const double *h, double learning_rate, uint64_t step, update_args *a)
{
  double first = -expm1((double)step * log(h[0])), second = sqrt(-expm1((double)step * log(h[1])));
  a->rate = (float)(learning_rate * second / first);
  a->c[0] = (float)(1 - h[0]);
  a->c[1] = (float)(1 - h[1]);
  a->c[2] = (float)(h[2] * second);
}

#define BELOW_ONE 0, 1, 0, 1 /* [0, 1) */
#define POSITIVE 0, 1, 1, 0  /* (0, 1] */
const optimizer_kind optimizer_table[] = {
  { "sgd", "plain stochastic gradient ascent", .prepare = prepare_plain, .update = LEVEL_SET(sgd) },
  { "momentum",
    "gradient ascent with momentum (Polyak 1964)",
    { { "momentum", 0.9, BELOW_ONE, "share of the last direction that is kept" },
      { "nesterov", 0, 0, 1, 0, 0, "1: look ahead (Sutskever et al. 2013)" } },
    2,
    1,
    { "momentum" },
    prepare_plain,
    LEVEL_SET(momentum) },
  { "adagrad",
    "rates by the sum of squared gradients (Duchi et al. 2011)",
    { { "epsilon", 1e-8, POSITIVE, "added to the root" } },
    1,
    1,
    { "sum" },
    prepare_plain,
    LEVEL_SET(adagrad) },
  { "rmsprop",
    "rates by a running mean of squared gradients (Tieleman and Hinton 2012)",
    { { "rho", 0.9, BELOW_ONE, "memory of the mean" },
      { "epsilon", 1e-8, POSITIVE, "added to the root" } },
    2,
    1,
    { "square" },
    prepare_rmsprop,
    LEVEL_SET(rmsprop) },
  { "adam",
    "running means of gradient and square, bias corrected (Kingma and Ba 2015)",
    { { "beta1", 0.9, BELOW_ONE, "memory of the gradient" },
      { "beta2", 0.999, BELOW_ONE, "memory of the square" },
      { "epsilon", 1e-8, POSITIVE, "added to the root" } },
    3,
    2,
    { "m", "v" },
    prepare_adam,
    LEVEL_SET(adam) },
};
const int n_optimizers = sizeof optimizer_table / sizeof *optimizer_table;

static double constant(const double *h, double epoch, double epochs)
{
  (void)h, (void)epoch, (void)epochs;
  return 1;
}

/* An epoch's share of steps and a stretch of, say, 0.1 are rounded: the step where they meet counts
 * as the end of the stretch. */
#define ENDS(epoch) ((epoch) * (1 + 1e-12))
/* With growth 3 and a factor of 10^(-1/7) that of Burda et al. 2016, section 5: 3^i epochs at
 * 10^(-i/7). Ends are summed, not found by a logarithm, which rounds: they fall on whole epochs. */
static double step(const double *h, double epoch, double epochs)
{
  double every = h[0], factor = h[1], growth = h[2], times = 0;
  (void)epochs;
  if (growth == 1) return pow(factor, floor(ENDS(epoch) / every));
  for (double end = every; ENDS(epoch) >= end; times++) every *= growth, end += every;
  return pow(factor, times);
}

/* Loshchilov and Hutter 2017, eq. 5, one period */
static double cosine(const double *h, double epoch, double epochs)
{
  double t = epochs > 0 && epoch < epochs ? epoch / epochs : 1;
  return h[0] + (1 - h[0]) * 0.5 * (1 + cos(3.14159265358979323846 * t));
}

static double exponential(const double *h, double epoch, double epochs)
{
  (void)epochs;
  return pow(h[0], epoch);
}

const schedule_kind schedule_table[] = {
  { "constant", "the learning rate stays", .factor = constant },
  { "step",
    "times `factor` after every `every` epochs, each stretch `growth` times as long as the last",
    { { "every", 10, 0, INFINITY, 1, 1, "epochs" },
      { "factor", 0.1, 0, 1, 1, 0, "times this each time" },
      { "growth", 1, 1, 1000, 0, 0, "times as long, each stretch" } },
    3,
    step },
  { "cosine",
    "half a cosine down to `to` times the rate over all epochs (Loshchilov and Hutter 2017)",
    { { "to", 0, 0, 1, 0, 0, "share of the rate at the end" } },
    1,
    cosine,
    1 },
  { "exponential",
    "times `factor` an epoch, continuously",
    { { "factor", 0.95, 0, 1, 1, 0, "an epoch" } },
    1,
    exponential },
};
const int n_schedules = sizeof schedule_table / sizeof *schedule_table;
