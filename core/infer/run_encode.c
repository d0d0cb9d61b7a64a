/* SPDX-License-Identifier: GPL-3.0-or-later */
/* q(z|x) of the rows: its parameters in both forms, and a draw. */
#include "infer/arrays.h"
#include "base/options.h"
#include "infer/run_inside.h"
#include "io/picture.h"

#include <string.h>

/* A parameter of one latent's q. */
typedef struct column {
  int at; /* the variable */
  uint32_t param;
  float *working, *plain; /* plain NULL: the working form is it */
} column;

typedef struct encoder {
  arrays_out arrays;
  column columns[MODEL_MAX_VARIABLES * FAMILY_MAX_PARAMS];
  int n_columns;
  float *draws[MODEL_MAX_VARIABLES];
} encoder;

/* Shape of `each` numbers an event. */
static float *add_events(encoder *c, const char *name, size_t rows, size_t events, size_t each)
{
  size_t dims[3] = { rows, events, each };
  return arrays_add(&c->arrays, name, each > 1 ? 3 : 2, dims);
}

static float *add_form(encoder *c, const variable *v, uint32_t p, int form, size_t rows)
{
  const family_use *u = &v->q.use;
  char word[128];
  if (!param_form_name(&u->family->params[p], form, word, sizeof word)) return NULL;
  const char *name = arena_format(c->arrays.arena, c->arrays.e, "%s.%s", v->name, word);
  if (form == PARAM_CONSTRAINED && u->family->params[p].constraint == ELBO_CHOLESKY)
    return arrays_add(&c->arrays, name, 4, (size_t[]){ rows, v->q.d, (size_t)u->K, (size_t)u->K });
  return add_events(c, name, rows, v->q.d, (size_t)u->width[p]);
}

static elbo_status add_latent(encoder *c, const model *m, int at, size_t rows)
{
  const variable *v = &m->variable[at];
  error *e = c->arrays.e;
  for (uint32_t p = 0; p < v->q.use.family->n_params && !e->status; p++) {
    column *to = &c->columns[c->n_columns++];
    *to = (column){ .at = at, .param = p };
    to->working = add_form(c, v, p, PARAM_WORKING, rows);
    to->plain = add_form(c, v, p, PARAM_CONSTRAINED, rows);
  }
  const char *name = arena_format(c->arrays.arena, e, "%s.sample", v->name);
  c->draws[at] = add_events(c, name, rows, v->q.d, v->numbers / v->q.d);
  return e->status;
}

static void add_labels(encoder *c, const elbo_run *r, size_t rows)
{
  const array *labels = &r->study->labels[run_split(r)];
  if (!labels->rows) return;
  float *to = arrays_add(&c->arrays, "labels", 1, (size_t[]){ rows });
  for (size_t i = 0; to && i < rows; i++)
    to[i] =
        labels->type == ARRAY_U8 ? (float)labels->u8[i * labels->D] : labels->f32[i * labels->D];
}

/* `events` events from working to plain form. */
static void make_plain(const family_use *u, uint32_t p, size_t events, const float *w, float *plain)
{
  double from[FAMILY_MAX_NUMBERS], to[FAMILY_MAX_NUMBERS];
  int n = u->width[p], m = param_plain_width(u, p);
  for (size_t k = 0; k < events; k++, w += n, plain += m) {
    for (int i = 0; i < n; i++) from[i] = (double)w[i];
    param_to_plain(u, p, from, to);
    for (int i = 0; i < m; i++) plain[i] = (float)to[i];
  }
}

static void take_rows(walk *w, machine *m, size_t first, size_t rows)
{
  const encoder *c = w->user;
  const model *mo = w->r->study->model;
  for (int i = 0; i < c->n_columns; i++) {
    const column *k = &c->columns[i];
    const variable *v = &mo->variable[k->at];
    const family_use *u = &v->q.use;
    size_t wide = v->q.d * (size_t)u->width[k->param];
    size_t plain = v->q.d * (size_t)param_plain_width(u, k->param);
    float *to = k->working + first * wide;
    walk_copy(m, m->mg.q_param[k->at][k->param], rows, wide, to);
    if (k->plain) make_plain(u, k->param, rows * v->q.d, to, k->plain + first * plain);
  }
  for (int i = 0; i < mo->n_q; i++) {
    int at = mo->q_order[i];
    size_t numbers = mo->variable[at].numbers;
    walk_copy(m, m->mg.plain[at], rows, numbers, c->draws[at] + first * numbers);
  }
}

