/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bad experiments: each gets its problems, at their places, in words that help. */
#include "config/config.h"
#include "base/mem.h"

#include "families.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA "data: {x: {train: a.npy}}\n"
#define Z "z: {family: normal, size: 3}"
#define X "x: {family: bernoulli, given: z, net: {hidden: [7]}}"
#define QZ "z: {family: normal, given: x, net: {hidden: [7]}}"
#define MODEL "model: {p: {" Z ", " X "}, q: {" QZ "}}\n"
#define P(VARIABLES) DATA "model: {p: {" VARIABLES "},\n q: {" QZ "}}\n"
#define Q(VARIABLES) DATA "model: {p: {" Z ", " X "},\n q: {" VARIABLES "}}\n"

/* One problem each: its place (line 0: not looked at) and words of its message. */
static const struct {
  const char *yaml;
  int line, column;
  const char *words, *more;
} one[] = {
  { "", 1, 1, "empty", "data" },
  { "# only a comment\n", 1, 1, "empty", NULL },
  { "[1, 2]", 1, 1, "must be a mapping", "a list" },
  { DATA MODEL "trian: {epochs: 1}\n", 3, 1, "unknown key \"trian\"", "did you mean \"train\"?" },
  { DATA MODEL "train: {epoch: 1}\n", 3, 9, "did you mean \"epochs\"?", "batch_size" },
  { DATA MODEL "nets: {}\n", 3, 1, "`nets`", "reserved" },
  { MODEL, 1, 1, "lacks `data`", "add it" },
  { DATA, 1, 1, "lacks `model`", NULL },
  { DATA MODEL "seed: -1\n", 3, 7, "from 0 to 18446744073709551615", "-1" },
  { DATA MODEL "seed: 18446744073709551616\n", 3, 7, "seed must be", NULL },
  { DATA MODEL "seed: 1.5\n", 3, 7, "seed must be", NULL },
  { DATA MODEL "name: a/b\n", 3, 7, "fit for a folder", NULL },
  { DATA MODEL "name: [a]\n", 3, 7, "must be a word", "a list" },
  /* numbers */
  { DATA MODEL "train: {batch_size: 0}\n", 3, 21, "of at least 1 and at most 1000000", "\"0\"" },
  { DATA MODEL "train: {batch_size: -5}\n", 3, 21, "batch_size", NULL },
  { DATA MODEL "train: {epochs: 0}\n", 3, 17, "epochs", NULL },
  { DATA MODEL "train: {epochs: \"3\"}\n", 3, 17, "in quotes", NULL },
  { DATA MODEL "train: {epochs: 1.5}\n", 3, 17, "whole number", NULL },
  { DATA MODEL "train: {epochs: }\n", 3, 17, "found nothing", NULL },
  { DATA MODEL "train: {epochs: 18446744073709551616}\n", 3, 17, "epochs", NULL },
  { DATA MODEL "optimizer: {learning_rate: 0}\n", 3, 28, "above 0", NULL },
  { DATA MODEL "optimizer: {learning_rate: -0.1}\n", 3, 28, "above 0", NULL },
  { DATA MODEL "optimizer: {learning_rate: 1e999}\n", 3, 28, "learning_rate", NULL },
  { DATA MODEL "optimizer: {learning_rate: .nan}\n", 3, 28, "learning_rate", NULL },
  { DATA MODEL "optimizer: {learning_rate: .inf}\n", 3, 28, "learning_rate", NULL },
  { DATA MODEL "optimizer: {learning_rate: 0x10}\n", 3, 28, "decimal", NULL },
  { DATA MODEL "optimizer:\n  learning_rate: 1,5\n", 4, 18, "\"1,5\"", NULL },
  { DATA MODEL "optimizer: {learning_rate: 1_000}\n", 3, 28, "learning_rate", NULL },
  { DATA MODEL "optimizer: {name: adm}\n", 3, 19, "unknown optimizer \"adm\"",
    "did you mean \"adam\"?" },
  { DATA MODEL "epochs: 3\n", 3, 1, "unknown key \"epochs\"", "there is `train.epochs`" },
  { DATA MODEL "optimizer: {batchsize: 3}\n", 3, 13, "in optimizer", "`train.batch_size`" },
  { DATA MODEL "hidden: [3]\n", 3, 1, "\"hidden\"", "there is `model.p.NAME.net.hidden`" },
  { DATA MODEL "optimizer: {name: sgd, beta7: 1}\n", 3, 24, "unknown key \"beta7\"", NULL },
  { DATA MODEL "optimizer: {schedule: cosin}\n", 3, 23, "unknown schedule", "cosine" },
  { DATA MODEL "estimator: sgvb_c\n", 3, 12, "unknown estimator \"sgvb_c\"", "sgvb_b" },
  { DATA MODEL "estimator: {name: sgvb_a, samples: 100001}\n", 3, 36, "samples", NULL },
  { DATA MODEL "estimator: {name: sgvb_a, temperature: 1}\n", 3, 40, "no latent has any", NULL },
  { DATA MODEL "estimator: {name: concrete, temperature: 0}\n", 3, 42, "temperature", "above 0" },
  { DATA MODEL "estimator: {name: concrete, density: relaxe}\n", 3, 38, "density", "relaxed" },
  { DATA MODEL "estimator: {name: score, noise: sobel}\n", 3, 33, "unknown noise", "sobol" },
  { DATA MODEL "train: {patience: 3}\n", 3, 9, "validate", NULL },
  { DATA MODEL "train: {keep: best}\n", 3, 9, "validate", NULL },
  { DATA MODEL "train: {keep: first}\n", 3, 15, "keep can't be \"first\"", "last, best" },
  { DATA MODEL "train: {kl_weight: {from: 0}}\n", 3, 20, "lacks `epochs`", NULL },
  { DATA MODEL "train: {kl_weight: -1}\n", 3, 20, "kl_weight", NULL },
  /* data */
  { "data: {x: {}}\n" MODEL, 1, 11, "either `train: FILE` or `builtin: NAME`", "neither" },
  { "data: {x: {train: a, builtin: digits}}\n" MODEL, 1, 11, "both", NULL },
  { "data: {x: {train: a, rows: 4}}\n" MODEL, 1, 11, "of a builtin", NULL },
  { "data: {x: {train: a, prepare: {binarize: yes}}}\n" MODEL, 1, 42,
    "unknown binarization \"yes\"", "dynamic" },
  { "data: {x: {train: a, prepare: {dequantize: yes}}}\n" MODEL, 1, 44,
    "dequantize can't be \"yes\"", "true" },
  { "data: {x: {train: a, prepare: {clip: [1, 0]}}}\n" MODEL, 1, 38, "low < high", NULL },
  { "data: {x: {train: a, prepare: {scale: 0}}}\n" MODEL, 1, 39, "above 0", NULL },
  { "data: {x: {train: a, shape: 28}}\n" MODEL, 1, 29, "shape: [28, 28]", NULL },
  { "data: {x: {train: a, limit: 3}, y: {train: b}}\n" MODEL, 1, 8, "beside the variables", NULL },
  { "data: {validate: 1, x: {train: a}}\n" MODEL, 1, 18, "below 1", NULL },
  { "data: {labels: {test: b}, x: {train: a}}\n" MODEL, 1, 16, "labels need `train", NULL },
  { "data: {labels: {column: c}, x: {builtin: digits}}\n" MODEL, 1, 16, "name the file", NULL },
  { "data: {labels: {column: [c, d]}, x: {train: a}}\n" MODEL, 1, 25, "in one column", NULL },
  { "data: {x: {train: a, columns: []}}\n" MODEL, 1, 31, "empty list", NULL },
  { "data: {x: {train: a, columns: [b, 2, 'b']}}\n" MODEL, 1, 38, "\"b\" is picked twice", NULL },
  { "data: {x: {train: a, columns: [b, 0]}}\n" MODEL, 1, 35, "at least 1", NULL },
  { "data: {x: {builtin: digits, columns: 1}}\n" MODEL, 1, 29, "a builtin has none", NULL },
  { "data: {x y: {train: a}, x: {train: a}}\n" MODEL, 1, 8, "can't name a variable", NULL },
  { "data: {x: {train: ''}}\n" MODEL, 1, 19, "train must be a word", NULL },
  /* the lists */
  { P(Z ", x: {family: bernouli, given: z, net: {hidden: [7]}}"), 2, 55,
    "unknown family \"bernouli\"", NULL },
  { P(Z ", x: {given: z, net: {hidden: [7]}}"), 2, 46, "lacks `family`", NULL },
  { P("z: {family: normal, size: 0}, " X), 2, 39, "size", NULL },
  { P("z: {family: normal, size: 2147483648}, " X), 2, 39, "at most 1000000", NULL },
  { P("z: {family: normal, size: 4611686018427387904}, " X), 2, 39, "size", NULL },
  { P("z: {family: normal}, " X), 2, 13, "lacks `size`", NULL },
  { P("z: {family: categorical, size: 1}, " X), 2, 13, "lacks `dim`", NULL },
  { P("z: {family: categorical, size: 1000000, dim: 2}, " X), 2, 13, "2000000 numbers", NULL },
  { P("z: {family: normal, size: 1, dim: 2}, " X), 2, 13, "has `dim`", NULL },
  { P("z: {family: normal, size: 1, plate: 2}, " X), 2, 42, "`plate`", "reserved" },
  { P("z: {family: normal, size: 1, gradient: sgvb_a}, " X), 2, 42, "entry in q", NULL },
  { P("z: {family: normal, size: 1, improper: allow}, " X), 2, 13, "observed", NULL },
  { P(Z ", x: {family: bernoulli, size: 3, given: z, net: {hidden: [7]}}"), 2, 72,
    "comes from the data", NULL },
  { P(Z ", x: {family: bernoulli, given: zz, net: {hidden: [7]}}"), 2, 73,
    "neither in p nor in data", "known: z" },
  { P(Z ", x: {family: bernoulli, given: x, net: {hidden: [7]}}"), 2, 73, "x -> x", NULL },
  { P(Z ", x: {family: bernoulli, given: [z, z], net: {hidden: [7]}}"), 2, 77, "twice", NULL },
  { P(Z ", x: {family: bernoulli, given: z}"), 2, 73, "no net", NULL },
  { P("z: {family: normal, size: 3, net: {hidden: [7]}}, " X), 2, 47, "no parents", NULL },
  { P(Z ", x: {family: bernoulli, given: {prev: z}, net: {hidden: [7]}}"), 2, 73, "reserved",
    NULL },
  { P(Z ", x: {family: bernoulli, given: [prev, z], net: {hidden: [7]}}"), 2, 74, "reserved",
    NULL },
  { P(Z ", x: {family: bernoulli, given: z, net: big}"), 2, 81, "reserved", NULL },
  { P(Z ", x: {family: bernoulli, given: z, net: {hidden: 7}}"), 2, 90, "hidden: [500]", NULL },
  { P(Z ", x: {family: bernoulli, given: z, net: {}}"), 2, 81, "lacks `hidden`", NULL },
  { P(Z ", x: {family: bernoulli, given: z, net: {hidden: [0]}}"), 2, 91, "hidden", NULL },
  { P(Z ", x: {family: bernoulli, given: z, net: {hidden: [], activation: tan}}"), 0, 0,
    "unknown activation \"tan\"", "tanh" },
  { P(Z ", x: {family: bernoulli, given: z, net: {hidden: [], dropout: 1}}"), 0, 0, "below 1",
    NULL },
  { P(Z ", x: {family: bernoulli, given: z, net: {hidden: [], init: {name: glorot, scale: 2}}}"), 0,
    0, "no scale", NULL },
  { P(Z ", x: {family: bernoulli, given: z, net: {hidden: []}, reparam: magic}"), 0, 0, "magic",
    NULL },
  { DATA "model: {p: {" Z ", " X "}}\n", 2, 13, "no entry in q", "{family: normal, given: x" },
  { Q(QZ ", x: {family: normal}"), 3, 57, "partly observed", "reserved" },
  { Q(QZ ", y: {family: normal}"), 3, 57, "not a variable of p", "known: z" },
  { Q("z: {family: normal, size: 3, given: x, net: {hidden: [7]}}"), 3, 26, "once, in p", NULL },
  { Q("z: {family: normal, given: x, gradient: sgvb, net: {hidden: [7]}}"), 3, 46,
    "unknown estimator", NULL },
  { Q("z: {family: normal, given: y, net: {hidden: [7]}}"), 3, 33, "neither in p nor in data",
    NULL },
  { "data: {y: {train: a.npy}}\nmodel: {p: {" Z "}, q: {z: {family: normal}}}\n", 2, 8,
    "nothing to learn from", NULL },
  /* parameters */
  { P("z: {family: normal, size: 3, scle: 1}, " X), 2, 42, "unknown key \"scle\"",
    "did you mean \"scale\"?" },
  { P("z: {family: normal, size: 3, scale: 0}, " X), 2, 42, "scale", NULL },
  { P("z: {family: normal, size: 3, scale: [1, 2, -1]}, " X), 2, 42, "scale", NULL },
  { P("z: {family: normal, size: 3, scale: {init: -1}}, " X), 2, 42, "scale", NULL },
  { P("z: {family: normal, size: 3, scale: [1, 2]}, " X), 2, 42, "has 2 numbers",
    "3 for 3 events" },
  { P("z: {family: normal, size: 3, loc: [a]}, " X), 2, 48, "must be a number", NULL },
  { P("z: {family: normal, size: 3, loc: lern}, " X), 2, 47, "must be a number", NULL },
  { P("z: {family: normal, size: 3, loc: []}, " X), 2, 47, "empty list", NULL },
  { P("z: {family: normal, size: 3, loc: [[]]}, " X), 2, 47, "empty list", NULL },
  { P("z: {family: normal, size: 3, loc: [[1, 2], 3]}, " X), 2, 56, "2 numbers in each", NULL },
  { P("z: {family: normal, size: 3, loc: [[1, 2], [3, a]]}, " X), 2, 60, "must be a number", NULL },
  { P("z: {family: normal, size: 3, loc: {from: z}}, " X), 2, 48, "reserved", NULL },
  { P("z: {family: normal, size: 3, loc: {}}, " X), 2, 47, "neither", NULL },
  { P("z: {family: normal, size: 3, scale: 1, log_var: 0}, " X), 2, 52,
    "one parameter in two forms", NULL },
  { P("z: {family: normal, size: 3, scale: {share: event}}, " X), 2, 42, "no net", NULL },
  { P("z: {family: categorical, size: 1, dim: 2, probs: [0.5, 0.6]}, " X), 2, 55, "probs", NULL },
  { P("z: {family: categorical, size: 1, dim: 2, probs: [0.2, 0.3, 0.5]}, " X), 2, 55,
    "3 numbers; expected 2 for every event", NULL },
  { P("z: {family: erlang, size: 1, shape: 1.5}, " X), 2, 42, "shape", NULL },
  { P("z: {family: erlang, size: 1, shape: learn}, " X), 2, 42, "constant of the model", NULL },
  { P("z: {family: relaxed_bernoulli, size: 1, temperature: learn}, " X), 2, 53,
    "constant of the model", NULL },
  { P("z: {family: uniform, size: 1, high: 2}, " X), 2, 13, "lacks low", "low, high" },
  { P("z: {family: uniform, size: 1, low: 3, high: 2}, " X), 2, 43, "low = 3, high = 2", NULL },
  { P("z: {family: uniform, size: 1, low: 0, high: 2, log_width: 0}, " X), 2, 60, "can't be mixed",
    NULL },
  { P("z: {family: uniform, size: 1, low: 0, high: learn}, " X), 2, 51, "constant only", NULL },
  { P("z: {family: multivariate_normal, size: 1, dim: 2, scale_tril: [[1, 0], [1]]}, " X), 2, 84,
    "2 numbers in each", NULL },
  { DATA "model: {weight_prior: {family: normal, scale: learn}, p: {" Z ", " X "}, q: {" QZ "}}\n",
    2, 40, "one number", NULL },
  { DATA "model: {weight_prior: {family: normal, size: 2}, p: {" Z ", " X "}, q: {" QZ "}}\n", 2,
    40, "unknown key \"size\"", NULL },
};

