/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expectation.h - the expected gradient of an estimator against the derivative of its objective,
 * which is known: an expectation over a row's points (all combinations of states, or the grid of a
 * quadrature), and of bounds of K samples over all K-tuples of them.
 *
 * Error rates: the mean of n independent gradients is looked at through 16 random projections
 * of signs. Each must lie within 4.9 standard errors of the truth: by chance one in 1e6 does not,
 * and one run of 60 estimators in 1000 has such a one. A biased estimator must lie outside. */
#ifndef TEST_EXPECTATION_H
#define TEST_EXPECTATION_H

#define FIXTURE_THREADS 1 /* many small steps */
#include "study_fixture.h"
#include "infer/resolve.h"

enum { BATCH = 4, STEPS = 3000, PROJECTIONS = 16, MOST_PARAMS = 256, MOST_POINTS = 625 };
static const double limit = 4.9;
static const uint32_t first_rows[BATCH] = { 0, 1, 2, 3 };

/* Parameters lie between -SPREAD and SPREAD, but for one number that a model may make stronger. */
#ifndef SPREAD
#define SPREAD 0.8
#define STRONG "", 0, 0
#endif
#define TRAIN "train: {epochs: 2, batch_size: 4}\n"

typedef struct subject {
  elbo_experiment *x;
  study *s;
  machine *m;
  float *params, *grads;
  size_t floats, K;
} subject;

/* What a row's draws may be: f = log p(x, z) - log q(z|x), and how probable they are. */
typedef struct points {
  size_t n;
  double f[MOST_POINTS], prob[MOST_POINTS];
} points;
typedef void point_rule(subject *t, size_t row, points *to);

static inline double scattered(size_t a, size_t b)
{
  uint64_t x = 0x9e3779b97f4a7c15u * (1 + a + 131 * b);
  x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
  x ^= x >> 32;
  return (double)(x & 0xffffff) / 0xffffff;
}

static inline void set_number(subject *t, const char *tensor, size_t at, float to)
{
  for (int i = 0; i < graph_tensor_count(t->m->mg.g); i++) {
    const named_tensor *n = graph_tensor(t->m->mg.g, i);
    if (!strcmp(n->name, tensor) && at < n->count) t->params[n->at + at] = to;
  }
}

static inline subject take(const char *yaml)
{
  error e = { 0 };
  subject t = { .x = open_experiment(yaml) };
  t.s = t.x->study;
  t.K = t.s->model->samples;
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = BATCH, .samples = t.K };
  model_graph mg;
  ck_assert_msg(!model_build(t.s->model, &o, &mg, &e), "%s", e.text);
  t.floats = graph_param_floats(mg.g);
  model_graph_free(&mg);
  ck_assert_uint_le(t.floats, MOST_PARAMS);
  t.params = mem_new_aligned(t.floats, sizeof(float), "p", &e);
  t.grads = mem_new_aligned(t.floats, sizeof(float), "g", &e);
  ck_assert_msg(!machine_new(t.s, &o, NULL, t.params, t.grads, &t.m, &e), "%s", e.text);
  for (size_t i = 0; i < t.floats; i++) t.params[i] = (float)(SPREAD * (2 * scattered(i, 1) - 1));
  set_number(&t, STRONG);
  machine_feed_split(t.m, SPLIT_TRAIN, first_rows, BATCH, 0, &e);
  return t;
}

static inline subject subject_of(const char *model, const char *estimator)
{
  char yaml[2048];
  snprintf(yaml, sizeof yaml, "%sestimator: %s\n" TRAIN, model, estimator);
  return take(yaml);
}

static inline void leave(subject *t)
{
  machine_free(t->m);
  mem_free(t->params);
  mem_free(t->grads);
  elbo_experiment_free(t->x);
}

static inline void forward(subject *t, uint64_t step, double b)
{
  error e = { 0 };
  step_args a = {
    .batch = BATCH, .step = step, .kl_weight = 1, .baseline = b, .feeds = t->m->feeds
  };
  ck_assert_msg(!run_forward(t->m->run, &a, &e), "%s", e.text);
}

