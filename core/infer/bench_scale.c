/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the cost of an experiment grows along one size after the other. Each point is the experiment
 * opened anew with the size set, so that what is timed is what a user would run. */
#include "base/clock.h"
#include "base/file.h"
#include "base/options.h"
#include "base/sort.h"
#include "infer/bench.h"
#include "infer/context.h"
#include "io/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SETTINGS = 2 * MODEL_MAX_VARIABLES, MOST_ROUNDS = 100 };

/* The settings of one point, and those that the caller gave. */
typedef struct settings {
  text word[MOST_SETTINGS];
  int n;
} settings;

static text *next(settings *s)
{
  return &s->word[s->n++];
}

static long whole(double v)
{
  return v < 1 ? 1 : lround(v);
}

/* ---- the axes: the size as the experiment has it (0: none), and the settings for another */
static double rows_of_data(const study *s)
{
  return (double)(s->rows[SPLIT_TRAIN] + s->rows[SPLIT_VALIDATE]);
}
static void set_rows(const study *s, double value, settings *to)
{
  (void)s;
  text_format(next(to), "data.limit=%ld", whole(value));
}

static double batch_of(const study *s)
{
  return (double)s->x->train.batch_size;
}
static void set_batch(const study *s, double value, settings *to)
{
  (void)s;
  text_format(next(to), "train.batch_size=%ld", whole(value));
}

static double one_sample(const study *s)
{
  return s->model->enumerates ? 0 : 1;
}
static void set_samples(const study *s, double value, settings *to)
{
  (void)s;
  text_format(next(to), "estimator.samples=%ld", whole(value));
}

static double latents_of(const study *s)
{
  double sum = 0;
  for (int i = 0; i < s->model->n; i++)
    if (s->model->variable[i].role == VARIABLE_LATENT) sum += (double)s->model->variable[i].p.d;
  return sum;
}
static void set_latents(const study *s, double value, settings *to)
{
  double times = value / latents_of(s);
  for (int i = 0; i < s->model->n; i++) {
    const variable *v = &s->model->variable[i];
    if (v->role == VARIABLE_LATENT)
      text_format(next(to), "model.p.%s.size=%ld", v->name, whole(times * (double)v->p.d));
  }
}

static const conditional *conditional_at(const study *s, int i)
{
  return i < s->x->n_p ? &s->x->p[i] : i < s->x->n_p + s->x->n_q ? &s->x->q[i - s->x->n_p] : NULL;
}
static double width_of(const study *s)
{
  const conditional *c;
  for (int i = 0; (c = conditional_at(s, i)); i++)
    if (c->net.n_hidden) return (double)c->net.hidden[0];
  return 0;
}
static void set_width(const study *s, double value, settings *to)
{
  double times = value / width_of(s);
  const conditional *c;
  for (int i = 0; (c = conditional_at(s, i)); i++) {
    if (!c->net.n_hidden) continue;
    text *word = next(to);
    text_format(word, "model.%s.%s.net.hidden=[", i < s->x->n_p ? "p" : "q", c->variable);
    for (int k = 0; k < c->net.n_hidden; k++)
      text_format(word, "%s%ld", k ? ", " : "", whole(times * (double)c->net.hidden[k]));
    text_add(word, "]");
  }
}

static double one_thread(const study *s)
{
  return s->threads > 1 ? 1 : 0;
}

static const struct axis {
  const char *name, *what, *cost;
  double (*base)(const study *s);
  void (*set)(const study *s, double value, settings *to); /* NULL: the number of threads */
  double times[ELBO_BENCH_POINTS];                         /* of the base; 0: none */
} axes[ELBO_BENCH_AXES] = {
  { "N",
    "rows of the training data",
    "an epoch, its data read",
    rows_of_data,
    set_rows,
    { 0.125, 0.25, 0.5, 1 } },
  { "B", "rows of a batch", "a step", batch_of, set_batch, { 0.25, 0.5, 1, 2, 4 } },
  { "K", "samples a row", "a step", one_sample, set_samples, { 2, 4, 8, 16, 32 } },
  { "Z", "numbers of the latents", "a step", latents_of, set_latents, { 0.5, 1, 2, 4, 8 } },
  { "width",
    "units of the first hidden layer",
    "a step",
    width_of,
    set_width,
    { 0.25, 0.5, 1, 2, 4 } },
  { "threads", "threads", "a step", one_thread, NULL, { 1, 2, 4, 8, 16 } },
};

/* ---- one point */
typedef struct bench {
  elbo_context *ctx;
  const char *file;
  const char *const *given;
  const elbo_bench_scale_options *o;
  const study *base;
  double ms[ELBO_BENCH_POINTS][MOST_ROUNDS];
} bench;

