/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/gamma.h"
#include <math.h>

#define HALF_LOG_2PI 0.91893853320467274178

/* Stirling's series (DLMF 5.11.1): s(a) = sum of series[k] / a^(2k+1). From a = 12 on seven terms
 * err by less than 1e-17. */
enum { TERMS = 7 };
static const double from = 12;
static const double series[TERMS] = { 1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
                                      1.0 / 1188, -691.0 / 360360, 1.0 / 156 };

/* s(a) - s(a+1) = (a + 1/2) log(1 + 1/a) - 1 = atanh(t)/t - 1 with t = 1/(2a+1); for t <= 1/2. */
static double step(double t)
{
  double z = t * t, sum = 0;
  for (int k = 27; k >= 1; k--) sum = z * (sum + 1.0 / (2 * k + 1));
  return sum;
}

/* Its derivative by a: dt/da = -2 t^2. */
static double step_da(double t)
{
  double z = t * t, sum = 0;
  for (int k = 27; k >= 1; k--) sum = z * sum + 2.0 * k / (2 * k + 1);
  return -2 * z * t * sum;
}

double stirling(double a)
{
  if (!(a > 0)) return NAN;
  if (a < 0.5) return log_gamma(a) - ((a - 0.5) * log(a) - a + HALF_LOG_2PI);
  double sum = 0, tail = 0;
  for (; a < from; a += 1) sum += step(1 / (2 * a + 1));
  double z = 1 / a / a;
  for (int k = TERMS - 1; k >= 0; k--) tail = tail * z + series[k];
  return sum + tail / a;
}

double stirling_da(double a)
{
  if (!(a > 0)) return NAN;
  if (a < 0.5) return digamma(a) - log(a) + 0.5 / a;
  double sum = 0, tail = 0;
  for (; a < from; a += 1) sum += step_da(1 / (2 * a + 1));
  double z = 1 / a / a;
  for (int k = TERMS - 1; k >= 0; k--) tail = tail * z - (2 * k + 1) * series[k];
  return sum + tail * z;
}

/* a log(a/b) + b - a. Near b by the series of Loader 2000, eq. 5, v = (a-b)/(a+b): (a-b) v + 2 a v
 * sum of v^2k / (2k+1). */
double deviance(double a, double b)
{
  if (!(a >= 0) || !(b > 0)) return NAN;
  if (a == 0) return b;
  double d = a - b, v = d / (a + b);
  if (fabs(v) >= 0.1) return a * log(a / b) - d;
  double z = v * v, sum = 0;
  for (int k = 9; k >= 1; k--) sum = z * (sum + 1.0 / (2 * k + 1));
  return d * v + 2 * a * v * sum;
}

/* t - log(1+t), t > -1: with r = t/(2+t), log(1+t) = 2 atanh(r). */
static double phi(double t)
{
  if (fabs(t) >= 0.3) return t - log1p(t);
  double r = t / (2 + t), z = r * r, sum = 0;
  for (int k = 10; k >= 1; k--) sum = z * (sum + 1.0 / (2 * k + 1));
  return t * r - 2 * r * sum;
}

/* e^t - 1 - t */
static double em1(double t)
{
  if (fabs(t) >= 0.3) return expm1(t) - t;
  double sum = 0;
  for (int k = 14; k >= 2; k--) sum = (1 + sum) * t / k;
  return sum * t;
}

/* (1+v) log(1+v) - v = sum over k >= 2 of (-v)^k / (k (k-1)) */
static double entropy_gap(double v)
{
  if (fabs(v) >= 0.1) return (1 + v) * log1p(v) - v;
  double sum = 0;
  for (int k = 18; k >= 2; k--) sum = -v * sum + 1.0 / (k * (k - 1.0));
  return sum * v * v;
}

/* The Bregman divergence of x log x - x. */
static double poisson_bregman(double a, double d)
{
  return a * entropy_gap(d / a);
}

/* That of the rest of Stirling's formula, a large, each part's own: of (1+v)^-m it is em1(-m
   log(1+v)) + m phi(v), two terms of one sign. */
static double bregman_of_rest(double a, double d)
{
  double v = d / a, l = log1p(v), p = phi(v), power = 1 / a, sum = 0;
  for (int k = 0; k < TERMS; k++, power /= a * a) {
    int m = 2 * k + 1;
    sum += series[k] * power * (em1(-m * l) + m * p);
  }
  return 0.5 * p + sum;
}

/* lgamma(a+d) - lgamma(a) - d psi(a). A step from a to a+1 adds phi(d/a); then Stirling's formula.
   d is carried: a+d would lose its digits. */
double lgamma_bregman(double a, double d)
{
  if (!(a > 0) || !(a + d > 0) || isinf(a + d)) return NAN;
  double sum = 0;
  for (; a + fmin(d, 0) < from; a += 1) sum += phi(d / a);
  return sum + poisson_bregman(a, d) + bregman_of_rest(a, d);
}

double lgamma_rest(double a, double d)
{
  if (!(a > 0) || !(a + d > 0) || isinf(a + d)) return NAN;
  if (a + fmin(d, 0) >= from) return bregman_of_rest(a, d);
  return lgamma_bregman(a, d) - poisson_bregman(a, d);
}

double trigamma_rest(double a)
{
  if (!(a > 0)) return NAN;
  if (a < from) return trigamma(a) - 1 / a;
  double z = 1 / a / a, sum = 0;
  for (int k = TERMS - 1; k >= 0; k--) sum = sum * z + (2 * k + 1) * (2 * k + 2) * series[k];
  return z * (0.5 + sum / a);
}

/* psi(a+d) - psi(a) - log(1 + d/a) from psi(a) = log a - 1/(2a) + s'(a), each part's own
   difference: (1+v)^-m - 1 = expm1(-m log(1+v)). */
static double rest_of_large(double a, double d)
{
  double z = 1 / a / a, l = log1p(d / a), power = z, sum = 0;
  for (int k = 0; k < TERMS; k++, power *= z) {
    int m = 2 * k + 2;
    sum -= (m - 1) * series[k] * power * expm1(-m * l);
  }
  return 0.5 * d / a / (a + d) + sum;
}

/* psi(a+d) - psi(a); a step from a to a+1 adds 1/a - 1/(a+d). */
double digamma_gap(double a, double d)
{
  if (!(a > 0) || !(a + d > 0) || isinf(a + d)) return NAN;
  double sum = 0;
  for (; a + fmin(d, 0) < from; a += 1) sum += d / a / (a + d);
  return sum + log1p(d / a) + rest_of_large(a, d);
}

double digamma_rest(double a, double d)
{
  if (a + fmin(d, 0) >= from && !isinf(a + d)) return rest_of_large(a, d);
  return digamma_gap(a, d) - log1p(d / a);
}