static inline double value_at(const subject *t, node_id id, size_t row)
{
  const node *n = graph_node(t->m->mg.g, id);
  return (double)run_value(t->m->run, id)[row % run_rows(t->m->run, id) * n->ld];
}

/* ---- what a truth is made of: numbers of tensors by name */
static inline const float *named(const subject *t, const char *name)
{
  for (int i = 0; i < graph_tensor_count(t->m->mg.g); i++)
    if (!strcmp(graph_tensor(t->m->mg.g, i)->name, name))
      return t->params + graph_tensor(t->m->mg.g, i)->at;
  ck_abort_msg("no parameter %s", name);
  return NULL;
}

static inline double log_normal(double x, double loc, double log_scale)
{
  double r = (x - loc) / exp(log_scale);
  return -0.5 * r * r - log_scale - 0.5 * log(2 * M_PI);
}

static inline double log_bernoulli(double x, double logit)
{
  return x * logit - log1p(exp(logit));
}

static inline double affine(const subject *t, const char *head, size_t row, size_t n,
                            const double *x)
{
  char weight[64], bias[64];
  snprintf(weight, sizeof weight, "%s.weight", head);
  snprintf(bias, sizeof bias, "%s.bias", head);
  double sum = (double)named(t, bias)[row];
  for (size_t k = 0; k < n; k++) sum += (double)named(t, weight)[row * n + k] * x[k];
  return sum;
}

/* ---- the truth: the mean over the batch of the expected objective of K samples */
typedef struct tuples {
  const points *p;
  double top, w[MOST_POINTS]; /* exp(f - top) */
  size_t K;
} tuples;

/* Where all of a tuple underflow, far out in the tails, the largest stands for their sum. */
static inline double over_tuples(const tuples *t, size_t left, double sum, double best)
{
  double total = 0;
  if (left == 0) return (sum > 1e-280 ? log(sum) : best - t->top) - log((double)t->K);
  for (size_t i = 0; i < t->p->n; i++)
    total += t->p->prob[i] * over_tuples(t, left - 1, sum + t->w[i], fmax(best, t->p->f[i]));
  return total;
}

/* K 0: the expectation of f. */
static inline double expected(const points *p, size_t K)
{
  tuples t = { .p = p, .top = -INFINITY, .K = K };
  double sum = 0;
  for (size_t i = 0; i < p->n; i++) t.top = fmax(t.top, p->f[i]), sum += p->prob[i] * p->f[i];
  if (K == 0) return sum;
  for (size_t i = 0; i < p->n; i++) t.w[i] = exp(p->f[i] - t.top);
  return t.top + over_tuples(&t, K, 0, -INFINITY);
}

static inline double objective_of(subject *t, point_rule *rule, size_t K)
{
  points p;
  double sum = 0;
  for (size_t b = 0; b < BATCH; b++) {
    rule(t, b, &p);
    sum += expected(&p, K) / BATCH;
  }
  return sum;
}

static inline double difference(subject *t, size_t i, point_rule *rule, size_t K)
{
  const float h = 0x1p-6f, old = t->params[i];
  double v[4];
  for (int k = 0; k < 4; k++) {
    t->params[i] = old + h * (float[]){ 1, -1, 2, -2 }[k];
    v[k] = objective_of(t, rule, K);
  }
  t->params[i] = old;
  return (8 * (v[0] - v[1]) - (v[2] - v[3])) / (12 * (double)h);
}

/* Is it a number of a tensor, whose name begins so? */
static inline bool learned(const subject *t, size_t at, const char *prefix)
{
  for (int i = 0; i < graph_tensor_count(t->m->mg.g); i++) {
    const named_tensor *n = graph_tensor(t->m->mg.g, i);
    if (at >= n->at && at < n->at + n->count && !strncmp(n->name, prefix, strlen(prefix)))
      return true;
  }
  return false;
}

static inline void true_gradient(subject *t, point_rule *rule, size_t K, double *to)
{
  for (size_t i = 0; i < t->floats; i++) to[i] = learned(t, i, "") ? difference(t, i, rule, K) : 0;
}

/* ---- moments of the projections */
typedef struct moments {
  int n;                                                   /* gradients */
  double mean[PROJECTIONS], square[PROJECTIONS], variance; /* summed over the parameters of q */
} moments;

