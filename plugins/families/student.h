/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * student.h - Student's t, in one dimension or several. All are [exec]. */
#ifndef STUDENT_H
#define STUDENT_H

#include "exact.h"

/* Student's t in `dim` dimensions with n degrees of freedom, q = (distance / scale)^2 / n, h = n/2,
   k = dim/2: the log density of the standard one is student_norm - student_fall. Lgamma(h+k) -
   lgamma(h) is k psi(h) and a Bregman divergence; the logs of h cancel on paper. */
ELBO_INLINE double student_norm(const elbo_host *host, double n, double dim)
{
  double h = 0.5 * n, k = 0.5 * dim;
  return k * (host->special(ELBO_STIRLING_DA, h, 0) - 0.5 / h) +
         host->special(ELBO_LGAMMA_BREGMAN, h, k) - 2 * k * HALF_LOG_2PI;
}
/* (h + k) log(1 + q), log_q at hand where q overflows */
ELBO_INLINE double student_fall(double n, double dim, double q, double log_q)
{
  if (isinf(q)) return 0.5 * (n + dim) * log_q;
  if (q > 0.2) return 0.5 * (n + dim) * log1p(q);
  return 0.5 * n * (q - phi(q)) + 0.5 * dim * log1p(q);
}
/* The derivative of the log density by log n, t = q / (1 + q): with log(1+q) - t = phi(-t). */
ELBO_INLINE double student_by_log_df(const elbo_host *host, double n, double dim, double q,
                                     double log_q, double t)
{
  double h = 0.5 * n, k = 0.5 * dim;
  double fall = isinf(q) ? log_q - t : q > 0.2 ? log1p(q) - t : phi(-t);
  return h * (host->special(ELBO_DIGAMMA_REST, h, k) - phi(k / h) - fall) + k * t;
}

#endif
