/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every op of graph_ops and dist_ops by one table: the shape and values of forward, and the
 * gradient by every input against differences, where the op alone uses the input, where others use
 * it too, and where its edge is held. An op without a row fails the test.
 *
 * Differences are Richardson's of order 4 over sums in double of outputs in float. With h = 2^-6 an
 * output of size 1 gives 2^-24 1.5 / h, 6e-6, of rounding for each number, and h^4 f^(5) / 5, 1e-8
 * f^(5), of truncation: 3e-4 of the largest slope has room for both. */
#include "dist/ops.h"
#include "graph/activation.h"
#include "num/philox.h"
#include "probe.h"

typedef struct input {
  axis axis;
  size_t rows, cols; /* rows of AXIS_FIXED */
  double low, high;
} input;
typedef struct row {
  const op *op;
  const char *label;
  input in[4];
  int n_in;
  int same; /* the last input is the node of input same - 1 again */
  const void *attr;
  size_t attr_size;
  shape shape; /* that must come out; rows 0 along an axis */
  double (*want)(const struct row *c, size_t row, size_t col); /* NULL: gradients alone */
  node_id (*make)(graph *g, const struct row *c, const node_id *in, error *e); /* NULL: graph_add */
  bool no_gradient;
  bool discrete; /* input 0 has no differences */
  double times;  /* the gradient is so many times the derivative; 0: once */
} row;

/* ---- the case at hand: sizes and numbers, as `want` sees them */
static struct {
  size_t batch, full, samples;
  const float *at[4];
  double kl_weight;
} now;

/* Input i as row `r` of the output sees it. */
static double at(const row *c, int i, size_t r, size_t col)
{
  if (c->same && i == c->n_in - 1) i = c->same - 1;
  const input *x = &c->in[i];
  size_t rows = x->axis == AXIS_FIXED   ? x->rows
                : x->axis == AXIS_BATCH ? now.batch
                                        : now.batch * now.samples;
  return (double)now.at[i][r % rows * x->cols + col];
}

#include "ops_want.h"

/* ---- attributes; families are bound at the start */
static family_use normal, gamma_family, bernoulli;
static family_use three_classes;
static relax_use two_points, three_points;
static sobol net;
static kl_use normal_kl;
static road_use normal_road, gamma_road;

#define LEN(a) (sizeof(a) / sizeof *(a))
static const affine_attr linear = { -1 };
static affine_attr with_tanh = { 0 };
static const slice_attr middle = { 1, 2 };
static const repeat_attr thrice = { 3 };
static const dropout_attr half = { 0.5, 3 };
static const terms_attr terms = { { { 1, false }, { -1, true }, { 0.5f, true } } };
static const objective_attr prior = { 0.125 };
static const log_prob_attr normal_2 = { &normal, 2 }, gamma_2 = { &gamma_family, 2 },
                           bernoulli_3 = { &bernoulli, 3 }, grey_3 = { &bernoulli, 3, true };
static const kl_attr kl_2 = { &normal_kl, 2 };
static draw_attr draw_samples = { &normal_road, NULL, &normal, 2, STREAM, AXIS_SAMPLE },
                 draw_rows = { &normal_road, NULL, &normal, 2, STREAM, AXIS_BATCH },
                 draw_pairs = { &normal_road,
                                NULL,
                                &normal,
                                2,
                                STREAM,
                                AXIS_SAMPLE,
                                { .kind = NOISE_ANTITHETIC } },
                 draw_net = { &normal_road,
                              NULL,
                              &normal,
                              2,
                              STREAM,
                              AXIS_SAMPLE,
                              { .kind = NOISE_SOBOL, .net = &net, .per_event = 1 } },
                 draw_gamma = { &gamma_road, NULL, &gamma_family, 2, STREAM, AXIS_SAMPLE };
static const convert_attr log_to_plain = { ELBO_X_LOG, ELBO_X_PLAIN },
                          logit_to_log = { ELBO_X_LOGIT, ELBO_X_LOG };
