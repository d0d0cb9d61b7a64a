/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * facts.c - what the prepared values are, without preparing them: dequantize spreads a stored
 * number over an interval, binarize makes it a probability. Bytes are counted by value, so that a
 * pass over MNIST costs what reading it costs. */
#include "base/mem.h"
#include "data/decode.h"
#include <math.h>
#include <string.h>

/* What one stored number may become before it is binarized. */
typedef struct {
  float low, high;
} range;

typedef struct {
  double at_low, at_high; /* expected counts: a drawn pixel of probability p is p of a one */
  bool outside;           /* binarize met a value that is no probability */
} tally;

static range value_range(const dataset *d, const float *table, size_t i, size_t j)
{
  const prepare *p = &d->prepare;
  bool byte = d->x.type == ARRAY_U8;
  double v = byte ? d->x.u8[i] : (double)d->x.f32[i];
  range r;
  r.low = byte ? table[(int)v] : decode_value(p, v);
  r.high = !p->dequantize ? r.low : byte ? table[(int)v + 1] : decode_value(p, v + 1);
  if (p->standardize && d->mean) {
    r.low = (r.low - d->mean[j]) / d->scale[j];
    r.high = (r.high - d->mean[j]) / d->scale[j];
  }
  return r;
}

static void widen(data_facts *f, double low, double high)
{
  if (low < f->low) f->low = low;
  if (high > f->high) f->high = high;
}

static void count_plain(data_facts *f, tally *t, range r, double count)
{
  bool fixed = r.low == r.high;
  widen(f, r.low, r.high);
  f->integers = f->integers && fixed && r.low == truncf(r.low);
  f->binary = f->binary && fixed && (r.low == 0 || r.low == 1);
  t->at_low += fixed && r.low == 0 ? count : 0;
  t->at_high += fixed && r.low == 1 ? count : 0;
}

static void count_drawn(data_facts *f, tally *t, range r, double count)
{
  double p = 0.5 * ((double)r.low + r.high);
  t->outside = t->outside || r.low < 0 || r.high > 1;
  widen(f, r.low < 1 ? 0 : 1, r.high > 0 ? 1 : 0);
  t->at_low += count * (1 - p);
  t->at_high += count * p;
}

static void count_threshold(data_facts *f, tally *t, range r, double count)
{
  t->outside = t->outside || r.low < 0 || r.high > 1;
  count_plain(f, t, (range){ r.low >= 0.5f, r.high >= 0.5f }, count);
  f->integers = f->binary = true;
}

typedef void counter(data_facts *f, tally *t, range r, double count);
static counter *const counters[] = { [BINARIZE_NONE] = count_plain,
                                     [BINARIZE_STATIC] = count_drawn,
                                     [BINARIZE_DYNAMIC] = count_drawn,
                                     [BINARIZE_THRESHOLD] = count_threshold };

static void histogram(const uint8_t *at, size_t n, uint64_t count[256])
{
  uint64_t part[4][256] = { { 0 } };
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t eight;
    memcpy(&eight, at + i, 8);
    if (eight == 0) {
      part[0][0] += 8;
      continue;
    }
    for (int k = 0; k < 8; k++) part[k % 4][eight >> 8 * k & 255]++;
  }
  for (; i < n; i++) part[0][at[i]]++;
  for (int b = 0; b < 256; b++) count[b] = part[0][b] + part[1][b] + part[2][b] + part[3][b];
}

static void count_bytes(const dataset *d, const float *table, data_facts *f, tally *t)
{
  uint64_t count[256];
  histogram(d->x.u8 + d->first * d->x.D, d->rows * d->x.D, count);
  for (int b = 0; b < 256; b++) {
    range r = { table[b], d->prepare.dequantize ? table[b + 1] : table[b] };
    if (count[b]) counters[d->prepare.binarize](f, t, r, (double)count[b]);
  }
}

static void count_values(const dataset *d, const float *table, data_facts *f, tally *t)
{
  size_t D = d->x.D;
  for (size_t i = 0; i < d->rows; i++)
    for (size_t j = 0; j < D; j++)
      counters[d->prepare.binarize](f, t, value_range(d, table, (d->first + i) * D + j, j), 1);
}

/* Index in the window of the first value that may lie below low or above high. */
static size_t first_beyond(const dataset *d, const float *table, float low, float high)
{
  size_t D = d->x.D, first = d->first * D, n = d->rows * D;
  for (size_t i = 0; i < n; i++) {
    range r = value_range(d, table, first + i, i % D);
    if (r.low < low || r.high > high) return i;
  }
  return n;
}

/* To what single precision and files of a few digits leave of a sum. */
static bool rows_sum_to_1(const dataset *d, const float *table)
{
  size_t D = d->x.D;
  if (d->prepare.dequantize || d->prepare.binarize != BINARIZE_NONE) return false;
  for (size_t i = 0; i < d->rows; i++) {
    double sum = 0;
    for (size_t j = 0; j < D; j++)
      sum += (double)value_range(d, table, (d->first + i) * D + j, j).low;
    if (fabs(sum - 1) > 1e-4) return false;
  }
  return true;
}

/* Least and greatest stored number of each column. */
#define COLUMN_RANGE(name, T)                                                                      \
  static void name(const T *x, size_t rows, size_t D, T *low, T *high)                             \
  {                                                                                                \
    memcpy(low, x, D * sizeof *x);                                                                 \
    memcpy(high, x, D * sizeof *x);                                                                \
    for (size_t i = 1; i < rows; i++)                                                              \
      for (size_t j = 0; j < D; j++) {                                                             \
        T v = x[i * D + j];                                                                        \
        low[j] = v < low[j] ? v : low[j];                                                          \
        high[j] = v > high[j] ? v : high[j];                                                       \
      }                                                                                            \
  }
