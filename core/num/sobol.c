/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/sobol.h"

/* Primitive polynomials modulo 2, as bits, and first direction integers: Bratley and Fox 1988,
 * "Algorithm 659", table 2. */
static const struct {
  uint32_t polynomial, first[8];
} start[SOBOL_DIMS] = {
  { 1, { 1 } },
  { 3, { 1 } },
  { 7, { 1, 1 } },
  { 11, { 1, 3, 7 } },
  { 13, { 1, 1, 5 } },
  { 19, { 1, 3, 1, 1 } },
  { 25, { 1, 1, 3, 7 } },
  { 37, { 1, 3, 3, 9, 9 } },
  { 59, { 1, 3, 7, 13, 3 } },
  { 47, { 1, 1, 5, 11, 27 } },
  { 61, { 1, 3, 5, 1, 15 } },
  { 55, { 1, 1, 7, 3, 29 } },
  { 41, { 1, 3, 7, 7, 21 } },
  { 67, { 1, 1, 1, 9, 23, 37 } },
  { 97, { 1, 3, 3, 5, 19, 33 } },
  { 91, { 1, 1, 3, 13, 11, 7 } },
  { 109, { 1, 1, 7, 13, 25, 5 } },
  { 103, { 1, 3, 5, 11, 7, 11 } },
  { 115, { 1, 1, 1, 3, 13, 39 } },
  { 131, { 1, 3, 1, 15, 17, 63, 13 } },
  { 193, { 1, 1, 5, 5, 1, 27, 33 } },
  { 137, { 1, 3, 3, 3, 25, 17, 115 } },
  { 145, { 1, 1, 3, 15, 29, 15, 41 } },
  { 143, { 1, 3, 1, 7, 3, 23, 79 } },
  { 241, { 1, 3, 7, 9, 31, 29, 17 } },
  { 157, { 1, 1, 5, 13, 11, 3, 29 } },
  { 185, { 1, 3, 1, 9, 5, 21, 119 } },
  { 167, { 1, 1, 3, 1, 23, 13, 75 } },
  { 229, { 1, 3, 3, 11, 27, 31, 73 } },
  { 171, { 1, 1, 7, 7, 19, 25, 105 } },
  { 213, { 1, 3, 5, 5, 21, 9, 7 } },
  { 191, { 1, 1, 1, 15, 5, 49, 59 } },
  { 253, { 1, 1, 1, 1, 1, 33, 65 } },
  { 203, { 1, 3, 5, 15, 17, 19, 21 } },
  { 211, { 1, 1, 7, 11, 13, 29, 3 } },
  { 239, { 1, 3, 7, 5, 7, 11, 113 } },
  { 247, { 1, 1, 5, 3, 15, 19, 61 } },
  { 285, { 1, 3, 1, 1, 9, 27, 89, 7 } },
  { 369, { 1, 1, 3, 7, 31, 15, 45, 23 } },
  { 299, { 1, 3, 3, 9, 9, 25, 107, 39 } },
};

static int degree(uint32_t polynomial)
{
  int n = 0;
  while (polynomial >> (n + 1)) n++;
  return n;
}

/* m_j = 2 a_1 m_(j-1) ^ .. ^ 2^n m_(j-n) ^ m_(j-n) (Sobol 1967; Bratley and Fox 1988, section 2);
 * of degree 0, van der Corput's, all 1. */
static uint32_t next(const uint32_t *m, int j, uint32_t polynomial)
{
  int n = degree(polynomial);
  if (!n) return 1;
  uint32_t out = m[j - n] ^ m[j - n] << n;
  for (int k = 1; k < n; k++) out ^= (polynomial >> (n - k) & 1) * (m[j - k] << k);
  return out;
}

void sobol_start(sobol *s)
{
  for (int d = 0; d < SOBOL_DIMS; d++) {
    uint32_t m[SOBOL_BITS], polynomial = start[d].polynomial;
    for (int j = 0; j < SOBOL_BITS; j++) {
      m[j] = j < degree(polynomial) ? start[d].first[j] : next(m, j, polynomial);
      s->direction[d][j] = m[j] << (SOBOL_BITS - 1 - j);
    }
  }
}

uint32_t sobol_at(const sobol *s, uint32_t dim, uint32_t index)
{
  uint32_t out = 0;
  for (int j = 0; j < SOBOL_BITS && index >> j; j++) out ^= (index >> j & 1) * s->direction[dim][j];
  return out;
}