static const relax_attr points_2 = { &two_points, 2, STREAM },
                        points_3 = { &three_points, 2, STREAM };
static const temperature_attr warm = { 3, 0.7 };
static const enumerate_attr digits = { .d = 2, .points = 3, .below = 2 };
static const seen_attr circle = { ELBO_SEEN_CIRCLE, 1 }, one_hot = { ELBO_SEEN_ONE_HOT, 3 };

static node_id make_first(graph *g, const row *c, const node_id *in, error *e)
{
  return (void)g, (void)c, (void)e, in[0];
}
static node_id make_input(graph *g, const row *c, const node_id *in, error *e)
{
  (void)in;
  return graph_input(g, "x", 0, c->shape.axis, FEED_COLS, e);
}
static const bound_rule alone_rule = { "alone", bound_value, bound_path },
                        rule = { "both", bound_value, bound_path },
                        three_rule = { "three", bound_value, three };
static const bound_attr bound_1 = { &alone_rule, NULL }, bound_2 = { &rule, bound_score },
                        bound_4 = { &rule, bound_all }, threefold = { &three_rule, NULL };

static node_id weights_of(graph *g, const bound_attr *a, const node_id *in, int n, error *e)
{
  node_id from[4];
  for (int i = 0; i < n; i++) from[i] = in[i] < NODE_NONE ? in[i] : held(in[i]);
  node_id id = graph_add(g, &op_weights, "weights", from, n, a, 0, e);
  if (id != NODE_NONE) graph_keep(g, id);
  return id;
}
static node_id make_bound(graph *g, const row *c, const node_id *in, error *e)
{
  node_id from[5] = { in[0], held(weights_of(g, c->attr, in, c->n_in, e)) };
  for (int i = 1; i < c->n_in; i++) from[1 + i] = in[i];
  return graph_add(g, &op_bound, "bound", from, 1 + c->n_in, c->attr, 0, e);
}
static node_id make_scaled(graph *g, const row *c, const node_id *in, error *e)
{
  node_id f = graph_input(g, "f", 0, AXIS_SAMPLE, FEED_COLS, e);
  scale_attr a = { weights_of(g, c->attr, &f, 1, e) };
  return graph_add(g, &op_scale_path, "scaled", in, 1, &a, sizeof a, e);
}
static node_id make_constant(graph *g, const row *c, const node_id *in, error *e)
{
  static const float values[] = { -2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f };
  (void)c, (void)in;
  return graph_constant(g, "c", values, 2, 3, e);
}

#define F(rows, cols)                                                                              \
  {                                                                                                \
    AXIS_FIXED, rows, cols, -1, 1                                                                  \
  }
#define B(cols)                                                                                    \
  {                                                                                                \
    AXIS_BATCH, 0, cols, -1, 1                                                                     \
  }
#define S(cols)                                                                                    \
  {                                                                                                \
    AXIS_SAMPLE, 0, cols, -1, 1                                                                    \
  }
#define Z(cols)                                                                                    \
  {                                                                                                \
    AXIS_SAMPLE, 0, cols, 0, 0                                                                     \
  }
