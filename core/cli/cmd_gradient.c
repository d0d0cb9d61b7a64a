/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

static int cmd_gradient(cli *c)
{
  int failed = open_experiment(c);
  if (failed) return failed;
  elbo_status status = elbo_gradient_replay(c->x, c->o.replay, c->o.output);
  if (status) return library_failed(c, status);
  if (c->o.json) {
    json j = json_start(stdout);
    json_object(&j, NULL);
    json_text(&j, "path", c->o.output);
    json_object_end(&j);
  } else if (!c->o.quiet) {
    puts(c->o.output);
  }
  return 0;
}

const command_row command_gradient = {
  .name = "gradient",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_REPLAY) | OPTION(O_TENSORS_OUT),
  .required = OPTION(O_REPLAY) | OPTION(O_TENSORS_OUT),
  .summary = "one step replayed: objective and gradients",
  .help = "The replay file holds the parameters by name, the batch data.NAME [B,D] as\n"
          "it is after `prepare`, and draw.NAME [K,B,Z] of every latent that is drawn.\n"
          "The answer holds objective [1], objective_rows [B] and grad.NAME of every\n"
          "parameter: the gradient of what is maximised, a mean over the B rows.\n"
          "\n"
          "Example:\n"
          "  elbo gradient mnist.yaml --replay step.safetensors -o gradient.safetensors\n",
  .run = cmd_gradient,
};
