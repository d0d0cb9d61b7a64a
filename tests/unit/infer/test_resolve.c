/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What resolving refuses, with its words and its place in the file, and what it makes of values
 * that are given. The registry is that of the tests of dist: the built plugins and some made-up
 * families with a dimension, a set of names, a moving support. */
#include "../dist/registry.h"
#include "config/config.h"
#include "infer/study.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static void write_rows(const char *name, const char *words)
{
  char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fputs(words, f);
  ck_assert_int_eq(fclose(f), 0);
}

static const struct {
  const char *name, *rows;
} files[] = {
  { "real.csv", "-1.5,0.5\n2,3\n0.25,-4\n1,1\n" },
  { "binary.csv", "0,1,1\n1,0,1\n0,0,1\n1,1,0\n" },
  { "grey.csv", "0,0.5,1\n1,0.25,0\n0,0,1\n1,1,0.75\n" },
  { "zeros.csv", "0,1.5\n2,3\n1,4\n5,1\n" },
  { "positive.csv", "0.5,1.5\n2,3\n1,4\n5,1\n" },
  { "short.csv", "1,2\n3,4\n5,6\n" },
  { "wide.csv", "1,2,3\n4,5,6\n7,8,9\n1,2,3\n" },
  { "classes.csv", "0\n2\n1\n2\n" },
  { "labels.csv", "0\n1\n2\n" },
};
enum { FILES = sizeof files / sizeof *files };

