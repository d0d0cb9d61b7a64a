/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/picture.h"
#include "io/svg.h"

#include <math.h>
#include <string.h>

/* Presentation stands in classes, so that the media query can turn the page dark; programs that
 * know no media queries show the light one. Colours: the first three after Okabe and Ito
 * (2008); all ten are told apart by the colour-blind too, which tests/lint/colours.py holds. */
static const char style[] =
    "svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica "
    "Neue',Arial,sans-serif;font-size:12px;fill:#4b5563}\n"
    ".title{font-size:15px;font-weight:600;fill:#111827}\n"
    ".name{font-size:12.5px;fill:#374151}\n"
    ".page{fill:#ffffff}\n"
    ".grid{stroke:#e5e7eb;stroke-width:1;fill:none}\n"
    ".axis{stroke:#9ca3af;stroke-width:1;fill:none}\n"
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}\n"
    ".dots{fill:none;stroke-width:5;stroke-linecap:round}\n"
    ".cloud{fill:none;stroke-width:3.4;stroke-linecap:round}\n"
    ".c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}.c3{stroke:#59203b}"
    ".c4{stroke:#20258f}.c5{stroke:#997a99}.c6{stroke:#8f1374}.c7{stroke:#3a3c1d}"
    ".c8{stroke:#9c6734}.c9{stroke:#ce68e5}\n"
    "@media screen and (prefers-color-scheme:dark){\n"
    "svg text{fill:#a3adbb}.title{fill:#f3f4f6}.name{fill:#d1d5db}.page{fill:#14181f}\n"
    ".grid{stroke:#2a313c}.axis{stroke:#5d6675}\n"
    ".c0{stroke:#4ba3e3}.c1{stroke:#ff8a3d}.c2{stroke:#2fc98a}.c3{stroke:#d11467}"
    ".c4{stroke:#7766e3}.c5{stroke:#af8db0}.c6{stroke:#af41a2}.c7{stroke:#b4eb88}"
    ".c8{stroke:#ffdc45}.c9{stroke:#07792a}\n"
    "}\n";

const char *svg_style(void)
{
  return style;
}

static const double legend_row = 20, legend_mark = 30, letter = 7.4;
enum { MOST_LETTERS = 34 };

double svg_place(const svg_axis *a, double v)
{
  /* Divided first: high - low may be beyond the largest double. */
  double span = a->high / 2 - a->low / 2;
  return a->from + (v / 2 - a->low / 2) / span * (a->to - a->from);
}

void svg_reach(svg_axis *a, double v)
{
  if (!isfinite(v)) return;
  a->low = fmin(a->low, v);
  a->high = fmax(a->high, v);
}