#define ATTR(a) .attr = &(a), .attr_size = sizeof(a)
#define SAME(a) .attr = &(a)
#define FIXED(rows, cols) .shape = { AXIS_FIXED, rows, cols }
#define BATCH(cols) .shape = { AXIS_BATCH, 0, cols }
#define SAMPLE(cols) .shape = { AXIS_SAMPLE, 0, cols }
static const row rows[] = {
  { &op_param, "a matrix", { F(3, 5) }, 1, FIXED(3, 5), .want = want_same, .make = make_first },
  { &op_input,
    "a batch",
    { { 0 } },
    0,
    BATCH(FEED_COLS),
    .want = want_fed,
    .make = make_input,
    .no_gradient = true },
  { &op_input,
    "fed samples",
    { { 0 } },
    0,
    SAMPLE(FEED_COLS),
    .want = want_fed,
    .make = make_input,
    .no_gradient = true },
  { &op_constant,
    "a matrix",
    { { 0 } },
    0,
    FIXED(2, 3),
    .want = want_constant,
    .make = make_constant,
    .no_gradient = true },
  { &op_affine,
    "a batch",
    { B(3), F(4, 3), F(1, 4) },
    3,
    BATCH(4),
    .want = want_affine,
    ATTR(linear) },
  { &op_affine,
    "samples, fused",
    { S(5), F(17, 5), F(1, 17) },
    3,
    SAMPLE(17),
    .want = want_affine,
    ATTR(with_tanh) },
  { &op_affine,
    "fixed rows",
    { F(2, 3), F(2, 3), F(1, 2) },
    3,
    FIXED(2, 2),
    .want = want_affine,
    ATTR(linear) },
  { &op_affine,
    "one number",
    { B(1), F(1, 1), F(1, 1) },
    3,
    BATCH(1),
    .want = want_affine,
    ATTR(with_tanh) },
  { &op_affine_nonzeros,
    "zeros",
    { Z(70), F(17, 70), F(1, 17) },
    3,
    SAMPLE(17),
    .want = want_affine,
    ATTR(with_tanh) },
  { &op_affine_nonzeros,
    "none of them zero",
    { B(5), F(17, 5), F(1, 17) },
    3,
    BATCH(17),
    .want = want_affine,
    ATTR(linear) },
  { &op_slice, "the middle", { S(4) }, 1, SAMPLE(2), .want = want_slice, ATTR(middle) },
  { &op_slice, "of a parameter", { F(3, 4) }, 1, FIXED(3, 2), .want = want_slice, ATTR(middle) },
  { &op_slice, "to the end", { B(3) }, 1, BATCH(2), .want = want_slice, ATTR(middle) },
  { &op_repeat, "one number", { B(1) }, 1, BATCH(3), .want = want_repeat, ATTR(thrice) },
  { &op_repeat,
    "two of a parameter",
    { F(1, 2) },
    1,
    FIXED(1, 6),
    .want = want_repeat,
    ATTR(thrice) },
  { &op_concat, "all axes", { F(1, 2), B(3), S(1) }, 3, SAMPLE(6), .want = want_concat },
  { &op_concat, "samples first", { S(2), B(1) }, 2, SAMPLE(3), .want = want_concat },
  { &op_concat, "fixed", { F(1, 2), F(1, 1) }, 2, FIXED(1, 3), .want = want_concat },
  { &op_concat, "the same twice", { B(2), B(2) }, 2, BATCH(4), .same = 1, .want = want_concat },
  { &op_dropout, "off", { S(3) }, 1, SAMPLE(3), .want = want_same, ATTR(half) },
  { &op_terms, "all axes", { B(1), S(1), F(1, 1) }, 3, BATCH(1), .want = want_terms, ATTR(terms) },
  { &op_terms, "a fixed one alone", { F(1, 1) }, 1, BATCH(1), .want = want_terms, ATTR(terms) },
  { &op_sum, "all axes", { B(1), S(1), F(1, 1) }, 3, SAMPLE(1), .want = want_sum, ATTR(terms) },
  { &op_weights,
    "path and score",
    { S(1), S(1) },
    2,
    SAMPLE(2),
    .want = want_weights,
    SAME(bound_2),
    .no_gradient = true },
  { &op_bound,
    "of f",
    { S(1) },
    1,
    BATCH(1),
    .want = want_bound,
    SAME(bound_1),
    .make = make_bound },
  { &op_bound,
    "of f and log q",
    { S(1), S(1) },
    2,
    BATCH(1),
    .want = want_bound,
    SAME(bound_2),
    .make = make_bound },
  { &op_bound,
    "of f, log q and relaxed values",
    { S(1), S(1), S(1), S(1) },
    4,
    BATCH(1),
    .want = want_bound,
    SAME(bound_4),
    .make = make_bound },
  { &op_scale_path,
    "threefold",
    { S(2) },
    1,
    SAMPLE(2),
    .want = want_same,
    SAME(threefold),
    .make = make_scaled,
    .times = 3 },
  { &op_objective,
    "with a prior",
    { B(1), F(4, 1), F(1, 1) },
    3,
    FIXED(1, 1),
    .want = want_objective,
    ATTR(prior) },
  { &op_objective, "alone", { B(1) }, 1, FIXED(1, 1), .want = want_objective, ATTR(prior) },
  { &op_log_prob,
    "normal, rows of a batch",
    { B(2), B(2), B(2) },
    3,
    BATCH(1),
    .want = want_normal,
    ATTR(normal_2) },
  { &op_log_prob,
    "normal, samples at a batch",
    { S(2), B(2), F(1, 2) },
    3,
    SAMPLE(1),
    .want = want_normal,
    ATTR(normal_2) },
  { &op_log_prob,
    "normal, data at samples",
    { B(2), S(2), S(2) },
    3,
    SAMPLE(1),
    .want = want_normal,
    ATTR(normal_2) },
  { &op_log_prob,
    "normal, fixed value",
    { F(1, 2), B(2), S(2) },
    3,
    SAMPLE(1),
    .want = want_normal,
    ATTR(normal_2) },
  { &op_log_prob,
    "normal, fixed rows",
    { F(5, 2), F(1, 2), F(5, 2) },
    3,
    FIXED(5, 1),
    .want = want_normal,
    ATTR(normal_2) },
  { &op_log_prob,
    "normal, all fixed",
    { F(1, 2), F(1, 2), F(1, 2) },
    3,
    FIXED(1, 1),
    .want = want_normal,
    ATTR(normal_2) },
  { &op_log_prob, "gamma", { S(2), B(2), F(1, 2) }, 3, SAMPLE(1), ATTR(gamma_2) },
  { &op_log_prob,
    "bernoulli",
    { { AXIS_BATCH, 0, 3, 1, 1 }, S(3) },
    2,
    SAMPLE(1),
    ATTR(bernoulli_3),
    .discrete = true },
  { &op_log_prob,
    "between 0 and 1",
    { { AXIS_BATCH, 0, 3, 0.2, 0.8 }, S(3) },
    2,
    SAMPLE(1),
    .want = want_grey,
    ATTR(grey_3),
    .discrete = true },
  { &op_kl,
    "a batch from the standard",
    { B(2), B(2), F(1, 2), F(1, 2) },
    4,
    BATCH(1),
    .want = want_normal_kl,
    ATTR(kl_2) },
  { &op_kl,
    "p at samples",
    { B(2), B(2), S(2), S(2) },
    4,
    SAMPLE(1),
    .want = want_normal_kl,
    ATTR(kl_2) },
  { &op_kl,
    "q fixed, p at samples",
    { F(1, 2), F(1, 2), S(2), B(2) },
    4,
    SAMPLE(1),
    .want = want_normal_kl,
    ATTR(kl_2) },
  { &op_kl,
    "fixed",
    { F(1, 2), F(1, 2), F(1, 2), F(1, 2) },
    4,
    FIXED(1, 1),
    .want = want_normal_kl,
    ATTR(kl_2) },
  { &op_kl,
    "one parameter on both sides",
    { B(2), B(2), B(2), B(2) },
    4,
    BATCH(1),
    .same = 2,
    .want = want_normal_kl,
    ATTR(kl_2) },
  { &op_draw,
    "samples of a batch",
    { B(2), B(2) },
    2,
    SAMPLE(2),
    .want = want_normal_draw,
    SAME(draw_samples) },
  { &op_draw,
    "samples, one fixed",
    { F(1, 2), S(2) },
    2,
    SAMPLE(2),
    .want = want_normal_draw,
    SAME(draw_samples) },
  { &op_draw,
    "a batch of fixed ones",
    { F(1, 2), F(1, 2) },
    2,
    BATCH(2),
    .want = want_normal_draw,
    SAME(draw_rows) },
  { &op_draw,
    "gamma by rate",
    { { AXIS_FIXED, 1, 2, 0.5, 0.5 }, B(2) },
    2,
    SAMPLE(2),
    SAME(draw_gamma),
    .no_gradient = true },
  { &op_draw,
    "antithetic pairs",
    { B(2), B(2) },
    2,
    SAMPLE(2),
    .want = want_pair,
    SAME(draw_pairs) },
  { &op_draw, "points of a net", { B(2), B(2) }, 2, SAMPLE(2), .want = want_sobol, SAME(draw_net) },
  { &op_temperature,
    "the first",
    { { 0 } },
    0,
    FIXED(1, 3),
    .want = want_temperature,
    ATTR(warm),
    .no_gradient = true },
  { &op_log_prob_relaxed,
    "bernoulli",
    { { AXIS_SAMPLE, 0, 2, 0.1, 0.9 }, B(2) },
    2,
    SAMPLE(1),
    .want = want_between,
    ATTR(points_2) },
  { &op_log_prob_relaxed,
    "categorical",
    { { AXIS_SAMPLE, 0, 6, 0.1, 0.9 }, B(6) },
    2,
    SAMPLE(1),
    ATTR(points_3) },
  { &op_harden,
    "bernoulli",
    { S(2) },
    1,
    SAMPLE(2),
    .want = want_hard,
    ATTR(points_2),
    .no_gradient = true },
  { &op_draw_given,
    "given 1",
    { { AXIS_SAMPLE, 0, 2, 1, 1 }, F(1, 2), B(2) },
    3,
    SAMPLE(2),
    .want = want_given,
    ATTR(points_2),
    .discrete = true },
  { &op_draw_given,
    "given 0",
    { { AXIS_SAMPLE, 0, 2, 0, 0 }, F(1, 2), B(2) },
    3,
    SAMPLE(2),
    .want = want_given,
    ATTR(points_2),
    .discrete = true },
  { &op_mirror,
    "logits above 0",
    { S(2), { AXIS_BATCH, 0, 2, 0.2, 1.2 } },
    2,
    SAMPLE(1),
    .want = want_mirror,
    .discrete = true },
  { &op_mirror,
    "logits below 0",
    { S(2), { AXIS_BATCH, 0, 2, -1.2, -0.2 } },
    2,
    SAMPLE(1),
    .want = want_mirror,
    .discrete = true },
  { &op_enumerate,
    "two of three",
    { { 0 } },
    0,
    SAMPLE(2),
    .want = want_digit,
    ATTR(digits),
    .no_gradient = true },
  { &op_mean,
    "normal",
    { B(2), F(1, 2) },
    2,
    BATCH(2),
    .want = want_same,
    ATTR(normal_2),
    .no_gradient = true },
  { &op_convert,
    "log to plain",
    { S(3) },
    1,
    SAMPLE(3),
    .want = want_log_to_plain,
    ATTR(log_to_plain) },
  { &op_convert, "logit to log", { B(2) }, 1, BATCH(2), ATTR(logit_to_log) },
  { &op_seen, "circle", { S(2) }, 1, SAMPLE(4), .want = want_circle, ATTR(circle) },
  { &op_seen,
    "one-hot",
    { { AXIS_BATCH, 0, 2, 1, 1 } },
    1,
    BATCH(6),
    ATTR(one_hot),
    .no_gradient = true },
};
static activation_attr activations[16];

