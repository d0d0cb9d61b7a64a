/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealed plans: fused against not, memory shared against not, any number of threads, nothing
 * allocated, slices, what is left out, and what a number that is not finite is blamed on. Over
 * graphs made at random. */
#include "probe.h"
#include "dist/ops.h"
#include "graph/activation.h"

static family_use normal;
static kl_use normal_kl;
static road_use normal_road;

enum { DATA = 24, LATENT = 5, TARGET = 10, GRAPHS = 12 };

/* ---- a graph at random: a heap of nodes over a batch, joined, sliced and mapped; then a latent, a
 * decoder and an ELBO */
typedef struct maker {
  graph *g;
  error e;
  unsigned seed, turn;
  node_id heap[64];
  int n;
} maker;

static unsigned pick(maker *m, unsigned below)
{
  return (unsigned)(scattered(m->seed, m->turn++, 5, 9) * 0.9999 * below);
}
static size_t cols_of(const maker *m, node_id id)
{
  return graph_node(m->g, id)->shape.cols;
}
static node_id some(maker *m)
{
  return m->heap[pick(m, (unsigned)m->n)];
}

static node_id affine(maker *m, node_id x, size_t out)
{
  affine_attr a = { -1 };
  node_id w = graph_param(m->g, "w", out, cols_of(m, x), &m->e),
          b = graph_param(m->g, "b", 1, out, &m->e);
  return graph_add(m->g, &op_affine, "affine", (node_id[]){ x, w, b }, 3, &a, sizeof a, &m->e);
}

static node_id activate(maker *m, node_id x, const char *kind)
{
  activation_attr a = { kind ? activation_find(kind) : (int)pick(m, (unsigned)n_activations) };
  return graph_add(m->g, &op_activation, "activation", &x, 1, &a, sizeof a, &m->e);
}

static node_id slice(maker *m, node_id x, size_t first, size_t cols)
{
  slice_attr a = { first, cols };
  return graph_add(m->g, &op_slice, "slice", &x, 1, &a, sizeof a, &m->e);
}

static node_id join(maker *m, node_id a, node_id b)
{
  return graph_add(m->g, &op_concat, "concat", (node_id[]){ a, b }, 2, NULL, 0, &m->e);
}

static node_id any_step(maker *m)
{
  node_id x = some(m);
  repeat_attr twice = { 2 };
  dropout_attr drop = { 0.3, m->turn };
  size_t first = pick(m, (unsigned)cols_of(m, x)),
         cols = 1 + pick(m, (unsigned)(cols_of(m, x) - first));
  switch (pick(m, 7)) {
  case 0:
    return join(m, x, some(m));
  case 1:
    return slice(m, x, first, cols);
  case 2:
    return cols_of(m, x) > 60
               ? slice(m, x, 0, 8)
               : graph_add(m->g, &op_repeat, "repeat", &x, 1, &twice, sizeof twice, &m->e);
  case 3:
    return graph_add(m->g, &op_dropout, "dropout", &x, 1, &drop, sizeof drop, &m->e);
  case 4:
    return activate(m, x, NULL);
  default:
    return activate(m, affine(m, x, 40 + pick(m, 150)), NULL);
  }
}

static node_id elbo_of(maker *m, node_id z, node_id loc, node_id log_scale, node_id target)
{
  static const log_prob_attr at_target = { &normal, TARGET }, prior = { &normal, LATENT };
  static const kl_attr kl = { &normal_kl, LATENT };
  static const terms_attr signs = { { { 1, false }, { -1, true } } };
  static const objective_attr whole = { 0.01 };
  node_id p0 = graph_param(m->g, "prior.loc", 1, LATENT, &m->e),
          p1 = graph_param(m->g, "prior.scale", 1, LATENT, &m->e);
  node_id s = graph_param(m->g, "x.scale", 1, TARGET, &m->e);
  node_id mean = affine(m, activate(m, affine(m, join(m, z, m->heap[0]), 64), "tanh"), TARGET);
  node_id terms[] = {
    graph_add(m->g, &op_log_prob, "log p", (node_id[]){ target, mean, s }, 3, &at_target, 0, &m->e),
    graph_add(m->g, &op_kl, "kl", (node_id[]){ loc, log_scale, p0, p1 }, 4, &kl, 0, &m->e)
  };
  node_id rows = graph_add(m->g, &op_terms, "rows", terms, 2, &signs, 0, &m->e);
  node_id weights =
      graph_add(m->g, &op_log_prob, "prior", (node_id[]){ p0, held(p0), p1 }, 3, &prior, 0, &m->e);
  return graph_add(m->g, &op_objective, "objective", (node_id[]){ rows, weights }, 2, &whole, 0,
                   &m->e);
}

