/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * feeder.h - the training rows of data sets that stay in their files, in shuffled order and read
 * ahead by a thread of its own (decision 017).
 *
 * An epoch's order is a function of (seed, epoch): the rows, counted around from a drawn first one,
 * are cut into blocks of neighbours; the blocks are permuted; so many of them as the half buffer
 * holds are a group, whose rows are permuted once more. While a group is used the next is read. */
#ifndef ELBO_DATA_FEEDER_H
#define ELBO_DATA_FEEDER_H

#include "data/dataset.h"

typedef struct row_order {
  uint64_t seed;
  size_t rows, block; /* rows; those of a block, of which the last may have fewer */
  size_t blocks;
  size_t per_group; /* blocks; the last group may have fewer */
} row_order;

/* buffer: rows held at a time, fewer than there are; row_bytes: of a row of all the sets. */
row_order row_order_make(uint64_t seed, size_t rows, size_t buffer, size_t row_bytes);
size_t row_order_group_rows(const row_order *o); /* at most */
size_t row_order_groups(const row_order *o);

typedef struct feeder feeder;
enum { FEEDER_SETS = 32 };

/* sets: n windows of o->rows rows each; they must outlive the feeder. ELBO_E_MEMORY also where no
   thread is to be had. */
elbo_status feeder_new(const dataset *const *sets, int n, const row_order *o, feeder **out,
                       error *e);
void feeder_free(feeder *f); /* NULL is fine */
/* Rows [first, first + n) of the order of an epoch, n at most a group's: index[i], and for the k-th
   set at[k][i], the row as it is stored. They stay until the next call. What reading them met:
   the error of array_fetch. */
elbo_status feeder_take(feeder *f, uint64_t epoch, size_t first, size_t n, uint32_t *index,
                        const void **const *at, error *e);

#endif
