/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check/inside.h"

#include <float.h>
#include <math.h>

enum { ROUNDS = 9 };

/* Central differences of steps h, h/1.4, h/1.4^2, .. extrapolated to 0 (Ridders 1982, Advances in
 * Engineering Software 4: 75); the entry with the smallest change against its neighbours is the
 * answer and the change its error, but never less than what the rounding of f makes of it:
 * neighbours may agree by chance. */
static double ridders(line_function *f, void *arg, double at, double step, double noise,
                      double *error)
{
  const double ratio = 1.4;
  double a[ROUNDS][ROUNDS], best = NAN;
  *error = INFINITY;
  for (int i = 0; i < ROUNDS; i++, step /= ratio) {
    double high = at + step, low = at - step;
    double above = f(arg, high), below = f(arg, low),
           rounding = (4 * DBL_EPSILON * fmax(fabs(above), fabs(below)) + noise) / step;
    a[0][i] = (above - below) / (high - low);
    double power = ratio * ratio;
    for (int j = 1; j <= i; j++, power *= ratio * ratio) {
      a[j][i] = (a[j - 1][i] * power - a[j - 1][i - 1]) / (power - 1);
      double change =
          fmax(fmax(fabs(a[j][i] - a[j - 1][i]), fabs(a[j][i] - a[j - 1][i - 1])), rounding);
      if (!(change <= *error)) continue;
      *error = change;
      best = a[j][i];
    }
  }
  return best;
}

/* What rounding inside f makes of its values, at places so close that third differences of a smooth
 * f are 0: a difference x - w, say, of large numbers that is then divided by a small scale. */
static double noise_of(line_function *f, void *arg, double at, double h)
{
  enum { SPOTS = 8 };
  double v[SPOTS], noise = 0;
  for (int i = 0; i < SPOTS; i++) v[i] = f(arg, at + h * (i - SPOTS / 2));
  for (int i = 0; i + 3 < SPOTS; i++) {
    double third = fabs(v[i] - 3 * v[i + 1] + 3 * v[i + 2] - v[i + 3]);
    if (isfinite(third)) noise = fmax(noise, third / 4);
  }
  return noise;
}

double difference_from(line_function *f, void *arg, double at, double step, double *error)
{
  return ridders(f, arg, at, step, noise_of(f, arg, at, 1e-9 * step), error);
}

/* Are the slopes from the left and from the right not the same? Central differences alone would
 * give their mean and look sure of it. */
static bool kinked(line_function *f, void *arg, double at, double slope)
{
  double h = 1e-7 * fmax(1, fabs(at)), here = f(arg, at), right = (f(arg, at + h) - here) / h,
         left = (here - f(arg, at - h)) / h;
  return !(fabs(right - left) <= 1e-2 * fabs(slope) + 100 * DBL_EPSILON * fabs(here) / h);
}

/* The right first step is not known: several are tried. */
double difference(line_function *f, void *arg, double at, double *error)
{
  double best = NAN, size = fmax(1, fabs(at)), noise = noise_of(f, arg, at, 1e-10 * size);
  *error = INFINITY;
  for (double step = 0.3 * size; step > 1e-7 * size; step /= 8) {
    double e, d = ridders(f, arg, at, step, noise, &e);
    if (!(e < *error)) continue;
    *error = e;
    best = d;
  }
  if (kinked(f, arg, at, best)) *error = INFINITY;
  return best;
}
