/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <string.h>

static int help_experiment(cli *c)
{
  int status = open_context(c);
  if (status) return status;
  const char *keys = elbo_experiment_keys(c->ctx);
  if (!keys) return library_failed(c, ELBO_E_MEMORY);
  fputs(keys, stdout);
  return 0;
}

/* The commands, and before them the one subject that is none. */
static const char *next_subject(const void *subject, size_t i)
{
  if (!i) return subject;
  return command_table[i - 1] ? command_table[i - 1]->name : NULL;
}

static int cmd_help(cli *c)
{
  static const char subject[] = "experiment";
  const char *word = c->arguments[0];
  if (!word) {
    help_program(c);
    return 0;
  }
  if (c->n_arguments == 1 && strcmp(word, subject) == 0) return help_experiment(c);
  if (c->n_arguments == 1 && command_is_group(word)) {
    help_group(c, word);
    return 0;
  }
  if (c->n_arguments == 1 && nearest_name(word, next_subject, subject) == subject)
    return fail(c, 2, "help: unknown command %s; the nearest is: elbo help experiment",
                quote(word).text);
  char *argv[] = { "elbo", (char *)word, (char *)c->arguments[1], NULL };
  cli asked = *c; /* keeps the colours, and the command that was asked for apart from `help` */
  int words;
  int status = command_find(&asked, 1 + c->n_arguments, argv, &words);
  if (status) return status;
  if (words < c->n_arguments)
    return fail(c, 2, "help: unexpected argument %s", quote(c->arguments[1]).text);
  help_command(c, asked.command);
  return 0;
}

const command_row command_help = {
  .name = "help",
  .arguments = "[COMMAND|experiment]",
  .most = 2,
  .options = ALWAYS,
  .summary = "help on a command, or the keys of an experiment file",
  .help = "Example:\n"
          "  elbo help train\n"
          "  elbo help experiment\n",
  .run = cmd_help,
};
