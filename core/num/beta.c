/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The regularised incomplete beta function I_x(a, b) in both tails and its derivatives by a and
 * b along constant I (Figurnov, Mohamed and Mnih 2018, eq. 5). With D = x^a (1-x)^b / B(a, b),
 * the density of logit x, a tail is D R, R by a power series where the smaller of x, 1-x lies
 * below its mean, else by a continued fraction; d/da or d/db is carried through either in
 * forward mode, and D cancels from the pull. Right to 1e-12 or better for a, b from 1e-3 to 1e5. */
#include "num/beta.h"
#include "num/gamma.h"
#include <float.h>
#include <math.h>

#define HALF_LOG_2PI 0.91893853320467274178
enum { MAX_TERMS = 1000000 };

typedef struct {
  double v, d; /* value, derivative by one of a, b */
} dual;

static int fine(double a, double b)
{
  return a > 0 && b > 0 && isfinite(a + b);
}

static double unit(double y)
{
  double e = exp(-fabs(y));
  return (y < 0 ? e : 1) / (1 + e);
}

static double log_unit(double y)
{
  return fmin(y, 0) - log1p(exp(-fabs(y)));
}

/* a - (a+b) x, from the smaller of x and 1 - x (Didonato and Morris 1992, section 4) */
static double lambda(double a, double b, double y)
{
  return y < 0 ? a - (a + b) * unit(y) : (a + b) * unit(-y) - b;
}

/* lgamma(a) + lgamma(b) - lgamma(a+b) by Stirling's formula with its errors, the large logs
   cancelled. */
double lbeta(double a, double b)
{
  if (!fine(a, b)) return NAN;
  return HALF_LOG_2PI + stirling(a) + stirling(b) - stirling(a + b) - (a - 0.5) * log1p(b / a) -
         b * log1p(a / b) - 0.5 * log(b);
}

/* Loader 2000, eq. 4 to 6, extended to real a, b. Where x or 1 - x leaves the normal numbers
   nothing cancels any more. */
double beta_log(double a, double b, double y)
{
  if (!fine(a, b)) return NAN;
  if (fabs(y) > 600) return a * log_unit(y) + b * log_unit(-y) - lbeta(a, b);
  double n = a + b;
  return stirling(n) - stirling(a) - stirling(b) - deviance(a, n * unit(y)) -
         deviance(b, n * unit(-y)) + 0.5 * log(a / n * b) - HALF_LOG_2PI;
}

/* From a = 12, near the mean, log x and psi cancel: (a+b) x / a = 1 - lambda / a. */
double beta_slope(double a, double b, double y)
{
  if (!fine(a, b)) return NAN;
  double l = lambda(a, b, y);
  if (a >= 12 && fabs(l) < 0.5 * a) return log1p(-l / a) + digamma_rest(a, b);
  return log_unit(y) + digamma_gap(a, b);
}

/* a R of the lower tail: sum of (a+b)_j / (a+1)_j x^j (DLMF 8.17.8 with 15.8.1). by_b: the
   derivative by b, else by a. */
static dual by_series(double a, double b, double x, int by_b)
{
  double n = a + b;
  dual term = { 1, 0 }, s = term;
  for (int j = 0; j < MAX_TERMS; j++) {
    double under = a + 1 + j, q = (n + j) / under * x,
           dq = by_b ? x / under : x * (1 - b) / under / under;
    term.d = term.d * q + term.v * dq;
    term.v *= q;
    s.v += term.v;
    s.d += term.d;
    if (term.v <= 0.1 * DBL_EPSILON * s.v && fabs(term.d) <= 0.1 * DBL_EPSILON * fabs(s.d))
      return s;
  }
  return (dual){ NAN, NAN };
}

static dual divide(dual n, dual by)
{
  double v = n.v / by.v;
  return (dual){ v, (n.d - v * by.d) / by.v };
}

/* R of the lower tail for x beyond 1/2 and below the mean: 1 / (b_0 + a_1 / (b_1 + ..)), the even
   part of DLMF 8.17.22 (Didonato and Morris 1992, eq. 9), by Lentz's method as modified by Thompson
   and Barnett 1986. */
