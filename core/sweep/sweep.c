/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public calls: the grid opened and resolved, then its cells in turn. */
#include "base/clock.h"
#include "base/file.h"
#include "base/options.h"
#include "sweep/inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* ---- opening */
/* The cell's own error goes with the cell; the sweep goes on. */
static elbo_status resolve(elbo_sweep *s, cell *c)
{
  elbo_experiment *x = NULL;
  error *e = &s->ctx->error;
  elbo_status status = elbo_experiment_open(s->ctx, s->file, c->applied, &x);
  if (!status) {
    memcpy(c->digest, x->study->digest, sizeof c->digest);
    c->epochs = x->study->x->train.epochs;
    elbo_experiment_free(x);
    return ELBO_DONE;
  }
  if (status == ELBO_E_MEMORY) return status;
  error kept = *e;
  error_clear(e);
  c->of.state = ELBO_CELL_REFUSED;
  c->of.status = status;
  c->of.reason = arena_string(s->arena, kept.text, e);
  return e->status;
}

static elbo_status open_all(elbo_sweep *s, const char *file, const char *const *settings,
                            const char *const *vary, const char *directory, error *e)
{
  s->arena = arena_new(e);
  if (!s->arena) return e->status;
  s->file = arena_string(s->arena, file, e);
  s->directory = arena_string(s->arena, directory, e);
  if (e->status || grid_make(s, settings, vary, e) || table_layout(s, e)) return e->status;
  for (size_t i = 0; i < s->n_cells; i++)
    if (resolve(s, &s->cells[i])) return e->status;
  if (files_read(s, e)) return e->status;
  table_make(s);
  return ELBO_DONE;
}

elbo_status elbo_sweep_open(elbo_context *ctx, const char *file, const char *const *settings,
                            const char *const *vary, const char *directory, elbo_sweep **out)
{
  error *e = context_enter(ctx);
  *out = NULL;
  elbo_sweep *s = mem_new(1, sizeof *s, "a sweep", e);
  if (!s) return e->status;
  s->ctx = ctx;
  if (open_all(s, file, settings, vary, directory, e))
    elbo_sweep_free(s);
  else
    *out = s;
  return e->status;
}

void elbo_sweep_free(elbo_sweep *s)
{
  if (!s) return;
  arena_free(s->arena);
  text_free(&s->json);
  text_free(&s->csv);
  mem_free(s);
}

size_t elbo_sweep_count(const elbo_sweep *s)
{
  return s->n_cells;
}

const elbo_sweep_cell *elbo_sweep_at(const elbo_sweep *s, size_t i)
{
  return i < s->n_cells ? &s->cells[i].of : NULL;
}

size_t elbo_sweep_rows(elbo_sweep *s)
{
  return s->n_rows;
}

const elbo_sweep_row *elbo_sweep_row_at(const elbo_sweep *s, size_t i)
{
  return i < s->n_rows ? s->ranked[i] : NULL;
}

/* ---- running */
typedef struct {
  elbo_sweep *s;
  elbo_sweep_options o;
  job *jobs;
  int threads; /* of each */
  error *e;
  double started, shown;
  size_t ended, begun; /* cells of this call */
  bool stopping;
} session;

static size_t count_of(const elbo_sweep *s, elbo_cell_state state)
{
  size_t n = 0;
  for (size_t i = 0; i < s->n_cells; i++) n += s->cells[i].of.state == state;
  return n;
}

static void show(session *r, const cell *ended)
{
  double now = clock_seconds();
  if (!r->o.progress || (!ended && now - r->shown < 0.1)) return;
  r->shown = now;
  const elbo_sweep *s = r->s;
  elbo_sweep_progress p = { .total = s->n_cells,
                            .done = count_of(s, ELBO_CELL_DONE),
                            .failed =
                                count_of(s, ELBO_CELL_FAILED) + count_of(s, ELBO_CELL_REFUSED),
                            .seconds = now - r->started,
                            .seconds_left = NAN,
                            .ended = ended ? &ended->of : NULL };
  for (int i = 0; i < r->o.jobs; i++) p.running += r->jobs[i].pid != 0;
  if (r->ended) p.seconds_left = p.seconds / (double)r->ended * (double)count_of(s, 0);
  r->o.progress(r->o.user, &p);
}

/* The next cell of this call: each is begun once, so that one that fails again ends. */
static cell *next_cell(session *r)
{
  while (r->begun < r->s->n_cells) {
    cell *c = &r->s->cells[r->begun++];
    if (c->of.state == ELBO_CELL_WAITING) return c;
  }
  return NULL;
}

static elbo_status fill(session *r)
{
  for (int i = 0; i < r->o.jobs; i++) {
    cell *c = r->jobs[i].pid || r->stopping ? NULL : next_cell(r);
    if (c && job_start(r->s, &r->jobs[i], c, &r->o, r->threads, r->e)) return r->e->status;
  }
  return ELBO_DONE;
}

