/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * prepare.c - rows made ready for a step. Noise is a function of (seed, variable, purpose, row of
 * the file, column, visit): one Philox block serves four neighbouring columns, one 32-bit word
 * each. */
#include "base/mem.h"
#include "data/decode.h"
#include <math.h>
#include <string.h>

const char *binarize_name(binarize_kind k)
{
  static const char *const names[] = { "none", "static", "dynamic", "threshold" };
  return names[k];
}

/* ---- noise */

typedef enum { NOISE_DEQUANTIZE, NOISE_DYNAMIC, NOISE_STATIC } purpose;

static philox_key noise_key(const dataset *d)
{
  return philox_make_key(d->seed, (uint64_t)d->stream << 32 | STREAM_PREPARE);
}

/* ---- decoding: everything before standardize */

float decode_value(const prepare *p, double v)
{
  if (p->scale != 0) v /= p->scale;
  if (p->clip) v = v < p->clip_low ? p->clip_low : v > p->clip_high ? p->clip_high : v;
  return (float)v;
}

void decode_table(const prepare *p, double shift, float table[257])
{
  for (int b = 0; b < 257; b++) table[b] = decode_value(p, b + shift);
}

/* The numbers of the i-th wanted row, which is row `row` of the array: in memory, or as fetched. */
static const void *raw_row(const dataset *d, const void *const *at, size_t i, size_t row)
{
  return at ? at[i] : (const char *)d->x.at + row * array_row_bytes(&d->x);
}

/* Bytes through the table; eight zeros, most of a drawn digit, are passed over at once. */
static void decode_bytes(const uint8_t *from, size_t D, const float *table, float *out)
{
  size_t j = 0;
  bool dark = table[0] == 0;
  memset(out, 0, D * sizeof *out);
  for (; j + 8 <= D; j += 8) {
    uint64_t eight;
    memcpy(&eight, from + j, 8);
    if (dark && eight == 0) continue;
    for (size_t k = j; k < j + 8; k++) out[k] = table[from[k]];
  }
  for (; j < D; j++) out[j] = table[from[j]];
}

static void decode_row(const dataset *d, const float *table, const void *raw, float *out)
{
  size_t D = d->x.D;
  if (d->x.type == ARRAY_U8) {
    decode_bytes(raw, D, table, out);
    return;
  }
  const float *from = raw;
  memcpy(out, from, D * sizeof *out);
  if (d->prepare.scale != 0 || d->prepare.clip)
    for (size_t j = 0; j < D; j++) out[j] = decode_value(&d->prepare, from[j]);
}

/* Decodes v + U(0,1), rounded so that it stays off what v + 1 becomes: a byte over scale 256
   never is 1. here, next: v and v + 1 decoded. */
static float dequantized(const prepare *p, double v, uint32_t word, float here, float next)
{
  float f = decode_value(p, v + ((double)word + 0.5) * 0x1p-32);
  return f == next && here != next ? nextafterf(next, here) : f;
}

static void dequantize_row(const dataset *d, const float *table, philox_key key, const void *raw,
                           size_t row, uint32_t visit, float *out)
{
  size_t D = d->x.D;
  const prepare *p = &d->prepare;
  bool byte = d->x.type == ARRAY_U8;
  uint32_t block[PHILOX_LANES], rows[PHILOX_LANES], word[4][PHILOX_LANES];
  for (size_t j = 0; j < D; j++) {
    size_t lane = j / 4 % PHILOX_LANES;
    if (j % (4 * PHILOX_LANES) == 0) {
      for (uint32_t l = 0; l < PHILOX_LANES; l++) {
        block[l] = (uint32_t)(j / 4) + l;
        rows[l] = (uint32_t)row;
      }
      philox_blocks(d->level, key, NOISE_DEQUANTIZE, block, rows, visit, word);
    }
    double v = byte ? ((const uint8_t *)raw)[j] : (double)((const float *)raw)[j];
    out[j] = dequantized(p, v, word[j % 4][lane], byte ? table[(int)v] : decode_value(p, v),
                         byte ? table[(int)v + 1] : decode_value(p, v + 1));
  }
}

static void standardize_row(const dataset *d, float *out)
{
  for (size_t j = 0; j < d->x.D; j++) out[j] = (out[j] - d->mean[j]) / d->scale[j];
}

