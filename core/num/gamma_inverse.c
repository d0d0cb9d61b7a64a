/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/gamma.h"
#include "num/special.h"
#include <elbo/plugin.h>
#include <math.h>

/* v = log z by Wilson and Hilferty 1931, or the first term of the series, whichever can be
 * right. */
static double start(double a, double first, double normal)
{
  double k = 1 / (9 * a), q = 1 - k + sqrt(k) * normal;
  return a < 1 || q < 0.1 ? fmin(first, fmax(log(a), 1)) : log(a) + 3 * log(q);
}

/* Newton's method on the log of the tail that is u <= 1/2. It is concave in v (the density of v is
   log-concave), so that it converges from the tail's side, and from the other after one step; steps
   are cut to 2. */
static double quantile(double a, double u, int upper)
{
  double target = log(u), first = ((upper ? log1p(-u) : target) + log_gamma(a + 1)) / a;
  if (first < -39) return first; /* z^a / Gamma(a+1) is all there is of P */
  double normal = special_call(ELBO_NDTRI, u, 0), v = start(a, first, upper ? -normal : normal);
  for (int i = 0; i < 200; i++) {
    double t = gamma_log_tail(a, v, upper);
    double step = (t - target) * exp(t - gamma_log_density(a, v));
    if (upper) step = -step;
    step = step > 2 ? 2 : step < -2 ? -2 : step;
    v -= step;
    if (!(fabs(step) > 1e-15 * fmax(1, fabs(v)))) break;
  }
  return v;
}

static double inverse(double a, double u, int upper)
{
  if (!(a > 0) || isinf(a) || !(u >= 0 && u <= 1)) return NAN;
  if (u == 0 || u == 1) return (u == 0) == !!upper ? INFINITY : -INFINITY;
  return u <= 0.5 ? quantile(a, u, upper) : quantile(a, 1 - u, !upper);
}

double gamma_inv(double a, double u)
{
  return inverse(a, u, 0);
}

double gamma_inv_q(double a, double u)
{
  return inverse(a, u, 1);
}
