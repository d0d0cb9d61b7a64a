/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/num: random streams, vector loops, special functions (the only place that sees GSL),
 * reductions. Depends on base.
 *
 * philox.h - random numbers as a function of (seed, stream, step, row, sample, element), never of
 * call order: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011) through Random123. key = seed
 * mixed with stream; counter = (draw, element, row and sample, step). */
#ifndef ELBO_NUM_PHILOX_H
#define ELBO_NUM_PHILOX_H

#include "num/sobol.h"
#include <elbo/plugin.h>
#include <stdbool.h>
#include <stddef.h>

/* Streams of the library itself; a model's draws use STREAM_DRAW + the variable's index. */
enum {
  STREAM_INIT = 1,
  STREAM_SHUFFLE = 2,
  STREAM_PREPARE = 3,
  STREAM_BUILTIN = 4,
  STREAM_SAMPLE = 5,
  STREAM_FIRST_ROW = 6,
  STREAM_BLOCKS = 7,
  STREAM_DRAW = 1000
};

typedef struct {
  uint32_t key[2];
} philox_key;
philox_key philox_make_key(uint64_t seed, uint64_t stream);

/* One block of 128 bits. */
void philox_block(philox_key key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                  uint32_t out[4]);

/* Many blocks: out[w][l] is word w of the one with counter (c0, c1[l], c2[l], c3). The same bits at
 * every level. */
enum { PHILOX_LANES = 64 };
void philox_blocks(int level, philox_key key, uint32_t c0, const uint32_t c1[PHILOX_LANES],
                   const uint32_t c2[PHILOX_LANES], uint32_t c3, uint32_t out[4][PHILOX_LANES]);

/* How the samples of a row hang together. Antithetic: sample 2j + 1 mirrors sample 2j. Sobol:
   sample k is point k of the sequence, shifted modulo 1 by the row's own uniforms (Cranley and
   Patterson 1976). Each sample alone is distributed as an independent one. */
typedef enum { NOISE_IID, NOISE_ANTITHETIC, NOISE_SOBOL, NOISE_KINDS } noise_kind;
typedef struct noise_tie {
  noise_kind kind;
  uint32_t sample;
  const sobol *net; /* Sobol: element e's draw i is coordinate first + e per_event + i */
  uint32_t first, per_event;
} noise_tie;

/* One event's stream, as plugins see it (elbo_noise). Draw i consumes block i: two words for a
   uniform (53 bits), four for a normal (Box and Muller 1958), two for an exponential: draw i of the
   stream is the same whatever was drawn before it. */
struct elbo_noise {
  philox_key key;
  uint32_t element, row, step; /* row: sample * rows of the batch + row */
  uint32_t draw;               /* the next draw */
  noise_tie tie;               /* not iid: the row is that of the sample that the others follow */
};
double noise_uniform(elbo_noise *n); /* open (0,1) */
double noise_normal(elbo_noise *n);
double noise_exponential(elbo_noise *n);

/* Normals of `n` rows of `d` elements, made together by the first of them that is asked for: a loop
 * takes 16 elements, of which a short row would leave most unused. */
typedef struct noise_ahead {
  const elbo_noise_row *rows; /* [n] of one key, step and level; each points here */
  size_t n, d;
  float *normals; /* [n][d] */
  bool there;
} noise_ahead;
enum { NOISE_AHEAD = 34 };        /* longer rows never gain */
bool noise_gains_ahead(size_t d); /* counters lane by lane cost about a third of a loop */

/* A row of events' streams: element j's first draw is that of elbo_noise with element = first +
 * j. */
struct elbo_noise_row {
  philox_key key;
  uint32_t first, row, step;
  noise_tie tie;
  int level;          /* of the CPU, for the loops */
  noise_ahead *ahead; /* or NULL; the same numbers */
};
static inline elbo_noise noise_of_event(const elbo_noise_row *r, size_t j)
{
  return (elbo_noise){ r->key, r->first + (uint32_t)j, r->row, r->step, 0, r->tie };
}
/* The first draws of elements 0..d-1, equal to the scalar functions' to float rounding,
 * vectorised. */
void noise_row_uniform(const elbo_noise_row *r, size_t d, float *out);
void noise_row_normal(const elbo_noise_row *r, size_t d, float *out);

/* A uniform integer in [0,n), n <= 2^32, without bias, from stream (key, index): for shuffles. */
uint32_t philox_below(philox_key key, uint64_t index, uint32_t step, uint32_t n);
/* A permutation of 0..n-1 for an epoch (Fisher and Yates, Durstenfeld 1964). */
void philox_shuffle(philox_key key, uint32_t epoch, uint32_t n, uint32_t *out);

#endif
