/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

static void print_json(const cli *c)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  if (c->x) {
    json_count(&j, "parameters", elbo_experiment_parameters(c->x));
    json_count(&j, "memory_bytes", elbo_experiment_memory(c->x));
  } else {
    json_null(&j, "parameters");
    json_null(&j, "memory_bytes");
  }
  json_lines(&j, "plan", c->x ? elbo_experiment_plan(c->x) : "");
  json_lines(&j, "errors", !c->x && c->ctx ? elbo_last_error(c->ctx) : "");
  json_object_end(&j);
}

static void print_text(const cli *c)
{
  fputs(elbo_experiment_plan(c->x), stdout);
  printf("%sparameters%s  %zu\n", bold(c), plain(c), elbo_experiment_parameters(c->x));
  printf("%smemory%s      %.1f MB\n", bold(c), plain(c),
         (double)elbo_experiment_memory(c->x) / 1e6);
}

static int cmd_check(cli *c)
{
  int failed = open_experiment(c);
  if (c->o.json)
    print_json(c);
  else if (!failed)
    print_text(c);
  return failed;
}

const command_row command_check = {
  .name = "check",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_SEED),
  .summary = "resolve an experiment without training it",
  .help = "Prints the plan, the number of learned parameters and the memory needed,\n"
          "or every error at once.\n"
          "`elbo help experiment` lists the keys of an experiment file.\n"
          "\n"
          "Example:\n"
          "  elbo check mnist.yaml --set train.batch_size=500\n",
  .run = cmd_check,
};
