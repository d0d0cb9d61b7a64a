/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checkpoints: there and back, and every file that is not one of this model's. */
#include "base/text.h"
#include "infer/checkpoint.h"
#include "io/tensors.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static void start(void)
{
  strcpy(path, "/tmp/elbo-test-checkpoint-XXXXXX");
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  close(fd);
}
static void end(void)
{
  unlink(path);
}

/* Two tensors that share a node, row by row, and one of rank 1 behind them. */
typedef struct model_of {
  graph *g;
  float *params, *m, *v;
} model_of;

static model_of make(size_t rows, const char *last)
{
  error e = { 0 };
  model_of t = { .g = graph_new(&e) };
  node_id w = graph_param(t.g, "w", 2 * rows, 3, &e), b = graph_param(t.g, "b", 1, 5, &e);
  named_tensor list[] = {
    { .name = "p.x.head.loc.weight", .node = w, .count = rows * 3, .rank = 2, .dims = { rows, 3 } },
    { .name = "p.x.head.log_scale.weight",
      .node = w,
      .at = rows * 3,
      .count = rows * 3,
      .rank = 2,
      .dims = { rows, 3 } },
    { .name = last, .node = b, .count = 5, .rank = 1, .dims = { 5 } }
  };
  for (int i = 0; i < 3; i++) ck_assert(!graph_name_tensor(t.g, &list[i], &e));
  size_t n = graph_param_floats(t.g);
  t.params = mem_new_aligned(n, sizeof(float), "", &e);
  t.m = mem_new_aligned(n, sizeof(float), "", &e);
  t.v = mem_new_aligned(n, sizeof(float), "", &e);
  return t;
}

static void forget(model_of *t)
{
  mem_free(t->params);
  mem_free(t->m);
  mem_free(t->v);
  graph_free(t->g);
}

static checkpoint_io io(model_of *t, const char *experiment)
{
  return (checkpoint_io){ .graph = t->g,
                          .params = t->params,
                          .state = { t->m, t->v },
                          .state_names = { "m", "v" },
                          .versions = "{\"elbo\":\"1\"}",
                          .experiment = experiment };
}

static void fill(const model_of *t)
{
  for (int i = 0; i < graph_tensor_count(t->g); i++)
    for (size_t k = 0; k < graph_tensor(t->g, i)->count; k++) {
      size_t at = graph_tensor(t->g, i)->at + k;
      t->params[at] = (float)at / 7, t->m[at] = -(float)at / 3, t->v[at] = 1e-30f * (float)at;
    }
}

static void write_it(model_of *t, progress_state at)
{
  error e = { 0 };
  checkpoint_io c = io(t, "digest");
  c.at = at;
  fill(t);
  ck_assert_msg(!checkpoint_write(path, &c, &e), "%s", e.text);
}

static const progress_state somewhere = { .step = 123456789,
                                          .epoch = 17,
                                          .best = -98.7654321098765432,
                                          .best_epoch = 12,
                                          .of_epoch = { -1234.567890123456789, -1e6 / 3, 1e5 / 7,
                                                        3.25, 1030, 11 },
                                          .of_line = { .kl = 1e-300, .rows = 1 } };

