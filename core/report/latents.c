/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means of q(z|x) as points of a plane, coloured by label. */
#include "dist/batch.h"
#include "report/inside.h"
#include "report/principal.h"

enum { MOST_NUMBERS = 64 }; /* that the plane is laid through */

typedef struct {
  gather *g;
  latent_number two[2];
  int n; /* 1: its numbers along x alone */
  latent_number *of;
  size_t n_of;
  size_t rows;
  float *means; /* [rows][n_of] */
  float *xy;    /* [rows][2] */
  bool drawn;   /* a mean is not known: draws in its place */
  bool principal;
  double share[2]; /* of the variance, of the principal components */
  float *scratch;  /* [RUN_BATCH][the most numbers of a latent] */
} view;

/* The numbers of a latent for the rows of this batch: [rows][numbers] into v->scratch. */
static void take_latent(view *v, const walk *w, machine *m, int at, size_t rows)
{
  const variable *z = &w->r->study->model->variable[at];
  elbo_rows params[FAMILY_MAX_PARAMS];
  for (uint32_t p = 0; p < z->q.use.family->n_params; p++) {
    node_id id = m->mg.q_param[at][p];
    bool one = run_rows(m->run, id) == 1;
    params[p] = (elbo_rows){ run_value(m->run, id), one ? 0 : graph_node(m->mg.g, id)->ld };
  }
  v->drawn = v->drawn || batch_moment(&z->q.use, ELBO_MEAN, rows, z->d, params, v->scratch);
  if (v->drawn) walk_copy(m, m->mg.plain[at], rows, z->numbers, v->scratch);
}

static void take_rows(walk *w, machine *m, size_t first, size_t rows)
{
  view *v = w->user;
  int taken = -1;
  for (size_t k = 0; k < v->n_of; k++) {
    const latent_number *z = &v->of[k];
    size_t numbers = w->r->study->model->variable[z->variable].numbers;
    if (z->variable != taken) take_latent(v, w, m, taken = z->variable, rows);
    for (size_t i = 0; i < rows; i++)
      v->means[(first + i) * v->n_of + k] = v->scratch[i * numbers + z->number];
  }
}

/* Heights by multiples of the golden ratio, which fill [0,1) evenly and tell points apart. */
static void spread_out(view *v)
{
  for (size_t i = 0; i < v->rows; i++)
    v->xy[2 * i + 1] = (float)fmod(0.6180339887498949 * (double)i, 1);
}

/* Are means of numbers on the line, whose weighted sums mean something? */
static bool has_plane(const view *v)
{
  const model *m = v->g->run->study->model;
  bool line = v->n_of > 2 && v->rows > 1 && !v->drawn;
  for (size_t k = 0; k < v->n_of && line; k++)
    line = m->variable[v->of[k].variable].p.use.family->seen == ELBO_SEEN_RAW;
  return line;
}

static elbo_status lay_out(view *v)
{
  v->principal = has_plane(v);
  if (v->principal) return principal_plane(v->means, v->rows, v->n_of, v->xy, v->share, v->g->e);
  for (int k = 0; k < v->n; k++) {
    size_t at = v->n_of - 1;
    while (at > 0 &&
           (v->of[at].variable != v->two[k].variable || v->of[at].number != v->two[k].number))
      at--;
    for (size_t i = 0; i < v->rows; i++) v->xy[2 * i + (size_t)k] = v->means[i * v->n_of + at];
  }
  if (v->n == 1) spread_out(v);
  return ELBO_DONE;
}

