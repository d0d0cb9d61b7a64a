/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A part of x given the rest: the chain of Rezende, Mohamed and Wierstra 2014, appendix F. With
 * x = (v, u), v given, one transition is T(u'|u, v) = int p(u'|z) q(z|u, v) dz: z from q,
 * then u' from the decoder. B rows of a batch, D numbers of a row. */
#include "infer/arrays.h"
#include "base/options.h"
#include "infer/run_inside.h"
#include "io/picture.h"

#include <math.h>
#include <string.h>

enum { ITERATIONS = 100 };

typedef struct imputer {
  elbo_run *r;
  elbo_impute_options o;
  size_t rows, D, T;
  int at;
  uint8_t *read; /* a mask from a file */
  const uint8_t *mask;
  size_t mask_step;               /* from row to row: D, or 0 */
  float *truth, *imputed, *chain; /* [rows][D] */
  double *squares;                /* [T + 1] sums over missing numbers; then the error */
  double *sum;                    /* [B][D] of E[x|z] over the second half */
  bool drawn;                     /* there is no mean: draws stand in */
} imputer;

/* ---- the mask */
static elbo_status mask_shape(const imputer *p, const array *a, size_t have, error *e)
{
  const char *path = p->o.mask_file;
  bool one = a->rows * a->D == p->D && !(a->D == p->D && a->rows == p->rows);
  if (one || (a->D == p->D && a->rows >= p->rows)) return ELBO_DONE;
  if (a->D == p->D)
    return fail(e, ELBO_E_DATA,
                "%s: a mask of %zu rows for %zu; expected one for each (of the %zu test rows), or "
                "one row for all; fewer rows are imputed with -n",
                path, a->rows, p->rows, have);
  return fail(
      e, ELBO_E_DATA,
      "%s: a mask of %zu x %zu numbers; expected rows of %zu numbers, as %s has, or one row", path,
      a->rows, a->D, p->D, p->r->study->model->variable[p->at].name);
}

static elbo_status read_mask(imputer *p, size_t have, error *e)
{
  array a = { 0 };
  if (!p->o.mask_file)
    return fail(e, ELBO_E_USAGE, "impute: no mask; set mask or mask_file of elbo_impute_options");
  if (array_read(p->o.mask_file, 0, &a, e) || mask_shape(p, &a, have, e)) goto end;
  size_t n = a.rows * a.D;
  p->read = mem_new(n, 1, "the mask", e);
  for (size_t i = 0; p->read && i < n; i++) {
    double x = a.type == ARRAY_U8 ? a.u8[i] : (double)a.f32[i];
    p->read[i] = x != 0;
    if (x == 0 || x == 1) continue;
    fail(e, ELBO_E_DATA, "%s: %g at index %zu; a mask holds 1 (given) and 0 (missing)",
         p->o.mask_file, x, i);
    break;
  }
  p->o.mask = p->read;
  p->o.mask_rows = a.D == p->D ? a.rows : 1;
end:
  array_free(&a);
  return e->status;
}

static elbo_status set_mask(imputer *p, size_t have, error *e)
{
  if (!p->o.mask && read_mask(p, have, e)) return e->status;
  p->mask = p->o.mask;
  p->mask_step = p->o.mask_rows > 1 ? p->D : 0;
  if (p->o.mask_rows != 1 && p->o.mask_rows < p->rows)
    return fail(e, ELBO_E_USAGE, "a mask of %zu rows for %zu rows; expected as many, or 1",
                p->o.mask_rows, p->rows);
  return ELBO_DONE;
}

static bool is_given(const imputer *p, size_t row, size_t j)
{
  return p->mask[row * p->mask_step + j] != 0;
}

/* ---- the start: a draw from the model, in the support whatever the family */
static void take_start(walk *w, machine *m, size_t first, size_t rows)
{
  imputer *p = w->user;
  walk_copy(m, m->mg.p_mean[p->at], rows, p->D, p->chain + first * p->D);
}

