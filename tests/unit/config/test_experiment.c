/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/config.h"
#include "config/schema.h"
#include "graph/activation.h"
#include "infer/optimizer.h"
#include "nn/net.h"
#include "base/mem.h"

#include "families.h"

#include <check.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const no_settings[1];

/* Reads what must be right. */
static experiment *read_right(const char *yaml, const char *const *settings, int n)
{
  problems p = { 0 };
  experiment *x = NULL;
  error e = { 0 };
  elbo_status status = experiment_read_text(yaml, strlen(yaml), "dir/exp.yaml", "/base", settings,
                                            n, &known, &x, &p);
  problems_error(&p, &e);
  ck_assert_msg(status == ELBO_DONE && p.n == 0, "%s", e.text);
  problems_free(&p);
  return x;
}

#define DATA "data: {x: {train: a.npy}}\n"
#define Z "z: {family: normal, size: 3}"
#define X "x: {family: bernoulli, given: z, net: {hidden: [7]}}"
#define QZ "z: {family: normal, given: x, net: {hidden: [7]}}"
#define MODEL "model: {p: {" Z ", " X "}, q: {" QZ "}}\n"

START_TEST(defaults_are_filled_in)
{
  experiment *x = read_right(DATA MODEL, no_settings, 0);
  ck_assert_str_eq(x->name, "exp");
  ck_assert_str_eq(x->folder, "/base");
  ck_assert_uint_eq(x->seed, 1);
  ck_assert_str_eq(x->data[0].train, "/base/a.npy");
  ck_assert_int_eq(x->data[0].rows, 0);
  ck_assert_str_eq(x->estimator.name, "auto");
  ck_assert_int_eq(x->estimator.samples, 1);
  ck_assert_str_eq(optimizer_table[x->optimizer.kind].name, "adam");
  ck_assert_double_eq(x->optimizer.learning_rate, 0.001);
  const optimizer_kind *adam = &optimizer_table[x->optimizer.kind];
  for (int i = 0; i < adam->n_hypers; i++)
    ck_assert_double_eq(x->optimizer.hyper[i], adam->hypers[i].standard);
  ck_assert_str_eq(schedule_table[x->optimizer.schedule].name, "constant");
  ck_assert_double_eq(x->optimizer.clip, 0);
  ck_assert_int_eq(x->train.epochs, 10);
  ck_assert_int_eq(x->train.batch_size, 100);
  ck_assert_int_eq(x->train.log_every, 0);
  ck_assert(!x->train.keep_best && x->train.kl_from == 1 && x->train.kl_to == 1 &&
            x->train.kl_epochs == 0);
  ck_assert(!x->has_weight_prior && x->n_p == 2 && x->n_q == 1);
  ck_assert_str_eq(activation_table[x->p[1].net.activation].name, "tanh");
  ck_assert_str_eq(init_table[x->p[1].net.init].name, "torch");
  ck_assert(!x->p[0].net.present && x->p[1].net.present && x->p[1].net.n_hidden == 1 &&
            x->p[1].net.hidden[0] == 7);
  experiment_free(x);
}
END_TEST

