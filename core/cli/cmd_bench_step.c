/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

static void print_json(const elbo_bench_result *b)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_number(&j, "ms_median", b->ms_median);
  json_number(&j, "ms_min", b->ms_min);
  json_number(&j, "ms_mean", b->ms_mean);
  json_number(&j, "gflops", b->gflops);
  json_number(&j, "allocations_per_step", b->allocations_per_step);
  json_count(&j, "peak_rss_bytes", b->peak_rss_bytes);
  json_array(&j, "ops");
  for (size_t i = 0; i < b->n_ops; i++) {
    json_object(&j, NULL);
    json_text(&j, "name", b->ops[i].name);
    json_number(&j, "ms", b->ops[i].ms);
    json_number(&j, "gflop", b->ops[i].gflop);
    json_object_end(&j);
  }
  json_array_end(&j);
  json_object_end(&j);
}

static void print_text(const cli *c, const elbo_bench_result *b)
{
  printf("%sa step%s      %.3f ms (median), %.3f ms (least), %.3f ms (mean)\n", bold(c), plain(c),
         b->ms_median, b->ms_min, b->ms_mean);
  printf("%sspeed%s       %.1f GFLOP/s\n", bold(c), plain(c), b->gflops);
  printf("%sallocations%s %g a step\n", bold(c), plain(c), b->allocations_per_step);
  printf("%smemory%s      %.1f MB at its peak\n\n", bold(c), plain(c),
         (double)b->peak_rss_bytes / 1e6);
  printf("%s%10s %10s  %s%s\n", bold(c), "ms", "GFLOP", "operation", plain(c));
  for (size_t i = 0; i < b->n_ops; i++)
    printf("%10.4f %10.4f  %s\n", b->ops[i].ms, b->ops[i].gflop, b->ops[i].name);
}

static int cmd_bench_step(cli *c)
{
  int failed = open_experiment(c);
  if (failed) return failed;
  elbo_bench_result result = { 0 };
  elbo_status status = elbo_bench_step(c->x, (int64_t)c->o.steps, &result);
  if (status) return library_failed(c, status);
  if (c->o.json)
    print_json(&result);
  else
    print_text(c, &result);
  return 0;
}

const command_row command_bench_step = {
  .name = "bench step",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_SEED) | OPTION(O_STEPS),
  .summary = "time the training step, operation by operation",
  .help = "Example:\n"
          "  elbo bench step mnist.yaml --threads 2\n",
  .run = cmd_bench_step,
};