COLUMN_RANGE(column_range_u8, uint8_t)
COLUMN_RANGE(column_range_f32, float)

static bool is_constant(const prepare *p, double least, double greatest)
{
  float low = decode_value(p, least), high = decode_value(p, greatest + p->dequantize);
  if (p->binarize == BINARIZE_THRESHOLD) return (low >= 0.5f) == (high >= 0.5f);
  return low == high ? p->binarize == BINARIZE_NONE || low <= 0 || low >= 1
                     : p->binarize != BINARIZE_NONE && (high <= 0 || low >= 1);
}

static elbo_status constant_columns(const dataset *d, size_t *n, error *e)
{
  size_t D = d->x.D, skip = d->first * D, size = d->x.type == ARRAY_U8 ? 1 : sizeof(float);
  void *low = mem_new(D, size, "ranges of the columns", e),
       *high = mem_new(D, size, "ranges of the columns", e);
  elbo_status status = low && high ? ELBO_DONE : ELBO_E_MEMORY;
  *n = 0;
  if (low && high && d->x.type == ARRAY_U8) {
    column_range_u8(d->x.u8 + skip, d->rows, D, low, high);
    for (size_t j = 0; j < D; j++)
      *n += is_constant(&d->prepare, ((uint8_t *)low)[j], ((uint8_t *)high)[j]);
  } else if (low && high) {
    column_range_f32(d->x.f32 + skip, d->rows, D, low, high);
    for (size_t j = 0; j < D; j++)
      *n += is_constant(&d->prepare, (double)((float *)low)[j], (double)((float *)high)[j]);
  }
  mem_free(low);
  mem_free(high);
  return status;
}

static elbo_status no_probability(const dataset *d, const float *table, error *e)
{
  size_t D = d->x.D, i = first_beyond(d, table, 0, 1);
  range r = value_range(d, table, d->first * D + i, i % D);
  return fail(e, ELBO_E_DATA,
              "binarize: %s wants values from 0 to 1, found %g at row %zu, column %zu (from 0): "
              "add scale (255 for grey levels) "
              "or clip to prepare",
              binarize_name(d->prepare.binarize), (double)(r.low < 0 ? r.low : r.high), i / D,
              i % D);
}

elbo_status dataset_facts(const dataset *d, data_facts *out, error *e)
{
  float table[257];
  tally t = { 0 };
  *out = (data_facts){ .rows = d->rows,
                       .D = d->x.D,
                       .rank = d->x.rank,
                       .low = INFINITY,
                       .high = -INFINITY,
                       .integers = true,
                       .binary = true };
  memcpy(out->dims, d->x.dims, sizeof out->dims);
  decode_table(&d->prepare, 0, table);
  bool by_value = d->x.type == ARRAY_U8 && !(d->prepare.standardize && d->mean);
  (by_value ? count_bytes : count_values)(d, table, out, &t);
  if (t.outside) return no_probability(d, table, e);
  out->at_low = (size_t)(t.at_low + 0.5);
  out->at_high = (size_t)(t.at_high + 0.5);
  out->sums_to_1 = rows_sum_to_1(d, table);
  out->any_negative = out->low < 0;
  if (out->any_negative) out->first_negative = first_beyond(d, table, 0, INFINITY);
  return constant_columns(d, &out->constant_columns, e);
}

/* ---- values on levels */
static bool on_level(range r, double levels)
{
  double at = (double)r.low * (levels - 1);
  return r.low == r.high && fabs(at - nearbyint(at)) <= 1e-3;
}

/* Index in the window of the first value that is not on a level, n: none. */
static size_t first_off(const dataset *d, const float *table, double levels)
{
  size_t D = d->x.D, first = d->first * D, n = d->rows * D;
  bool on[256], by_value = d->x.type == ARRAY_U8 && !(d->prepare.standardize && d->mean);
  for (int b = 0; b < 256; b++)
    on[b] = on_level((range){ table[b], table[b + !!d->prepare.dequantize] }, levels);
  for (size_t i = 0; i < n; i++)
    if (by_value ? !on[d->x.u8[first + i]]
                 : !on_level(value_range(d, table, first + i, i % D), levels))
      return i;
  return n;
}

/* Every L is tried on the value that was off first, where nearly all fail. */
static int fitting_levels(const dataset *d, const float *table, size_t off)
{
  enum { MOST = 65536 };
  size_t D = d->x.D, n = d->rows * D;
  range r = value_range(d, table, d->first * D + off, off % D);
  for (int L = 2; L <= MOST; L++)
    if (on_level(r, L) && first_off(d, table, L) == n) return L;
  return 0;
}

bool dataset_strays(const dataset *d, double levels, data_stray *out)
{
  float table[257];
  size_t D = d->x.D, n = d->rows * D;
  if (d->prepare.binarize != BINARIZE_NONE) return false; /* 0 and 1 are levels of every grid */
  decode_table(&d->prepare, 0, table);
  size_t off = first_off(d, table, levels);
  if (off == n) return false;
  *out = (data_stray){ .row = off / D,
                       .column = off % D,
                       .value = (double)value_range(d, table, d->first * D + off, off % D).low,
                       .fitting = fitting_levels(d, table, off) };
  return true;
}
