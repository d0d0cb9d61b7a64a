/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters of nets: names, shapes, places, and what they start as. */
#include "nn/net.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t wide[] = { 300, 200 };

static graph *make(int init, double scale, float **params, uint64_t seed, const char *prefix)
{
  error e = { 0 };
  graph *g = graph_new(&e);
  net_spec s = {
    .present = true, .hidden = wide, .n_hidden = 2, .init = init, .init_scale = scale
  };
  head_spec heads[] = { { "loc", 5 }, { "log_scale", 1 } };
  net_params p = { 0 };
  ck_assert_msg(!net_make_params(g, prefix, &s, 40, heads, 2, &p, &e), "%s", e.text);
  ck_assert(p.n_heads == 2 && p.first[0] == 0 && p.rows[0] == 5 && p.first[1] == 5 &&
            p.rows[1] == 1);
  *params = malloc(graph_param_floats(g) * sizeof **params);
  init_params(g, seed, *params);
  return g;
}

static const named_tensor *find(const graph *g, const char *name)
{
  for (int i = 0; i < graph_tensor_count(g); i++)
    if (!strcmp(graph_tensor(g, i)->name, name)) return graph_tensor(g, i);
  ck_abort_msg("no tensor %s", name);
  return NULL;
}

START_TEST(names_and_shapes)
{
  static const struct {
    const char *name;
    int rank;
    size_t a, b;
  } rows[] = {
    { "q.z.net.0.weight", 2, 300, 40 },         { "q.z.net.0.bias", 1, 300, 0 },
    { "q.z.net.1.weight", 2, 200, 300 },        { "q.z.net.1.bias", 1, 200, 0 },
    { "q.z.head.loc.weight", 2, 5, 200 },       { "q.z.head.loc.bias", 1, 5, 0 },
    { "q.z.head.log_scale.weight", 2, 1, 200 }, { "q.z.head.log_scale.bias", 1, 1, 0 },
  };
  float *params;
  size_t count = 0;
  graph *g = make(0, 0, &params, 1, "q.z");
  ck_assert_int_eq(graph_tensor_count(g), 8);
  for (size_t i = 0; i < 8; i++) {
    const named_tensor *t = find(g, rows[i].name);
    size_t want = rows[i].a * (rows[i].b ? rows[i].b : 1);
    ck_assert_msg(t->rank == rows[i].rank && t->dims[0] == rows[i].a &&
                      (t->rank == 1 || t->dims[1] == rows[i].b) && t->count == want,
                  "%s", rows[i].name);
    count += t->count;
  }
  ck_assert_uint_eq(graph_param_count(g), count);
  /* the heads lie one behind the other in one matrix */
  ck_assert(find(g, "q.z.head.loc.weight")->node == find(g, "q.z.head.log_scale.weight")->node);
  ck_assert_uint_eq(find(g, "q.z.head.log_scale.weight")->at,
                    find(g, "q.z.head.loc.weight")->at + 5 * 200);
  free(params);
  graph_free(g);
}
END_TEST

static int row_of(const char *name)
{
  for (int i = 0; i < n_inits; i++)
    if (!strcmp(init_table[i].name, name)) return i;
  ck_abort_msg("no initialiser %s", name);
  return -1;
}

/* Mean 0 and the deviation that the paper says, within five standard errors; uniform draws within
 * their half-width. */
static void spread_is(const graph *g, const float *params, const char *name, double deviation,
                      bool uniform)
{
  const named_tensor *t = find(g, name);
  double sum = 0, squares = 0, largest = 0, n = (double)t->count;
  for (size_t i = 0; i < t->count; i++) {
    double w = (double)params[t->at + i];
    sum += w, squares += w * w, largest = fmax(largest, fabs(w));
  }
  ck_assert_msg(fabs(sum / n) < 5 * deviation / sqrt(n), "%s: mean %g", name, sum / n);
  ck_assert_msg(fabs(sqrt(squares / n) / deviation - 1) < 5 / sqrt(2 * n),
                "%s: deviation %g, not %g", name, sqrt(squares / n), deviation);
  if (uniform)
    ck_assert_msg(largest <= deviation * sqrt(3) * (1 + 1e-6) &&
                      largest > 0.98 * deviation * sqrt(3),
                  "%s: up to %g", name, largest);
}

START_TEST(starts)
{
  float *w;
  graph *g = make(row_of("glorot"), 0, &w, 1, "q.z");
  spread_is(g, w, "q.z.net.1.weight", sqrt(2.0 / (300 + 200)), true);
  for (size_t i = 0; i < 300; i++) ck_assert(w[find(g, "q.z.net.0.bias")->at + i] == 0);
  free(w), graph_free(g);
  g = make(row_of("he"), 0, &w, 1, "q.z");
  spread_is(g, w, "q.z.net.1.weight", sqrt(2.0 / 300), false);
  free(w), graph_free(g);
  g = make(row_of("normal"), 0.01, &w, 1, "q.z");
  spread_is(g, w, "q.z.net.0.weight", 0.01, false);
  free(w), graph_free(g);
  g = make(row_of("torch"), 0, &w, 1, "q.z");
  spread_is(g, w, "q.z.net.1.weight", 1 / sqrt(3.0 * 300), true);
  spread_is(g, w, "q.z.net.0.bias", 1 / sqrt(3.0 * 40), true);
  free(w), graph_free(g);
}
END_TEST

/* A function of seed, name and element: other seeds and names start elsewhere, the same ones
 * alike. */
START_TEST(seeds_and_names)
{
  float *a, *b, *c, *d;
  graph *one = make(0, 0, &a, 1, "q.z"), *two = make(0, 0, &b, 1, "q.z"),
        *seed = make(0, 0, &c, 2, "q.z"), *name = make(0, 0, &d, 1, "p.x");
  size_t bytes = graph_param_floats(one) * sizeof *a;
  ck_assert_mem_eq(a, b, bytes);
  size_t alike = 0, n = find(one, "q.z.net.0.weight")->count;
  for (size_t i = 0; i < n; i++) alike += (a[i] == c[i]) + (a[i] == d[i]);
  ck_assert_uint_lt(alike, 5);
  free(a), free(b), free(c), free(d);
  graph_free(one), graph_free(two), graph_free(seed), graph_free(name);
}
END_TEST

START_TEST(too_deep)
{
  error e = { 0 };
  graph *g = graph_new(&e);
  size_t hidden[NET_MAX_LAYERS + 1];
  for (int i = 0; i <= NET_MAX_LAYERS; i++) hidden[i] = 2;
  net_spec s = { .present = true, .hidden = hidden, .n_hidden = NET_MAX_LAYERS + 1 };
  net_params p = { 0 };
  ck_assert_int_eq(net_make_params(g, "q.z", &s, 2, NULL, 0, &p, &e), ELBO_E_USAGE);
  ck_assert_str_eq(e.text, "q.z: 33 hidden layers, at most 32 are supported");
  graph_free(g);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("nn/net");
  TCase *t = tcase_create("net");
  tcase_add_test(t, names_and_shapes);
  tcase_add_test(t, starts);
  tcase_add_test(t, seeds_and_names);
  tcase_add_test(t, too_deep);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
