/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each product is a sum of listed rows of a small table, STRIP numbers in registers: forward lists
 * the non-zeros of a row of x and adds rows of the transposed weights, the gradient lists those of
 * a column and adds rows of g. x is walked in blocks of ROWS by COLUMNS, whose lists serve all
 * outs. */
#include "graph/nonzeros.h"
#include "graph/levels.h"

#include <string.h>

enum {
  STRIP = 64,   /* outs that are summed at once */
  COLUMNS = 64, /* of x, one word of marks */
  ROWS = 128,
  SIDE = 16,  /* of the squares that are transposed */
  END = 255,  /* of a list */
  GROUP = 128 /* outs whose g is kept at hand */
};
typedef uint8_t list[ROWS + 1]; /* rows or columns of a block, in order, closed by END */

/* ---- where the non-zeros are */
ELBO_INLINE void mark(size_t n, const float *x, uint64_t *marks, size_t *count)
{
  *count = 0;
  for (size_t j = 0; j < n; j += 64) {
    uint64_t word = 0;
    for (size_t k = j; k < n && k < j + 64; k += 16) {
      uint32_t half = 0;
      if (k + 16 <= n)
        for (int l = 0; l < 16; l++) half |= x[k + l] != 0 ? 1u << l : 0;
      else
        for (size_t l = 0; k + l < n; l++) half |= x[k + l] != 0 ? 1u << l : 0;
      word |= (uint64_t)half << (k - j);
    }
    marks[j / 64] = word;
    *count += (size_t)__builtin_popcountll(word);
  }
}
LEVELS(mark, (size_t n, const float *x, uint64_t *marks, size_t *count), n, x, marks, count)

/* ---- 16 x 16 numbers transposed, by squares of four */
typedef float four __attribute__((vector_size(16)));

