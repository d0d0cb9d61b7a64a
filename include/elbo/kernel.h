/* SPDX-License-Identifier: MIT-0
 *
 * elbo/kernel.h - optional, for authors of float kernels: the functions of kernel_math.h, a row sum
 * whose order depends on the row's length alone, and macros that build one inlined body for every
 * level of the CPU (ELBO_LEVELS of plugin.h). A kernel does the same operations at every level;
 * only the contraction of a product and a sum into one rounding may differ. */
#ifndef ELBO_KERNEL_H
#define ELBO_KERNEL_H

#include "kernel_math.h"
#include "plugin.h"

/* ---- levels. ELBO_KERNEL(name, body, params, args...): from one `ELBO_INLINE elbo_rc body(int
   level, ..)` the functions name_v1, name_v3 and name_v4 with the parameters `params`, which
   call body(level, args...); ELBO_KERNEL_SET(name) initialises an [ELBO_LEVELS] array with them.
   Elsewhere than on x86-64 there is level 0 alone. */
#if defined(__GNUC__) && defined(__x86_64__)
#define ELBO_TARGET_V3 __attribute__((target("avx2,fma,bmi2")))
#if defined(__clang__)
#define ELBO_TARGET_V4                                                                             \
  __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,bmi2"), min_vector_width(512)))
