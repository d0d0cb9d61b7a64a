/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every estimator's expected gradient against the derivative of its objective, which is known: with
 * discrete latents by all combinations of states, with one normal latent under a linear model by
 * quadrature.
 *
 * Error rates: the mean of STEPS independent gradients is looked at through 16 random projections
 * of signs. Each must lie within 4.9 standard errors of the truth: by chance one in 1e6 does not,
 * and one run of all rows in 2000 has such a one. A biased estimator must lie outside. */
#include "study_fixture.h"
#include "infer/resolve.h"

enum { BATCH = 4, STEPS = 3000, PROJECTIONS = 16, MOST_PARAMS = 256 };
static const double limit = 4.9;

#define DISCRETE(z, how)                                                                           \
  "name: t\ndata: {x: {train: bits.csv}}\nmodel:\n  p:\n    z: {" z ", logits: learn}\n"           \
  "    x: {family: bernoulli, given: z, net: {hidden: [3], activation: tanh}}\n  q:\n    z: {" how \
  ", given: x, net: {hidden: []}}\n"
#define BITS DISCRETE("family: bernoulli, size: 2", "family: bernoulli")
#define CLASSES DISCRETE("family: categorical, dim: 3, size: 1", "family: categorical")
#define GAUSS                                                                                      \
  "name: t\ndata: {x: {train: pairs.csv}}\nmodel:\n  p:\n    z: {family: normal, size: 1}\n"       \
  "    x: {family: normal, given: z, net: {hidden: []}, scale: 0.7}\n"                             \
  "  q:\n    z: {family: normal, given: x, net: {hidden: []}}\n"
#define TRAIN "train: {epochs: 2, batch_size: 4}\n"

typedef struct subject {
  elbo_experiment *x;
  study *s;
  machine *m;
  float *params, *grads;
  size_t floats, K;
} subject;

static double scattered(size_t a, size_t b)
{
  uint64_t x = 0x9e3779b97f4a7c15u * (1 + a + 131 * b);
  x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
  x ^= x >> 32;
  return (double)(x & 0xffffff) / 0xffffff;
}

static const uint32_t first_rows[BATCH] = { 0, 1, 2, 3 };

static subject take(const char *yaml)
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
  for (size_t i = 0; i < t.floats; i++) t.params[i] = (float)(1.6 * scattered(i, 1) - 0.8);
  machine_feed_split(t.m, SPLIT_TRAIN, first_rows, 0);
  return t;
}

static void leave(subject *t)
{
  machine_free(t->m);
  mem_free(t->params);
  mem_free(t->grads);
  elbo_experiment_free(t->x);
}

static void forward(subject *t, uint64_t step, double b)
{
  error e = { 0 };
  step_args a = {
    .batch = BATCH, .step = step, .kl_weight = 1, .baseline = b, .feeds = t->m->feeds
  };
  ck_assert_msg(!run_forward(t->m->run, &a, &e), "%s", e.text);
}

/* ---- the truth: the mean over the batch of the expected objective of K samples */
static double log_mean_exp(const double *f, size_t K)
{
  double top = fmax(f[0], f[K - 1]), sum = 0;
  for (size_t k = 0; k < K; k++) sum += exp(f[k] - top);
  return top + log(sum / (double)K);
}

/* E over independent pairs (or single ones) of points with probabilities. */
static double expected(const double *f, const double *prob, size_t n, bool pairs)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < (pairs ? n : 1); j++)
      sum += prob[i] * (pairs ? prob[j] * log_mean_exp((double[]){ f[i], f[j] }, 2) : f[i]);
  return sum;
}

enum { MOST_POINTS = 64 };

static double value_at(const subject *t, node_id id, size_t row)
{
  const node *n = graph_node(t->m->mg.g, id);
  return (double)run_value(t->m->run, id)[row % run_rows(t->m->run, id) * n->ld];
}

/* t enumerates: log p and log q of every state are there. */
static double states_objective(subject *t, bool pairs)
{
  const model *m = t->s->model;
  int z = m->q_order[0], x = variable_find(m, "x");
  double sum = 0;
  forward(t, 0, 0);
  for (size_t b = 0; b < BATCH; b++) {
    double f[MOST_POINTS], prob[MOST_POINTS];
    for (size_t k = 0; k < t->K; k++) {
      double q = value_at(t, t->m->mg.log_q[z], k * BATCH + b);
      prob[k] = exp(q);
      f[k] = value_at(t, t->m->mg.log_p[z], k * BATCH + b) +
             value_at(t, t->m->mg.log_p[x], k * BATCH + b) - q;
    }
    sum += expected(f, prob, t->K, pairs) / BATCH;
  }
  return sum;
}

