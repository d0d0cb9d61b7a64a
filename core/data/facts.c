/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * facts.c - what the prepared values are, without preparing them: dequantize spreads a stored
 * number over an interval, binarize makes it a probability. Bytes are counted by value, so that a
 * pass over MNIST costs what reading it costs. */
#include "base/mem.h"
#include "data/decode.h"
#include "data/read.h"
#include <math.h>
#include <string.h>

/* What one stored number may become before it is binarized. */
typedef struct {
  float low, high;
} range;

typedef struct {
  double at_low, at_high; /* expected counts: a drawn pixel of probability p is p of a one */
  bool outside;           /* binarize met a value that is no probability */
  uint64_t count[256];    /* of bytes */
  size_t bad, first_bad;  /* NaN and inf of a file */
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

static void add_histogram(const uint8_t *at, size_t n, uint64_t count[256])
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
  for (int b = 0; b < 256; b++) count[b] += part[0][b] + part[1][b] + part[2][b] + part[3][b];
}

static void count_bytes(const dataset *d, const float *table, data_facts *f, tally *t)
{
  for (int b = 0; b < 256; b++) {
    range r = { table[b], d->prepare.dequantize ? table[b + 1] : table[b] };
    if (t->count[b]) counters[d->prepare.binarize](f, t, r, (double)t->count[b]);
  }
}

static void count_values(const dataset *d, const float *table, data_facts *f, tally *t)
{
  size_t D = d->x.D;
  for (size_t i = 0; i < d->rows; i++)
    for (size_t j = 0; j < D; j++)
      counters[d->prepare.binarize](f, t, value_range(d, table, (d->first + i) * D + j, j), 1);
}

static void count_bad(const dataset *d, size_t skipped, tally *t)
{
  for (size_t i = 0; d->x.type == ARRAY_F32 && i < d->rows * d->x.D; i++)
    if (!isfinite(d->x.f32[i]) && t->bad++ == 0) t->first_bad = skipped * d->x.D + i;
}

/* ---- the first value that ..: a pass that ends there */
typedef struct seeker {
  bool (*is)(const struct seeker *s, range r);
  const bool *by_byte; /* [256] the answer for each byte, or NULL */
  float low, high;
  double levels;
  float table[257];
  bool found;
  size_t index; /* in the window */
  range at;
} seeker;

static bool seek_part(const dataset *d, size_t skipped, void *user)
{
  seeker *s = user;
  size_t D = d->x.D, n = d->rows * D;
  for (size_t i = 0; i < n && !s->found; i++) {
    size_t at = d->first * D + i;
    if (s->by_byte && !s->by_byte[d->x.u8[at]]) continue;
    range r = value_range(d, s->table, at, i % D);
    s->found = s->is(s, r);
    s->index = skipped * D + i;
    s->at = r;
  }
  return !s->found;
}

static bool beyond(const seeker *s, range r)
{
  return r.low < s->low || r.high > s->high;
}

/* The first value that may lie below low or above high. */
static elbo_status first_beyond(const dataset *d, float low, float high, seeker *out, error *e)
{
  *out = (seeker){ .is = beyond, .low = low, .high = high };
  decode_table(&d->prepare, 0, out->table);
  return dataset_pass(d, seek_part, out, e);
}

/* ---- one pass */
typedef struct {
  data_facts *f;
  tally t;
  float table[257];
  bool by_value; /* bytes are counted by value */
  bool from_file;
  void *low, *high; /* [D] least and greatest stored number of each column */
} surveyor;

/* To what single precision and files of a few digits leave of a sum. */
static bool rows_sum_to_1(const dataset *d, const float *table)
{
  size_t D = d->x.D;
  for (size_t i = 0; i < d->rows; i++) {
    double sum = 0;
    for (size_t j = 0; j < D; j++)
      sum += (double)value_range(d, table, (d->first + i) * D + j, j).low;
    if (fabs(sum - 1) > 1e-4) return false;
  }
  return true;
}

#define COLUMN_RANGE(name, T)                                                                      \
  static void name(const T *x, size_t rows, size_t D, bool first, T *low, T *high)                 \
  {                                                                                                \
    if (first) {                                                                                   \
      memcpy(low, x, D * sizeof *x);                                                               \
      memcpy(high, x, D * sizeof *x);                                                              \
    }                                                                                              \
    for (size_t i = first; i < rows; i++)                                                          \
      for (size_t j = 0; j < D; j++) {                                                             \
        T v = x[i * D + j];                                                                        \
        low[j] = v < low[j] ? v : low[j];                                                          \
        high[j] = v > high[j] ? v : high[j];                                                       \
      }                                                                                            \
  }
COLUMN_RANGE(column_range_u8, uint8_t)
COLUMN_RANGE(column_range_f32, float)

static bool survey_part(const dataset *d, size_t skipped, void *user)
{
  surveyor *s = user;
  size_t D = d->x.D, skip = d->first * D;
  if (s->from_file) count_bad(d, skipped, &s->t);
  if (s->by_value)
    add_histogram(d->x.u8 + skip, d->rows * D, s->t.count);
  else
    count_values(d, s->table, s->f, &s->t);
  s->f->sums_to_1 = s->f->sums_to_1 && rows_sum_to_1(d, s->table);
  if (d->x.type == ARRAY_U8)
    column_range_u8(d->x.u8 + skip, d->rows, D, skipped == 0, s->low, s->high);
  else
    column_range_f32(d->x.f32 + skip, d->rows, D, skipped == 0, s->low, s->high);
  return true;
}

