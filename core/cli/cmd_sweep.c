/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REPORTED = 64 }; /* runs that a report takes */

/* ---- progress: a moving line, and a line for every cell that has ended */
static void ended_line(cli *c, const elbo_sweep_progress *p)
{
  const elbo_sweep_cell *cell = p->ended;
  FILE *out = c->o.json ? stderr : stdout;
  progress_clear(c);
  fprintf(out, "[%zu/%zu] %s  ", p->done + p->failed, p->total, cell->name);
  if (cell->state == ELBO_CELL_DONE)
    fprintf(out, "elbo %.3f\n", cell->figures[ELBO_SWEEP_ELBO]);
  else if (cell->state == ELBO_CELL_WAITING)
    fputs("stopped; saved\n", out);
  else
    fprintf(out, "failed (%s)\n", elbo_status_text(cell->status));
  fflush(out);
}

static void on_progress(void *user, const elbo_sweep_progress *p)
{
  cli *c = user;
  char line[160], left[32];
  if (p->ended && !c->o.quiet) ended_line(c, p);
  duration_text(p->seconds_left, left, sizeof left);
  snprintf(line, sizeof line, "%zu of %zu cells done, %zu failed, %zu running  %s left", p->done,
           p->total, p->failed, p->running, left);
  progress_show(c, line);
}

/* ---- the table */
enum { WIDE = 28 };

/* "-12.345 ± 0.012" in so many columns: ± is two bytes and one column. */
static void print_mean(const elbo_sweep_row *row, elbo_sweep_figure f)
{
  char text[48] = "-";
  int extra = 0;
  if (!isnan(row->mean[f]) && !isnan(row->se[f]))
    snprintf(text, sizeof text, "%.3f \xC2\xB1 %.3f", row->mean[f], row->se[f]), extra = 1;
  else if (!isnan(row->mean[f]))
    snprintf(text, sizeof text, "%.3f", row->mean[f]);
  printf("  %*s", 19 + extra, text);
}

static const elbo_sweep_figure shown[] = { ELBO_SWEEP_ELBO, ELBO_SWEEP_LOG_LIKELIHOOD,
                                           ELBO_SWEEP_KL };
enum { SHOWN = sizeof shown / sizeof *shown };

/* Of each varied key the widest text in its column; 0 ends the list. */
static void column_widths(elbo_sweep *s, int *widths, size_t room)
{
  for (size_t i = 0; i < elbo_sweep_rows(s); i++) {
    const elbo_sweep_row *row = elbo_sweep_row_at(s, i);
    for (size_t k = 0; k < room && row->settings[k]; k++) {
      int key = (int)strcspn(row->settings[k], "="),
          value = (int)strlen(row->settings[k]) - key - 1;
      if (widths[k] < key) widths[k] = key;
      if (widths[k] < value) widths[k] = value;
    }
  }
}

static void print_table(cli *c, elbo_sweep *s)
{
  int widths[WIDE] = { 0 };
  column_widths(s, widths, WIDE);
  const elbo_sweep_row *first = elbo_sweep_row_at(s, 0);
  printf("%s", bold(c));
  for (size_t k = 0; k < WIDE && first->settings[k]; k++)
    printf("%-*.*s  ", widths[k], (int)strcspn(first->settings[k], "="), first->settings[k]);
  printf("cells");
  for (int f = 0; f < SHOWN; f++) printf("  %19s", elbo_sweep_figure_name(shown[f]));
  printf("%s\n", plain(c));
  for (size_t i = 0; i < elbo_sweep_rows(s); i++) {
    const elbo_sweep_row *row = elbo_sweep_row_at(s, i);
    char cells[48];
    snprintf(cells, sizeof cells, row->done < row->cells ? "%zu/%zu" : "%zu", row->done,
             row->cells);
    for (size_t k = 0; k < WIDE && row->settings[k]; k++)
      printf("%-*s  ", widths[k], strchr(row->settings[k], '=') + 1);
    printf("%5s", cells);
    for (int f = 0; f < SHOWN; f++) print_mean(row, shown[f]);
    putchar('\n');
  }
}

static void print_failures(elbo_sweep *s)
{
  bool any = false;
  for (size_t i = 0; i < elbo_sweep_count(s); i++) {
    const elbo_sweep_cell *cell = elbo_sweep_at(s, i);
    if (cell->state != ELBO_CELL_FAILED && cell->state != ELBO_CELL_REFUSED) continue;
    if (!any) puts("");
    any = true;
    printf("%s %s, status %d: %s\n", cell->state == ELBO_CELL_FAILED ? "failed" : "refused",
           cell->name, -cell->status, cell->reason);
  }
}

/* ---- what is left: the report of what is done, in the order of the grid */
static int make_report(cli *c, elbo_sweep *s, char *path, size_t n)
{
  const char *runs[MOST_REPORTED];
  size_t count = 0;
  elbo_report *report = NULL;
  snprintf(path, n, "%s/report.html", c->o.output);
  for (size_t i = 0; i < elbo_sweep_count(s) && count < MOST_REPORTED; i++) {
    const elbo_sweep_cell *cell = elbo_sweep_at(s, i);
    if (cell->state == ELBO_CELL_DONE) runs[count++] = cell->run;
  }
  path = count ? path : memset(path, 0, n);
  elbo_report_options options = { .size = sizeof options,
                                  .output = path,
                                  .samples = (long)c->o.samples,
                                  .seed = 1,
                                  .stop = signals_stop,
                                  .user = c };
  progress_show(c, "the report");
  elbo_status status = count ? elbo_report_make(c->ctx, runs, count, &options, &report) : ELBO_DONE;
  progress_clear(c);
  elbo_report_free(report);
  return status ? library_failed(c, status) : 0;
}