/* ---- one normal latent: f by the parameters' names, the latent by Gauss and Hermite through the
   trapezoidal rule, which is exact to rounding for what falls off at both ends */
static const float *named(const subject *t, const char *name)
{
  for (int i = 0; i < graph_tensor_count(t->m->mg.g); i++)
    if (!strcmp(graph_tensor(t->m->mg.g, i)->name, name))
      return t->params + graph_tensor(t->m->mg.g, i)->at;
  ck_abort_msg("no parameter %s", name);
  return NULL;
}

static double log_normal(double x, double loc, double log_scale)
{
  double r = (x - loc) / exp(log_scale);
  return -0.5 * r * r - log_scale - 0.5 * log(2 * M_PI);
}

static double affine(const subject *t, const char *head, size_t row, size_t n, const double *x)
{
  char weight[64], bias[64];
  snprintf(weight, sizeof weight, "%s.weight", head);
  snprintf(bias, sizeof bias, "%s.bias", head);
  double sum = (double)named(t, bias)[row];
  for (size_t k = 0; k < n; k++) sum += (double)named(t, weight)[row * n + k] * x[k];
  return sum;
}

static const double pairs_x[BATCH][2] = {
  { 0.5, -1 }, { 1.25, 0.75 }, { -0.5, 0.25 }, { -1.5, -0.5 }
};

static double normal_objective(subject *t, bool pairs)
{
  double sum = 0;
  for (size_t b = 0; b < BATCH; b++) {
    const double *x = pairs_x[b], step = 0.25;
    double loc = affine(t, "q.z.head.loc", 0, 2, x), ls = affine(t, "q.z.head.log_scale", 0, 2, x),
           f[MOST_POINTS], prob[MOST_POINTS];
    for (int i = 0; i < MOST_POINTS; i++) {
      double e = (i - 31.5) * step, z = loc + exp(ls) * e;
      prob[i] = step * exp(log_normal(e, 0, 0));
      f[i] = log_normal(z, 0, 0) - log_normal(z, loc, ls);
      for (size_t k = 0; k < 2; k++)
        f[i] += log_normal(x[k], affine(t, "p.x.head.loc", k, 1, &z), log(0.7));
    }
    sum += expected(f, prob, MOST_POINTS, pairs) / BATCH;
  }
  return sum;
}

static double difference(subject *t, size_t i, bool pairs, double (*objective)(subject *, bool))
{
  const float h = 0x1p-6f, old = t->params[i];
  double v[4];
  for (int k = 0; k < 4; k++) {
    t->params[i] = old + h * (float[]){ 1, -1, 2, -2 }[k];
    v[k] = objective(t, pairs);
  }
  t->params[i] = old;
  return (8 * (v[0] - v[1]) - (v[2] - v[3])) / (12 * (double)h);
}

/* ---- moments of the projections */
typedef struct moments {
  double mean[PROJECTIONS], square[PROJECTIONS], variance; /* summed over the parameters of q */
} moments;

static double sign(int projection, size_t i)
{
  return scattered(i, 100 + (size_t)projection) < 0.5 ? -1 : 1;
}

/* Is it a number of a tensor, whose name begins so? */
static bool learned(const subject *t, size_t at, const char *prefix)
{
  for (int i = 0; i < graph_tensor_count(t->m->mg.g); i++) {
    const named_tensor *n = graph_tensor(t->m->mg.g, i);
    if (at >= n->at && at < n->at + n->count && !strncmp(n->name, prefix, strlen(prefix)))
      return true;
  }
  return false;
}

