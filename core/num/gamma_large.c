/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The incomplete gamma of a large a, uniformly in z (Temme 1979; DLMF 8.12.3, 8.12.4 and 8.12.7):
 * with eta^2/2 = z/a - 1 - log(z/a), eta of the sign of z - a, Q = erfc(eta sqrt(a/2))/2 + R and
 * P = erfc(-eta sqrt(a/2))/2 - R, R = exp(-a eta^2/2) / sqrt(2 pi a) sum of c_k(eta) / a^k. */
#include "num/gamma.h"
#include <math.h>

#define SQRT_2PI 2.50662827463100050242

/* Taylor coefficients of c_0, c_1, c_2 at eta = 0 (DLMF 8.12.10 to 8.12.12). Where exp(-a eta^2/2)
   does not underflow |eta| is below 0.123 for the a of gamma_is_large, and what is left out is less
   than 1e-17 of the sum. */
static const double c0[] = { -1.0 / 3,
                             1.0 / 12,
                             -2.0 / 135,
                             1.0 / 864,
                             1.0 / 2835,
                             -139.0 / 777600,
                             1.0 / 25515,
                             -571.0 / 261273600,
                             -281.0 / 151559100,
                             163879.0 / 197522841600,
                             -5221.0 / 29554024500 };
static const double c1[] = { -1.0 / 540, -1.0 / 288, 1.0 / 378, -77.0 / 77760, 1.0 / 4860 };
static const double c2[] = { 25.0 / 6048 };

static double sum_of(const double *c, int n, double eta)
{
  double sum = 0;
  while (n-- > 0) sum = sum * eta + c[n];
  return sum;
}
#define SUM(C, ETA) sum_of(C, sizeof(C) / sizeof(C)[0], ETA)

int gamma_is_large(double a)
{
  return a >= 1e5 && !isinf(a);
}

double gamma_large(double a, double z, int upper)
{
  double square = z > 0 ? deviance(a, z) : INFINITY; /* a eta^2 / 2 */
  double side = z < a ? -1 : 1, turn = upper ? 1 : -1;
  if (square > 745) return side == turn ? 0 : 1;
  double eta = side * sqrt(2 * square / a);
  double c = SUM(c0, eta) + (SUM(c1, eta) + SUM(c2, eta) / a) / a;
  double rest = exp(-square) / (SQRT_2PI * sqrt(a)) * c;
  return 0.5 * erfc(turn * side * sqrt(square)) + turn * rest;
}
