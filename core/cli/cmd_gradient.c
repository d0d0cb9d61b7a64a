/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

int cmd_gradient(cli *c)
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