static void sample_gradients(subject *t, moments *out)
{
  error e = { 0 };
  baseline b = { 0 };
  double sum[MOST_PARAMS] = { 0 }, squares[MOST_PARAMS] = { 0 };
  *out = (moments){ 0 };
  for (int step = 0; step < STEPS; step++) {
    double mean = 0;
    forward(t, (uint64_t)step, baseline_value(&b));
    ck_assert_msg(!run_backward(t->m->run, &e), "%s", e.text);
    for (size_t r = 0; r < BATCH; r++) mean += value_at(t, t->m->mg.rows, r) / BATCH;
    baseline_see(&b, mean);
    for (size_t i = 0; i < t->floats; i++) {
      double g = learned(t, i, "") ? (double)t->grads[i] : 0;
      sum[i] += g / STEPS, squares[i] += g * g / STEPS;
    }
    for (int p = 0; p < PROJECTIONS; p++) {
      double v = 0;
      for (size_t i = 0; i < t->floats; i++)
        v += learned(t, i, "") ? sign(p, i) * (double)t->grads[i] : 0;
      out->mean[p] += v / STEPS, out->square[p] += v * v / STEPS;
    }
  }
  for (size_t i = 0; i < t->floats; i++)
    if (learned(t, i, "q.")) out->variance += fmax(0, squares[i] - sum[i] * sum[i]);
}

/* The largest distance of a projection from the truth, in standard errors floored at what float
 * leaves. */
static double distance(const subject *t, const moments *m, const double *truth)
{
  double most = 0;
  for (int p = 0; p < PROJECTIONS; p++) {
    double want = 0, size = 1;
    for (size_t i = 0; i < t->floats; i++) want += sign(p, i) * truth[i], size += fabs(truth[i]);
    double variance = fmax(0, m->square[p] - m->mean[p] * m->mean[p]) / (STEPS - 1);
    most = fmax(most, fabs(m->mean[p] - want) / sqrt(variance + 4e-12 * size * size));
  }
  return most;
}

/* ---- the rows */
typedef struct row {
  const char *model, *estimator;
  bool pairs; /* the bound of two samples */
  bool biased;
} row;
static const row rows[] = {
  { BITS, "enumerate" },
  { BITS, "score" },
  { BITS, "{name: score, samples: 3}" },
  { BITS, "{name: score, samples: 4, noise: antithetic}" },
  { BITS, "{name: score, samples: 4, noise: sobol}" },
  { BITS, "score_baseline" },
  { BITS, "{name: score_baseline, samples: 2}" },
  { BITS, "{name: score_loo, samples: 3}" },
  { BITS, "{name: rebar, temperature: 0.6}" },
  { BITS, "{name: rebar, samples: 3}" },
  { BITS, "{name: rebar, samples: 2, scale: 0.4}" },
  { BITS, "{name: disarm, samples: 2}" },
  { BITS, "{name: disarm, samples: 4}" },
  { BITS, "{name: vimco, samples: 2}", .pairs = true },
  { BITS, "{name: rws, samples: 2}", .pairs = true, .biased = true },
  { BITS, "{name: concrete, temperature: 1}", .biased = true },
  { BITS, "{name: concrete, temperature: 1, density: relaxed}", .biased = true },
  { CLASSES, "enumerate" },
  { CLASSES, "score" },
  { CLASSES, "score_baseline" },
  { CLASSES, "{name: score_loo, samples: 2}" },
  { CLASSES, "{name: score, samples: 4, noise: sobol}" },
  { CLASSES, "{name: rebar, samples: 2}" },
  { CLASSES, "{name: vimco, samples: 2}", .pairs = true },
  { CLASSES, "{name: concrete, temperature: 1}", .biased = true },
  { CLASSES, "{name: concrete, temperature: 1, density: relaxed}", .biased = true },
  { GAUSS, "sgvb_a" },
  { GAUSS, "{name: sgvb_a, samples: 4, noise: antithetic}" },
  { GAUSS, "{name: sgvb_a, samples: 4, noise: sobol}" },
  { GAUSS, "sgvb_b" },
  { GAUSS, "{name: sgvb_b, samples: 2, noise: antithetic}" },
  { GAUSS, "stl" },
  { GAUSS, "{name: stl, samples: 4, noise: sobol}" },
  { GAUSS, "score" },
  { GAUSS, "score_baseline" },
  { GAUSS, "{name: score_loo, samples: 2}" },
  { GAUSS, "{name: iwae, samples: 2}", .pairs = true },
  { GAUSS, "{name: dreg, samples: 2}", .pairs = true },
  { GAUSS, "{name: vimco, samples: 2}", .pairs = true },
  { GAUSS, "{name: iwae_stl, samples: 2}", .pairs = true, .biased = true },
};
enum { ROWS = sizeof rows / sizeof *rows };