START_TEST(there_and_back)
{
  model_of a = make(2, "q.z.net.0.bias"), b = make(2, "q.z.net.0.bias");
  size_t bytes = graph_param_floats(a.g) * sizeof(float);
  error e = { 0 };
  char differ[64] = "?";
  write_it(&a, somewhere);
  checkpoint_io c = io(&b, "digest");
  ck_assert_msg(!checkpoint_read(path, &c, differ, sizeof differ, &e), "%s", e.text);
  ck_assert_mem_eq(a.params, b.params, bytes);
  ck_assert_mem_eq(a.m, b.m, bytes);
  ck_assert_mem_eq(a.v, b.v, bytes);
  ck_assert(c.at.step == 123456789 && c.at.epoch == 17 && c.at.best == somewhere.best &&
            c.at.best_epoch == 12 && !c.at.finished);
  ck_assert_mem_eq(&c.at.of_epoch, &somewhere.of_epoch, sizeof c.at.of_epoch);
  ck_assert_mem_eq(&c.at.of_line, &somewhere.of_line, sizeof c.at.of_line);
  ck_assert_str_eq(differ, "");
  c.versions = "{\"elbo\":\"2\"}";
  ck_assert(!checkpoint_read(path, &c, differ, sizeof differ, &e));
  ck_assert_str_eq(differ, "{\"elbo\":\"1\"}");
  memset(b.params, 0, bytes);
  ck_assert(!checkpoint_read_params(path, b.g, b.params, NULL, &e));
  ck_assert_mem_eq(a.params, b.params, bytes);
  progress_state none = { .best = NAN, .finished = true };
  write_it(&a, none);
  ck_assert(!checkpoint_read(path, &c, NULL, 0, &e) && isnan(c.at.best) && c.at.finished);
  forget(&a);
  forget(&b);
}
END_TEST

static void refused(model_of *t, const char *experiment, const char *words)
{
  error e = { 0 };
  checkpoint_io c = io(t, experiment);
  ck_assert_int_eq(checkpoint_read(path, &c, NULL, 0, &e), ELBO_E_CHECKPOINT);
  ck_assert_msg(strstr(e.text, path) && strstr(e.text, words), "\"%s\", expected \"%s\"", e.text,
                words);
}

START_TEST(other_models)
{
  model_of a = make(2, "q.z.net.0.bias"), wider = make(3, "q.z.net.0.bias"),
           renamed = make(2, "q.z.net.1.bias");
  write_it(&a, somewhere);
  refused(&a, "other",
          "it belongs to another experiment: model, data, optimizer or seed differ (digest, "
          "expected other)");
  refused(&wider, "digest", "p.x.head.loc.weight");
  refused(&renamed, "digest", "q.z.net.1.bias");
  checkpoint_io c = io(&a, "digest");
  error e = { 0 };
  c.state_names[1] = "sum";
  ck_assert_int_eq(checkpoint_read(path, &c, NULL, 0, &e), ELBO_E_CHECKPOINT);
  ck_assert_msg(strstr(e.text, "optimizer.sum.p.x.head.loc.weight"), "%s", e.text);
  forget(&a);
  forget(&wider);
  forget(&renamed);
}
END_TEST

/* ---- files made by hand: tensors of the model, with metadata as a row says */
static void write_with(const model_of *t, const char *const *meta, const char *extra)
{
  tensor list[16];
  char names[16][128];
  error e = { 0 };
  size_t n = 0;
  for (int i = 0; i < graph_tensor_count(t->g); i++)
    for (int s = 0; s < 3; s++) {
      const named_tensor *at = graph_tensor(t->g, i);
      snprintf(names[n], sizeof names[n], "%s%s",
               s == 0   ? ""
               : s == 1 ? "optimizer.m."
                        : "optimizer.v.",
               at->name);
      list[n] = (tensor){ .name = names[n],
                          .rank = at->rank,
                          .dims = { at->dims[0], at->dims[1] },
                          .count = at->count,
                          .at = (s == 0   ? t->params
                                 : s == 1 ? t->m
                                          : t->v) +
                                at->at };
      n++;
    }
  if (extra)
    list[n++] = (tensor){ .name = extra, .rank = 1, .dims = { 5 }, .count = 5, .at = t->params };
  tensors_out out = { .list = list, .n = n, .meta = meta };
  ck_assert_msg(!tensors_write(path, &out, &e), "%s", e.text);
}

#define BARE                                                                                       \
  "{\"step\":8,\"epoch\":2,\"epochs\":4,\"best_epoch\":0,\"baseline_sum\":0,\"baseline_mass\":0"
#define SUMS(objective, reconstruction, kl, norm, rows, steps)                                     \
  BARE ",\"of_line\":{\"objective\":" objective ",\"reconstruction\":" reconstruction              \
       ",\"kl\":" kl ",\"grad_norm\":" norm ",\"rows\":" rows ",\"steps\":" steps "}}"
