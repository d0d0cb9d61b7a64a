/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_linear_gaussian.c - the model whose evidence is known: trained, it has to reach the
 * evidence; and the estimators A and B have to agree in expectation on it (Kingma and Welling 2014,
 * eqs. 6 and 7: two estimators of one bound). */
#include "data/dataset.h"
#include "infer/context.h"
#include <elbo/elbo.h>

#include <check.h>
#undef fail /* of check; here it is that of base/error.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char example[] = SOURCE_DIR "/docs/examples/linear_gaussian.yaml";

static elbo_context *start(void)
{
  static const char *const folders[] = { PLUGIN_DIR, NULL };
  elbo_context *ctx;
  elbo_context_options o = { .size = sizeof o,
                             .directories = folders,
                             .trust_plugins = true,
                             .threads = 1 };
  ck_assert_msg(!elbo_context_new(&o, &ctx), "%s", elbo_last_error(ctx));
  return ctx;
}

static elbo_experiment *open_example(elbo_context *ctx, const char *const *settings)
{
  elbo_experiment *x;
  ck_assert_msg(!elbo_experiment_open(ctx, example, settings, &x), "%s", elbo_last_error(ctx));
  return x;
}

/* ---- the evidence */
static double exact_evidence(const study *s)
{
  array rows;
  error e = { 0 };
  ck_assert(!builtin_make("linear_gaussian", s->x->seed, 1, s->rows[SPLIT_TEST], &rows, NULL, &e));
  double exact = builtin_linear_gaussian_evidence(&rows);
  array_free(&rows);
  return exact;
}

static void train(elbo_context *ctx, elbo_experiment *x, const char *run)
{
  elbo_train_result result;
  elbo_train_options o = { .size = sizeof o, .run = run };
  ck_assert_msg(!elbo_train(x, &o, &result), "%s", elbo_last_error(ctx));
}

static elbo_evaluation evaluate(elbo_context *ctx, const char *folder)
{
  elbo_run *run;
  elbo_evaluation v;
  elbo_evaluate_options o = { .size = sizeof o, .samples = 200, .seed = 1 };
  ck_assert_msg(!elbo_run_open(ctx, folder, NULL, NULL, &run), "%s", elbo_last_error(ctx));
  ck_assert_msg(!elbo_run_evaluate(run, &o, &v), "%s", elbo_last_error(ctx));
  elbo_run_free(run);
  return v;
}

START_TEST(trained_evidence_is_the_exact_one)
{
  char folder[] = "/tmp/elbo-test-evidence-XXXXXX", command[128];
  elbo_context *ctx = start();
  elbo_experiment *x = open_example(ctx, NULL);
  ck_assert_ptr_nonnull(mkdtemp(folder));
  train(ctx, x, folder);
  elbo_evaluation v = evaluate(ctx, folder);
  double exact = exact_evidence(x->study);
  snprintf(command, sizeof command, "rm -r %s", folder);
  ck_assert_int_eq(system(command), 0);
  ck_assert_msg(fabs(v.log_likelihood - exact) <= v.log_likelihood_se,
                "log likelihood %.4f +- %.4f, exactly %.4f", v.log_likelihood, v.log_likelihood_se,
                exact);
  /* That error is mostly the spread between rows, which both numbers share; what is left is the
     error of 20000 rows' worth of learning 16 numbers (16/20000/2 nats) and of 200 samples. */
  ck_assert_msg(fabs(v.log_likelihood - exact) <= 0.01, "log likelihood %.4f, exactly %.4f",
                v.log_likelihood, exact);
  /* The exact posterior is within reach of q, so the bound is tight but for q's fit. */
  ck_assert_msg(v.elbo <= exact + 0.02 && v.elbo >= exact - 0.03, "ELBO %.4f, evidence %.4f",
                v.elbo, exact);
  elbo_experiment_free(x);
  elbo_context_free(ctx);
}
END_TEST

/* ---- A and B. R independent gradients each, of one batch at one point: no coordinate's means may
   lie further apart than LIMIT standard errors. With normal errors a true agreement fails with a
   chance of 40 x 2e-9 = 8e-8; the seed is fixed, so that it fails always or never. */
