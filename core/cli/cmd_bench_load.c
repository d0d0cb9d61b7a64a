/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

static double mb_per_second(size_t bytes, double ms)
{
  return ms > 0 ? (double)bytes / 1e3 / ms : 0;
}

static void print_json(const elbo_bench_load *data, size_t n)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_array(&j, "variables");
  for (const elbo_bench_load *d = data; d < data + n; d++) {
    json_object(&j, NULL);
    json_text(&j, "variable", d->variable);
    json_text(&j, "file", d->file);
    json_count(&j, "rows", d->rows);
    json_count(&j, "numbers", d->numbers);
    json_count(&j, "file_bytes", d->file_bytes);
    json_count(&j, "bytes", d->bytes);
    json_bool(&j, "stays_in_file", d->stays);
    json_number(&j, "read_ms", d->read_ms);
    json_number(&j, "facts_ms", d->facts_ms);
    json_number(&j, "batch_ms", d->batch_ms);
    json_count(&j, "batch", d->batch);
    json_object_end(&j);
  }
  json_array_end(&j);
  json_object_end(&j);
}

static void print_text(const cli *c, const elbo_bench_load *d)
{
  printf("%s%s%s: %s\n", bold(c), d->variable, plain(c), d->file ? d->file : "built in");
  printf("  %zu rows of %zu numbers, %.1f MB %s", d->rows, d->numbers, (double)d->bytes / 1e6,
         d->stays ? "that stay in their file" : "in memory");
  if (d->file) printf(", %.1f MB on disk", (double)d->file_bytes / 1e6);
  if (d->stays)
    printf("\n  %9.2f ms                opened, its header held against its size\n", d->read_ms);
  else
    printf("\n  %9.2f ms  %7.0f MB/s  %s\n", d->read_ms, mb_per_second(d->bytes, d->read_ms),
           d->file ? "opened, unpacked, every number checked" : "made");
  printf("  %9.2f ms  %7.0f MB/s  looked through for range, grid, constants\n", d->facts_ms,
         mb_per_second(d->bytes, d->facts_ms));
  printf("  %9.2f ms  %7.0f MB/s  first batch, %zu rows of floats\n", d->batch_ms,
         mb_per_second(d->batch * d->numbers * sizeof(float), d->batch_ms), d->batch);
}

static int cmd_bench_load(cli *c)
{
  elbo_bench_load data[ELBO_BENCH_VARIABLES];
  size_t n;
  int failed = open_experiment(c);
  if (failed) return failed;
  elbo_status status = elbo_bench_load_data(c->x, data, &n);
  if (status) return library_failed(c, status);
  if (c->o.json)
    print_json(data, n);
  else
    for (size_t i = 0; i < n; i++) print_text(c, &data[i]);
  return 0;
}

const command_row command_bench_load = {
  .name = "bench load",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT,
  .summary = "reading the data of an experiment, timed",
  .help = "The training data of each variable, read once more: opened, unpacked and\n"
          "checked; looked through; the first batch prepared. MB/s are of the data as\n"
          "they lie in memory, the batch's as floats.\n"
          "\n"
          "Example:\n"
          "  elbo bench load mnist.yaml\n",
  .run = cmd_bench_load,
};
