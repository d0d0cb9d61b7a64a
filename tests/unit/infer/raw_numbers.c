/* SPDX-License-Identifier: GPL-3.0-or-later */
/* raw_numbers: for recompute.py. As one JSON object: the gradients and log densities that a
 * comparison and an evaluation see, and what they make of them. */
#define FIXTURE_THREADS 1
#include "study_fixture.h"

#include "infer/checkpoint.h"
#include "infer/compare/sampler.h"
#include "infer/resolve.h"
#include "infer/run_inside.h"

#include <elbo/compare.h>
#include <elbo/elbo.h>

enum { ROWS = 10, REPEATS = 200, SAMPLES = 400 };
static const uint64_t SEED = 5, REFERENCE_STEPS = (uint64_t)1 << 30;

static void stop_if(elbo_status status, const char *why)
{
  ck_assert_msg(!status, "%s", why);
}

static void print_list(const char *name, const double *x, size_t n)
{
  if (name) printf("\"%s\": ", name);
  for (size_t i = 0; i < n; i++) printf("%s%.17g", i ? ", " : "[", x[i]);
  printf("]");
}

/* ---- a comparison */
#define SWITCHES(ESTIMATOR)                                                                        \
  "name: switches\nseed: 2\ndata: {x: {train: bits.csv}}\nmodel:\n"                                \
  "  p:\n    z: {family: bernoulli, size: 3}\n    x: {family: bernoulli, given: z, net: {hidden: " \
  "[]}}\n"                                                                                         \
  "  q:\n    z: {family: bernoulli, given: x, net: {hidden: [4]}}\n"                               \
  "estimator: " ESTIMATOR "\ntrain: {epochs: 1, batch_size: 10}\n"

static elbo_status print_gradient(void *user, error *e)
{
  const sampler *p = user;
  (void)e;
  double g[1024];
  for (size_t i = 0; i < p->groups.P; i++) g[i] = (double)p->grads[i];
  print_list(NULL, g, p->groups.P);
  printf(",\n");
  return ELBO_DONE;
}

static void print_gradients(const char *name, const char *yaml, uint64_t first, long repeats)
{
  elbo_experiment *x = open_experiment(yaml);
  sampler p;
  moments *m;
  error e = { 0 };
  stop_if(sampler_new(x->study, NULL, ROWS, SEED, &p, &e), e.text);
  p.between = print_gradient, p.user = &p;
  printf("\"%s\": [", name);
  stop_if(sampler_run(&p, first, repeats, &m, &e), e.text);
  printf("null],\n");
  moments_free(m);
  sampler_free(&p);
  elbo_experiment_free(x);
}

static void print_layout(elbo_experiment *x)
{
  model_graph mg;
  sampler p;
  error e = { 0 };
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = 1, .samples = 2 };
  stop_if(model_build(x->study->model, &o, &mg, &e), e.text);
  stop_if(sampler_new(x->study, NULL, ROWS, SEED, &p, &e), e.text);
  printf("\"tensors\": [");
  for (int i = 0; i < graph_tensor_count(mg.g); i++) {
    const named_tensor *t = graph_tensor(mg.g, i);
    printf("%s[\"%s\", %zu, %zu]", i ? ", " : "", t->name, t->at, t->count);
  }
  printf("],\n\"bucket\": [");
  for (size_t i = 0; i < p.groups.P; i++) printf("%s%d", i ? ", " : "", p.groups.bucket[i]);
  printf("],\n");
  sampler_free(&p);
  model_graph_free(&mg);
}

static void print_comparison(void)
{
  static const char *const names[] = { "score_loo", "enumerate", NULL };
  write_words("bits.csv", "0,1,1,0,1\n1,1,0,0,1\n1,0,0,1,0\n0,1,0,1,1\n1,1,1,0,0\n0,0,1,1,0\n"
                          "1,0,1,1,1\n0,0,0,1,0\n1,1,0,1,0\n0,1,1,1,1\n0,0,0,0,1\n1,0,0,0,0\n");
  print_gradients("score_loo", SWITCHES("{name: score_loo, samples: 2}"), 1, REPEATS);
  print_gradients("enumerate", SWITCHES("enumerate"), 1, 20);
  print_gradients("against score_loo", SWITCHES("enumerate"), REFERENCE_STEPS, 1);
  print_gradients("against enumerate", SWITCHES("{name: score_loo, samples: 10}"), REFERENCE_STEPS,
                  4 * REPEATS);
  elbo_experiment *x = open_experiment(SWITCHES("{name: score_loo, samples: 2}"));
  elbo_compare_options o = {
    .size = sizeof o, .estimators = names, .repeats = REPEATS, .rows = ROWS, .seed = SEED
  };
  elbo_compare_result r;
  print_layout(x);
  stop_if(elbo_compare(x, &o, &r), elbo_last_error(context));
  printf("\"compared\": %s,\n", elbo_compare_json(x, &r));
  elbo_experiment_free(x);
}