START_TEST(parameters_in_all_forms)
{
  experiment *x = read_right(
      "data:\n  root: /d\n  x: {builtin: digits, rows: 50, shape: [28, 28], prepare: {scale: 255, "
      "clip: [0, 1], binarize: dynamic}}\n"
      "model:\n  p:\n"
      "    a: {family: normal, size: 2, loc: [1, -2.5e-3], log_var: 0.5}\n"
      "    b: {family: normal, size: 2, loc: learn, scale: {init: 3}}\n"
      "    c: {family: categorical, size: 1, dim: 3, probs: [0.2, 0.3, 0.5]}\n"
      "    d: {family: uniform, size: 1, low: -1, high: 1}\n"
      "    m: {family: multivariate_normal, size: 1, dim: 2, scale_tril: [[1, 0], [0.5, 2]]}\n"
      "    x: {family: normal, given: [a, b, c, d, m], scale: {share: event}, net: {hidden: [], "
      "init: {name: normal, scale: 0.1}}}\n"
      "  q:\n"
      "    a: {family: normal, given: x, net: {hidden: [3], dropout: 0.1, activation: relu, init: "
      "he}, reparam: inverse_cdf}\n"
      "    b: {family: laplace, given: [x, a], net: {hidden: [3]}, gradient: sgvb_a}\n"
      "    c: {family: categorical, given: x, net: {hidden: [3]}}\n"
      "    d: {family: uniform, low: -1, high: 0.5}\n"
      "    m: {family: multivariate_normal, loc: learn, scale_tril_unconstrained: [0, 1, 0]}\n",
      no_settings, 0);
  const conditional *p = x->p;
  ck_assert_int_eq(p[0].n_params, 2);
  ck_assert(p[0].params[0].kind == GIVEN_CONSTANT && p[0].params[0].n_values == 2);
  ck_assert_double_eq(p[0].params[0].values[1], -2.5e-3);
  ck_assert_str_eq(p[0].params[1].name, "log_var");
  ck_assert(p[1].params[0].kind == GIVEN_LEARN && p[1].params[0].n_values == 0);
  ck_assert(p[1].params[1].kind == GIVEN_LEARN && p[1].params[1].values[0] == 3);
  ck_assert(p[4].params[0].n_values == 4 && p[4].params[0].values[2] == 0.5);
  ck_assert(p[5].params[0].kind == GIVEN_HEAD && p[5].params[0].share_event);
  ck_assert_int_eq(p[5].n_given, 5);
  ck_assert_str_eq(init_table[p[5].net.init].name, "normal");
  ck_assert_double_eq(p[5].net.init_scale, 0.1);
  ck_assert_str_eq(x->q[0].reparam, "inverse_cdf");
  ck_assert_str_eq(x->q[1].gradient, "sgvb_a");
  ck_assert_double_eq(x->q[0].net.dropout, 0.1);
  const data_spec *d = &x->data[0];
  ck_assert(d->rows == 50 && d->test_rows == 1000 && d->shape_rank == 2 && d->shape[1] == 28);
  ck_assert(d->prepare.scale == 255 && d->prepare.clip && d->prepare.clip_high == 1 &&
            d->prepare.binarize == BINARIZE_DYNAMIC);
  experiment_free(x);
}
END_TEST

/* JSON has no word without quotes, and no comment; it is read by the same rules. */
START_TEST(json_is_read)
{
  experiment *x = read_right(
      "{\"data\": {\"root\": \"/d\", \"x\": {\"builtin\": \"digits\", \"rows\": 50}}, \"model\":\n"
      " {\"p\": {\"z\": {\"family\": \"normal\", \"size\": 2, \"loc\": \"learn\"},\n"
      "  \"x\": {\"family\": \"normal\", \"given\": \"z\", \"net\": {\"hidden\": []}}},\n"
      "  \"q\": {\"z\": {\"family\": \"normal\", \"given\": \"x\", \"net\": {\"hidden\": "
      "[3]}}}}}\n",
      no_settings, 0);
  ck_assert(x->p[0].params[0].kind == GIVEN_LEARN && x->p[0].params[0].n_values == 0);
  ck_assert(x->data[0].rows == 50 && x->q[0].net.hidden[0] == 3);
  experiment_free(x);
}
END_TEST

/* `estimator: auto` in the file, and a key beside the name from the command line. */
START_TEST(settings_beside_a_bare_word)
{
  static const char *const settings[] = { "estimator.samples=4", "optimizer.learning_rate=0.5" };
  experiment *x = read_right("estimator: auto\noptimizer: sgd\n" DATA MODEL, settings,
                             sizeof settings / sizeof *settings);
  ck_assert_str_eq(x->estimator.name, "auto");
  ck_assert_int_eq(x->estimator.samples, 4);
  ck_assert_str_eq(optimizer_table[x->optimizer.kind].name, "sgd");
  ck_assert_double_eq(x->optimizer.learning_rate, 0.5);
  experiment_free(x);
}
END_TEST

START_TEST(settings_edit)
{
  static const char *const settings[] = { "model.p.x.family=laplace",
                                          "data.x.prepare={scale: 255}",
                                          "estimator={name: sgvb_a, samples: 4}",
                                          "train.epochs=3",
                                          "train.epochs=4",
                                          "name=other",
                                          "optimizer.schedule=constant" };
  experiment *x = read_right(DATA MODEL, settings, sizeof settings / sizeof *settings);
  ck_assert_str_eq(x->p[1].family, "laplace");
  ck_assert_str_eq(x->p[1].variable, "x");
  ck_assert_double_eq(x->data[0].prepare.scale, 255);
  ck_assert_str_eq(x->estimator.name, "sgvb_a");
  ck_assert_int_eq(x->estimator.samples, 4);
  ck_assert_int_eq(x->train.epochs, 4);
  ck_assert_str_eq(x->name, "other");
  experiment_free(x);
}
END_TEST

