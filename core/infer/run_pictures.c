/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a trained model gives to look at: ancestral draws, reconstructions, and a walk through the
   latent space. */
#include "infer/run_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sample */
static void take_shown(walk *w, machine *m, size_t first, size_t rows)
{
  elbo_array *a = w->user;
  walk_copy(m, m->mg.p_mean[run_observed_at(w->r)], rows, a->numbers,
            w->r->values + first * a->numbers);
}

elbo_status elbo_run_sample(elbo_run *r, size_t n, uint64_t seed, bool draw, elbo_array *out)
{
  error *e = context_enter(r->ctx);
  if (run_new_array(r, n, out, e)) return e->status;
  walk w = { .r = r,
             .purpose = GRAPH_SAMPLE,
             .rows = n,
             .seed = seed,
             .draw = draw,
             .take = take_shown,
             .user = out };
  return walk_show(&w, e);
}

/* ---- reconstruct */
static void take_pairs(walk *w, machine *m, size_t first, size_t rows)
{
  elbo_array *a = w->user;
  float *to = w->r->values + 2 * first * a->numbers;
  walk_copy(m, m->mg.plain[run_observed_at(w->r)], rows, 2 * a->numbers, to);
  walk_copy(m, m->mg.p_mean[run_observed_at(w->r)], rows, 2 * a->numbers, to + a->numbers);
}

elbo_status elbo_run_reconstruct(elbo_run *r, size_t n, uint64_t seed, elbo_array *out)
{
  error *e = context_enter(r->ctx);
  size_t have = r->study->rows[run_split(r)];
  if (n > have) n = have;
  if (run_new_array(r, 2 * n, out, e)) return e->status;
  walk w = {
    .r = r, .purpose = GRAPH_RECONSTRUCT, .rows = n, .seed = seed, .take = take_pairs, .user = out
  };
  return walk_show(&w, e);
}

/* ---- traverse: latent numbers are counted over all latents in the order of p */
enum { PRIOR_DRAWS = 4096 };

typedef struct grid {
  elbo_run *r;
  size_t side, i, j, numbers;
  double *median;    /* [numbers] */
  double *across[2]; /* [side] quantiles of numbers i and j */
  float *draws;      /* [PRIOR_DRAWS][numbers], or NULL until they are needed */
  float *fed;        /* [numbers][rows] latents of a batch, those of a variable side by side */
  elbo_array *out;
} grid;

/* The latent variable that holds a number of the whole list, and its place there. */
static int latent_at(const model *m, size_t number, size_t *within)
{
  for (int k = 0; k < m->n_p; k++) {
    const variable *v = &m->variable[m->p_order[k]];
    if (v->role != VARIABLE_LATENT) continue;
    if (number < v->numbers) {
      *within = number;
      return m->p_order[k];
    }
    number -= v->numbers;
  }
  return -1;
}

static void take_latents(walk *w, machine *m, size_t first, size_t rows)
{
  grid *g = w->user;
  const model *all = w->r->study->model;
  size_t at = 0;
  for (int k = 0; k < all->n_p; k++) {
    int v = all->p_order[k];
    if (all->variable[v].role != VARIABLE_LATENT) continue;
    walk_copy(m, m->mg.plain[v], rows, g->numbers, g->draws + first * g->numbers + at);
    at += all->variable[v].numbers;
  }
}

static elbo_status draw_prior(grid *g, error *e)
{
  if (g->draws) return ELBO_DONE;
  g->draws = mem_new((size_t)PRIOR_DRAWS * g->numbers, sizeof *g->draws, "draws from the prior", e);
  walk w = { .r = g->r,
             .purpose = GRAPH_SAMPLE,
             .rows = PRIOR_DRAWS,
             .one_row = true,
             .take = take_latents,
             .user = g };
  return g->draws ? walk_run(&w, e) : e->status;
}