typedef struct kind {
  unsigned seed;
  bool no_fuse, keep_all;
  size_t batch, samples;
} kind;

static graph *random_graph(const kind *k, node_id *objective)
{
  static draw_attr draw = { &normal_road, NULL, &normal, LATENT, 1000, AXIS_SAMPLE };
  maker m = { .g = graph_new(&m.e), .seed = k->seed };
  m.heap[m.n++] = graph_input(m.g, "x", 0, AXIS_BATCH, DATA, &m.e);
  for (int i = 0; i < 14; i++) m.heap[m.n++] = any_step(&m);
  node_id h =
      affine(&m, join(&m, m.heap[m.n - 1], join(&m, some(&m), m.heap[m.n - 2])), 2 * LATENT);
  h = activate(&m, h, "tanh");
  node_id loc = slice(&m, h, 0, LATENT), log_scale = slice(&m, h, LATENT, LATENT);
  node_id z = graph_add(m.g, &op_draw, "z", (node_id[]){ loc, log_scale }, 2, &draw, 0, &m.e);
  *objective = elbo_of(&m, z, loc, log_scale, slice(&m, m.heap[0], 3, TARGET));
  ck_assert_msg(*objective != NODE_NONE, "graph %u: %s", k->seed, m.e.text);
  for (int i = 0; k->keep_all && i < graph_size(m.g); i++) graph_keep(m.g, i);
  graph_keep(m.g, *objective);
  seal_options o = { k->batch, k->samples, true, k->no_fuse, *objective, 1 };
  ck_assert_msg(!graph_seal(m.g, &o, &m.e), "graph %u: %s", k->seed, m.e.text);
  return m.g;
}

static void feed_data(const void *user, size_t first, size_t n, float *to)
{
  (void)user;
  for (size_t i = 0; i < n * DATA; i++)
    to[i] = (float)scattered((unsigned)(first + i / DATA), (unsigned)(i % DATA), 1, 3) - 0.5f;
}
static const feed feeds[] = { { feed_data, NULL } };

/* One step; the arena is full of NaN before it. grads is the caller's to free. */
static float *step(const kind *k, int threads, size_t batch, float *value, size_t *floats,
                   size_t *bytes)
{
  node_id objective;
  graph *g = random_graph(k, &objective);
  bench b = bench_new(g, threads, 1);
  for (size_t i = 0; i < b.floats; i++)
    b.params[i] = 0.3f * ((float)scattered((unsigned)i, 1, 2, 3) - 0.5f);
  for (size_t i = 0; i < graph_arena_bytes(g) / sizeof(float); i++) b.run->arena[i] = NAN;
  step_args a = { .batch = batch, .step = 4, .kl_weight = 0.7, .training = true, .feeds = feeds };
  bench_step(&b, &a);
  *value = *run_value(b.run, objective);
  ck_assert_msg(isfinite(*value), "graph %u", k->seed);
  *floats = b.floats;
  if (bytes) *bytes = graph_arena_bytes(g);
  float *grads = malloc((b.floats + 1) * sizeof *grads);
  memcpy(grads, b.grads, b.floats * sizeof *grads);
  for (size_t i = 0; i < b.floats; i++)
    ck_assert_msg(isfinite(grads[i]), "graph %u, gradient %zu", k->seed, i);
  bench_free(&b);
  graph_free(g);
  return grads;
}

