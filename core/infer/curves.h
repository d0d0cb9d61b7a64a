/* SPDX-License-Identifier: GPL-3.0-or-later */
/* curves.h - the numbers of a metrics file, thinned to what a picture shows, in memory that does
 * not grow with the file. */
#ifndef ELBO_INFER_CURVES_H
#define ELBO_INFER_CURVES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum { CURVE_TRAIN, CURVE_VALIDATE, CURVE_TEST, CURVE_SPLITS } curve_split;
typedef enum {
  CURVE_OBJECTIVE,
  CURVE_ELBO,
  CURVE_RECONSTRUCTION,
  CURVE_KL,
  CURVE_KINDS
} curve_kind;
typedef enum { CURVE_STEP, CURVE_EPOCH, CURVE_SECONDS, CURVE_AXES } curve_axis;

/* Neighbours fall into bundles; of each its first, lowest, highest and last point stay. */
enum { CURVE_BUNDLES = 256, CURVE_MOST = 4 * CURVE_BUNDLES };

typedef struct {
  size_t n; /* at most CURVE_MOST */
  double x[CURVE_AXES][CURVE_MOST], y[CURVE_MOST];
} curve;

typedef struct {
  curve of[CURVE_SPLITS][CURVE_KINDS];
  size_t lines;   /* that were read */
  size_t strange; /* of those, what is no line of metrics: left out */
  bool weighted;  /* somewhere the objective was not the ELBO: a kl_weight stood beside it */
} curves;

/* Where training wrote lines between the ends of epochs, the means of whole epochs are left out. A
 * file of up to that many points comes through whole: a bundle holds one point, and bundles are
 * joined in pairs each time they are all full. Lines beyond 64 KB are strange. Free with mem_free.
 */
elbo_status curves_read(const char *metrics, curves **out, error *e);

#endif
