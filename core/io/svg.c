/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/svg.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FEW_POINTS = 40, CLASSES = 256, MOST_ENTRIES = 16 };
static const double left = 76, top = 54, bottom = 58, right = 24;

static elbo_status save(const char *path, svg_frame *f, error *e)
{
  elbo_status status;
  if (f->t.failed)
    status = fail(e, ELBO_E_MEMORY, "%s: no memory to draw it; free some memory", path);
  else
    status = file_write_whole(path, f->t.s, f->t.n, e);
  text_free(&f->t);
  return status;
}

/* Places the axes; the picture grows for the legend, so that the plot keeps its size and nothing
 * covers it. */
static void lay_out(svg_frame *f, double plot_width, double plot_height)
{
  double legend = svg_legend_width(f->entries, f->n);
  double rows = 20 * (double)f->n;
  f->x.from = left;
  f->x.to = left + plot_width;
  f->y.from = top + plot_height;
  f->y.to = top;
  f->width = left + plot_width + (legend > 0 ? 4 + legend : right);
  f->height = top + fmax(plot_height, rows) + bottom;
}

static void add_point(text *t, char command, double x, double y)
{
  text_add_n(t, &command, 1);
  svg_coordinate(t, x);
  text_add(t, " ");
  svg_coordinate(t, y);
}

/* The points that fall on one column of half a pixel, of which four draw the same picture as
 * all: the first, the lowest, the highest and the last, in their order (M4, Jugel et al. 2014). */
typedef struct {
  double column;
  size_t n;
  double x[4], y[4]; /* first, low, high, last */
  size_t at[4];
} bundle;

static void flush(text *t, bundle *b, bool *begun)
{
  size_t last = 0;
  for (size_t k = 0; b->n && k < 4; k++) {
    int next = -1;
    for (int i = 0; i < 4; i++)
      if (b->at[i] > last && (next < 0 || b->at[i] < b->at[next])) next = i;
    if (next < 0) break;
    add_point(t, *begun ? 'L' : 'M', b->x[next], b->y[next]);
    *begun = true;
    last = b->at[next];
  }
  b->n = 0;
}

static void take(bundle *b, double x, double y, size_t at)
{
  for (int i = 0; i < 4; i++) {
    bool better = !b->n || i == 3 || (i == 1 && y > b->y[1]) || (i == 2 && y < b->y[2]);
    if (!better) continue;
    b->x[i] = x;
    b->y[i] = y;
    b->at[i] = at;
  }
  b->n++;
}

static bool is_point(const svg_curve *c, size_t i)
{
  return isfinite(c->x[i]) && isfinite(c->y[i]);
}

static size_t count_points(const svg_curve *c)
{
  size_t n = 0;
  for (size_t i = 0; i < c->n; i++) n += is_point(c, i);
  return n;
}

static void add_curve(svg_frame *f, const svg_curve *c, size_t row)
{
  text *t = &f->t;
  size_t points = count_points(c);
  if (!points) return;
  bundle b = { 0 };
  bool begun = false;
  text_format(t, "<path class=\"line c%zu\"%s d=\"", row % SVG_COLOURS, svg_dashes(row));
  for (size_t i = 0; i < c->n; i++) {
    if (!is_point(c, i)) continue;
    double x = svg_place(&f->x, c->x[i]), y = svg_place(&f->y, c->y[i]), column = floor(x * 2);
    if (b.n && column != b.column) flush(t, &b, &begun);
    b.column = column;
    take(&b, x, y, i + 1);
  }
  flush(t, &b, &begun);
  text_add(t, "\"/>\n");
  if (points > FEW_POINTS) return;
  text_format(t, "<path class=\"dots c%zu\" d=\"", row % SVG_COLOURS);
  for (size_t i = 0; i < c->n; i++) {
    if (!is_point(c, i)) continue;
    add_point(t, 'M', svg_place(&f->x, c->x[i]), svg_place(&f->y, c->y[i]));
    text_add(t, "h0");
  }
  text_add(t, "\"/>\n");
}

static void add_no_points(svg_frame *f)
{
  text_format(
      &f->t,
      "<text class=\"name\" text-anchor=\"middle\" x=\"%.0f\" y=\"%.0f\">no finite points</text>\n",
      (f->x.from + f->x.to) / 2, (f->y.from + f->y.to) / 2);
}

