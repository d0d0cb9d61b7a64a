/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ELBO_REPORT_PRINCIPAL_H
#define ELBO_REPORT_PRINCIPAL_H

#include "base/error.h"

#include <stddef.h>

/* Of points at [rows][n], n >= 2: where they lie in the plane of their two principal components, xy
   [rows][2], about their mean, and the share of the variance that each component has. */
elbo_status principal_plane(const float *at, size_t rows, size_t n, float *xy, double share[2],
                            error *e);

#endif