static elbo_status take(session *r, job *j)
{
  cell *c = j->cell;
  c->of.reason = arena_string(r->s->arena, j->board->reason, r->e);
  if (!c->of.reason) c->of.reason = "";
  munmap(j->board, sizeof *j->board);
  *j = (job){ 0 };
  r->ended++;
  table_make(r->s);
  if (files_write(r->s, r->e)) return r->e->status;
  show(r, c);
  return ELBO_DONE;
}

static bool collect(session *r)
{
  bool any = false;
  for (int i = 0; i < r->o.jobs; i++) {
    job *j = &r->jobs[i];
    if (!j->pid) continue;
    if (r->stopping) j->board->stop = true;
    if (!job_ended(j))
      any = true;
    else if (take(r, j))
      r->stopping = true; /* the files can't be written: let the others save */
  }
  return any;
}

static elbo_status loop(session *r)
{
  const struct timespec nap = { 0, 20000000 };
  for (bool any = true; any;) {
    if (r->o.stop && r->o.stop(r->o.user)) r->stopping = true;
    if (fill(r)) r->stopping = true;
    any = collect(r);
    if (!any && !r->stopping) any = r->begun < r->s->n_cells;
    show(r, NULL);
    if (any) nanosleep(&nap, NULL);
  }
  if (r->e->status) return r->e->status;
  size_t left = count_of(r->s, ELBO_CELL_WAITING);
  if (left)
    return fail(r->e, ELBO_E_STOPPED,
                "stopped with %zu of %zu cells to go; what was begun is saved: the same call goes "
                "on",
                left, r->s->n_cells);
  size_t failed = count_of(r->s, ELBO_CELL_FAILED) + count_of(r->s, ELBO_CELL_REFUSED);
  if (failed)
    return fail(r->e, ELBO_E_CHECK, "%zu of %zu cells failed; their reasons stand in %s/sweep.json",
                failed, r->s->n_cells, r->s->directory);
  return ELBO_DONE;
}

/* How many cells are refused for this one's reason, or 0 where an earlier one told it. */
static size_t alike(const elbo_sweep *s, size_t at)
{
  size_t n = 0;
  for (size_t i = 0; i < s->n_cells; i++) {
    bool same = s->cells[i].of.state == ELBO_CELL_REFUSED &&
                !strcmp(s->cells[i].of.reason, s->cells[at].of.reason);
    if (same && i < at) return 0;
    n += same;
  }
  return n;
}

static elbo_status refuse(const elbo_sweep *s, error *e)
{
  elbo_status status = ELBO_DONE;
  text t = { 0 };
  for (size_t i = 0; i < s->n_cells; i++) {
    const elbo_sweep_cell *c = &s->cells[i].of;
    size_t n = c->state == ELBO_CELL_REFUSED ? alike(s, i) : 0;
    if (!n) continue;
    if (!status) status = c->status;
    text_add(&t, c->name);
    if (n > 1) text_format(&t, " and %zu more", n - 1);
    text_format(&t, ": %s\n", c->reason);
  }
  size_t n = count_of(s, ELBO_CELL_REFUSED);
  if (status)
    fail(e, status, "%zu of %zu cells are refused, and none was trained; %s:\n%s", n, s->n_cells,
         n < s->n_cells ? "vary other values, or leave these out by --keep-going"
                        : "mend the experiment, or vary other values",
         t.s ? t.s : "");
  text_free(&t);
  return e->status;
}

static elbo_status run_all(session *r, error *e)
{
  for (size_t i = 0; i < r->s->n_cells; i++)
    if (r->s->cells[i].of.state == ELBO_CELL_FAILED) r->s->cells[i].of.state = ELBO_CELL_WAITING;
  if (dir_make(r->s->directory, e)) return e->status;
  dir_lock *lock = dir_lock_take(r->s->directory, e);
  r->jobs = lock ? mem_new((size_t)r->o.jobs, sizeof *r->jobs, "jobs", e) : NULL;
  if (r->jobs && !files_write(r->s, e)) loop(r);
  mem_free(r->jobs);
  dir_lock_release(lock);
  return e->status;
}

elbo_status elbo_sweep_run(elbo_sweep *s, const elbo_sweep_options *options)
{
  error *e = context_enter(s->ctx);
  session r = { .s = s, .e = e, .started = clock_seconds() };
  if (options_take(&r.o, sizeof r.o, options, "elbo_sweep_options", e)) return e->status;
  if (r.o.jobs < 1) r.o.jobs = 1;
  if ((size_t)r.o.jobs > s->n_cells) r.o.jobs = (int)s->n_cells;
  r.threads = s->ctx->threads / r.o.jobs;
  if (r.threads < 1) r.threads = 1;
  if (!r.o.keep_going && refuse(s, e)) return e->status;
  return run_all(&r, e);
}
