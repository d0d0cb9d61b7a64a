/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Properties of a reparametrizer: tried on every loaded family to which it says it applies. */
#include "check/inside.h"
#include "base/clock.h"
#include "num/special.h"

#include <math.h>
#include <string.h>

static const elbo_reparam *road_of(const trial *t)
{
  return t->plugin->info.table;
}

/* The i-th plugin as a family to which the road applies, bound; its draws may still be refused by
 * the engine's limits. */
static bool applies(const trial *road, size_t i, trial *t)
{
  *t = *road;
  t->plugin = registry_at(road->registry, i);
  if (strcmp(t->plugin->info.kind, "family")) return false;
  note(t, "missing", NULL, NULL);
  if (road_of(road)->missing(t->plugin->info.table)) return false;
  return check_dim(t, family_has_dim(t->plugin->info.table) ? 3 : 1);
}

typedef int on_family(trial *, const elbo_reparam *);

/* The sum of what `on` counts over all families it applies to. */
static void each_family(trial *road, on_family *on, const char *what)
{
  int n = 0, families = 0;
  for (size_t i = 0; i < registry_count(road->registry) && !check_failed(road); i++) {
    trial t;
    if (!applies(road, i, &t)) continue;
    int here = on(&t, road_of(road));
    n += here;
    families += here > 0;
    if (check_failed(road)) return;
  }
  check_says(road, "%d %s over %d families", n, what, families);
  if (!n) check_absent(road, "no loaded family to which it applies can show it");
}

static void descriptor(trial *road)
{
  const elbo_reparam *r = road_of(road);
  int families = 0, all = 0;
  check_that(road, r->summary[0], "the summary is empty");
  for (size_t i = 0; i < registry_count(road->registry); i++) {
    const plugin *p = registry_at(road->registry, i);
    if (strcmp(p->info.kind, "family")) continue;
    note(road, "missing", NULL, NULL);
    const char *missing = r->missing(p->info.table);
    all++;
    families += !missing;
    check_that(road, !missing || missing[0], "missing(%s) is an empty text", p->info.name);
  }
  check_says(road, "applies to %d of %d families", families, all);
}

static int support_of(trial *t, const elbo_reparam *r)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E];
  int n = 0;
  for (int i = 0; i < grid_size(t); i++) {
    bool vector = t->u.family->event_rank;
    if (!(vector ? grid_moderate(t, (uint32_t)i, w) : grid_at(t, i, w)) || !space_reached(t, w))
      continue;
    for (uint32_t k = 0; k < 100; k++, n++) {
      elbo_noise e = check_noise(21, k);
      elbo_rc rc = ask_forward(t, r, &e, w, y);
      check_that(t, rc == ELBO_OK, "forward answers %d for %s at %s", (int)rc, t->u.family->name,
                 place_of(t, NULL, w).text);
      if (rc == ELBO_OK && !(ask_log_prob(t, y, w, NULL, NULL) > -INFINITY))
        check_that(t, false, "a draw of %s has no density at %s", t->u.family->name,
                   place_of(t, y, w).text);
    }
  }
  return n;
}

static int pathwise_families(trial *t, const elbo_reparam *r)
{
  return has_pathwise(t) ? pathwise_of(t, r) : 0;
}

static int continuity_families(trial *t, const elbo_reparam *r)
{
  return family_is_discrete(t->u.family) ? 0 : continuity_of(t, r);
}

static int linear_of(trial *t, const elbo_reparam *r)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E], dx[CHECK_MAX_E], one[CHECK_MAX_W], two[CHECK_MAX_W];
  int n = 0;
  for (uint32_t i = 0; i < 20; i++) {
    elbo_noise e = check_noise(22, i);
    if (!grid_moderate(t, i, w)) continue;
    if (ask_forward(t, r, &e, w, y) != ELBO_OK) continue;
    for (int k = 0; k < t->u.E; k++) dx[k] = 1 + k;
    if (ask_backward(t, r, y, w, dx, one) != ELBO_OK) continue;
    for (int k = 0; k < t->u.E; k++) dx[k] *= -2;
    if (ask_backward(t, r, y, w, dx, two) != ELBO_OK) continue;
    for (int k = 0; k < t->u.W; k++, n++)
      check_that(t,
                 !grid_learned(t, k) || fabs(two[k] + 2 * one[k]) <= 1e-12 * fabs(two[k]) + 1e-300,
                 "backward is not linear in dx: %.12g for dx, %.12g for -2 dx with %s at %s",
                 one[k], two[k], t->u.family->name, place_of(t, y, w).text);
  }
  return n;
}

