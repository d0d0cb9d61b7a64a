/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compare_table.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };
typedef struct {
  char text[2048];
  const char *words[MOST + 1]; /* NULL-ended */
} word_list;

/* "a,b,c" cut at its commas, none of its entries empty; NULL stays NULL. */
static int cut(cli *c, const char *option, const char *list, word_list *w)
{
  int n = 0, room = snprintf(w->text, sizeof w->text, "%s", list ? list : "");
  for (char *s = list ? w->text : NULL, *comma; s; s = comma) {
    comma = strchr(s, ',');
    if (comma) *comma++ = '\0';
    if (n == MOST || room >= (int)sizeof w->text)
      return fail(c, 2, "compare: %s: more than %d entries, or %zu letters; compare in parts",
                  option, MOST, sizeof w->text - 1);
    if (!*s)
      return fail(c, 2,
                  "compare: %s: entry %d of %s is empty; expected words with a comma between two",
                  option, n + 1, quote(list).text);
    w->words[n++] = s;
  }
  return 0;
}

static int cut_numbers(cli *c, const char *list, long *to)
{
  word_list w = { 0 };
  if (cut(c, "--samples", list, &w)) return 2;
  for (size_t n = 0; w.words[n]; n++) {
    char *end;
    to[n] = strtol(w.words[n], &end, 10);
    if (*end || to[n] < 1 || to[n] > 100000)
      return fail(
          c, 2,
          "compare: --samples: entry %zu is %s; expected whole numbers from 1 to 100000 with "
          "commas",
          n + 1, quote(w.words[n]).text);
  }
  return 0;
}

static void show_progress(void *user, const char *what, double fraction, double left)
{
  cli *c = user;
  char line[256], time[32];
  if (!c->progress) return;
  duration_text(left, time, sizeof time);
  snprintf(line, sizeof line, "%3.0f %%  %s  %s left", 100 * fraction, what, time);
  progress_show(c, line);
}

static void print_curves(const cli *c, const elbo_compare_result *result)
{
  if (!result->n_curves) return;
  printf("\n%s%-40s %12s %12s %12s%s\n", bold(c), "trained with equal compute", "steps", "seconds",
         "ELBO", plain(c));
  for (size_t i = 0; i < result->n_curves; i++) {
    const elbo_compare_curve *v = &result->curves[i];
    if (v->n)
      printf("%-40s %12ld %12.3g %12.3f\n", v->label, v->steps, v->seconds[v->n - 1],
             v->elbo[v->n - 1]);
  }
}

static int print_json(cli *c, const elbo_compare_result *result)
{
  const char *text = elbo_compare_json(c->x, result);
  if (!text) return library_failed(c, ELBO_E_MEMORY);
  fputs(text, stdout);
  return 0;
}

static int give(cli *c, const elbo_compare_result *result)
{
  elbo_status status = c->o.output ? elbo_compare_write(c->x, result, c->o.output) : ELBO_DONE;
  if (status) return library_failed(c, status);
  if (c->o.json) return print_json(c, result);
  compare_table_print(c, result);
  print_curves(c, result);
  return 0;
}

static int cmd_compare(cli *c)
{
  word_list estimators = { 0 }, reparams = { 0 };
  long samples[MOST + 1] = { 0 };
  if (cut_numbers(c, c->o.list, samples) || cut(c, "--estimators", c->o.estimators, &estimators) ||
      cut(c, "--reparam", c->o.reparams, &reparams))
    return 2;
  int failed = open_experiment(c);
  if (failed) return failed;
  elbo_compare_options o = {
    .size = sizeof o,
    .from = c->o.init_from,
    .estimators = c->o.estimators ? estimators.words : NULL,
    .samples = c->o.list ? samples : NULL,
    .reparams = c->o.reparams ? reparams.words : NULL,
    .repeats = (long)c->o.repeats,
    .rows = (long)c->o.rows,
    .epochs = (long)c->o.epochs,
    .seed = c->o.seed,
    .stop = signals_stop,
    .progress = c->o.quiet ? NULL : show_progress,
    .user = c,
  };
  elbo_compare_result result;
  signals_catch();
  elbo_status status = elbo_compare(c->x, &o, &result);
  progress_clear(c);
  bool cut_short = status == ELBO_E_STOPPED && signals_status() && result.n > 0;
  if (status == ELBO_E_STOPPED && signals_status() && !cut_short)
    return fail(c, signals_status(), "compare: stopped by %s before the first estimator was done",
                signals_name());
  if (status && !cut_short) return library_failed(c, status);
  failed = give(c, &result);
  if (failed || !cut_short) return failed;
  return fail(c, signals_status(), "compare: stopped by %s; what was done till then is %s",
              signals_name(), c->o.output ? "written" : "above");
}

const command_row command_compare = {
  .name = "compare",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_SEED_OF_DRAWS) | OPTION(O_FROM) | OPTION(O_ESTIMATORS) |
             OPTION(O_SAMPLES_LIST) | OPTION(O_REPARAMS) | OPTION(O_REPEATS) | OPTION(O_BATCH) |
             OPTION(O_FOLDER_OUT) | OPTION(O_TRAIN_EACH) | OPTION(O_ALL_GROUPS),
  .summary = "gradient estimators side by side: variance, bias, cost",
  .help = "At fixed parameters and one fixed minibatch every estimator gives R\n"
          "independent gradients. The table is sorted by variance times time, the number\n"
          "that decides; --verbose shows every group of parameters and the references.\n"
          "\n"
          "The verdict on bias comes from Welch's t-tests on 64 random +-1 projections of\n"
          "each group against an independent reference of the same objective: the exact\n"
          "sum, or 4 R gradients of another unbiased estimator. Holm's correction runs\n"
          "over all groups of one estimator: the chance that any group of an unbiased one\n"
          "is called biased is at most 0.001. `unbiased` is said where a bias of half the\n"
          "gradient's norm, spread over its numbers, would have been found with\n"
          "probability over 0.97; else `cannot tell`: take more --repeats.\n"
          "\n"
          "Example:\n"
          "  elbo compare mnist.yaml --estimators sgvb_a,sgvb_b,stl --samples 1,10 -o compared\n"
          "  elbo compare mnist.yaml --estimators iwae,dreg --samples 10 --train 5 -o compared\n"
          "  elbo compare mnist.yaml --from runs/aevb-mnist --repeats 200\n",
  .run = cmd_compare,
};
