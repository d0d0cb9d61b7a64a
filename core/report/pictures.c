/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Samples, reconstructions and the manifold: pictures of images; of other data their first columns
 * as a table, and two of them as points. */
#include "report/inside.h"

#include <stdio.h>
#include <string.h>

enum { SAMPLES = 100, PAIRS = 50, IN_A_ROW = 10, SIDE = 16, COLUMNS = 12 };

static bool is_image(gather *g)
{
  size_t numbers, height, width;
  return !elbo_run_shape(g->run, NULL, &numbers, &height, &width) && height * width > 0;
}

static void add_grid(gather *g, const elbo_array *a, size_t columns, const char *alt,
                     const char *caption)
{
  png_images p = { a->values, a->rows, columns, a->height, a->width, a->low, a->high };
  page_png(g->t, &p, alt, caption, g->e);
}

/* ---- data that are no images */
typedef struct {
  size_t rows, numbers, columns;
  float *data, *draws;
  row_moments *data_moments, *draw_moments, *off; /* [columns]; off: squares of x - E[x|z] */
} table;

static void take_pairs(table *k, const elbo_array *pairs)
{
  for (size_t i = 0; i < k->rows; i++)
    for (size_t c = 0; c < k->columns; c++) {
      const float *at = pairs->values + 2 * i * k->numbers + c;
      double x = (double)at[0], off = x - (double)at[k->numbers];
      k->data[i * k->columns + c] = at[0];
      row_moments_add(&k->data_moments[c], x);
      row_moments_add(&k->off[c], off * off);
    }
}

static void take_draws(table *k, const elbo_array *draws)
{
  for (size_t i = 0; i < k->rows; i++)
    for (size_t c = 0; c < k->columns; c++) {
      k->draws[i * k->columns + c] = draws->values[i * k->numbers + c];
      row_moments_add(&k->draw_moments[c], (double)k->draws[i * k->columns + c]);
    }
}

static elbo_status fill(gather *g, table *k)
{
  elbo_array a;
  const elbo_report_options *o = &g->report->o;
  if (elbo_run_reconstruct(g->run, o->rows, o->seed, &a)) return g->e->status;
  k->rows = a.rows / 2, k->numbers = a.numbers;
  k->columns = a.numbers < COLUMNS ? a.numbers : COLUMNS;
  size_t cells = k->rows * k->columns;
  k->data = arena_get(g->of->arena, 2 * cells, sizeof *k->data, g->e);
  k->data_moments = arena_get(g->of->arena, 3 * k->columns, sizeof *k->off, g->e);
  if (!k->data || !k->data_moments) return g->e->status;
  k->draws = k->data + cells;
  k->draw_moments = k->data_moments + k->columns, k->off = k->draw_moments + k->columns;
  take_pairs(k, &a);
  if (elbo_run_sample(g->run, k->rows, o->seed, true, &a)) return g->e->status;
  take_draws(k, &a);
  return ELBO_DONE;
}

static void add_cell(text *t, double v)
{
  text_add(t, "<td class=\"n\">");
  if (isfinite(v) && v < 0) text_add(t, "\xE2\x88\x92");
  if (isfinite(v))
    text_number(t, fabs(v), 4);
  else
    text_add(t, "\xE2\x80\x93");
  text_add(t, "</td>");
}

static double deviation(const row_moments *m)
{
  return m->n > 1 ? sqrt(m->squares / (m->n - 1)) : NAN;
}

/* As the experiment picked it by its name in the file, else by its place in a row, from 0. */
static const char *column_name(const gather *g, size_t c, const char *before)
{
  const variable *v = run_observed(g->run);
  const data_columns *picked = v && v->data ? &v->data->columns : NULL;
  if (picked && c < picked->n && picked->at[c].name) return picked->at[c].name;
  const char *name = arena_format(g->of->arena, g->e, "%s%zu", before, c);
  return name ? name : "";
}

static void add_columns(gather *g, const table *k)
{
  text *t = g->t;
  text_format(t,
              "<p>%zu rows of the %s set, as prepared, and as many draws from the model; the "
              "first %zu of %zu columns. The last column of the table is the root mean square "
              "of x \xE2\x88\x92 E[x|z], z drawn from q(z|x).</p>\n",
              k->rows, g->of->figures.split, k->columns, k->numbers);
  page_table(t, "columns of the data and of draws");
  text_add(t,
           "<thead><tr><th scope=\"col\">column</th><th scope=\"col\" class=\"n\">data<br>mean</th>"
           "<th scope=\"col\" class=\"n\">data<br>s.d.</th>"
           "<th scope=\"col\" class=\"n\">draws<br>mean</th>"
           "<th scope=\"col\" class=\"n\">draws<br>s.d.</th>"
           "<th scope=\"col\" class=\"n\">error</th></tr></thead>\n<tbody>\n");
  for (size_t c = 0; c < k->columns; c++) {
    text_add(t, "<tr><th scope=\"row\">");
    svg_escape(t, column_name(g, c, ""));
    text_add(t, "</th>");
    add_cell(t, k->data_moments[c].mean);
    add_cell(t, deviation(&k->data_moments[c]));
    add_cell(t, k->draw_moments[c].mean);
    add_cell(t, deviation(&k->draw_moments[c]));
    add_cell(t, sqrt(k->off[c].mean));
    text_add(t, "</tr>\n");
  }
  text_add(t, "</tbody>");
  page_table_end(t);
}