static void start(void)
{
  load();
  strcpy(folder, "/tmp/elbo-test-resolve-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  for (int i = 0; i < FILES; i++) write_rows(files[i].name, files[i].rows);
}

static void end(void)
{
  char path[128];
  for (int i = 0; i < FILES; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
    unlink(path);
  }
  ck_assert_int_eq(rmdir(folder), 0);
}

/* The model, or NULL with what was said in `said`. */
static study *resolve(const char *yaml, elbo_status *status, char *said, size_t n)
{
  problems p = { .file = "e.yaml" };
  experiment *x = NULL;
  study *s = NULL;
  error e = { 0 };
  *status = experiment_read_text(yaml, strlen(yaml), "e.yaml", folder, NULL, 0, &loaded, &x, &p);
  if (!*status && !p.n)
    study_open(&loaded, NULL, 1, x, NULL, &s, &p, &e);
  else
    experiment_free(x);
  problems_error(&p, &e);
  problems_free(&p);
  ck_assert(!!s == !e.status);
  snprintf(said, n, "%s", e.text);
  *status = e.status;
  return s;
}

/* Lines 2 to 10 of the file; a case writes from line 2 on what it needs. */
#define NAME "name: t\n"
#define TAIL "optimizer: {name: sgd, learning_rate: 0.1}\ntrain: {epochs: 1, batch_size: 2}\n"
#define REAL NAME "data: {x: {train: real.csv}}\nmodel:\n"
#define Z_NORMAL "    z: {family: normal, size: 2}\n"
#define X_NORMAL "    x: {family: normal, given: z, net: {hidden: [3]}}\n"
#define Q_NORMAL "  q:\n    z: {family: normal, given: x, net: {hidden: [3]}}\n"
#define Q_GUMBEL "  q:\n    z: {family: gumbel, given: x, net: {hidden: [3]}}\n"
#define P "  p:\n"

static const struct {
  const char *yaml, *said;
  elbo_status status;
} refused[] = {
  /* estimators */
  { REAL P "    z: {family: laplace, size: 2}\n" X_NORMAL Q_GUMBEL "estimator: sgvb_b\n" TAIL,
    "estimator sgvb_b applies to no latent: z: no plugin knows KL(gumbel || laplace); take "
    "`estimator: sgvb_a` (or `auto`)" },
  { REAL P "    z2: {family: normal, size: 2}\n    z1: {family: normal, given: z2, size: 2, net: "
           "{hidden: [3]}}\n"
           "    x: {family: normal, given: z1, net: {hidden: [3]}}\n"
           "  q:\n    z1: {family: normal, given: x, net: {hidden: [3]}}\n    z2: {family: span, "
           "given: z1, net: {hidden: [3]}}\n"
           "estimator: sgvb_b\n" TAIL,
    "e.yaml:10:18: z2: estimator sgvb_b differentiates through the draw, and span can't be drawn "
    "that way: span has no reparametrizer" },
  { REAL P Z_NORMAL X_NORMAL "  q:\n    z: {family: normal, given: x, net: {hidden: [3]}, "
                             "gradient: sgvb_c}\nestimator: sgvb_a\n" TAIL,
    "e.yaml:8:65: unknown estimator \"sgvb_c\"; did you mean \"sgvb_a\"?" },
  { REAL P
    "    z: {family: bernoulli, size: 2}\n" X_NORMAL
    "  q:\n    z: {family: bernoulli, given: x, net: {hidden: [3]}}\nestimator: sgvb_a\n" TAIL,
    "e.yaml:8:17: z: estimator sgvb_a differentiates through the draw, and bernoulli can't be "
    "drawn that way: bernoulli has no reparametrizer" },
  { REAL P Z_NORMAL X_NORMAL "  q:\n    z: {family: normal, given: x, net: {hidden: [3]}, reparam: "
                             "composition}\nestimator: sgvb_a\n" TAIL,
    "e.yaml:8:64: z: estimator sgvb_a differentiates through the draw, and normal can't be drawn "
    "that way: normal can't be drawn by composition" },
  /* supports of q and p */
  { REAL P "    z: {family: gamma, size: 2}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:8:17: z: q's family normal can give values where p's family gamma has no density" },
  { REAL P Z_NORMAL X_NORMAL
    "  q:\n    z: {family: bernoulli, given: x, net: {hidden: [3]}}\n" TAIL,
    "e.yaml:8:17: z: q's family bernoulli can give values where p's family normal has no density" },
  /* data in their support */
  { NAME "data: {x: {train: grey.csv}}\nmodel:\n" P Z_NORMAL
         "    x: {family: bernoulli, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "e.yaml:6:17: x: the data do not lie in the support of bernoulli, which is x in {0, 1}: they "
    "go from 0 to 1, with 4 values exactly 0 and 5 "
    "exactly 1; binarize (`prepare: {binarize: dynamic}`",
    ELBO_E_DATA },
  { NAME "data: {x: {train: zeros.csv}}\nmodel:\n" P Z_NORMAL
         "    x: {family: gamma, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "e.yaml:6:17: x: the data do not lie in the support of gamma, which is 0 < x: they go from 0 "
    "to 5, with 1 values exactly 0",
    ELBO_E_DATA },
  { NAME "data: {x: {train: real.csv}}\nmodel:\n" P Z_NORMAL
         "    x: {family: continuous_bernoulli, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "e.yaml:6:17: x: the data do not lie in the support of continuous_bernoulli, which is 0 <= x "
    "<= 1: they go from -4 to 3",
    ELBO_E_DATA },
  { NAME "data: {x: {train: real.csv}}\nmodel:\n" P Z_NORMAL
         "    x: {family: count, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "e.yaml:6:17: x: the data do not lie in the support of count", ELBO_E_DATA },
  { NAME "data: {x: {train: classes.csv}}\nmodel:\n" P Z_NORMAL
         "    x: {family: classes, dim: 2, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "e.yaml:6:17: x: the data do not lie in the support of classes", ELBO_E_DATA },
  /* rows */
  { NAME "data:\n  x: {train: real.csv}\n  y: {train: short.csv}\nmodel:\n" P Z_NORMAL X_NORMAL
         "    y: {family: normal, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "e.yaml:4:3: y: 3 rows to train on, but x has 4", ELBO_E_DATA },
  { NAME "data: {x: {train: real.csv, test: wide.csv}}\nmodel:\n" P Z_NORMAL X_NORMAL Q_NORMAL TAIL,
    "wide.csv: a row to test on has 3 numbers, one to train on 2", ELBO_E_DATA },
  { NAME "data: {x: {train: real.csv}, labels: {train: labels.csv}}\nmodel:\n" P Z_NORMAL X_NORMAL
        Q_NORMAL TAIL,
    "labels: 3 of them for 4 rows to train on", ELBO_E_DATA },
  { REAL P Z_NORMAL X_NORMAL Q_NORMAL
    "optimizer: {name: sgd, learning_rate: 0.1}\ntrain: {epochs: 1, batch_size: 5}\n",
    "e.yaml:10:32: train.batch_size: 5 is more than the 4 training rows" },
  { NAME "data: {x: {train: real.csv, shape: [2, 2]}}\nmodel:\n" P Z_NORMAL X_NORMAL Q_NORMAL TAIL,
    "e.yaml:2:8: x: shape holds 4 numbers, a row has 2", ELBO_E_DATA },
  /* dimensions */
  { REAL P "    z: {family: walk, size: 2}\n" X_NORMAL
           "  q:\n    z: {family: walk, given: x, net: {hidden: [3]}}\n" TAIL,
    "e.yaml:5:5: latent \"z\" lacks `dim` (K of walk); add it" },
  { NAME "data: {x: {train: wide.csv}}\nmodel:\n" P Z_NORMAL
         "    x: {family: walk, dim: 2, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "e.yaml:6:5: x: a row of the data has 3 numbers, which is no multiple of dim 2", ELBO_E_DATA },
  { REAL P "    z: {family: mix, dim: 2, size: 2}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:8:17: z: q's normal gives events of 1 numbers, p's mix has 2 of 2, and a point of a "
    "simplex is one event; write mix in q too, or normal in p with `size: 4`" },
  /* parameters */
  { REAL P "    z: {family: normal, size: 2, scale: 1, log_scale: 0}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:5:34: log_scale and scale of \"z\" are one parameter in two forms; keep one" },
  { REAL P "    z: {family: normal, size: 2, scale: -1}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:5:34: normal: scale must be > 0, got -1" },
  { REAL P "    z: {family: normal, size: 4, loc: [0, 1, 2]}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:5:34: loc of \"z\" has 3 numbers; expected 1 for every event, or 4 for 4 events" },
  { REAL P "    z: {family: span, size: 2, low: 0, high: [0, 1]}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:5:40: high of \"z\" must be one number, for all events" },
  { REAL P "    z: {family: span, size: 2, low: 0, high: 0}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:5:32: span: low = 0, high = 0 make no distribution; change one of them" },
  { REAL P "    z: {family: span, size: 2, width: 1, low: 0, high: 2}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:5:32: width can't be mixed with {low, high}; keep one set" },
  { REAL P "    z: {family: normal, size: 2, loc: {share: event}}\n" X_NORMAL Q_NORMAL TAIL,
    "e.yaml:5:34: loc is to be a head, but \"z\" has no net; add `net: {hidden: [..]}`, or write "
    "`loc: learn`" },
  { REAL P Z_NORMAL
    "    x: {family: grid, given: z, net: {hidden: [3]}, levels: learn}\n" Q_NORMAL TAIL,
    "e.yaml:6:53: levels of grid is a constant of the model and can't be learned; give a number" },
  { REAL P Z_NORMAL "    x: {family: normal, given: z}\n" Q_NORMAL TAIL,
    "e.yaml:6:32: \"x\" has parents but no net, so that nothing would depend on them; add `net: "
    "{hidden: [..]}`" },
  { REAL P Z_NORMAL "    x: {family: normal, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "e.yaml:6:30: \"x\" has a net but no parents to feed it; add `given: NAME`" },
  { REAL P Z_NORMAL "    x: {family: norml, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL,
    "unknown family \"norml\"" },
  /* the prior of weights */
  { REAL "  weight_prior: {family: gamma}\n" P Z_NORMAL X_NORMAL Q_NORMAL TAIL,
    "e.yaml:4:26: weight_prior: gamma has the support 0 < x; weights are real numbers" },
  { REAL "  weight_prior: {family: normal, scale: learn}\n" P Z_NORMAL X_NORMAL Q_NORMAL TAIL,
    "e.yaml:4:34: scale of weight_prior must be one number: it is the same for every weight" },
};

START_TEST(refusals)
{
  char said[4096];
  elbo_status status, want = refused[_i].status ? refused[_i].status : ELBO_E_USAGE;
  study *s = resolve(refused[_i].yaml, &status, said, sizeof said);
  ck_assert_int_eq(status, want);
  ck_assert_msg(!s && strstr(said, refused[_i].said), "said \"%s\"\nexpected \"%s\"\nof\n%s", said,
                refused[_i].said, refused[_i].yaml);
}
END_TEST

static study *resolved(const char *yaml)
{
  char said[4096];
  elbo_status status;
  study *s = resolve(yaml, &status, said, sizeof said);
  ck_assert_msg(s != NULL, "%s", said);
  return s;
}

static const variable *variable_of(const study *s, const char *name)
{
  for (int i = 0; i < s->model->n; i++)
    if (!strcmp(s->model->variable[i].name, name)) return &s->model->variable[i];
  ck_abort_msg("no variable %s", name);
  return NULL;
}

static void values_are(const param_plan *plan, size_t n, const double *want)
{
  ck_assert(plan->kind == FROM_CONSTANT && plan->values);
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(fabs(plan->values[i] - want[i]) < 1e-12, "number %zu: %g, not %g", i,
                  plan->values[i], want[i]);
}

START_TEST(given_numbers)
{
  static const struct {
    const char *z;
    int param;
    size_t n;
    double want[8];
  } rows[] = {
    { "{family: normal, size: 3, loc: 2}", 0, 3, { 2, 2, 2 } },
    { "{family: normal, size: 3, loc: [1, 2, 3]}", 0, 3, { 1, 2, 3 } },
    { "{family: normal, size: 3}", 1, 3, { 0, 0, 0 } },
    { "{family: normal, size: 2, log_var: 0.7}", 1, 2, { 0.35, 0.35 } },
    { "{family: walk, size: 3, dim: 2, loc: 2}", 0, 6, { 2, 2, 2, 2, 2, 2 } },
    { "{family: walk, size: 2, dim: 2, loc: [1, 2]}", 0, 4, { 1, 2, 1, 2 } },
    { "{family: walk, size: 3, dim: 2, loc: [1, 2]}",
      0,
      6,
      { 1, 2, 1, 2, 1, 2 } }, /* one event's, for all */
    { "{family: walk, size: 3, dim: 2, loc: [1, 2, 3, 4, 5, 6]}", 0, 6, { 1, 2, 3, 4, 5, 6 } },
    { "{family: walk, size: 1, dim: 2, loc: [1, 2]}", 0, 2, { 1, 2 } },
    { "{family: walk, size: 2, dim: 2}", 0, 4, { 0.5, 0.5, 0.5, 0.5 } },
    { "{family: walk, size: 1, dim: 2, scale_tril: [1, 0, 5, 1]}", 1, 3, { 0, 5, 0 } },
    { "{family: span, size: 2, low: 1, high: 2}", 0, 2, { 1, 1 } },
    { "{family: span, size: 2, high: 2, low: 1}", 1, 2, { 0, 0 } },
    { "{family: span, size: 2, low: 1, width: 1}", 0, 2, { 1, 1 } },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char yaml[2048], said[4096];
    elbo_status status;
    snprintf(yaml, sizeof yaml,
             REAL P "    z: %s\n" X_NORMAL
                    "  q:\n    z: {family: %s, given: x, net: {hidden: [3]}}\n" TAIL,
             rows[i].z, strstr(rows[i].z, "walk") ? "walk" : "normal");
    bool moving = strstr(rows[i].z, "span") != NULL;
    if (moving) snprintf(yaml, sizeof yaml, REAL "  p:\n    x: %s\n" TAIL, rows[i].z + 0);
    if (moving) { /* an observed variable has no size */
      char *size = strstr(yaml, "size: 2, ");
      memmove(size, size + 9, strlen(size + 9) + 1);
      for (char *at = strstr(yaml, "real.csv"); at; at = NULL) memcpy(at, "unit.csv", 8);
      write_rows("unit.csv", "1.5,1.25\n1,2\n");
    }
    study *s = resolve(yaml, &status, said, sizeof said);
    ck_assert_msg(s != NULL, "%s\nof\n%s", said, yaml);
    values_are(&variable_of(s, moving ? "x" : "z")->p.param[rows[i].param], rows[i].n,
               rows[i].want);
    study_free(s);
  }
  char path[128];
  snprintf(path, sizeof path, "%s/unit.csv", folder);
  unlink(path);
}
END_TEST

/* estimators.md, "B on chains" */
START_TEST(kl_on_chains)
{
  static const char chain[] =
      REAL P "    z2: {family: normal, size: 2}\n    z1: {family: normal, given: z2, size: 2, net: "
             "{hidden: [3]}}\n"
             "    x: {family: normal, given: z1, net: {hidden: [3]}}\n  q:\n";
  static const char up[] = "    z1: {family: normal, given: x, net: {hidden: [3]}}\n    z2: "
                           "{family: normal, given: z1, net: {hidden: [3]}}\n";
  static const char down[] = "    z2: {family: normal, given: x, net: {hidden: [3]}}\n    z1: "
                             "{family: normal, given: z2, net: {hidden: [3]}}\n";
  char yaml[2048];
  snprintf(yaml, sizeof yaml, "%s%sestimator: sgvb_b\n" TAIL, chain, up);
  study *s = resolved(yaml);
  ck_assert(!variable_of(s, "z1")->uses_kl && variable_of(s, "z2")->uses_kl);
  ck_assert_str_eq(variable_of(s, "z1")->why_not_kl, "its parent z2 in p is drawn after it in q");
  study_free(s);
  snprintf(yaml, sizeof yaml, "%s%sestimator: auto\n" TAIL, chain, down);
  s = resolved(yaml);
  ck_assert(variable_of(s, "z1")->uses_kl && variable_of(s, "z2")->uses_kl);
  ck_assert_str_eq(s->model->estimator->name, "sgvb_b");
  study_free(s);
  s = resolved(REAL P "    z: {family: laplace, size: 2}\n" X_NORMAL Q_GUMBEL
                      "estimator: auto\n" TAIL);
  ck_assert_str_eq(s->model->estimator->name, "sgvb_a");
  study_free(s);
}
END_TEST

START_TEST(improper_lets_grey_through)
{
  study *s = resolved(
      NAME
      "data: {x: {train: grey.csv}}\nmodel:\n" P Z_NORMAL
      "    x: {family: bernoulli, improper: allow, given: z, net: {hidden: [3]}}\n" Q_NORMAL TAIL);
  study_free(s);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("infer/resolve");
  TCase *t = tcase_create("resolve");
  (void)bound;
  tcase_add_unchecked_fixture(t, start, end);
  tcase_add_loop_test(t, refusals, 0, (int)(sizeof refused / sizeof *refused));
  tcase_add_test(t, given_numbers);
  tcase_add_test(t, kl_on_chains);
  tcase_add_test(t, improper_lets_grey_through);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
