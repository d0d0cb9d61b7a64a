/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum option_kind { FLAG, TEXT, LIST, NUMBER, CHOICE };
enum { LONG_OPTION = 256 }; /* getopt's value of row i is LONG_OPTION + i, apart from any letter */

#define AT(member) offsetof(option_values, member)
#define ANY UINT64_MAX

const option_row option_table[] = {
  [O_SET] = { "set", 0, "KEY=VALUE", LIST, AT(set), 0, 0, 0,
              "change a value, as in model.p.x.family=laplace; repeatable" },
  [O_PLUGIN] = { "plugin", 0, "FILE", LIST, AT(plugin), 0, 0, 0, "load a plugin file; repeatable" },
  [O_TRUST_PLUGINS] = { "trust-plugins", 0, NULL, FLAG, AT(trust_plugins), 0, 0, 0,
                        "load plugins whatever their owner and permissions" },
  [O_CHECK_PLUGINS] = { "check-plugins", 0, NULL, FLAG, AT(check_plugins), 0, 0, 0,
                        "name a plugin that writes where it may not; up to 3 times slower" },
  [O_THREADS] = { "threads", 0, "N", NUMBER, AT(threads), 1, 1024, 0,
                  "threads of a step (default: the cores there are, at most 64)" },
  [O_SEED] = { "seed", 0, "N", NUMBER, AT(seed), 0, ANY, 0, "seed, instead of the experiment's" },
  [O_SEED_OF_DRAWS] = { "seed", 0, "N", NUMBER, AT(seed), 0, ANY, 1,
                        "seed of what is drawn (default 1)" },
  [O_RUN_OUT] = { "output", 'o', "RUN", TEXT, AT(output), 0, 0, 0,
                  "the run directory (default runs/NAME)" },
  [O_RESUME] = { "resume", 0, NULL, FLAG, AT(resume), 0, 0, 0,
                 "go on where the run's checkpoint stands" },
  [O_INIT_FROM] = { "init-from", 0, "RUN", TEXT, AT(init_from), 0, 0, 0,
                    "start from the weights of another run" },
  [O_EPOCHS] = { "epochs", 0, "N", NUMBER, AT(epochs), 1, 1000000000, 0,
                 "epochs in all, instead of the experiment's" },
  [O_SAMPLES] = { "samples", 0, "K", NUMBER, AT(samples), 0, 1000000, 1000,
                  "samples of the log likelihood, 0 for none (default 1000)" },
  [O_DATA] = { "data", 0, "VARIABLE=FILE", LIST, AT(data), 0, 0, 0,
               "use this file for the test rows of a variable; repeatable" },
  [O_REPLAY] = { "replay", 0, "FILE", TEXT, AT(replay), 0, 0, 0,
                 "safetensors with parameters, batch and draws (required)" },
  [O_TENSORS_OUT] = { "output", 'o', "FILE", TEXT, AT(output), 0, 0, 0,
                      "safetensors for objective and gradients (required)" },
  [O_ARRAY_OUT] = { "output", 'o', "FILE", TEXT, AT(output), 0, 0, 0,
                    "file ending in .png, .npy or .svg (default: in the run directory)" },
  [O_DRAWS] = { "count", 'n', "N", NUMBER, AT(count), 1, 10000000, 100,
                "how many to draw (default 100)" },
  [O_ROWS] = { "count", 'n', "N", NUMBER, AT(count), 1, 10000000, 50,
               "how many rows (default 50)" },
  [O_DRAW] = { "draw", 0, NULL, FLAG, AT(draw), 0, 0, 0, "draws of the data, not their means" },
  [O_SIDE] = { "side", 0, "N", NUMBER, AT(side), 2, 1000, 20,
               "points along each side of the grid (default 20)" },
  [O_LATENTS] = { "latents", 0, "I,J", TEXT, AT(latents), 0, 0, 0,
                  "the two latent numbers to walk along, from 0 (default 0,1)" },
  [O_DOT] = { "dot", 0, NULL, FLAG, AT(dot), 0, 0, 0, "in the language of Graphviz" },
  [O_STEPS] = { "steps", 0, "N", NUMBER, AT(steps), 1, 100000000, 0,
                "steps to time (default: about two seconds of them)" },
  [O_IN_PROCESS] = { "in-process", 0, NULL, FLAG, AT(in_process), 0, 0, 0,
                     "not in a child process: for a debugger" },
  [O_THOROUGH] = { "thorough", 0, NULL, FLAG, AT(thorough), 0, 0, 0, "longer grids" },
  [O_PROPERTY] = { "only", 0, "PROPERTY", TEXT, AT(property), 0, 0, 0, "try this property alone" },
  [O_VERBOSE] = { "verbose", 'v', NULL, FLAG, AT(verbose), 0, 0, 0,
                  "files, folders searched, and why a file was refused" },
  [O_JSON] = { "json", 0, NULL, FLAG, AT(json), 0, 0, 0, "the result as one JSON object" },
  [O_QUIET] = { "quiet", 'q', NULL, FLAG, AT(quiet), 0, 0, 0, "no progress and no notes" },
  [O_COLOR] = { "color", 0, "auto|always|never", CHOICE, AT(color), 0, 0, COLOR_AUTO,
                "colour (default auto: on a terminal)" },
  [O_FROM] = { "from", 0, "RUN", TEXT, AT(init_from), 0, 0, 0,
               "the parameters of a run (default: fresh ones)" },
  [O_ESTIMATORS] = { "estimators", 0, "A,B,..", TEXT, AT(estimators), 0, 0, 0,
                     "which ones (default: all)" },
  [O_SAMPLES_LIST] = { "samples", 0, "K,K,..", TEXT, AT(list), 0, 0, 0,
                       "numbers of samples (default: the experiment's)" },
  [O_REPARAMS] = { "reparam", 0, "A,B,..", TEXT, AT(reparams), 0, 0, 0,
                   "roads of reparametrization to compare (default: each family's own)" },
  [O_REPEATS] = { "repeats", 0, "R", NUMBER, AT(repeats), 20, 100000000, 1000,
                  "gradients of each (default 1000)" },
  [O_BATCH] = { "rows", 0, "B", NUMBER, AT(rows), 1, 100000000, 0,
                "rows of the minibatch (default: the experiment's batch size)" },
  [O_FOLDER_OUT] = { "output", 'o', "DIR", TEXT, AT(output), 0, 0, 0,
                     "a folder for compare.json, compare.csv, compare.svg, compare_train.svg" },
  [O_TRAIN_EACH] = { "train", 0, "EPOCHS", NUMBER, AT(epochs), 1, 1000000, 0,
                     "train by each with equal compute: the cheapest does so many" },
  [O_ROWS_OUT] = { "rows-out", 0, "F.npy", TEXT, AT(rows_out), 0, 0, 0,
                   "figures of each row: elbo, reconstruction, kl, log p, ess, k-hat" },
  [O_ARRAYS_OUT] = { "output", 'o', "FILE", LIST, AT(outputs), 0, 0, 0,
                     "what to write, by its ending; repeatable (default: in the run directory)" },
  [O_ALL_ROWS] = { "count", 'n', "N", NUMBER, AT(count), 1, 10000000, 0,
                   "the first rows alone (default: all)" },
  [O_MASK] = { "mask", 0, "M.npy", TEXT, AT(mask), 0, 0, 0,
               "npy or csv, 1 given, 0 missing: a row for all rows, or one for each (required)" },
  [O_ITERATIONS] = { "iterations", 0, "N", NUMBER, AT(iterations), 1, 1000000, 100,
                     "of the chain (default 100)" },
  [O_GIVEN] = { "given", 0, "INPUT=FILE", LIST, AT(inputs), 0, 0, 0,
                "rows of an input, instead of the test rows; repeatable" },
  [O_LATENT] = { "latent", 0, "NAME", TEXT, AT(latent), 0, 0, 0,
                 "count --latents within this variable (default: over all)" },
  [O_C_OUT] = { "c", 0, "DIR", TEXT, AT(c_out), 0, 0, 0,
                "plain C: NAME.h, NAME.c, NAME_weights.c in this folder" },
  [O_NPZ_OUT] = { "npz", 0, "F.npz", TEXT, AT(npz_out), 0, 0, 0,
                  "the weights by name, for numpy.load" },
  [O_WATCHDOG] = { "watchdog", 0, "SECONDS", NUMBER, AT(watchdog), 1, 1000000, 60,
                   "say so when one operation takes longer (default 60)" },
  [O_ROUNDS] = { "rounds", 0, "N", NUMBER, AT(rounds), 1, 100, 3,
                 "how often each is timed, in turn with the others (default 3)" },
  [O_STEPS_EACH] = { "steps", 0, "N", NUMBER, AT(steps), 1, 20000, 100,
                     "steps of each in a round (default 100)" },
  [O_THREADS_LIST] = { "threads", 0, "N,N..", TEXT, AT(list), 0, 0, 0,
                       "each experiment on each of these (default: the cores there are)" },
  [O_PLOTS_OUT] = { "output", 'o', "DIR", TEXT, AT(output), 0, 0, 0,
                    "a folder for scale.svg and a picture of each size, scale_B.svg .." },
  [O_PAGE_OUT] = { "output", 'o', "F.html", TEXT, AT(output), 0, 0, 0,
                   "the page (default: report.html, of one run in its directory)" },
  [O_PAGE_SAMPLES] = { "samples", 0, "K", NUMBER, AT(samples), 0, 1000000, 100,
                       "samples of the log likelihood, 0 for none (default 100)" },
  [O_PAGE_ROWS] = { "rows", 0, "N", NUMBER, AT(rows), 1, 100000, 2000,
                    "test rows in the view of q(z|x) and in tables (default 2000)" },
  [O_VARY] = { "vary", 0, "KEY=V1,V2,..", LIST, AT(vary), 0, 0, 0,
               "a key and its values; repeatable: every combination is a cell (required)" },
  [O_SWEEP_OUT] = { "output", 'o', "DIR", TEXT, AT(output), 0, 0, 0,
                    "a folder for the runs, sweep.json, sweep.csv, report.html (required)" },
  [O_JOBS] = { "jobs", 'j', "N", NUMBER, AT(jobs), 1, 1024, 1,
               "cells at a time, which share the threads (default 1)" },
  [O_KEEP_GOING] = { "keep-going", 'k', NULL, FLAG, AT(keep_going), 0, 0, 0,
                     "train the others where some cells are refused" },
  [O_DRY_RUN] = { "dry-run", 'n', NULL, FLAG, AT(dry_run), 0, 0, 0,
                  "resolve and print the grid, and train nothing" },
  [O_COLUMNS] = { "columns", 0, "A,B,..", TEXT, AT(columns), 0, 0, 0,
                  "of a csv file these alone, by name or number from 1" },
  [O_C_NAME] = { "name", 0, "NAME", TEXT, AT(c_name), 0, 0, 0,
                 "of the files and functions in C (default: the run's)" },
  [O_ALL_GROUPS] = { "verbose", 'v', NULL, FLAG, AT(verbose), 0, 0, 0,
                     "every group of parameters, and the references" },
  [O_HELP] = { "help", 'h', NULL, FLAG, AT(help), 0, 0, 0, "this text" },
};
_Static_assert(sizeof option_table / sizeof *option_table == O_COUNT, "a row for every option");
_Static_assert(O_COUNT <= 64, "the set of options is a 64-bit mask");

