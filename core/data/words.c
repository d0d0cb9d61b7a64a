/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/words.h"
#include "num/special.h"
#include <elbo/kernel.h>

/* Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, section 3.3), a lane a counter. */
ELBO_INLINE elbo_rc rounds(int level, philox_key key, uint32_t c0, const uint32_t *c1,
                           const uint32_t *c2, uint32_t c3, uint32_t (*out)[LANES])
{
  (void)level; /* whole numbers: the same bits at every level */
  for (int l = 0; l < LANES; l++) {
    uint32_t a = c0, b = c1[l], c = c2[l], d = c3, k = key.key[0], m = key.key[1];
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
      uint64_t p = UINT64_C(0xD2511F53) * a, q = UINT64_C(0xCD9E8D57) * c;
      a = (uint32_t)(q >> 32) ^ b ^ k;
      b = (uint32_t)q;
      c = (uint32_t)(p >> 32) ^ d ^ m;
      d = (uint32_t)p;
      k += 0x9E3779B9; /* of the golden ratio */
      m += 0xBB67AE85; /* of sqrt(3) - 1 */
    }
    out[0][l] = a;
    out[1][l] = b;
    out[2][l] = c;
    out[3][l] = d;
  }
  return ELBO_OK;
}
ELBO_KERNEL(words, rounds,
            (philox_key key, uint32_t c0, const uint32_t *c1, const uint32_t *c2, uint32_t c3,
             uint32_t (*out)[LANES]),
            key, c0, c1, c2, c3, out)

typedef elbo_rc words_maker(philox_key, uint32_t, const uint32_t *, const uint32_t *, uint32_t,
                            uint32_t (*)[LANES]);
static words_maker *const levels[ELBO_LEVELS] = ELBO_KERNEL_SET(words);

void words_many(philox_key key, uint32_t c0, const uint32_t c1[LANES], const uint32_t c2[LANES],
                uint32_t c3, uint32_t out[4][LANES])
{
  int level = cpu_level();
  while (level > 0 && !levels[level]) level--;
  levels[level](key, c0, c1, c2, c3, out);
}