static void hold_given(imputer *p)
{
  for (size_t row = 0; row < p->rows; row++)
    for (size_t j = 0; j < p->D; j++) {
      size_t i = row * p->D + j;
      double off = (double)p->chain[i] - (double)p->truth[i];
      if (is_given(p, row, j))
        p->chain[i] = p->truth[i];
      else
        p->squares[0] += off * off;
    }
}

/* ---- one batch through the chain */
static void take_step(imputer *p, const machine *m, size_t first, size_t rows, size_t t)
{
  const node *mean = graph_node(m->mg.g, m->mg.p_mean[p->at]);
  const node *draw = graph_node(m->mg.g, m->mg.p_draw[p->at]);
  size_t means = run_rows(m->run, m->mg.p_mean[p->at]);
  for (size_t i = 0; i < rows; i++) {
    const float *expected = run_value(m->run, m->mg.p_mean[p->at]) + i % means * mean->ld;
    const float *drawn = run_value(m->run, m->mg.p_draw[p->at]) + i * draw->ld;
    size_t row = first + i;
    for (size_t j = 0; j < p->D; j++) {
      if (is_given(p, row, j)) continue;
      double off = (double)expected[j] - (double)p->truth[row * p->D + j];
      p->squares[t + 1] += off * off;
      p->chain[row * p->D + j] = drawn[j];
      if (t >= p->T / 2) p->sum[i * p->D + j] += (double)expected[j];
    }
  }
}

/* Before step t of the batch that begins at row `first`. */
static elbo_status say_where(const imputer *p, size_t first, size_t rows, size_t t, error *e)
{
  double done = (double)first * (double)p->T + (double)rows * (double)t;
  if (p->o.stop && p->o.stop(p->o.user))
    return fail(e, ELBO_E_STOPPED, "imputation was stopped after %zu of %zu rows", first, p->rows);
  if (p->o.progress) p->o.progress(p->o.user, done / ((double)p->rows * (double)p->T));
  return ELBO_DONE;
}

static elbo_status run_chain(imputer *p, machine *m, size_t first, size_t rows, size_t batch,
                             error *e)
{
  int feed = p->r->study->model->variable[p->at].feed;
  memset(p->sum, 0, rows * p->D * sizeof *p->sum);
  for (size_t t = 0; t < p->T; t++) {
    if (say_where(p, first, rows, t, e)) return e->status;
    machine_feed_values(m, feed, p->chain + first * p->D);
    if (machine_forward(m, rows, first / batch * p->T + t, 0, e)) return e->status;
    take_step(p, m, first, rows, t);
  }
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < p->D; j++) {
      size_t k = (first + i) * p->D + j;
      p->imputed[k] = is_given(p, first + i, j)
                          ? p->truth[k]
                          : (float)(p->sum[i * p->D + j] / (double)(p->T - p->T / 2));
    }
  return ELBO_DONE;
}

static elbo_status run_batches(imputer *p, machine *m, size_t batch, error *e)
{
  uint32_t *index = mem_new(batch, sizeof *index, "indices of rows", e);
  p->sum = mem_new(batch * p->D, sizeof *p->sum, "means", e);
  for (size_t first = 0; index && p->sum && first < p->rows && !e->status; first += batch) {
    size_t n = p->rows - first < batch ? p->rows - first : batch;
    for (size_t i = 0; i < n; i++) index[i] = (uint32_t)(first + i);
    if (!machine_feed_split(m, run_split(p->r), index, n, RUN_VISIT, e))
      run_chain(p, m, first, n, batch, e);
  }
  mem_free(p->sum);
  mem_free(index);
  return e->status;
}

static elbo_status run_all(imputer *p, error *e)
{
  machine *m = NULL;
  size_t batch, chunk;
  graph_options most = {
    .purpose = GRAPH_RECONSTRUCT, .batch = p->rows, .samples = 1, .draw = p->drawn, .draw_too = true
  };
  if (!run_machine(p->r, &most, p->o.seed, &m, &batch, &chunk, e)) run_batches(p, m, batch, e);
  machine_free(m);
  return e->status;
}