static bool is_constant(const prepare *p, double least, double greatest)
{
  float low = decode_value(p, least), high = decode_value(p, greatest + p->dequantize);
  if (p->binarize == BINARIZE_THRESHOLD) return (low >= 0.5f) == (high >= 0.5f);
  return low == high ? p->binarize == BINARIZE_NONE || low <= 0 || low >= 1
                     : p->binarize != BINARIZE_NONE && (high <= 0 || low >= 1);
}

static size_t constant_columns(const dataset *d, const surveyor *s)
{
  size_t n = 0;
  bool byte = d->x.type == ARRAY_U8;
  for (size_t j = 0; j < d->x.D; j++) {
    double low = byte ? ((uint8_t *)s->low)[j] : (double)((float *)s->low)[j];
    double high = byte ? ((uint8_t *)s->high)[j] : (double)((float *)s->high)[j];
    n += is_constant(&d->prepare, low, high);
  }
  return n;
}

static elbo_status no_probability(const dataset *d, error *e)
{
  seeker s;
  if (first_beyond(d, 0, 1, &s, e)) return e->status;
  return fail(e, ELBO_E_DATA,
              "binarize: %s wants values from 0 to 1, found %g at row %zu, column %zu (from 0): "
              "add scale (255 for grey levels) "
              "or clip to prepare",
              binarize_name(d->prepare.binarize), (double)(s.at.low < 0 ? s.at.low : s.at.high),
              s.index / d->x.D, s.index % d->x.D);
}

static elbo_status conclude(const dataset *d, surveyor *s, error *e)
{
  data_facts *f = s->f;
  seeker negative;
  if (s->t.bad) return not_finite(s->t.bad, s->t.first_bad, d->rows, d->x.D, e);
  if (s->by_value) count_bytes(d, s->table, f, &s->t);
  if (s->t.outside) return no_probability(d, e);
  f->at_low = (size_t)(s->t.at_low + 0.5);
  f->at_high = (size_t)(s->t.at_high + 0.5);
  f->constant_columns = constant_columns(d, s);
  f->any_negative = f->low < 0;
  if (!f->any_negative) return ELBO_DONE;
  if (first_beyond(d, 0, INFINITY, &negative, e)) return e->status;
  f->first_negative = negative.index;
  return ELBO_DONE;
}

elbo_status dataset_facts(const dataset *d, data_facts *out, error *e)
{
  size_t D = d->x.D, size = d->x.type == ARRAY_U8 ? 1 : sizeof(float);
  surveyor s = { .f = out,
                 .by_value = d->x.type == ARRAY_U8 && !(d->prepare.standardize && d->mean),
                 .from_file = d->x.file != NULL };
  *out =
      (data_facts){ .rows = d->rows,
                    .D = D,
                    .rank = d->x.rank,
                    .low = INFINITY,
                    .high = -INFINITY,
                    .integers = true,
                    .binary = true,
                    .sums_to_1 = !d->prepare.dequantize && d->prepare.binarize == BINARIZE_NONE };
  memcpy(out->dims, d->x.dims, sizeof out->dims);
  decode_table(&d->prepare, 0, s.table);
  s.low = mem_new(D, size, "ranges of the columns", e);
  s.high = mem_new(D, size, "ranges of the columns", e);
  elbo_status status = s.low && s.high ? dataset_pass(d, survey_part, &s, e) : ELBO_E_MEMORY;
  if (!status) status = conclude(d, &s, e);
  mem_free(s.low);
  mem_free(s.high);
  return status;
}

/* ---- values on levels */
static bool on_level(range r, double levels)
{
  double at = (double)r.low * (levels - 1);
  return r.low == r.high && fabs(at - nearbyint(at)) <= 1e-3;
}

static bool off_level(const seeker *s, range r)
{
  return !on_level(r, s->levels);
}

static elbo_status first_off(const dataset *d, double levels, seeker *out, error *e)
{
  bool off[256], by_value = d->x.type == ARRAY_U8 && !(d->prepare.standardize && d->mean);
  *out = (seeker){ .is = off_level, .levels = levels, .by_byte = by_value ? off : NULL };
  decode_table(&d->prepare, 0, out->table);
  for (int b = 0; b < 256; b++)
    off[b] = !on_level((range){ out->table[b], out->table[b + !!d->prepare.dequantize] }, levels);
  elbo_status status = dataset_pass(d, seek_part, out, e);
  out->by_byte = NULL;
  return status;
}

/* Every L is tried on the value that was off first, where nearly all fail. */
static elbo_status fitting_levels(const dataset *d, range off, int *fitting, error *e)
{
  enum { MOST = 65536 };
  seeker s;
  *fitting = 0;
  for (int L = 2; L <= MOST && !*fitting; L++) {
    if (!on_level(off, L)) continue;
    if (first_off(d, L, &s, e)) return e->status;
    if (!s.found) *fitting = L;
  }
  return ELBO_DONE;
}

elbo_status dataset_strays(const dataset *d, double levels, bool *found, data_stray *out, error *e)
{
  size_t D = d->x.D;
  seeker s;
  *found = false;
  if (d->prepare.binarize != BINARIZE_NONE) return ELBO_DONE; /* 0 and 1 are levels of every grid */
  if (first_off(d, levels, &s, e) || !s.found) return e->status;
  *found = true;
  *out = (data_stray){ .row = s.index / D, .column = s.index % D, .value = (double)s.at.low };
  return fitting_levels(d, s.at, &out->fitting, e);
}
