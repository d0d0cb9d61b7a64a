/* SPDX-License-Identifier: MIT-0
 *
 * elbo/kernel_math.h - branch-free functions that a compiler vectorises; by elbo/kernel.h, or
 * alone.
 *
 * NaN in, NaN out; right at 0, at +-inf and at subnormals (the sign of a zero is not kept). "ulp"
 * is the worst error against the exact value, measured over every 31st float of the domain (of the
 * double functions: over 5e6 random points). */
#ifndef ELBO_KERNEL_MATH_H
#define ELBO_KERNEL_MATH_H

#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define ELBO_INLINE static inline __attribute__((always_inline, unused))
#else
#define ELBO_INLINE static inline
#endif

/* ---- bits */
ELBO_INLINE uint32_t elbo_bits_f(float x)
{
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}
ELBO_INLINE float elbo_from_f(uint32_t u)
{
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}
ELBO_INLINE uint64_t elbo_bits(double x)
{
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}
ELBO_INLINE double elbo_from(uint64_t u)
{
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}
ELBO_INLINE float elbo_absf(float x)
{
  return elbo_from_f(elbo_bits_f(x) & 0x7fffffffu);
}
ELBO_INLINE float elbo_signf(float size, float sign) /* |size| with the sign of `sign` */
{
  return elbo_from_f((elbo_bits_f(size) & 0x7fffffffu) | (elbo_bits_f(sign) & 0x80000000u));
}

#define ELBO_INFF elbo_from_f(0x7f800000u)
#define ELBO_NANF elbo_from_f(0x7fc00000u)
#define ELBO_INF elbo_from(0x7ff0000000000000u)
#define ELBO_NAN elbo_from(0x7ff8000000000000u)

/* ---- exponentials. x = n log 2 + r, |r| <= log(2)/2: n by adding 1.5 2^23, whose low bits then
   hold it, so that neither a conversion nor a rounding mode is met. 2^n is multiplied in two
   halves: one rounding, also into the subnormals. Polynomial: Moshier, Cephes, expf. */
ELBO_INLINE float elbo_expm1_poly(float r) /* e^r - 1 */
{
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * (r * r) + r;
}

ELBO_INLINE float elbo_reduce_f(float x, uint32_t *n)
{
  float t = x * 1.44269504f + 12582912.0f;
  float k = t - 12582912.0f;
  *n = elbo_bits_f(t) - 0x4b400000u;
  return (x - k * 0.693359375f) + k * 2.12194440e-4f;
}

/* 2^n for -127 < n < 128 */
ELBO_INLINE float elbo_pow2_f(uint32_t n)
{
  return elbo_from_f((n + 127u) << 23);
}

ELBO_INLINE float elbo_exp_below_f(float x) /* e^x for x <= 89; 1.01 ulp */
{
  x = x < -104.0f ? -104.0f : x;
  uint32_t n, half;
  float r = elbo_reduce_f(x, &n);
  half = ((n + 256u) >> 1) - 128u;
  return (1.0f + elbo_expm1_poly(r)) * elbo_pow2_f(half) * elbo_pow2_f(n - half);
}

ELBO_INLINE float elbo_expf(float x) /* 1.01 ulp */
{
  return elbo_exp_below_f(x > 89.0f ? 89.0f : x);
}

ELBO_INLINE float elbo_expm1f(float x) /* 1.55 ulp */
{
  x = x < -25.0f ? -25.0f : x;
  x = x > 89.0f ? 89.0f : x;
  uint32_t n, half;
  float r = elbo_reduce_f(x, &n);
  half = ((n + 256u) >> 1) - 128u;
  float one = elbo_pow2_f(half) - elbo_pow2_f(half - n);
  return (elbo_expm1_poly(r) * elbo_pow2_f(half) + one) * elbo_pow2_f(n - half);
}

/* ---- logarithms. x = 2^e (1 + f), 1/sqrt(2) <= 1 + f < sqrt(2). Polynomial: Moshier, Cephes,
   logf. */
ELBO_INLINE float elbo_log_sum_f(float e, float f) /* e log 2 + log(1 + f) */
{
  float z = f * f, p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  float y = p * f * z - e * 2.12194440e-4f - 0.5f * z;
  return (f + y) + e * 0.693359375f;
}

/* The exponent e of x as above, to be read as a signed number. */
ELBO_INLINE int32_t elbo_exponent_f(float x)
{
  return (int32_t)(elbo_bits_f(x) - 0x3f3504f3u) >> 23;
}

ELBO_INLINE float elbo_logf(float x) /* 0.82 ulp */
{
  int small = x < 1.17549435e-38f;
  float y = small ? x * 8388608.0f : x;
  int32_t e = elbo_exponent_f(y);
  float m = elbo_from_f(elbo_bits_f(y) - ((uint32_t)e << 23));
  float v = elbo_log_sum_f((float)(small ? e - 23 : e), m - 1.0f);
  v = x < ELBO_INFF ? v : x;
  v = x > 0.0f ? v : ELBO_NANF;
  return x == 0.0f ? -ELBO_INFF : v;
}

/* The rounding error of 1 + x is carried into f, so that no division is needed. */
ELBO_INLINE float elbo_log1pf(float x) /* 1.38 ulp */
{
  float u = 1.0f + x;
  float c = x > 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
  int32_t e = elbo_exponent_f(u);
  int32_t t = e > 127 ? 0 : 127 - e; /* 2^-e; 0 where the error no longer counts */
  float m = elbo_from_f(elbo_bits_f(u) - ((uint32_t)e << 23));
  float v = elbo_log_sum_f((float)e, (m - 1.0f) + c * elbo_from_f((uint32_t)t << 23));
  v = x < ELBO_INFF ? v : x;
  v = x >= -1.0f ? v : ELBO_NANF;
  return x == -1.0f ? -ELBO_INFF : v;
}