#define STATE                                                                                      \
  "{\"step\":8,\"epoch\":2,\"epochs\":4,\"best\":null,\"best_epoch\":0,\"baseline_sum\":0,"        \
  "\"baseline_mass\":0,"                                                                           \
  "\"finished\":false}"
START_TEST(by_hand)
{
  static const struct {
    const char *format, *state, *extra, *said;
  } rows[] = {
    { "1", STATE, "other.tensor", NULL },
    { "1", STATE, "optimizer.other", "tensor optimizer.other: the optimizer keeps no such" },
    { "1", STATE, "optimizer.m.other", "tensor optimizer.m.other: the optimizer keeps no such" },
    { "1", STATE, "optimizer.mq.z.net.0.bias", "the optimizer keeps no such numbers" },
    { "1", STATE, "p.y.net.0.bias", "tensor p.y.net.0.bias: the model has no such parameter" },
    { "1", STATE, "q.y.net.0.bias", "tensor q.y.net.0.bias: the model has no such parameter" },
    { "2", STATE, NULL, "format 2, this program reads 1 to 1: a newer elbo wrote it" },
    { "0", STATE, NULL, "format 0" },
    { "one", STATE, NULL, "format one" },
    { "1", "{\"step\":-1,\"epoch\":2,\"best_epoch\":0}", NULL,
      "\"elbo.state\": step, epoch or best_epoch is missing" },
    { "1", "{\"epoch\":2,\"best_epoch\":0}", NULL,
      "\"elbo.state\": step, epoch or best_epoch is missing" },
    { "1", "{\"step\":8,\"epoch\":2}", NULL,
      "\"elbo.state\": step, epoch or best_epoch is missing" },
    { "1", "{\"step\":8,\"epoch\":2,\"best_epoch\":3}", NULL,
      "\"elbo.state\": step, epoch or best_epoch is missing" },
    { "1",
      "{\"step\":8,\"epoch\":2,\"epochs\":1e300,\"best_epoch\":0,\"baseline_sum\":0,\"baseline_"
      "mass\":0}",
      NULL, "\"elbo.state\": epochs is missing" },
    { "1", BARE ",\"of_epoch\":{\"rows\":-1,\"steps\":0}}", NULL,
      "of_epoch or of_line is missing" },
    { "1", BARE ",\"of_line\":{\"rows\":1,\"steps\":1,\"kl\":null}}", NULL,
      "of_epoch or of_line is missing" },
    { "1", BARE ",\"of_line\":{\"rows\":1,\"steps\":1e300}}", NULL,
      "of_epoch or of_line is missing" },
    { "1", SUMS("null", "1", "1", "1", "1", "1"), NULL, "of_epoch or of_line is missing" },
    { "1", SUMS("1", "null", "1", "1", "1", "1"), NULL, "of_epoch or of_line is missing" },
    { "1", SUMS("1", "1", "1", "null", "1", "1"), NULL, "of_epoch or of_line is missing" },
    { "1", SUMS("1", "1", "1", "1", "1e300", "1"), NULL, "of_epoch or of_line is missing" },
    { "1", SUMS("1", "1", "1", "1", "1", "-1"), NULL, "of_epoch or of_line is missing" },
    { "1", SUMS("1", "1", "1", "1", "1", "1"), NULL, NULL },
    { "1", "{\"step\":1e300,\"epoch\":2,\"best_epoch\":0}", NULL, "step, epoch or best_epoch" },
    { "1", "{\"step\":8,\"epoch\":-2,\"best_epoch\":0}", NULL, "step, epoch or best_epoch" },
    { "1", "{\"step\":8,\"epoch\":1e300,\"best_epoch\":0}", NULL, "step, epoch or best_epoch" },
    { "1", "{\"step\":8,\"epoch\":2,\"best_epoch\":-1}", NULL, "step, epoch or best_epoch" },
    { "1", BARE ",\"of_line\":3}", NULL, "of_epoch or of_line is missing" },
    { "1", BARE "}", NULL, NULL },
    { "1", "{\"step\":8", NULL, "header entry \"elbo.state\"" },
    { "1", "[]", NULL, "header entry \"elbo.state\"" },
  };
  model_of t = make(2, "q.z.net.0.bias");
  fill(&t);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *const meta[] = { "elbo.format",     rows[i].format, "elbo.state", rows[i].state,
                                 "elbo.experiment", "digest",       NULL };
    write_with(&t, meta, rows[i].extra);
    error e = { 0 };
    checkpoint_io c = io(&t, "digest");
    if (rows[i].said)
      refused(&t, "digest", rows[i].said);
    else
      ck_assert_msg(!checkpoint_read(path, &c, NULL, 0, &e) && c.at.step == 8, "%s", e.text);
  }
  const char *const no_state[] = { "elbo.format", "1", "elbo.experiment", "digest", NULL };
  write_with(&t, no_state, NULL);
  refused(&t, "digest", "header entry \"elbo.state\": it is not there");
  const char *const no_digest[] = { "elbo.format", "1", "elbo.state", STATE, NULL };
  write_with(&t, no_digest, NULL);
  refused(&t, "digest", "it belongs to another experiment");
  write_with(&t, NULL, NULL);
  refused(&t, "digest", "no \"elbo.format\" in the header: this is no checkpoint of elbo");
  error e = { 0 };
  /* but its weights can be taken */
  ck_assert(!checkpoint_read_params(path, t.g, t.params, NULL, &e));
  forget(&t);
}
END_TEST