/* Rows of the table, then one for each activation. */
static row row_at(int i)
{
  if (i < (int)LEN(rows)) return rows[i];
  int a = i - (int)LEN(rows);
  bool kinked =
      !strcmp(activation_table[a].name, "relu") || !strcmp(activation_table[a].name, "elu");
  return (row){ .op = &op_activation,
                .label = activation_table[a].name,
                .in = { { AXIS_BATCH, 0, 19, kinked ? 0.2 : -1.5, 1.5 } },
                .n_in = 1,
                BATCH(19),
                .want = want_activation,
                ATTR(activations[a]) };
}

/* ---- building a case */
enum { ALONE, SHARED, HELD };
typedef struct built {
  graph *g;
  node_id out, param[4];
  bench b;
  step_args args;
} built;

static void feed_them(const void *user, size_t first, size_t n, float *to)
{
  (void)user;
  for (size_t i = 0; i < n * FEED_COLS; i++)
    to[i] = (float)fed(first + i / FEED_COLS, i % FEED_COLS);
}
static const feed feeds[] = { { feed_them, NULL } };

static size_t full_rows_of(const input *x)
{
  return x->axis == AXIS_FIXED   ? x->rows
         : x->axis == AXIS_BATCH ? now.full
                                 : now.full * now.samples;
}