static void add_plane(gather *g, const table *k)
{
  static const char *const words[] = { "data", "draws", NULL };
  size_t n = 2 * k->rows;
  float *xy = arena_get(g->of->arena, 2 * n, sizeof *xy, g->e);
  uint8_t *labels = arena_get(g->of->arena, n, 1, g->e);
  if (!xy || !labels || k->columns < 2) return;
  for (size_t i = 0; i < n; i++) {
    memcpy(xy + 2 * i, k->data + i * k->columns, 2 * sizeof *xy);
    labels[i] = i >= k->rows;
  }
  const char *across = column_name(g, 0, "column "), *up = column_name(g, 1, "column ");
  const char *title =
      arena_format(g->of->arena, g->e, "%s and %s, of data and of draws", across, up);
  if (!title) return;
  svg_cloud cloud = { title, across, up, xy, labels, n, words, true };
  text_add(g->t, "<figure class=\"cloud\">\n");
  svg_points_part(g->t, &cloud, g->e);
  page_caption(g->t, "The first two columns of the data and of draws from the model.");
}

static void add_table(gather *g)
{
  table k = { 0 };
  if (fill(g, &k)) {
    report_excuse(g, "columns");
    return;
  }
  add_columns(g, &k);
  add_plane(g, &k);
}

/* ---- the sections */
void report_samples(gather *g)
{
  elbo_array a;
  bool image = is_image(g);
  if (g->e->status) error_clear(g->e); /* nothing observed: the next call says so */
  page_section(g->t, 3, "samples", g->report->done + 1,
               image ? "Samples" : "Samples and reconstructions");
  if (!image) return add_table(g);
  if (!elbo_run_sample(g->run, SAMPLES, g->report->o.seed, false, &a))
    add_grid(g, &a, IN_A_ROW, "A grid of images drawn from the model",
             "Ancestral draws: z from the prior, then the mean of p(x|z).");
  report_excuse(g, "samples");
}

void report_reconstructions(gather *g)
{
  elbo_array a;
  if (!is_image(g)) return error_clear(g->e);
  page_section(g->t, 3, "reconstructions", g->report->done + 1, "Reconstructions");
  if (!elbo_run_reconstruct(g->run, PAIRS, g->report->o.seed, &a))
    add_grid(g, &a, IN_A_ROW, "Pairs of images, an original and its reconstruction",
             "In pairs: an original as the model sees it, and beside it the mean of p(x|z), z "
             "drawn from q(z|x).");
  report_excuse(g, "reconstructions");
}

static elbo_status place_of(gather *g, const latent_number *z, size_t *at)
{
  size_t numbers;
  const char *name = g->run->study->model->variable[z->variable].name;
  if (!elbo_run_latent(g->run, name, at, &numbers)) *at += z->number;
  return g->e->status;
}

void report_manifold(gather *g)
{
  latent_number two[2];
  size_t i = 0, j = 0;
  elbo_array a;
  char words[512];
  int n = report_two_latents(g, two);
  if (!n || g->e->status || !is_image(g)) return error_clear(g->e);
  page_section(g->t, 3, "manifold", g->report->done + 1, "The latent manifold");
  if (n == 1)
    snprintf(words, sizeof words, "The mean of p(x|z) at %d quantiles of the prior of %s.", SIDE,
             two[0].name);
  else
    snprintf(words, sizeof words,
             "The mean of p(x|z) at quantiles of the prior: along a row %s, down the rows %s%s.",
             two[0].name, two[1].name,
             g->of->figures.n_numbers > 2
                 ? ", the two of the largest KL; other latents stand at their medians"
                 : "");
  if (!place_of(g, &two[0], &i) && !place_of(g, &two[n - 1], &j) &&
      !elbo_run_traverse(g->run, SIDE, i, j, &a))
    add_grid(g, &a, SIDE, "A grid of images along two latent numbers", words);
  report_excuse(g, "walk through the latent space");
}
