/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Grids of grey images, through libpng (included here alone), one row of the picture at a time. */
#include "base/file.h"
#include "base/mem.h"
#include "io/picture.h"

#include <math.h>
#include <png.h>
#include <string.h>

enum { GAP = 2, GAP_GREY = 112, LEAST_WIDTH = 400, LARGEST_SIDE = 1 << 20 };

typedef struct {
  const float *images;
  size_t count, columns, rows, height, width; /* of one image, in numbers */
  size_t scale;                               /* pixels of the picture a number, each way */
  size_t picture_height, picture_width;
  float low, high;
} grid;

/* What libpng's callbacks see: the file or the text, and why it failed. */
typedef struct {
  whole_file *w;
  text *t; /* in place of a file */
  const char *path;
  error *e;
} sink;

static void sink_write(png_structp png, png_bytep at, size_t n)
{
  sink *s = png_get_io_ptr(png);
  if (s->t)
    text_add_n(s->t, (const char *)at, n);
  else if (whole_write(s->w, at, n, s->e))
    png_error(png, "not written");
}

static void sink_flush(png_structp png)
{
  (void)png;
}

static void on_error(png_structp png, const char *words)
{
  sink *s = png_get_error_ptr(png);
  fail(s->e, ELBO_E_FILES, "%s: can't be written as PNG: %s; check the disk and the memory",
       s->path, words);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, const char *words)
{
  (void)png;
  (void)words;
}

static png_byte grey_of(const grid *g, float v)
{
  float part = (v - g->low) / (g->high - g->low);
  return (png_byte)(255.0f * fminf(fmaxf(part, 0.0f), 1.0f) + 0.5f);
}

/* One row of pixels, through the images of row `r` of the grid; y: the row of numbers in them. */
static void draw_row(const grid *g, size_t r, size_t y, png_byte *row)
{
  memset(row, GAP_GREY, g->picture_width);
  for (size_t c = 0; c < g->columns; c++) {
    size_t i = r * g->columns + c;
    if (i >= g->count) return;
    const float *from = g->images + (i * g->height + y) * g->width;
    png_byte *to = row + GAP + c * (g->width * g->scale + GAP);
    for (size_t x = 0; x < g->width; x++) memset(to + x * g->scale, grey_of(g, from[x]), g->scale);
  }
}

static void write_rows(png_structp png, const grid *g, png_byte *row)
{
  for (size_t r = 0; r <= g->rows; r++) {
    memset(row, GAP_GREY, g->picture_width);
    for (int i = 0; i < GAP; i++) png_write_row(png, row);
    for (size_t y = 0; r < g->rows && y < g->height; y++) {
      draw_row(g, r, y, row);
      for (size_t i = 0; i < g->scale; i++) png_write_row(png, row);
    }
  }
}

/* Everything that libpng may leave by longjmp; no local changes between setjmp and the jump. */
static void write_png(png_structp png, png_infop info, sink *s, const grid *g, png_byte *row)
{
  if (setjmp(png_jmpbuf(png))) return;
  png_set_write_fn(png, s, sink_write, sink_flush);
  png_set_user_limits(png, LARGEST_SIDE, LARGEST_SIDE);
  png_set_IHDR(png, info, (png_uint_32)g->picture_width, (png_uint_32)g->picture_height, 8,
               PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  write_rows(png, g, row);
  png_write_end(png, info);
}

static void write_grid(const char *path, const grid *g, sink *s)
{
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, s, on_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  png_byte *row = mem_new(g->picture_width, 1, "a picture", s->e);
  if (!info)
    fail(s->e, ELBO_E_MEMORY, "%s: no memory to write it as PNG; free some memory", path);
  else if (row)
    write_png(png, info, s, g, row);
  png_destroy_write_struct(&png, &info);
  mem_free(row);
}

/* The whole number next to the root from above. */
static size_t near_square(size_t count)
{
  size_t n = (size_t)sqrt((double)count);
  while (n * n < count) n++;
  return n;
}

static elbo_status lay_out(const char *path, grid *g, error *e)
{
  if (!g->count || !g->height || !g->width || !(g->low < g->high))
    return fail(e, ELBO_E_USAGE,
                "%s: a picture of %zu images of %zu x %zu, values %g to %g: expected at least one, "
                "and a range that rises",
                path, g->count, g->height, g->width, (double)g->low, (double)g->high);
  if (!g->columns) g->columns = near_square(g->count);
  if (g->columns > g->count) g->columns = g->count;
  g->rows = (g->count + g->columns - 1) / g->columns;
  if (g->columns > LARGEST_SIDE / (g->width + GAP) || g->rows > LARGEST_SIDE / (g->height + GAP))
    return fail(
        e, ELBO_E_USAGE,
        "%s: %zu images of %zu x %zu, %zu in a row, make a picture of more than %d pixels a "
        "side; draw fewer",
        path, g->count, g->height, g->width, g->columns, LARGEST_SIDE);
  size_t numbers = g->columns * g->width, gaps = (g->columns + 1) * GAP;
  g->scale = 1;
  while (g->scale * numbers + gaps < LEAST_WIDTH) g->scale++;
  g->picture_width = g->scale * numbers + gaps;
  g->picture_height = g->scale * g->rows * g->height + (g->rows + 1) * GAP;
  if (g->picture_height > LARGEST_SIDE || g->picture_width > LARGEST_SIDE)
    return fail(e, ELBO_E_USAGE,
                "%s: the picture would have %zu x %zu pixels, at most %d a side are drawn; draw "
                "fewer images",
                path, g->picture_width, g->picture_height, LARGEST_SIDE);
  return ELBO_DONE;
}

static grid grid_of(const png_images *p)
{
  return (grid){ .images = p->images,
                 .count = p->count,
                 .columns = p->columns,
                 .height = p->height,
                 .width = p->width,
                 .low = p->low,
                 .high = p->high };
}

static elbo_status check_finite(const char *path, const grid *g, error *e)
{
  size_t size = g->height * g->width;
  for (size_t i = 0; i < g->count * size; i++)
    if (!isfinite(g->images[i]))
      return fail(e, ELBO_E_NOT_FINITE,
                  "%s: image %zu has %g at row %zu, column %zu; draw finite values", path, i / size,
                  (double)g->images[i], i % size / g->width, i % g->width);
  return ELBO_DONE;
}

elbo_status png_grid_into(text *t, const char *name, const png_images *p, size_t *pixels_wide,
                          error *e)
{
  grid g = grid_of(p);
  error here = { 0 };
  sink s = { .t = t, .path = name, .e = &here };
  if (!lay_out(name, &g, &here) && !check_finite(name, &g, &here)) write_grid(name, &g, &s);
  if (t->failed) fail(&here, ELBO_E_MEMORY, "%s: no memory to draw it; free some memory", name);
  *pixels_wide = g.picture_width;
  return here.status ? fail(e, here.status, "%s", here.text) : ELBO_DONE;
}

elbo_status png_grid(const char *path, const float *images, size_t count, size_t columns,
                     size_t height, size_t width, float low, float high, error *e)
{
  grid g = grid_of(&(png_images){ images, count, columns, height, width, low, high });
  error here = { 0 };
  if (!lay_out(path, &g, &here) && !check_finite(path, &g, &here)) {
    sink s = { .w = whole_begin(path, &here), .path = path, .e = &here };
    if (s.w) write_grid(path, &g, &s);
    if (!here.status)
      whole_commit(s.w, &here);
    else
      whole_abandon(s.w);
  }
  return here.status ? fail(e, here.status, "%s", here.text) : ELBO_DONE;
}