static subject subject_of(const char *model, const char *estimator)
{
  char yaml[2048];
  snprintf(yaml, sizeof yaml, "%sestimator: %s\n" TRAIN, model, estimator);
  return take(yaml);
}

static void true_gradient(const row *c, double *to)
{
  bool gauss = !strcmp(c->model, GAUSS);
  subject t = subject_of(c->model, gauss ? "sgvb_a" : "enumerate");
  for (size_t i = 0; i < t.floats; i++)
    to[i] = learned(&t, i, "")
                ? difference(&t, i, c->pairs, gauss ? normal_objective : states_objective)
                : 0;
  leave(&t);
}

START_TEST(expected_gradient)
{
  const row *c = &rows[_i];
  double truth[MOST_PARAMS];
  moments m;
  true_gradient(c, truth);
  subject t = subject_of(c->model, c->estimator);
  sample_gradients(&t, &m);
  double z = distance(&t, &m, truth);
  ck_assert_msg(c->biased == (z > limit), "estimator %s: %g standard errors from the truth",
                c->estimator, z);
  leave(&t);
}
END_TEST

static double variance_of(const char *model, const char *estimator)
{
  moments m;
  subject t = subject_of(model, estimator);
  sample_gradients(&t, &m);
  leave(&t);
  return m.variance;
}

/* What each is for: the variance beside that of the plain one at as many samples. */
START_TEST(variances)
{
  double score = variance_of(BITS, "{name: score, samples: 2}"),
         path = variance_of(GAUSS, "{name: sgvb_a, samples: 4}");
  ck_assert(variance_of(BITS, "enumerate") < 1e-10 * score);
  ck_assert_double_lt(variance_of(BITS, "{name: score_baseline, samples: 2}"), 0.7 * score);
  ck_assert_double_lt(variance_of(BITS, "{name: score_loo, samples: 2}"), 0.5 * score);
  ck_assert_double_lt(variance_of(BITS, "{name: rebar, samples: 2}"), 0.5 * score);
  double unscaled = variance_of(BITS, "{name: rebar, samples: 2, scale: 0}");
  /* nothing is left of the control variate */
  ck_assert_double_eq_tol(unscaled, score, 0.2 * score);
  ck_assert_double_lt(variance_of(BITS, "{name: disarm, samples: 2}"), 0.5 * score);
  ck_assert_double_lt(variance_of(GAUSS, "{name: sgvb_a, samples: 4, noise: sobol}"), 0.5 * path);
}
END_TEST

static const struct {
  const char *model, *estimator, *said;
} refused[] = {
  { GAUSS, "{name: score_loo, samples: 2, noise: antithetic}",
    "noise antithetic does not go with estimator score_loo: it needs draws that are independent" },
  { GAUSS, "{name: iwae, samples: 2, noise: sobol}",
    "noise sobol does not go with estimator iwae" },
  { BITS, "{name: disarm, samples: 2, noise: antithetic}",
    "its draws come in antithetic pairs already" },
  { GAUSS, "{name: sgvb_a, samples: 3, noise: antithetic}",
    "antithetic draws come in pairs, and there are 3 samples" },
  { BITS, "{name: disarm, samples: 3}", "antithetic draws come in pairs" },
  { BITS, "disarm", "estimator disarm needs at least 2 samples" },
  { CLASSES, "{name: disarm, samples: 2}", "estimator disarm is for binary draws by logits" },
  { GAUSS, "concrete", "estimator concrete needs a relaxed twin: normal has no relaxed twin" },
  { GAUSS, "rebar", "estimator rebar needs a relaxed twin" },
  { GAUSS, "{name: sgvb_a, temperature: 0.5}",
    "temperature is of relaxed values, and no latent has any" },
  { BITS, "{name: rebar, density: relaxed}", "density is of estimator concrete" },
  { BITS, "{name: score, scale: 0.5}", "scale is of rebar's control variate" },
  { "name: t\ndata: {x: {train: pairs.csv}}\nmodel:\n  p:\n    z: {family: normal, size: 41}\n"
    "    x: {family: normal, given: z, net: {hidden: []}}\n  q:\n    z: {family: normal, given: x, "
    "net: {hidden: []}}\n",
    "{name: sgvb_a, samples: 4, noise: sobol}", "more than the 40 coordinates" },
  { "name: t\ndata: {x: {train: pairs.csv}}\nmodel:\n  p:\n    z: {family: gamma, size: 1}\n"
    "    x: {family: normal, given: z, net: {hidden: []}}\n  q:\n    z: {family: gamma, given: x, "
    "net: {hidden: []}}\n",
    "{name: sgvb_a, samples: 4, noise: sobol}",
    "a draw of gamma takes no fixed number of noise values" },
  { "name: t\ndata: {x: {train: bits.csv}}\nmodel:\n  p:\n    y: {family: bernoulli, size: 1}\n    "
    "z: {family: bernoulli, size: 1}\n"
    "    x: {family: bernoulli, given: [y, z], net: {hidden: []}}\n  q:\n    y: {family: "
    "bernoulli, given: x, net: {hidden: []}}\n"
    "    z: {family: bernoulli, given: [x, y], net: {hidden: []}}\n",
    "{name: disarm, samples: 2}",
    "is refused where a latent has a latent parent in q, and z has y: both draws of a pair" },
  { "name: t\ndata: {x: {train: bits.csv}}\nmodel:\n  p:\n    y: {family: bernoulli, size: 1}\n    "
    "z: {family: bernoulli, size: 1}\n"
    "    x: {family: bernoulli, given: [y, z], net: {hidden: []}}\n  q:\n    y: {family: "
    "bernoulli, given: x, net: {hidden: []}}\n"
    "    z: {family: bernoulli, given: x, net: {hidden: []}, gradient: score}\n",
    "rebar", "estimator rebar must be that of all latents" },
};
enum { REFUSED = sizeof refused / sizeof *refused };