/* A row that stays in its file goes through `chain`, which is written anew after this. */
static elbo_status true_row(imputer *p, const dataset *d, size_t row, error *e)
{
  uint32_t index = (uint32_t)row;
  const void *at;
  bool file = d->x.file != NULL;
  if (file && dataset_fetch(d, &index, 1, p->chain, &at, e)) return e->status;
  dataset_rows(d, &index, file ? &at : NULL, 1, RUN_VISIT, p->truth + row * p->D);
  return ELBO_DONE;
}

static elbo_status start(imputer *p, error *e)
{
  const variable *v = &p->r->study->model->variable[p->at];
  walk w = { .r = p->r,
             .purpose = GRAPH_SAMPLE,
             .rows = p->rows,
             .draw = true,
             .seed = p->o.seed,
             .take = take_start,
             .user = p };
  memset(p->squares, 0, (p->T + 1) * sizeof *p->squares);
  for (size_t i = 0; i < p->rows; i++)
    if (true_row(p, &p->r->study->data[run_split(p->r)][v->feed], i, e)) return e->status;
  if (walk_run(&w, e)) return e->status;
  hold_given(p);
  return ELBO_DONE;
}

static elbo_status impute(imputer *p, error *e)
{
  if (start(p, e) || run_all(p, e) != ELBO_E_PLUGIN) return e->status;
  context_log(p->r->ctx, 1, "draws stand in for the mean of x given z, which can't be had: %s",
              e->text);
  error_clear(e);
  p->drawn = true;
  return start(p, e) ? e->status : run_all(p, e);
}

/* ---- what is given out */
static elbo_status report(imputer *p, arrays_out *a, float *mask, elbo_imputation *out, error *e)
{
  double last = 0;
  for (size_t row = 0; row < p->rows; row++)
    for (size_t j = 0; j < p->D; j++) {
      size_t i = row * p->D + j;
      double off = (double)p->imputed[i] - (double)p->truth[i];
      mask[i] = is_given(p, row, j);
      out->missing += mask[i] == 0;
      last += off * off;
    }
  float *error = arrays_add(a, "error", 1, (size_t[]){ p->T + 1 });
  double count = out->missing ? (double)out->missing : 1;
  for (size_t t = 0; error && t <= p->T; t++) {
    p->squares[t] = sqrt(p->squares[t] / count);
    error[t] = (float)p->squares[t];
    if (!isfinite(p->squares[t]))
      return fail(e, ELBO_E_NOT_FINITE,
                  "iteration %zu of the chain, seed %llu: a value or a mean is not finite; is the "
                  "model trained well enough? `elbo evaluate` shows its figures",
                  t, (unsigned long long)p->o.seed);
  }
  out->error = p->squares;
  out->error_imputed = sqrt(last / count);
  out->arrays = (elbo_arrays){ a->list, a->n };
  return e->status;
}

static elbo_status read_options(imputer *p, const elbo_impute_options *given, error *e)
{
  if (options_take(&p->o, sizeof p->o, given, "elbo_impute_options", e)) return e->status;
  p->T = p->o.iterations ? p->o.iterations : ITERATIONS;
  return p->T <= 1000000 ? ELBO_DONE
                         : fail(e, ELBO_E_USAGE, "%zu iterations; expected 1 to 1000000", p->T);
}

/* The arrays and the shape of a picture. */
static elbo_status set_out(imputer *p, arrays_out *a, float **mask, elbo_imputation *out, error *e)
{
  const size_t dims[2] = { p->rows, p->D };
  elbo_array shape;
  if (run_new_array(p->r, p->rows, &shape, e) || arrays_begin(a, run_keep_anew(p->r, e), e))
    return e->status;
  *out = (elbo_imputation){ .rows = p->rows,
                            .numbers = p->D,
                            .height = shape.height,
                            .width = shape.width,
                            .iterations = p->T,
                            .low = shape.low,
                            .high = shape.high };
  p->truth = arrays_add(a, "truth", 2, dims);
  *mask = arrays_add(a, "mask", 2, dims);
  p->imputed = arrays_add(a, "imputed", 2, dims);
  p->chain = arrays_add(a, "chain", 2, dims);
  p->squares = arena_get(a->arena, p->T + 1, sizeof *p->squares, e);
  return e->status;
}

