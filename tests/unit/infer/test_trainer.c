/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Training: order and batches, the step against its formulas, schedules, resuming bit for bit, what
 * stands in the metrics. */
#include "study_fixture.h"

#define TRAIN(words) "train: {epochs: 4, batch_size: 5" words "}\n"
#define SGD "optimizer: {name: sgd, learning_rate: 0.01}\n"
#define ADAM "optimizer: {name: adam, learning_rate: 0.01}\n"

static trainer *make(elbo_experiment *x)
{
  error e = { 0 };
  trainer *t;
  ck_assert_msg(!trainer_new(x->study, x->study->x->train.epochs, &t, &e), "%s", e.text);
  return t;
}

static sums step(trainer *t)
{
  error e = { 0 };
  sums s = { 0 };
  ck_assert_msg(!trainer_step(t, &s, &e), "%s", e.text);
  return s;
}

START_TEST(each_row_once_an_epoch)
{
  elbo_experiment *x = open_experiment(DATA MODEL SGD TRAIN(""));
  trainer *t = make(x);
  uint32_t before[23] = { 0 };
  for (int epoch = 0; epoch < 3; epoch++) {
    int seen[23] = { 0 };
    for (int i = 0; i < 5; i++) {
      sums s = step(t);
      ck_assert_uint_eq(s.rows, i < 4 ? 5 : 3); /* the last short one is used */
      for (uint64_t k = 0; k < s.rows; k++) seen[t->m->index[k]]++;
    }
    for (int i = 0; i < 23; i++) ck_assert_int_eq(seen[i], 1);
    ck_assert(memcmp(before, t->order, sizeof before));
    memcpy(before, t->order, sizeof before);
    ck_assert_int_eq(t->at.epoch, epoch + 1);
  }
  trainer_free(t);
  elbo_experiment_free(x);
}
END_TEST