START_TEST(fused_like_unfused)
{
  kind k = { .seed = (unsigned)_i, .batch = 6, .samples = 2 };
  float one, two;
  size_t n, m;
  float *a = step(&k, 1, 5, &one, &n, NULL), largest = 0;
  k.no_fuse = true;
  float *b = step(&k, 1, 5, &two, &m, NULL);
  ck_assert(n == m);
  ck_assert_msg(fabsf(one - two) <= 1e-5f * fabsf(two), "%g, unfused %g", (double)one, (double)two);
  for (size_t i = 0; i < n; i++) largest = fmaxf(largest, fabsf(b[i]));
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(fabsf(a[i] - b[i]) <= 1e-5f * largest, "gradient %zu: %g, unfused %g", i,
                  (double)a[i], (double)b[i]);
  free(a);
  free(b);
}
END_TEST

/* With every value kept nothing is overwritten in forward: a block laid on a live one would show as
 * other bits. */
START_TEST(shared_memory_changes_nothing)
{
  kind k = { .seed = (unsigned)_i, .batch = 6, .samples = 3, .no_fuse = true };
  float one, two;
  size_t n, m, small, large;
  float *a = step(&k, 1, 6, &one, &n, &small);
  k.keep_all = true;
  float *b = step(&k, 1, 6, &two, &m, &large);
  ck_assert(n == m && one == two);
  ck_assert_mem_eq(a, b, n * sizeof *a);
  ck_assert_msg(small < large, "%zu bytes with memory shared, %zu without", small, large);
  free(a);
  free(b);
}
END_TEST

START_TEST(any_number_of_threads)
{
  static const int threads[] = { 2, 3, 5 };
  kind k = { .seed = (unsigned)_i, .batch = 96, .samples = 3 };
  float one, two;
  size_t n, m;
  float *a = step(&k, 1, 91, &one, &n, NULL);
  for (int i = 0; i < 3; i++) {
    float *b = step(&k, threads[i], 91, &two, &m, NULL);
    ck_assert_msg(one == two && !memcmp(a, b, n * sizeof *a), "%d threads give other bits",
                  threads[i]);
    free(b);
  }
  free(a);
}
END_TEST

START_TEST(nothing_is_allocated)
{
  kind k = { .seed = 3, .batch = 8, .samples = 2 };
  node_id objective;
  graph *g = random_graph(&k, &objective);
  bench b = bench_new(g, 2, 1);
  step_args a = { .batch = 8, .kl_weight = 1, .training = true, .feeds = feeds };
  uint64_t before = mem_count();
  for (a.step = 0; a.step < 5; a.step++) bench_step(&b, &a);
  ck_assert_uint_eq(mem_count(), before);
  bench_free(&b);
  graph_free(g);
}
END_TEST

/* ---- slices: the gradient by each of four numbers a row is how often, and by what weight, it was
 * looked at */
typedef struct look {
  size_t first, cols;
  int of; /* slice of an earlier look; -1: of the node */
} look;
static const struct {
  look look[4];
  int n;
  bool whole; /* the node is also used as it is */
} looks[] = {
  { { { 0, 4, -1 } }, 1, false },               /* all */
  { { { 0, 1, -1 }, { 1, 3, -1 } }, 2, false }, /* a cover */
  { { { 1, 2, -1 } }, 1, false },               /* a part */
  { { { 0, 2, -1 }, { 0, 2, -1 } },
    2,
    false }, /* as many columns as there are, but the same ones */
  { { { 0, 3, -1 }, { 2, 2, -1 } }, 2, false }, /* overlapping */
  { { { 0, 2, -1 }, { 2, 2, -1 } }, 2, true },  /* a cover, and the whole */
  { { { 2, 2, -1 }, { 0, 1, 0 } }, 2, false },  /* a slice, and a slice of it */
  { { { 1, 3, -1 }, { 1, 2, 0 }, { 0, 1, -1 } }, 3, true },
};