START_TEST(seed_is_64_bits)
{
  experiment *x = read_right("seed: 18446744073709551615\n" DATA MODEL, no_settings, 0);
  ck_assert(x->seed == UINT64_MAX);
  experiment_free(x);
}
END_TEST

/* Written, read, written: the same text. Returns how many problems were left out of account. */
static void check_round(experiment *x)
{
  error e = { 0 };
  text once = { 0 }, again = { 0 };
  ck_assert_int_eq(experiment_write(x, &known, &once, &e), ELBO_DONE);
  experiment *y = read_right(once.s, no_settings, 0);
  ck_assert_int_eq(experiment_write(y, &known, &again, &e), ELBO_DONE);
  ck_assert_str_eq(once.s, again.s);
  experiment_free(x);
  experiment_free(y);
  text_free(&once);
  text_free(&again);
}

START_TEST(write_and_read)
{
  check_round(read_right(DATA MODEL, no_settings, 0));
  check_round(read_right(
      "name: \"every key \\\"\\\\ \\t\"\nseed: 0\n"
      "data: {root: d, labels: {train: l, test: m, column: 3}, limit: 9, validate: 0.25, "
      "x: {train: ' a', test: \"b\\x7f\", columns: [a b, 2, \"2\", \"c\\\"d\"], shape: [4], "
      "prepare: {dequantize: true, scale: 2.5, "
      "clip: [-1, "
      "1], standardize: true, binarize: threshold}}, "
      "y: {builtin: pinwheel, rows: 10, test_rows: 5}}\n"
      "model:\n  weight_prior: {family: normal, loc: 0.1, scale: 2}\n  p:\n"
      "    z: {family: normal, size: 3, loc: {init: [1, 2, 3]}, scale: learn}\n"
      "    u: {family: uniform, size: 2, low: 0, high: 2}\n"
      "    x: {family: bernoulli, given: [z, u, y], improper: allow, reparam: inverse_cdf, "
      "net: {hidden: [5, 6], activation: gelu, init: {name: normal, scale: 0.2}, dropout: 0.5}}\n"
      "  q:\n    z: {family: normal, given: x, gradient: auto, scale: {share: event}, net: "
      "{hidden: []}}\n"
      "    u: {family: uniform, low: 0.5, high: 1}\n"
      "estimator: sgvb_b\n"
      "optimizer: {name: sgd, learning_rate: 1e-5, weight_decay: 0.1, clip: 5, schedule: {name: "
      "cosine}}\n"
      "train: {epochs: 2, batch_size: 3, log_every: 4, checkpoint_every: 5, keep: best, patience: "
      "6, "
      "kl_weight: {from: 0.1, to: 2, epochs: 2.5}}\n",
      no_settings, 0));
}
END_TEST

START_TEST(every_optimizer_is_written)
{
  char yaml[1024];
  for (int i = 0; i < n_optimizers; i++) {
    snprintf(yaml, sizeof yaml, DATA MODEL "optimizer: %s\n", optimizer_table[i].name);
    check_round(read_right(yaml, no_settings, 0));
  }
  for (int i = 0; i < n_schedules; i++) {
    snprintf(yaml, sizeof yaml, DATA MODEL "optimizer: {schedule: %s}\n", schedule_table[i].name);
    problems p = { 0 };
    experiment *x = NULL;
    experiment_read_text(yaml, strlen(yaml), "e", "/", no_settings, 0, &known, &x, &p);
    ck_assert_int_eq(p.n, 0);
    ck_assert_int_eq(x->optimizer.schedule, i);
    check_round(x);
    problems_free(&p);
  }
}
END_TEST

START_TEST(resolved_text)
{
  error e = { 0 };
  text t = { 0 };
  experiment *x = read_right(DATA MODEL, no_settings, 0);
  ck_assert_int_eq(experiment_write(x, &known, &t, &e), ELBO_DONE);
  static const char *const lines[] = { "name: \"exp\"\n",
                                       "seed: 1\n",
                                       "    train: \"/base/a.npy\"\n",
                                       "      binarize: none\n",
                                       "    z:\n      family: normal\n      size: 3\n",
                                       "        hidden: [7]\n",
                                       "  learning_rate: 0.001\n",
                                       "  batch_size: 100\n",
                                       "  keep: last\n",
                                       "  kl_weight: 1\n" };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    ck_assert_msg(strstr(t.s, lines[i]) != NULL, "no %s in\n%s", lines[i], t.s);
  ck_assert_ptr_null(strstr(t.s, "rows"));
  experiment_free(x);
  text_free(&t);
}
END_TEST

