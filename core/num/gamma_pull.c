/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The derivative of a Gamma(a, 1) variate along its constant cdf, d log z / d log a = -(a/z)
 * (dP/da) / f (Figurnov, Mohamed and Mnih 2018, eq. 5). d/da is carried through the series and
 * the continued fraction of the incomplete gamma, in forward mode; the prefactor of P or Q
 * cancels with that of the density. Right to 1e-10 or better for a from 1e-3 to 1e5. */
#include "num/gamma.h"
#include <float.h>
#include <math.h>

#define HALF_LOG_2PI 0.91893853320467274178
#define EULER 0.57721566490153286061
enum { MAX_TERMS = 1000000 };

typedef struct {
  double v, d; /* value, derivative by a */
} dual;

static dual divide(double n, double dn, dual by)
{
  double v = n / by.v;
  return (dual){ v, (dn - v * by.d) / by.v };
}

/* log z - psi(a), or - psi(a+1): the derivative of the prefactor's log. From a = 8 psi goes through
   log a (DLMF 5.11.2). */
static double slope(double a, double log_z, int after)
{
  if (a < 8) return log_z - digamma(a + after);
  return (log_z - log(a)) + (after ? -0.5 : 0.5) / a - stirling_da(a);
}

/* DLMF 8.11.4: P = z^a e^-z / Gamma(a+1) S, S = sum of z^n / ((a+1) .. (a+n)). */
static dual series(double a, double z)
{
  dual term = { 1, 0 }, s = term;
  for (int n = 1; n < MAX_TERMS; n++) {
    term = divide(term.v * z, term.d * z, (dual){ a + n, 1 });
    s.v += term.v;
    s.d += term.d;
    if (term.v <= 0.1 * DBL_EPSILON * s.v && fabs(term.d) <= 0.1 * DBL_EPSILON * fabs(s.d))
      return s;
  }
  return (dual){ NAN, NAN };
}

/* DLMF 8.9.2: Q = z^a e^-z / Gamma(a) q, 1/q = b_0 + a_1/(b_1 + a_2/(b_2 + ..)), b_n = z + 2n + 1 -
   a, a_n = n (a - n), by Lentz's method as modified by Thompson and Barnett 1986. Beyond z = a + 1
   no denominator comes near 0. */
static dual fraction(double a, double z)
{
  dual f = { z + 1 - a, -1 }, c = f, d = { 0, 0 };
  for (int n = 1; n < MAX_TERMS; n++) {
    double b = z + 2 * n + 1 - a, t = n * (a - n);
    d = divide(1, 0, (dual){ b + t * d.v, -1 + n * d.v + t * d.d });
    dual back = divide(t, n, c);
    c = (dual){ b + back.v, -1 + back.d };
    dual by = { c.v * d.v, c.d * d.v + c.v * d.d };
    f = (dual){ f.v * by.v, f.d * by.v + f.v * by.d };
    if (fabs(by.v - 1) <= DBL_EPSILON && fabs(f.v * by.d) <= DBL_EPSILON * fabs(f.d))
      return divide(1, 0, f);
  }
  return (dual){ NAN, NAN };
}

double gamma_pull(double a, double log_z)
{
  if (!(a > 0) || isinf(a) || isnan(log_z)) return NAN;
  if (log_z == -INFINITY) return INFINITY;
  if (log_z > 700) return 0;
  double z = exp(log_z);
  if (z < a + 1) {
    dual s = series(a, z);
    return -(s.v * slope(a, log_z, 1) + s.d);
  }
  dual q = fraction(a, z);
  return a * (q.v * slope(a, log_z, 0) + q.d);
}

double gamma_log_density(double a, double log_z)
{
  double z = exp(log_z);
  if (log_z < -600 || isinf(z)) return a * log_z - z - log_gamma(a);
  return 0.5 * log(a) - HALF_LOG_2PI - deviance(a, z) - stirling(a);
}

/* Where gamma_small_q is the better one. */
static int gamma_is_small(double a)
{
  return a < 0.25;
}

/* Q(a, z). 1 - P loses its digits as a goes to 0, where Q does. By P = z^a / Gamma(a) sum of (-z)^n
 * /
 * ((a+n) n!) (DLMF 8.7.1) the first term leaves 1 - z^a / Gamma(a+1), which expm1 keeps, and the
 * others a sum that is of the size of a itself. */
static double gamma_small_q(double a, double log_z)
{
  double z = exp(log_z);
  if (z > 1.5) {
    double density = exp(gamma_log_density(a, log_z));
    return density > 0 ? density * fraction(a, z).v : 0;
  }
  double power = a * log_z + a * EULER - lgamma_bregman(1, a);
  double term = 1, sum = 0;
  for (int n = 1; n < MAX_TERMS; n++) {
    term *= -z / n;
    sum += term / (a + n);
    if (fabs(term) <= 0.1 * DBL_EPSILON * fabs(sum)) break;
  }
  return -expm1(power) - exp(power) * a * sum;
}

double gamma_log_tail(double a, double log_z, int upper)
{
  if (upper && gamma_is_small(a) && log_z < 0) return log(gamma_small_q(a, log_z));
  double density = gamma_log_density(a, log_z), z = exp(log_z);
  int low = z < a + 1;
  double t = density + (low ? log(series(a, z).v / a) : log(fraction(a, z).v));
  return low == !upper ? t : log(-expm1(fmin(t, 0)));
}

double gamma_tail(double a, double z, int upper)
{
  if (!(a > 0) || isinf(a) || !(z >= 0)) return NAN;
  if (z == 0 || isinf(z)) return (z == 0) == !!upper;
  if (gamma_is_large(a)) return gamma_large(a, z, upper);
  double log_z = log(z);
  if (upper && gamma_is_small(a)) return gamma_small_q(a, log_z);
  int low = z < a + 1;
  double t = exp(gamma_log_density(a, log_z)); /* once it is 0 the fraction may not end */
  if (t > 0) t *= low ? series(a, z).v / a : fraction(a, z).v;
  return low == !upper ? t : 1 - t;
}