/* log1p(y) for 0 <= y <= 1, as in a softplus: no edges to mind. Chebyshev fit of log1p(y) / y
   about 1/2, good to 5e-9. */
ELBO_INLINE float elbo_log1p_unit_f(float y) /* 1.16 ulp */
{
  float u = y - 0.5f, p = -3.176057018e-3f;
  p = p * u + 5.250270678e-3f;
  p = p * u - 6.788016952e-3f;
  p = p * u + 1.157768518e-2f;
  p = p * u - 2.056318243e-2f;
  p = p * u + 3.663523417e-2f;
  p = p * u - 6.768818965e-2f;
  p = p * u + 1.326090158e-1f;
  p = p * u - 2.885271014e-1f;
  p = p * u - 1.890697801e-1f;
  return y + y * p;
}

ELBO_INLINE float elbo_softplusf(float x) /* log(1 + e^x); 1.84 ulp */
{
  return (x < 0.0f ? 0.0f : x) + elbo_log1p_unit_f(elbo_exp_below_f(-elbo_absf(x)));
}

ELBO_INLINE float elbo_sigmoidf(float x) /* 1.76 ulp */
{
  float e = elbo_exp_below_f(-elbo_absf(x)), q = e / (1.0f + e);
  return x < 0.0f ? e - e * q : 1.0f - q;
}

/* Below 0.625 the polynomial of Moshier, Cephes, tanhf. */
ELBO_INLINE float elbo_tanhf(float x) /* 1.33 ulp */
{
  float a = elbo_absf(x), z = a * a;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  float near = p * z * a + a;
  float far = 1.0f - 2.0f / (elbo_expf(2.0f * a) + 1.0f);
  return elbo_signf(a < 0.625f ? near : far, x);
}

/* cos(2 pi u), 0 <= u <= 1, from h = the way to 0 or 1: near a zero as sin(2 pi w), near 0, 1/2
   and 1 as 1 - (1 - cos 2 pi t), each with an exact w or t. Chebyshev fits on 1/8, good to 3e-11
   and 2e-10. */
ELBO_INLINE float elbo_cos2pif(float u) /* 1.54 ulp */
{
  float h = u < 0.5f ? u : 1.0f - u, w = 0.25f - h, z = w * w;
  float p = 41.4728332395f;
  p = p * z - 76.6978663502f;
  p = p * z + 81.605204711f;
  p = p * z - 41.3417021534f;
  float zero = w * 6.28318548f + w * (p * z - 1.7487275e-7f);
  float t = h < 0.25f ? h : 0.5f - h, y = t * t;
  float q = -59.4241059818f;
  q = q * y + 85.4488200897f;
  q = q * y - 64.9393690514f;
  q = q * y + 19.73920879f;
  float peak = 1.0f - q * y;
  peak = h < 0.25f ? peak : -peak;
  return elbo_absf(w) < 0.125f ? zero : peak;
}

/* ---- double, in the same manner. Polynomials: Sun, fdlibm 5.3, e_exp.c and e_log.c. */
ELBO_INLINE double elbo_pow2(uint64_t n)
{
  return elbo_from((n + 1023u) << 52);
}

ELBO_INLINE double elbo_exp(double x) /* 0.89 ulp */
{
  x = x < -746.0 ? -746.0 : x;
  x = x > 710.0 ? 710.0 : x;
  double t = x * 1.4426950408889634 + 6755399441055744.0, k = t - 6755399441055744.0;
  uint64_t n = elbo_bits(t) - 0x4338000000000000u, half = ((n + 4096u) >> 1) - 2048u;
  double hi = x - k * 6.93147180369123816490e-01, lo = k * 1.90821492927058770002e-10;
  double r = hi - lo, z = r * r, p = 4.13813679705723846039e-08;
  p = p * z - 1.65339022054652515390e-06;
  p = p * z + 6.61375632143793436117e-05;
  p = p * z - 2.77777777770155933842e-03;
  p = p * z + 1.66666666666666019037e-01;
  double c = r - z * p, y = 1.0 - ((lo - (r * c) / (2.0 - c)) - hi);
  return y * elbo_pow2(half) * elbo_pow2(n - half);
}

ELBO_INLINE double elbo_log(double x) /* 0.82 ulp */
{
  int small = x < 2.2250738585072014e-308;
  double y = small ? x * 18014398509481984.0 : x;
  /* The exponent, kept above zero: 64-bit shifts with a sign are not in AVX2. */
  uint64_t e = (elbo_bits(y) - 0x3fe6a09e667f3bcdu + (2048ull << 52)) >> 52;
  double m = elbo_from(elbo_bits(y) - ((e - 2048u) << 52));
  double k =
      elbo_from(e + 0x4338000000000000u) - (small ? 6755399441057792.0 + 54.0 : 6755399441057792.0);
  double f = m - 1.0, s = f / (2.0 + f), z = s * s, h = 0.5 * f * f;
  double p = 1.479819860511658591e-01;
  p = p * z + 1.531383769920937332e-01;
  p = p * z + 1.818357216161805012e-01;
  p = p * z + 2.222219843214978396e-01;
  p = p * z + 2.857142874366239149e-01;
  p = p * z + 3.999999999940941908e-01;
  p = p * z + 6.666666666666735130e-01;
  double v = k * 6.93147180369123816490e-01 -
             ((h - (s * (h + p * z) + k * 1.90821492927058770002e-10)) - f);
  v = x < ELBO_INF ? v : x;
  v = x > 0.0 ? v : ELBO_NAN;
  return x == 0.0 ? -ELBO_INF : v;
}

#endif