elbo_status elbo_run_encode(elbo_run *r, const elbo_encode_options *options, elbo_arrays *out)
{
  error *e = context_enter(r->ctx);
  const model *m = r->study->model;
  size_t have = r->study->rows[run_split(r)];
  encoder c = { 0 };
  elbo_encode_options o;
  *out = (elbo_arrays){ 0 };
  if (options_take(&o, sizeof o, options, "elbo_encode_options", e)) return e->status;
  size_t rows = !o.rows || o.rows > have ? have : o.rows;
  if (!m->n_q)
    return fail(e, ELBO_E_USAGE, "%s has no latent variable, so there is nothing to encode",
                elbo_run_name(r));
  if (arrays_begin(&c.arrays, run_keep_anew(r, e), e)) return e->status;
  for (int i = 0; i < m->n_q; i++)
    if (add_latent(&c, m, m->q_order[i], rows)) return e->status;
  add_labels(&c, r, rows);
  walk w = { .r = r,
             .purpose = GRAPH_EVALUATE,
             .rows = rows,
             .seed = o.seed,
             .take = take_rows,
             .user = &c,
             .doing = "encoding",
             .stop = o.stop,
             .progress = o.progress,
             .told = o.user };
  if (e->status || walk_run(&w, e)) return e->status;
  *out = (elbo_arrays){ c.arrays.list, c.arrays.n };
  return ELBO_DONE;
}

/* ---- as a file */
static bool is_draw(const elbo_named_array *a)
{
  size_t n = strlen(a->name);
  return n > 7 && !strcmp(a->name + n - 7, ".sample");
}

static size_t numbers_of(const elbo_named_array *a)
{
  return a->dims[1] * (a->rank == 3 ? a->dims[2] : 1);
}

/* The draws of all latents side by side, of a row at most the first `most` numbers; the caller
   frees. */
static float *all_draws(const elbo_arrays *a, size_t most, size_t *rows, size_t *numbers, error *e)
{
  size_t total = 0, at = 0;
  for (size_t i = 0; i < a->n; i++)
    if (is_draw(&a->arrays[i])) total += numbers_of(&a->arrays[i]), *rows = a->arrays[i].dims[0];
  *numbers = total < most ? total : most;
  float *to = mem_new(*rows * *numbers, sizeof *to, "draws", e);
  for (size_t i = 0; to && i < a->n; i++) {
    const elbo_named_array *x = &a->arrays[i];
    size_t wide = is_draw(x) ? numbers_of(x) : 0;
    size_t some = at + wide <= *numbers ? wide : *numbers - at;
    for (size_t row = 0; row < *rows; row++)
      for (size_t j = 0; j < some; j++) to[row * *numbers + at + j] = x->values[row * wide + j];
    at += some;
  }
  return to;
}

static elbo_status as_npz(const void *what, const char *path, error *e)
{
  return arrays_as_npz(what, path, e);
}

static elbo_status as_npy(const void *what, const char *path, error *e)
{
  size_t dims[2] = { 0 };
  float *draws = all_draws(what, SIZE_MAX, &dims[0], &dims[1], e);
  if (draws) npy_write(path, draws, 2, dims, e);
  mem_free(draws);
  return e->status;
}

static elbo_status as_svg(const void *what, const char *path, error *e)
{
  size_t rows = 0, numbers = 0;
  float *xy = all_draws(what, 2, &rows, &numbers, e);
  const elbo_named_array *labels = elbo_arrays_find(what, "labels");
  uint8_t *classes = labels ? mem_new(rows, 1, "labels", e) : NULL;
  for (size_t i = 0; classes && i < rows; i++) {
    float x = labels->values[i]; /* one that is no small whole number has the colour of 255 */
    classes[i] = x >= 0 && x <= 255 ? (uint8_t)x : 255;
  }
  if (!e->status && numbers < 2)
    fail(e, ELBO_E_USAGE, "%s: .svg shows two latent numbers, and there is one; take .npy", path);
  else if (!e->status)
    svg_points(path, "", xy, classes, rows, e);
  mem_free(classes);
  mem_free(xy);
  return e->status;
}

elbo_status elbo_encoding_write(elbo_context *ctx, const elbo_arrays *a, const char *path)
{
  static const arrays_writer writers[] = { { ".npz", "parameters, draws and labels", as_npz },
                                           { ".npy", "the draws", as_npy },
                                           { ".svg", "two numbers of the draws", as_svg } };
  return arrays_by_ending(writers, 3, a, path, context_enter(ctx));
}