static experiment *read_text(const char *yaml, const char *const *settings, int n, problems *p)
{
  experiment *x = NULL;
  elbo_status status =
      experiment_read_text(yaml, strlen(yaml), "exp.yaml", "/base", settings, n, &known, &x, p);
  ck_assert_int_eq(status, p->n ? ELBO_E_USAGE : ELBO_DONE);
  return x;
}

START_TEST(one_problem)
{
  problems p = { 0 };
  error e = { 0 };
  experiment *x = read_text(one[_i].yaml, NULL, 0, &p);
  problems_error(&p, &e);
  ck_assert_msg(p.n == 1, "%s\n%d problems\n%s", one[_i].yaml, p.n, e.text);
  const place at = p.list[0].at;
  ck_assert_msg(!one[_i].line || (at.line == one[_i].line && at.column == one[_i].column),
                "%s\nexpected %d:%d, got %s", one[_i].yaml, one[_i].line, one[_i].column, e.text);
  ck_assert_msg(strstr(e.text, one[_i].words) != NULL, "no \"%s\" in %s", one[_i].words, e.text);
  ck_assert_msg(!one[_i].more || strstr(e.text, one[_i].more), "no \"%s\" in %s", one[_i].more,
                e.text);
  problems_free(&p);
  experiment_free(x);
}
END_TEST

