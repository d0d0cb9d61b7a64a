/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marks with error bars on two logarithmic axes, a legend row each. */
#include "base/file.h"
#include "base/mem.h"
#include "io/picture.h"
#include "io/svg.h"

#include <math.h>

static const double left = 76, top = 54, bottom = 58, plot = 420;

static void add_bar(svg_frame *f, const svg_mark *m, size_t row)
{
  double x = svg_place(&f->x, log10(m->x)), low = m->y - m->spread, high = m->y + m->spread;
  if (!(m->spread > 0 && low > 0)) return;
  text_format(&f->t, "<path class=\"line c%zu\" d=\"M", row % SVG_COLOURS);
  svg_coordinate(&f->t, x);
  text_add(&f->t, " ");
  svg_coordinate(&f->t, svg_place(&f->y, log10(low)));
  text_add(&f->t, "V");
  svg_coordinate(&f->t, svg_place(&f->y, log10(high)));
  text_add(&f->t, "\"/>\n");
}

static void lay_out(svg_frame *f)
{
  double legend = svg_legend_width(f->entries, f->n), rows = 20 * (double)f->n;
  svg_settle(&f->x, 6, true);
  svg_settle(&f->y, 6, true);
  f->x.from = left, f->x.to = left + plot;
  f->y.from = top + plot, f->y.to = top;
  f->width = left + plot + 4 + legend;
  f->height = top + fmax(plot, rows) + bottom;
}

elbo_status svg_marks(const char *path, const char *title, const char *x_label, const char *y_label,
                      const svg_mark *marks, size_t n, error *e)
{
  const char **entries = mem_new(n + 1, sizeof *entries, "a picture", e);
  if (!entries) return e->status;
  svg_frame f = { .x = { .low = INFINITY, .high = -INFINITY },
                  .y = { .low = INFINITY, .high = -INFINITY },
                  .entries = entries,
                  .n = n,
                  .shapes = true };
  size_t placed = 0;
  text x_words = { 0 }, y_words = { 0 };
  text_format(&x_words, "log10 of %s", x_label);
  text_format(&y_words, "log10 of %s", y_label);
  while (placed < n && marks[placed].x > 0 && marks[placed].y > 0) placed++;
  f.bare = n - placed;
  for (size_t i = 0; i < n; i++) entries[i] = marks[i].label;
  for (size_t i = 0; i < placed; i++) {
    svg_reach(&f.x, log10(marks[i].x));
    svg_reach(&f.y, log10(marks[i].y));
  }
  lay_out(&f);
  svg_begin(&f, title, x_words.s ? x_words.s : "", y_words.s ? y_words.s : "");
  for (size_t i = 0; i < placed; i++) {
    add_bar(&f, &marks[i], i);
    svg_add_mark(&f.t, i, svg_place(&f.x, log10(marks[i].x)), svg_place(&f.y, log10(marks[i].y)));
  }
  svg_end(&f);
  if (f.t.failed || x_words.failed || y_words.failed)
    fail(e, ELBO_E_MEMORY, "%s: no memory to draw it; free some memory", path);
  else
    file_write_whole(path, f.t.s, f.t.n, e);
  text_free(&f.t), text_free(&x_words), text_free(&y_words);
  mem_free(entries);
  return e->status;
}
