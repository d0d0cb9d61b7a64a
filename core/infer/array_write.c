/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An array as a file, by the ending of its name. */
#include "infer/context.h"
#include "io/picture.h"

#include <string.h>
#include <strings.h>

static elbo_status as_png(const elbo_array *a, const char *path, size_t columns, error *e)
{
  if (!a->height || !a->width)
    return fail(e, ELBO_E_USAGE,
                "%s: rows of %zu numbers are no images; write `shape: [height, width]` beside the "
                "data in the experiment, "
                "or take .npy%s",
                path, a->numbers, a->numbers == 2 ? " or .svg" : "");
  return png_grid(path, a->values, a->rows, columns, a->height, a->width, a->low, a->high, e);
}

static elbo_status as_npy(const elbo_array *a, const char *path, size_t columns, error *e)
{
  bool image = a->height && a->width;
  size_t dims[] = { a->rows, image ? a->height : a->numbers, a->width };
  (void)columns;
  return npy_write(path, a->values, image ? 3 : 2, dims, e);
}

static elbo_status as_svg(const elbo_array *a, const char *path, size_t columns, error *e)
{
  (void)columns;
  if (a->numbers != 2)
    return fail(e, ELBO_E_USAGE,
                "%s: .svg shows points of a plane, and a row has %zu numbers; take .npy%s", path,
                a->numbers, a->height ? " or .png" : "");
  return svg_points(path, "", a->values, NULL, a->rows, e);
}

static const struct {
  const char *ending;
  elbo_status (*write)(const elbo_array *a, const char *path, size_t columns, error *e);
} writers[] = { { ".png", as_png }, { ".npy", as_npy }, { ".svg", as_svg } };

elbo_status elbo_array_write(elbo_context *ctx, const elbo_array *a, const char *path,
                             size_t columns)
{
  error *e = context_enter(ctx);
  size_t n = strlen(path);
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
    size_t m = strlen(writers[i].ending);
    if (n > m && !strcasecmp(path + n - m, writers[i].ending))
      return writers[i].write(a, path, columns, e);
  }
  return fail(e, ELBO_E_USAGE,
              "%s: the ending says what is written; known are .png (images), .npy (numbers) and "
              ".svg (points of a plane)",
              path);
}
