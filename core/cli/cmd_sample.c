/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>

int cmd_sample(cli *c)
{
  int failed = open_run(c);
  if (failed) return failed;
  elbo_array a;
  elbo_status status = elbo_run_sample(c->run, c->o.count, c->o.seed, c->o.draw, &a);
  if (status) return library_failed(c, status);
  return array_write(c, &a, "samples", (size_t)ceil(sqrt((double)a.rows)));
}