static int same_bits_of(trial *t, const elbo_reparam *r)
{
  enum { N = 32 };
  double w[CHECK_MAX_W], forth[N][CHECK_MAX_E] = { { 0 } }, back[N][CHECK_MAX_E] = { { 0 } };
  grid_at(t, 0, w);
  for (int k = 0; k < N; k++) {
    elbo_noise e = check_noise(23, (uint32_t)k);
    ask_forward(t, r, &e, w, forth[k]);
  }
  for (int k = N - 1; k >= 0; k--) {
    elbo_noise e = check_noise(23, (uint32_t)k);
    ask_forward(t, r, &e, w, back[k]);
  }
  check_that(t, !memcmp(forth, back, sizeof forth),
             "draws of %s from the same streams in another order differ", t->u.family->name);
  return N;
}

/* ---- the float road, a row of events, against the double one */
static bool near(float a, double b)
{
  return fabs((double)a - b) <= 2e-5 * (1 + fabs(b)) || (float)b == a;
}

enum { ROW = 13 };
/* A row of ROW events, as the kernels see it. */
typedef struct {
  float w[FAMILY_MAX_PARAMS][ROW * CHECK_MAX_W], dw[FAMILY_MAX_PARAMS][ROW * CHECK_MAX_W];
  float x[ROW * CHECK_MAX_E], dx[ROW * CHECK_MAX_E];
} float_row;

/* Between the working numbers of event j, flat, and the row of each parameter. */
static float *at_number(const trial *t, float w[][ROW * CHECK_MAX_W], int j, uint32_t p, int k)
{
  return &w[p][j * t->u.width[p] + k];
}

static bool kernels_run(trial *t, const elbo_reparam *r, int level, float_row *f)
{
  const float *w[FAMILY_MAX_PARAMS];
  float *dw[FAMILY_MAX_PARAMS];
  double flat[CHECK_MAX_W];
  elbo_noise first = check_noise(24, 0);
  elbo_noise_row noise = { .key = first.key, .row = first.row, .step = first.step, .level = level };
  for (int j = 0; j < ROW; j++) {
    if (!grid_moderate(t, (uint32_t)j, flat)) param_standard(&t->u, flat);
    for (uint32_t p = 0; p < t->u.family->n_params; p++)
      for (int k = 0; k < t->u.width[p]; k++)
        *at_number(t, f->w, j, p, k) = (float)flat[t->u.offset[p] + k];
  }
  for (int p = 0; p < FAMILY_MAX_PARAMS; p++) w[p] = f->w[p], dw[p] = f->dw[p];
  for (int i = 0; i < ROW * t->u.E; i++) f->dx[i] = 1.5f;
  note(t, "forward_f32", NULL, NULL);
  if (r->forward_f32[level](t->u.family, &t->u.call, &noise, ROW, w, f->x) != ELBO_OK) return false;
  note(t, "backward_f32", NULL, NULL);
  return r->backward_f32[level](t->u.family, &t->u.call, ROW, f->x, w, f->dx, dw) == ELBO_OK;
}

static void near_double(trial *t, int level, const char *what, float found, double want)
{
  check_that(t, near(found, want), "level %d, %s of %s: found %.9g, expected %.9g", level, what,
             t->u.family->name, (double)found, want);
}

static void event_against_double(trial *t, const elbo_reparam *r, int level, float_row *f, int j)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E], dx[CHECK_MAX_E], dw[CHECK_MAX_W];
  const float *x = f->x + j * t->u.E;
  elbo_noise e = check_noise(24, (uint32_t)j);
  for (uint32_t p = 0; p < t->u.family->n_params; p++)
    for (int k = 0; k < t->u.width[p]; k++)
      w[t->u.offset[p] + k] = (double)*at_number(t, f->w, j, p, k);
  ask_forward(t, r, &e, w, y);
  for (int k = 0; k < t->u.E; k++) near_double(t, level, "forward_f32", x[k], y[k]);
  for (int k = 0; k < t->u.E; k++) y[k] = (double)x[k], dx[k] = 1.5;
  ask_backward(t, r, y, w, dx, dw);
  for (uint32_t p = 0; p < t->u.family->n_params; p++)
    for (int k = 0; k < t->u.width[p]; k++)
      near_double(t, level, "backward_f32", *at_number(t, f->dw, j, p, k), dw[t->u.offset[p] + k]);
}