static int by_size(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* A prior without an inverse cdf, or whose parameters come from other latents: quantiles of draws
   stand in for those of the marginal. */
static elbo_status drawn_quantiles(grid *g, size_t number, size_t n, double *out, error *e)
{
  if (draw_prior(g, e)) return e->status;
  float *sorted = mem_new(PRIOR_DRAWS, sizeof *sorted, "draws from the prior", e);
  if (!sorted) return e->status;
  for (size_t i = 0; i < PRIOR_DRAWS; i++) sorted[i] = g->draws[i * g->numbers + number];
  qsort(sorted, PRIOR_DRAWS, sizeof *sorted, by_size);
  for (size_t i = 0; i < n; i++) {
    double at = ((double)i + 0.5) / (double)n * PRIOR_DRAWS - 0.5, below = floor(at);
    size_t k = below < 0 ? 0 : (size_t)below, up = k + 1 < PRIOR_DRAWS ? k + 1 : k;
    out[i] = (double)sorted[k] + (at - (double)k) * (double)(sorted[up] - sorted[k]);
  }
  mem_free(sorted);
  return ELBO_DONE;
}

/* The prior's working parameters for one event, where they are constants or learned: the parameter
   vector is the same in every graph. */
static void prior_params(const grid *g, const graph *with, const variable *v, size_t event,
                         double *w)
{
  for (uint32_t p = 0; p < v->p.use.family->n_params; p++) {
    size_t width = (size_t)v->p.use.width[p], from = event * width;
    double *to = w + v->p.use.offset[p];
    const float *learned = v->p.param[p].kind == FROM_LEARN
                               ? g->r->params + graph_node(with, v->p.free[p])->value_at
                               : NULL;
    for (size_t i = 0; i < width; i++)
      to[i] = learned ? (double)learned[from + i] : v->p.param[p].values[from + i];
  }
}

static bool icdf_applies(const variable *v)
{
  bool heads = false;
  for (uint32_t p = 0; p < v->p.use.family->n_params; p++) heads |= v->p.param[p].kind == FROM_HEAD;
  return !heads && v->p.use.family->icdf && v->p.use.E == 1 && v->p.use.W <= FAMILY_MAX_PARAMS;
}

/* Quantiles at (i + 1/2) / n of a latent number, in plain form. */
static elbo_status quantiles(grid *g, const graph *with, size_t number, size_t n, double *out,
                             error *e)
{
  size_t within = 0;
  const variable *v = &g->r->study->model->variable[latent_at(g->r->study->model, number, &within)];
  const family_use *u = &v->p.use;
  double w[FAMILY_MAX_PARAMS];
  if (!icdf_applies(v)) return drawn_quantiles(g, number, n, out, e);
  prior_params(g, with, v, within, w);
  for (size_t i = 0; i < n; i++) {
    double y = u->family->icdf(&u->call, ((double)i + 0.5) / (double)n, w, NULL);
    value_to_plain(u->family->value_form, 1, &y, &out[i]);
  }
  return ELBO_DONE;
}

static void feed_grid(walk *w, machine *m, size_t first, size_t rows)
{
  grid *g = w->user;
  const model *all = w->r->study->model;
  size_t number = 0;
  float *to = g->fed;
  for (int k = 0, latent = 0; k < all->n_p; k++) {
    const variable *v = &all->variable[all->p_order[k]];
    if (v->role != VARIABLE_LATENT) continue;
    for (size_t row = 0; row < rows; row++)
      for (size_t i = 0; i < v->numbers; i++) {
        size_t cell = first + row, at = number + i;
        to[row * v->numbers + i] = (float)(at == g->i   ? g->across[0][cell % g->side]
                                           : at == g->j ? g->across[1][cell / g->side]
                                                        : g->median[at]);
      }
    machine_feed_values(m, all->n_feeds + latent++, to);
    to += rows * v->numbers;
    number += v->numbers;
  }
}

static void take_cells(walk *w, machine *m, size_t first, size_t rows)
{
  const grid *g = w->user;
  walk_copy(m, m->mg.p_mean[run_observed_at(w->r)], rows, g->out->numbers,
            w->r->values + first * g->out->numbers);
}

static elbo_status find_quantiles(grid *g, error *e)
{
  model_graph mg; /* for the places of learned parameters */
  elbo_status status =
      model_build(g->r->study->model,
                  &(graph_options){ .purpose = GRAPH_DECODE, .batch = 1, .samples = 1 }, &mg, e);
  for (size_t i = 0; i < g->numbers && !status; i++)
    status = quantiles(g, mg.g, i, 1, &g->median[i], e);
  if (!status) status = quantiles(g, mg.g, g->i, g->side, g->across[0], e);
  if (!status && g->i != g->j) status = quantiles(g, mg.g, g->j, g->side, g->across[1], e);
  model_graph_free(&mg);
  return status;
}

static elbo_status check_grid(grid *g, error *e)
{
  const model *m = g->r->study->model;
  for (int k = 0; k < m->n_p; k++) {
    const variable *v = &m->variable[m->p_order[k]];
    if (v->role != VARIABLE_LATENT) continue;
    g->numbers += v->numbers;
    if (v->p.use.family->support.kind == ELBO_SUP_SIMPLEX)
      return fail(e, ELBO_E_USAGE,
                  "%s: %s gives numbers that sum to 1, so one can't be moved alone; look at "
                  "samples instead",
                  v->name, v->p.use.family->name);
  }
  if (!g->numbers)
    return fail(e, ELBO_E_USAGE, "%s has no latent variable to walk through", elbo_run_name(g->r));
  if (g->side == 0 || g->side > 1000)
    return fail(e, ELBO_E_USAGE, "a grid of side %zu; expected 1 to 1000", g->side);
  if (g->numbers == 1) g->i = g->j = 0;
  if (g->i >= g->numbers || g->j >= g->numbers)
    return fail(e, ELBO_E_USAGE,
                "latent numbers %zu and %zu; expected two from 0 to %zu, or one twice for a line",
                g->i, g->j, g->numbers - 1);
  return ELBO_DONE;
}

static bool has_latent_parent(const model *m, const variable *v)
{
  for (int i = 0; i < v->p.n_parents; i++)
    if (m->variable[v->p.parent[i]].role == VARIABLE_LATENT) return true;
  return false;
}

/* A latent below others that is not walked along follows them by its conditional mean; a class has
   none. */
static uint32_t followers(const grid *g)
{
  const model *m = g->r->study->model;
  uint32_t mask = 0;
  size_t first = 0;
  for (int k = 0; k < m->n_p; k++) {
    const variable *v = &m->variable[m->p_order[k]];
    if (v->role != VARIABLE_LATENT) continue;
    size_t end = first + v->numbers;
    bool walked = (g->i >= first && g->i < end) || (g->j >= first && g->j < end);
    if (!walked && has_latent_parent(m, v) && v->p.use.family->support.kind != ELBO_SUP_CLASS)
      mask |= UINT32_C(1) << m->p_order[k];
    first = end;
  }
  return mask;
}

static elbo_status traverse(grid *g, error *e)
{
  size_t rows = g->i != g->j ? g->side * g->side : g->side;
  size_t batch = rows < RUN_BATCH ? rows : RUN_BATCH;
  walk w = { .r = g->r,
             .purpose = GRAPH_DECODE,
             .rows = rows,
             .one_row = true,
             .mean_latents = followers(g),
             .feed = feed_grid,
             .take = take_cells,
             .user = g };
  g->median = mem_new(g->numbers + 2 * g->side, sizeof *g->median, "quantiles", e);
  g->fed = mem_new(batch * g->numbers, sizeof *g->fed, "latents", e);
  if (!g->median || !g->fed || run_new_array(g->r, rows, g->out, e)) return e->status;
  g->across[0] = g->median + g->numbers;
  g->across[1] = g->across[0] + g->side;
  return find_quantiles(g, e) ? e->status : walk_show(&w, e);
}

elbo_status elbo_run_traverse(elbo_run *r, size_t per_side, size_t i, size_t j, elbo_array *out)
{
  error *e = context_enter(r->ctx);
  grid g = { .r = r, .side = per_side, .i = i, .j = j, .out = out };
  if (!check_grid(&g, e)) traverse(&g, e);
  mem_free(g.median);
  mem_free(g.fed);
  mem_free(g.draws);
  return e->status;
}
