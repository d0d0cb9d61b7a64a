/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A family's batch functions, timed: as a step calls them, and by the double functions alone. */
#include "base/clock.h"
#include "dist/batch.h"
#include "infer/context.h"

#include <math.h>

enum { ROWS = 16, EVENTS = 64, REPEATS = 5, DIMENSION = 8 };

/* A block of values at the standard parameters, and room for its gradients. */
typedef struct block {
  const registry *registry;
  family_use use;
  road_use road;
  bool has_road;
  elbo_noise_row noise[ROWS];
  float *x, *dx, *w[FAMILY_MAX_PARAMS], *dw[FAMILY_MAX_PARAMS];
  elbo_rows rows[FAMILY_MAX_PARAMS]; /* every row sees the same parameters */
  float value[ROWS];
} block;

static void block_free(block *b)
{
  mem_free(b->x), mem_free(b->dx);
  for (int p = 0; p < FAMILY_MAX_PARAMS; p++) mem_free(b->w[p]), mem_free(b->dw[p]);
}

static void set_params(block *b)
{
  double w[FAMILY_MAX_NUMBERS];
  param_standard(&b->use, w);
  for (uint32_t p = 0; p < b->use.family->n_params; p++) {
    size_t width = (size_t)b->use.width[p];
    for (size_t k = 0; k < EVENTS * width; k++)
      b->w[p][k] = (float)w[(size_t)b->use.offset[p] + k % width];
    b->rows[p] = (elbo_rows){ b->w[p], 0 };
  }
}

static elbo_status block_make(block *b, const char *name, error *e)
{
  const plugin *found = registry_find(b->registry, ELBO_KIND_FAMILY, name, e);
  if (!found) return e->status;
  int K = family_has_dim(found->info.table) ? DIMENSION : 1;
  if (family_bind(b->registry, name, K, &b->use, e)) return e->status;
  size_t numbers = EVENTS * (size_t)b->use.E;
  b->x = mem_new(ROWS * numbers, sizeof *b->x, "values", e);
  b->dx = mem_new(ROWS * numbers, sizeof *b->dx, "values", e);
  for (uint32_t p = 0; p < b->use.family->n_params; p++) {
    size_t width = (size_t)b->use.width[p];
    b->w[p] = mem_new(EVENTS * width, sizeof(float), "parameters", e);
    b->dw[p] = mem_new(ROWS * EVENTS * width, sizeof(float), "gradients", e);
  }
  if (e->status) return e->status;
  set_params(b);
  b->has_road = b->use.family->reparam && !road_bind(b->registry, &b->use, NULL, &b->road, NULL);
  for (uint32_t i = 0; i < ROWS; i++)
    b->noise[i] = (elbo_noise_row){ .key = philox_make_key(1, STREAM_SAMPLE),
                                    .row = i,
                                    .level = b->use.level };
  return ELBO_DONE;
}

/* What is timed: one pass over the block. */
typedef elbo_rc pass(block *b);
static elbo_rc value_pass(block *b)
{
  return batch_log_prob(&b->use, ROWS, EVENTS, (elbo_rows){ b->x, EVENTS * (size_t)b->use.E },
                        b->rows, b->value, NULL, NULL);
}
static elbo_rc gradient_pass(block *b)
{
  return batch_log_prob(&b->use, ROWS, EVENTS, (elbo_rows){ b->x, EVENTS * (size_t)b->use.E },
                        b->rows, b->value, b->dx, b->dw);
}
static elbo_rc draw_pass(block *b)
{
  return b->has_road ? batch_draw(&b->road, ROWS, EVENTS, b->noise, b->rows, b->x)
                     : batch_sample(b->registry, &b->use, ROWS, EVENTS, b->noise, b->rows, b->x);
}

/* Nanoseconds of an event: the least of REPEATS stretches of at least 2 ms. */
static double cost_of(pass *run, block *b)
{
  double least = INFINITY;
  if (run(b) != ELBO_OK) return NAN;
  for (int k = 0; k < REPEATS; k++) {
    double start = clock_seconds(), seconds = 0;
    int n = 0;
    for (; seconds < 2e-3; n++) {
      if (run(b) != ELBO_OK) return NAN;
      seconds = clock_seconds() - start;
    }
    least = fmin(least, seconds / n);
  }
  return 1e9 * least / (ROWS * EVENTS);
}

/* Draws first: the densities are taken at what was drawn. */
static elbo_bench_costs costs_of(block *b)
{
  elbo_bench_costs c = { .draw = cost_of(draw_pass, b) };
  bool drawn = !isnan(c.draw);
  c.log_prob = drawn ? cost_of(value_pass, b) : NAN;
  c.gradient = drawn ? cost_of(gradient_pass, b) : NAN;
  return c;
}

elbo_status elbo_bench_family_cost(elbo_context *ctx, const char *name, elbo_bench_family *out)
{
  error *e = context_enter(ctx);
  block b = { .registry = ctx->registry };
  if (!block_make(&b, name, e)) {
    *out = (elbo_bench_family){ .K = b.use.K,
                                .kernel = b.use.log_prob_f32 != NULL,
                                .fast_draw = b.has_road && b.road.forward,
                                .f32 = costs_of(&b) };
    b.use.log_prob_f32 = NULL;
    b.road.forward = NULL, b.road.backward = NULL;
    out->f64 = costs_of(&b);
  }
  block_free(&b);
  return e->status;
}
