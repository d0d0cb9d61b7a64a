/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

#include <elbo/compare.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };
typedef struct {
  char text[2048];
  const char *words[MOST + 1]; /* NULL-ended */
} word_list;

/* "a,b,c" cut at its commas. */
static const char *const *cut(const char *list, word_list *w)
{
  if (!list) return NULL;
  size_t n = 0;
  snprintf(w->text, sizeof w->text, "%s", list);
  for (char *s = w->text, *comma; s && n < MOST; s = comma) {
    comma = strchr(s, ',');
    if (comma) *comma++ = '\0';
    if (*s) w->words[n++] = s;
  }
  return w->words;
}

static int cut_numbers(cli *c, const char *list, long *to)
{
  word_list w = { 0 };
  const char *const *words = cut(list, &w);
  size_t n = 0;
  for (; words && words[n]; n++) {
    char *end;
    to[n] = strtol(words[n], &end, 10);
    if (*end || to[n] < 1 || to[n] > 100000)
      return fail(c, 2, "compare: --samples: expected whole numbers from 1 to 100000 with commas, found %s", quote(words[n]).text);
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

static void json_row(json *j, const elbo_compare_row *r)
{
  json_object(j, NULL);
  json_text(j, "estimator", r->estimator);
  json_text(j, "objective", r->objective[0] ? r->objective : NULL);
  json_integer(j, "samples", r->samples);
  if (r->reparam[0]) json_text(j, "reparam", r->reparam);
  json_text(j, "group", r->group);
  json_number(j, "mean_norm", r->mean_norm);
  json_number(j, "mean_norm_se", r->mean_norm_se);
  json_number(j, "variance", r->variance);
  json_number(j, "variance_se", r->variance_se);
  json_number(j, "snr", r->snr);
  json_number(j, "snr_se", r->snr_se);
  json_number(j, "bias", r->bias);
  json_number(j, "bias_chance", r->bias_chance);
  json_text(j, "verdict", r->verdict);
  json_number(j, "ms_per_gradient", r->ms_per_gradient);
  json_number(j, "work_variance", r->work_variance);
  json_text(j, "reference", r->reference[0] ? r->reference : NULL);
  json_text(j, "reason", r->reason[0] ? r->reason : NULL);
  json_object_end(j);
}

static void json_numbers(json *j, const char *name, const double *at, size_t n)
{
  json_array(j, name);
  for (size_t i = 0; i < n; i++) json_number(j, NULL, at[i]);
  json_array_end(j);
}

static void json_curves(json *j, const elbo_compare_result *result)
{
  json_array(j, "curves");
  for (size_t i = 0; i < result->n_curves; i++) {
    json_object(j, NULL);
    json_text(j, "label", result->curves[i].label);
    json_numbers(j, "seconds", result->curves[i].seconds, result->curves[i].n);
    json_numbers(j, "elbo", result->curves[i].elbo, result->curves[i].n);
    json_object_end(j);
  }
  json_array_end(j);
}

static void print_json(const elbo_compare_result *result)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_array(&j, "rows");
  for (size_t i = 0; i < result->n; i++) json_row(&j, &result->rows[i]);
  json_array_end(&j);
  if (result->n_curves) json_curves(&j, result);
  json_object_end(&j);
}

static void print_row(const elbo_compare_row *r)
{
  char name[80];
  snprintf(name, sizeof name, "%s%s%s", r->estimator, r->reparam[0] ? " by " : "", r->reparam);
  printf("%-24s %5ld  %-5s %10.4g %11.4g %9.2g %8.3g %10.3g %10.3g  %-11s %9.4g %11.4g\n", name, r->samples, r->objective, r->mean_norm,
         r->variance, r->variance_se, r->snr, r->bias, r->bias_chance, r->verdict ? r->verdict : "-", r->ms_per_gradient,
         r->work_variance);
}

/* The whole gradient of each estimator, or every group with --verbose; then what does not apply, and why. */
static void print_table(const cli *c, const elbo_compare_result *result)
{
  printf("%s%-24s %5s  %-5s %10s %11s %9s %8s %10s %10s  %-11s %9s %11s%s\n", bold(c), "estimator", "K", "bound", "|mean|", "variance",
         "+-", "snr", "bias", "by chance", "verdict", "ms", "var x ms", plain(c));
  const char *group = "all";
  for (size_t i = 0; i < result->n; i++) {
    const elbo_compare_row *r = &result->rows[i];
    bool all = !strcmp(r->group, "all");
    if (r->reason[0] || (!all && !c->o.verbose)) continue;
    if (c->o.verbose && strcmp(group, r->group)) printf("  %s\n", group = r->group);
    print_row(r);
  }
  for (size_t i = 0; i < result->n; i++)
    if (result->rows[i].reason[0])
      printf("%-24s %5ld  does not apply: %s\n", result->rows[i].estimator, result->rows[i].samples, result->rows[i].reason);
}

static void print_curves(const cli *c, const elbo_compare_result *result)
{
  if (!result->n_curves) return;
  printf("\n%s%-40s %12s %12s%s\n", bold(c), "trained with equal compute", "seconds", "ELBO", plain(c));
  for (size_t i = 0; i < result->n_curves; i++) {
    const elbo_compare_curve *v = &result->curves[i];
    if (v->n) printf("%-40s %12.2f %12.3f\n", v->label, v->seconds[v->n - 1], v->elbo[v->n - 1]);
  }
}

int cmd_compare(cli *c)
{
  word_list estimators = { 0 }, reparams = { 0 };
  long samples[MOST + 1] = { 0 };
  int failed = cut_numbers(c, c->o.list, samples);
  if (!failed) failed = open_experiment(c);
  if (failed) return failed;
  elbo_compare_options o = { .size = sizeof o, .from = c->o.init_from, .estimators = cut(c->o.estimators, &estimators),
                             .samples = c->o.list ? samples : NULL, .reparams = cut(c->o.reparams, &reparams),
                             .repeats = (long)c->o.repeats, .rows = (long)c->o.rows, .epochs = (long)c->o.epochs, .seed = c->o.seed, .stop = signals_stop,
                             .progress = c->o.quiet ? NULL : show_progress, .user = c };
  elbo_compare_result result;
  signals_catch();
  elbo_status status = elbo_compare(c->x, &o, &result);
  progress_clear(c);
  if (status == ELBO_E_STOPPED && signals_status())
    return fail(c, signals_status(), "compare: stopped by %s; nothing was written", signals_name());
  if (!status && c->o.output) status = elbo_compare_write(c->x, &result, c->o.output);
  if (status) return library_failed(c, status);
  if (c->o.json)
    print_json(&result);
  else
    print_table(c, &result), print_curves(c, &result);
  return 0;
}