static double cost_of(const trainer *t, const step_times *times, double opened_ms, bool epoch)
{
  if (!epoch) return times->median_ms;
  return opened_ms + times->first_ms + (double)(t->per_epoch - 1) * times->median_ms;
}

static elbo_status time_point(const bench *b, const struct axis *a, const char *const *words,
                              double value, double *ms, error *e)
{
  study *s = NULL;
  trainer *t = NULL;
  step_times times;
  double start = clock_seconds();
  if (study_from_file(b->ctx, b->file, words, NULL, &s)) return e->status;
  s->threads = a->set ? s->threads : (int)value;
  double opened_ms = 1e3 * (clock_seconds() - start);
  if (!trainer_new(s, s->x->train.epochs, &t, e) && !bench_steps(t, b->o->steps, 0.2, &times, e))
    *ms = cost_of(t, &times, opened_ms, a->set == set_rows);
  trainer_free(t);
  study_free(s);
  return e->status;
}

static elbo_status time_value(const bench *b, const struct axis *a, double value, double *ms,
                              error *e)
{
  settings own = { 0 };
  int n = 0;
  if (a->set) a->set(b->base, value, &own);
  while (b->given && b->given[n]) n++;
  const char **words = mem_new((size_t)(n + own.n) + 1, sizeof *words, "the settings", e);
  for (int i = 0; words && i < n; i++) words[i] = b->given[i];
  for (int i = 0; words && i < own.n; i++) {
    words[n + i] = own.word[i].s;
    if (own.word[i].failed) fail(e, ELBO_E_MEMORY, "out of memory for the settings");
  }
  if (words && !e->status) time_point(b, a, words, value, ms, e);
  mem_free(words);
  for (int i = 0; i < own.n; i++) text_free(&own.word[i]);
  return e->status;
}

/* ---- an axis */
static bool fits(const bench *b, const struct axis *a, double value)
{
  if (!a->set) return value <= b->base->threads;
  return a->set != set_batch || value <= rows_of_data(b->base);
}

static void place_points(const bench *b, const struct axis *a, elbo_bench_axis *out)
{
  double base = a->base(b->base);
  *out = (elbo_bench_axis){ .name = a->name, .what = a->what, .cost = a->cost };
  for (int k = 0; k < ELBO_BENCH_POINTS && base > 0 && a->times[k] > 0; k++) {
    double value = (double)whole(base * a->times[k]);
    bool again = out->n && out->points[out->n - 1].value == value;
    if (fits(b, a, value) && !again) out->points[out->n++].value = value;
  }
  if (!out->n) snprintf(out->reason, sizeof out->reason, "the experiment has no such size");
}

static void drop_point(bench *b, elbo_bench_axis *out, size_t k, error *e)
{
  if (!out->reason[0])
    snprintf(out->reason, sizeof out->reason, "%.*s", (int)sizeof out->reason - 1, e->text);
  *e = (error){ 0 };
  for (out->n--; k < out->n; k++) {
    out->points[k] = out->points[k + 1];
    memcpy(b->ms[k], b->ms[k + 1], sizeof b->ms[k]);
  }
}

/* log ms = c + exponent log value, by least squares; the error from what is left over. */
static void fit(elbo_bench_axis *a)
{
  double n = (double)a->n, x = 0, y = 0, xx = 0, xy = 0, rest = 0;
  a->exponent = a->exponent_se = NAN;
  if (a->n < 3) return;
  for (size_t k = 0; k < a->n; k++) x += log(a->points[k].value) / n, y += log(a->points[k].ms) / n;
  for (size_t k = 0; k < a->n; k++) {
    double dx = log(a->points[k].value) - x;
    xx += dx * dx, xy += dx * (log(a->points[k].ms) - y);
  }
  a->exponent = xy / xx;
  for (size_t k = 0; k < a->n; k++) {
    double r = log(a->points[k].ms) - y - a->exponent * (log(a->points[k].value) - x);
    rest += r * r;
  }
  a->exponent_se = sqrt(rest / (n - 2) / xx);
}

static long rounds_of(const bench *b)
{
  return b->o->rounds <= 0 ? 3 : b->o->rounds > MOST_ROUNDS ? MOST_ROUNDS : b->o->rounds;
}

static void summarise(bench *b, elbo_bench_axis *out)
{
  size_t n = (size_t)rounds_of(b);
  for (size_t k = 0; k < out->n; k++) {
    sort_doubles(b->ms[k], n);
    out->points[k].ms = b->ms[k][n / 2];
    out->points[k].spread = (b->ms[k][n - 1] - b->ms[k][0]) / 2;
  }
  fit(out);
}