START_TEST(cycles)
{
  problems p = { 0 };
  experiment *x =
      read_text(DATA "model:\n  p:\n    a: {family: normal, size: 1, given: b, net: {hidden: []}}\n"
                     "    b: {family: normal, size: 1, given: c, net: {hidden: []}}\n    c: "
                     "{family: normal, size: 1, given: a, net: {hidden: []}}\n"
                     "    x: {family: bernoulli, given: a, net: {hidden: []}}\n"
                     "  q:\n    a: {family: normal, given: [x, b], net: {hidden: []}}\n    b: "
                     "{family: normal, given: a, net: {hidden: []}}\n"
                     "    c: {family: normal, given: x, net: {hidden: []}}\n",
                NULL, 0, &p);
  ck_assert_int_eq(p.n, 2);
  ck_assert_msg(strstr(p.list[0].text, "cycle in p: b -> a -> c -> b") != NULL, "%s",
                p.list[0].text);
  ck_assert_msg(strstr(p.list[1].text, "cycle in q: b -> a -> b") != NULL, "%s", p.list[1].text);
  problems_free(&p);
  experiment_free(x);
}
END_TEST

START_TEST(all_problems_at_once)
{
  problems p = { 0 };
  experiment *x = read_text("sed: 1\n" DATA MODEL "train: {epochs: 0, batch: 3}\nestimator: none\n",
                            NULL, 0, &p);
  ck_assert_int_eq(p.n, 4);
  problems_free(&p);
  experiment_free(x);
}
END_TEST