/* w + rate (clip g) - rate decay w, with the gradient that the step used and its norm. */
START_TEST(one_step)
{
  static const struct {
    const char *optimizer;
    double decay, clip;
  } rows[] = {
    { "optimizer: {name: sgd, learning_rate: 0.01}\n", 0, 0 },
    { "optimizer: {name: sgd, learning_rate: 0.01, weight_decay: 0.5}\n", 0.5, 0 },
    { "optimizer: {name: sgd, learning_rate: 0.01, clip: 0.125}\n", 0, 0.125 },
    { "optimizer: {name: sgd, learning_rate: 0.01, clip: 1000000, weight_decay: 0.1}\n", 0.1, 1e6 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char yaml[2048];
    snprintf(yaml, sizeof yaml, DATA MODEL "%s" TRAIN(""), rows[i].optimizer);
    elbo_experiment *x = open_experiment(yaml);
    trainer *t = make(x);
    double norm = 0;
    float *w = malloc(t->floats * sizeof *w);
    memcpy(w, t->params, t->floats * sizeof *w);
    sums s = step(t);
    for (size_t k = 0; k < t->floats; k++) norm += (double)t->grads[k] * (double)t->grads[k];
    norm = sqrt(norm);
    ck_assert(fabs(s.grad_norm - norm) < 1e-6 * norm && norm > 0.125);
    double clip = rows[i].clip > 0 && norm > rows[i].clip ? rows[i].clip / norm : 1;
    for (size_t k = 0; k < t->floats; k++) {
      double want =
          (double)w[k] + 0.01 * clip * (double)t->grads[k] - 0.01 * rows[i].decay * (double)w[k];
      ck_assert_msg(fabs((double)t->params[k] - want) < 1e-7, "number %zu: %g, not %g", k,
                    (double)t->params[k], want);
    }
    free(w);
    trainer_free(t);
    elbo_experiment_free(x);
  }
}
END_TEST

/* objective = reconstruction - b kl, b from the schedule by epochs done with fraction */
START_TEST(kl_weight)
{
  elbo_experiment *x =
      open_experiment(DATA MODEL SGD TRAIN(", kl_weight: {from: 0.25, to: 1.25, epochs: 2}"));
  trainer *t = make(x);
  for (int i = 0; i < 15; i++) {
    double b = trainer_kl_weight(t, t->at.step), want = 0.25 + fmin(1, i / 10.0);
    ck_assert_msg(fabs(b - want) < 1e-12, "step %d: %g, not %g", i, b, want);
    sums s = step(t);
    double rows = (double)s.rows;
    ck_assert_msg(fabs(s.objective - (s.reconstruction - b * s.kl) / rows) <
                      2e-6 * fmax(1, fabs(s.objective)),
                  "step %d", i);
  }
  trainer_free(t);
  elbo_experiment_free(x);
}
END_TEST

START_TEST(learning_rate)
{
  elbo_experiment *x =
      open_experiment(DATA MODEL "optimizer: {name: sgd, learning_rate: 0.01, schedule: {name: "
                                 "step, every: 2, factor: 0.5}}\n" TRAIN(""));
  trainer *t = make(x);
  for (int i = 0; i < 20; i++) {
    ck_assert(fabs(trainer_learning_rate(t, t->at.step) - (i < 10 ? 0.01 : 0.005)) < 1e-15);
    step(t);
  }
  trainer_free(t);
  elbo_experiment_free(x);
}
END_TEST

START_TEST(nothing_is_allocated)
{
  elbo_experiment *x = open_experiment(HELD_OUT MODEL ADAM TRAIN(""));
  trainer *t = make(x);
  error e = { 0 };
  uint64_t before = mem_count();
  for (int i = 0; i < 9; i++) step(t);
  sums held = { 0 }, again = { 0 };
  ck_assert(!trainer_test(t, SPLIT_VALIDATE, &held, &e) &&
            !trainer_test(t, SPLIT_VALIDATE, &again, &e));
  ck_assert_uint_eq(mem_count(), before);
  ck_assert(held.rows == 5 && held.reconstruction == again.reconstruction &&
            held.kl == again.kl); /* the same draws each time */
  trainer_free(t);
  elbo_experiment_free(x);
}
END_TEST

START_TEST(not_finite_changes_nothing)
{
  elbo_experiment *x = open_experiment(DATA MODEL SGD TRAIN(""));
  trainer *t = make(x);
  error e = { 0 };
  sums s = { 0 };
  float *w = NULL;
  for (int i = 0; i < graph_tensor_count(t->m->mg.g); i++)
    if (!strcmp(graph_tensor(t->m->mg.g, i)->name, "p.x.head.loc.bias"))
      w = t->params + graph_tensor(t->m->mg.g, i)->at;
  ck_assert_ptr_nonnull(w);
  w[1] = NAN;
  float first = t->params[0];
  ck_assert_int_eq(trainer_step(t, &s, &e), ELBO_E_NOT_FINITE);
  ck_assert_msg(strstr(e.text, "p.x.head.bias (op param): its value is nan in row 0, column 1"),
                "%s", e.text);
  ck_assert(t->at.step == 0 && s.steps == 0 && t->params[0] == first);
  trainer_free(t);
  elbo_experiment_free(x);
}
END_TEST

/* ---- whole runs */
typedef struct stop_at {
  int asked, after;
} stop_at;
static bool stop(void *user)
{
  stop_at *s = user;
  return ++s->asked == s->after;
}

static elbo_status train(const char *yaml, const char *run, bool resume, int64_t epochs, int after,
                         elbo_train_result *r)
{
  char path[256];
  stop_at s = { 0, after };
  elbo_experiment *x = open_experiment(yaml);
  snprintf(path, sizeof path, "%s", in_folder(run));
  elbo_train_options o = {
    .size = sizeof o, .run = path, .resume = resume, .epochs = epochs, .stop = stop, .user = &s
  };
  elbo_status status = elbo_train(x, &o, r);
  elbo_experiment_free(x);
  return status;
}

static void trained(const char *yaml, const char *run, bool resume, int64_t epochs,
                    elbo_train_result *r)
{
  ck_assert_msg(!train(yaml, run, resume, epochs, 0, r), "%s", elbo_last_error(context));
}

static void same_files(const char *one, const char *two)
{
  size_t n, m;
  char *a = read_words(one, &n), *b = read_words(two, &m);
  ck_assert_msg(n == m && !memcmp(a, b, n), "%s and %s differ", one, two);
  free(a);
  free(b);
}

static int count_of(const char *file, const char *words)
{
  int n = 0;
  char *all = read_words(file, NULL);
  for (char *at = all; (at = strstr(at, words)); at++) n++;
  free(all);
  return n;
}

#define WHOLE HELD_OUT MODEL ADAM TRAIN(", log_every: 2, keep: best")
START_TEST(resumed_bit_for_bit)
{
  elbo_train_result r;
  trained(WHOLE, "whole", false, 0, &r);
  ck_assert(r.steps == 16 && r.epochs == 4);
  trained(WHOLE, "more", false, 2, &r); /* two epochs, then four */
  trained(WHOLE, "more", true, 4, &r);
  ck_assert_uint_eq(r.steps, 16);
  same_files("whole/checkpoint.safetensors", "more/checkpoint.safetensors");
  same_files("whole/best.safetensors", "more/best.safetensors");
  ck_assert_int_eq(train(WHOLE, "stopped", false, 0, 7, &r), ELBO_E_STOPPED); /* within an epoch */
  ck_assert_msg(strstr(elbo_last_error(context), "stopped after step 7"), "%s",
                elbo_last_error(context));
  trained(WHOLE, "stopped", true, 0, &r);
  same_files("whole/checkpoint.safetensors", "stopped/checkpoint.safetensors");
}
END_TEST

/* The moving average goes on where it was. */
START_TEST(baseline_resumed)
{
  static const char yaml[] = DATA MODEL "estimator: score_baseline\n" SGD TRAIN("");
  elbo_train_result r;
  trained(yaml, "base", false, 0, &r);
  ck_assert_int_eq(train(yaml, "base-stopped", false, 0, 7, &r), ELBO_E_STOPPED);
  trained(yaml, "base-stopped", true, 0, &r);
  same_files("base/checkpoint.safetensors", "base-stopped/checkpoint.safetensors");
  ck_assert_int_eq(count_of("base/checkpoint.safetensors", "\"baseline_mass\":0,"), 0);
}
END_TEST

START_TEST(finished_runs_stay)
{
  elbo_train_result r;
  trained(WHOLE, "done", false, 0, &r);
  trained(WHOLE, "done", true, 0, &r);
  ck_assert(r.already_finished && r.steps == 16 && r.epochs == 4);
  ck_assert_int_eq(train(WHOLE, "done", false, 0, 0, &r), ELBO_E_FILES);
  ck_assert_int_eq(train(WHOLE, "nowhere", true, 0, 0, &r), ELBO_E_FILES);
  ck_assert_int_eq(
      train(HELD_OUT MODEL SGD TRAIN(", log_every: 2, keep: best"), "done", true, 8, 0, &r),
      ELBO_E_CHECKPOINT);
  ck_assert_msg(strstr(elbo_last_error(context), "it belongs to another experiment"), "%s",
                elbo_last_error(context));
}
END_TEST

/* 18 rows to train on: 4 steps an epoch. Lines: each second step, and at each end of an epoch one
 * to train on and one held out. */
START_TEST(metrics)
{
  elbo_train_result r;
  trained(WHOLE, "lines", false, 2, &r);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\n"), 4 + 2 + 2);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\"split\":\"validate\""), 2);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\"grad_norm\""), 8);
  /* what a crash left behind the checkpoint is cut */
  FILE *f = fopen(in_folder("lines/metrics.jsonl"), "a");
  fputs("{\"step\":9,\"epoch\":2.25,\"elbo\":-123456}\n{\"step\":", f);
  fclose(f);
  trained(WHOLE, "lines", true, 4, &r);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\n"), 16);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "-123456"), 0);
}
END_TEST