START_TEST(slices)
{
  for (int lift = 0; lift < 2; lift++) { /* of a parameter, and of a value */
    maker m = { .g = graph_new(&m.e) };
    node_id param, at[4], seen[8];
    size_t first[4];
    double want[3 * 4] = { 0 };
    int n = 0;
    node_id before = graph_param(m.g, "before", 3, 4, &m.e);
    node_id x = lifted(m.g, "x", lift ? AXIS_BATCH : AXIS_FIXED, 3, 4, &param, &m.e);
    if (lift) x = activate(&m, x, "identity");
    for (int i = 0; i < looks[_i].n; i++) {
      const look *l = &looks[_i].look[i];
      first[i] = l->first + (l->of < 0 ? 0 : first[l->of]);
      at[i] = slice(&m, l->of < 0 ? x : at[l->of], l->first, l->cols);
      for (size_t r = 0; r < 3; r++)
        for (size_t c = 0; c < l->cols; c++) want[r * 4 + first[i] + c] += probe_weight(n, r, c);
      seen[n++] = at[i];
    }
    if (looks[_i].whole) {
      for (size_t r = 0; r < 3; r++)
        for (size_t c = 0; c < 4; c++) want[r * 4 + c] += probe_weight(n, r, c);
      seen[n++] = x;
    }
    seen[n++] = before;
    node_id end = graph_add(m.g, &op_probe, "probe", seen, n, NULL, 0, &m.e);
    seal_options o = { 3, 1, true, false, end, 0 };
    ck_assert_msg(!graph_seal(m.g, &o, &m.e), "%s", m.e.text);
    bench b = bench_new(m.g, 1, 1);
    for (size_t i = 0; i < b.floats; i++) b.grads[i] = NAN, b.params[i] = (float)i;
    bench_step(&b, &(step_args){ .batch = 3 });
    for (size_t i = 0; i < 12; i++) {
      ck_assert_msg(fabs((double)b.grads[graph_node(m.g, param)->value_at + i] - want[i]) < 1e-6,
                    "looks %d, number %zu: %g, not %g", _i, i,
                    (double)b.grads[graph_node(m.g, param)->value_at + i], want[i]);
      double other = probe_weight(n - 1, i / 4, i % 4);
      ck_assert(fabs((double)b.grads[graph_node(m.g, before)->value_at + i] - other) < 1e-6);
    }
    bench_free(&b);
    graph_free(m.g);
  }
}
END_TEST

/* A parameter nothing uses, one used by a value nobody wants, and one behind a held edge: their
 * gradients are 0, and overwritten. */
START_TEST(left_out)
{
  maker m = { .g = graph_new(&m.e) };
  node_id p[4];
  static const char *const names[] = { "unused", "idle", "behind", "used" };
  for (int i = 0; i < 4; i++) p[i] = graph_param(m.g, names[i], 2, 3, &m.e);
  node_id idle = activate(&m, p[1], "tanh");
  node_id end = graph_add(m.g, &op_probe, "probe",
                          (node_id[]){ p[3], held(activate(&m, p[2], "tanh")) }, 2, NULL, 0, &m.e);
  ck_assert(idle != NODE_NONE &&
            !graph_seal(m.g, &(seal_options){ 1, 1, true, false, end, 0 }, &m.e));
  bench b = bench_new(m.g, 1, 1);
  for (size_t i = 0; i < b.floats; i++) b.grads[i] = NAN;
  bench_step(&b, &(step_args){ .batch = 1 });
  for (int i = 0; i < 4; i++)
    for (size_t k = 0; k < 6; k++) {
      float want = i == 3 ? (float)probe_weight(0, k / 3, k % 3) : 0;
      ck_assert_msg(b.grads[graph_node(m.g, p[i])->value_at + k] == want, "%s", names[i]);
    }
  bench_free(&b);
  graph_free(m.g);
}
END_TEST

/* ---- dropout */
static graph *dropout_graph(axis a, size_t full, size_t samples, double p, node_id *param,
                            node_id *out)
{
  error e = { 0 };
  graph *g = graph_new(&e);
  dropout_attr d = { p, 12 };
  node_id x = lifted(g, "x", a, a == AXIS_BATCH ? full : full * samples, 300, param, &e);
  *out = graph_add(g, &op_dropout, "drop", &x, 1, &d, sizeof d, &e);
  node_id end = graph_add(g, &op_probe, "probe", out, 1, NULL, 0, &e);
  graph_keep(g, *out);
  ck_assert_msg(!graph_seal(g, &(seal_options){ full, samples, true, false, end, 0 }, &e), "%s",
                e.text);
  return g;
}

