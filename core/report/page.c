/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/inside.h"

#include <string.h>

static const char start[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    /* Whatever a name smuggles in, the page asks nobody for anything. */
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>";

void page_head(text *t, const char *title)
{
  text_add(t, start);
  svg_escape(t, title);
  text_add(t, "</title>\n<style>\n");
  text_add(t, svg_style());
  text_add(t, page_style);
  text_add(t, "</style>\n</head>\n<body>\n<main>\n");
}

void page_end(text *t)
{
  text_add(t, "</main>\n<script>\n");
  text_add(t, page_script);
  text_add(t, "</script>\n</body>\n</html>\n");
}

void page_section(text *t, int level, const char *id, size_t number, const char *heading)
{
  text_format(t, "<h%d id=\"%s", level, id);
  if (number) text_format(t, "-%zu", number);
  text_add(t, "\">");
  svg_escape(t, heading);
  text_format(t, "</h%d>\n", level);
}

void page_table(text *t, const char *name)
{
  text_add(t, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"");
  svg_escape(t, name);
  text_add(t, "\"><table>\n");
}

void page_table_end(text *t)
{
  text_add(t, "</table></div>\n");
}

void page_element(text *t, const char *tag, const char *words)
{
  text_format(t, "<%s>", tag);
  svg_escape(t, words);
  text_format(t, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void page_number(text *t, double v, int decimals)
{
  if (!isfinite(v)) {
    text_add(t, isnan(v) ? "\xE2\x80\x93" : v < 0 ? "\xE2\x88\x92\xE2\x88\x9E" : "\xE2\x88\x9E");
    return;
  }
  if (v < 0 && -v * pow(10, decimals) >= 0.5) text_add(t, "\xE2\x88\x92");
  text_format(t, "%.*f", decimals, fabs(v));
}

void page_mean(text *t, double mean, double se, int decimals)
{
  page_number(t, mean, decimals);
  if (!isfinite(mean) || !isfinite(se)) return;
  text_add(t, " <span class=\"se\">\xC2\xB1 ");
  page_number(t, se, decimals);
  text_add(t, "</span>");
}

void page_remark(text *t, bool improper)
{
  if (improper) text_add(t, " <em class=\"bad\">not a density</em>");
}

static void add_base64(text *t, const unsigned char *at, size_t n)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char line[4096];
  size_t used = 0;
  for (size_t i = 0; i < n; i += 3) {
    size_t left = n - i;
    uint32_t v = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) |
                 (left > 2 ? at[i + 2] : 0);
    line[used++] = letters[v >> 18];
    line[used++] = letters[v >> 12 & 63];
    line[used++] = left > 1 ? letters[v >> 6 & 63] : '=';
    line[used++] = left > 2 ? letters[v & 63] : '=';
    if (used < sizeof line) continue;
    text_add_n(t, line, used);
    used = 0;
  }
  text_add_n(t, line, used);
}

void page_figure(text *t)
{
  text_add(t, "<figure>\n");
}

void page_caption(text *t, const char *words)
{
  page_element(t, "figcaption", words);
  text_add(t, "</figure>\n");
}

void page_png(text *t, const png_images *p, const char *alt, const char *caption, error *e)
{
  text png = { 0 };
  size_t wide;
  if (!png_grid_into(&png, alt, p, &wide, e)) {
    page_figure(t);
    text_format(t, "<img width=\"%zu\" alt=\"", wide);
    svg_escape(t, alt);
    text_add(t, "\" src=\"data:image/png;base64,");
    add_base64(t, (const unsigned char *)png.s, png.n);
    text_add(t, "\">\n");
    page_caption(t, caption);
  }
  text_free(&png);
}

void page_legend(text *t, const svg_curve *curves, size_t n)
{
  text_add(t, "<ul class=\"legend\">\n");
  for (size_t i = 0; i < n; i++) {
    if (!curves[i].n) continue;
    text_add(t, "<li>");
    svg_add_key(t, i);
    svg_escape(t, curves[i].label);
    text_add(t, "</li>\n");
  }
  text_add(t, "</ul>\n");
}