/* ---- binarization: groups of four probabilities that are not all certain wait until PHILOX_LANES
   of them share the random blocks' work */

typedef struct {
  int level;
  philox_key key;
  purpose why;
  uint32_t visit;
  size_t n;
  uint32_t block[PHILOX_LANES + 1],
      row[PHILOX_LANES + 1]; /* one more: written before it is known that it counts */
  float *at[PHILOX_LANES + 1];
  uint8_t width[PHILOX_LANES + 1];
} waiting;

/* 2^32 times the probability of a 1: a word below it is a 1, so that P is exact to 2^-32. */
static int64_t threshold(float p)
{
  return (int64_t)(p * 0x1p32f);
}

/* word < t without a branch, which would be guessed wrong every other time. */
static int below(uint32_t word, int64_t t)
{
  return (int)((uint64_t)((int64_t)word - t) >> 63);
}

static void draw_waiting(waiting *w)
{
  uint32_t word[4][PHILOX_LANES];
  philox_blocks(w->level, w->key, w->why, w->block, w->row, w->visit, word);
  for (size_t l = 0; l < w->n; l++)
    for (int k = 0; k < w->width[l]; k++)
      w->at[l][k] = (float)below(word[k][l], threshold(w->at[l][k]));
  w->n = 0;
}

static void wait_if(waiting *w, bool uncertain, size_t row, size_t j, size_t width, float *at)
{
  w->block[w->n] = (uint32_t)(j / 4);
  w->row[w->n] = (uint32_t)row;
  w->at[w->n] = at;
  w->width[w->n] = (uint8_t)width;
  w->n += uncertain;
  if (w->n == PHILOX_LANES) draw_waiting(w);
}

/* out holds probabilities, and becomes 0 or 1 when what waits has been drawn. */
static void binarize_row(waiting *w, size_t row, size_t D, float *out)
{
  for (size_t j = 0; j < D; j += 4) {
    size_t width = D - j < 4 ? D - j : 4;
    bool uncertain = false;
    for (size_t k = j; k < j + width; k++) uncertain |= out[k] != 0 && out[k] != 1;
    wait_if(w, uncertain, row, j, width, out + j);
  }
}

/* The same from bytes, decoded on the way; in MNIST 72 groups of 100 are all 0 or 255. grey:
   which bytes are uncertain. */
static void binarize_bytes(waiting *w, const uint8_t *from, size_t D, const float *table,
                           const uint8_t *grey, size_t row, float *out)
{
  size_t j = 0;
  bool dark = table[0] == 0;
  memset(out, 0, D * sizeof *out);
  for (; j + 8 <= D; j += 8) {
    uint64_t eight;
    memcpy(&eight, from + j, 8);
    if (dark && eight == 0) continue;
    for (size_t i = j; i < j + 8; i += 4) {
      for (size_t k = i; k < i + 4; k++) out[k] = table[from[k]];
      wait_if(w, grey[from[i]] | grey[from[i + 1]] | grey[from[i + 2]] | grey[from[i + 3]], row, i,
              4, out + i);
    }
  }
  for (; j < D; j += 4) {
    size_t width = D - j < 4 ? D - j : 4;
    bool uncertain = false;
    for (size_t k = j; k < j + width; k++) {
      out[k] = table[from[k]];
      uncertain |= grey[from[k]];
    }
    wait_if(w, uncertain, row, j, width, out + j);
  }
}

static void threshold_row(const dataset *d, float *out)
{
  for (size_t j = 0; j < d->x.D; j++) out[j] = out[j] >= 0.5f;
}

/* A row up to standardize. */
static void plain_row(const dataset *d, const float *table, philox_key key, const void *raw,
                      size_t row, uint32_t visit, float *out)
{
  if (d->prepare.dequantize)
    dequantize_row(d, table, key, raw, row, visit, out);
  else
    decode_row(d, table, raw, out);
  if (d->prepare.standardize && d->mean) standardize_row(d, out);
}