static built build(const row *c, int mode, int held_input)
{
  error e = { 0 };
  built t = { .g = graph_new(&e) };
  node_id lift[4] = { 0 }, in[4], seen[8];
  int n = 0, distinct = c->n_in - (c->same != 0);
  for (int i = 0; i < distinct; i++) {
    char name[] = { 'i', 'n', (char)('0' + i), 0 };
    lift[i] =
        lifted(t.g, name, c->in[i].axis, full_rows_of(&c->in[i]), c->in[i].cols, &t.param[i], &e);
  }
  for (int i = 0; i < c->n_in; i++) in[i] = lift[c->same && i == c->n_in - 1 ? c->same - 1 : i];
  if (mode == HELD) in[held_input] = held(in[held_input]);
  t.out = c->make ? c->make(t.g, c, in, &e)
                  : graph_add(t.g, c->op, "op", in, c->n_in, c->attr, c->attr_size, &e);
  ck_assert_msg(t.out != NODE_NONE, "%s, %s: %s", c->op->name, c->label, e.text);
  graph_keep(t.g, t.out);
  seen[n++] = t.out;
  for (int i = 0; mode == SHARED && i < distinct; i++) seen[n++] = lift[i];
  node_id end = graph_add(t.g, &op_probe, "probe", seen, n, NULL, 0, &e);
  seal_options o = { now.full, now.samples, .train = !c->no_gradient,
                     .objective = c->no_gradient ? NODE_NONE : end, .input_count = 1 };
  graph_keep(t.g, end);
  ck_assert_msg(!graph_seal(t.g, &o, &e), "%s, %s: %s", c->op->name, c->label, e.text);
  t.b = bench_new(t.g, 2, SEED);
  for (size_t i = 0; i < t.b.floats; i++) t.b.grads[i] = NAN; /* all of it must be overwritten */
  for (int i = 0; i < distinct; i++) {
    float *p = t.b.params + graph_node(t.g, t.param[i])->value_at;
    const input *x = &c->in[i];
    for (size_t k = 0; k < full_rows_of(x) * x->cols; k++)
      p[k] = (float)(x->low + (x->high - x->low) * scattered((unsigned)k, (unsigned)i, 11, 2));
    now.at[i] = p;
  }
  t.args =
      (step_args){ .batch = now.batch, .step = STEP, .kl_weight = now.kl_weight, .feeds = feeds };
  return t;
}

