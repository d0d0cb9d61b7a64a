/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One run, opened: its figures and its section of the page. */
#include "base/file.h"
#include "io/json.h"
#include "report/inside.h"

#include <string.h>

bool report_stopped(const elbo_report *r, error *e)
{
  if (r->o.stop && r->o.stop(r->o.user))
    fail(e, ELBO_E_STOPPED, "the report was stopped after %zu of %zu runs", r->done, r->n);
  return e->status == ELBO_E_STOPPED;
}

elbo_status report_excuse(gather *g, const char *what)
{
  elbo_status status = g->e->status;
  if (!status || status == ELBO_E_MEMORY || status == ELBO_E_STOPPED || status == ELBO_E_FILES)
    return status;
  text_format(g->t, "<p class=\"note\">No %s: ", what);
  svg_escape(g->t, g->e->text);
  text_add(g->t, "</p>\n");
  error_clear(g->e);
  return ELBO_DONE;
}

static bool evaluation_stop(void *user)
{
  const elbo_report *r = user;
  return r->o.stop && r->o.stop(r->o.user);
}

/* Nearly all of the time goes to the importance samples. */
static void evaluation_progress(void *user, double fraction)
{
  const elbo_report *r = user;
  if (r->o.progress)
    r->o.progress(r->o.user, r->runs[r->done].directory,
                  ((double)r->done + 0.9 * fraction) / (double)r->n);
}

/* ---- what stays when the run is closed */
static const double *copy_doubles(gather *g, const double *from, size_t n)
{
  double *to = arena_get(g->of->arena, n, sizeof *to, g->e);
  if (to) memcpy(to, from, n * sizeof *to);
  return to;
}

static elbo_status evaluate(gather *g)
{
  elbo_report *r = g->report;
  elbo_evaluation *f = &g->of->figures;
  elbo_evaluate_options o = { .size = sizeof o,
                              .samples = r->o.samples,
                              .seed = r->o.seed,
                              .stop = evaluation_stop,
                              .progress = evaluation_progress,
                              .user = r };
  if (elbo_run_evaluate(g->run, &o, f)) return g->e->status;
  f->kl_per_latent = copy_doubles(g, f->kl_per_latent, f->n_latents);
  f->mean_variance = copy_doubles(g, f->mean_variance, f->n_numbers);
  f->likelihood = arena_string(g->of->arena, f->likelihood, g->e);
  if (f->bits_reason) f->bits_reason = arena_string(g->of->arena, f->bits_reason, g->e);
  return g->e->status ? g->e->status : report_name_latents(g);
}

static elbo_status read_summary(gather *g)
{
  enum { MOST = 1 << 20 };
  char *at = NULL, why[128], *path = path_join(g->of->directory, "summary.json", g->e);
  size_t n;
  bool there = false;
  if (path && !file_look(path, &there, g->e) && there &&
      !file_read_all(path, MOST, ELBO_E_FILES, &at, &n, g->e)) {
    json_value *v = json_read(at, n, why, sizeof why);
    const json_value *words = v && json_kind_of(v) == JSON_OBJECT ? json_get(v, "versions") : NULL;
    if (words && json_kind_of(words) == JSON_STRING)
      g->of->versions = arena_string(g->of->arena, json_text(words), g->e);
    json_free(v);
  }
  mem_free(at);
  mem_free(path);
  return g->e->status;
}

static elbo_status read_metrics(gather *g)
{
  char *path = path_join(g->of->directory, "metrics.jsonl", g->e);
  bool there = false;
  if (path && !file_look(path, &there, g->e) && there) curves_read(path, &g->of->curves, g->e);
  mem_free(path);
  return g->e->status;
}

static elbo_status keep(gather *g)
{
  const text *resolved = &g->run->study->resolved;
  report_run *of = g->of;
  experiment_value *values;
  of->name = arena_string(of->arena, elbo_run_name(g->run), g->e);
  if (!of->name || read_summary(g) || read_metrics(g) || evaluate(g)) return g->e->status;
  experiment_values(resolved->s, resolved->n, of->arena, &values, &of->n_values, g->e);
  of->values = values;
  return g->e->status;
}

/* ---- the section */
static void add_plan_line(text *t, char *line)
{
  char *words = strstr(line, ": ");
  if (words) *words = '\0', words += 2;
  bool warning = !strcmp(line, "warning");
  text_add(t, "<tr><th scope=\"row\">");
  svg_escape(t, line);
  text_format(t, "</th><td%s>", warning ? " class=\"warn\"" : "");
  svg_escape(t, words ? words : "");
  text_add(t, "</td></tr>\n");
}

static void add_plan(gather *g)
{
  text plan = { 0 };
  if (model_plan(g->run->study->model, &plan, g->e)) return text_free(&plan);
  page_section(g->t, 3, "plan", g->report->done + 1, "Resolved plan");
  text_add(g->t, "<div class=\"plan\">");
  page_table(g->t, "resolved plan");
  text_add(g->t, "<tbody>\n");
  for (char *line = plan.s, *end; line && *line; line = end) {
    end = strchr(line, '\n');
    if (end) *end++ = '\0';
    add_plan_line(g->t, line);
  }
  text_add(g->t, "</tbody>");
  page_table_end(g->t);
  text_add(g->t, "</div>\n");
  g->t->failed |= plan.failed;
  text_free(&plan);
}

