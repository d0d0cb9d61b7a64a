/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A(l) = log((e^l - 1) / l), of which the density is exp(l x - A(l)) on [0, 1] (Loaiza-Ganem and
 * Cunningham 2019, eq. 4 and 6). With h = l/2 it is h + L(h), L(h) = log(sinh(h) / h), which is
 * even. Near l = 0 its terms cancel, and L is a power series; away from 0 everything is written in
 * e^-|l|, where nothing overflows. */
#include "num/continuous_bernoulli.h"
#include <math.h>

/* L(h) = sum c_n h^(2n), c_n = 2^(2n) B_2n / (2n (2n)!), radius pi: that of
 * log(sin z / z), DLMF 4.19.7, at z = i h. */
static const double series[] = { 1.0 / 6,
                                 -1.0 / 180,
                                 1.0 / 2835,
                                 -1.0 / 37800,
                                 1.0 / 467775,
                                 -691.0 / 3831077250,
                                 2.0 / 127702575,
                                 -3617.0 / 2605132530000,
                                 43867.0 / 350813659321125,
                                 -174611.0 / 15313294652906250 };
enum { TERMS = sizeof series / sizeof series[0] };

static int is_near(double l)
{
  return fabs(l) < 1;
}

/* The `order`-th derivative of L(l / 2) by l. */
static double near_zero(double l, int order)
{
  double h = l / 2, z = h * h, sum = 0;
  for (int n = TERMS; n > (order == 3); n--) {
    double c = series[n - 1];
    for (int k = 0; k < order; k++) c *= 2 * n - k;
    sum = sum * z + c;
  }
  switch (order) {
  case 0:
    return sum * z;
  case 1:
    return sum * h / 2;
  case 2:
    return sum / 4;
  default:
    return sum * h / 8;
  }
}

double cb_norm_tail(double l)
{
  double t = fabs(l);
  return is_near(l) ? near_zero(l, 0) - t / 2 : log(-expm1(-t) / t);
}

/* The mean at -t, t > 0 and away from 0. */
static double short_mean(double t)
{
  return 1 / t - 1 / expm1(t);
}

/* The derivatives from the second on, which A and L share; the third is, with s = 1 / (e^t - 1),
 * 2/t^3 - s (1 + s)(1 + 2 s) at -t, and turned at t. */
static double far_curve(double l, int order)
{
  double t = fabs(l), e = -expm1(-t), s = 1 / expm1(t);
  if (order == 2) return 1 / (t * t) - exp(-t) / (e * e);
  return copysign(2 / (t * t * t) - s * (1 + s) * (1 + 2 * s), -l);
}

static int is_order(double n)
{
  return n == 0 || n == 1 || n == 2 || n == 3;
}

double cb_norm_even(double l, double n)
{
  double t = fabs(l);
  if (isnan(l) || !is_order(n)) return NAN;
  if (is_near(l)) return near_zero(l, (int)n);
  if (n == 0) return t / 2 + cb_norm_tail(l);
  return n == 1 ? copysign(0.5 - short_mean(t), l) : far_curve(l, (int)n);
}

double cb_norm(double l, double n)
{
  double t = fabs(l);
  if (isnan(l) || !is_order(n)) return NAN;
  if (is_near(l)) return near_zero(l, (int)n) + (n == 0 ? l / 2 : n == 1 ? 0.5 : 0);
  if (n == 0) return fmax(l, 0) + cb_norm_tail(l);
  if (n > 1) return far_curve(l, (int)n);
  return l > 0 ? 1 - short_mean(t) : short_mean(t);
}