/* Kept numbers are scaled by 1 / (1 - p), so that the mean stays; about p are dropped; the vjp
 * draws the same mask. */
START_TEST(dropout_scales)
{
  node_id param, out;
  graph *g = dropout_graph(AXIS_SAMPLE, 20, 2, 0.25, &param, &out);
  bench b = bench_new(g, 1, 3);
  for (size_t i = 0; i < b.floats; i++) b.params[i] = 3;
  bench_step(&b, &(step_args){ .batch = 20, .training = true });
  const float *y = run_value(b.run, out), *dx = b.grads + graph_node(g, param)->value_at;
  size_t dropped = 0, n = (size_t)40 * 300;
  for (size_t i = 0; i < n; i++) {
    ck_assert(y[i] == 0 || y[i] == 4);
    dropped += y[i] == 0;
    float want = y[i] == 0 ? 0 : (float)probe_weight(0, i / 300, i % 300) * (4.f / 3);
    ck_assert(fabsf(dx[i] - want) < 1e-6f);
  }
  ck_assert_msg(fabs((double)dropped - 0.25 * (double)n) < 5 * sqrt(0.25 * 0.75 * (double)n),
                "%zu of %zu dropped", dropped, n);
  bench_free(&b);
  graph_free(g);
}
END_TEST

/* Row b of sample k meets the same mask in a short batch as in a full one. */
START_TEST(dropout_rows_in_short_batches)
{
  enum { FULL = 4, SHORT = 3, SAMPLES = 3, COLS = 300 };
  node_id param, out;
  graph *g = dropout_graph(AXIS_SAMPLE, FULL, SAMPLES, 0.5, &param, &out);
  bench b = bench_new(g, 1, 3);
  static float full[FULL * SAMPLES * COLS];
  for (size_t i = 0; i < b.floats; i++) b.params[i] = 1;
  bench_forward(&b, &(step_args){ .batch = FULL, .training = true });
  memcpy(full, run_value(b.run, out), sizeof full);
  bench_forward(&b, &(step_args){ .batch = SHORT, .training = true });
  for (size_t k = 0; k < SAMPLES; k++)
    for (size_t r = 0; r < SHORT; r++)
      ck_assert_mem_eq(run_value(b.run, out) + (k * SHORT + r) * COLS, full + (k * FULL + r) * COLS,
                       COLS * sizeof(float));
  bench_free(&b);
  graph_free(g);
}
END_TEST

/* ---- what can't be joined is refused with names and both shapes */
static void refused(node_id id, maker *m, const char *words)
{
  ck_assert_msg(id == NODE_NONE && m->e.status == ELBO_E_USAGE && strstr(m->e.text, words),
                "\"%s\", expected \"%s\"", m->e.text, words);
  m->e = (error){ 0 };
}

