/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probe.h - for the tests of graphs: a plan runner, and two ops that stand at the ends. `lift` lays
 * the first rows of a parameter along an axis, so that anything can have a gradient; `probe` is a
 * scalar sum of all its inputs' numbers, each times a weight of its own, taken in double, so that
 * its gradient is those weights. */
#ifndef TEST_GRAPH_PROBE_H
#define TEST_GRAPH_PROBE_H

#include "graph/activation.h"
#include "graph/ops.h"
#include "num/special.h"
#include "plugin/registry.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers that look random and are the same everywhere */
static inline double scattered(unsigned a, unsigned b, unsigned c, unsigned d)
{
  uint64_t x = 0x9e3779b97f4a7c15u * (1 + a + 131 * (b + 137 * (c + 139 * (uint64_t)d)));
  x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
  x ^= x >> 32;
  return (double)(x & 0xffffff) / 0xffffff;
}

static inline int activation_find(const char *name)
{
  int i = 0;
  while (strcmp(activation_table[i].name, name)) i++;
  return i;
}

/* ---- lift */
static elbo_status lift_shape(const graph *g, node *n, error *e)
{
  (void)e;
  n->shape = (shape){ *(const axis *)n->attr, 0, graph_node(g, n->in[0].node)->shape.cols };
  return ELBO_DONE;
}

static void lift_forward(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  (void)part, (void)parts;
  for (size_t i = 0; i < rows_of(r, n->shape); i++)
    memcpy(node_value(r, n) + i * n->ld, node_value(r, x) + i * x->ld,
           n->shape.cols * sizeof(float));
}

static void lift_vjp(run *r, const node *n, int part, int parts)
{
  const node *x = in_node(r, n, 0);
  size_t rows = rows_of(r, n->shape);
  (void)part, (void)parts;
  for (size_t i = 0; i < x->shape.rows; i++)
    for (size_t k = 0; k < x->shape.cols; k++) {
      float v = i < rows ? node_grad(r, n)[i * n->ld + k] : 0,
            *to = node_grad(r, x) + i * x->ld + k;
      *to = n->in[0].accumulate ? *to + v : v;
    }
}

static const op op_lift = { .name = "lift",
                            .in_min = 1,
                            .in_max = 1,
                            .shape = lift_shape,
                            .forward = { { NULL, lift_forward } },
                            .vjp = { { NULL, lift_vjp } } };

/* A parameter of as many rows as a full batch has along the axis, and what lifts it there. */
static inline node_id lifted(graph *g, const char *name, axis a, size_t rows, size_t cols,
                             node_id *param, error *e)
{
  *param = graph_param(g, name, rows, cols, e);
  return a == AXIS_FIXED ? *param : graph_add(g, &op_lift, name, param, 1, &a, sizeof a, e);
}

/* ---- probe */
static inline double probe_weight(int input, size_t row, size_t col)
{
  return scattered((unsigned)input, (unsigned)row, (unsigned)col, 7) - 0.4;
}

static elbo_status probe_shape(const graph *g, node *n, error *e)
{
  (void)g, (void)e;
  n->shape = (shape){ AXIS_FIXED, 1, 1 };
  return ELBO_DONE;
}

static inline double probe_sum(const run *r, const node *n)
{
  double sum = 0;
  for (int i = 0; i < n->n_in; i++) {
    const node *x = in_node(r, n, i);
    for (size_t row = 0; row < rows_of(r, x->shape); row++)
      for (size_t col = 0; col < x->shape.cols; col++)
        sum += probe_weight(i, row, col) * (double)node_value(r, x)[row * x->ld + col];
  }
  return sum;
}

static double probed; /* the last sum, before it was rounded */

static void probe_forward(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  probed = probe_sum(r, n);
  *node_value(r, n) = (float)probed;
}

static void probe_vjp(run *r, const node *n, int part, int parts)
{
  (void)part, (void)parts;
  for (int i = 0; i < n->n_in; i++) {
    const node *x = in_node(r, n, i);
    if (!n->in[i].wants_grad) continue;
    for (size_t row = 0; row < rows_of(r, x->shape); row++)
      for (size_t col = 0; col < x->shape.cols; col++) {
        float v = *node_grad(r, n) * (float)probe_weight(i, row, col),
              *to = node_grad(r, x) + row * x->ld + col;
        *to = n->in[i].accumulate ? *to + v : v;
      }
  }
}

static const op op_probe = { .name = "probe",
                             .in_min = 1,
                             .in_max = NODE_MAX_IN,
                             .shape = probe_shape,
                             .forward = { { NULL, probe_forward } },
                             .vjp = { { NULL, probe_vjp } } };

/* ---- what runs */
static registry *plugins;
static const elbo_backend *backend;

static void start_plugins(void)
{
  error e = { 0 };
  const char *directories[] = { PLUGIN_DIR, NULL };
  elbo_context_options o = { .size = sizeof o, .directories = directories, .trust_plugins = true };
  plugins = registry_new(&o, &e);
  ck_assert_msg(plugins != NULL, "%s", e.text);
  const plugin *p = registry_find(plugins, ELBO_KIND_BACKEND, "reference", &e);
  ck_assert_msg(p != NULL, "%s", e.text);
  backend = p->info.table;
}

static void end_plugins(void)
{
  registry_free(plugins);
}

typedef struct bench {
  graph *g;
  pool *pool;
  run *run;
  float *params, *grads;
  size_t floats;
} bench;

static inline bench bench_new(graph *g, int threads, uint64_t seed)
{
  error e = { 0 };
  bench b = { .g = g, .floats = graph_param_floats(g) };
  b.pool = pool_new(threads, &e);
  b.params = mem_new_aligned(b.floats, sizeof(float), "parameters", &e);
  b.grads = mem_new_aligned(b.floats, sizeof(float), "gradients", &e);
  run_env env = { b.pool, backend, cpu_level(), seed };
  b.run = run_new(g, &env, b.params, b.grads, &e);
  ck_assert_msg(b.run != NULL, "%s", e.text);
  b.run->env.pool = b.pool; /* small graphs too, so that threads are tested */
  return b;
}

static inline void bench_free(bench *b)
{
  run_free(b->run);
  pool_free(b->pool);
  mem_free(b->params);
  mem_free(b->grads);
}

static inline void bench_forward(bench *b, const step_args *a)
{
  error e = { 0 };
  ck_assert_msg(!run_forward(b->run, a, &e), "%s", e.text);
}

static inline void bench_step(bench *b, const step_args *a)
{
  error e = { 0 };
  bench_forward(b, a);
  ck_assert_msg(!run_backward(b->run, &e), "%s", e.text);
}

static inline int run_suite(Suite *s)
{
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}

#endif
