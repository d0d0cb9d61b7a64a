/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * core/cli - the program. It includes the public headers and libc alone: whatever it does, a C
 * program can do. One table describes the commands (commands.c), one the options (options.c);
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
      *rows_out, *mask, *latent, *c_out, *npz_out;
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
  O_KEEP_GOING, O_DRY_RUN, O_COUNT
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
extern const command_row command_table[]; /* ends with a row without a name */

int cmd_train(cli *);
int cmd_check(cli *);
int cmd_evaluate(cli *);
int cmd_gradient(cli *);
int cmd_sample(cli *);
int cmd_reconstruct(cli *);
int cmd_traverse(cli *);
int cmd_encode(cli *);
int cmd_impute(cli *);
int cmd_export(cli *);
int cmd_report(cli *);
int cmd_sweep(cli *);
int cmd_graph(cli *);
int cmd_data_info(cli *);
int cmd_bench_step(cli *);
int cmd_bench_load(cli *);
int cmd_bench_family(cli *);
int cmd_bench_scale(cli *);
int cmd_bench_compare(cli *);
int cmd_compare(cli *);
int cmd_dist(cli *);
int cmd_dist_batch(cli *);
int cmd_doctor(cli *);
int cmd_plugin_list(cli *);
int cmd_plugin_info(cli *);
int cmd_plugin_check(cli *);
int cmd_plugin_new(cli *);
int cmd_completion(cli *);
int cmd_help(cli *);

/* ---- one run of the program */
struct cli {
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