static void drawn_rows(const dataset *d, const float *table, waiting *w, const uint32_t *index,
                       const void *const *at, size_t n, float *out)
{
  bool direct =
      d->x.type == ARRAY_U8 && !d->prepare.dequantize && !(d->prepare.standardize && d->mean);
  uint8_t grey[256];
  for (int b = 0; direct && b < 256; b++) grey[b] = table[b] != 0 && table[b] != 1;
  for (size_t i = 0; i < n; i++, out += d->x.D) {
    size_t row = d->first + index[i];
    const void *raw = raw_row(d, at, i, row);
    if (direct) {
      binarize_bytes(w, raw, d->x.D, table, grey, row, out);
      continue;
    }
    plain_row(d, table, w->key, raw, row, w->visit, out);
    binarize_row(w, row, d->x.D, out);
  }
  draw_waiting(w);
}

void dataset_rows(const dataset *d, const uint32_t *index, const void *const *at, size_t n,
                  uint32_t visit, float *out)
{
  binarize_kind kind = d->prepare.binarize;
  philox_key key = noise_key(d);
  float table[257];
  if (d->x.type == ARRAY_U8) decode_table(&d->prepare, 0, table);
  if (kind == BINARIZE_STATIC || kind == BINARIZE_DYNAMIC) {
    bool fixed = kind == BINARIZE_STATIC;
    waiting w = { .level = d->level,
                  .key = key,
                  .why = fixed ? NOISE_STATIC : NOISE_DYNAMIC,
                  .visit = fixed ? 0 : visit };
    drawn_rows(d, table, &w, index, at, n, out);
    return;
  }
  for (size_t i = 0; i < n; i++, out += d->x.D) {
    size_t row = d->first + index[i];
    plain_row(d, table, key, raw_row(d, at, i, row), row, visit, out);
    if (kind == BINARIZE_THRESHOLD) threshold_row(d, out);
  }
}

/* ---- standardize */

/* Running mean and sum of squared deviations of each column (Welford 1962): a constant column's
   sum is exactly 0. */
typedef struct {
  double *mean, *squares;
  float *row;
} column_sums;

static void add_row(column_sums *s, size_t D, size_t before)
{
  double weight = 1.0 / (double)(before + 1);
  for (size_t j = 0; j < D; j++) {
    double off = s->row[j] - s->mean[j];
    s->mean[j] += off * weight;
    s->squares[j] += off * (s->row[j] - s->mean[j]);
  }
}

static bool column_moments(const dataset *d, size_t skipped, void *user)
{
  column_sums *s = user;
  size_t D = d->x.D;
  double shift = d->prepare.dequantize ? 0.5 : 0;
  float table[257];
  decode_table(&d->prepare, shift, table);
  for (size_t i = 0; i < d->rows; i++) {
    const void *raw = raw_row(d, NULL, i, d->first + i);
    decode_row(d, table, raw, s->row);
    for (size_t j = 0; d->x.type == ARRAY_F32 && shift != 0 && j < D; j++)
      s->row[j] = decode_value(&d->prepare, (double)((const float *)raw)[j] + shift);
    add_row(s, D, skipped + i);
  }
  return true;
}

elbo_status dataset_standardize(dataset *d, error *e)
{
  error own = { 0 };
  e = e ? e : &own;
  size_t D = d->x.D;
  double *mean = mem_new(D, sizeof *mean, "means of the columns", e);
  double *squares = mem_new(D, sizeof *squares, "variances of the columns", e);
  float *row = mem_new(D, sizeof *row, "a row of data", e);
  column_sums sums = { mean, squares, row };
  float *m = mem_new(D, sizeof *m, "means of the columns", e);
  float *s = mem_new(D, sizeof *s, "deviations of the columns", e);
  bool ready = mean && squares && row && m && s && !dataset_pass(d, column_moments, &sums, e);
  if (ready) {
    for (size_t j = 0; j < D; j++) {
      float sd = (float)sqrt(squares[j] / (double)d->rows);
      m[j] = (float)mean[j];
      s[j] = sd > 0 ? sd : 1;
    }
    mem_free(d->mean);
    mem_free(d->scale);
    d->mean = m;
    d->scale = s;
  } else {
    mem_free(m);
    mem_free(s);
  }
  mem_free(mean);
  mem_free(squares);
  mem_free(row);
  return ready ? ELBO_DONE : e->status;
}

void dataset_free(dataset *d)
{
  array_free(&d->x);
  mem_free(d->mean);
  mem_free(d->scale);
  *d = (dataset){ 0 };
}
