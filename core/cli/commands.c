/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <string.h>

const command_row *const command_table[] = {
  &command_train,        &command_check,         &command_evaluate,
  &command_compare,      &command_sweep,         &command_report,
  &command_gradient,     &command_sample,        &command_reconstruct,
  &command_traverse,     &command_encode,        &command_export,
  &command_impute,       &command_graph,         &command_data_info,
  &command_bench_step,   &command_bench_load,    &command_bench_family,
  &command_bench_scale,  &command_bench_compare, &command_dist,
  &command_dist_batch,   &command_plugin_list,   &command_plugin_info,
  &command_plugin_check, &command_plugin_new,    &command_doctor,
  &command_completion,   &command_help,          NULL,
};

bool command_is_group(const char *word)
{
  size_t n = strlen(word);
  EACH_COMMAND(row)
    if (strncmp(row->name, word, n) == 0 && row->name[n] == ' ') return true;
  return false;
}

static const char *next_command(const void *state, size_t i)
{
  (void)state;
  return command_table[i] ? command_table[i]->name : NULL;
}

/* `next`: the word behind it, which belongs to the name where the first one is a misspelt group. */
static int unknown_command(cli *c, const char *name, const char *next)
{
  char joined[256], first[64];
  snprintf(joined, sizeof joined, "%s %s", name, next ? next : "");
  snprintf(first, sizeof first, "%.*s", (int)strcspn(name, " "), name);
  const char *near = nearest_name(name, next_command, NULL);
  if (!near && next) near = nearest_name(joined, next_command, NULL);
  if (near)
    return fail(c, 2, "unknown command %s; the nearest is: elbo %s", quote(name).text, near);
  if (!command_is_group(first)) first[0] = '\0';
  return fail(c, 2, "unknown command %s; elbo %s%s--help lists what there is", quote(name).text,
              first, *first ? " " : "");
}

static const command_row *command_named(const char *name)
{
  EACH_COMMAND(row)
    if (strcmp(row->name, name) == 0) return row;
  return NULL;
}

int command_find(cli *c, int argc, char **argv, int *words)
{
  char name[128];
  bool two = argc > 2 && command_is_group(argv[1]);
  *words = two ? 2 : 1;
  snprintf(name, sizeof name, "%s%s%s", argv[1], two ? " " : "", two ? argv[2] : "");
  if ((c->command = command_named(name))) return 0;
  /* a command that is a group's first word too takes what is no second one */
  if (two && (c->command = command_named(argv[1]))) return *words = 1, 0;
  if (argv[1][0] == '-')
    return fail(c, 2,
                "unknown option %s before the command; options follow it, as in: elbo train EXP"
                " --quiet",
                quote(argv[1]).text);
  if (!two && command_is_group(name))
    return fail(c, 2, "%s: expected a second word; elbo %s --help lists what there is", name, name);
  return unknown_command(c, name, !two && argc > 2 ? argv[2] : NULL);
}