/* Every other projection sees the parameters of q alone; none sees what only fills up. */
static inline double sign(const subject *t, int projection, size_t i)
{
  if (!learned(t, i, projection % 2 ? "q." : "")) return 0;
  return scattered(i, 100 + (size_t)projection) < 0.5 ? -1 : 1;
}

static inline void sample_gradients(subject *t, int n, moments *out)
{
  error e = { 0 };
  baseline b = { 0 };
  double sum[MOST_PARAMS] = { 0 }, squares[MOST_PARAMS] = { 0 };
  double signs[PROJECTIONS][MOST_PARAMS];
  *out = (moments){ .n = n };
  for (int p = 0; p < PROJECTIONS; p++)
    for (size_t i = 0; i < t->floats; i++) signs[p][i] = sign(t, p, i);
  for (int step = 0; step < n; step++) {
    double mean = 0;
    forward(t, (uint64_t)step, baseline_value(&b));
    ck_assert_msg(!run_backward(t->m->run, &e), "%s", e.text);
    for (size_t r = 0; r < BATCH; r++) mean += value_at(t, t->m->mg.rows, r) / BATCH;
    baseline_see(&b, mean);
    for (size_t i = 0; i < t->floats; i++) {
      double g = learned(t, i, "") ? (double)t->grads[i] : 0;
      sum[i] += g / n, squares[i] += g * g / n;
    }
    for (int p = 0; p < PROJECTIONS; p++) {
      double v = 0;
      for (size_t i = 0; i < t->floats; i++) v += signs[p][i] * (double)t->grads[i];
      out->mean[p] += v / n, out->square[p] += v * v / n;
    }
  }
  for (size_t i = 0; i < t->floats; i++)
    if (learned(t, i, "q.")) out->variance += fmax(0, squares[i] - sum[i] * sum[i]);
}

/* The largest distance of a projection from the truth, in standard errors floored at what float
 * leaves. */
static inline double distance(const subject *t, const moments *m, const double *truth)
{
  double most = 0;
  for (int p = 0; p < PROJECTIONS; p++) {
    double want = 0, size = 1;
    for (size_t i = 0; i < t->floats; i++) want += sign(t, p, i) * truth[i], size += fabs(truth[i]);
    double variance = fmax(0, m->square[p] - m->mean[p] * m->mean[p]) / (m->n - 1);
    ck_assert_msg(isfinite(want) && isfinite(m->mean[p]), "%g, expected %g", m->mean[p], want);
    most = fmax(most, fabs(m->mean[p] - want) / sqrt(variance + 4e-12 * size * size));
  }
  return most;
}

/* The mean of n gradients of an estimator against the rule's points; `truth`: the experiment whose
 * graph the rule reads. */
static inline void expect_gradient(subject *truth, const char *model, const char *estimator,
                                   point_rule *rule, size_t K, int n, bool biased)
{
  double want[MOST_PARAMS];
  moments m;
  true_gradient(truth, rule, K, want);
  subject t = subject_of(model, estimator);
  sample_gradients(&t, n, &m);
  double z = distance(&t, &m, want);
  ck_assert_msg(biased == (z > limit), "%s: estimator %s: %g standard errors from the truth", model,
                estimator, z);
  leave(&t);
}

static inline void expect_refusal(const char *model, const char *estimator, const char *said)
{
  char yaml[2048];
  elbo_experiment *x = NULL;
  snprintf(yaml, sizeof yaml, "%sestimator: %s\n" TRAIN, model, estimator);
  write_words("experiment.yaml", yaml);
  ck_assert_msg(elbo_experiment_open(context, in_folder("experiment.yaml"), NULL, &x) != ELBO_DONE,
                "%s: not refused: %s\n%s", said, estimator, model);
  ck_assert_msg(strstr(elbo_last_error(context), said), "%s, expected: %s",
                elbo_last_error(context), said);
}

/* The data of the models. */
static void expectation_start(void)
{
  fixture_start();
  write_words("bits.csv", "0,1\n1,1\n1,0\n0,1\n");
  write_words("pairs.csv", "0.5,-1\n1.25,0.75\n-0.5,0.25\n-1.5,-0.5\n");
}

#endif