ELBO_INLINE four interleave_low(four a, four b)
{
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}
ELBO_INLINE four interleave_high(four a, four b)
{
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

ELBO_INLINE void transpose4(const float *in, size_t ldi, float *out, size_t ldo)
{
  four r[4];
  for (size_t k = 0; k < 4; k++) memcpy(&r[k], in + k * ldi, sizeof *r);
  four p = interleave_low(r[0], r[2]), q = interleave_low(r[1], r[3]);
  four s = interleave_high(r[0], r[2]), t = interleave_high(r[1], r[3]);
  r[0] = interleave_low(p, q), r[1] = interleave_high(p, q);
  r[2] = interleave_low(s, t), r[3] = interleave_high(s, t);
  for (size_t k = 0; k < 4; k++) memcpy(out + k * ldo, &r[k], sizeof *r);
}

ELBO_INLINE void transpose(const float *in, size_t ldi, float *out, size_t ldo)
{
  for (size_t i = 0; i < SIDE; i += 4)
    for (size_t k = 0; k < SIDE; k += 4) transpose4(in + i * ldi + k, ldi, out + k * ldo + i, ldo);
}

static size_t least(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* ---- the sum of the listed rows of a table, each times its x, `step` apart. The end of the list
 * is not known beforehand, so that no compiler takes two rows at once and spills the sums. */
ELBO_INLINE void add_listed(const uint8_t *at, const float *x, size_t step, const float *table,
                            size_t ld, float *restrict sum)
{
  for (; *at != END; at++) {
    const float *row = table + *at * ld;
    float f = x[*at * step];
    for (int k = 0; k < STRIP; k++) sum[k] += f * row[k];
  }
}

/* The part of x that is at work, and its marks. */
typedef struct block {
  size_t rows, columns, ld, marks_ld;
  const float *x;
  const uint64_t *marks;
} block;

ELBO_INLINE block block_of(const nonzeros *z, size_t row, size_t column)
{
  return (block){ least(z->rows - row, ROWS),
                  least(z->in - column, COLUMNS),
                  z->ld,
                  z->marks_ld,
                  z->x + row * z->ld + column,
                  z->marks + row * z->marks_ld + column / 64 };
}

/* ---- forward */
ELBO_INLINE void list_rows(const block *b, list *lists)
{
  for (size_t i = 0; i < b->rows; i++) {
    uint8_t *to = lists[i];
    for (uint64_t m = b->marks[i * b->marks_ld]; m; m &= m - 1) *to++ = (uint8_t)__builtin_ctzll(m);
    *to = END;
  }
}

/* table [COLUMNS][STRIP] = w^T of outs x columns weights, the rest zeros. */
ELBO_INLINE void load_weights(size_t outs, size_t columns, const float *w, size_t ldw, float *table)
{
  float pad[SIDE * SIDE];
  for (size_t o = 0; o < STRIP; o += SIDE)
    for (size_t j = 0; j < columns; j += SIDE) {
      if (o + SIDE <= outs && j + SIDE <= columns) {
        transpose(w + o * ldw + j, ldw, table + j * STRIP + o, STRIP);
        continue;
      }
      memset(pad, 0, sizeof pad);
      for (size_t k = 0; k < SIDE && o + k < outs; k++)
        memcpy(pad + k * SIDE, w + (o + k) * ldw + j, least(columns - j, SIDE) * sizeof *w);
      transpose(pad, SIDE, table + j * STRIP + o, STRIP);
    }
}

/* What every row's sum begins with: 0 times each weight, which is NaN for one that is not finite.
 */
ELBO_INLINE void zero_times(size_t columns, const float *table, float *restrict zero)
{
  for (int k = 0; k < STRIP; k++) zero[k] = 0;
  for (size_t j = 0; j < columns; j++)
    for (int k = 0; k < STRIP; k++) zero[k] += 0 * table[j * STRIP + k];
}

ELBO_INLINE void forward_strip(const block *b, list *lists, const float *table, size_t outs,
                               bool add, float *y, size_t ldy)
{
  float zero[STRIP];
  zero_times(b->columns, table, zero);
  for (size_t i = 0; i < b->rows; i++, y += ldy) {
    float sum[STRIP];
    for (int k = 0; k < STRIP; k++) sum[k] = zero[k];
    add_listed(lists[i], b->x + i * b->ld, 1, table, STRIP, sum);
    if (outs == STRIP)
      for (int k = 0; k < STRIP; k++) y[k] = add ? y[k] + sum[k] : sum[k];
    else
      for (size_t k = 0; k < outs; k++) y[k] = add ? y[k] + sum[k] : sum[k];
  }
}

ELBO_INLINE void forward(const nonzeros *z, size_t outs, const float *w, size_t ldw, float *y,
                         size_t ldy)
{
  _Alignas(64) float table[COLUMNS * STRIP];
  list lists[ROWS];
  for (size_t i = 0; i < z->rows; i += ROWS)
    for (size_t j = 0; j < z->in; j += COLUMNS) {
      block b = block_of(z, i, j);
      list_rows(&b, lists);
      for (size_t o = 0; o < outs; o += STRIP) {
        size_t width = least(outs - o, STRIP);
        load_weights(width, b.columns, w + o * ldw + j, ldw, table);
        forward_strip(&b, lists, table, width, j > 0, y + i * ldy + o, ldy);
      }
    }
}
LEVELS(forward, (const nonzeros *z, size_t outs, const float *w, size_t ldw, float *y, size_t ldy),
       z, outs, w, ldw, y, ldy)

/* ---- gradient */
ELBO_INLINE void list_columns(const block *b, list *lists)
{
  uint8_t *to[COLUMNS];
  for (size_t j = 0; j < b->columns; j++) to[j] = lists[j];
  for (size_t i = 0; i < b->rows; i++)
    for (uint64_t m = b->marks[i * b->marks_ld]; m; m &= m - 1)
      *to[__builtin_ctzll(m)]++ = (uint8_t)i;
  for (size_t j = 0; j < b->columns; j++) *to[j] = END;
}

/* dw [outs][columns] (+)= table^T, of at most SIDE each. */
ELBO_INLINE void store_square(const float *table, size_t outs, size_t columns, bool add, float *dw,
                              size_t ldw)
{
  float square[SIDE * SIDE];
  if (!add && outs >= SIDE && columns >= SIDE) {
    transpose(table, STRIP, dw, ldw);
    return;
  }
  transpose(table, STRIP, square, SIDE);
  for (size_t o = 0; o < outs && o < SIDE; o++)
    for (size_t j = 0; j < columns && j < SIDE; j++)
      dw[o * ldw + j] = add ? dw[o * ldw + j] + square[o * SIDE + j] : square[o * SIDE + j];
}

/* g [rows][GROUP], the rest of each row zeros. */
ELBO_INLINE void gradient_strip(const block *b, list *lists, const float *g, size_t outs, bool add,
                                float *dw, size_t ldw)
{
  _Alignas(64) float table[SIDE * STRIP];
  for (size_t j = 0; j < b->columns; j += SIDE) {
    for (size_t k = 0; k < SIDE && j + k < b->columns; k++) {
      float sum[STRIP] = { 0 };
      add_listed(lists[j + k], b->x + j + k, b->ld, g, GROUP, sum);
      for (int o = 0; o < STRIP; o++) table[k * STRIP + o] = sum[o];
    }
    for (size_t o = 0; o < outs; o += SIDE)
      store_square(table + o, outs - o, b->columns - j, add, dw + o * ldw + j, ldw);
  }
}

ELBO_INLINE void gradient(const nonzeros *z, size_t outs, const float *g, size_t ldg, float *dw,
                          size_t ldw, bool add)
{
  _Alignas(64) float group[ROWS * GROUP];
  list lists[COLUMNS];
  for (size_t i = 0; i < z->rows; i += ROWS)
    for (size_t o = 0; o < outs; o += GROUP) {
      size_t width = least(outs - o, GROUP);
      memset(group, 0, sizeof group);
      for (size_t k = 0; k < least(z->rows - i, ROWS); k++)
        memcpy(group + k * GROUP, g + (i + k) * ldg + o, width * sizeof *g);
      for (size_t j = 0; j < z->in; j += COLUMNS) {
        block b = block_of(z, i, j);
        list_columns(&b, lists);
        for (size_t k = 0; k < width; k += STRIP)
          gradient_strip(&b, lists, group + k, least(width - k, STRIP), add || i,
                         dw + (o + k) * ldw + j, ldw);
      }
    }
}
LEVELS(gradient,
       (const nonzeros *z, size_t outs, const float *g, size_t ldg, float *dw, size_t ldw,
        bool add),
       z, outs, g, ldg, dw, ldw, add)

static void (*const mark_at[])(size_t, const float *, uint64_t *, size_t *) = LEVEL_SET(mark);
static void (*const forward_at[])(const nonzeros *, size_t, const float *, size_t, float *,
                                  size_t) = LEVEL_SET(forward);
static void (*const gradient_at[])(const nonzeros *, size_t, const float *, size_t, float *, size_t,
                                   bool) = LEVEL_SET(gradient);

size_t nonzeros_mark(int level, size_t n, const float *x, uint64_t *marks)
{
  size_t count;
  mark_at[level](n, x, marks, &count);
  return count;
}

void nonzeros_forward(int level, const nonzeros *z, size_t outs, const float *w, size_t ldw,
                      float *y, size_t ldy)
{
  forward_at[level](z, outs, w, ldw, y, ldy);
}

void nonzeros_gradient(int level, const nonzeros *z, size_t outs, const float *g, size_t ldg,
                       float *dw, size_t ldw, bool add)
{
  gradient_at[level](z, outs, g, ldg, dw, ldw, add);
}
