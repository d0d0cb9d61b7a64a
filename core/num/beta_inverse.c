/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/beta.h"
#include "num/special.h"
#include <elbo/plugin.h>
#include <math.h>

/* A start: the normal approximation of y, or the first term of the series, log x = (log u + log(a
   B)) / a. */
static double start(double a, double b, double log_u, double first)
{
  double mean = log(a / b);
  if (a > 1 && b > 1) return mean + sqrt(1 / a + 1 / b) * special_call(ELBO_NDTRI, exp(log_u), 0);
  return fmin(first, fmax(mean, 0));
}

/* u <= 1/2. Newton's method on log I, which is concave in y (the density of y is log-concave): it
   converges from the left, and from the right after one step; steps are cut to 2. */
static double lower(double a, double b, double u)
{
  double log_u = log(u), first = (log_u + log(a) + lbeta(a, b)) / a,
         last = (log1p(-u) + log(b) + lbeta(a, b)) / b; /* the same from the other end, log(1-x) */
  if (first < -39 - log(fmax(b, 1))) return first;
  if (last < -39 - log(fmax(a, 1))) return -last;
  double y = start(a, b, log_u, first);
  for (int i = 0; i < 200; i++) {
    double p = beta_log_p(a, b, y), step = (p - log_u) * exp(p - beta_log(a, b, y));
    step = step > 2 ? 2 : step < -2 ? -2 : step;
    y -= step;
    if (!(fabs(step) > 1e-15 * fmax(1, fabs(y)))) break;
  }
  return y;
}

double beta_inv(double a, double b, double u)
{
  if (!(a > 0) || !(b > 0) || !isfinite(a + b) || !(u >= 0 && u <= 1)) return NAN;
  if (u == 0 || u == 1) return u == 0 ? -INFINITY : INFINITY;
  return u <= 0.5 ? lower(a, b, u) : -lower(b, a, 1 - u);
}