/* ---- the values */
static int parse_number(cli *c, const option_row *row, const char *text, uint64_t *value)
{
  char *end = NULL;
  errno = 0;
  uint64_t v = strtoull(text, &end, 10);
  bool digits = text[0] >= '0' && text[0] <= '9' && *end == '\0';
  if (digits && errno == 0 && v >= row->low && v <= row->high) {
    *value = v;
    return 0;
  }
  return fail(c, 2, "%s: --%s: expected a whole number from %" PRIu64 " to %" PRIu64 ", found %s",
              c->command->name, row->name, row->low, row->high, quote(text).text);
}

/* The place of `text` among the words of "a|b|c". */
static int parse_choice(cli *c, const option_row *row, const char *text, uint64_t *value)
{
  const char *word = row->argument;
  for (uint64_t i = 0; word; i++) {
    size_t n = strcspn(word, "|");
    if (strlen(text) == n && memcmp(text, word, n) == 0) {
      *value = i;
      return 0;
    }
    word = word[n] ? word + n + 1 : NULL;
  }
  return fail(c, 2, "%s: --%s: expected one of %s, found %s", c->command->name, row->name,
              row->argument, quote(text).text);
}

static int take(cli *c, option_id id, const char *text)
{
  const option_row *row = &option_table[id];
  void *at = (char *)&c->o + row->at;
  c->o.given |= OPTION(id);
  switch ((enum option_kind)row->kind) {
  case FLAG:
    *(bool *)at = true;
    return 0;
  case TEXT:
    *(const char **)at = text;
    return 0;
  case LIST:
    ((option_list *)at)->items[((option_list *)at)->n++] = text;
    return 0;
  case NUMBER:
    return parse_number(c, row, text, at);
  case CHOICE:
    return parse_choice(c, row, text, at);
  }
  return 0;
}

