/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/data.h - what a data file is. */
#ifndef ELBO_DATA_H
#define ELBO_DATA_H

#include <elbo/context.h>

#pragma GCC visibility push(default)

typedef struct {
  const char *kind; /* "idx", "npy", "csv", "builtin" */
  bool compressed;
  const char *type; /* "u8", "f32": as it lies in memory */
  size_t rows, numbers;
  int rank;
  size_t shape[4];
  double low, high, mean;
  bool integers, binary;
  size_t constant_columns;
  const char *support; /* in words */
  /* names of the families that fit, separated by ", "; valid until the next call */
  const char *families;
} elbo_data_info;
/* FILE, or "builtin:NAME". columns: of a csv file those that are looked at, "length,width", by name
   or by number from 1; NULL: all. ELBO_E_DATA with the reason. */
elbo_status elbo_data_inspect(elbo_context *ctx, const char *file, const char *columns,
                              elbo_data_info *info);

#pragma GCC visibility pop

#endif
