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

char *in_run(const cli *c, const char *stem, const char *ending)
{
  const char *run = c->arguments[0];
  size_t n = strlen(run);
  while (n > 1 && run[n - 1] == '/') n--;
  char *path = NULL;
  return asprintf(&path, "%.*s/%s.%s", (int)n, run, stem, ending) < 0 ? NULL : path;
}

static char *path_of(const cli *c, const elbo_array *a, const char *stem)
{
  return c->o.output ? strdup(c->o.output) : in_run(c, stem, natural_ending(a));
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

int outputs_write(cli *c, const char *stem, const void *what,
                  elbo_status (*write)(elbo_context *ctx, const void *what, const char *path))
{
  option_list *files = &c->o.outputs;
  elbo_status status = ELBO_DONE;
  if (!files->n) {
    c->own_path = in_run(c, stem, "npz");
    if (!c->own_path) return fail(c, 8, "no memory");
    files->items[files->n++] = c->own_path;
  }
  for (size_t i = 0; i < files->n && !status; i++) status = write(c->ctx, what, files->items[i]);
  return status ? library_failed(c, status) : 0;
}

void outputs_print(const cli *c, json *j)
{
  if (j) json_array(j, "paths");
  for (size_t i = 0; i < c->o.outputs.n; i++)
    if (j)
      json_text(j, NULL, c->o.outputs.items[i]);
    else if (!c->o.quiet)
      puts(c->o.outputs.items[i]);
  if (j) json_array_end(j);
}
