/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * core/cli - the program. It includes the public headers and libc alone: whatever it does, a C
 * program can do. One table lists the commands (commands.c), one the options (options.c);
 * parsing, help and usage errors are made from them. Results go to standard output, messages and
 * progress to standard error; a function that runs a command returns the exit status. */
#ifndef ELBO_CLI_H
#define ELBO_CLI_H

#include "json_print.h"

#include <elbo/elbo.h>
#include <stdio.h>

/* ---- options */
typedef struct {
  const char **items; /* NULL-ended */
  size_t n;
} option_list;

typedef enum {
  COLOR_AUTO,
  COLOR_ALWAYS,
  COLOR_NEVER
} color_when; /* in the order of the option's words */

typedef struct {
  option_list set, plugin, data, outputs, inputs, vary;
  const char *output, *replay, *init_from, *latents, *property, *estimators, *reparams, *list,
      *rows_out, *mask, *latent, *c_out, *c_name, *npz_out, *columns;
  bool trust_plugins, check_plugins, json, quiet, verbose, resume, dot, draw, help, in_process,
      thorough, keep_going, dry_run;
  uint64_t threads, seed, epochs, samples, count, side, steps, color, repeats, rows, iterations,
      watchdog, rounds, jobs;
  uint64_t given; /* OPTION(id) of each one that stood on the command line */
} option_values;

/* Rows of option_table, in its order. Options of one name and different meaning are rows of their
   own. */
// clang-format off
typedef enum {
  O_SET, O_PLUGIN, O_TRUST_PLUGINS, O_CHECK_PLUGINS, O_THREADS, O_SEED, O_SEED_OF_DRAWS, O_RUN_OUT,
  O_RESUME,
  O_INIT_FROM, O_EPOCHS, O_SAMPLES, O_DATA, O_REPLAY, O_TENSORS_OUT, O_ARRAY_OUT, O_DRAWS, O_ROWS,
  O_DRAW, O_SIDE, O_LATENTS, O_DOT, O_STEPS, O_IN_PROCESS, O_THOROUGH, O_PROPERTY, O_VERBOSE,
  O_JSON, O_QUIET, O_COLOR, O_HELP,
  O_FROM, O_ESTIMATORS, O_SAMPLES_LIST, O_REPARAMS, O_REPEATS, O_BATCH, O_FOLDER_OUT,
  O_TRAIN_EACH, O_ROWS_OUT, O_ARRAYS_OUT, O_ALL_ROWS, O_MASK, O_ITERATIONS, O_GIVEN, O_LATENT,
  O_C_OUT, O_NPZ_OUT, O_WATCHDOG, O_ROUNDS, O_STEPS_EACH, O_THREADS_LIST, O_PLOTS_OUT,
  O_PAGE_OUT, O_PAGE_SAMPLES, O_PAGE_ROWS, O_VARY, O_SWEEP_OUT, O_JOBS,
  O_KEEP_GOING, O_DRY_RUN, O_COLUMNS, O_C_NAME, O_ALL_GROUPS,
  O_COUNT
} option_id;
// clang-format on
#define OPTION(id) (UINT64_C(1) << (id))

typedef struct {
  const char *name;
  int letter;           /* 0: none */
  const char *argument; /* its name in the help, NULL: takes none; of a choice the words, "a|b|c" */
  int kind;             /* option_kind in options.c */
  size_t at;            /* where in option_values */
  uint64_t low, high, standard; /* of a number */
  const char *help;
} option_row;
extern const option_row option_table[O_COUNT];

/* ---- commands */
typedef struct cli cli;
typedef struct {
  const char *name;      /* one word, or two: "data info" */
  const char *arguments; /* as the help shows them */
  int least, most;       /* how many */
  uint64_t options, required;
  const char *summary;
  const char *help; /* paragraphs and an example, below the options */
  int (*run)(cli *);
} command_row;

/* The sets of options that commands share. */
#define ALWAYS (OPTION(O_QUIET) | OPTION(O_COLOR) | OPTION(O_HELP))
#define HOST                                                                                       \
  (OPTION(O_PLUGIN) | OPTION(O_TRUST_PLUGINS) | OPTION(O_CHECK_PLUGINS) | OPTION(O_THREADS) |      \
   OPTION(O_JSON) | ALWAYS)
#define LOADS (OPTION(O_PLUGIN) | OPTION(O_TRUST_PLUGINS) | OPTION(O_JSON) | ALWAYS)
#define EXPERIMENT (OPTION(O_SET) | HOST)