elbo_status elbo_run_impute(elbo_run *r, const elbo_impute_options *options, elbo_imputation *out)
{
  error *e = context_enter(r->ctx);
  size_t have = r->study->rows[run_split(r)];
  imputer p = { .r = r };
  arrays_out a;
  float *mask = NULL;
  if (read_options(&p, options, e)) return e->status;
  if (!run_observed(r) || !r->study->model->n_q)
    return fail(e, ELBO_E_USAGE, "%s: the chain needs an observed and a latent variable",
                elbo_run_name(r));
  p.at = run_observed_at(r);
  p.D = run_observed(r)->numbers;
  p.rows = !p.o.rows || p.o.rows > have ? have : p.o.rows;
  if (!set_mask(&p, have, e) && !set_out(&p, &a, &mask, out, e) && !impute(&p, e))
    report(&p, &a, mask, out, e);
  mem_free(p.read);
  return e->status;
}

/* ---- as a file */
static elbo_status as_npz(const void *what, const char *path, error *e)
{
  const elbo_imputation *p = what;
  return arrays_as_npz(&p->arrays, path, e);
}

static elbo_status as_npy(const void *what, const char *path, error *e)
{
  const elbo_imputation *p = what;
  bool image = p->height && p->width;
  size_t dims[3] = { p->rows, image ? p->height : p->numbers, p->width };
  const elbo_named_array *x = elbo_arrays_find(&p->arrays, "imputed");
  return npy_write(path, x->values, image ? 3 : 2, dims, e);
}

/* Original, what was given (the rest in the middle of the range), imputed: three of each row. */
static elbo_status as_png(const void *what, const char *path, error *e)
{
  const elbo_imputation *p = what;
  const float *x = elbo_arrays_find(&p->arrays, "truth")->values;
  const float *y = elbo_arrays_find(&p->arrays, "imputed")->values;
  const float *mask = elbo_arrays_find(&p->arrays, "mask")->values;
  float grey = 0.5f * (p->low + p->high);
  size_t D = p->numbers, triples = (size_t)ceil(sqrt((double)p->rows / 3));
  if (!p->height)
    return fail(e, ELBO_E_USAGE, "%s: rows of %zu numbers are no images; take .npy or .npz", path,
                D);
  float *three = mem_new(p->rows * D, 3 * sizeof *three, "a picture", e);
  for (size_t row = 0; three && row < p->rows; row++)
    for (size_t j = 0; j < D; j++) {
      size_t from = row * D + j, to = 3 * row * D + j;
      three[to] = x[from];
      three[to + D] = mask[from] != 0 ? x[from] : grey;
      three[to + 2 * D] = y[from];
    }
  if (three)
    png_grid(path, three, 3 * p->rows, 3 * triples, p->height, p->width, p->low, p->high, e);
  mem_free(three);
  return e->status;
}

static elbo_status as_svg(const void *what, const char *path, error *e)
{
  const elbo_imputation *p = what;
  size_t n = p->iterations + 1;
  double *at = mem_new(n, sizeof *at, "a curve", e);
  if (!at) return e->status;
  for (size_t t = 0; t < n; t++) at[t] = (double)t;
  svg_curve curve = { "E[x|z]", at, p->error, n };
  svg_curves(path, "", "iteration", "root mean square error of what is missing", &curve, 1, e);
  mem_free(at);
  return e->status;
}

elbo_status elbo_imputation_write(elbo_context *ctx, const elbo_imputation *p, const char *path)
{
  static const arrays_writer writers[] = { { ".png", "original, given, imputed", as_png },
                                           { ".npy", "what was imputed", as_npy },
                                           { ".npz", "all arrays", as_npz },
                                           { ".svg", "the error over iterations", as_svg } };
  return arrays_by_ending(writers, 4, p, path, context_enter(ctx));
}