option_id option_from(const command_row *row, option_id id)
{
  while (id < O_COUNT && !(row->options & OPTION(id))) id++;
  return id;
}

/* ---- usage errors */
static const char *next_option(const void *command, size_t i)
{
  EACH_OPTION((const command_row *)command, id)
    if (i-- == 0) return option_table[id].name;
  return NULL;
}

static int unknown_letter(cli *c, int letter)
{
  if (letter >= '0' && letter <= '9')
    return fail(c, 2, "%s: unknown option -%c; put -- before a value that begins with a minus sign",
                c->command->name, letter);
  return fail(c, 2, "%s: unknown option -%c; see elbo %s --help", c->command->name,
              letter > 32 && letter < 127 ? letter : '?', c->command->name);
}

/* `word`: "--name" or "--name=value" that getopt could not place: unknown, or the start of
   several. */
static int unknown_option(cli *c, const char *word)
{
  const char *command = c->command->name;
  size_t n = strcspn(word + 2, "=");
  char name[64] = "", several[512] = "";
  snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : 0, word + 2);
  int matches = 0;
  EACH_OPTION(c->command, id) {
    if (n == 0 || strncmp(option_table[id].name, word + 2, n)) continue;
    size_t used = strlen(several);
    snprintf(several + used, sizeof several - used, "%s--%s", matches++ ? ", " : "",
             option_table[id].name);
  }
  if (matches > 1)
    return fail(c, 2, "%s: option %s is ambiguous: %s", command, quote(word).text, several);
  const char *near = nearest_name(name, next_option, c->command);
  if (near)
    return fail(c, 2, "%s: unknown option %s; the nearest is --%s", command, quote(word).text,
                near);
  return fail(c, 2, "%s: unknown option %s; see elbo %s --help", command, quote(word).text,
              command);
}

