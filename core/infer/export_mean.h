/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export_mean.h - the mean of a family that brings `mean_in_c`, as functions of an exported
 * decoder. */
#ifndef ELBO_INFER_EXPORT_MEAN_H
#define ELBO_INFER_EXPORT_MEAN_H

#include "base/text.h"
#include "infer/model.h"

/* `void function(const float *loc, .., float *mean_out)`: the parameters that the mean needs. */
void mean_add_signature(const family_use *u, const char *function, text *to);
/* What that calls for each event: `static double mean_gamma(..)`. */
void mean_add_helper(const family_use *u, text *to);
/* Its body: the loop over d events. */
void mean_add_loop(const family_use *u, size_t d, text *to);

#endif