elbo_status svg_curves(const char *path, const char *title, const char *x_label,
                       const char *y_label, const svg_curve *curves, size_t n, error *e)
{
  const char **entries = mem_new(n, sizeof *entries, "a picture", e);
  if (!entries) return ELBO_E_MEMORY;
  svg_frame f = { .x = { .low = INFINITY, .high = -INFINITY },
                  .y = { .low = INFINITY, .high = -INFINITY } };
  size_t points = 0;
  bool whole = true; /* epochs and steps get no ticks between whole numbers */
  for (size_t c = 0; c < n; c++) {
    entries[c] = curves[c].label ? curves[c].label : "";
    points += count_points(&curves[c]);
    for (size_t i = 0; i < curves[c].n; i++) {
      if (!is_point(&curves[c], i)) continue;
      whole = whole && curves[c].x[i] == trunc(curves[c].x[i]);
      svg_reach(&f.x, curves[c].x[i]);
      svg_reach(&f.y, curves[c].y[i]);
    }
  }
  svg_settle(&f.x, 7, false);
  if (whole && f.x.high - f.x.low >= 1) f.x.step = fmax(f.x.step, 1);
  svg_settle(&f.y, 6, true);
  f.entries = entries;
  f.n = n;
  lay_out(&f, 600, 340);
  svg_begin(&f, title, x_label, y_label);
  for (size_t c = 0; c < n; c++) add_curve(&f, &curves[c], c);
  if (!points) add_no_points(&f);
  svg_end(&f);
  mem_free(entries);
  return save(path, &f, e);
}

/* Which classes there are; each gets a row of the legend, in their order. */
typedef struct {
  bool there[CLASSES];
  char words[MOST_ENTRIES][24];
  const char *entries[MOST_ENTRIES];
  size_t n;
} classes;

static void find_classes(classes *k, const uint8_t *labels, size_t n)
{
  for (size_t i = 0; i < n; i++) k->there[labels ? labels[i] : 0] = true;
  size_t others = 0;
  for (int c = 0; labels && c < CLASSES; c++) {
    if (!k->there[c]) continue;
    if (k->n == MOST_ENTRIES)
      others++;
    else
      snprintf(k->words[k->n++], sizeof k->words[0], "%d", c);
  }
  if (others) snprintf(k->words[MOST_ENTRIES - 1], sizeof k->words[0], "%zu more", others + 1);
  for (size_t i = 0; i < k->n; i++) k->entries[i] = k->words[i];
}

/* All points of a class as one path of dots, so that where they lie upon each other no blot
 * grows. */
static void add_cloud(svg_frame *f, const float *xy, const uint8_t *labels, size_t n, int class,
                      size_t row)
{
  text *t = &f->t;
  text_format(t, "<path class=\"cloud c%zu\" d=\"", row % SVG_COLOURS);
  for (size_t i = 0; i < n; i++) {
    if (labels && labels[i] != class) continue;
    if (!isfinite(xy[2 * i]) || !isfinite(xy[2 * i + 1])) continue;
    add_point(t, 'M', svg_place(&f->x, xy[2 * i]), svg_place(&f->y, xy[2 * i + 1]));
    text_add(t, "h0");
  }
  text_add(t, "\"/>\n");
}

/* One unit is as long on one axis as on the other: the narrower range is widened about its
 * middle. */
static void make_square(svg_axis *x, svg_axis *y)
{
  svg_settle(x, 6, false);
  svg_settle(y, 6, false);
  double span = 1.06 * fmax(x->high - x->low, y->high - y->low);
  svg_axis *both[] = { x, y };
  for (int i = 0; i < 2; i++) {
    double middle = both[i]->low / 2 + both[i]->high / 2;
    both[i]->low = middle - span / 2;
    both[i]->high = middle + span / 2;
    svg_settle(both[i], 6, false);
  }
}

elbo_status svg_points(const char *path, const char *title, const float *xy, const uint8_t *labels,
                       size_t n, error *e)
{
  classes k = { 0 };
  svg_frame f = { .x = { .low = INFINITY, .high = -INFINITY },
                  .y = { .low = INFINITY, .high = -INFINITY } };
  bool any = false;
  find_classes(&k, labels, n);
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(xy[2 * i]) || !isfinite(xy[2 * i + 1])) continue;
    any = true;
    svg_reach(&f.x, xy[2 * i]);
    svg_reach(&f.y, xy[2 * i + 1]);
  }
  make_square(&f.x, &f.y);
  f.entries = k.entries;
  f.n = k.n;
  f.dots = true;
  lay_out(&f, 460, 460);
  svg_begin(&f, title, "", "");
  size_t row = 0;
  for (int c = 0; c < CLASSES; c++)
    if (k.there[c]) add_cloud(&f, xy, labels, n, c, row++);
  if (!any) add_no_points(&f);
  svg_end(&f);
  return save(path, &f, e);
}