static void print_grid(elbo_sweep *s)
{
  static const char *const words[] = { "to be trained", "done", "failed before", "refused" };
  for (size_t i = 0; i < elbo_sweep_count(s); i++) {
    const elbo_sweep_cell *cell = elbo_sweep_at(s, i);
    printf("%s  %s%s%s\n", cell->name, words[cell->state], *cell->reason ? ": " : "", cell->reason);
  }
}

static int dry_run(cli *c, elbo_sweep *s)
{
  int status = 0;
  for (size_t i = 0; i < elbo_sweep_count(s); i++)
    if (elbo_sweep_at(s, i)->state == ELBO_CELL_REFUSED && !status)
      status = -elbo_sweep_at(s, i)->status;
  const char *text = c->o.json ? elbo_sweep_json(s) : NULL;
  if (text)
    fputs(text, stdout);
  else
    print_grid(s);
  return c->o.keep_going ? 0 : status;
}

static void print_result(cli *c, elbo_sweep *s, const char *report)
{
  if (c->o.json) {
    const char *text = elbo_sweep_json(s);
    if (text) fputs(text, stdout);
    return;
  }
  if (!c->o.quiet) putchar('\n');
  print_table(c, s);
  print_failures(s);
  if (c->o.quiet) return;
  printf("\n%stable%s   %s/sweep.json, %s/sweep.csv\n", bold(c), plain(c), c->o.output,
         c->o.output);
  if (*report) printf("%sreport%s  %s\n", bold(c), plain(c), report);
}

static int run(cli *c, elbo_sweep *s)
{
  char report[4200] = "";
  elbo_sweep_options options = { .size = sizeof options,
                                 .jobs = (int)c->o.jobs,
                                 .keep_going = c->o.keep_going,
                                 .samples = (long)c->o.samples,
                                 .stop = signals_stop,
                                 .progress = on_progress,
                                 .user = c };
  signals_catch();
  elbo_status status = elbo_sweep_run(s, &options);
  progress_clear(c);
  if (status == ELBO_E_STOPPED && signals_status())
    return fail(c, signals_status(), "sweep: stopped by %s; %s", signals_name(),
                elbo_last_error(c->ctx));
  if (status && status != ELBO_E_CHECK) return library_failed(c, status);
  char *why = strdup(status ? elbo_last_error(c->ctx) : "");
  int failed = make_report(c, s, report, sizeof report);
  print_result(c, s, failed ? "" : report);
  if (status) failed = fail(c, -status, "sweep: %s", why ? why : elbo_status_text(status));
  free(why);
  return failed;
}

static int cmd_sweep(cli *c)
{
  char epochs[48];
  elbo_sweep *s = NULL;
  int failed = open_context(c);
  if (failed) return failed;
  snprintf(epochs, sizeof epochs, "train.epochs=%llu", (unsigned long long)c->o.epochs);
  if (c->o.given & OPTION(O_EPOCHS)) c->o.set.items[c->o.set.n++] = epochs;
  elbo_status status =
      elbo_sweep_open(c->ctx, c->arguments[0], c->o.set.items, c->o.vary.items, c->o.output, &s);
  if (status) return library_failed(c, status);
  failed = c->o.dry_run ? dry_run(c, s) : run(c, s);
  elbo_sweep_free(s);
  return failed;
}

const command_row command_sweep = {
  .name = "sweep",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_VARY) | OPTION(O_SWEEP_OUT) | OPTION(O_JOBS) |
             OPTION(O_KEEP_GOING) | OPTION(O_DRY_RUN) | OPTION(O_PAGE_SAMPLES) | OPTION(O_EPOCHS),
  .required = OPTION(O_VARY) | OPTION(O_SWEEP_OUT),
  .summary = "a grid of experiments, and one table of them",
  .help = "Every combination of the values is a cell: an ordinary run in DIR, trained and\n"
          "evaluated in a process of its own. All cells are resolved before the first is\n"
          "trained. The table has means and standard errors over `seed`, best ELBO first.\n"
          "The same command again goes on where an earlier one stopped; what is done stays.\n"
          "A cell that fails is listed with its reason, the others go on, and the status\n"
          "is 1. An interrupt (Ctrl-C) saves what is running and ends with status 130.\n"
          "Values are YAML and split at commas outside of brackets, braces and quotes.\n"
          "\n"
          "Example:\n"
          "  elbo sweep mnist.yaml --vary model.q.z.family=normal,laplace --vary seed=1,2,3 -o s\n"
          "  elbo sweep mnist.yaml --vary model.p.z.size=2,20 --jobs 2 --epochs 3 -o sizes\n"
          "  elbo sweep mnist.yaml --vary 'model.q.z.net={hidden: [500]},{hidden: []}' -o nets "
          "-n\n",
  .run = cmd_sweep,
};