static void tear_down(built *t)
{
  bench_free(&t->b);
  graph_free(t->g);
}

/* ---- the checks */
static void check_values(const row *c)
{
  built t = build(c, ALONE, 0);
  const node *n = graph_node(t.g, t.out);
  bench_forward(&t.b, &t.args);
  ck_assert_msg(n->shape.axis == c->shape.axis && n->shape.rows == c->shape.rows &&
                    n->shape.cols == c->shape.cols,
                "%s, %s: shape %d %zu %zu", c->op->name, c->label, n->shape.axis, n->shape.rows,
                n->shape.cols);
  for (size_t r = 0; c->want && r < run_rows(t.b.run, t.out); r++)
    for (size_t k = 0; k < n->shape.cols; k++) {
      double want = c->want(c, r, k), got = (double)run_value(t.b.run, t.out)[r * n->ld + k];
      ck_assert_msg(fabs(got - want) <= 2e-6 * fmax(1, fabs(want)),
                    "%s, %s, B %zu of %zu, K %zu: [%zu, %zu] is %.9g, expected %.9g", c->op->name,
                    c->label, now.batch, now.full, now.samples, r, k, got, want);
    }
  tear_down(&t);
}

static double probe_at(built *t, float *x, float value)
{
  float old = *x;
  *x = value;
  bench_forward(&t->b, &t->args);
  *x = old;
  return probed;
}

