/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A comparison as files: compare.json, compare.csv, and compare.svg, variance against cost. */
#include "base/file.h"
#include "infer/context.h"
#include "io/json.h"
#include "io/picture.h"

#include <elbo/compare.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The columns, once for both files. */
typedef struct column {
  const char *name;
  size_t at;
  enum { WORD, POINTER, COUNT, NUMBER } kind;
} column;
#define ROW(member) offsetof(elbo_compare_row, member)
static const column columns[] = {
  { "estimator", ROW(estimator), WORD },
  { "objective", ROW(objective), WORD },
  { "samples", ROW(samples), COUNT },
  { "noise", ROW(noise), WORD },
  { "reparam", ROW(reparam), WORD },
  { "group", ROW(group), WORD },
  { "mean_norm", ROW(mean_norm), NUMBER },
  { "mean_norm_se", ROW(mean_norm_se), NUMBER },
  { "variance", ROW(variance), NUMBER },
  { "variance_se", ROW(variance_se), NUMBER },
  { "snr", ROW(snr), NUMBER },
  { "snr_se", ROW(snr_se), NUMBER },
  { "bias", ROW(bias), NUMBER },
  { "bias_chance", ROW(bias_chance), NUMBER },
  { "verdict", ROW(verdict), POINTER },
  { "ms_per_gradient", ROW(ms_per_gradient), NUMBER },
  { "ms_se", ROW(ms_se), NUMBER },
  { "work_variance", ROW(work_variance), NUMBER },
  { "work_variance_se", ROW(work_variance_se), NUMBER },
  { "reference", ROW(reference), WORD },
  { "reason", ROW(reason), WORD },
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static const char *word_of(const elbo_compare_row *r, const column *c)
{
  const char *at = (const char *)r + c->at;
  if (c->kind != POINTER) return *at ? at : NULL;
  const char *word;
  memcpy(&word, at, sizeof word);
  return word;
}

static double number_of(const elbo_compare_row *r, const column *c)
{
  const char *at = (const char *)r + c->at;
  double v;
  long n;
  if (c->kind == COUNT) {
    memcpy(&n, at, sizeof n);
    return (double)n;
  }
  memcpy(&v, at, sizeof v);
  return v;
}

static void add_numbers(json_out *j, const char *name, const double *at, size_t n)
{
  json_open(j, name, '[');
  for (size_t i = 0; i < n; i++) json_number(j, NULL, at[i]);
  json_close(j, ']');
}

static void add_curves(const elbo_compare_result *result, json_out *j)
{
  json_open(j, "curves", '[');
  for (size_t i = 0; i < result->n_curves; i++) {
    json_open(j, NULL, '{');
    json_string(j, "label", result->curves[i].label);
    json_int(j, "steps", result->curves[i].steps);
    add_numbers(j, "seconds", result->curves[i].seconds, result->curves[i].n);
    add_numbers(j, "elbo", result->curves[i].elbo, result->curves[i].n);
    json_close(j, '}');
  }
  json_close(j, ']');
}

static void add_json(const elbo_compare_result *result, text *t)
{
  json_out j;
  json_begin(&j, t);
  json_open(&j, NULL, '{');
  json_int(&j, "repeats", result->repeats);
  json_number(&j, "snr_noise", result->snr_noise);
  json_open(&j, "rows", '[');
  for (size_t i = 0; i < result->n; i++) {
    json_open(&j, NULL, '{');
    for (int c = 0; c < COLUMNS; c++)
      if (columns[c].kind == NUMBER)
        json_number(&j, columns[c].name, number_of(&result->rows[i], &columns[c]));
      else if (columns[c].kind == COUNT)
        json_int(&j, columns[c].name, (int64_t)number_of(&result->rows[i], &columns[c]));
      else
        json_string(&j, columns[c].name, word_of(&result->rows[i], &columns[c]));
    json_close(&j, '}');
  }
  json_close(&j, ']');
  if (result->n_curves) add_curves(result, &j);
  json_close(&j, '}');
  text_add(t, "\n");
}

const char *elbo_compare_json(elbo_experiment *x, const elbo_compare_result *result)
{
  error *e = context_enter(x->ctx);
  text_free(&x->compared_json);
  add_json(result, &x->compared_json);
  if (!x->compared_json.failed) return x->compared_json.s;
  fail(e, ELBO_E_MEMORY, "no memory for the comparison as JSON; free some memory");
  return NULL;
}

static void add_quoted(text *t, const char *s)
{
  if (!s) return;
  text_add(t, "\"");
  for (; *s; s++) text_format(t, *s == '"' ? "\"\"" : "%c", *s);
  text_add(t, "\"");
}

static void add_csv(const elbo_compare_result *result, text *t)
{
  for (int c = 0; c < COLUMNS; c++) text_format(t, "%s%s", c ? "," : "", columns[c].name);
  text_add(t, "\n");
  for (size_t i = 0; i < result->n; i++) {
    for (int c = 0; c < COLUMNS; c++) {
      if (c) text_add(t, ",");
      double v = columns[c].kind < COUNT ? 0 : number_of(&result->rows[i], &columns[c]);
      if (columns[c].kind < COUNT)
        add_quoted(t, word_of(&result->rows[i], &columns[c]));
      else if (!isnan(v))
        text_shortest(t, v);
    }
    text_add(t, "\n");
  }
}

static elbo_status write_text(const char *directory, const char *name, text *t, error *e)
{
  char *path = path_join(directory, name, e);
  if (path && t->failed)
    fail(e, ELBO_E_MEMORY,
         "%s: no memory to write it; free some memory, or compare fewer "
         "estimators at a time",
         path);
  else if (path)
    file_write_whole(path, t->s, t->n, e);
  mem_free(path);
  text_free(t);
  return e->status;
}

static void add_mark(svg_mark *to, const elbo_compare_row *r)
{
  bool biased = r->verdict && !strcmp(r->verdict, "biased"), iid = !strcmp(r->noise, "iid");
  *to = (svg_mark){ .x = r->ms_per_gradient, .y = r->variance, .spread = r->variance_se };
  snprintf(to->label, sizeof to->label, "%s%s%s%s%s, K %ld%s%s", r->estimator,
           r->reparam[0] ? " by " : "", r->reparam, iid ? "" : ", ", iid ? "" : r->noise,
           r->samples, biased ? " (biased)" : "", r->variance > 0 ? "" : ": variance 0");
}

/* Those that a logarithm can place first. */
static elbo_status write_marks(const elbo_compare_result *result, const char *path,
                               const char *title, error *e)
{
  svg_mark *marks = mem_new(result->n + 1, sizeof *marks, "the picture", e);
  size_t n = 0;
  for (int zero = 0; marks && zero < 2; zero++)
    for (size_t i = 0; i < result->n; i++) {
      const elbo_compare_row *r = &result->rows[i];
      if (!strcmp(r->group, "all") && (zero ? r->variance == 0 : r->variance > 0))
        add_mark(&marks[n++], r);
    }
  if (marks && n)
    svg_marks(path, title, "milliseconds per gradient", "variance of one gradient", marks, n, e);
  mem_free(marks);
  return e->status;
}

static elbo_status write_curves(const elbo_compare_result *result, const char *path,
                                const char *title, error *e)
{
  svg_curve *curves = mem_new(result->n_curves, sizeof *curves, "the picture", e);
  for (size_t i = 0; curves && i < result->n_curves; i++) {
    const elbo_compare_curve *from = &result->curves[i];
    curves[i] = (svg_curve){ from->label, from->seconds, from->elbo, from->n };
  }
  if (curves)
    svg_curves(path, title, "seconds of training steps", "ELBO, nats per row", curves,
               result->n_curves, e);
  mem_free(curves);
  return e->status;
}

static elbo_status draw(const elbo_compare_result *result, const char *directory, const char *title,
                        error *e)
{
  char *marks = path_join(directory, "compare.svg", e),
       *curves = path_join(directory, "compare_train.svg", e);
  if (marks && curves && !write_marks(result, marks, title, e) && result->n_curves)
    write_curves(result, curves, title, e);
  mem_free(marks), mem_free(curves);
  return e->status;
}

elbo_status elbo_compare_write(elbo_experiment *x, const elbo_compare_result *result,
                               const char *directory)
{
  error *e = context_enter(x->ctx);
  text json = { 0 }, csv = { 0 };
  if (dir_make(directory, e)) return e->status;
  add_json(result, &json);
  add_csv(result, &csv);
  if (write_text(directory, "compare.json", &json, e))
    text_free(&csv);
  else if (!write_text(directory, "compare.csv", &csv, e))
    draw(result, directory, x->study->x->name, e);
  return e->status;
}
