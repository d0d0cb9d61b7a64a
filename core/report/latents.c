/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means of q(z|x) as points of a plane, coloured by label. */
#include "dist/batch.h"
#include "report/inside.h"

typedef struct {
  gather *g;
  latent_number two[2];
  int n; /* 1: its numbers along x alone */
  size_t rows;
  float *xy;      /* [rows][2] */
  bool drawn;     /* a mean is not known: draws in its place */
  float *scratch; /* [RUN_BATCH][the most numbers of a latent] */
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
  for (int k = 0; k < v->n; k++) {
    const latent_number *z = &v->two[k];
    size_t numbers = w->r->study->model->variable[z->variable].numbers;
    take_latent(v, w, m, z->variable, rows);
    for (size_t i = 0; i < rows; i++)
      v->xy[2 * (first + i) + (size_t)k] = v->scratch[i * numbers + z->number];
  }
}

/* Heights by multiples of the golden ratio, which fill [0,1) evenly and tell points apart. */
static void spread_out(view *v)
{
  for (size_t i = 0; i < v->rows; i++)
    v->xy[2 * i + 1] = (float)fmod(0.6180339887498949 * (double)i, 1);
}

static elbo_status look(view *v)
{
  const model *m = v->g->run->study->model;
  size_t wide = 0, have = v->g->run->study->rows[run_split(v->g->run)];
  size_t rows = v->g->report->o.rows;
  v->rows = rows < have ? rows : have;
  for (int k = 0; k < v->n; k++)
    if (m->variable[v->two[k].variable].numbers > wide)
      wide = m->variable[v->two[k].variable].numbers;
  v->xy = mem_new(2 * v->rows, sizeof *v->xy, "the view of q", v->g->e);
  v->scratch = mem_new(RUN_BATCH, wide * sizeof *v->scratch, "the view of q", v->g->e);
  walk w = { .r = v->g->run,
             .purpose = GRAPH_EVALUATE,
             .rows = v->rows,
             .seed = v->g->report->o.seed,
             .take = take_rows,
             .user = v };
  if (!v->xy || !v->scratch || walk_run(&w, v->g->e)) return v->g->e->status;
  if (v->n == 1) spread_out(v);
  return ELBO_DONE;
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

static void draw(view *v)
{
  text *t = v->g->t, caption = { 0 };
  const char *what = v->drawn ? "A draw from q(z|x)" : "The mean of q(z|x)";
  uint8_t *labels = labels_of(v);
  svg_cloud cloud = { .name = "q(z|x) of the rows as points of a plane",
                      .x_label = v->two[0].name,
                      .y_label = v->n > 1 ? v->two[1].name : "",
                      .xy = v->xy,
                      .labels = labels,
                      .words = labels ? words_of(v) : NULL,
                      .n = v->rows,
                      .free = v->n == 1 };
  text_add(t, "<figure class=\"cloud\">\n");
  svg_points_part(t, &cloud, v->g->e);
  text_format(&caption, "%s for %zu rows of the %s set%s; ", what, v->rows, v->g->of->figures.split,
              labels ? ", coloured by label" : "; there are no labels");
  if (v->n == 1)
    text_format(&caption, "%s along the plane, the height only tells points apart.",
                v->two[0].name);
  else if (v->g->of->figures.n_numbers > 2)
    text_format(&caption, "%s and %s, the two latents of the largest KL.", v->two[0].name,
                v->two[1].name);
  else
    text_format(&caption, "%s and %s.", v->two[0].name, v->two[1].name);
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
  mem_free(v.xy);
  mem_free(v.scratch);
  report_excuse(g, "view of q(z|x)");
}
