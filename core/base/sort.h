/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sort.h - numbers in rising order. None may be NaN. */
#ifndef ELBO_BASE_SORT_H
#define ELBO_BASE_SORT_H

#include <stdlib.h>

static inline int sort_order(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline void sort_doubles(double *x, size_t n)
{
  qsort(x, n, sizeof *x, sort_order);
}

#endif
