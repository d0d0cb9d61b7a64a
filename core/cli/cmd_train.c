/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the progress calls share. A line of an epoch waits for the report on the held-out rows,
   which follows at once. */
typedef struct {
  cli *c;
  FILE *lines; /* where a line for every epoch goes, NULL: nowhere */
  char waiting[256];
  uint64_t step;
  double shown; /* seconds of training at the last moving line */
} watch;

static void flush_epoch(watch *w)
{
  if (!w->waiting[0]) return;
  progress_clear(w->c);
  fprintf(w->lines, "%s\n", w->waiting);
  fflush(w->lines); /* whoever reads the pipe sees each epoch as it ends */
  w->waiting[0] = '\0';
}

static void epoch_line(watch *w, const elbo_progress *p)
{
  char took[32];
  flush_epoch(w);
  duration_text(p->seconds, took, sizeof took);
  snprintf(w->waiting, sizeof w->waiting,
           "epoch %.0f/%lld  elbo %.3f  reconstruction %.3f  kl %.3f  %.0f rows/s  %s", p->epoch,
           (long long)p->epochs, p->elbo, p->reconstruction, p->kl, p->rows_per_second, took);
}

static void held_out(watch *w, const elbo_progress *p)
{
  size_t n = strlen(w->waiting);
  if (n == 0)
    n = (size_t)snprintf(w->waiting, sizeof w->waiting, "epoch %.0f/%lld", p->epoch,
                         (long long)p->epochs);
  snprintf(w->waiting + n, sizeof w->waiting - n, "  %s elbo %.3f", p->split, p->elbo);
}

/* Short epochs report far more often than anyone can read. */
static void moving_line(watch *w, const elbo_progress *p)
{
  char line[256], left[32];
  if (p->seconds - w->shown < 0.1) return;
  w->shown = p->seconds;
  duration_text(p->seconds_left, left, sizeof left);
  snprintf(line, sizeof line, "epoch %.2f/%lld  elbo %.2f  rec %.2f  kl %.2f  %.0f rows/s  %s left",
           p->epoch, (long long)p->epochs, p->elbo, p->reconstruction, p->kl, p->rows_per_second,
           left);
  progress_show(w->c, line);
}

static void on_progress(void *user, const elbo_progress *p)
{
  watch *w = user;
  bool training = strcmp(p->split, "train") == 0;
  w->step = p->step;
  if (!training) {
    if (w->lines) held_out(w, p);
    return;
  }
  if (w->lines && p->epoch_end)
    epoch_line(w, p);
  else if (w->lines)
    flush_epoch(w);
  moving_line(w, p);
}

/* ---- what comes of it */
static void print_json(const elbo_train_result *r)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_text(&j, "run", r->run);
  json_count(&j, "steps", r->steps);
  json_integer(&j, "epochs", r->epochs);
  json_object(&j, "elbo");
  json_number(&j, "train", r->elbo_train);
  json_number(&j, "test", r->elbo_test);
  json_object_end(&j);
  json_number(&j, "seconds", r->seconds);
  json_number(&j, "rows_per_second", r->rows_per_second);
  json_bool(&j, "already_finished", r->already_finished);
  json_object_end(&j);
}

static void print_pictures(const cli *c, const char *run)
{
  static const char *const names[] = { "curves.svg", "samples.png", "samples.svg",
                                       "reconstructions.png" };
  char path[4200];
  const char *before = "pictures  ";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", run, names[i]);
    if (access(path, F_OK) != 0) continue;
    printf("%s%s%s%s\n", bold(c), before, plain(c), path);
    before = "          ";
  }
}

static void print_text(const cli *c, const elbo_train_result *r)
{
  char took[32];
  duration_text(r->seconds, took, sizeof took);
  if (r->already_finished)
    printf("%s is finished already: nothing to do; more --epochs would go on\n", r->run);
  else
    printf("%strained%s   %lld epochs, %llu steps in %s (%.0f rows/s)\n", bold(c), plain(c),
           (long long)r->epochs, (unsigned long long)r->steps, took, r->rows_per_second);
  printf("%srun%s       %s\n", bold(c), plain(c), r->run);
  print_pictures(c, r->run);
  printf("%snext%s      %s evaluate %s\n          %s sample %s\n", bold(c), plain(c), c->program,
         r->run, c->program, r->run);
}

static int stopped(cli *c, const watch *w, const elbo_train_result *r)
{
  char standard[300];
  snprintf(standard, sizeof standard, "runs/%s", elbo_experiment_name(c->x));
  const char *run = c->o.output ? c->o.output : r->run[0] ? r->run : standard;
  if (c->o.json && r->steps) print_json(r);
  return fail(
      c, signals_status(),
      "train: stopped by %s after step %llu; saved in %s; to go on: the same command with --resume",
      signals_name(), (unsigned long long)w->step, run);
}

static int train(cli *c, watch *w, elbo_train_result *result)
{
  elbo_train_options options = {
    .size = sizeof options,
    .run = c->o.output,
    .resume = c->o.resume,
    .init_from = c->o.init_from,
    .epochs = (int64_t)c->o.epochs,
    .progress = on_progress,
    .user = w,
    .stop = signals_stop,
  };
  signals_catch();
  signals_watch((unsigned)c->o.watchdog);
  elbo_status status = elbo_train(c->x, &options, result);
  if (w->lines) flush_epoch(w);
  progress_clear(c);
  if (status == ELBO_E_STOPPED && signals_status()) return stopped(c, w, result);
  return status ? library_failed(c, status) : 0;
}

static int cmd_train(cli *c)
{
  if (c->o.resume && c->o.init_from)
    return fail(c, 2,
                "train: --resume goes on with the run's own weights, --init-from starts from "
                "another's: give one of them");
  int failed = open_experiment(c);
  if (failed) return failed;
  watch w = { .c = c, .lines = c->o.quiet ? NULL : c->o.json ? stderr : stdout };
  if (c->o.json && c->progress) w.lines = NULL; /* the moving line says it, on the same terminal */
  if (!c->o.quiet && !c->o.json) {
    fputs(elbo_experiment_plan(c->x), stdout);
    putchar('\n');
    fflush(stdout);
  }
  elbo_train_result result = { .elbo_train = NAN, .elbo_test = NAN };
  failed = train(c, &w, &result);
  if (failed) return failed;
  if (c->o.json)
    print_json(&result);
  else if (!c->o.quiet)
    print_text(c, &result);
  return 0;
}

const command_row command_train = {
  .name = "train",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_SEED) | OPTION(O_RUN_OUT) | OPTION(O_RESUME) |
             OPTION(O_INIT_FROM) | OPTION(O_EPOCHS) | OPTION(O_WATCHDOG),
  .summary = "train the model of an experiment file",
  .help = "Prints the resolved plan, then a line for every epoch. The run directory\n"
          "receives the resolved experiment, metrics.jsonl, the checkpoint,\n"
          "summary.json and pictures. One that exists is refused; --resume goes on\n"
          "with it, bit for bit. An interrupt (Ctrl-C) finishes the step, saves and\n"
          "ends with status 130; a second one quits at once.\n"
          "\n"
          "Example:\n"
          "  elbo train mnist.yaml\n"
          "  elbo train mnist.yaml -o runs/b --set model.q.z.family=laplace --epochs 3\n",
  .run = cmd_train,
};
