/* SPDX-License-Identifier: GPL-3.0-or-later */
/* picture.h - arrays as files a person or another program opens: npy, PNG grids, SVG curves; all
 * written whole. */
#ifndef ELBO_IO_PICTURE_H
#define ELBO_IO_PICTURE_H

#include "base/text.h"
#include <stddef.h>
#include <stdint.h>

/* npy 1.0, '<f4', C order. */
elbo_status npy_write(const char *path, const float *at, int rank, const size_t *dims, error *e);

/* The same arrays by name in one file, npz as numpy reads it: a zip archive whose members NAME.npy
 * are stored as they are. Begin, add.., then commit or abandon; an error of adding leaves the
 * archive to be abandoned. Names: letters, digits, '.', '_', at most 200; the whole at most
 * NPZ_MOST bytes, which npz_bytes of its members tell beforehand. */
#define NPZ_MOST (UINT32_MAX - UINT64_C(65536))
typedef struct npz npz;
npz *npz_begin(const char *path, error *e);
elbo_status npz_add(npz *z, const char *name, const float *at, int rank, const size_t *dims,
                    error *e);
elbo_status npz_commit(npz *z, error *e); /* frees z, also on error */
void npz_abandon(npz *z);                 /* NULL is fine */
/* What a member takes, headers and entry in the directory included; UINT64_MAX: uncountable. */
uint64_t npz_bytes(const char *name, int rank, const size_t *dims);
/* The header of an npy file or member, padded, into an empty text, whose `failed` says that memory
 * ran out; *bytes: of the numbers behind it. `path` is for messages. */
elbo_status npy_header(const char *path, int rank, const size_t *dims, text *header, size_t *bytes,
                       error *e);

/* A grid of grey images, each height x width, values low..high mapped to black..white and
 * clamped: `count` images, `columns` in a row (0: a near square), a 2-pixel gap, scaled up by a
 * whole factor so that the picture is at least 400 pixels wide. images [count][height * width].
 * Refused: a value that is not finite (ELBO_E_NOT_FINITE), low >= high, nothing to show. */
elbo_status png_grid(const char *path, const float *images, size_t count, size_t columns,
                     size_t height, size_t width, float low, float high, error *e);
/* The same behind what stands in a text; `name` is for messages; *pixels_wide: of the picture. */
typedef struct {
  const float *images; /* [count][height * width] */
  size_t count, columns, height, width;
  float low, high;
} png_images;
elbo_status png_grid_into(text *t, const char *name, const png_images *p, size_t *pixels_wide,
                          error *e);

/* Curves as SVG: axes with ticks at round numbers, legend, title, light and dark by media query;
 * points that are not finite are left out. */
typedef struct {
  const char *label;
  const double *x, *y;
  size_t n;
} svg_curve;
elbo_status svg_curves(const char *path, const char *title, const char *x_label,
                       const char *y_label, const svg_curve *curves, size_t n, error *e);
/* Marks on logarithmic axes with a bar of `spread` up and down; a legend row each. Those of x or y
 * that is not above 0 come last: they have their row alone. */
typedef struct {
  char label[160];
  double x, y, spread;
} svg_mark;
elbo_status svg_marks(const char *path, const char *title, const char *x_label, const char *y_label,
                      const svg_mark *marks, size_t n, error *e);
/* Points of a plane, coloured by class (labels NULL: one colour): for pinwheel samples and
 * latent spaces. */
elbo_status svg_points(const char *path, const char *title, const float *xy, const uint8_t *labels,
                       size_t n, error *e);

/* ---- parts of an HTML page, which has title, legend (rows in the order of the curves) and the
 * rules of svg_style once. They scale to the width that they get. Each line says its points in
 * data-v ("X Y,X Y,..") and the frame where its axes lie (data-x="LOW HIGH FROM TO"), for a
 * script that shows values. `name` is what is said to who can't see. */
elbo_status svg_curves_part(text *t, const char *name, const char *x_label, const char *y_label,
                            const svg_curve *curves, size_t n, error *e);
typedef struct {
  const char *name, *x_label, *y_label;
  const float *xy;       /* [n][2] */
  const uint8_t *labels; /* or NULL */
  size_t n;
  const char *const *words; /* of each label, from 0, NULL-ended; NULL: the label itself */
  bool free;                /* a unit of one axis need not be as long as one of the other */
} svg_cloud;
elbo_status svg_points_part(text *t, const svg_cloud *cloud, error *e);
/* For a legend: a short line as that of the curve in this row. */
void svg_add_key(text *t, size_t row);
const char *svg_style(void); /* rules of CSS, light and dark */
/* As text or attribute of XML or HTML, in double quotes; what is no UTF-8 and control characters
 * become U+FFFD. */
void svg_escape(text *t, const char *s);

#endif