enum { ROWS = 20, R = 4000, MAX_FLOATS = 512 };
static const double LIMIT = 6;

typedef struct moments {
  size_t floats;
  double mean[MAX_FLOATS], var_of_mean[MAX_FLOATS];
} moments;

/* Away from where training starts, where biases are 0 and gradients symmetric. */
static void set_point(const graph *g, uint64_t seed, float *params)
{
  init_params(g, seed, params);
  for (size_t i = 0; i < graph_param_floats(g); i++) params[i] += 0.3f * (float)sin((double)i);
}

static void add_draw(moments *m, const float *grads, int draws_before)
{
  for (size_t i = 0; i < m->floats; i++) { /* Welford 1962 */
    double d = (double)grads[i] - m->mean[i];
    m->mean[i] += d / (draws_before + 1);
    m->var_of_mean[i] += d * ((double)grads[i] - m->mean[i]);
  }
}

static moments gradient_moments(elbo_context *ctx, const char *estimator, uint64_t first_step)
{
  const char *const settings[] = { estimator, NULL };
  elbo_experiment *x = open_example(ctx, settings);
  moments m = { 0 };
  error e = { 0 };
  uint32_t index[ROWS];
  machine *one = NULL;
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = ROWS, .samples = 1 };
  float *params = mem_new_aligned(MAX_FLOATS, sizeof *params, "parameters", &e);
  float *grads = mem_new_aligned(MAX_FLOATS, sizeof *grads, "gradients", &e);
  ck_assert_msg(!machine_new(x->study, &o, NULL, params, grads, &one, &e), "%s", e.text);
  m.floats = graph_param_floats(one->mg.g);
  ck_assert_uint_le(m.floats, MAX_FLOATS);
  set_point(one->mg.g, 1, params);
  for (uint32_t i = 0; i < ROWS; i++) index[i] = i;
  machine_feed_split(one, SPLIT_TRAIN, index, ROWS, 0, &e);
  for (int r = 0; r < R; r++) {
    step_args a = { .batch = ROWS,
                    .step = first_step + (uint64_t)r,
                    .kl_weight = 1,
                    .training = true,
                    .feeds = one->feeds };
    ck_assert(!run_forward(one->run, &a, &e) && !run_backward(one->run, &e));
    add_draw(&m, grads, r);
  }
  for (size_t i = 0; i < m.floats; i++) m.var_of_mean[i] /= (double)R * (R - 1);
  machine_free(one);
  mem_free(params);
  mem_free(grads);
  elbo_experiment_free(x);
  return m;
}

START_TEST(a_and_b_agree_in_expectation)
{
  elbo_context *ctx = start();
  moments a = gradient_moments(ctx, "estimator.name=sgvb_a", 0),
          b = gradient_moments(ctx, "estimator.name=sgvb_b", 1000000);
  int compared = 0, differ_in_spread = 0;
  ck_assert_uint_eq(a.floats, b.floats);
  for (size_t i = 0; i < a.floats; i++) {
    double se = sqrt(a.var_of_mean[i] + b.var_of_mean[i]), size = fabs(a.mean[i]) + fabs(b.mean[i]);
    ck_assert_msg(fabs(a.mean[i] - b.mean[i]) <= LIMIT * se + 1e-6 * size,
                  "number %zu: A %.6f, B %.6f, standard error %.2g", i, a.mean[i], b.mean[i], se);
    compared += size > 20 * se;
    differ_in_spread +=
        a.var_of_mean[i] > 1.2 * b.var_of_mean[i] || b.var_of_mean[i] > 1.2 * a.var_of_mean[i];
  }
  /* most gradients stand out from their noise, so a wrong one would be seen */
  ck_assert_int_ge(compared, 20);
  ck_assert_int_ge(differ_in_spread, 1); /* and the two are not one estimator under two names */
  elbo_context_free(ctx);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("linear_gaussian");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 100);
  tcase_add_test(t, trained_evidence_is_the_exact_one);
  tcase_add_test(t, a_and_b_agree_in_expectation);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
