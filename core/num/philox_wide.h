/* SPDX-License-Identifier: GPL-3.0-or-later */
/* philox_wide.h - Philox4x32-10 for 16 counters at once where the CPU has AVX-512: each in the low
 * half of a 64-bit lane, so that a round is two products of the low halves and four exclusive ors.
 * A compiler left to itself takes full 64-bit products, or shuffles halves. Inside core/num. */
#ifndef ELBO_NUM_PHILOX_WIDE_H
#define ELBO_NUM_PHILOX_WIDE_H

#include <elbo/kernel.h>

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>

/* The ten rounds (Salmon, Moraes, Dror and Shaw 2011, section 3.3) of counters c[0..3], eight lanes
 * a vector; word[i stride + lane]: word i of the block. */
ELBO_TARGET_V4 static inline void philox_wide_rounds(const uint32_t key[2], __m512i c[4][2],
                                                     uint32_t *word, size_t stride)
{
  const __m512i a = _mm512_set1_epi64(0xD2511F53), b = _mm512_set1_epi64(0xCD9E8D57);
  uint32_t k = key[0], m = key[1];
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    const __m512i by_k = _mm512_set1_epi64(k), by_m = _mm512_set1_epi64(m);
    for (int h = 0; h < 2; h++) { /* two at a time, since each waits for its products */
      __m512i p = _mm512_mul_epu32(c[0][h], a), q = _mm512_mul_epu32(c[2][h], b);
      c[0][h] = _mm512_srli_epi64(q, 32) ^ c[1][h] ^ by_k;
      c[2][h] = _mm512_srli_epi64(p, 32) ^ c[3][h] ^ by_m;
      c[1][h] = q;
      c[3][h] = p;
    }
    k += 0x9E3779B9; /* of the golden ratio */
    m += 0xBB67AE85; /* of sqrt(3) - 1 */
  }
  for (size_t i = 0; i < 4; i++)
    for (int h = 0; h < 2; h++)
      _mm256_storeu_si256((__m256i *)(word + i * stride + 8 * h), _mm512_cvtepi64_epi32(c[i][h]));
}

/* Counters (c0, c1 + lane, c2, c3). */
ELBO_TARGET_V4 static inline void philox_wide(const uint32_t key[2], const uint32_t counter[4],
                                              uint32_t word[4][16])
{
  __m512i c[4][2];
  for (int i = 0; i < 4; i++) c[i][0] = c[i][1] = _mm512_set1_epi64(counter[i]);
  c[1][0] = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0) + c[1][0];
  c[1][1] = _mm512_set_epi64(15, 14, 13, 12, 11, 10, 9, 8) + c[1][1];
  philox_wide_rounds(key, c, word[0], 16);
}

/* Counters (c0, c1[lane], c2[lane], c3). */
ELBO_TARGET_V4 static inline void philox_wide_at(const uint32_t key[2], uint32_t c0,
                                                 const uint32_t *c1, const uint32_t *c2,
                                                 uint32_t c3, uint32_t *word, size_t stride)
{
  __m512i c[4][2];
  for (int h = 0; h < 2; h++) {
    c[0][h] = _mm512_set1_epi64(c0);
    c[1][h] = _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)(c1 + 8 * h)));
    c[2][h] = _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)(c2 + 8 * h)));
    c[3][h] = _mm512_set1_epi64(c3);
  }
  philox_wide_rounds(key, c, word, stride);
}
#endif

#endif
