/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means and standard errors over the cells that differ in the seed alone. */
#include "infer/run_inside.h"
#include "sweep/inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_seed(const char *setting)
{
  return !strncmp(setting, "seed=", 5);
}

/* Do two cells differ in the seed alone? Their keys stand in one order. */
static bool same_row(const elbo_sweep_cell *a, const elbo_sweep_cell *b)
{
  for (size_t i = 0; a->settings[i]; i++)
    if (!is_seed(a->settings[i]) && strcmp(a->settings[i], b->settings[i])) return false;
  return true;
}

static elbo_status row_add(elbo_sweep *s, cell *c, error *e)
{
  elbo_sweep_row *row = &s->rows[s->n_rows];
  const char **settings = arena_get(s->arena, s->n_axes + 1, sizeof *settings, e);
  if (!settings) return e->status;
  row->settings = settings;
  for (size_t i = 0; c->of.settings[i]; i++)
    if (!is_seed(c->of.settings[i])) *settings++ = c->of.settings[i];
  c->row = s->n_rows++;
  return ELBO_DONE;
}

elbo_status table_layout(elbo_sweep *s, error *e)
{
  s->rows = arena_get(s->arena, s->n_cells, sizeof *s->rows, e);
  s->ranked = arena_get(s->arena, s->n_cells, sizeof *s->ranked, e);
  const cell **first =
      s->rows && s->ranked ? arena_get(s->arena, s->n_cells, sizeof *first, e) : NULL;
  for (size_t i = 0; first && i < s->n_cells; i++) {
    cell *c = &s->cells[i];
    for (c->row = 0; c->row < s->n_rows; c->row++)
      if (same_row(&first[c->row]->of, &c->of)) break;
    if (c->row == s->n_rows && row_add(s, c, e)) break;
    if (!first[c->row]) first[c->row] = c;
  }
  return e->status;
}

static void row_fill(elbo_sweep *s, size_t at)
{
  elbo_sweep_row *row = &s->rows[at];
  row_moments m[ELBO_SWEEP_FIGURES] = { { 0 } };
  row->cells = row->done = 0;
  for (size_t i = 0; i < s->n_cells; i++) {
    const cell *c = &s->cells[i];
    if (c->row != at) continue;
    row->cells++;
    if (c->of.state != ELBO_CELL_DONE) continue;
    row->done++;
    for (int f = 0; f < ELBO_SWEEP_FIGURES; f++) row_moments_add(&m[f], c->of.figures[f]);
  }
  for (int f = 0; f < ELBO_SWEEP_FIGURES; f++) {
    row->mean[f] = m[f].n > 0 ? m[f].mean : NAN;
    row->se[f] = m[f].n > 1 ? sqrt(m[f].squares / (m[f].n - 1) / m[f].n) : NAN;
  }
}

/* Best first; what has no ELBO last, in the order of the grid. */
static int compare_rows(const void *x, const void *y)
{
  const elbo_sweep_row *const *a = x, *const *b = y;
  double u = (*a)->mean[ELBO_SWEEP_ELBO], v = (*b)->mean[ELBO_SWEEP_ELBO];
  if (isnan(u) != isnan(v)) return isnan(u) ? 1 : -1;
  if (u != v && !isnan(u)) return u < v ? 1 : -1;
  return *a < *b ? -1 : *a > *b;
}

void table_make(elbo_sweep *s)
{
  for (size_t i = 0; i < s->n_rows; i++) row_fill(s, i), s->ranked[i] = &s->rows[i];
  qsort(s->ranked, s->n_rows, sizeof *s->ranked, compare_rows);
}
