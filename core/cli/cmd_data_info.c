/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

static void print_json(const char *file, const elbo_data_info *d)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_text(&j, "file", file);
  json_text(&j, "kind", d->kind);
  json_bool(&j, "compressed", d->compressed);
  json_text(&j, "type", d->type);
  json_count(&j, "rows", d->rows);
  json_count(&j, "numbers", d->numbers);
  json_array(&j, "shape");
  for (int i = 0; i < d->rank; i++) json_count(&j, NULL, d->shape[i]);
  json_array_end(&j);
  json_number(&j, "low", d->low);
  json_number(&j, "high", d->high);
  json_number(&j, "mean", d->mean);
  json_bool(&j, "integers", d->integers);
  json_bool(&j, "binary", d->binary);
  json_count(&j, "constant_columns", d->constant_columns);
  json_text(&j, "support", d->support);
  json_text(&j, "families", d->families);
  json_object_end(&j);
}

static void print_text(const elbo_data_info *d)
{
  printf("kind              %s%s\n", d->kind, d->compressed ? ", compressed" : "");
  printf("in memory         %s\n", d->type);
  printf("rows              %zu\n", d->rows);
  printf("numbers a row     %zu\n", d->numbers);
  printf("shape             ");
  for (int i = 0; i < d->rank; i++) printf("%s%zu", i ? " x " : "", d->shape[i]);
  printf("\nrange             %g to %g, mean %g\n", d->low, d->high, d->mean);
  printf("constant columns  %zu\n", d->constant_columns);
  printf("support           %s\n", d->support);
  printf("families          %s\n", d->families);
}

static int cmd_data_info(cli *c)
{
  int failed = open_context(c);
  if (failed) return failed;
  elbo_data_info info = { 0 };
  elbo_status status = elbo_data_inspect(c->ctx, c->arguments[0], c->o.columns, &info);
  if (status) return library_failed(c, status);
  if (c->o.json)
    print_json(c->arguments[0], &info);
  else
    print_text(&info);
  return 0;
}

const command_row command_data_info = {
  .name = "data info",
  .arguments = "FILE",
  .least = 1,
  .most = 1,
  .options = LOADS | OPTION(O_COLUMNS),
  .summary = "what a data file is, and which families fit it",
  .help = "FILE is idx or npy (also .gz), csv, or builtin:NAME.\n"
          "\n"
          "Example:\n"
          "  elbo data info train-images-idx3-ubyte.gz\n"
          "  elbo data info flowers.csv --columns length,width\n"
          "  elbo data info builtin:digits\n",
  .run = cmd_data_info,
};