static option_id option_of(const command_row *command, int code)
{
  if (code >= LONG_OPTION) return code - LONG_OPTION;
  EACH_OPTION(command, id)
    if (option_table[id].letter == code) return id;
  return O_COUNT;
}

static int getopt_refused(cli *c, int code, const char *word)
{
  const char *command = c->command->name;
  if (optopt == 0) return unknown_option(c, word);
  option_id id = option_of(c->command, optopt);
  if (id == O_COUNT) return unknown_letter(c, optopt);
  const option_row *row = &option_table[id];
  if (code == ':')
    return fail(c, 2, "%s: --%s: expected a value (%s), found the end of the line", command,
                row->name, row->argument);
  return fail(c, 2, "%s: --%s takes no value, found %s", command, row->name, quote(word).text);
}

static int check_arguments(cli *c)
{
  const command_row *row = c->command;
  if (c->n_arguments < row->least)
    return fail(c, 2, "%s: expected %s, found %d argument%s; see elbo %s --help", row->name,
                row->arguments, c->n_arguments, c->n_arguments == 1 ? "" : "s", row->name);
  if (c->n_arguments > row->most)
    return fail(c, 2, "%s: expected %s, found the extra argument %s", row->name,
                row->most ? row->arguments : "no argument", quote(c->arguments[row->most]).text);
  for (option_id id = 0; id < O_COUNT; id++)
    if ((row->required & OPTION(id)) && !(c->o.given & OPTION(id)))
      return fail(c, 2, "%s: --%s %s is missing; see elbo %s --help", row->name,
                  option_table[id].name, option_table[id].argument, row->name);
  return 0;
}