static int kernel_level(trial *t, const elbo_reparam *r, int level)
{
  float_row f;
  if (!kernels_run(t, r, level, &f)) return 0;
  for (int j = 0; j < ROW; j++) event_against_double(t, r, level, &f, j);
  return ROW;
}

static int kernel_of(trial *t, const elbo_reparam *r)
{
  int n = 0;
  for (int level = 0; level < ELBO_LEVELS; level++)
    if (r->forward_f32[level] && level <= registry_level(t->registry))
      n += kernel_level(t, r, level);
  return n;
}

static int allocation_of(trial *t, const elbo_reparam *r)
{
  watch *a = watch_start((void (*)(void))r->forward);
  if (!a) return 0;
  int n = guard_road(t, r);
  long calls = watch_stop(a);
  check_that(t, calls == 0, "%ld calls of malloc and its like with %s", calls, t->u.family->name);
  return n;
}

/* ---- speed: ns an event, forward and back */
static int speed_of(trial *t, const elbo_reparam *r)
{
  enum { N = 2000 };
  double w[CHECK_MAX_W], y[CHECK_MAX_E] = { 0 }, dx[CHECK_MAX_E], dw[CHECK_MAX_W];
  for (int k = 0; k < CHECK_MAX_E; k++) dx[k] = 1;
  if (!grid_at(t, 0, w)) return 0;
  double start = clock_seconds();
  for (uint32_t i = 0; i < N; i++) {
    elbo_noise e = check_noise(25, i);
    r->forward(t->u.family, &t->u.call, &e, w, y);
    r->backward(t->u.family, &t->u.call, y, w, dx, dw);
  }
  return (int)((clock_seconds() - start) * 1e9 / N) + 1;
}

static void r_speed(trial *road)
{
  int low = 0, high = 0, n = 0;
  for (size_t i = 0; i < registry_count(road->registry); i++) {
    trial t;
    if (!applies(road, i, &t)) continue;
    int ns = speed_of(&t, road_of(road));
    low = !n || ns < low ? ns : low;
    high = ns > high ? ns : high;
    n++;
  }
  check_says(road, "%d to %d ns an event there and back, %d families", low, high, n);
  if (!n) check_absent(road, "no loaded family to which it applies");
}

static void r_support(trial *t)
{
  each_family(t, support_of, "draws");
}
static void r_linear(trial *t)
{
  each_family(t, linear_of, "numbers");
}
static void r_pathwise(trial *t)
{
  each_family(t, pathwise_families, "derivatives");
}
static void r_continuity(trial *t)
{
  each_family(t, continuity_families, "balances");
}
static void r_same_bits(trial *t)
{
  each_family(t, same_bits_of, "draws");
}
static void r_kernel(trial *t)
{
  each_family(t, kernel_of, "events");
}
static void r_guard(trial *t)
{
  each_family(t, guard_road, "sets of buffers");
}
static void r_allocation(trial *t)
{
  each_family(t, allocation_of, "sets of buffers");
}

const property reparam_properties[] = {
  { "descriptor", descriptor, "names and what is missing say what they mean" },
  { "draws_support", r_support, "draws lie where the family has density" },
  { "linear", r_linear, "backward is linear in dx" },
  { "pathwise", r_pathwise, "dz/dp against -(dF/dp)/f" },
  { "continuity", r_continuity,
    "dz/dp carries the density: d log q/dp + div v + v grad log q = 0" },
  { "kernel", r_kernel, "the float road against the double one" },
  { "same_bits", r_same_bits, "the same seed gives the same draws, in any order" },
  { "guard_pages", r_guard, "no buffer is overrun, kept or, if an input, written" },
  { "no_allocation", r_allocation, "[exec] functions allocate nothing" },
  { "speed", r_speed, "nanoseconds an event" },
  { .name = NULL },
};