/* The 1, 2 or 5 times a power of ten next to `rough` from above. */
static double round_step(double rough)
{
  double power = pow(10, floor(log10(rough))), times = rough / power;
  return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

void svg_settle(svg_axis *a, int ticks, bool loose)
{
  const double largest = 1e300; /* leaves room for padding and products */
  if (a->low > a->high) *a = (svg_axis){ .low = 0, .high = 1, .from = a->from, .to = a->to };
  a->low = fmax(a->low, -largest);
  a->high = fmin(a->high, largest);
  /* A range too thin for ticks to be told apart (or none) is widened around its middle. */
  double least = fmax(fmax(fabs(a->low), fabs(a->high)) * 1e-9, 1e-290);
  if (a->high - a->low < least) {
    double middle = a->low / 2 + a->high / 2, half = middle == 0 ? 1 : fabs(middle) * 0.05;
    a->low = middle - half;
    a->high = middle + half;
  }
  a->step = round_step((a->high - a->low) / ticks);
  if (!loose) return;
  a->low = floor(a->low / a->step + 1e-9) * a->step;
  a->high = ceil(a->high / a->step - 1e-9) * a->step;
}

void svg_coordinate(text *t, double pixels)
{
  text_shortest(t, round(pixels * 100) / 100);
}

void svg_escape(text *t, const char *s)
{
  for (size_t left = strlen(s); left;) {
    size_t step = utf8_step(s, left);
    unsigned char c = (unsigned char)*s;
    if (!step || (c < ' ' && c != '\t' && c != '\n')) {
      text_add(t, "\xEF\xBF\xBD");
      step = 1;
    } else if (c == '<' || c == '>' || c == '&' || c == '"') {
      text_add(t, c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : "&quot;");
    } else {
      text_add_n(t, s, step);
    }
    s += step;
    left -= step;
  }
}

static void add_text(text *t, const char *kind, double x, double y, const char *anchor)
{
  text_format(t, "<text class=\"%s\" text-anchor=\"%s\" x=\"", kind, anchor);
  svg_coordinate(t, x);
  text_add(t, "\" y=\"");
  svg_coordinate(t, y);
  text_add(t, "\"");
}

static void add_line(text *t, const char *kind, double x1, double y1, double x2, double y2)
{
  /* Half a pixel off, so that thin lines are sharp. */
  const double ends[] = { floor(x1) + .5, floor(y1) + .5, floor(x2) + .5, floor(y2) + .5 };
  static const char *const before[] = { "M", " ", "L", " " };
  text_format(t, "<path class=\"%s\" d=\"", kind);
  for (int i = 0; i < 4; i++) {
    text_add(t, before[i]);
    svg_coordinate(t, ends[i]);
  }
  text_add(t, "\"/>\n");
}

/* As many decimals as the step has; beyond a million and below a ten-thousandth as mantissa and
 * power of ten. With a true minus. */
static void add_tick_number(text *t, double v, double step)
{
  if (v == 0) {
    text_add(t, "0");
    return;
  }
  int power = 0;
  if (fabs(v) >= 1e6 || step < 1e-4) power = (int)floor(log10(fabs(v)) + 1e-9);
  double unit = step / pow(10, power), shown = fabs(v) / pow(10, power);
  int decimals = (int)fmax(0, fmin(12, -floor(log10(unit) + 1e-9)));
  if (v < 0) text_add(t, "\xE2\x88\x92");
  text_format(t, "%.*f", decimals, shown);
  if (power) text_format(t, "e%d", power);
}

/* Tick number i of an axis, from 0; false behind the last. */
static bool tick(const svg_axis *a, int i, double *v)
{
  double first = ceil(a->low / a->step - 1e-9);
  *v = (first + i) * a->step;
  return *v <= a->high + a->step * 1e-9;
}

static void add_axes(svg_frame *f)
{
  text *t = &f->t;
  double v;
  for (int i = 0; tick(&f->y, i, &v); i++) {
    double y = svg_place(&f->y, v);
    add_line(t, "grid", f->x.from, y, f->x.to, y);
    add_text(t, "tick", f->x.from - 8, y + 4, "end");
    text_add(t, ">");
    add_tick_number(t, v, f->y.step);
    text_add(t, "</text>\n");
  }
  for (int i = 0; tick(&f->x, i, &v); i++) {
    double x = svg_place(&f->x, v);
    add_line(t, "grid", x, f->y.from, x, f->y.to);
    add_line(t, "axis", x, f->y.from, x, f->y.from + 4);
    add_text(t, "tick", x, f->y.from + 18, "middle");
    text_add(t, ">");
    add_tick_number(t, v, f->x.step);
    text_add(t, "</text>\n");
  }
  add_line(t, "axis", f->x.from, f->y.from, f->x.to, f->y.from);
}

/* Letters, of which a long entry shows only so many. */
static size_t letters(const char *s, size_t most, size_t *bytes)
{
  size_t n = 0, left = strlen(s);
  *bytes = 0;
  while (*bytes < left && n < most) {
    size_t step = utf8_step(s + *bytes, left - *bytes);
    *bytes += step ? step : 1;
    n++;
  }
  return n;
}

double svg_legend_width(const char *const *entries, size_t n)
{
  size_t widest = 0, bytes;
  for (size_t i = 0; i < n; i++) {
    size_t wide = letters(entries[i], MOST_LETTERS, &bytes);
    if (wide > widest) widest = wide;
  }
  return widest ? 26 + legend_mark + letter * (double)widest : 0;
}

/* The words of an entry, cut to the letters there is room for; all of them when pointed at. */
static void add_entry_words(text *t, const char *entry)
{
  char shown[4 * MOST_LETTERS + 4];
  size_t bytes;
  letters(entry, MOST_LETTERS, &bytes);
  bool whole = !entry[bytes];
  if (!whole) letters(entry, MOST_LETTERS - 1, &bytes);
  memcpy(shown, entry, bytes);
  strcpy(shown + bytes, whole ? "" : "\xE2\x80\xA6");
  svg_escape(t, shown);
  if (whole) return;
  text_add(t, "<title>");
  svg_escape(t, entry);
  text_add(t, "</title>");
}

/* A dot, then hollow: square, triangle, diamond. */
void svg_add_mark(text *t, size_t row, double x, double y)
{
  static const struct {
    int width;
    double up; /* from the point to where the path starts */
    const char *path;
  } shapes[] = { { 9, 0, "h0" },
                 { 2, -4, "h4v8h-8v-8z" },
                 { 2, -5, "l5 9h-10z" },
                 { 2, -5.5, "l5.5 5.5-5.5 5.5-5.5-5.5z" } };
  size_t i = row / SVG_COLOURS % (sizeof shapes / sizeof *shapes);
  text_format(t, "<path class=\"dots c%zu\" style=\"stroke-width:%d\" d=\"M", row % SVG_COLOURS,
              shapes[i].width);
  svg_coordinate(t, x);
  text_add(t, " ");
  svg_coordinate(t, y + shapes[i].up);
  text_format(t, "%s\"/>\n", shapes[i].path);
}

const char *svg_dashes(size_t row)
{
  static const char *const dashes[] = { "", " stroke-dasharray=\"7 4\"",
                                        " stroke-dasharray=\"1 4\"" };
  return dashes[row / SVG_COLOURS % (sizeof dashes / sizeof *dashes)];
}

void svg_add_key(text *t, size_t row)
{
  text_format(t,
              "<svg width=\"28\" height=\"10\" aria-hidden=\"true\"><path class=\"line c%zu\"%s "
              "d=\"M1 5H27\"/></svg> ",
              row % SVG_COLOURS, svg_dashes(row));
}

static void add_sample(const svg_frame *f, text *t, size_t row, double x, double y)
{
  if (f->shapes) {
    svg_add_mark(t, row, x + 9, y);
    return;
  }
  text_format(t, "<path class=\"line c%zu\"%s style=\"stroke-width:%d\" d=\"M", row % SVG_COLOURS,
              f->dots ? "" : svg_dashes(row), f->dots ? 8 : 3);
  svg_coordinate(t, f->dots ? x + 9 : x);
  text_add(t, " ");
  svg_coordinate(t, y);
  text_add(t, f->dots ? "h0\"/>\n" : "h18\"/>\n");
}

static void add_entry(svg_frame *f, size_t row, double x, double y)
{
  text *t = &f->t;
  if (!f->entries[row][0]) return;
  if (row + f->bare < f->n) add_sample(f, t, row, x, y);
  add_text(t, "name", x + legend_mark - 4, y + 4, "start");
  text_add(t, ">");
  add_entry_words(t, f->entries[row]);
  text_add(t, "</text>\n");
}

static void add_legend(svg_frame *f)
{
  if (f->part && !f->dots) return; /* the page has it */
  for (size_t i = 0; i < f->n; i++)
    add_entry(f, i, f->x.to + 20, f->y.to + 10 + legend_row * (double)i);
}

static void add_names(svg_frame *f, const char *title, const char *x_label, const char *y_label)
{
  text *t = &f->t;
  if (!f->part) {
    add_text(t, "title", f->x.from, f->y.to - 20, "start");
    text_add(t, ">");
    svg_escape(t, title);
    text_add(t, "</text>\n");
  }
  add_text(t, "name", (f->x.from + f->x.to) / 2, f->y.from + 40, "middle");
  text_add(t, ">");
  svg_escape(t, x_label);
  text_add(t, "</text>\n");
  add_text(t, "name", 0, 0, "middle");
  text_add(t, " transform=\"translate(18 ");
  svg_coordinate(t, (f->y.from + f->y.to) / 2);
  text_add(t, ") rotate(-90)\">");
  svg_escape(t, y_label);
  text_add(t, "</text>\n");
}

/* HTML knows what svg is, and a page has the style once. */
static void begin_part(svg_frame *f, const char *name)
{
  text *t = &f->t;
  text_format(t, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", f->width, f->height);
  svg_escape(t, name);
  text_add(t, "\" data-x=\"");
  const double axis[] = { f->x.low, f->x.high, f->x.from, f->x.to };
  for (int i = 0; i < 4; i++) {
    if (i) text_add(t, " ");
    text_number(t, axis[i], 7);
  }
  text_add(t, "\">\n");
}

static void begin_picture(svg_frame *f, const char *title)
{
  text *t = &f->t;
  text_format(t,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
              "height=\"%.0f\" "
              "role=\"img\">\n<title>",
              f->width, f->height, f->width, f->height);
  svg_escape(t, title);
  text_add(t, "</title>\n<style>\n");
  text_add(t, style);
  text_add(t, "</style>\n");
  text_format(t, "<rect class=\"page\" width=\"%.0f\" height=\"%.0f\"/>\n", f->width, f->height);
}

void svg_begin(svg_frame *f, const char *title, const char *x_label, const char *y_label)
{
  if (f->part)
    begin_part(f, title);
  else
    begin_picture(f, title);
  add_axes(f);
  add_names(f, title, x_label, y_label);
  add_legend(f);
}

void svg_end(svg_frame *f)
{
  text_add(&f->t, "</svg>\n");
}