static dual by_fraction(double a, double b, double y, int by_b)
{
  double n = a + b, x = unit(y), z = unit(-y), l = lambda(a, b, y), da = !by_b, db = by_b;
  double dl = da * z - db * x;
  dual f = { a / (a + 1) * (l + 1), da * (l + 1) / (a + 1) / (a + 1) + a / (a + 1) * dl };
  dual c = f, d = { 0, 0 };
  for (int m = 1; m < MAX_TERMS; m++) {
    double p = a + 2 * m - 1, q = a + 2 * m + 1, g = (a + m) / q, h = l + 1 + m * (1 + z);
    double u = (a + m - 1) / p * ((n + m - 1) / p) * m * x * x,
           du = u * (da / (a + m - 1) + 1 / (n + m - 1) - 2 * da / p);
    dual t = { u * (b - m), du * (b - m) + u * db };
    dual s = { m + m * (b - m) * x / p + g * h,
               m * x / p * (db - (b - m) * da / p) + da * (m + 1) / q / q * h + g * dl };
    d = divide((dual){ 1, 0 }, (dual){ s.v + t.v * d.v, s.d + t.v * d.d + t.d * d.v });
    dual back = divide(t, c);
    c = (dual){ s.v + back.v, s.d + back.d };
    dual by = { c.v * d.v, c.d * d.v + c.v * d.d };
    f = (dual){ f.v * by.v, f.d * by.v + f.v * by.d };
    if (fabs(by.v - 1) <= DBL_EPSILON && fabs(f.v * by.d) <= DBL_EPSILON * fabs(f.d))
      return divide((dual){ 1, 0 }, f);
  }
  return (dual){ NAN, NAN };
}

static int below_mean(double a, double b, double y)
{
  return (a + b) * unit(y) <= a + 1;
}

/* 1 - I for a < 1, below the mean, where I is near 1: -expm1(log I), each part of log I = a log x -
   log(a B) + log(1 + a sum) relatively right: sum over j >= 1 of (1-b)_j / j! x^j / (a+j) (DLMF
   8.17.7), log(a B) by differences of lgamma from 1 and 1 + b. */
static double rest_of_small(double a, double b, double y)
{
  double x = unit(y), c = 1, sum = 0, term = 1;
  for (int j = 1; j < MAX_TERMS && fabs(term) > 0.1 * DBL_EPSILON * fabs(sum); j++) {
    c *= (j - b) / j * x;
    sum += term = c / (a + j);
  }
  double log_ab = lgamma_bregman(1, a) + a * digamma(1) + log1p(a / b) - a * digamma(1 + b) -
                  lgamma_bregman(1 + b, a);
  return -expm1(a * log_unit(y) - log_ab + log1p(a * sum));
}

/* R of one tail, y <= 0: of the lower one below the mean (*lower = 1), else of the upper one. */
static double factor_of_smaller(double a, double b, double y, int *lower)
{
  *lower = below_mean(a, b, y);
  return *lower ? by_series(a, b, unit(y), 0).v / a : by_fraction(b, a, -y, 0).v;
}

static double tail_of_smaller(double a, double b, double y, int upper)
{
  int lower;
  if (upper && a < 1 && below_mean(a, b, y)) return rest_of_small(a, b, y);
  double t = factor_of_smaller(a, b, y, &lower) * exp(beta_log(a, b, y));
  return lower == upper ? 1 - t : t;
}

static double log_tail_of_smaller(double a, double b, double y, int upper)
{
  int lower;
  if (upper && a < 1 && below_mean(a, b, y)) return log(rest_of_small(a, b, y));
  double t = log(factor_of_smaller(a, b, y, &lower)) + beta_log(a, b, y);
  return lower == upper ? log(-expm1(fmin(t, 0))) : t;
}

double beta_log_p(double a, double b, double y)
{
  return y <= 0 ? log_tail_of_smaller(a, b, y, 0) : log_tail_of_smaller(b, a, -y, 1);
}

double beta_p(double a, double b, double y)
{
  if (!fine(a, b) || isnan(y)) return NAN;
  if (isinf(y)) return y > 0;
  return y <= 0 ? tail_of_smaller(a, b, y, 0) : tail_of_smaller(b, a, -y, 1);
}

double beta_q(double a, double b, double y)
{
  return beta_p(b, a, -y);
}

/* d y / d log a (by_b 0) or d y / d log b, y <= 0. For a the series' 1/a joins psi(a): psi(a) + 1/a
   = psi(a+1). */
static double pull_of_smaller(double a, double b, double y, int by_b)
{
  double slope = by_b ? beta_slope(b, a, -y) : beta_slope(a, b, y);
  if (!below_mean(a, b, y)) {
    dual r = by_fraction(b, a, -y, !by_b);
    return (by_b ? b : a) * (r.d + r.v * slope);
  }
  dual s = by_series(a, b, unit(y), by_b);
  if (by_b) return -b / a * (s.d + s.v * slope);
  double after = a < 12 ? log_unit(y) + digamma_gap(a + 1, b - 1) : slope - 1 / a;
  return -(s.d + s.v * after);
}

double beta_pull(double a, double b, double y)
{
  if (!fine(a, b) || isnan(y)) return NAN;
  /* where 1 - P = (1-x)^b / (b B(a, b)) to all digits */
  if (isinf(y)) return y < 0 ? INFINITY : a * digamma_gap(a, b) / b;
  return y <= 0 ? pull_of_smaller(a, b, y, 0) : -pull_of_smaller(b, a, -y, 1);
}
