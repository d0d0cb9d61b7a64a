/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is(const char *word, const char *a, const char *b)
{
  return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int run_command(cli *c, int argc, char **argv)
{
  int words;
  int status = command_find(c, argc, argv, &words);
  if (!status) status = options_parse(c, argc - words, argv + words);
  terminal_start(c);
  if (status) return status;
  if (!c->o.help) return c->command->run(c);
  help_command(c, c->command);
  return 0;
}

static int run(cli *c, int argc, char **argv)
{
  terminal_start(c);
  if (argc < 2) {
    help_short(stderr);
    return 2;
  }
  if (is(argv[1], "--help", "-h"))
    help_program(c);
  else if (is(argv[1], "--version", "-V"))
    printf("elbo %s\n", elbo_version());
  else if (argc == 3 && command_is_group(argv[1]) && is(argv[2], "--help", "-h"))
    help_group(c, argv[1]);
  else
    return run_command(c, argc, argv);
  return 0;
}

int main(int argc, char **argv)
{
  cli c = { .program = argc ? argv[0] : "elbo" };
  standard_open();
  signals_ignore_writes();
  signals_name_culprit();
  int status = run(&c, argc, argv);
  progress_clear(&c);
  close_all(&c);
  status = standard_close(&c, status);
  return status;
}
