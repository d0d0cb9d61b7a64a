/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>

static int cmd_reconstruct(cli *c)
{
  int failed = open_run(c);
  if (failed) return failed;
  elbo_array a;
  elbo_status status = elbo_run_reconstruct(c->run, c->o.count, c->o.seed, &a);
  if (status) return library_failed(c, status);
  size_t pairs = (size_t)ceil(sqrt((double)a.rows) /
                              2); /* an original and its reconstruction stay side by side */
  return array_write(c, &a, "reconstructions", 2 * pairs);
}

const command_row command_reconstruct = {
  .name = "reconstruct",
  .arguments = "RUN",
  .least = 1,
  .most = 1,
  .options = HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_ROWS) | OPTION(O_ARRAY_OUT) | OPTION(O_DATA),
  .summary = "test rows and what the model makes of them",
  .help = "Writes the first N test rows, each followed by its reconstruction E[x|z],\n"
          "z drawn from q(z|x).\n"
          "\n"
          "Example:\n"
          "  elbo reconstruct runs/aevb-mnist -n 20 --data x=others.npy\n",
  .run = cmd_reconstruct,
};
