/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * decode.h - the part of preparation that is a function of the stored number alone: scale and
 * clip. */
#ifndef ELBO_DATA_DECODE_H
#define ELBO_DATA_DECODE_H

#include "data/dataset.h"

float decode_value(const prepare *p, double v);
/* table[b]: b + shift decoded; one more than there are bytes, for b + 1 of dequantize. */
void decode_table(const prepare *p, double shift, float table[257]);

#endif
