/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <string.h>

static const char PURPOSE[] =
    "elbo trains and examines probabilistic models given as two lists of random\n"
    "variables: p, how the data come about, and q, how the latents are inferred.\n";

enum { WIDTH = 80 };

/* `left` in a column of its own, and `text` behind it, broken at blanks. */
static void print_row(FILE *out, const char *left, int column, const char *text)
{
  fprintf(out, "  %-*s ", column, left);
  int room = WIDTH - 3 - column;
  if ((int)strlen(left) > column) fprintf(out, "\n%*s", column + 3, "");
  while ((int)strlen(text) > room) {
    int n = room;
    while (n > 0 && text[n] != ' ') n--;
    if (!n) n = (int)strcspn(text, " ");
    if (!text[n]) break;
    fprintf(out, "%.*s\n%*s", n, text, column + 3, "");
    text += n + 1;
  }
  fprintf(out, "%s\n", text);
}

static void print_commands(FILE *out, const char *group)
{
  size_t n = strlen(group);
  EACH_COMMAND(row) {
    if (n && (strncmp(row->name, group, n) || row->name[n] != ' ')) continue;
    char left[64];
    snprintf(left, sizeof left, "%s %s", row->name, row->arguments);
    print_row(out, left, 24, row->summary);
  }
}

void help_short(FILE *out)
{
  fputs("usage: elbo COMMAND [ARGUMENT] [OPTION]...\n\n", out);
  print_commands(out, "");
  fputs("\nelbo --help says more, elbo COMMAND --help all about one.\n", out);
}

static void heading(cli *c, const char *text)
{
  printf("\n%s%s%s\n", bold(c), text, plain(c));
}

static void print_statuses(void)
{
#define X(name, number, text)                                                                      \
  if (number != ELBO_E_STOPPED) printf("  %-9d %s\n", -(number), text);
  ELBO_STATUS_TABLE(X)
#undef X
  printf("  %-9s stopped by SIGINT or SIGTERM, after saving\n", "130, 143");
}

void help_program(cli *c)
{
  printf("usage: elbo COMMAND [ARGUMENT] [OPTION]...\n       elbo --version\n\n%s", PURPOSE);
  heading(c, "Commands");
  print_commands(stdout, "");
  heading(c, "To start");
  puts("  elbo check mnist.yaml             is the experiment right, and what will be trained\n"
       "  elbo train mnist.yaml             train it; the run is left in runs/NAME\n"
       "  elbo evaluate runs/NAME           how good is it on the test data\n"
       "  elbo sample runs/NAME             draw from it\n"
       "  elbo help experiment              every key of an experiment file\n"
       "  elbo COMMAND --help               the options of a command, with examples");
  heading(c, "Environment");
  puts("  ELBO_PLUGIN_PATH                  folders with plugins, separated by colons\n"
       "  ELBO_CPU_LEVEL                    the highest CPU kernels used: baseline, avx2, avx512\n"
       "  NO_COLOR, TERM                    see --color");
  heading(c, "Exit status");
  print_statuses();
}

void help_group(cli *c, const char *word)
{
  const command_row *own = NULL; /* a command of its own name, as `dist` beside `dist batch` */
  EACH_COMMAND(row)
    if (!strcmp(row->name, word)) own = row;
  if (own)
    help_command(c, own);
  else
    printf("usage: elbo %s COMMAND [ARGUMENT] [OPTION]...\n", word);
  heading(c, "Commands");
  print_commands(stdout, word);
}

void help_command(cli *c, const command_row *row)
{
  printf("usage: elbo %s%s%s [OPTION]...\n\n", row->name, *row->arguments ? " " : "",
         row->arguments);
  printf("elbo %s: %s\n", row->name, row->summary);
  heading(c, "Options");
  EACH_OPTION(row, id) {
    const option_row *o = &option_table[id];
    char letter[8] = "", left[64];
    if (o->letter) snprintf(letter, sizeof letter, "-%c,", o->letter);
    snprintf(left, sizeof left, "%-3s --%s%s%s", letter, o->name, o->argument ? " " : "",
             o->argument ? o->argument : "");
    print_row(stdout, left, 32, o->help);
  }
  printf("\n%s", row->help);
}
