/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sobol.h - Sobol's sequence as a function of dimension and index, for the noise of samples that
 * spread evenly. */
#ifndef ELBO_NUM_SOBOL_H
#define ELBO_NUM_SOBOL_H

#include <stdint.h>

enum { SOBOL_DIMS = 40, SOBOL_BITS = 30 };
typedef struct sobol {
  uint32_t direction[SOBOL_DIMS][SOBOL_BITS]; /* times 2^-SOBOL_BITS */
} sobol;
void sobol_start(sobol *s);
/* Coordinate `dim` of point `index`, times 2^SOBOL_BITS: the first 2^m points are those of the
   sequence in the order of its numbers, not of their Gray code. */
uint32_t sobol_at(const sobol *s, uint32_t dim, uint32_t index);

#endif