static double difference(built *t, float *x)
{
  const float h = 0x1p-6f;
  double one = probe_at(t, x, *x + h) - probe_at(t, x, *x - h),
         two = probe_at(t, x, *x + 2 * h) - probe_at(t, x, *x - 2 * h);
  return (8 * one - two) / (12 * (double)h);
}

static void check_gradients(const row *c, int mode)
{
  built t = build(c, mode, 0);
  bench_step(&t.b, &t.args);
  for (int i = c->discrete; i < c->n_in - (c->same != 0); i++) {
    const node *p = graph_node(t.g, t.param[i]);
    size_t count = p->shape.rows * p->shape.cols;
    for (size_t k = 0; k < count; k++) {
      double got = (double)t.b.grads[p->value_at + k],
             want = (c->times != 0 ? c->times : 1) * difference(&t, t.b.params + p->value_at + k);
      ck_assert_msg(fabs(got - want) <= 3e-4 * fmax(1, fabs(want)),
                    "%s, %s%s, B %zu of %zu, K %zu: d/d in%d[%zu] is %.9g, by differences %.9g",
                    c->op->name, c->label, mode == SHARED ? ", shared" : "", now.batch, now.full,
                    now.samples, i, k, got, want);
    }
  }
  tear_down(&t);
}

/* An input whose only edge is held has gradient 0; the others' stand as they are without
 * holding. */
static void check_held(const row *c)
{
  for (int i = 0; i < c->n_in && !c->same && !c->make && c->n_in > 1; i++) {
    built free_edges = build(c, ALONE, 0), t = build(c, HELD, i);
    bench_step(&free_edges.b, &free_edges.args);
    bench_step(&t.b, &t.args);
    for (int k = 0; k < c->n_in; k++) {
      const node *p = graph_node(t.g, t.param[k]);
      for (size_t m = 0; m < p->shape.rows * p->shape.cols; m++) {
        float got = t.b.grads[p->value_at + m],
              want = k == i ? 0 : free_edges.b.grads[p->value_at + m];
        ck_assert_msg(got == want, "%s, %s, in%d held: gradient of in%d is %g, not %g", c->op->name,
                      c->label, i, k, (double)got, (double)want);
      }
    }
    tear_down(&free_edges);
    tear_down(&t);
  }
}

static const struct {
  size_t full, batch, samples;
} sizes[] = { { 3, 3, 2 }, { 3, 2, 2 }, { 3, 1, 3 }, { 1, 1, 1 }, { 1, 1, 4 }, { 5, 4, 1 } };

START_TEST(every_row)
{
  row c = row_at(_i);
  for (size_t i = 0; i < LEN(sizes); i++) {
    now.full = sizes[i].full, now.batch = sizes[i].batch, now.samples = sizes[i].samples,
    now.kl_weight = 0.25;
    check_values(&c);
    if (c.no_gradient) continue;
    check_gradients(&c, ALONE);
    if (c.times == 0) check_gradients(&c, SHARED);
    check_held(&c);
  }
}
END_TEST

