/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sweep as files: sweep.json, which a later call goes on from, and sweep.csv, the table. */
#include "base/file.h"
#include "io/json.h"
#include "sweep/inside.h"

#include <math.h>
#include <string.h>

static const char *const figure_names[] = { "elbo", "log_likelihood", "reconstruction",
                                            "kl",   "active_units",   "seconds" };
_Static_assert(sizeof figure_names / sizeof *figure_names == ELBO_SWEEP_FIGURES, "a name for each");
static const char *const state_names[] = { "waiting", "done", "failed", "refused" };

const char *elbo_sweep_figure_name(elbo_sweep_figure figure)
{
  return figure_names[figure];
}

/* ---- writing */
static void put_settings(json_out *j, const char *const *settings)
{
  json_open(j, "settings", '[');
  for (size_t i = 0; settings[i]; i++) json_string(j, NULL, settings[i]);
  json_close(j, ']');
}

static void put_cell(json_out *j, const cell *c)
{
  json_open(j, NULL, '{');
  json_string(j, "name", c->of.name);
  json_string(j, "run", c->of.run);
  put_settings(j, c->of.settings);
  json_string(j, "state", state_names[c->of.state]);
  json_int(j, "status", -c->of.status);
  json_string(j, "reason", *c->of.reason ? c->of.reason : NULL);
  json_string(j, "digest", c->digest);
  json_int(j, "steps", (int64_t)c->of.steps);
  json_int(j, "epochs", c->of.epochs);
  for (int f = 0; f < ELBO_SWEEP_FIGURES; f++) json_number(j, figure_names[f], c->of.figures[f]);
  json_close(j, '}');
}

static void put_row(json_out *j, const elbo_sweep_row *row)
{
  json_open(j, NULL, '{');
  put_settings(j, row->settings);
  json_int(j, "cells", (int64_t)row->cells);
  json_int(j, "done", (int64_t)row->done);
  for (int f = 0; f < ELBO_SWEEP_FIGURES; f++) {
    json_open(j, figure_names[f], '{');
    json_number(j, "mean", row->mean[f]);
    json_number(j, "se", row->se[f]);
    json_close(j, '}');
  }
  json_close(j, '}');
}

static void make_json(elbo_sweep *s)
{
  json_out j;
  text_free(&s->json);
  json_begin(&j, &s->json);
  json_open(&j, NULL, '{');
  json_string(&j, "experiment", s->file);
  json_open(&j, "rows", '[');
  for (size_t i = 0; i < s->n_rows; i++) put_row(&j, s->ranked[i]);
  json_close(&j, ']');
  json_open(&j, "cells", '[');
  for (size_t i = 0; i < s->n_cells; i++) put_cell(&j, &s->cells[i]);
  json_close(&j, ']');
  json_close(&j, '}');
  text_add(&s->json, "\n");
}

/* A field in quotes, its own doubled (RFC 4180). */
static void put_field(text *t, const char *s)
{
  text_add(t, "\"");
  for (; *s; s++) text_format(t, *s == '"' ? "\"\"" : "%c", *s);
  text_add(t, "\"");
}

static void put_number(text *t, double v)
{
  text_add(t, ",");
  if (!isnan(v)) text_shortest(t, v);
}

static void make_csv(elbo_sweep *s)
{
  text *t = &s->csv;
  text_free(t);
  for (size_t i = 0; i < s->n_axes; i++) {
    if (!strcmp(s->axes[i].key, "seed")) continue;
    put_field(t, s->axes[i].key);
    text_add(t, ",");
  }
  text_add(t, "cells,done");
  for (int f = 0; f < ELBO_SWEEP_FIGURES; f++)
    text_format(t, ",%s,%s_se", figure_names[f], figure_names[f]);
  text_add(t, "\n");
  for (size_t i = 0; i < s->n_rows; i++) {
    const elbo_sweep_row *row = s->ranked[i];
    for (size_t k = 0; row->settings[k]; k++) {
      put_field(t, strchr(row->settings[k], '=') + 1);
      text_add(t, ",");
    }
    text_format(t, "%zu,%zu", row->cells, row->done);
    for (int f = 0; f < ELBO_SWEEP_FIGURES; f++)
      put_number(t, row->mean[f]), put_number(t, row->se[f]);
    text_add(t, "\n");
  }
}

static elbo_status write_text(const elbo_sweep *s, const char *name, const text *t, error *e)
{
  if (t->failed) return fail(e, ELBO_E_MEMORY, "out of memory while %s is written", name);
  char *path = path_join(s->directory, name, e);
  if (path) file_write_whole(path, t->s, t->n, e);
  mem_free(path);
  return e->status;
}

elbo_status files_write(elbo_sweep *s, error *e)
{
  make_json(s);
  make_csv(s);
  if (write_text(s, "sweep.json", &s->json, e)) return e->status;
  return write_text(s, "sweep.csv", &s->csv, e);
}

const char *elbo_sweep_json(elbo_sweep *s)
{
  make_json(s);
  return s->json.failed ? NULL : s->json.s;
}

/* ---- reading: whatever in it is not as this file writes it makes the cell one to be run */
static const char *text_of(const json_value *v, const char *key)
{
  const json_value *at = json_get(v, key);
  return at && json_kind_of(at) == JSON_STRING ? json_text(at) : "";
}

static double number_of(const json_value *v, const char *key)
{
  return json_number_of(json_get(v, key));
}

/* A figure is taken over where the experiment and its number of epochs are still the same. One
   that stopped by patience has fewer epochs: it is opened again, which costs its evaluation. */
static void take_over(cell *c, const json_value *v)
{
  double steps = number_of(v, "steps");
  if (c->of.state == ELBO_CELL_REFUSED || strcmp(text_of(v, "state"), "done") ||
      strcmp(text_of(v, "digest"), c->digest) || number_of(v, "epochs") != (double)c->epochs ||
      !(steps >= 0 && steps < 0x1p63))
    return;
  c->of.state = ELBO_CELL_DONE;
  c->of.epochs = c->epochs;
  c->of.steps = (uint64_t)steps;
  for (int f = 0; f < ELBO_SWEEP_FIGURES; f++) c->of.figures[f] = number_of(v, figure_names[f]);
}

static void take_all(elbo_sweep *s, const json_value *cells)
{
  for (size_t i = 0; i < json_length(cells); i++) {
    const json_value *v = json_item(cells, i);
    if (json_kind_of(v) != JSON_OBJECT) continue;
    for (size_t k = 0; k < s->n_cells; k++)
      if (!strcmp(s->cells[k].of.name, text_of(v, "name"))) take_over(&s->cells[k], v);
  }
}

elbo_status files_read(elbo_sweep *s, error *e)
{
  const size_t most = (size_t)256 << 20;
  char *path = path_join(s->directory, "sweep.json", e), *at = NULL, why[256] = "no cells";
  bool there = false;
  size_t n;
  if (path && !file_look(path, &there, e) && there &&
      !file_read_all(path, most, ELBO_E_CHECKPOINT, &at, &n, e)) {
    json_value *v = json_read(at, n, why, sizeof why);
    const json_value *cells = v && json_kind_of(v) == JSON_OBJECT ? json_get(v, "cells") : NULL;
    if (cells && json_kind_of(cells) == JSON_ARRAY)
      take_all(s, cells);
    else
      fail(e, ELBO_E_CHECKPOINT,
           "%s: it is not what a sweep writes (%s); remove it, finished runs are kept, or choose "
           "another directory",
           path, why);
    json_free(v);
  }
  mem_free(at);
  mem_free(path);
  return e->status;
}
