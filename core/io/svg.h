/* SPDX-License-Identifier: GPL-3.0-or-later */
/* svg.h - a frame with axes that data are drawn into. Inside core/io. */
#ifndef ELBO_IO_SVG_H
#define ELBO_IO_SVG_H

#include "base/text.h"

#include <stdbool.h>

enum { SVG_COLOURS = 10 }; /* classes c0 to c9 */

/* One axis: data low..high to pixels from..to, ticks at whole multiples of step. */
typedef struct {
  double low, high, step;
  double from, to;
} svg_axis;
double svg_place(const svg_axis *a, double v);

typedef struct {
  text t;
  svg_axis x, y;
  double width, height;       /* of the picture */
  const char *const *entries; /* the legend's words; row i has the colour i; "" is left out */
  size_t n;
  bool dots;   /* does the legend show dots, not lines */
  bool shapes; /* marks: a row's colour comes again with another shape */
  size_t bare; /* rows at the end of the legend that have words alone */
  bool part;   /* of a page: no style, title and paper of its own */
} svg_frame;

/* Takes in a value, if finite; begin with low = INFINITY, high = -INFINITY. */
void svg_reach(svg_axis *a, double v);
/* From the values it has taken in: bounds that are never equal, a step of 1, 2 or 5 times a
 * power of ten for about `ticks` ticks; `loose`: bounds moved out to multiples of the step. */
void svg_settle(svg_axis *a, int ticks, bool loose);
/* Pixels that a legend of these words needs at the right: 0 for none. */
double svg_legend_width(const char *const *entries, size_t n);

/* The document's start: style, title, grid, ticks, labels, legend; x and y must be settled and
 * placed. Data follow, clipped to the plot; then svg_end. */
void svg_begin(svg_frame *f, const char *title, const char *x_label, const char *y_label);
void svg_end(svg_frame *f);
/* The mark of a row of the legend, around a point. */
void svg_add_mark(text *t, size_t row, double x, double y);
/* What tells the lines of rows of one colour apart: how they are dashed, an attribute or "". */
const char *svg_dashes(size_t row);
void svg_coordinate(text *t, double pixels); /* to a hundredth */

#endif
