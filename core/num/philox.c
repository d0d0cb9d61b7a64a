/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/philox.h"
#include "num/philox_wide.h"
#include "num/special.h"
#include <Random123/philox.h>
#include <elbo/kernel.h>
#include <math.h>

/* SplitMix64's output function (Steele, Lea and Flood 2014): a bijection, so that no two streams of
 * a seed share a key. */
static uint64_t mixed(uint64_t x)
{
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

philox_key philox_make_key(uint64_t seed, uint64_t stream)
{
  uint64_t key = mixed(mixed(seed) ^ stream);
  return (philox_key){ { (uint32_t)key, (uint32_t)(key >> 32) } };
}

void philox_block(philox_key key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                  uint32_t out[4])
{
  philox4x32_ctr_t c = { { c0, c1, c2, c3 } };
  philox4x32_key_t k = { { key.key[0], key.key[1] } };
  c = philox4x32(c, k);
  for (int i = 0; i < 4; i++) out[i] = c.v[i];
}

/* (m + 1/2) 2^-52 for the upper 52 bits m of two words: odd multiples of 2^-53, symmetric, exact,
 * never 0 or 1. */
ELBO_INLINE double open_unit(uint32_t high, uint32_t low)
{
  uint64_t m = ((uint64_t)high << 20) | (low >> 12);
  return (elbo_from(m | 0x3ff0000000000000u) - 1) + 0x1p-53;
}

static void next_block(elbo_noise *n, uint32_t out[4])
{
  philox_block(n->key, n->draw++, n->element, n->row, n->step, out);
}

static bool mirrored(const noise_tie *t)
{
  return t->kind == NOISE_ANTITHETIC && t->sample & 1;
}

/* The shift keeps its 52 bits and the half behind them, so that the sum modulo 1 is never 0 or 1
 * either. */
static double shifted(const elbo_noise *n, uint32_t draw, uint32_t high, uint32_t low)
{
  uint32_t dim = n->tie.first + n->element * n->tie.per_event + draw;
  uint64_t point = (uint64_t)sobol_at(n->tie.net, dim, n->tie.sample) << (52 - SOBOL_BITS);
  uint64_t m = (((uint64_t)high << 20) | (low >> 12)) + point;
  return open_unit((uint32_t)(m >> 20), (uint32_t)(m << 12));
}

double noise_uniform(elbo_noise *n)
{
  uint32_t b[4], draw = n->draw;
  next_block(n, b);
  double u = n->tie.kind == NOISE_SOBOL ? shifted(n, draw, b[0], b[1]) : open_unit(b[0], b[1]);
  return mirrored(&n->tie) ? 1 - u : u;
}

double noise_exponential(elbo_noise *n)
{
  return -log(noise_uniform(n));
}

/* cos(2 pi u) by its Taylor series after u is brought to [-1/4, 1/4] half turns away: 5e-13 at
 * worst, and exact zeros kept. */
ELBO_INLINE double cos_turn(double u)
{
  double t = u - 0.5, sign = -1; /* u = 1/2 + t: cos(2 pi u) = -cos(2 pi t) */
  double a = t < 0 ? -t : t;
  int outer = a > 0.25;
  a = outer ? 0.5 - a : a;
  sign = outer ? 1 : sign;
  double y = 6.283185307179586477 * a, z = y * y, p = -1.0 / 6402373705728000.0;
  p = p * z + 1.0 / 20922789888000.0;
  p = p * z - 1.0 / 87178291200.0;
  p = p * z + 1.0 / 479001600.0;
  p = p * z - 1.0 / 3628800.0;
  p = p * z + 1.0 / 40320.0;
  p = p * z - 1.0 / 720.0;
  p = p * z + 1.0 / 24.0;
  p = p * z - 0.5;
  return sign * (1 + p * z);
}

/* Box and Muller 1958; where the points must spread evenly, through the inverse of the cdf. */
double noise_normal(elbo_noise *n)
{
  uint32_t b[4];
  if (n->tie.kind == NOISE_SOBOL) return special_call(ELBO_NDTRI, noise_uniform(n), 0);
  next_block(n, b);
  double z = sqrt(-2 * log(open_unit(b[0], b[1]))) * cos_turn(open_unit(b[2], b[3]));
  return mirrored(&n->tie) ? -z : z;
}

/* The first draws of 16 elements, word by word: the same whatever the level. */
ELBO_INLINE void blocks(int level, const elbo_noise_row *r, uint32_t first,
                        uint32_t word[4][ELBO_LANES])
{
#if defined(__GNUC__) && defined(__x86_64__)
  if (level == 2) {
    philox_wide(r->key.key, (const uint32_t[4]){ 0, first, r->row, r->step }, word);
    return;
  }
#endif
  (void)level;
  for (uint32_t k = 0; k < ELBO_LANES; k++) {
    philox4x32_ctr_t c = { { 0, first + k, r->row, r->step } };
    philox4x32_key_t key = { { r->key.key[0], r->key.key[1] } };
    c = philox4x32(c, key);
    for (int i = 0; i < 4; i++) word[i][k] = c.v[i];
  }
}

/* A double that rounds to 1 stays below it. */
ELBO_INLINE float below_one(double u)
{
  float f = (float)u;
  return f < 0x1.fffffep-1f ? f : 0x1.fffffep-1f;
}

ELBO_INLINE void uniforms(uint32_t word[4][ELBO_LANES], float *out)
{
#pragma GCC unroll 1 /* unrolled before it is vectorised it would stay scalar */
  for (int k = 0; k < ELBO_LANES; k++) out[k] = below_one(open_unit(word[0][k], word[1][k]));
}

ELBO_INLINE void normals(uint32_t word[4][ELBO_LANES], float *out)
{
  for (int k = 0; k < ELBO_LANES; k++) {
    double radius = sqrt(-2 * elbo_log(open_unit(word[0][k], word[1][k])));
    out[k] = (float)(radius * cos_turn(open_unit(word[2][k], word[3][k])));
  }
}

/* Whole blocks always, so that an element meets the same instructions wherever its row ends. */
ELBO_INLINE elbo_rc fill(int level, const elbo_noise_row *r, size_t d, float *out, int normal)
{
  for (size_t j = 0; j < d; j += ELBO_LANES) {
    uint32_t word[4][ELBO_LANES];
    float block[ELBO_LANES];
    size_t rest = d - j < ELBO_LANES ? d - j : ELBO_LANES;
    blocks(level, r, r->first + (uint32_t)j, word);
    if (normal)
      normals(word, block);
    else
      uniforms(word, block);
    memcpy(out + j, block, rest * sizeof *out);
  }
  return ELBO_OK;
}
ELBO_KERNEL(row_uniform, fill, (const elbo_noise_row *r, size_t d, float *out), r, d, out, 0)
ELBO_KERNEL(row_normal, fill, (const elbo_noise_row *r, size_t d, float *out), r, d, out, 1)

/* The first draws of 16 elements of any rows. */
ELBO_INLINE void blocks_at(int level, const elbo_noise_row *r, const uint32_t *element,
                           const uint32_t *row, uint32_t word[4][ELBO_LANES])
{
#if defined(__GNUC__) && defined(__x86_64__)
  if (level == 2) {
    philox_wide_at(r->key.key, 0, element, row, r->step, word[0], ELBO_LANES);
    return;
  }
#endif
  (void)level;
  for (int k = 0; k < ELBO_LANES; k++) {
    uint32_t block[4];
    philox_block(r->key, 0, element[k], row[k], r->step, block);
    for (int i = 0; i < 4; i++) word[i][k] = block[i];
  }
}

ELBO_INLINE elbo_rc fill_rows(int level, const noise_ahead *a)
{
  size_t i = 0, j = 0, n = a->n * a->d;
  for (size_t at = 0; at < n; at += ELBO_LANES) {
    uint32_t element[ELBO_LANES] = { 0 }, row[ELBO_LANES] = { 0 }, word[4][ELBO_LANES];
    float block[ELBO_LANES];
    for (size_t k = 0, run; k < ELBO_LANES && i < a->n; k += run) {
      run = a->d - j < ELBO_LANES - k ? a->d - j : ELBO_LANES - k;
      for (size_t l = 0; l < run; l++)
        element[k + l] = a->rows[i].first + (uint32_t)(j + l), row[k + l] = a->rows[i].row;
      j += run;
      if (j == a->d) j = 0, i++;
    }
    blocks_at(level, a->rows, element, row, word);
    normals(word, block);
    memcpy(a->normals + at, block, (n - at < ELBO_LANES ? n - at : ELBO_LANES) * sizeof *block);
  }
  return ELBO_OK;
}
ELBO_KERNEL(rows_normal, fill_rows, (const noise_ahead *a), a)

typedef elbo_rc rows_fill(const noise_ahead *);
static rows_fill *const rows_levels[ELBO_LEVELS] = ELBO_KERNEL_SET(rows_normal);

bool noise_gains_ahead(size_t d)
{
  size_t loops = (d + ELBO_LANES - 1) / ELBO_LANES;
  return d <= NOISE_AHEAD && 5 * loops * ELBO_LANES > 7 * d;
}

static void from_ahead(const elbo_noise_row *r, float *out)
{
  noise_ahead *a = r->ahead;
  int level = r->level;
  while (level > 0 && !rows_levels[level]) level--;
  if (!a->there) rows_levels[level](a);
  a->there = true;
  memcpy(out, a->normals + (size_t)(r - a->rows) * a->d, a->d * sizeof *out);
}

typedef elbo_rc row_fill(const elbo_noise_row *, size_t, float *);
static row_fill *const uniform_levels[ELBO_LEVELS] = ELBO_KERNEL_SET(row_uniform);
static row_fill *const normal_levels[ELBO_LEVELS] = ELBO_KERNEL_SET(row_normal);

static void at_level(row_fill *const *levels, const elbo_noise_row *r, size_t d, float *out)
{
  int level = r->level;
  while (level > 0 && !levels[level]) level--;
  levels[level](r, d, out);
}

/* Sobol's points, which are few, go element by element. */
void noise_row_uniform(const elbo_noise_row *r, size_t d, float *out)
{
  for (size_t j = 0; r->tie.kind == NOISE_SOBOL && j < d; j++) {
    elbo_noise n = noise_of_event(r, j);
    out[j] = below_one(noise_uniform(&n));
  }
  if (r->tie.kind != NOISE_SOBOL) at_level(uniform_levels, r, d, out);
  for (size_t j = 0; mirrored(&r->tie) && j < d; j++) out[j] = below_one(1 - (double)out[j]);
}

void noise_row_normal(const elbo_noise_row *r, size_t d, float *out)
{
  for (size_t j = 0; r->tie.kind == NOISE_SOBOL && j < d; j++) {
    elbo_noise n = noise_of_event(r, j);
    out[j] = (float)noise_normal(&n);
  }
  if (r->tie.kind != NOISE_SOBOL && r->ahead && r->ahead->d == d)
    from_ahead(r, out);
  else if (r->tie.kind != NOISE_SOBOL)
    at_level(normal_levels, r, d, out);
  for (size_t j = 0; mirrored(&r->tie) && j < d; j++) out[j] = -out[j];
}

ELBO_INLINE elbo_rc many(int level, philox_key key, uint32_t c0, const uint32_t *c1,
                         const uint32_t *c2, uint32_t c3, uint32_t (*out)[PHILOX_LANES])
{
#if defined(__GNUC__) && defined(__x86_64__)
  for (int l = 0; level == 2 && l < PHILOX_LANES; l += ELBO_LANES)
    philox_wide_at(key.key, c0, c1 + l, c2 + l, c3, out[0] + l, PHILOX_LANES);
#endif
  for (int l = 0; level < 2 && l < PHILOX_LANES; l++) {
    uint32_t word[4];
    philox_block(key, c0, c1[l], c2[l], c3, word);
    for (int i = 0; i < 4; i++) out[i][l] = word[i];
  }
  return ELBO_OK;
}
ELBO_KERNEL(many_blocks, many,
            (philox_key key, uint32_t c0, const uint32_t *c1, const uint32_t *c2, uint32_t c3,
             uint32_t (*out)[PHILOX_LANES]),
            key, c0, c1, c2, c3, out)

typedef elbo_rc block_fill(philox_key, uint32_t, const uint32_t *, const uint32_t *, uint32_t,
                           uint32_t (*)[PHILOX_LANES]);
static block_fill *const block_levels[ELBO_LEVELS] = ELBO_KERNEL_SET(many_blocks);

void philox_blocks(int level, philox_key key, uint32_t c0, const uint32_t c1[PHILOX_LANES],
                   const uint32_t c2[PHILOX_LANES], uint32_t c3, uint32_t out[4][PHILOX_LANES])
{
  while (level > 0 && !block_levels[level]) level--;
  block_levels[level](key, c0, c1, c2, c3, out);
}

/* Lemire 2019, "Fast random integer generation in an interval", with rejection of the few values
 * that would count twice. */
uint32_t philox_below(philox_key key, uint64_t index, uint32_t step, uint32_t n)
{
  uint32_t least = n ? (uint32_t)(-n) % n : 0, out[4];
  for (uint32_t draw = 0;; draw++) {
    philox_block(key, draw, (uint32_t)index, (uint32_t)(index >> 32), step, out);
    if (!n) return out[0]; /* n = 2^32 */
    for (int i = 0; i < 4; i++) {
      uint64_t product = (uint64_t)out[i] * n;
      if ((uint32_t)product >= least) return (uint32_t)(product >> 32);
    }
  }
}

void philox_shuffle(philox_key key, uint32_t epoch, uint32_t n, uint32_t *out)
{
  for (uint32_t i = 0; i < n; i++) out[i] = i;
  for (uint32_t i = n; i > 1; i--) {
    uint32_t j = philox_below(key, i, epoch, i), t = out[i - 1];
    out[i - 1] = out[j];
    out[j] = t;
  }
}