/* A size that the experiment refuses is left out, and the first refusal kept. */
static elbo_status walk_axis(bench *b, const struct axis *a, elbo_bench_axis *out, error *e)
{
  long rounds = rounds_of(b);
  for (long round = 0; round < rounds; round++)
    for (size_t k = 0; k < out->n;) {
      double done = ((double)round + (double)k / (double)out->n) / (double)rounds;
      if (b->o->progress) b->o->progress(b->o->user, a->name, done);
      if (b->o->stop && b->o->stop(b->o->user))
        return fail(e, ELBO_E_STOPPED, "stopped while %s was measured", a->name);
      time_value(b, a, out->points[k].value, &b->ms[k][round], e);
      if (e->status == ELBO_E_MEMORY) return e->status;
      if (e->status)
        drop_point(b, out, k, e);
      else
        k++;
    }
  summarise(b, out);
  return ELBO_DONE;
}

elbo_status elbo_bench_scale(elbo_context *ctx, const char *file, const char *const *given,
                             const elbo_bench_scale_options *options, elbo_bench_axis *out)
{
  error *e = context_enter(ctx);
  study *base = NULL;
  elbo_bench_scale_options o;
  if (options_take(&o, sizeof o, options, "elbo_bench_scale_options", e)) return e->status;
  if (study_from_file(ctx, file, given, NULL, &base)) return e->status;
  bench *b = mem_new(1, sizeof *b, "the times", e);
  if (b) *b = (bench){ .ctx = ctx, .file = file, .given = given, .o = &o, .base = base };
  for (int i = 0; b && i < ELBO_BENCH_AXES && !e->status; i++) {
    place_points(b, &axes[i], &out[i]);
    walk_axis(b, &axes[i], &out[i], e);
  }
  mem_free(b);
  study_free(base);
  return e->status;
}

/* ---- pictures */
static elbo_status draw_axis(const elbo_bench_axis *a, const char *title, const char *path,
                             error *e)
{
  double x[ELBO_BENCH_POINTS], ms[ELBO_BENCH_POINTS], line[ELBO_BENCH_POINTS], height = 0;
  for (size_t k = 0; k < a->n; k++) {
    x[k] = a->points[k].value, ms[k] = a->points[k].ms;
    height += log(ms[k] / pow(x[k], a->exponent)) / (double)a->n;
  }
  for (size_t k = 0; k < a->n; k++) line[k] = exp(height) * pow(x[k], a->exponent);
  char fitted[64], y_label[96];
  snprintf(fitted, sizeof fitted, "%s^%.2f", a->name, a->exponent);
  snprintf(y_label, sizeof y_label, "milliseconds of %s", a->cost);
  svg_curve curves[] = { { "measured", x, ms, a->n }, { fitted, x, line, a->n } };
  return svg_curves(path, title, a->what, y_label, curves, isfinite(a->exponent) ? 2 : 1, e);
}

/* Each axis from its first point, in powers of two: a line of slope 1 is proportional. */
static elbo_status draw_all(const elbo_bench_axis *a, const char *title, const char *path, error *e)
{
  double grown[ELBO_BENCH_AXES][ELBO_BENCH_POINTS], cost[ELBO_BENCH_AXES][ELBO_BENCH_POINTS];
  svg_curve curves[ELBO_BENCH_AXES];
  char label[ELBO_BENCH_AXES][96];
  size_t n = 0;
  for (int i = 0; i < ELBO_BENCH_AXES; i++) {
    for (size_t k = 0; k < a[i].n; k++) {
      grown[i][k] = log2(a[i].points[k].value / a[i].points[0].value);
      cost[i][k] = log2(a[i].points[k].ms / a[i].points[0].ms);
    }
    snprintf(label[i], sizeof label[i], "%s: exponent %.2f", a[i].name, a[i].exponent);
    if (a[i].n > 2) curves[n++] = (svg_curve){ label[i], grown[i], cost[i], a[i].n };
  }
  if (!n) return ELBO_DONE;
  return svg_curves(path, title, "doublings of the size", "doublings of the cost", curves, n, e);
}

elbo_status elbo_bench_scale_write(elbo_context *ctx, const char *title, const elbo_bench_axis *a,
                                   const char *directory)
{
  error *e = context_enter(ctx);
  char name[64];
  if (dir_make(directory, e)) return e->status;
  for (int i = -1; i < ELBO_BENCH_AXES && !e->status; i++) {
    if (i >= 0 && a[i].n < 2) continue;
    snprintf(name, sizeof name, "scale%s%s.svg", i < 0 ? "" : "_", i < 0 ? "" : a[i].name);
    char *path = path_join(directory, name, e);
    if (path && i < 0)
      draw_all(a, title, path, e);
    else if (path)
      draw_axis(&a[i], title, path, e);
    mem_free(path);
  }
  return e->status;
}
