/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * counts.h - what families of counts need: quantiles, modes, entropies and means by sums. All are
 * [exec]. */
#ifndef COUNTS_H
#define COUNTS_H

#include "exact.h"

/* The points of a count without end. */
ELBO_INLINE double count_point(const elbo_call *c, uint64_t i, const double *w)
{
  (void)c, (void)w;
  return (double)i;
}

/* Counts 0, 1, .. to `high`: the least k with cdf(k) >= u, by steps that double from a guess and
   then halve; by the smaller of the two tails. */
typedef double count_cdf(const elbo_call *, double k, const double *w, int upper, double *dw);
ELBO_INLINE int reaches(const elbo_call *c, count_cdf *cdf, double k, double u, const double *w)
{
  if (k < 0) return 0;
  return u <= 0.5 ? cdf(c, k, w, 0, NULL) >= u : cdf(c, k, w, 1, NULL) <= 1 - u;
}
ELBO_INLINE double least_count(const elbo_call *c, count_cdf *cdf, double u, const double *w,
                               double guess, double high)
{
  if (!(u > 0)) return 0;
  if (u >= 1) return high;
  double k = fmin(fmax(floor(guess), 0), high), low = k, up = k, step = 1;
  if (reaches(c, cdf, k, u, w))
    for (low = k - 1; reaches(c, cdf, low, u, w); low -= step *= 2) up = low;
  else
    for (up = k + 1; up < high && !reaches(c, cdf, up, u, w); up += step *= 2) low = up;
  low = fmax(low, -1);
  up = fmin(up, high);
  for (k = floor((low + up) / 2); up - low > 1 && k > low && k < up; k = floor((low + up) / 2))
    if (reaches(c, cdf, k, u, w))
      up = k;
    else
      low = k;
  return up;
}

/* The normal quantile moved by the skew: mean + sd z + skew sd (z^2 - 1) / 6 (Cornish and Fisher
   1938), a guess for the above. */
ELBO_INLINE double guess_count(const elbo_call *c, double u, double mean, double sd, double skew_sd)
{
  double z = u > 0 && u < 1 ? c->host->special(ELBO_NDTRI, u, 0) : 0;
  return mean + sd * z + skew_sd * (z * z - 1) / 6;
}

/* The mode of counts whose mass rises from k - 1 to k while k < t and is level at k = t: the
   smaller of a tie. t is right to `slack` of it. */
ELBO_INLINE double count_mode(double t, double slack)
{
  double whole = nearbyint(t);
  return fmax(ceil(fabs(t - whole) <= slack * t ? whole : t) - 1, 0);
}
#define MODE_SLACK 1e-14

/* -E log f of counts about `center`, of standard deviation sd: the sum over every step-th count. A
   sum with a step that is narrow beside a smooth mass differs from the whole by the mass's
   characteristic function at 2 pi / step (Poisson's summation formula), below 1e-50 from sd = 8. */
typedef double count_mass(const elbo_call *, double k, const double *w);
ELBO_INLINE double count_entropy(const elbo_call *c, count_mass *log_mass, const double *w,
                                 double center, double sd, double high)
{
  double step = fmax(floor(sd / 4), 1), sum = 0;
  for (int up = 0; up < 2; up++)
    for (double k = up ? center : center - step; k >= 0 && k <= high; k += up ? step : -step) {
      double l = log_mass(c, k, w), term = l > -750 ? -exp(l) * l : 0;
      sum += term;
      if (term <= 1e-19 * sum && fabs(k - center) > sd) break;
    }
  return step * sum;
}

/* E[L(j) - L(reference)], L(j) = log Gamma(j + a) - log Gamma(j + b), for counts j of transform
   E z^j: by Gauss's integral of psi (DLMF 5.9.12) it is the integral over log t of (E z^j -
   z^reference) (e^(-a t) - e^(-b t)) / (1 - z), z = e^-t. The trapezoidal rule for it errs by
   exp(-pi^2 / step). transform: log z^reference, the log of E z^j over that, and the derivative of
   E z^j by the logits. by_power: where E z^j is a power, by the log of its exponent. */
typedef struct {
  double log_reference, log_ratio, by_logits;
} transform_at;
typedef transform_at count_transform(const double *w, double t);
typedef struct {
  double value, by_a, by_b, by_logits, by_power;
} gamma_gap;
ELBO_INLINE gamma_gap mean_gamma_gap(count_transform *transform, const double *w, double mean,
                                     double a, double b)
{
  const double step = 0.25, low = -40 - log(1 + a + b + mean), high = log(45 / fmin(fmin(a, b), 1));
  gamma_gap sum = { 0, 0, 0, 0, 0 };
  for (double s = low; s < high; s += step) {
    double t = exp(s), i = -step / expm1(-t), ea = exp(-a * t), eb = exp(-b * t);
    double between = fabs((a - b) * t) < 1 ? eb * expm1((b - a) * t) : ea - eb;
    transform_at g = transform(w, t);
    double whole = exp(g.log_reference + g.log_ratio), less = whole - exp(g.log_reference);
    if (fabs(g.log_ratio) < 1) less = exp(g.log_reference) * expm1(g.log_ratio);
    sum.value += i * less * between;
    sum.by_a -= i * less * t * ea;
    sum.by_b += i * less * t * eb;
    sum.by_logits += i * g.by_logits * between;
    sum.by_power += i * whole * g.log_ratio * between;
  }
  return sum;
}

#endif
