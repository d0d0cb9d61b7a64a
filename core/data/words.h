/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * words.h - many Philox blocks at once, each what philox_block gives: the lanes are independent,
 * so the loop becomes vector code. */
#ifndef ELBO_DATA_WORDS_H
#define ELBO_DATA_WORDS_H

#include "num/philox.h"

enum { LANES = 64 };

/* out[w][l]: word w of the block with counter (c0, c1[l], c2[l], c3). */
void words_many(philox_key key, uint32_t c0, const uint32_t c1[LANES], const uint32_t c2[LANES],
                uint32_t c3, uint32_t out[4][LANES]);

#endif