/* A key renamed in place: a checksum that is not there would check nothing. */
static void rename_key(const char *key)
{
  static char all[1 << 16];
  FILE *f = fopen(path, "r+");
  size_t n = fread(all, 1, sizeof all, f);
  char *at = memmem(all, n, key, strlen(key));
  ck_assert_ptr_nonnull(at);
  at[strlen(key) - 2] ^= 1;
  ck_assert(!fseek(f, 0, SEEK_SET) && fwrite(all, 1, n, f) == n && !fclose(f));
}

START_TEST(checksums_must_be_there)
{
  static const char *const keys[] = { "\"elbo.crc32\"", "\"elbo.meta_crc32\"" };
  model_of t = make(2, "q.z.net.0.bias");
  for (int i = 0; i < 2; i++) {
    write_it(&t, somewhere);
    rename_key(keys[i]);
    refused(&t, "digest", "");
  }
  write_it(&t, somewhere);
  for (int i = 0; i < 2; i++) rename_key(keys[i]); /* as a file of another program */
  refused(&t, "digest", "no \"elbo.crc32\" in the header, which every checkpoint has");
  forget(&t);
}
END_TEST

START_TEST(memory_runs_out)
{
  model_of t = make(2, "q.z.net.0.bias");
  write_it(&t, somewhere);
  bool failed = true;
  for (uint64_t n = 1; failed && n < 400; n++) {
    error e = { 0 };
    checkpoint_io c = io(&t, "digest");
    mem_fail_at(n, false);
    failed = checkpoint_write(path, &c, &e) || checkpoint_read(path, &c, NULL, 0, &e);
    mem_fail_at(0, false);
    ck_assert_msg(!failed || e.status == ELBO_E_MEMORY || e.status == ELBO_E_CHECKPOINT ||
                      e.status == ELBO_E_FILES,
                  "%s", e.text);
  }
  ck_assert(!failed);
  forget(&t);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("infer/checkpoint");
  TCase *t = tcase_create("checkpoint");
  tcase_add_checked_fixture(t, start, end);
  tcase_add_test(t, there_and_back);
  tcase_add_test(t, other_models);
  tcase_add_test(t, by_hand);
  tcase_add_test(t, checksums_must_be_there);
  tcase_add_test(t, memory_runs_out);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
