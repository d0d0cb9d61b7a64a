/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/svg.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FEW_POINTS = 40, CLASSES = 256, MOST_ENTRIES = 16 };
static const double left = 76, top = 54, part_top = 14, bottom = 58, right = 24;

/* Into the text of a page, behind what stands there. */
static elbo_status hand_over(text *t, svg_frame *f, const char *name, error *e)
{
  if (f->t.s) text_add_n(t, f->t.s, f->t.n);
  t->failed |= f->t.failed;
  text_free(&f->t);
  return t->failed ? fail(e, ELBO_E_MEMORY, "%s: no memory to draw it; free some memory", name)
                   : ELBO_DONE;
}

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
  bool own = f->dots || !f->part; /* the page has the legend of its curves */
  double legend = own ? svg_legend_width(f->entries, f->n) : 0;
  double rows = own ? 20 * (double)f->n : 0;
  f->x.from = left;
  f->x.to = left + plot_width;
  f->y.from = top + plot_height;
  f->y.to = top;
  f->width = left + plot_width + (legend > 0 ? 4 + legend : right);
  if (f->part) f->y.from -= top - part_top, f->y.to = part_top;
  f->height = f->y.to + fmax(plot_height, rows) + bottom;
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

typedef struct {
  text *path, *values; /* values NULL: not wanted */
  bool begun, valued;
  double low; /* what lies below is not drawn */
} pen;

static void add_value(text *t, const char *before, double x, double y)
{
  text_add(t, before);
  text_number(t, x, 7);
  text_add(t, ",");
  text_number(t, y, 7);
}

