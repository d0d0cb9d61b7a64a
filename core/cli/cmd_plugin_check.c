/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { COULD_NOT_LOAD = 5 };

static const char *const verdict_words[] = { [ELBO_CHECK_PASS] = "pass",
                                             [ELBO_CHECK_FAIL] = "fail",
                                             [ELBO_CHECK_NOT_APPLICABLE] = "not-applicable" };

static bool is_file(const char *argument)
{
  return strchr(argument, '/') != NULL;
}

/* The plugin that was loaded from this file. */
static bool find_by_file(cli *c, const char *file, elbo_plugin_info *info)
{
  char wanted[PATH_MAX], found[PATH_MAX];
  if (!realpath(file, wanted)) return false;
  for (size_t i = 0; i < elbo_plugin_count(c->ctx) && !elbo_plugin_at(c->ctx, i, info); i++)
    if (realpath(info->path, found) && !strcmp(wanted, found)) return true;
  return false;
}

static int find_plugin(cli *c, const char *name, elbo_plugin_info *info)
{
  if (is_file(name)) c->o.plugin.items[c->o.plugin.n++] = name; /* the list has room for it */
  int failed = open_context(c);
  if (failed) return failed;
  if (is_file(name) && !find_by_file(c, name, info))
    return fail(c, COULD_NOT_LOAD, "%s: no plugin was loaded from it", name);
  if (!is_file(name) && elbo_plugin_find(c->ctx, name, info))
    return fail(c, COULD_NOT_LOAD, "%s; a file is written with its folder, as in ./NAME.so",
                elbo_last_error(c->ctx));
  return 0;
}

static void print_row(void *user, const elbo_check_row *row)
{
  cli *c = user;
  bool failed = row->verdict == ELBO_CHECK_FAIL;
  if (c->o.quiet && !failed) return;
  printf("%-20s %s%-14s%s %s\n", row->name, failed ? bold(c) : "", verdict_words[row->verdict],
         failed ? plain(c) : "", row->detail);
  if (failed) printf("%-20s %-14s expected: %s\n", "", "", row->help);
  fflush(stdout);
}

static void print_json(const elbo_check_report *r)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_text(&j, "plugin", r->plugin);
  json_text(&j, "kind", r->kind);
  json_array(&j, "checks");
  for (int i = 0; i < r->n; i++) {
    json_object(&j, NULL);
    json_text(&j, "name", r->row[i].name);
    json_text(&j, "status", verdict_words[r->row[i].verdict]);
    json_text(&j, "detail", r->row[i].detail);
    json_object_end(&j);
  }
  json_array_end(&j);
  json_integer(&j, "passed", r->passed);
  json_integer(&j, "failed", r->failed);
  json_integer(&j, "not_applicable", r->not_applicable);
  json_object_end(&j);
}

static int cmd_plugin_check(cli *c)
{
  elbo_plugin_info info;
  static elbo_check_report report;
  int failed = find_plugin(c, c->arguments[0], &info);
  if (failed) return failed;
  elbo_check_options options = {
    .size = sizeof options,
    .in_process = c->o.in_process,
    .thorough = c->o.thorough,
    .only = c->o.property,
    .progress = c->o.json ? NULL : print_row,
    .user = c,
  };
  elbo_status status = elbo_plugin_check(c->ctx, info.table, &options, &report);
  if (status && status != ELBO_E_CHECK) return library_failed(c, status);
  if (c->o.json)
    print_json(&report);
  else
    printf("%s%s %s: %d passed, %d failed, %d not applicable%s\n", bold(c), report.kind,
           report.plugin, report.passed, report.failed, report.not_applicable, plain(c));
  return -status;
}

const command_row command_plugin_check = {
  .name = "plugin check",
  .arguments = "FILE|NAME",
  .least = 1,
  .most = 1,
  .options = LOADS | OPTION(O_IN_PROCESS) | OPTION(O_THOROUGH) | OPTION(O_PROPERTY),
  .summary = "does a plugin keep what plugin.h promises",
  .help = "A table of properties: pass, fail or not-applicable, with the numbers. Each is\n"
          "tried in a process of its own. FILE is written with its folder, as ./NAME.so.\n"
          "The status is 0 if all hold, 1 if one failed, 5 if it could not be loaded.\n"
          "\n"
          "Example:\n"
          "  elbo plugin check ./triangle.so\n"
          "  elbo plugin check gamma --thorough --json\n",
  .run = cmd_plugin_check,
};