static const char *word_at(const json_value *v, const char *key)
{
  const json_value *word = v && json_kind_of(v) == JSON_OBJECT ? json_get(v, key) : NULL;
  return word && json_kind_of(word) == JSON_STRING ? json_text(word) : "\xE2\x80\x93";
}

static void add_versions(gather *g)
{
  text here = { 0 };
  char why[128];
  if (versions_text(g->report->ctx, &here, g->e)) return text_free(&here);
  const char *trained = g->of->versions ? g->of->versions : "{}";
  json_value *now = json_read(here.s, here.n, why, sizeof why);
  json_value *then = json_read(trained, strlen(trained), why, sizeof why);
  page_table(g->t, "versions");
  text_add(g->t, "<thead><tr><th scope=\"col\">versions</th><th scope=\"col\">trained by</th>"
                 "<th scope=\"col\">this report by</th></tr></thead>\n<tbody>\n");
  for (const char *key = now ? json_key_after(now, NULL) : NULL; key;
       key = json_key_after(now, key)) {
    text_add(g->t, "<tr><th scope=\"row\">");
    svg_escape(g->t, !strcmp(key, "kernels") ? "kernel set" : key);
    text_add(g->t, "</th>");
    page_element(g->t, "td", word_at(then, key));
    page_element(g->t, "td", word_at(now, key));
    text_add(g->t, "</tr>\n");
  }
  text_add(g->t, "</tbody>");
  page_table_end(g->t);
  if (!g->of->versions)
    text_add(g->t, "<p class=\"note\">The run has no summary: training has not ended, so what it "
                   "was trained by is not known.</p>\n");
  json_free(now);
  json_free(then);
  text_free(&here);
}

/* As a word of a shell. */
static void add_shell_word(text *t, const char *s)
{
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=";
  text word = { 0 };
  bool quote = strspn(s, plain) != strlen(s);
  if (quote) text_add(&word, "'");
  for (; *s; s++) text_format(&word, *s == '\'' ? "'\\''" : "%c", *s);
  if (quote) text_add(&word, "'");
  svg_escape(t, word.s ? word.s : "''");
  t->failed |= word.failed;
  text_free(&word);
}

static void add_reproduction(gather *g)
{
  text *t = g->t;
  const elbo_report_options *o = &g->report->o;
  page_section(t, 3, "again", g->report->done + 1, "How to get it again");
  text_format(t,
              "<p>Seed %llu. The run's own experiment.yaml, trained by the same build on the same "
              "kernel set, gives the same bits, whatever the number of threads:</p>\n<pre><code>"
              "elbo train ",
              (unsigned long long)g->run->study->x->seed);
  text file = { 0 };
  text_format(&file, "%s/experiment.yaml", g->of->directory);
  add_shell_word(t, file.s ? file.s : "");
  text_free(&file);
  text_add(t, " -o again\nelbo evaluate ");
  add_shell_word(t, g->of->directory);
  text_format(t, " --samples %ld --seed %llu</code></pre>\n", o->samples,
              (unsigned long long)o->seed);
  add_versions(g);
  text_add(t,
           "<details><summary>experiment.yaml, every default written out</summary>\n<pre><code>");
  svg_escape(t, g->run->study->resolved.s);
  text_add(t, "</code></pre></details>\n");
}

/* Panels stand side by side where there is room. */
static const struct {
  void (*add)(gather *g);
  bool panel;
} parts[] = {
  { add_plan, false },         { report_figures, true }, { report_units, true },
  { report_audit, false },     { report_samples, true }, { report_reconstructions, true },
  { report_manifold, true },   { report_view, true },    { report_contest, false },
  { add_reproduction, false },
};
enum { PARTS = sizeof parts / sizeof *parts };

static void add_part(gather *g, size_t k)
{
  bool before = k > 0 && parts[k - 1].panel, after = k + 1 < PARTS && parts[k + 1].panel;
  if (parts[k].panel && !before) text_add(g->t, "<div class=\"panels\">\n");
  size_t start = g->t->n;
  if (parts[k].panel) text_add(g->t, "<section>\n");
  size_t empty = g->t->n;
  parts[k].add(g);
  if (parts[k].panel && g->t->n > empty)
    text_add(g->t, "</section>\n");
  else if (parts[k].panel && g->t->s)
    g->t->s[g->t->n = start] = '\0';
  if (parts[k].panel && !after) text_add(g->t, "</div>\n");
}

elbo_status report_gather(elbo_report *r, size_t i, error *e)
{
  gather g = { .report = r, .of = &r->runs[i], .t = &r->runs[i].body, .e = e };
  r->done = i;
  if (!(g.of->arena = arena_new(e)) || elbo_run_open(r->ctx, g.of->directory, NULL, NULL, &g.run))
    return e->status;
  if (!keep(&g))
    for (size_t k = 0; k < PARTS && !e->status && !report_stopped(r, e); k++) add_part(&g, k);
  if (e->status && r->n > 1) error_prefix(e, "%s", g.of->directory);
  elbo_run_free(g.run);
  r->done = i + 1;
  return e->status;
}