/* Each lies at the end of its file, cmd_NAME.c. */
extern const command_row command_train, command_check, command_evaluate, command_compare,
    command_sweep, command_report, command_gradient, command_sample, command_reconstruct,
    command_traverse, command_encode, command_export, command_impute, command_graph,
    command_data_info, command_bench_step, command_bench_load, command_bench_family,
    command_bench_scale, command_bench_compare, command_dist, command_dist_batch,
    command_plugin_list, command_plugin_info, command_plugin_check, command_plugin_new,
    command_doctor, command_completion, command_help;
/* NULL-ended, in the order of the help */
extern const command_row *const command_table[];
#define EACH_COMMAND(ROW)                                                                          \
  for (const command_row *const *ROW##_at = command_table, *ROW; (ROW = *ROW##_at); ROW##_at++)
/* The options that a command has, in the order of the table. */
#define EACH_OPTION(ROW, ID)                                                                       \
  for (option_id ID = option_from(ROW, 0); ID < O_COUNT; ID = option_from(ROW, ID + 1))
option_id option_from(const command_row *row, option_id id); /* the first of them at id or later */

/* ---- one run of the program */
struct cli {
  const char *program;        /* as it was called, for advice that is to be typed */
  const command_row *command; /* NULL until it is known */
  const char **arguments;     /* NULL-ended */
  int n_arguments;
  option_values o;
  bool color_out, color_err; /* may colour be written there */
  bool progress;             /* is there a terminal for a progress line */
  bool line_shown;           /* a progress line stands on it */
  elbo_context *ctx;
  elbo_experiment *x;
  elbo_run *run;
  char *own_path; /* of an output that was not named */
};

/* ---- parsing: all answer 0, or the exit status with the message printed */
int options_parse(cli *c, int argc, char **argv);
void options_free(cli *c); /* what options_parse took, also where it refused */
/* Finds the command in argv[1] (and argv[2]); *words is how many words it has. */
int command_find(cli *c, int argc, char **argv, int *words);
/* Is there a command whose first word is `word` and that has a second one? */
bool command_is_group(const char *word);
/* The name nearest to `word` of those that next(state, i) gives until NULL; NULL: none is near. */
const char *nearest_name(const char *word, const char *(*next)(const void *state, size_t i),
                         const void *state);
/* `text` in quotes, cut to what a message can bear, control characters as '?'. */
typedef struct {
  char text[88];
} quoted;
quoted quote(const char *text);

/* ---- help */
void help_short(FILE *out);
void help_program(cli *c);
void help_command(cli *c, const command_row *row);
void help_group(cli *c, const char *word);

/* ---- opening things; each prints what is wrong and answers the exit status */
int open_context(cli *c);
int new_context(cli *c, int threads, elbo_context **ctx); /* another one; threads 0: all cores */
int open_experiment(cli *c); /* of the first argument, with --set and --seed */
int open_run(cli *c);        /* of the first argument, with --set and --data */
int library_failed(cli *c, elbo_status status);
int context_failed(cli *c, const elbo_context *ctx, elbo_status status);
void close_all(cli *c);

/* ---- terminal.c */
void terminal_start(cli *c); /* looks at the options and the environment */
int fail(cli *c, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
void library_log(void *user, int level, const char *text);
const char *bold(const cli *c); /* start of a heading on standard output, "" without colour */
const char *plain(const cli *c);
void progress_show(cli *c, const char *line);
void progress_clear(cli *c);
void duration_text(double seconds, char *text, size_t n);

/* ---- standard.c: descriptors 0 to 2 */
void standard_open(void);
int standard_close(cli *c, int status); /* status, or 7 when results could not be written */

/* ---- signals.c */
void signals_ignore_writes(void);
void signals_name_culprit(void); /* a crash inside a plugin: a message with its name, status 5 */
void signals_watch(unsigned seconds); /* a line about work that has not ended after so many */
void signals_catch(void);             /* SIGINT, SIGTERM: once asks to stop, twice quits */
bool signals_stop(void *user);        /* has one come? */
int signals_status(void);             /* 128 + the signal, 0: none came */
const char *signals_name(void);

/* ---- arrays.c: what commands write that give arrays */
char *in_run(const cli *c, const char *stem, const char *ending); /* RUN/STEM.ENDING; to be freed */
int array_write(cli *c, const elbo_array *a, const char *stem, size_t columns);
/* The files of -o, or RUN/STEM.npz, each made by `write`; then they stand in c->o.outputs. */
int outputs_write(cli *c, const char *stem, const void *what,
                  elbo_status (*write)(elbo_context *ctx, const void *what, const char *path));
/* Their paths: a line each, or with j the member "paths". */
void outputs_print(const cli *c, json *j);

#endif
