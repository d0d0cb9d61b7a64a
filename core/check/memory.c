/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every function on buffers at the edge of a page that must not be touched; allocation. */
#include "check/inside.h"

#include <math.h>
#include <string.h>

/* ---- every function once, on guarded buffers: x, w are inputs, dx and dw outputs */
enum { X, W, W2, DX, DW, DW2, OUT, BUFFERS };
typedef struct {
  fence g[BUFFERS];
  double *at[BUFFERS];
} buffers;

static bool buffers_new(trial *t, buffers *b, const double *x, const double *w, bool before)
{
  static const char *const names[BUFFERS] = { "x", "w", "w2", "dx", "dw", "dw2", "out" };
  size_t E = (size_t)t->u.E, numbers = (size_t)t->u.W;
  const size_t n[BUFFERS] = { E, numbers, numbers, E, numbers, numbers, E };
  memset(b, 0, sizeof *b);
  for (int i = 0; i < BUFFERS; i++) {
    guard_kind kind = { .before = before, .read_only = i <= W2 };
    if (!fence_new(t, &b->g[i], names[i], n[i], sizeof(double), kind)) return false;
    b->at[i] = b->g[i].at;
  }
  memcpy(b->g[X].host, x, n[X] * sizeof *x);
  memcpy(b->g[W].host, w, n[W] * sizeof *w);
  memcpy(b->g[W2].host, w, n[W] * sizeof *w);
  return true;
}

static void buffers_shut(buffers *b)
{
  for (int i = 0; i < BUFFERS; i++) fence_shut(&b->g[i]);
}

/* The value goes back as an input: out of a buffer that may be read alone. */
static void call_road(trial *t, const elbo_reparam *r, buffers *b)
{
  elbo_noise e = check_noise(3, 0);
  size_t E = (size_t)t->u.E;
  fence ones, from;
  guard_kind input = { .read_only = true };
  if (!r || ask_forward(t, r, &e, b->at[W], b->at[OUT]) != ELBO_OK) return;
  if (!fence_new(t, &ones, "dx", E, sizeof(double), input) ||
      !fence_new(t, &from, "x", E, sizeof(double), input))
    return;
  for (size_t k = 0; k < E; k++) ((double *)ones.host)[k] = 1;
  memcpy(from.host, b->at[OUT], E * sizeof(double));
  ask_backward(t, r, from.at, b->at[W], ones.at, b->at[DW]);
  fence_shut(&ones);
  fence_shut(&from);
}

static void call_everything(trial *t, buffers *b)
{
  const elbo_family *f = t->u.family;
  double *const *at = b->at;
  ask_log_prob(t, at[X], at[W], at[DX], at[DW]);
  ask_log_prob(t, at[X], at[W], NULL, NULL);
  for (int which = ELBO_ENTROPY; f->moment && which <= ELBO_MODE; which++)
    ask_moment(t, which, at[W], at[OUT]);
  if (f->cdf && !f->event_rank)
    for (int upper = 0; upper < 2; upper++) ask_cdf(t, at[X][0], at[W], upper, at[DW]);
  if (f->icdf && !f->event_rank) ask_icdf(t, 0.3, at[W], at[DW]);
  elbo_noise e = check_noise(3, 0);
  ask_draw(t, &e, at[W], at[OUT]);
  call_road(t, own_road(t), b);
  for (uint32_t i = 0; i < f->n_kls; i++)
    if (!strcmp(f->kls[i].q, f->name) && !strcmp(f->kls[i].p, f->name)) {
      note(t, "kl", NULL, at[W]);
      f->kls[i].kl(&t->u.call, at[W], at[W2], at[DW], at[DW2]);
    }
}

bool some_event(trial *t, int i, double *w, double *y)
{
  elbo_noise e = check_noise(4, (uint32_t)i);
  if (!grid_at(t, i, w)) return false;
  if (ask_draw(t, &e, w, y) == ELBO_OK) return true;
  if (family_is_discrete(t->u.family)) return !isnan(y[0] = discrete_point(t, 0, w));
  space s;
  double v[SPACE_MAX];
  if (!space_open(&s, t, w)) return false;
  space_value(&s, s.mode, y);
  (void)v;
  return true;
}

/* The float kernel, on rows that end at the page. */
static void guard_kernel(trial *t, const double *y, const double *w, bool before)
{
  enum { ROWS = 3, D = 5, MOST = 1 + FAMILY_MAX_PARAMS };
  const elbo_family *f = t->u.family;
  fence in[MOST], out[MOST], value;
  elbo_rows rows[MOST];
  float *dw[MOST];
  int n = 1 + (int)f->n_params;
  guard_kind input = { before, true }, output = { before, false };
  if (!t->u.log_prob_f32 || !fence_new(t, &value, "value", ROWS, sizeof(float), output)) return;
  for (int i = 0; i < n; i++) {
    int width = i ? t->u.width[i - 1] : t->u.E;
    const double *from = i ? w + t->u.offset[i - 1] : y;
    size_t count = (size_t)(ROWS * D * width);
    if (!fence_new(t, &in[i], i ? "w[p]" : "x", count, sizeof(float), input) ||
        !fence_new(t, &out[i], i ? "dw[p]" : "dx", count, sizeof(float), output))
      return;
    for (size_t k = 0; k < count; k++) ((float *)in[i].host)[k] = (float)from[k % (size_t)width];
    rows[i] = (elbo_rows){ in[i].at, (size_t)(D * width) };
    dw[i] = out[i].at;
  }
  note(t, "log_prob_f32", y, w);
  t->u.log_prob_f32(&t->u.call, ROWS, D, rows[0], rows + 1, value.at, dw[0], dw + 1);
  for (int i = 0; i < n; i++) fence_shut(&in[i]), fence_shut(&out[i]);
  fence_shut(&value);
}

/* Buffers that are gone after the call: what the plugin kept of them kills it at the next. */
void check_guard(trial *t)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E];
  int n = 0;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    if (!some_event(t, i, w, y)) continue;
    for (int before = 0; before < 2; before++, n++) {
      buffers b;
      if (!buffers_new(t, &b, y, w, before)) return;
      call_everything(t, &b);
      buffers_shut(&b);
      guard_kernel(t, y, w, before);
    }
  }
  check_says(t, "%d sets of buffers", n);
}

int guard_road(trial *t, const elbo_reparam *r)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E] = { 0 };
  int n = 0;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    if (!grid_at(t, i, w)) continue;
    for (int before = 0; before < 2; before++, n++) {
      buffers b;
      if (!buffers_new(t, &b, y, w, before)) return n;
      call_road(t, r, &b);
      buffers_shut(&b);
    }
  }
  return n;
}

/* ---- allocation */
void check_allocation(trial *t)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E];
  long n = 0;
  buffers b;
  if (!some_event(t, 0, w, y) || !buffers_new(t, &b, y, w, false)) return;
  watch *a = watch_start((void (*)(void))t->u.family->log_prob);
  if (!a) {
    check_absent(t, "the plugin's linkage table can't be read here");
    buffers_shut(&b);
    return;
  }
  call_everything(t, &b);
  guard_kernel(t, y, w, false);
  n = watch_stop(a);
  buffers_shut(&b);
  check_that(t, n == 0, "%ld calls of malloc and its like from [exec] functions", n);
  check_says(t, "no call of malloc and its like from the plugin");
}