START_TEST(ranges_are_told)
{
  static const struct {
    key k;
    const char *words;
  } rows[] = {
    { { .low = 0, .high = 0 }, "" },
    { { .low = 1, .high = INFINITY }, " of at least 1" },
    { { .low = 0, .high = 1, .open_low = true, .open_high = true }, " above 0 and below 1" },
    { { .low = -INFINITY, .high = 5 }, " at most 5" },
    { { .low = -INFINITY, .high = 5, .open_high = true }, " below 5" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    line l = { 0 };
    range_text(&rows[i].k, &l);
    ck_assert_str_eq(l.s, rows[i].words);
  }
}
END_TEST

START_TEST(keys_are_listed)
{
  error e = { 0 };
  text t = { 0 };
  ck_assert_int_eq(experiment_keys(&t, &e), ELBO_DONE);
  static const char *const words[] = {
    "learning_rate: number above 0",
    "  epochs: whole number of at least 1 and at most 1000000; default 10",
    "binarize: none|static|dynamic|threshold; default none",
    "hidden: list of whole numbers; required",
    "family: name of a family; required",
    "kl_weight",
    "adam"
  };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    ck_assert_msg(strstr(t.s, words[i]) != NULL, "no %s in\n%s", words[i], t.s);
  ck_assert_ptr_null(strstr(t.s, "plate"));
  text_free(&t);
}
END_TEST

/* The replayed steps, where they lie beside the tests: all must be read, but for estimators of
   later versions. */
START_TEST(golden_steps)
{
  char pattern[4096];
  glob_t found;
  const char *slash = strrchr(__FILE__, '/');
  snprintf(pattern, sizeof pattern, "%.*s/../../golden/steps/*.yaml",
           slash ? (int)(slash - __FILE__) : 1, slash ? __FILE__ : ".");
  if (glob(pattern, 0, NULL, &found)) {
    printf("golden_steps: skipped, there is no %s\n", pattern);
    return;
  }
  for (size_t i = 0; i < found.gl_pathc; i++) {
    problems p = { 0 };
    experiment *x = NULL;
    error e = { 0 };
    experiment_read(found.gl_pathv[i], no_settings, 0, &known, &x, &p);
    problems_error(&p, &e);
    for (int k = 0; k < p.n; k++)
      ck_assert_msg(strstr(p.list[k].text, "estimator") || strstr(p.list[k].text, "reserved"), "%s",
                    e.text);
    ck_assert(x);
    if (p.n)
      experiment_free(x);
    else
      check_round(x);
    problems_free(&p);
  }
  globfree(&found);
}
END_TEST

START_TEST(memory_may_fail_anywhere)
{
  static const char yaml[] =
      DATA MODEL "optimizer: {name: adam, schedule: constant}\ntrain: {kl_weight: 0.5}\n";
  static const char *const settings[] = { "model.p.x.family=laplace" };
  for (int for_ever = 0; for_ever < 2; for_ever++)
    for (uint64_t n = 1;; n++) {
      problems p = { 0 };
      experiment *x = NULL;
      uint64_t before = mem_count();
      mem_fail_at(n, for_ever);
      elbo_status status =
          experiment_read_text(yaml, sizeof yaml - 1, "e.yaml", "/", settings, 1, &known, &x, &p);
      mem_fail_at(0, false);
      ck_assert(status == ELBO_DONE ? x != NULL && p.n == 0 : p.n > 0);
      experiment_free(x);
      problems_free(&p);
      if (mem_count() - before < n) break;
      ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("experiment");
  TCase *c = tcase_create("reading and writing");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, defaults_are_filled_in);
  tcase_add_test(c, parameters_in_all_forms);
  tcase_add_test(c, json_is_read);
  tcase_add_test(c, settings_edit);
  tcase_add_test(c, settings_beside_a_bare_word);
  tcase_add_test(c, seed_is_64_bits);
  tcase_add_test(c, write_and_read);
  tcase_add_test(c, every_optimizer_is_written);
  tcase_add_test(c, resolved_text);
  tcase_add_test(c, ranges_are_told);
  tcase_add_test(c, keys_are_listed);
  tcase_add_test(c, golden_steps);
  tcase_add_test(c, memory_may_fail_anywhere);
  suite_add_tcase(s, c);
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
