/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

int cmd_graph(cli *c)
{
  int failed = open_experiment(c);
  if (failed) return failed;
  const char *text = elbo_experiment_graph(c->x, c->o.dot);
  if (!text) return library_failed(c, ELBO_E_USAGE);
  if (!c->o.json) {
    fputs(text, stdout);
    return 0;
  }
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_lines(&j, c->o.dot ? "dot" : "graph", text);
  json_object_end(&j);
  return 0;
}