/* ---- getopt's own tables, from ours */
static void getopt_tables(const command_row *command, struct option *longs, char *shorts)
{
  char *s = shorts;
  *s++ = '-'; /* arguments come in their order, wherever options stand, POSIXLY_CORRECT or not */
  *s++ = ':';
  EACH_OPTION(command, id) {
    const option_row *row = &option_table[id];
    *longs++ = (struct option){ row->name, row->argument ? required_argument : no_argument, NULL,
                                LONG_OPTION + (int)id };
    if (!row->letter) continue;
    *s++ = (char)row->letter;
    if (row->argument) *s++ = ':';
  }
  *longs = (struct option){ NULL, 0, NULL, 0 };
  *s = '\0';
}

/* Where the lists lie that options of several values fill. */
static const size_t list_offsets[] = {
  offsetof(cli, o.set),     offsetof(cli, o.plugin), offsetof(cli, o.data),
  offsetof(cli, o.outputs), offsetof(cli, o.inputs), offsetof(cli, o.vary),
};
enum { LISTS = sizeof list_offsets / sizeof *list_offsets };

static option_list *list_of(cli *c, size_t i)
{
  return (void *)((char *)c + list_offsets[i]);
}

void options_free(cli *c)
{
  for (size_t i = 0; i < LISTS; i++) free(list_of(c, i)->items);
  free(c->arguments);
}

static int start_values(cli *c, int argc)
{
  size_t room = (size_t)argc + 2; /* one for a setting that an option adds, one for the end */
  for (size_t i = 0; i < LISTS; i++) {
    option_list *list = list_of(c, i);
    if (!(list->items = calloc(room, sizeof *list->items))) return fail(c, 8, "no memory");
  }
  if (!(c->arguments = calloc(room, sizeof *c->arguments))) return fail(c, 8, "no memory");
  EACH_OPTION(c->command, id)
    if (option_table[id].kind == NUMBER)
      *(uint64_t *)((char *)&c->o + option_table[id].at) = option_table[id].standard;
  return 0;
}

int options_parse(cli *c, int argc, char **argv)
{
  struct option longs[O_COUNT + 1];
  char shorts[2 * O_COUNT + 3];
  getopt_tables(c->command, longs, shorts);
  int status = start_values(c, argc);
  opterr = 0;
  for (int code; !status;) {
    int index = optind;
    optopt = 0;
    code = getopt_long(argc, argv, shorts, longs, NULL);
    if (code == -1) break;
    if (code == 1)
      c->arguments[c->n_arguments++] = optarg;
    else if (code == '?' || code == ':')
      status = getopt_refused(c, code, argv[index]);
    else
      status = take(c, option_of(c->command, code), optarg);
  }
  for (int i = optind; !status && i < argc; i++) c->arguments[c->n_arguments++] = argv[i];
  if (!status && !c->o.help) status = check_arguments(c);
  return status;
}
