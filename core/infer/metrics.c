/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/metrics.h"
#include "infer/curves.h"
#include "io/json.h"
#include "io/picture.h"

#include <math.h>
#include <string.h>

void metrics_means(const sums *s, elbo_progress *p)
{
  double rows = s->rows ? (double)s->rows : NAN, steps = s->steps ? (double)s->steps : NAN;
  p->objective = s->objective / steps;
  p->reconstruction = s->reconstruction / rows;
  p->kl = s->kl / rows;
  p->elbo = p->reconstruction - p->kl;
  p->grad_norm = s->grad_norm / steps;
}

elbo_status metrics_line(line_log *log, const elbo_progress *p, double kl_weight,
                         double learning_rate, error *e)
{
  bool train = !strcmp(p->split, "train");
  text t = { 0 };
  json_out j;
  json_begin(&j, &t);
  json_open(&j, NULL, '{');
  if (!train) json_string(&j, "split", p->split);
  json_int(&j, "step", (int64_t)p->step);
  json_number(&j, "epoch", p->epoch);
  json_number(&j, "objective", train ? p->objective : p->elbo);
  json_number(&j, "elbo", p->elbo);
  json_number(&j, "reconstruction", p->reconstruction);
  json_number(&j, "kl", p->kl);
  json_number(&j, "grad_norm", train ? p->grad_norm : NAN);
  json_float(&j, "seconds", p->seconds, 6);
  json_float(&j, "rows_per_second", train ? p->rows_per_second : NAN, 6);
  if (train) json_number(&j, "learning_rate", learning_rate);
  if (train && kl_weight != 1) json_number(&j, "kl_weight", kl_weight);
  json_close(&j, '}');
  text_add(&t, "\n");
  if (t.failed)
    fail(e, ELBO_E_MEMORY, "out of memory while writing metrics");
  else
    line_log_write(log, t.s, t.n, e);
  text_free(&t);
  return e->status;
}

elbo_status metrics_summary(const char *path, const study *s, const elbo_train_result *r,
                            const char *versions, error *e)
{
  text t = { 0 };
  json_out j;
  json_begin(&j, &t);
  json_open(&j, NULL, '{');
  json_string(&j, "name", s->x->name);
  json_int(&j, "seed", (int64_t)s->x->seed);
  json_int(&j, "steps", (int64_t)r->steps);
  json_int(&j, "epochs", r->epochs);
  json_open(&j, "elbo", '{');
  json_number(&j, "train", r->elbo_train);
  json_number(&j, "test", r->elbo_test);
  json_close(&j, '}');
  json_float(&j, "seconds", r->seconds, 6);
  json_float(&j, "rows_per_second", r->rows_per_second, 6);
  json_string(&j, "versions", versions);
  json_close(&j, '}');
  text_add(&t, "\n");
  if (t.failed)
    fail(e, ELBO_E_MEMORY, "out of memory while writing the summary");
  else
    file_write_whole(path, t.s, t.n, e);
  text_free(&t);
  return e->status;
}

/* ---- lines read again */
typedef struct {
  double step; /* the last that is kept */
  int64_t keep;
  double seconds;
} cut;

static bool keep_line(void *user, const char *line, size_t n)
{
  cut *c = user;
  char why[128];
  json_value *v = n < LINE_MOST ? json_read(line, n, why, sizeof why) : NULL;
  bool in = v && json_number_of(json_get(v, "step")) <= c->step;
  if (in) {
    c->keep += (int64_t)n + 1;
    c->seconds = fmax(c->seconds, json_number_of(json_get(v, "seconds")));
  }
  json_free(v);
  return in;
}

elbo_status metrics_cut(const char *metrics, uint64_t step, int64_t *keep, double *seconds,
                        error *e)
{
  cut c = { .step = (double)step };
  bool there;
  *keep = 0, *seconds = 0;
  if (file_look(metrics, &there, e) || !there) return e->status;
  file *f = file_open(metrics, ELBO_E_FILES, e);
  if (f && !file_lines(f, keep_line, &c, e)) *keep = c.keep, *seconds = c.seconds;
  file_close(f);
  return e->status;
}

/* ---- curves */
elbo_status metrics_curves(const char *metrics, const char *svg, const char *title, error *e)
{
  static const char *const labels[] = { "ELBO, training", "ELBO, validation", "ELBO, test" };
  svg_curve drawn[CURVE_SPLITS];
  size_t n = 0;
  curves *c;
  if (curves_read(metrics, &c, e)) return e->status;
  for (int i = 0; i < CURVE_SPLITS; i++) {
    const curve *from = &c->of[i][CURVE_ELBO];
    if (from->n) drawn[n++] = (svg_curve){ labels[i], from->x[CURVE_EPOCH], from->y, from->n };
  }
  if (n) svg_curves(svg, title, "epoch", "nats per row", drawn, n, e);
  mem_free(c);
  return e->status;
}