/* With a rate that moves no weight the held-out ELBO stands still: the first epoch is the best. */
#define STILL HELD_OUT MODEL "optimizer: {name: sgd, learning_rate: 1e-30}\n"
START_TEST(patience)
{
  elbo_train_result r;
  trained(STILL "train: {epochs: 9, batch_size: 5, patience: 2, keep: best}\n", "patient", false, 0,
          &r);
  ck_assert_int_eq(r.epochs, 3);
  ck_assert_int_eq(count_of("patient/metrics.jsonl", "validate"), 3);
  trained(STILL "train: {epochs: 9, batch_size: 5, patience: 2, keep: best}\n", "patient", true, 0,
          &r);
  ck_assert_msg(r.already_finished && r.epochs == 3, "a run out of patience went on to epoch %lld",
                (long long)r.epochs);
  ck_assert(file_exists(in_folder("patient/best.safetensors")));
}
END_TEST

/* The best by the held-out rows: those of the epoch whose line has the largest ELBO. */
START_TEST(keep_best)
{
  elbo_train_result r;
  trained(HELD_OUT MODEL "optimizer: {name: sgd, learning_rate: 0.02}\n"
                         "train: {epochs: 6, batch_size: 5, keep: best}\n",
          "best", false, 0, &r);
  char *all = read_words("best/metrics.jsonl", NULL);
  double best = -INFINITY;
  int at = 0, epoch = 0;
  for (char *line = all; (line = strstr(line, "\"split\":\"validate\"")); line++) {
    double v = strtod(strstr(line, "\"elbo\":") + 7, NULL);
    epoch++;
    if (v > best) best = v, at = epoch;
  }
  free(all);
  char want[64];
  snprintf(want, sizeof want, "best_epoch\\\":%d,", at);
  size_t n;
  char *file = read_words("best/best.safetensors", &n);
  ck_assert_msg(memmem(file, n, want, strlen(want)) != NULL, "the best epoch is %d", at);
  free(file);
}
END_TEST