START_TEST(shapes_are_refused)
{
  maker m = { .g = graph_new(&m.e) };
  node_id x = graph_input(m.g, "x", 0, AXIS_BATCH, 3, &m.e), w = graph_param(m.g, "w", 4, 2, &m.e),
          b = graph_param(m.g, "b", 1, 4, &m.e);
  node_id w3 = graph_param(m.g, "w3", 4, 3, &m.e), b5 = graph_param(m.g, "b5", 1, 5, &m.e);
  affine_attr none = { -1 };
  slice_attr far = { 2, 2 };
  dropout_attr all = { 1, 1 };
  static const terms_attr t;
  static const objective_attr o;
  static const log_prob_attr two = { &normal, 2 }, three = { &normal, 3 };
  static const draw_attr down = { &normal_road, NULL, &normal, 3, 1, AXIS_FIXED },
                         tall = { &normal_road, NULL, &normal, 3, 1, AXIS_BATCH };
  refused(graph_add(m.g, &op_affine, "layer", (node_id[]){ x, w, b }, 3, &none, sizeof none, &m.e),
          &m, "layer: the weight is [4, 2], but x gives 3 numbers");
  refused(
      graph_add(m.g, &op_affine, "layer", (node_id[]){ x, w3, b5 }, 3, &none, sizeof none, &m.e),
      &m, "layer: the bias is [1, 5], expected [1, 4]");
  refused(graph_add(m.g, &op_affine, "layer", (node_id[]){ x, w3 }, 2, &none, sizeof none, &m.e),
          &m, "layer (affine): 2 inputs, expected 3 to 3");
  refused(graph_add(m.g, &op_slice, "cut", &x, 1, &far, sizeof far, &m.e), &m,
          "cut: columns 2 to 4 of x, which has 3");
  refused(graph_add(m.g, &op_concat, "both", (node_id[]){ x, w }, 2, NULL, 0, &m.e), &m,
          "both: w has 4 fixed rows and can't stand beside a batch");
  refused(graph_add(m.g, &op_dropout, "drop", &x, 1, &all, sizeof all, &m.e), &m,
          "drop: dropout 1 is not a probability below 1");
  refused(graph_add(m.g, &op_terms, "rows", &x, 1, &t, 0, &m.e), &m,
          "rows: the term x has 3 columns");
  refused(graph_add(m.g, &op_objective, "end", &x, 1, &o, 0, &m.e), &m,
          "end: x is not one number for each row of the batch");
  node_id one = graph_input(m.g, "one", 0, AXIS_BATCH, 1, &m.e);
  refused(graph_add(m.g, &op_objective, "end", (node_id[]){ one, one }, 2, &o, 0, &m.e), &m,
          "end: one depends on the batch");
  refused(graph_add(m.g, &op_objective, "end", (node_id[]){ one, w3 }, 2, &o, 0, &m.e), &m,
          "end: w3 has 3 columns, expected one number a row");
  refused(graph_add(m.g, &op_log_prob, "log p", (node_id[]){ x, x, x }, 3, &two, 0, &m.e), &m,
          "log p: the value x has 3 numbers a row, expected 2");
  refused(graph_add(m.g, &op_log_prob, "log p", (node_id[]){ x, x, one }, 3, &three, 0, &m.e), &m,
          "log p: scale one has 1 numbers a row, expected 3");
  refused(graph_add(m.g, &op_log_prob, "log p", (node_id[]){ x, w3, w3 }, 3, &three, 0, &m.e), &m,
          "log p: w3 has 4 rows, which match nothing");
  refused(graph_add(m.g, &op_draw, "z", (node_id[]){ x, x }, 2, &down, 0, &m.e), &m,
          "z: drawn along a smaller axis than its parameters");
  refused(graph_add(m.g, &op_draw, "z", (node_id[]){ w3, w3 }, 2, &tall, 0, &m.e), &m,
          "z: its parameters have 4 fixed rows, expected 1");
  node_id nothing = NODE_NONE;
  ck_assert(graph_add(m.g, &op_slice, "cut", &nothing, 1, &far, sizeof far, &m.e) == NODE_NONE &&
            !m.e.status);
  graph_free(m.g);
}
END_TEST

START_TEST(no_derivative_is_refused)
{
  static const log_prob_attr three = { &normal, 3 };
  maker m = { .g = graph_new(&m.e) };
  node_id p = graph_param(m.g, "p", 1, 3, &m.e);
  node_id mean = graph_add(m.g, &op_mean, "E[x]", (node_id[]){ p, p }, 2, &three, 0, &m.e);
  node_id end = graph_add(m.g, &op_probe, "probe", &mean, 1, NULL, 0, &m.e);
  ck_assert(graph_seal(m.g, &(seal_options){ 1, 1, true, false, end, 0 }, &m.e) == ELBO_E_USAGE);
  ck_assert_str_eq(m.e.text, "E[x]: op mean has no derivative, but learned numbers lie behind it");
  graph_free(m.g);
}
END_TEST

