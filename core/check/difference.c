/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check/inside.h"

#include <math.h>

enum { ROUNDS = 9 };

/* Central differences of steps h, h/1.4, h/1.4^2, .. extrapolated to 0 (Ridders 1982, Advances in Engineering Software 4: 75); the entry
 * with the smallest change against its neighbours is the answer and the change its error. */
double difference_from(line_function *f, void *arg, double at, double step, double *error)
{
  const double ratio = 1.4;
  double a[ROUNDS][ROUNDS], best = NAN;
  *error = INFINITY;
  for (int i = 0; i < ROUNDS; i++, step /= ratio) {
    double high = at + step, low = at - step;
    a[0][i] = (f(arg, high) - f(arg, low)) / (high - low);
    double power = ratio * ratio;
    for (int j = 1; j <= i; j++, power *= ratio * ratio) {
      a[j][i] = (a[j - 1][i] * power - a[j - 1][i - 1]) / (power - 1);
      double change =
          fmax(fabs(a[j][i] - a[j - 1][i]), fabs(a[j][i] - a[j - 1][i - 1]));
      if (!(change <= *error)) continue;
      *error = change;
      best = a[j][i];
    }
  }
  return best;
}

/* The right first step is not known: several are tried. */
double difference(line_function *f, void *arg, double at, double *error)
{
  double best = NAN, size = fmax(1, fabs(at));
  *error = INFINITY;
  for (double step = 0.3 * size; step > 1e-7 * size; step /= 8) {
    double e, d = difference_from(f, arg, at, step, &e);
    if (!(e < *error)) continue;
    *error = e;
    best = d;
  }
  return best;
}