/* What a line says of its steps: the rate of the last, the mean weight of the KL. 5 steps an epoch.
 */
START_TEST(lines_are_of_their_steps)
{
  elbo_train_result r;
  trained(DATA MODEL "optimizer: {name: sgd, learning_rate: 0.5, schedule: {name: step, every: 1, "
                     "factor: 0.5}}\n" TRAIN(", kl_weight: {from: 0, to: 1, epochs: 2}"),
          "lines", false, 0, &r);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\n"), 4);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\"learning_rate\":0.5,\"kl_weight\":0.2}"), 1);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\"learning_rate\":0.25,\"kl_weight\":0.7}"), 1);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\"learning_rate\":0.125}"), 1);
  ck_assert_int_eq(count_of("lines/metrics.jsonl", "\"learning_rate\":0.0625}"), 1);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("infer/trainer");
  TCase *t = tcase_create("trainer");
  tcase_set_timeout(t, 30);
  tcase_add_checked_fixture(t, fixture_start, fixture_end);
  tcase_add_test(t, each_row_once_an_epoch);
  tcase_add_test(t, one_step);
  tcase_add_test(t, kl_weight);
  tcase_add_test(t, learning_rate);
  tcase_add_test(t, nothing_is_allocated);
  tcase_add_test(t, not_finite_changes_nothing);
  tcase_add_test(t, resumed_bit_for_bit);
  tcase_add_test(t, baseline_resumed);
  tcase_add_test(t, finished_runs_stay);
  tcase_add_test(t, metrics);
  tcase_add_test(t, lines_are_of_their_steps);
  tcase_add_test(t, patience);
  tcase_add_test(t, keep_best);
  suite_add_tcase(s, t);
  return run_suite(s);
}
