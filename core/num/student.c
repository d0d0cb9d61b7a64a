/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/beta.h"
#include <math.h>

enum { ORDERS = 4 };

/* The quantile t of a Student t with n degrees of freedom in the powers of 1/n, t = x + g1(x)/n +
   g2(x)/n^2 + .., x the normal quantile of the same probability (Abramowitz and Stegun 1964,
   26.7.5): g [ORDERS]. */
static void expansion(double x, double *g)
{
  double z = x * x;
  g[0] = x * (z + 1) / 4;
  g[1] = x * ((5 * z + 16) * z + 3) / 96;
  g[2] = x * (((3 * z + 19) * z + 17) * z - 15) / 384;
  g[3] = x * ((((79 * z + 776) * z + 1482) * z - 1920) * z - 945) / 92160;
}

/* dt/dlog n = -sum of k g_k(x) / n^k; x by fixed point from t. */
static double by_expansion(double n, double t)
{
  double g[ORDERS], x = t, before = NAN;
  for (int i = 0; i < 50 && x != before; i++) {
    before = x;
    expansion(x, g);
    x = t - (((g[3] / n + g[2]) / n + g[1]) / n + g[0]) / n;
  }
  expansion(x, g);
  return -(((4 * g[3] / n + 3 * g[2]) / n + 2 * g[1]) / n + g[0]) / n;
}

/* n / (n + t^2) is Beta(n/2, 1/2), with logit log n - 2 log|t|: dlog|t|/dlog n = (1 - pull) / 2.
   For large n that difference loses its digits. */
double student_pull(double df, double t)
{
  if (!(df > 0) || isinf(df) || isnan(t)) return NAN;
  if (t == 0) return 0;
  if (df >= 1e3 && t * t <= 0.01 * df) return by_expansion(df, t);
  return t * 0.5 * (1 - beta_pull(0.5 * df, 0.5, log(df) - 2 * log(fabs(t))));
}
