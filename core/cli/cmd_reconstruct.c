/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>

int cmd_reconstruct(cli *c)
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
