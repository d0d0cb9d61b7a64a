/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Held-out figures as a table, and the KL of each latent as bars. */
#include "report/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table */
typedef struct {
  const char *head, *unit;
  double mean, se;
  int decimals;
  const char *about;
  const char *missing; /* a row even without a number, and why; NULL: then no row */
} figure;

static void add_figure(text *t, const figure *f, bool improper)
{
  if (isnan(f->mean) && !f->missing) return;
  text_add(t, "<tr><th scope=\"row\">");
  svg_escape(t, f->head);
  text_add(t, " <span class=\"of\">");
  svg_escape(t, isnan(f->mean) ? f->missing : f->about);
  text_add(t, "</span></th><td class=\"n\">");
  page_mean(t, f->mean, f->se, f->decimals);
  text_format(t, "%s", f->unit);
  page_remark(t, improper && !isnan(f->mean));
  text_add(t, "</td></tr>\n");
}

static void add_rows(text *t, const elbo_evaluation *v)
{
  char samples[96], active[96];
  snprintf(samples, sizeof samples, "importance-sampled, K = %ld: in expectation at most log p(x)",
           v->samples);
  snprintf(active, sizeof active, "of %zu latent numbers: E[z|x] varies over the rows",
           v->n_numbers);
  const figure all[] = {
    { "ELBO", "", v->elbo, v->elbo_se, 2, "mean over rows \xC2\xB1 standard error" },
    { "reconstruction", "", v->reconstruction, NAN, 2, "E[log p(x|z)] under q" },
    { "KL", "", v->kl, NAN, 2, "of q(z|x) from p(z)" },
    { "log p(x)", "", v->log_likelihood, v->log_likelihood_se, 2, samples },
    { "effective samples", "", v->ess, NAN, 1, "of the K, mean over rows" },
    { "Pareto k", "", v->khat, NAN, 2, "of the largest weights, mean over rows" },
    { "above 0.7", " %", 100 * v->khat_heavy, NAN, 1, "rows whose log p(x) is not to be trusted" },
    { "bits per dimension", "", v->bits_per_dim, NAN, 3,
      "from log p(x) where it was sampled, else "
      "the ELBO",
      v->bits_reason },
    { "active units", "", v->active_units < 0 ? NAN : (double)v->active_units, NAN, 0, active },
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) add_figure(t, &all[i], v->improper);
}

void report_figures(gather *g)
{
  const elbo_evaluation *v = &g->of->figures;
  page_section(g->t, 3, "figures", g->report->done + 1, "Evaluation");
  text_format(g->t, "<p>%zu rows of the %s set; nats per row.</p>\n", v->rows, v->split);
  page_table(g->t, "evaluation");
  text_add(g->t,
           "<thead><tr><th scope=\"col\">figure</th><th scope=\"col\" class=\"n\">value</th></tr>"
           "</thead>\n<tbody>\n");
  add_rows(g->t, v);
  text_add(g->t, "</tbody>");
  page_table_end(g->t);
}

/* ---- names of latents, and which are active */
static const variable *latent_of(const gather *g, int i)
{
  const model *m = g->run->study->model;
  return &m->variable[m->q_order[i]];
}

static const char *unit_name(gather *g, const variable *z, size_t event)
{
  if (z->d == 1) return arena_string(g->of->arena, z->name, g->e);
  return arena_format(g->of->arena, g->e, "%s[%zu]", z->name, event);
}

elbo_status report_name_latents(gather *g)
{
  report_run *of = g->of;
  size_t n = of->figures.n_latents, unit = 0, number = 0;
  const char **names = arena_get(of->arena, n, sizeof *names, g->e);
  bool *active = arena_get(of->arena, n, sizeof *active, g->e);
  if (!names || !active) return g->e->status;
  for (int i = 0; i < g->run->study->model->n_q; i++) {
    const variable *z = latent_of(g, i);
    for (size_t j = 0; j < z->d && !g->e->status; j++, unit++) {
      names[unit] = unit_name(g, z, j);
      for (size_t k = 0; k < z->numbers / z->d; k++, number++)
        active[unit] |= of->figures.mean_variance[number] > EVALUATION_ACTIVE;
    }
  }
  of->latents = names, of->active = active;
  return g->e->status;
}

/* ---- bars, the largest first */
typedef struct {
  double kl;
  size_t at;
} unit;

static int larger_first(const void *a, const void *b)
{
  const unit *x = a, *y = b;
  if (x->kl != y->kl && !isnan(x->kl) && !isnan(y->kl)) return x->kl < y->kl ? 1 : -1;
  return x->at < y->at ? -1 : 1;
}