START_TEST(settings_are_named)
{
  static const struct {
    const char *setting, *words;
  } rows[] = {
    { "model.p.x.family=bernouli", "unknown family \"bernouli\"" },
    { "train.epochs", "expected KEY=VALUE" },
    { "train..epochs=1", "a key is empty" },
    { "train.epochs=x", "epochs must be a whole number" },
    { "train.epochs=", "found nothing" },
    { "train.epohcs=1", "did you mean \"epochs\"?" },
    { "seed.x=1", "not a mapping" },
    { "train={epochs: 1", "not YAML" },
    { "model.p.z.size=2147483648", "size" },
    { "model.p.x.given=y", "neither in p nor in data" },
    { "model.p.z.scale=-1", "scale" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    problems p = { 0 };
    experiment *x = read_text("seed: 1\n" DATA MODEL, &rows[i].setting, 1, &p);
    ck_assert_msg(p.n == 1, "%s: %d problems", rows[i].setting, p.n);
    ck_assert_msg(strstr(p.list[0].text, "--set ") && strstr(p.list[0].text, rows[i].setting) &&
                      strstr(p.list[0].text, rows[i].words),
                  "%s: %s", rows[i].setting, p.list[0].text);
    problems_free(&p);
    experiment_free(x);
  }
}
END_TEST

START_TEST(files_that_are_none)
{
  static const char *const paths[] = { "/nowhere/exp.yaml", "/tmp", "/dev/null" };
  for (int i = 0; i < 3; i++) {
    problems p = { 0 };
    experiment *x = NULL;
    ck_assert_int_eq(experiment_read(paths[i], NULL, 0, &known, &x, &p), ELBO_E_USAGE);
    ck_assert(!x && p.n == 1);
    ck_assert_ptr_null(strstr(p.list[0].text, paths[i])); /* the file's name is put before it */
    problems_free(&p);
  }
}
END_TEST

/* A list of rows promises as many numbers as its first row has, times the rows: more than a file
 * may hold are refused before memory is asked for. */
START_TEST(first_row_is_too_long)
{
  char *s = malloc(100000), *at = s;
  at += sprintf(at, DATA "model: {p: {z: {family: normal, size: 3, loc: [[1");
  for (int i = 0; i < 400; i++) at += sprintf(at, ", 1");
  *at++ = ']';
  for (int i = 0; i < 400; i++) at += sprintf(at, ", [1]");
  sprintf(at, "]}, " X "},\n q: {" QZ "}}\n");
  problems p = { 0 };
  experiment *x = read_text(s, NULL, 0, &p);
  ck_assert_int_eq(p.n, 1);
  ck_assert_ptr_nonnull(strstr(p.list[0].text, "rows of different length"));
  problems_free(&p);
  experiment_free(x);
  free(s);
}
END_TEST

START_TEST(too_many_variables)
{
  char *s = malloc(100000), *at = s;
  at += sprintf(at, "model: {p: {}}\ndata:\n");
  for (int i = 0; i < 101; i++) at += sprintf(at, "  x%d: {train: a}\n", i);
  problems p = { 0 };
  experiment *x = read_text(s, NULL, 0, &p);
  ck_assert_int_eq(p.n, 1);
  ck_assert_ptr_nonnull(strstr(p.list[0].text, "at most 100"));
  problems_free(&p);
  experiment_free(x);
  free(s);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("bad experiments");
  TCase *c = tcase_create("faults");
  tcase_add_loop_test(c, one_problem, 0, sizeof one / sizeof *one);
  tcase_add_test(c, cycles);
  tcase_add_test(c, all_problems_at_once);
  tcase_add_test(c, settings_are_named);
  tcase_add_test(c, files_that_are_none);
  tcase_add_test(c, first_row_is_too_long);
  tcase_add_test(c, too_many_variables);
  suite_add_tcase(s, c);
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
