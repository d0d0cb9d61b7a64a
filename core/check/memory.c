/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls on buffers at the edge of a page that must not be touched; allocation; speed. */
#include "check/inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- every function once, on guarded buffers: x, w are inputs, dx and dw outputs */
enum { X, W, DX, DW, OUT, BUFFERS };
typedef struct {
  guarded g[BUFFERS];
  double *at[BUFFERS];
} buffers;

static void buffers_free(buffers *b)
{
  for (int i = 0; i < BUFFERS; i++) guarded_free(&b->g[i]);
}

static bool buffers_new(trial *t, buffers *b, const double *x, const double *w, bool before)
{
  const size_t n[BUFFERS] = { (size_t)t->u.E, (size_t)t->u.W, (size_t)t->u.E, (size_t)t->u.W,
                              (size_t)t->u.E };
  memset(b, 0, sizeof *b);
  for (int i = 0; i < BUFFERS; i++) {
    guard_kind kind = { .before = before, .read_only = i <= W };
    if (!check_that(t, guarded_new(&b->g[i], n[i] * sizeof(double), kind), "no memory")) {
      buffers_free(b);
      return false;
    }
    b->at[i] = b->g[i].at;
  }
  memcpy(b->g[X].host, x, n[X] * sizeof *x);
  memcpy(b->g[W].host, w, n[W] * sizeof *w);
  return true;
}

static void call_road(trial *t, const elbo_reparam *r, buffers *b)
{
  elbo_noise e = check_noise(3, 0);
  if (!r || ask_forward(t, r, &e, b->at[W], b->at[OUT]) != ELBO_OK) return;
  guarded ones;
  if (guarded_new(&ones, (size_t)t->u.E * sizeof(double), (guard_kind){ .read_only = true })) {
    for (int k = 0; k < t->u.E; k++) ((double *)ones.host)[k] = 1;
    ask_backward(t, r, b->at[OUT], b->at[W], ones.at, b->at[DW]);
  }
  guarded_free(&ones);
}

static void call_everything(trial *t, buffers *b)
{
  const elbo_family *f = t->u.family;
  double *const *at = b->at;
  ask_log_prob(t, at[X], at[W], at[DX], at[DW]);
  ask_log_prob(t, at[X], at[W], NULL, NULL);
  for (int which = ELBO_MEAN; f->moment && which <= ELBO_MODE; which++)
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
      f->kls[i].kl(&t->u.call, at[W], at[W], at[DW], NULL);
    }
}

static bool some_event(trial *t, int i, double *w, double *y)
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
  guarded in[MOST] = { 0 }, out[MOST] = { 0 }, value = { 0 };
  elbo_rows rows[MOST];
  float *dw[MOST];
  int n = 1 + (int)f->n_params;
  guard_kind input = { before, true }, output = { before, false };
  bool fine = t->u.log_prob_f32 && guarded_new(&value, ROWS * sizeof(float), output);
  for (int i = 0; i < n && fine; i++) {
    int width = i ? t->u.width[i - 1] : t->u.E;
    const double *from = i ? w + t->u.offset[i - 1] : y;
    size_t bytes = (size_t)(ROWS * D * width) * sizeof(float);
    fine = guarded_new(&in[i], bytes, input) && guarded_new(&out[i], bytes, output);
    for (int k = 0; fine && k < ROWS * D * width; k++)
      ((float *)in[i].host)[k] = (float)from[k % width];
    rows[i] = (elbo_rows){ in[i].at, (size_t)(D * width) };
    dw[i] = out[i].at;
  }
  note(t, "log_prob_f32", y, w);
  if (fine) t->u.log_prob_f32(&t->u.call, ROWS, D, rows[0], rows + 1, value.at, dw[0], dw + 1);
  for (int i = 0; i < n; i++) guarded_free(&in[i]), guarded_free(&out[i]);
  guarded_free(&value);
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
      buffers_free(&b);
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
      buffers_free(&b);
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
  watch *a = watch_start(t->u.family);
  if (!a) {
    check_absent(t, "the plugin's linkage table can't be read here");
    buffers_free(&b);
    return;
  }
  call_everything(t, &b);
  guard_kernel(t, y, w, false);
  n = watch_stop(a);
  buffers_free(&b);
  check_that(t, n == 0, "%ld calls of malloc and its like from [exec] functions", n);
  check_says(t, "no call of malloc and its like from the plugin");
}