#else
#define ELBO_TARGET_V4                                                                             \
  __attribute__((                                                                                  \
      target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,bmi2,prefer-vector-width=512")))
#endif
#define ELBO_KERNEL(name, body, params, ...)                                                       \
  static elbo_rc name##_v1 params                                                                  \
  {                                                                                                \
    return body(0, __VA_ARGS__);                                                                   \
  }                                                                                                \
  ELBO_TARGET_V3 static elbo_rc name##_v3 params                                                   \
  {                                                                                                \
    return body(1, __VA_ARGS__);                                                                   \
  }                                                                                                \
  ELBO_TARGET_V4 static elbo_rc name##_v4 params                                                   \
  {                                                                                                \
    return body(2, __VA_ARGS__);                                                                   \
  }
#define ELBO_KERNEL_SET(name)                                                                      \
  {                                                                                                \
    name##_v1, name##_v3, name##_v4                                                                \
  }
#else
#define ELBO_KERNEL(name, body, params, ...)                                                       \
  static elbo_rc name##_v1 params                                                                  \
  {                                                                                                \
    return body(0, __VA_ARGS__);                                                                   \
  }
#define ELBO_KERNEL_SET(name)                                                                      \
  {                                                                                                \
    name##_v1, NULL, NULL                                                                          \
  }
#endif

/* ---- rows, in blocks of 16 lanes: lane k sums the events k, k + 16, .., and the lanes are
   added in a tree. The last block is padded and its surplus lanes are dropped, so that every
   event meets the same instructions wherever the row ends. */
enum { ELBO_LANES = 16 };
#if defined(__GNUC__)
typedef float elbo_lanes
    __attribute__((vector_size(64))); /* stays in registers from block to block */
ELBO_INLINE void elbo_lanes_add(elbo_lanes *sum, const float *v)
{
  elbo_lanes t;
  memcpy(&t, v, sizeof t);
  *sum += t;
}
#else
typedef struct {
  float at[16];
} elbo_lanes;
ELBO_INLINE void elbo_lanes_add(elbo_lanes *sum, const float *v)
{
  for (int k = 0; k < ELBO_LANES; k++) sum->at[k] += v[k];
}
#endif

ELBO_INLINE float elbo_lane_sum(const float *lane)
{
  float s[8];
  for (int k = 0; k < 8; k++) s[k] = lane[k] + lane[k + 8];
  for (int k = 0; k < 4; k++) s[k] += s[k + 4];
  return (s[0] + s[2]) + (s[1] + s[3]);
}

/* Sum of a row of d numbers. */
ELBO_INLINE float elbo_row_sum(const float *x, size_t d)
{
  float lane[ELBO_LANES] = { 0 };
  size_t j = 0;
  for (; j + ELBO_LANES <= d; j += ELBO_LANES)
    for (int k = 0; k < ELBO_LANES; k++) lane[k] += x[j + k];
  for (size_t k = 0; j + k < d; k++) lane[k] += x[j + k];
  return elbo_lane_sum(lane);
}

ELBO_INLINE void elbo_take(const float *from, size_t rest, float *pad)
{
  for (size_t k = 0; k < ELBO_LANES; k++) pad[k] = k < rest ? from[k] : 0.0f;
}
ELBO_INLINE void elbo_put(const float *pad, size_t rest, float *to)
{
  for (size_t k = 0; k < rest; k++) to[k] = pad[k];
}

/* ---- kernels from a function of one event. in: x and the parameters (of a log_prob), or q's
   parameters and p's (of a divergence), at most four numbers; the value is returned and the
   derivatives by all inputs go to grad. Every parameter is one number an event wide.
     ELBO_INLINE float NAME(const float in[4], float grad[4])
     ELBO_KERNEL_LOG_PROB(kernel, NAME, n_params)   n_params: 1 to 3
     ELBO_KERNEL_KL(kernel, NAME, n_params)         of q and of p each: 1 or 2
     .log_prob_f32 = ELBO_KERNEL_SET(kernel) */
typedef float elbo_event_f32(const float in[4], float grad[4]);

/* 16 events: v [16], o0..: gradients [16] or NULL all four. Inputs beyond `inputs` are not read. */
ELBO_INLINE void elbo_block(elbo_event_f32 *event, int inputs, int grad, const float *restrict i0,
                            const float *restrict i1, const float *restrict i2,
                            const float *restrict i3, float *restrict v, float *restrict o0,
                            float *restrict o1, float *restrict o2, float *restrict o3)
{
  for (int k = 0; k < ELBO_LANES; k++) {
    float in[4] = { i0[k], i1[k], inputs > 2 ? i2[k] : 0.0f, inputs > 3 ? i3[k] : 0.0f }, g[4];
    v[k] = event(in, g);
    if (grad) {
      o0[k] = g[0];
      o1[k] = g[1];
      if (inputs > 2) o2[k] = g[2];
      if (inputs > 3) o3[k] = g[3];
    }
  }
}

/* The events of a row from j on, fewer than 16, through padded copies. */
ELBO_INLINE void elbo_tail(elbo_event_f32 *event, int inputs, int grad, size_t rest,
                           const float *const in[4], size_t j, float *lane, float *const out[4])
{
  float i[4][ELBO_LANES], o[4][ELBO_LANES], v[ELBO_LANES];
  for (int p = 0; p < inputs; p++) elbo_take(in[p] + j, rest, i[p]);
  elbo_block(event, inputs, grad, i[0], i[1], i[2], i[3], v, o[0], o[1], o[2], o[3]);
  for (size_t k = 0; k < rest; k++) lane[k] += v[k];
  for (int p = 0; grad && p < inputs; p++) elbo_put(o[p], rest, out[p] + j);
}

ELBO_INLINE float elbo_event_row(elbo_event_f32 *event, int inputs, int grad, size_t d,
                                 const float *const in[4], float *const out[4])
{
  elbo_lanes sum = { 0 };
  size_t j = 0;
  for (; j + ELBO_LANES <= d; j += ELBO_LANES) {
    float v[ELBO_LANES];
    elbo_block(event, inputs, grad, in[0] + j, in[1] + j, inputs > 2 ? in[2] + j : NULL,
               inputs > 3 ? in[3] + j : NULL, v, grad ? out[0] + j : NULL, grad ? out[1] + j : NULL,
               grad && inputs > 2 ? out[2] + j : NULL, grad && inputs > 3 ? out[3] + j : NULL);
    elbo_lanes_add(&sum, v);
  }
  float lane[ELBO_LANES];
  memcpy(lane, &sum, sizeof lane);
  if (j < d) elbo_tail(event, inputs, grad, d - j, in, j, lane, out);
  return elbo_lane_sum(lane);
}

ELBO_INLINE elbo_rc elbo_event_rows(elbo_event_f32 *event, int inputs, size_t n, size_t d,
                                    const elbo_rows *from, float *value, float *const *to)
{
  for (size_t r = 0; r < n; r++) {
    const float *in[4] = { NULL, NULL, NULL, NULL };
    float *out[4] = { NULL, NULL, NULL, NULL };
    for (int p = 0; p < inputs; p++) in[p] = from[p].at + r * from[p].stride;
    for (int p = 0; to && p < inputs; p++) out[p] = to[p] + r * d;
    value[r] = to ? elbo_event_row(event, inputs, 1, d, in, out)
                  : elbo_event_row(event, inputs, 0, d, in, out);
  }
  return ELBO_OK;
}

ELBO_INLINE elbo_rc elbo_log_prob_rows(int level, const elbo_call *c, elbo_event_f32 *event,
                                       int params, size_t n, size_t d, elbo_rows x,
                                       const elbo_rows *w, float *value, float *dx,
                                       float *const *dw)
{
  (void)level, (void)c;
  elbo_rows from[4] = { x };
  float *to[4] = { dx };
  for (int p = 0; p < params; p++) from[1 + p] = w[p];
  for (int p = 0; dx && p < params; p++) to[1 + p] = dw[p];
  return elbo_event_rows(event, 1 + params, n, d, from, value, dx ? to : NULL);
}

ELBO_INLINE elbo_rc elbo_kl_rows(int level, const elbo_call *c, elbo_event_f32 *event, int params,
                                 size_t n, size_t d, const elbo_rows *w, const elbo_rows *w2,
                                 float *value, float *const *dw, float *const *dw2)
{
  (void)level, (void)c;
  elbo_rows from[4];
  float *to[4];
  for (int p = 0; p < params; p++) {
    from[p] = w[p];
    from[params + p] = w2[p];
    to[p] = dw ? dw[p] : NULL;
    to[params + p] = dw ? dw2[p] : NULL;
  }
  return elbo_event_rows(event, 2 * params, n, d, from, value, dw ? to : NULL);
}

#define ELBO_KERNEL_LOG_PROB(kernel, event, params)                                                \
  ELBO_KERNEL(kernel, elbo_log_prob_rows,                                                          \
              (const elbo_call *c, size_t n, size_t d, elbo_rows x, const elbo_rows *w,            \
               float *value, float *dx, float *const *dw),                                         \
              c, event, params, n, d, x, w, value, dx, dw)
#define ELBO_KERNEL_KL(kernel, event, params)                                                      \
  ELBO_KERNEL(kernel, elbo_kl_rows,                                                                \
              (const elbo_call *c, size_t n, size_t d, const elbo_rows *w, const elbo_rows *w2,    \
               float *value, float *const *dw, float *const *dw2),                                 \
              c, event, params, n, d, w, w2, value, dw, dw2)

/* ---- one number to one number, in place: the standard variates from uniform or normal noise. */
typedef float elbo_map_f32(float);

ELBO_INLINE void elbo_map(elbo_map_f32 *map, size_t d, float *x)
{
  size_t j = 0;
  for (; j + ELBO_LANES <= d; j += ELBO_LANES)
    for (int k = 0; k < ELBO_LANES; k++) x[j + k] = map(x[j + k]);
  if (j == d) return;
  float pad[ELBO_LANES];
  elbo_take(x + j, d - j, pad);
  for (int k = 0; k < ELBO_LANES; k++) pad[k] = map(pad[k]);
  elbo_put(pad, d - j, x + j);
}

#endif
