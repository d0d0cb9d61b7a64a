/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forms of values: x, log x, logit x. Points of a simplex in log are logs of each number. */
#include "dist/family.h"
#include "graph/levels.h"

#include <math.h>

enum { PLAIN, LOG, LOGIT, KINDS };
static int kind_of(uint32_t form)
{
  static const int kinds[] = {
    [ELBO_X_PLAIN] = PLAIN, [ELBO_X_LOG] = LOG, [ELBO_X_LOGIT] = LOGIT, [ELBO_X_LOG_SIMPLEX] = LOG
  };
  return form < sizeof kinds / sizeof *kinds ? kinds[form] : PLAIN;
}

static double same(double x)
{
  return x;
}
static double logit(double x)
{
  return log(x) - log1p(-x);
}
static double sigmoid(double y)
{
  return y < 0 ? exp(y) / (1 + exp(y)) : 1 / (1 + exp(-y));
}

void value_from_plain(uint32_t value_form, int E, const double *x, double *y)
{
  static double (*const from_plain[])(double) = { same, log, logit };
  for (int i = 0; i < E; i++) y[i] = from_plain[kind_of(value_form)](x[i]);
}

void value_to_plain(uint32_t value_form, int E, const double *y, double *x)
{
  static double (*const to_plain[])(double) = { same, exp, sigmoid };
  for (int i = 0; i < E; i++) x[i] = to_plain[kind_of(value_form)](y[i]);
}

/* ---- float. log(1 - e^z), z <= 0 (Maechler 2012, eq. 7). */
ELBO_INLINE float log1mexp_f(float z)
{
  float near = elbo_logf(-elbo_expm1f(z)), far = elbo_log1pf(-elbo_expf(z));
  return z > -0.69314718f ? near : far;
}
ELBO_INLINE float plain_to_logit(float x)
{
  return elbo_logf(x) - elbo_log1pf(-x);
}
/* At -inf the sum is -inf, at 0 it is +inf: 1 - e^z is then exactly 1 or 0. */
ELBO_INLINE float log_to_logit(float z)
{
  return z - log1mexp_f(z);
}
ELBO_INLINE float logit_to_log(float y)
{
  return -elbo_softplusf(-y);
}

/* y may be x: moved first, then mapped in place. */
ELBO_INLINE void map_to(elbo_map_f32 *map, size_t n, const float *x, float *y)
{
  if (y != x) memmove(y, x, n * sizeof *x);
  elbo_map(map, n, y);
}

#define CONVERSION(name, map)                                                                      \
  ELBO_INLINE void name(size_t n, const float *x, float *y)                                        \
  {                                                                                                \
    map_to(map, n, x, y);                                                                          \
  }                                                                                                \
  LEVELS(name, (size_t n, const float *x, float *y), n, x, y)
CONVERSION(plain_log, elbo_logf)
CONVERSION(plain_logit, plain_to_logit)
CONVERSION(log_plain, elbo_expf)
CONVERSION(log_logit, log_to_logit)
CONVERSION(logit_plain, elbo_sigmoidf)
CONVERSION(logit_log, logit_to_log)

typedef void convert_f32(size_t n, const float *x, float *y);
static convert_f32 *const convert_at[KINDS][KINDS][ELBO_LEVELS] = {
  [PLAIN] = { [LOG] = LEVEL_SET(plain_log), [LOGIT] = LEVEL_SET(plain_logit) },
  [LOG] = { [PLAIN] = LEVEL_SET(log_plain), [LOGIT] = LEVEL_SET(log_logit) },
  [LOGIT] = { [PLAIN] = LEVEL_SET(logit_plain), [LOG] = LEVEL_SET(logit_log) },
};

void value_convert_f32(int level, uint32_t from, uint32_t to, size_t count, const float *x,
                       float *y)
{
  convert_f32 *convert = convert_at[kind_of(from)][kind_of(to)][level];
  if (convert)
    convert(count, x, y);
  else if (y != x)
    memmove(y, x, count * sizeof *x);
}

/* ---- slopes: dy/dx from x and y. */
typedef float slope_f32(float x, float y);
ELBO_INLINE float by_plain_log(float x, float y)
{
  return (void)y, 1.0f / x;
}
ELBO_INLINE float by_plain_logit(float x, float y)
{
  return (void)y, 1.0f / (x * (1.0f - x));
}
ELBO_INLINE float by_log_plain(float x, float y)
{
  return (void)x, y;
}
ELBO_INLINE float by_log_logit(float x, float y)
{
  return (void)y, -1.0f / elbo_expm1f(x);
}
ELBO_INLINE float by_logit_plain(float x, float y)
{
  return y * elbo_sigmoidf(-x);
}
ELBO_INLINE float by_logit_log(float x, float y)
{
  return (void)y, elbo_sigmoidf(-x);
}

/* Where dy is 0 nothing depends on x, however steep y is there. */
ELBO_INLINE void slope_block(slope_f32 *slope, const float *x, const float *y, const float *dy,
                             float *dx)
{
  for (int k = 0; k < ELBO_LANES; k++) {
    float v = dy[k] * slope(x[k], y[k]);
    dx[k] = dy[k] == 0.0f ? 0.0f : v;
  }
}

ELBO_INLINE void slope_row(slope_f32 *slope, size_t n, const float *x, const float *y,
                           const float *dy, float *dx)
{
  for (size_t j = 0; j < n; j += ELBO_LANES) {
    float at[4][ELBO_LANES];
    size_t rest = n - j < ELBO_LANES ? n - j : ELBO_LANES;
    elbo_take(x + j, rest, at[0]);
    elbo_take(y + j, rest, at[1]);
    elbo_take(dy + j, rest, at[2]);
    slope_block(slope, at[0], at[1], at[2], at[3]);
    elbo_put(at[3], rest, dx + j);
  }
}

#define SLOPE(name)                                                                                \
  ELBO_INLINE void name##_back(size_t n, const float *x, const float *y, const float *dy,          \
                               float *dx)                                                          \
  {                                                                                                \
    slope_row(by_##name, n, x, y, dy, dx);                                                         \
  }                                                                                                \
  LEVELS(name##_back, (size_t n, const float *x, const float *y, const float *dy, float *dx), n,   \
         x, y, dy, dx)
SLOPE(plain_log)
SLOPE(plain_logit)
SLOPE(log_plain)
SLOPE(log_logit)
SLOPE(logit_plain)
SLOPE(logit_log)

typedef void back_f32(size_t n, const float *x, const float *y, const float *dy, float *dx);
static back_f32 *const back_at[KINDS][KINDS][ELBO_LEVELS] = {
  [PLAIN] = { [LOG] = LEVEL_SET(plain_log_back), [LOGIT] = LEVEL_SET(plain_logit_back) },
  [LOG] = { [PLAIN] = LEVEL_SET(log_plain_back), [LOGIT] = LEVEL_SET(log_logit_back) },
  [LOGIT] = { [PLAIN] = LEVEL_SET(logit_plain_back), [LOG] = LEVEL_SET(logit_log_back) },
};

void value_convert_back_f32(int level, uint32_t from, uint32_t to, size_t count, const float *x,
                            const float *y, const float *dy, float *dx)
{
  back_f32 *back = back_at[kind_of(from)][kind_of(to)][level];
  if (back)
    back(count, x, y, dy, dx);
  else if (dx != dy)
    memmove(dx, dy, count * sizeof *dy);
}