static elbo_status look(view *v)
{
  const model *m = v->g->run->study->model;
  error *e = v->g->e;
  size_t wide = 0, have = v->g->run->study->rows[run_split(v->g->run)];
  size_t rows = v->g->report->o.rows;
  v->rows = rows < have ? rows : have;
  v->of = mem_new(MOST_NUMBERS, sizeof *v->of, "the view of q", e);
  if (v->of) v->n_of = report_largest_latents(v->g, v->of, MOST_NUMBERS);
  for (size_t k = 0; k < v->n_of; k++)
    if (m->variable[v->of[k].variable].numbers > wide)
      wide = m->variable[v->of[k].variable].numbers;
  if (v->n_of) v->means = mem_new(v->rows, v->n_of * sizeof *v->means, "the view of q", e);
  if (v->means) v->xy = mem_new(2 * v->rows, sizeof *v->xy, "the view of q", e);
  if (v->xy) v->scratch = mem_new(RUN_BATCH, wide * sizeof *v->scratch, "the view of q", e);
  walk w = { .r = v->g->run,
             .purpose = GRAPH_EVALUATE,
             .rows = v->rows,
             .seed = v->g->report->o.seed,
             .take = take_rows,
             .user = v };
  if (!v->scratch || walk_run(&w, e)) return e->status;
  return lay_out(v);
}

/* NULL: no labels, or they are no small whole numbers. */
static uint8_t *labels_of(const view *v)
{
  const elbo_run *r = v->g->run;
  const array *from = &r->study->labels[run_split(r)];
  if (from->rows < v->rows) return NULL;
  uint8_t *to = arena_get(v->g->of->arena, v->rows, 1, v->g->e);
  for (size_t i = 0; to && i < v->rows; i++) {
    float x = from->type == ARRAY_U8 ? (float)from->u8[i * from->D] : from->f32[i * from->D];
    if (!(x >= 0 && x <= 255) || x != floorf(x)) return NULL;
    to[i] = (uint8_t)x;
  }
  return to;
}

/* What the labels are called, or NULL. */
static const char *const *words_of(const view *v)
{
  const label_words *from = &v->g->run->study->words;
  const char **to = from->n ? arena_get(v->g->of->arena, from->n + 1, sizeof *to, v->g->e) : NULL;
  for (size_t i = 0; to && i < from->n; i++) to[i] = from->at[i];
  return to;
}

static void add_axes(const view *v, text *caption)
{
  size_t n = v->g->of->figures.n_latents;
  if (v->principal)
    text_format(caption, "the two principal components of %s%zu latent numbers%s",
                v->n_of == MOST_NUMBERS ? "the " : "", v->n_of,
                v->n_of == MOST_NUMBERS ? " of the largest KL" : "");
  else if (v->n == 1)
    text_format(caption, "%s along the plane, the height only tells points apart", v->two[0].name);
  else
    text_format(caption, "%s and %s%s", v->two[0].name, v->two[1].name,
                n > 2 ? ", the two latents of the largest KL" : "");
  if (v->principal)
    text_format(caption, ", with %.0f %% and %.0f %% of their variance", 100 * v->share[0],
                100 * v->share[1]);
  text_add(caption, ".");
}

static void draw(view *v)
{
  text *t = v->g->t, caption = { 0 };
  const char *what = v->drawn ? "A draw from q(z|x)" : "The mean of q(z|x)";
  uint8_t *labels = labels_of(v);
  svg_cloud cloud = { .name = "q(z|x) of the rows as points of a plane",
                      .x_label = v->principal ? "first component" : v->two[0].name,
                      .y_label = v->principal ? "second component"
                                 : v->n > 1   ? v->two[1].name
                                              : "",
                      .xy = v->xy,
                      .labels = labels,
                      .words = labels ? words_of(v) : NULL,
                      .n = v->rows,
                      .free = v->n == 1 };
  text_add(t, "<figure class=\"cloud\">\n");
  svg_points_part(t, &cloud, v->g->e);
  text_format(&caption, "%s for %zu rows of the %s set%s; ", what, v->rows, v->g->of->figures.split,
              labels ? ", coloured by label" : "; there are no labels");
  add_axes(v, &caption);
  page_caption(t, caption.s ? caption.s : "");
  t->failed |= caption.failed;
  text_free(&caption);
}

void report_view(gather *g)
{
  view v = { .g = g };
  v.n = report_two_latents(g, v.two);
  if (!v.n) return;
  page_section(g->t, 3, "view", g->report->done + 1, "q(z|x) in the plane");
  if (!look(&v)) draw(&v);
  mem_free(v.of);
  mem_free(v.means);
  mem_free(v.xy);
  mem_free(v.scratch);
  report_excuse(g, "view of q(z|x)");
}
