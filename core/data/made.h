/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * made.h - makers of the built-in sets' rows: a row is a function of the key, the split and its
 * number alone. */
#ifndef ELBO_DATA_MADE_H
#define ELBO_DATA_MADE_H

#include "num/philox.h"
#include <stdbool.h>
#include <stdint.h>

enum { DIGIT_SIDE = 28, DIGIT_PIXELS = DIGIT_SIDE * DIGIT_SIDE };

/* One handwritten-like digit: grey levels, 0 paper, 255 ink; returns which digit it is. The same
   bits on every machine. */
uint8_t digit_draw(philox_key key, uint32_t split, uint32_t row, uint8_t pixels[DIGIT_PIXELS]);

#endif
