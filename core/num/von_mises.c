/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The von Mises density at the angle t from its mode is exp(-2 k sin(t/2)^2) / (2 pi I0(k)
 * e^-k): no exponential overflows, and near the mode nothing cancels. */
#include "num/von_mises.h"
#include <float.h>
#include <math.h>

#define PI 3.14159265358979323846
#define LOG_2PI 1.83787706640934548356
#define LARGE 30.0

/* Hankel's series (DLMF 10.40.1) of I0(k) e^-k sqrt(2 pi k) and, termwise, of its difference from
   that of I1. */
static void hankel(double k, double *i0, double *gap)
{
  double t0 = 1, t1 = 1;
  *i0 = 1;
  *gap = 0;
  for (int j = 1; t0 > 0.1 * DBL_EPSILON && j < LARGE; j++) {
    double odd = 2 * j - 1;
    t0 *= odd * odd / (8 * j * k);
    t1 *= (odd * odd - 4) / (8 * j * k);
    *i0 += t0;
    *gap += t0 - t1;
  }
}

double log_i0e(double k)
{
  double i0, gap;
  if (!(k >= 0) || isinf(k)) return NAN;
  if (k < LARGE) return log(bessel_i_scaled(0, k));
  hankel(k, &i0, &gap);
  return log(i0) - 0.5 * (LOG_2PI + log(k));
}

double bessel_gap(double k)
{
  double i0, gap;
  if (!(k >= 0) || isinf(k)) return NAN;
  if (k < LARGE) return 1 - bessel_i_scaled(1, k) / bessel_i_scaled(0, k);
  hankel(k, &i0, &gap);
  return gap / i0;
}

/* Gauss and Legendre's rule of 20 points: those above 0, and their weights (computed with 50
   digits). */
enum { HALF = 10 };
static const double node[HALF] = { 0.076526521133497333755, 0.22778585114164507808,
                                   0.37370608871541956067,  0.510867001950827098,
                                   0.63605368072651502545,  0.74633190646015079261,
                                   0.83911697182221882339,  0.91223442825132590587,
                                   0.96397192727791379127,  0.99312859918509492479 };
static const double weight[HALF] = { 0.1527533871307258507,   0.14917298647260374679,
                                     0.14209610931838205133,  0.1316886384491766269,
                                     0.11819453196151841731,  0.10193011981724043504,
                                     0.083276741576704748725, 0.06267204833410906357,
                                     0.040601429800386941331, 0.017614007139152118312 };

/* A(t) - A(k), A = I1/I0, from whichever of A and 1 - A is the smaller. */
static double ratio_change(double k, double t)
{
  if (k >= 1) return bessel_gap(k) - bessel_gap(t);
  return bessel_i_scaled(1, t) / bessel_i_scaled(0, t) -
         bessel_i_scaled(1, k) / bessel_i_scaled(0, k);
}

/* log I0(k+d) - log I0(k) - d A(k); near k, and below 1 (the zeros of I0 begin at 2.4 i, DLMF
   10.42), as the integral of A(t) - A(k), which keeps its sign and its digits. */
double log_i0_bregman(double k, double d)
{
  if (!(k > 0) || !(k + d >= 0) || isinf(k + d)) return NAN;
  if (fabs(d) > 0.1 * k && fmax(k, k + d) > 1)
    return log_i0e(k + d) - log_i0e(k) + d * bessel_gap(k);
  double sum = 0;
  for (int i = 0; i < HALF; i++)
    sum += weight[i] * (ratio_change(k, k + 0.5 * d * (1 - node[i])) +
                        ratio_change(k, k + 0.5 * d * (1 + node[i])));
  return 0.5 * d * sum;
}

/* Integrals of g = exp(-2 k sin(t/2)^2) and of g (gap - 2 sin(t/2)^2). */
typedef struct {
  double mass, slope;
} integral;

static void add_point(integral *to, double k, double gap, double t, double w)
{
  double s = sin(0.5 * t), v = 2 * s * s, g = w * exp(-k * v);
  to->mass += g;
  to->slope += g * (gap - v);
}

/* From t0 outwards to t1, 0 <= t0 <= t1 <= pi. g falls all the way: over a panel by e^-6 at most,
   and the rest is left out once it no longer counts. */
static void add_outwards(integral *sum, double k, double gap, double t0, double t1)
{
  while (t0 < t1) {
    double wide = fmin(fmin(1, 2 / sqrt(k)), fmin(4 / (k * sin(t0)), t1 - t0)), half = 0.5 * wide;
    double before = sum->mass;
    for (int i = 0; i < HALF; i++) {
      add_point(sum, k, gap, t0 + half - half * node[i], half * weight[i]);
      add_point(sum, k, gap, t0 + half + half * node[i], half * weight[i]);
    }
    if (sum->mass - before <= 1e-3 * DBL_EPSILON * sum->mass) break;
    t0 += wide;
  }
}

/* The stretch from low to high, cut at the modes and the antimodes. Far out an angle has no digits,
   and numbers of half turns do not count up. */
static integral between(double k, double low, double high)
{
  const double far_out = 1e15;
  if (!(k > 0) || isinf(k) || !(low <= high) || !(high - low < 6.2832) || !(fabs(low) < far_out))
    return (integral){ NAN, NAN };
  double gap = bessel_gap(k), norm = exp(-log_i0e(k) - LOG_2PI);
  integral sum = { 0, 0 };
  for (double m = floor(low / PI); m * PI < high; m++) {
    double from = m * PI, to = (m + 1) * PI;
    int falls = fmod(m, 2) == 0;
    double near = falls ? fmax(low - from, 0) : fmax(to - high, 0),
           far = fmin(PI, falls ? high - from : to - low);
    add_outwards(&sum, k, gap, near, far);
  }
  return (integral){ norm * sum.mass, norm * sum.slope };
}

double von_mises_p(double k, double low, double high)
{
  return between(k, low, high).mass;
}

double von_mises_da(double k, double low, double high)
{
  return between(k, low, high).slope;
}
