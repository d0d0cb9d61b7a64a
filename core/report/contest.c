/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `elbo compare -o RUN` left in the run's folder. The file may come from anywhere: a row is
 * shown as far as its members are of the kind they should be. */
#include "base/file.h"
#include "io/json.h"
#include "report/inside.h"

#include <string.h>

static const char *word_at(const json_value *row, const char *key)
{
  const json_value *v = json_get(row, key);
  return v && json_kind_of(v) == JSON_STRING ? json_text(v) : NULL;
}

static const json_value *list_at(const json_value *v, const char *key)
{
  const json_value *list = json_kind_of(v) == JSON_OBJECT ? json_get(v, key) : NULL;
  return list && json_kind_of(list) == JSON_ARRAY ? list : NULL;
}

/* ---- the table */
static const struct {
  const char *head, *key, *se;
} numbers[] = {
  { "K", "samples", NULL },
  { "variance", "variance", "variance_se" },
  { "snr", "snr", "snr_se" },
  { "bias", "bias", NULL },
  { "by chance", "bias_chance", NULL },
  { "ms", "ms_per_gradient", "ms_se" },
  { "variance \xC3\x97 ms", "work_variance", "work_variance_se" },
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static void add_digits(text *t, double v, int digits)
{
  if (isfinite(v))
    text_number(t, v, digits);
  else
    text_add(t, "\xE2\x80\x93");
}

static void add_name(text *t, const json_value *row)
{
  const char *name = word_at(row, "estimator"), *road = word_at(row, "reparam");
  const char *noise = word_at(row, "noise");
  text_add(t, "<tr><th scope=\"row\">");
  svg_escape(t, name ? name : "\xE2\x80\x93");
  if (road) text_add(t, " by "), svg_escape(t, road);
  if (noise && strcmp(noise, "iid")) text_add(t, ", "), svg_escape(t, noise);
  text_add(t, "</th>");
}

static void add_row(text *t, const json_value *row)
{
  const char *group = word_at(row, "group"), *reason = word_at(row, "reason");
  const char *bound = word_at(row, "objective"), *verdict = word_at(row, "verdict");
  if (!group || strcmp(group, "all")) return;
  add_name(t, row);
  page_element(t, "td", bound ? bound : "\xE2\x80\x93");
  for (int i = 0; i < NUMBERS; i++) {
    text_add(t, "<td class=\"n\">");
    double se = numbers[i].se ? json_number_of(json_get(row, numbers[i].se)) : NAN;
    add_digits(t, json_number_of(json_get(row, numbers[i].key)), 4);
    if (isfinite(se)) text_add(t, " <span class=\"se\">\xC2\xB1 "), text_number(t, se, 2);
    text_format(t, "%s</td>", isfinite(se) ? "</span>" : "");
  }
  page_element(t, reason ? "td class=\"w\"" : "td",
               reason    ? reason
               : verdict ? verdict
                         : "\xE2\x80\x93");
  text_add(t, "</tr>\n");
}

static void add_table(gather *g, const json_value *rows)
{
  text *t = g->t;
  page_table(t, "gradient estimators");
  text_add(t, "<thead><tr><th scope=\"col\">estimator</th><th scope=\"col\">bound</th>");
  for (int i = 0; i < NUMBERS; i++)
    text_format(t, "<th scope=\"col\" class=\"n\">%s</th>", numbers[i].head);
  text_add(t, "<th scope=\"col\">verdict</th></tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < json_length(rows); i++)
    if (json_kind_of(json_item(rows, i)) == JSON_OBJECT) add_row(t, json_item(rows, i));
  text_add(t, "</tbody>");
  page_table_end(t);
}

/* ---- training with equal compute */
static const double *numbers_of(gather *g, const json_value *list)
{
  double *to = arena_get(g->of->arena, json_length(list), sizeof *to, g->e);
  for (size_t i = 0; to && i < json_length(list); i++) to[i] = json_number_of(json_item(list, i));
  return to;
}

static void take_curve(gather *g, const json_value *from, svg_curve *to)
{
  bool object = json_kind_of(from) == JSON_OBJECT;
  const json_value *x = object ? list_at(from, "seconds") : NULL;
  const json_value *y = object ? list_at(from, "elbo") : NULL;
  const char *label = object ? word_at(from, "label") : NULL;
  *to = (svg_curve){ .label = label ? label : "" };
  if (!x || !y || json_length(x) != json_length(y)) return;
  to->x = numbers_of(g, x);
  to->y = numbers_of(g, y);
  if (!g->e->status) to->n = json_length(x);
}

static void add_curves(gather *g, const json_value *list)
{
  size_t n = json_length(list);
  svg_curve *c = n ? arena_get(g->of->arena, n, sizeof *c, g->e) : NULL;
  if (!c) return;
  for (size_t i = 0; i < n; i++) take_curve(g, json_item(list, i), &c[i]);
  if (g->e->status) return;
  text_add(g->t, "<figure class=\"cloud\">\n");
  page_legend(g->t, c, n);
  svg_curves_part(g->t, "ELBO against seconds, trained by each estimator with equal compute",
                  "seconds of training steps", "ELBO, nats per row", c, n, g->e);
  text_add(g->t, "<p class=\"read\" aria-live=\"polite\" data-axis=\"seconds\"></p>\n");
  page_caption(g->t, "Trained by each estimator with equal compute.");
}

/* ---- the section */
static void add_contest(gather *g, const json_value *v)
{
  const json_value *rows = list_at(v, "rows"), *lines = list_at(v, "curves");
  if (rows) {
    text_add(g->t, "<p>From compare.json: gradients at the same parameters and rows; of each "
                   "estimator the whole gradient, smallest variance times milliseconds first");
    double repeats = json_number_of(json_get(v, "repeats")),
           noise = json_number_of(json_get(v, "snr_noise"));
    if (isfinite(repeats)) text_format(g->t, "; %.0f gradients each", repeats);
    if (isfinite(noise)) text_format(g->t, "; snr of noise alone %.2g", noise);
    text_add(g->t, ".</p>\n");
    add_table(g, rows);
  }
  if (lines) add_curves(g, lines);
  if (!rows && !lines)
    text_add(g->t, "<p class=\"note\">compare.json holds neither \"rows\" nor \"curves\".</p>\n");
}

void report_contest(gather *g)
{
  enum { MOST = 16 << 20 };
  char *at = NULL, why[128] = "", *path = path_join(g->of->directory, "compare.json", g->e);
  size_t n;
  bool there = false;
  if (path && !file_look(path, &there, g->e) && there) {
    page_section(g->t, 3, "estimators", g->report->done + 1, "Gradient estimators");
    json_value *v = NULL;
    if (!file_read_all(path, MOST, ELBO_E_FILES, &at, &n, g->e) &&
        !(v = json_read(at, n, why, sizeof why)))
      fail(g->e, ELBO_E_DATA, "compare.json is no JSON: %s", why);
    if (v) add_contest(g, v);
    json_free(v);
    report_excuse(g, "comparison of estimators");
  }
  mem_free(at);
  mem_free(path);
}
