/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

static int cmd_graph(cli *c)
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

const command_row command_graph = {
  .name = "graph",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_DOT),
  .summary = "the sealed training graph with shapes and memory",
  .help = "Example:\n"
          "  elbo graph mnist.yaml --dot | dot -Tsvg > graph.svg\n",
  .run = cmd_graph,
};