static bool has_row(const op *o)
{
  for (int i = 0; i < (int)LEN(rows) + n_activations; i++)
    if (row_at(i).op == o) return true;
  return false;
}

START_TEST(no_op_is_left_out)
{
  for (int i = 0; i < n_graph_ops; i++)
    ck_assert_msg(has_row(graph_ops[i]), "op %s has no row here", graph_ops[i]->name);
  for (int i = 0; i < n_dist_ops; i++)
    ck_assert_msg(has_row(dist_ops[i]), "op %s has no row here", dist_ops[i]->name);
}
END_TEST

/* dz/d log rate = -z for a gamma draw, whose rejection loop has no differences to compare with; by
 * log z: -1. */
START_TEST(gamma_draw_by_rate)
{
  row c = rows[0];
  for (size_t i = 0; i < LEN(rows); i++)
    if (rows[i].attr == &draw_gamma) c = rows[i];
  now.full = 3, now.batch = 2, now.samples = 4, now.kl_weight = 1;
  c.no_gradient = false;
  built t = build(&c, ALONE, 0);
  bench_step(&t.b, &t.args);
  const node *p = graph_node(t.g, t.param[1]);
  for (size_t b = 0; b < now.full; b++)
    for (size_t col = 0; col < 2; col++) {
      double want = 0;
      for (size_t k = 0; b < now.batch && k < now.samples; k++)
        want -= probe_weight(0, k * now.batch + b, col);
      double got = (double)t.b.grads[p->value_at + b * 2 + col];
      ck_assert_msg(fabs(got - want) <= 1e-5, "row %zu, %zu: %g, expected %g", b, col, got, want);
    }
  tear_down(&t);
}
END_TEST

START_TEST(one_hot_marks_the_class)
{
  row c = rows[LEN(rows) - 1];
  now.full = now.batch = 2, now.samples = 1;
  built t = build(&c, ALONE, 0);
  bench_forward(&t.b, &t.args);
  for (int i = 0; i < 12; i++) ck_assert(run_value(t.b.run, t.out)[i] == (i % 3 == 1));
  tear_down(&t);
}
END_TEST

static void bind(const char *name, family_use *u, road_use *road)
{
  error e = { 0 };
  ck_assert_msg(!family_bind(plugins, name, 1, u, &e), "%s", e.text);
  if (road) ck_assert_msg(!road_bind(plugins, u, NULL, road, &e), "%s", e.text);
}

static void start(void)
{
  error e = { 0 };
  start_plugins();
  bind("normal", &normal, &normal_road);
  bind("gamma", &gamma_family, &gamma_road);
  bind("bernoulli", &bernoulli, NULL);
  ck_assert(kl_find(plugins, &normal, &normal, &normal_kl));
  ck_assert(!family_bind(plugins, "categorical", 3, &three_classes, &e));
  ck_assert_msg(!relax_bind(plugins, &bernoulli, &two_points, &e), "%s", e.text);
  ck_assert_msg(!relax_bind(plugins, &three_classes, &three_points, &e), "%s", e.text);
  sobol_start(&net);
  draw_samples.registry = draw_rows.registry = draw_gamma.registry = plugins;
  with_tanh.activation = activation_find("tanh");
  for (int i = 0; i < n_activations; i++) activations[i].activation = i;
}

int main(void)
{
  Suite *s = suite_create("graph/ops");
  TCase *t = tcase_create("ops");
  tcase_set_timeout(t, 60);
  tcase_add_unchecked_fixture(t, start, end_plugins);
  tcase_add_loop_test(t, every_row, 0, (int)LEN(rows) + n_activations);
  tcase_add_test(t, no_op_is_left_out);
  tcase_add_test(t, gamma_draw_by_rate);
  tcase_add_test(t, one_hot_marks_the_class);
  suite_add_tcase(s, t);
  return run_suite(s);
}