/* ---- blame */
typedef struct culprit {
  size_t row, col;
  float value;
} culprit;

static void feed_bad(const void *user, size_t first, size_t n, float *to)
{
  const culprit *c = user;
  feed_data(NULL, first, n, to);
  if (c->row >= first && c->row < first + n) to[(c->row - first) * DATA + c->col] = c->value;
}

static void blamed(float *weight, float bad, const culprit *data, const char *words,
                   const char *more)
{
  node_id objective;
  kind k = { .seed = 1, .batch = 6, .samples = 2 };
  graph *g = random_graph(&k, &objective);
  bench b = bench_new(g, 2, 11);
  error e = { 0 };
  feed bad_feed[] = { { feed_bad, data } };
  for (size_t i = 0; i < b.floats; i++) b.params[i] = 0.1f;
  for (int i = 0; weight && i < graph_size(g); i++)
    if (graph_node(g, i)->op == &op_param && !strcmp(graph_node(g, i)->name, "x.scale"))
      b.params[graph_node(g, i)->value_at + 7] = bad;
  for (size_t i = 0; i < graph_arena_bytes(g) / sizeof(float); i++)
    b.run->arena[i] = NAN; /* stale memory is nobody's fault */
  step_args a = { .batch = 5, .step = 23, .kl_weight = 1, .training = true, .feeds = bad_feed };
  ck_assert(run_find_nonfinite(b.run, &a, &e) == ELBO_E_NOT_FINITE);
  ck_assert_msg(strstr(e.text, words) && strstr(e.text, more), "\"%s\", expected \"%s\" and \"%s\"",
                e.text, words, more);
  bench_free(&b);
  graph_free(g);
}

START_TEST(blame)
{
  float weight = 0;
  culprit nan_in_data = { 3, 17, NAN }, inf_in_data = { 0, 0, INFINITY }, none = { 99, 0, 0 };
  blamed(NULL, 0, &nan_in_data, "node x (op input): its value is nan in batch row 3, column 17",
         "step 23, seed 11");
  blamed(NULL, 0, &inf_in_data, "node x (op input): its value is inf in batch row 0, column 0",
         "step 23, seed 11");
  blamed(&weight, NAN, &none, "node x.scale (op param): its value is nan in row 0, column 7",
         "step 23, seed 11");
  blamed(&weight, -INFINITY, &none, "node x.scale (op param): its value is -inf in row 0, column 7",
         "step 23");
  blamed(&weight, -60, &none,
         "node log p (op log_prob, plugin normal): its value is -inf in sample row 0, column 0",
         "x.scale up to -60");
  blamed(&weight, 0.2f, &none, "every value and gradient is finite", "seed 11");
}
END_TEST

static void start(void)
{
  error e = { 0 };
  start_plugins();
  ck_assert_msg(!family_bind(plugins, "normal", 1, &normal, &e) &&
                    !road_bind(plugins, &normal, NULL, &normal_road, &e),
                "%s", e.text);
  ck_assert(kl_find(plugins, &normal, &normal, &normal_kl));
}

int main(void)
{
  Suite *s = suite_create("graph/plan");
  TCase *t = tcase_create("plan");
  tcase_set_timeout(t, 60);
  tcase_add_unchecked_fixture(t, start, end_plugins);
  tcase_add_loop_test(t, fused_like_unfused, 0, GRAPHS);
  tcase_add_loop_test(t, shared_memory_changes_nothing, 0, GRAPHS);
  tcase_add_loop_test(t, any_number_of_threads, 0, GRAPHS / 2);
  tcase_add_test(t, nothing_is_allocated);
  tcase_add_loop_test(t, slices, 0, (int)(sizeof looks / sizeof *looks));
  tcase_add_test(t, left_out);
  tcase_add_test(t, dropout_scales);
  tcase_add_test(t, dropout_rows_in_short_batches);
  tcase_add_test(t, shapes_are_refused);
  tcase_add_test(t, no_derivative_is_refused);
  tcase_add_test(t, blame);
  suite_add_tcase(s, t);
  return run_suite(s);
}
