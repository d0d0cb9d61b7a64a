/* SPDX-License-Identifier: GPL-3.0-or-later */
/* special.h - special functions in double precision, for the library and, by id, for plugins. GSL
 * is included by special.c alone; its error handler is off (num_start). Every function: NaN outside
 * its domain, never an abort. Sources stand at each function. */
#ifndef ELBO_NUM_SPECIAL_H
#define ELBO_NUM_SPECIAL_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void num_start(void); /* once per process, at the first context: GSL's handler off */
/* elbo_special of plugin.h; NaN for an unknown id */
double special_call(uint32_t id, double a, double b);
double special3_call(uint32_t id, double a, double b, double c); /* elbo_special3 */
const char *special_library(void);                               /* "GSL 2.7.1" */

/* The CPU's level for kernel sets: 0 any, 1 AVX2 and FMA, 2 AVX-512 (F, VL, BW, DQ). */
int cpu_level(void);
/* At most the level of that name; NULL: the CPU's. Unknown: ELBO_E_USAGE. */
elbo_status cpu_level_choose(const char *highest, int *level, error *e);
const char *cpu_level_name(int level); /* "baseline", "avx2", "avx512" */

/* Of a symmetric a [n][n], which is overwritten: values [n], the largest first, and vectors [n][n],
 * one a column, of length 1. false: no memory. */
bool eigen_symmetric(size_t n, double *a, double *values, double *vectors);

#endif