static unit *units_by_kl(const gather *g, error *e)
{
  const elbo_evaluation *v = &g->of->figures;
  unit *u = mem_new(v->n_latents, sizeof *u, "latents in order", e);
  for (size_t i = 0; u && i < v->n_latents; i++)
    u[i] = (unit){ isnan(v->kl_per_latent[i]) ? -INFINITY : v->kl_per_latent[i], i };
  if (u) qsort(u, v->n_latents, sizeof *u, larger_first);
  return u;
}

static void add_bar(gather *g, const unit *u, double longest)
{
  text *t = g->t;
  bool known = g->of->figures.active_units >= 0, active = g->of->active[u->at];
  text_add(t, "<tr><th scope=\"row\">");
  svg_escape(t, g->of->latents[u->at]);
  text_add(t, "</th><td class=\"n\">");
  page_number(t, u->kl, 3);
  page_remark(t, g->of->figures.improper);
  text_format(t, "</td><td class=\"b\"><span class=\"bar%s\" style=\"width:",
              known && !active ? " idle" : "");
  text_number(t, u->kl > 0 && longest > 0 ? 100 * u->kl / longest : 0, 4);
  text_format(t, "%%\"></span></td><td>%s</td></tr>\n",
              !known   ? "\xE2\x80\x93"
              : active ? "active"
                       : "inactive");
}

void report_units(gather *g)
{
  enum { MOST = 40 };
  size_t n = g->of->figures.n_latents, shown = n < MOST ? n : MOST;
  unit *u = n ? units_by_kl(g, g->e) : NULL;
  double rest = 0;
  if (!u) return;
  page_section(g->t, 3, "units", g->report->done + 1, "KL of each latent");
  text_add(g->t, "<p>Nats per row, the largest first. ");
  text_format(g->t,
              "A filled bar is an active unit: the mean of q varies over rows by a variance "
              "above %.2g.</p>\n<div class=\"unit\">",
              EVALUATION_ACTIVE);
  page_table(g->t, "KL of each latent");
  text_add(g->t, "<thead><tr><th scope=\"col\">latent</th><th scope=\"col\" class=\"n\">KL</th>"
                 "<th scope=\"col\">of the largest</th><th scope=\"col\">unit</th></tr></thead>\n"
                 "<tbody>\n");
  for (size_t i = 0; i < shown; i++) add_bar(g, &u[i], u[0].kl);
  for (size_t i = shown; i < n; i++) rest += isfinite(u[i].kl) ? u[i].kl : 0;
  text_add(g->t, "</tbody>");
  page_table_end(g->t);
  text_add(g->t, "</div>\n");
  if (shown < n)
    text_format(g->t, "<p class=\"note\">%zu smaller ones are left out; together %.3f nats.</p>\n",
                n - shown, rest);
  mem_free(u);
}

static void number_named(const gather *g, size_t unit_at, size_t within, latent_number *to)
{
  size_t first = 0;
  for (int i = 0; i < g->run->study->model->n_q; first += latent_of(g, i)->d, i++) {
    const variable *z = latent_of(g, i);
    size_t each = z->numbers / z->d;
    if (unit_at >= first + z->d) continue;
    to->variable = g->run->study->model->q_order[i];
    to->number = (unit_at - first) * each + within;
    if (each > 1)
      snprintf(to->name, sizeof to->name, "%s[%zu]", g->of->latents[unit_at], within);
    else
      snprintf(to->name, sizeof to->name, "%s", g->of->latents[unit_at]);
    return;
  }
}

static size_t numbers_of_unit(const gather *g, size_t unit_at)
{
  latent_number first;
  number_named(g, unit_at, 0, &first);
  const variable *z = &g->run->study->model->variable[first.variable];
  return z->numbers / z->d;
}

int report_two_latents(const gather *g, latent_number two[2])
{
  size_t n = g->of->figures.n_latents;
  unit *u = n ? units_by_kl(g, g->e) : NULL;
  int found = u ? 1 : 0;
  if (u) number_named(g, u[0].at, 0, &two[0]);
  if (n > 1 && u)
    number_named(g, u[1].at, 0, &two[found++]);
  else if (u && numbers_of_unit(g, 0) > 1)
    number_named(g, 0, 1, &two[found++]);
  mem_free(u);
  return found;
}

size_t report_largest_latents(const gather *g, latent_number *to, size_t most)
{
  size_t n = g->of->figures.n_latents, found = 0;
  unit *u = n ? units_by_kl(g, g->e) : NULL;
  for (size_t i = 0; u && i < n; i++) {
    size_t each = numbers_of_unit(g, u[i].at);
    for (size_t k = 0; k < each && found < most; k++) number_named(g, u[i].at, k, &to[found++]);
  }
  mem_free(u);
  return found;
}
