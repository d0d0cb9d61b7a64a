/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

static void json_plugins(cli *c, json *j)
{
  elbo_plugin_info p;
  json_array(j, "plugins");
  for (size_t i = 0; i < elbo_plugin_count(c->ctx) && !elbo_plugin_at(c->ctx, i, &p); i++) {
    char abi[32];
    snprintf(abi, sizeof abi, "%d.%d", p.abi_major, p.abi_minor);
    json_object(j, NULL);
    json_text(j, "name", p.name);
    json_text(j, "kind", p.kind);
    json_text(j, "summary", p.summary);
    json_text(j, "path", p.path);
    json_text(j, "version", p.build);
    json_text(j, "abi", abi);
    json_object_end(j);
  }
  json_array_end(j);
}

static void json_refused(cli *c, json *j)
{
  elbo_plugin_refusal r;
  json_array(j, "refused");
  for (size_t i = 0;
       i < elbo_plugin_refused_count(c->ctx) && !elbo_plugin_refused_at(c->ctx, i, &r); i++) {
    json_object(j, NULL);
    json_text(j, "path", r.path);
    json_text(j, "why", r.why);
    json_object_end(j);
  }
  json_array_end(j);
}

static void print_json(cli *c)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_plugins(c, &j);
  json_refused(c, &j);
  json_array(&j, "folders");
  for (size_t i = 0; i < elbo_plugin_folder_count(c->ctx); i++)
    json_text(&j, NULL, elbo_plugin_folder_at(c->ctx, i));
  json_array_end(&j);
  json_object_end(&j);
}

static void print_plugins(cli *c)
{
  elbo_plugin_info p;
  printf("%s%-24s %-15s summary%s\n", bold(c), "name", "kind", plain(c));
  for (size_t i = 0; i < elbo_plugin_count(c->ctx) && !elbo_plugin_at(c->ctx, i, &p); i++) {
    printf("%-24s %-15s %s\n", p.name, p.kind, p.summary);
    if (c->o.verbose)
      printf("%-24s ABI %d.%d, %s, %s\n", "", p.abi_major, p.abi_minor, p.build, p.path);
  }
}

static void print_search(cli *c)
{
  elbo_plugin_refusal r;
  printf("\n%sfolders searched, in order%s\n", bold(c), plain(c));
  for (size_t i = 0; i < elbo_plugin_folder_count(c->ctx); i++)
    printf("  %s\n", elbo_plugin_folder_at(c->ctx, i));
  if (elbo_plugin_refused_count(c->ctx)) printf("\n%srefused%s\n", bold(c), plain(c));
  for (size_t i = 0;
       i < elbo_plugin_refused_count(c->ctx) && !elbo_plugin_refused_at(c->ctx, i, &r); i++)
    printf("  %s: %s\n", r.path, r.why);
}

static int cmd_plugin_list(cli *c)
{
  int failed = open_context(c);
  if (failed) return failed;
  if (c->o.json) {
    print_json(c);
    return 0;
  }
  print_plugins(c);
  if (c->o.verbose)
    print_search(c);
  else if (elbo_plugin_refused_count(c->ctx) && !c->o.quiet)
    printf("\n%zu refused: elbo plugin list --verbose says why\n",
           elbo_plugin_refused_count(c->ctx));
  return 0;
}

const command_row command_plugin_list = {
  .name = "plugin list",
  .arguments = "",
  .options = LOADS | OPTION(O_VERBOSE),
  .summary = "the families, reparametrizers and backends that are loaded",
  .help = "Searched are the files of --plugin, the folders of ELBO_PLUGIN_PATH and the\n"
          "installed folder.\n"
          "\n"
          "Example:\n"
          "  elbo plugin list --verbose --plugin ./triangle.so\n",
  .run = cmd_plugin_list,
};