static void flush(pen *p, const svg_curve *c, bundle *b)
{
  size_t last = 0;
  for (size_t k = 0; b->n && k < 4; k++) {
    int next = -1;
    for (int i = 0; i < 4; i++)
      if (b->at[i] > last && (next < 0 || b->at[i] < b->at[next])) next = i;
    if (next < 0) break;
    last = b->at[next];
    bool seen = c->y[last - 1] >= p->low;
    if (seen) add_point(p->path, p->begun ? 'L' : 'M', b->x[next], b->y[next]);
    if (p->values) add_value(p->values, p->valued ? " " : "", c->x[last - 1], c->y[last - 1]);
    p->begun = seen, p->valued = true;
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

static void add_line(svg_frame *f, const svg_curve *c, size_t row)
{
  text *t = &f->t, values = { 0 };
  bundle b = { 0 };
  pen p = { .path = t, .values = f->part ? &values : NULL, .low = f->y.low };
  text_format(t, "<path class=\"line c%zu\"%s d=\"", row % SVG_COLOURS, svg_dashes(row));
  for (size_t i = 0; i < c->n; i++) {
    if (!is_point(c, i)) continue;
    double x = svg_place(&f->x, c->x[i]), y = svg_place(&f->y, c->y[i]), column = floor(x * 2);
    if (b.n && column != b.column) flush(&p, c, &b);
    b.column = column;
    take(&b, x, y, i + 1);
  }
  flush(&p, c, &b);
  if (values.s) {
    text_add(t, "\" data-name=\"");
    svg_escape(t, f->entries[row]);
    text_add(t, "\" data-v=\"");
    text_add_n(t, values.s, values.n);
  }
  t->failed |= values.failed;
  text_free(&values);
  text_add(t, "\"/>\n");
}

static void add_curve(svg_frame *f, const svg_curve *c, size_t row)
{
  text *t = &f->t;
  size_t points = count_points(c);
  if (points) add_line(f, c, row);
  if (!points || points > FEW_POINTS) return;
  text_format(t, "<path class=\"dots c%zu\" d=\"", row % SVG_COLOURS);
  for (size_t i = 0; i < c->n; i++) {
    if (!is_point(c, i)) continue;
    if (c->y[i] < f->y.low) continue;
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

/* Training begins far below where it ends, and an axis that shows all of it shows little else: the
 * first twentieth of long curves may lie below the plot. */
static void leave_start(svg_frame *f, const svg_curve *curves, size_t n)
{
  svg_axis later = { .low = INFINITY, .high = -INFINITY };
  double from = f->x.low + (f->x.high - f->x.low) / 20;
  for (size_t c = 0; c < n; c++)
    for (size_t i = 0; i < curves[c].n; i++)
      if (is_point(&curves[c], i) && curves[c].x[i] >= from) svg_reach(&later, curves[c].y[i]);
  double span = f->y.high - later.low;
  if (later.low - f->y.low > span / 2 && span > 0) f->y.low = later.low - span / 10;
}

static void add_below(svg_frame *f, const svg_curve *curves, size_t n)
{
  size_t below = 0;
  for (size_t c = 0; c < n; c++)
    for (size_t i = 0; i < curves[c].n; i++)
      below += is_point(&curves[c], i) && curves[c].y[i] < f->y.low;
  if (!below) return;
  text_format(
      &f->t,
      "<text class=\"tick\" text-anchor=\"end\" x=\"%.0f\" y=\"%.0f\">%zu points of the start "
      "lie below</text>\n",
      f->x.to - 4, f->y.from - 8, below);
}

/* Bounds and steps of both axes; the points that there are. */
static size_t span_curves(svg_frame *f, const svg_curve *curves, size_t n)
{
  size_t points = 0;
  bool whole = true; /* epochs and steps get no ticks between whole numbers */
  for (size_t c = 0; c < n; c++) {
    points += count_points(&curves[c]);
    for (size_t i = 0; i < curves[c].n; i++) {
      if (!is_point(&curves[c], i)) continue;
      whole = whole && curves[c].x[i] == trunc(curves[c].x[i]);
      svg_reach(&f->x, curves[c].x[i]);
      svg_reach(&f->y, curves[c].y[i]);
    }
  }
  svg_settle(&f->x, 7, false);
  if (whole && f->x.high - f->x.low >= 1) f->x.step = fmax(f->x.step, 1);
  if (f->part && points > FEW_POINTS) leave_start(f, curves, n);
  svg_settle(&f->y, 6, true);
  return points;
}

typedef struct {
  const char *title, *x_label, *y_label;
  const svg_curve *curves;
  size_t n;
} chart;

static elbo_status draw_chart(svg_frame *f, const chart *c, error *e)
{
  const char **entries = mem_new(c->n, sizeof *entries, "a picture", e);
  if (!entries) return ELBO_E_MEMORY;
  *f = (svg_frame){ .x = { .low = INFINITY, .high = -INFINITY },
                    .y = { .low = INFINITY, .high = -INFINITY },
                    .part = f->part,
                    .entries = entries,
                    .n = c->n };
  for (size_t i = 0; i < c->n; i++) entries[i] = c->curves[i].label ? c->curves[i].label : "";
  size_t points = span_curves(f, c->curves, c->n);
  lay_out(f, f->part ? 520 : 600, f->part ? 300 : 340);
  svg_begin(f, c->title, c->x_label, c->y_label);
  for (size_t i = 0; i < c->n; i++) add_curve(f, &c->curves[i], i);
  add_below(f, c->curves, c->n);
  if (!points) add_no_points(f);
  svg_end(f);
  f->entries = NULL;
  mem_free(entries);
  return ELBO_DONE;
}

elbo_status svg_curves(const char *path, const char *title, const char *x_label,
                       const char *y_label, const svg_curve *curves, size_t n, error *e)
{
  svg_frame f = { 0 };
  chart c = { title, x_label, y_label, curves, n };
  return draw_chart(&f, &c, e) ? e->status : save(path, &f, e);
}

elbo_status svg_curves_part(text *t, const char *name, const char *x_label, const char *y_label,
                            const svg_curve *curves, size_t n, error *e)
{
  svg_frame f = { .part = true };
  chart c = { name, x_label, y_label, curves, n };
  return draw_chart(&f, &c, e) ? e->status : hand_over(t, &f, name, e);
}

/* Which classes there are; each gets a row of the legend, in their order. */
typedef struct {
  bool there[CLASSES];
  char words[MOST_ENTRIES][24];
  const char *entries[MOST_ENTRIES];
  size_t n;
} classes;

static void name_class(classes *k, int class, const char *const *words)
{
  int known = 0;
  while (words && known < class && words[known]) known++;
  if (words && words[known])
    snprintf(k->words[k->n++], sizeof k->words[0], "%s", words[class]);
  else
    snprintf(k->words[k->n++], sizeof k->words[0], "%d", class);
}

static void find_classes(classes *k, const uint8_t *labels, const char *const *words, size_t n)
{
  for (size_t i = 0; i < n; i++) k->there[labels ? labels[i] : 0] = true;
  size_t others = 0;
  for (int c = 0; labels && c < CLASSES; c++) {
    if (!k->there[c]) continue;
    if (k->n == MOST_ENTRIES)
      others++;
    else
      name_class(k, c, words);
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

static bool span_points(svg_frame *f, const svg_cloud *c)
{
  bool any = false;
  for (size_t i = 0; i < c->n; i++) {
    const float *at = c->xy + 2 * i;
    if (!isfinite(at[0]) || !isfinite(at[1])) continue;
    any = true;
    svg_reach(&f->x, at[0]);
    svg_reach(&f->y, at[1]);
  }
  if (!c->free)
    make_square(&f->x, &f->y);
  else
    svg_settle(&f->x, 6, true), svg_settle(&f->y, 6, true);
  return any;
}

static void draw_points(svg_frame *f, const svg_cloud *c)
{
  classes k = { 0 };
  *f = (svg_frame){ .x = { .low = INFINITY, .high = -INFINITY },
                    .y = { .low = INFINITY, .high = -INFINITY },
                    .part = f->part,
                    .dots = true };
  find_classes(&k, c->labels, c->words, c->n);
  bool any = span_points(f, c);
  f->entries = k.entries;
  f->n = k.n;
  lay_out(f, 460, c->free ? 340 : 460);
  svg_begin(f, c->name, c->x_label, c->y_label);
  size_t row = 0;
  for (int i = 0; i < CLASSES; i++)
    if (k.there[i]) add_cloud(f, c->xy, c->labels, c->n, i, row++);
  if (!any) add_no_points(f);
  svg_end(f);
  f->entries = NULL;
}

elbo_status svg_points(const char *path, const char *title, const float *xy, const uint8_t *labels,
                       size_t n, error *e)
{
  svg_frame f = { 0 };
  draw_points(&f, &(svg_cloud){ title, "", "", xy, labels, n, NULL, false });
  return save(path, &f, e);
}

elbo_status svg_points_part(text *t, const svg_cloud *cloud, error *e)
{
  svg_frame f = { .part = true };
  draw_points(&f, cloud);
  return hand_over(t, &f, cloud->name, e);
}