/* ---- speed */
static double seconds(void)
{
  struct timespec s;
  clock_gettime(CLOCK_MONOTONIC, &s);
  return (double)s.tv_sec + 1e-9 * (double)s.tv_nsec;
}

/* ns an event of log_prob with gradients; the least of several goes. */
static double double_ns(trial *t)
{
  enum { CALLS = 500, GOES = 5 };
  double w[CHECK_MAX_W], y[CHECK_MAX_E], dx[CHECK_MAX_E], dw[CHECK_MAX_W], best = INFINITY;
  if (!some_event(t, 0, w, y)) return NAN;
  for (int g = 0; g < GOES; g++) {
    double start = seconds();
    for (int i = 0; i < CALLS; i++) t->u.family->log_prob(&t->u.call, y, w, dx, dw);
    best = fmin(best, (seconds() - start) * 1e9 / CALLS);
  }
  return best / t->u.E;
}

static double float_ns(trial *t)
{
  enum { EVENTS = 2048, GOES = 5 };
  double w[CHECK_MAX_W], y[CHECK_MAX_E], best = INFINITY;
  int n = 1 + (int)t->u.family->n_params;
  float *in[1 + FAMILY_MAX_PARAMS], *out[1 + FAMILY_MAX_PARAMS], value;
  elbo_rows rows[1 + FAMILY_MAX_PARAMS];
  if (!t->u.log_prob_f32 || !some_event(t, 0, w, y)) return NAN;
  bool fine = true;
  for (int i = 0; i < n; i++) {
    int width = i ? t->u.width[i - 1] : t->u.E;
    in[i] = malloc((size_t)(EVENTS * width) * sizeof(float));
    out[i] = malloc((size_t)(EVENTS * width) * sizeof(float));
    fine = fine && in[i] && out[i];
    for (int k = 0; fine && k < EVENTS * width; k++)
      in[i][k] = (float)(i ? w[t->u.offset[i - 1] + k % width] : y[k % width]);
    rows[i] = (elbo_rows){ in[i], 0 };
  }
  for (int g = 0; fine && g < GOES; g++) {
    double start = seconds();
    t->u.log_prob_f32(&t->u.call, 1, EVENTS, rows[0], rows + 1, &value, out[0], out + 1);
    best = fmin(best, (seconds() - start) * 1e9 / EVENTS);
  }
  for (int i = 0; i < n; i++) free(in[i]), free(out[i]);
  return best / t->u.E;
}

void check_speed(trial *t)
{
  double low = INFINITY, high = 0, own = double_ns(t), fast = float_ns(t);
  int others = 0;
  for (size_t i = 0; i < registry_count(t->registry); i++) {
    trial other = *t;
    other.plugin = registry_at(t->registry, i);
    if (other.plugin == t->plugin || strcmp(other.plugin->info.kind, "family")) continue;
    if (!check_dim(&other, family_has_dim(other.plugin->info.table) ? 3 : 1)) continue;
    double ns = double_ns(&other);
    if (isnan(ns)) continue;
    low = fmin(low, ns);
    high = fmax(high, ns);
    others++;
  }
  char kernel[64] = "no float kernel", beside[96] = "";
  if (!isnan(fast)) snprintf(kernel, sizeof kernel, "%.2f ns by the float kernel", fast);
  if (others)
    snprintf(beside, sizeof beside, "; %d other families %.0f to %.0f ns in double", others, low,
             high);
  check_that(t, !isnan(own), "no event to time");
  check_says(t, "%.0f ns an element in double, %s%s", own, kernel, beside);
}
