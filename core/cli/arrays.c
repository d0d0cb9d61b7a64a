/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

#include <stdlib.h>
#include <string.h>

/* An image is drawn, two numbers are a point of the plane, anything else stays an array. */
static const char *natural_ending(const elbo_array *a)
{
  if (a->height && a->width) return "png";
  return a->numbers == 2 ? "svg" : "npy";
}

static char *path_of(const cli *c, const elbo_array *a, const char *stem)
{
  if (c->o.output) return strdup(c->o.output);
  const char *run = c->arguments[0];
  size_t n = strlen(run);
  while (n > 1 && run[n - 1] == '/') n--;
  char *path = NULL;
  return asprintf(&path, "%.*s/%s.%s", (int)n, run, stem, natural_ending(a)) < 0 ? NULL : path;
}

static void print_path(cli *c, const elbo_array *a, const char *path)
{
  if (!c->o.json) {
    if (!c->o.quiet) puts(path);
    return;
  }
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_text(&j, "path", path);
  json_count(&j, "rows", a->rows);
  json_count(&j, "numbers", a->numbers);
  json_object_end(&j);
}

int array_write(cli *c, const elbo_array *a, const char *stem, size_t columns)
{
  char *path = path_of(c, a, stem);
  if (!path) return fail(c, 8, "no memory");
  elbo_status status = elbo_array_write(c->ctx, a, path, columns);
  if (!status) print_path(c, a, path);
  free(path);
  return status ? library_failed(c, status) : 0;
}