/* ---- an evaluation */
#define DIGITS                                                                                     \
  "name: digits\nseed: 2\ndata: {x: {builtin: digits, rows: 60, test_rows: 30, prepare: {scale: "  \
  "255, binarize: threshold}}}\nmodel:\n  p:\n    z: {family: normal, size: 3}\n    x: {family: "  \
  "bernoulli, given: z, net: {hidden: [7]}}\n  q:\n    z: {family: normal, given: x, net: "        \
  "{hidden: [6]}}\nestimator: {name: sgvb_b}\ntrain: {epochs: 1, batch_size: 50}\n"

static elbo_run *new_run(void)
{
  elbo_experiment *x = open_experiment(DIGITS);
  model_graph mg;
  elbo_run *r;
  error e = { 0 };
  graph_options o = { .purpose = GRAPH_DECODE, .batch = 1, .samples = 1 };
  stop_if(model_build(x->study->model, &o, &mg, &e), e.text);
  float *params = mem_new_aligned(graph_param_floats(mg.g), sizeof *params, "parameters", &e);
  init_params(mg.g, x->study->x->seed, params);
  for (size_t i = 0; i < graph_param_floats(mg.g); i++) params[i] *= 2; /* weights far from even */
  checkpoint_io c = { .graph = mg.g, .params = params, .versions = "{}", .experiment = "" };
  stop_if(checkpoint_write(in_folder("checkpoint.safetensors"), &c, &e), e.text);
  mem_free(params);
  model_graph_free(&mg);
  elbo_experiment_free(x);
  stop_if(elbo_run_open(context, folder, NULL, NULL, &r), elbo_last_error(context));
  return r;
}

/* [K][columns] of row b, the one row of what does not depend on the sample again. */
static void print_node(const machine *m, const char *name, node_id id, size_t K, size_t b,
                       size_t columns)
{
  const node *n = graph_node(m->mg.g, id);
  printf("\"%s\": [", name);
  for (size_t k = 0; k < K; k++)
    for (size_t j = 0; j < columns; j++)
      printf("%s%.17g", k + j ? ", " : "",
             (double)run_value(m->run,
                               id)[(k * m->run->batch + b) % run_rows(m->run, id) * n->ld + j]);
  printf("]");
}

static void print_densities(elbo_run *r)
{
  machine *m;
  error e = { 0 };
  const model *of = r->study->model;
  int z = variable_find(of, "z"), x = variable_find(of, "x");
  size_t rows = r->study->rows[SPLIT_TEST];
  graph_options o = { .purpose = GRAPH_EVALUATE, .batch = rows, .samples = SAMPLES };
  uint32_t index[64];
  if (rows > 64) stop_if(ELBO_E_USAGE, "more rows than there is room for");
  stop_if(machine_new(r->study, &o, NULL, r->params, NULL, &m, &e), e.text);
  m->run->env.seed = SEED;
  for (uint32_t i = 0; i < rows; i++) index[i] = i;
  stop_if(machine_feed_split(m, SPLIT_TEST, index, rows, RUN_VISIT, &e), e.text);
  stop_if(machine_forward(m, rows, 0, 0, &e), e.text);
  printf("\"densities\": [");
  for (size_t b = 0; b < rows; b++) {
    printf("%s{", b ? ",\n" : "");
    print_node(m, "x", m->mg.log_p[x], SAMPLES, b, 1), printf(", ");
    print_node(m, "p", m->mg.log_p[z], SAMPLES, b, 1), printf(", ");
    print_node(m, "q", m->mg.log_q[z], SAMPLES, b, 1), printf(", ");
    print_node(m, "kl", m->mg.kl[z], 1, b, 1), printf(", ");
    print_node(m, "loc", m->mg.q_param[z][0], 1, b, 3), printf("}");
  }
  printf("],\n");
  machine_free(m);
}

static void print_evaluation(void)
{
  elbo_run *r = new_run();
  elbo_evaluate_options o = { .size = sizeof o, .samples = SAMPLES, .seed = SEED, .rows = true };
  elbo_evaluation v;
  print_densities(r);
  stop_if(elbo_run_evaluate(r, &o, &v), elbo_last_error(context));
  const double figures[] = {
    v.elbo, v.elbo_se, v.reconstruction, v.kl,           v.log_likelihood,      v.log_likelihood_se,
    v.ess,  v.khat,    v.khat_heavy,     v.bits_per_dim, (double)v.active_units
  };
  print_list("figures", figures, sizeof figures / sizeof *figures);
  printf(",\n\"rows\": [");
  for (size_t i = 0; i < v.rows * 6; i++)
    printf("%s%.17g", i ? ", " : "", (double)v.row_figures[i]);
  printf("]\n");
  elbo_run_free(r);
}

/* The fixtures' checks want a test around them; it says nothing on stdout itself. */
START_TEST(print_all)
{
  fixture_start();
  printf("{");
  print_comparison();
  print_evaluation();
  printf("}\n");
  fixture_end();
}
END_TEST

int main(void)
{
  Suite *s = suite_create("raw_numbers");
  TCase *t = tcase_create("raw_numbers");
  tcase_add_test(t, print_all);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_set_fork_status(r, CK_NOFORK);
  srunner_run_all(r, CK_SILENT);
  int failed = srunner_ntests_failed(r);
  for (int i = 0; i < failed; i++) fprintf(stderr, "%s\n", tr_msg(srunner_failures(r)[i]));
  srunner_free(r);
  return failed != 0;
}