START_TEST(what_is_refused)
{
  char yaml[2048];
  elbo_experiment *x = NULL;
  snprintf(yaml, sizeof yaml, "%sestimator: %s\n" TRAIN, refused[_i].model, refused[_i].estimator);
  write_words("experiment.yaml", yaml);
  ck_assert_msg(elbo_experiment_open(context, in_folder("experiment.yaml"), NULL, &x) != ELBO_DONE,
                "%s: not refused", refused[_i].said);
  ck_assert_msg(strstr(elbo_last_error(context), refused[_i].said), "%s, expected: %s",
                elbo_last_error(context), refused[_i].said);
}
END_TEST

/* from (to / from)^(epochs / E), then it stays. */
START_TEST(temperature)
{
  subject t = subject_of(BITS, "{name: concrete, temperature: {from: 2, to: 0.5, epochs: 4}}");
  static const double want[] = { 2, 1.4142135623730951, 1, 0.70710678118654757, 0.5, 0.5 };
  for (int i = 0; i < 6; i++)
    ck_assert_double_eq_tol(model_temperature(t.s->model, i), want[i], 1e-15);
  leave(&t);
  t = subject_of(BITS, "rebar");
  ck_assert(model_temperature(t.s->model, 3) == 0.5);
  leave(&t);
}
END_TEST

/* The first step has none; a step's own f is never in its baseline. */
START_TEST(moving_average)
{
  baseline b = { 0 };
  ck_assert(baseline_value(&b) == 0);
  baseline_see(&b, -10);
  ck_assert_double_eq_tol(baseline_value(&b), -10, 1e-12);
  baseline_see(&b, -1);
  ck_assert_double_eq_tol(baseline_value(&b), (-10 * 0.8 - 1) / 1.8, 1e-12);
}
END_TEST

static void start(void)
{
  fixture_start();
  write_words("bits.csv", "0,1\n1,1\n1,0\n0,1\n");
  write_words("pairs.csv", "0.5,-1\n1.25,0.75\n-0.5,0.25\n-1.5,-0.5\n");
}

int main(void)
{
  Suite *s = suite_create("infer/estimators");
  TCase *t = tcase_create("estimators");
  tcase_set_timeout(t, 120);
  tcase_add_unchecked_fixture(t, start, fixture_end);
  tcase_add_loop_test(t, expected_gradient, 0, ROWS);
  tcase_add_test(t, variances);
  tcase_add_loop_test(t, what_is_refused, 0, REFUSED);
  tcase_add_test(t, temperature);
  tcase_add_test(t, moving_average);
  suite_add_tcase(s, t);
  return run_suite(s);
}
