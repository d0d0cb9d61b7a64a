/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several runs in one table, and the keys of their experiments that differ. */
#include "report/inside.h"

#include <string.h>

/* ---- differences */
static const char *value_of(const report_run *r, const char *path)
{
  for (size_t i = 0; i < r->n_values; i++)
    if (!strcmp(r->values[i].path, path)) return r->values[i].value;
  return NULL;
}

static bool same_words(const char *a, const char *b)
{
  return a == b || (a && b && !strcmp(a, b));
}

/* Keys in the order of the first run that has them. */
elbo_status report_differences(const elbo_report *r, const key_taker *taker, error *e)
{
  const char **values = mem_new(r->n, sizeof *values, "differences", e);
  for (size_t i = 0; i < r->n && values; i++)
    for (size_t k = 0; k < r->runs[i].n_values; k++) {
      const char *path = r->runs[i].values[k].path;
      bool told = false, same = true;
      for (size_t j = 0; j < i && !told; j++) told = value_of(&r->runs[j], path) != NULL;
      if (told) continue;
      for (size_t j = 0; j < r->n; j++) values[j] = value_of(&r->runs[j], path);
      for (size_t j = 1; j < r->n; j++) same &= same_words(values[j], values[0]);
      if (!same) taker->take(taker->to, path, values, r->n);
    }
  mem_free(values);
  return e->status;
}

typedef struct {
  text *t;
  size_t rows;
} differences;

static void add_difference(void *to, const char *path, const char *const *values, size_t n)
{
  differences *d = to;
  d->rows++;
  text_add(d->t, "<tr><th scope=\"row\">");
  svg_escape(d->t, path);
  text_add(d->t, "</th>");
  for (size_t i = 0; i < n; i++) page_element(d->t, "td", values[i] ? values[i] : "\xE2\x80\x93");
  text_add(d->t, "</tr>\n");
}

static void add_run_heads(const elbo_report *r, text *t, const char *first)
{
  text_format(t, "<thead><tr><th scope=\"col\">%s</th>", first);
  for (size_t i = 0; i < r->n; i++) {
    text_format(t, "<th scope=\"col\"><a href=\"#run-%zu\">", i + 1);
    svg_escape(t, r->runs[i].directory);
    text_add(t, "</a></th>");
  }
  text_add(t, "</tr></thead>\n<tbody>\n");
}

static void add_differences(elbo_report *r)
{
  text rows = { 0 };
  differences d = { .t = &rows };
  error e = { 0 };
  report_differences(r, &(key_taker){ &d, add_difference }, &e);
  page_section(&r->page, 3, "differences", 0, "What differs in their experiments");
  if (d.rows) {
    page_table(&r->page, "keys that differ");
    add_run_heads(r, &r->page, "key");
    text_add_n(&r->page, rows.s, rows.n);
    text_add(&r->page, "</tbody>");
    page_table_end(&r->page);
  } else {
    text_add(&r->page, "<p>Nothing: every key has the same value in all of them.</p>\n");
  }
  r->page.failed |= rows.failed || e.status;
  text_free(&rows);
}

/* ---- figures, a row a run */
static void add_number(text *t, double mean, double se, int decimals, bool improper)
{
  text_add(t, "<td class=\"n\">");
  page_mean(t, mean, se, decimals);
  if (!isnan(mean)) page_remark(t, improper);
  text_add(t, "</td>");
}

static void add_run(text *t, const report_run *r, size_t i, bool words)
{
  const elbo_evaluation *v = &r->figures;
  text_format(t, "<tr><th scope=\"row\"><a href=\"#run-%zu\">", i + 1);
  svg_escape(t, r->directory);
  text_format(t, "</a></th><td>%s,&nbsp;%zu</td>", v->split, v->rows);
  add_number(t, v->elbo, v->elbo_se, 2, v->improper);
  add_number(t, v->reconstruction, NAN, 2, v->improper);
  add_number(t, v->kl, NAN, 2, v->improper);
  add_number(t, v->log_likelihood, v->log_likelihood_se, 2, v->improper);
  add_number(t, v->ess, NAN, 1, v->improper);
  add_number(t, v->khat, NAN, 2, v->improper);
  add_number(t, v->bits_per_dim, NAN, 3, v->improper);
  text_add(t, "<td class=\"n\">");
  if (v->active_units >= 0)
    text_format(t, "%ld of %zu", v->active_units, v->n_numbers);
  else
    text_add(t, "\xE2\x80\x93");
  text_add(t, "</td>");
  if (words) page_element(t, "td class=\"w\"", v->likelihood);
  text_add(t, "</tr>\n");
}

static bool same_likelihood(const elbo_report *r)
{
  for (size_t i = 1; i < r->n; i++)
    if (strcmp(r->runs[i].figures.likelihood, r->runs[0].figures.likelihood)) return false;
  return true;
}

void report_side_by_side(elbo_report *r)
{
  static const char *const heads[] = { "ELBO",         "reconstruction", "KL",
                                       "log p(x)",     "eff. samples",   "Pareto k",
                                       "bits per dim", "active units" };
  text *t = &r->page;
  page_section(t, 2, "side-by-side", 0, "Side by side");
  text_add(t, "<p>Mean over rows \xC2\xB1 standard error, nats per row");
  if (r->o.samples) text_format(t, "; log p(x) by %ld importance samples", r->o.samples);
  text_add(t, ".</p>\n");
  bool same = same_likelihood(r);
  text_add(t, same ? "<p>The likelihood of all: " : "<p class=\"warn\">The likelihoods differ: ");
  svg_escape(t, same ? r->runs[0].figures.likelihood
                     : "numbers of different likelihoods are not of one scale");
  text_add(t, ".</p>\n");
  page_table(t, "figures of all runs");
  text_add(t, "<thead><tr><th scope=\"col\">run</th><th scope=\"col\">rows</th>");
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
    text_format(t, "<th scope=\"col\" class=\"n\">%s</th>", heads[i]);
  text_format(t, "%s</tr></thead>\n<tbody>\n", same ? "" : "<th scope=\"col\">likelihood</th>");
  for (size_t i = 0; i < r->n; i++) add_run(t, &r->runs[i], i, !same);
  text_add(t, "</tbody>");
  page_table_end(t);
  add_differences(r);
}
