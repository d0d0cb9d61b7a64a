/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>

static int cmd_sample(cli *c)
{
  int failed = open_run(c);
  if (failed) return failed;
  elbo_array a;
  elbo_status status = elbo_run_sample(c->run, c->o.count, c->o.seed, c->o.draw, &a);
  if (status) return library_failed(c, status);
  return array_write(c, &a, "samples", (size_t)ceil(sqrt((double)a.rows)));
}

const command_row command_sample = {
  .name = "sample",
  .arguments = "RUN",
  .least = 1,
  .most = 1,
  .options = HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_DRAWS) | OPTION(O_ARRAY_OUT) |
             OPTION(O_DRAW) | OPTION(O_GIVEN),
  .summary = "draw from a trained model",
  .help = "Draws z from p(z) and writes the means of p(x|z): a picture where x is an\n"
          "image, points where it has two numbers, else an array. Prints the path. A\n"
          "conditional model takes its inputs from the test rows, or from --given.\n"
          "\n"
          "Example:\n"
          "  elbo sample runs/aevb-mnist -n 64 -o digits.png\n"
          "  elbo sample runs/conditional -n 10 --given y=threes.csv -o threes.npy\n",
  .run = cmd_sample,
};
