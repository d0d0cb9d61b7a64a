/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The resolved plan in words, and the graphs of a model: shared parameters, shared heads, the
 * objective against its terms. */
#include "study_fixture.h"

#define TAIL                                                                                       \
  "optimizer: {name: adam, learning_rate: 0.001, weight_decay: 0.5, clip: 2}\n"                    \
  "train: {epochs: 3, batch_size: 5, kl_weight: {from: 0, to: 1, epochs: 2}}\n"

START_TEST(says_what_was_decided)
{
  static const char *const lines[] = {
    "data x: observed, 23 rows of 3 numbers; as it is\n",
    "p(z): normal, 2; loc = 0 (standard), log_scale = 0.35\n",
    "p(x | z): normal, 3; loc a head, log_scale a head shared over the event; net 2-4, tanh, init ",
    "q(z | x): normal, 2; loc a head, log_scale learned; net 3-4, tanh, init ",
    "estimator: sgvb_b",
    "latent z: sgvb_b, drawn by location_scale, KL(normal || normal) in closed form\n",
    "optimizer: adam, learning rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-08, schedule "
    "constant, weight decay 0.5, gradient clipped at norm 2\n",
    "train: 3 epochs of 23 rows in batches of 5, K = 2 samples, seed 1\n",
    "kl_weight: from 0 to 1; while it is not 1 the objective is NOT the ELBO",
    "estimate: MAP, weight prior normal on every number of p; the objective holds log p(theta) / "
    "23, the reported ELBO does not\n",
  };
  elbo_experiment *x = open_experiment(
      DATA "model:\n  weight_prior: {family: normal, scale: 2}\n  p:\n    z: {family: normal, "
           "size: 2, log_var: 0.7}\n"
           "    x: {family: normal, given: z, net: {hidden: [4]}, scale: {share: event}}\n"
           "  q:\n    z: {family: normal, given: x, net: {hidden: [4]}, scale: learn}\n"
           "estimator: {name: auto, samples: 2}\n" TAIL);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    ck_assert_msg(strstr(elbo_experiment_plan(x), lines[i]), "no \"%s\" in\n%s", lines[i],
                  elbo_experiment_plan(x));
  elbo_experiment_free(x);
}
END_TEST

#define SHARED                                                                                     \
  DATA "model:\n  p:\n    z: {family: normal, size: 2, loc: learn}\n"                              \
       "    x: {family: normal, given: z, net: {hidden: [4]}, scale: {share: event}}\n"            \
       "  q:\n    z: {family: normal, given: x, net: {hidden: [4]}}\nestimator: {name: sgvb_b, "   \
       "samples: 3}\n" TAIL

static void shape_is(const graph *g, const char *name, int rank, size_t a, size_t b)
{
  for (int i = 0; i < graph_tensor_count(g); i++) {
    const named_tensor *t = graph_tensor(g, i);
    if (strcmp(t->name, name)) continue;
    ck_assert_msg(t->rank == rank && t->dims[0] == a && (rank == 1 || t->dims[1] == b),
                  "%s: [%zu, %zu]", name, t->dims[0], t->dims[1]);
    return;
  }
  ck_abort_msg("no tensor %s", name);
}

/* All purposes have one parameter vector; a shared head has one event's width. */
START_TEST(one_layout)
{
  elbo_experiment *x = open_experiment(SHARED);
  size_t floats = 0;
  for (int p = GRAPH_TRAIN; p <= GRAPH_DECODE; p++) {
    error e = { 0 };
    model_graph mg;
    graph_options o = { .purpose = (graph_purpose)p, .batch = 5, .samples = 3 };
    ck_assert_msg(!model_build(x->study->model, &o, &mg, &e), "%s", e.text);
    if (!floats) floats = graph_param_floats(mg.g);
    ck_assert_uint_eq(graph_param_floats(mg.g), floats);
    ck_assert_uint_eq(graph_param_count(mg.g), elbo_experiment_parameters(x));
    shape_is(mg.g, "p.z.param.loc", 1, 2, 0);
    shape_is(mg.g, "p.x.net.0.weight", 2, 4, 2);
    shape_is(mg.g, "p.x.head.loc.weight", 2, 3, 4);
    shape_is(mg.g, "p.x.head.log_scale.weight", 2, 1, 4);
    shape_is(mg.g, "p.x.head.log_scale.bias", 1, 1, 0);
    shape_is(mg.g, "q.z.head.log_scale.weight", 2, 2, 3 + 1);
    model_graph_free(&mg);
  }
  elbo_experiment_free(x);
}
END_TEST

/* Rows of the ELBO: reconstruction averaged over samples minus the KL of the row, in training and
 * in evaluation, for a short batch. */
START_TEST(rows_of_the_objective)
{
  elbo_experiment *x = open_experiment(SHARED);
  uint32_t index[] = { 7, 3, 20, 0 };
  for (int p = GRAPH_TRAIN; p <= GRAPH_EVALUATE; p++) {
    error e = { 0 };
    machine *m;
    graph_options o = { .purpose = (graph_purpose)p, .batch = 5, .samples = 3 };
    float *params = mem_new_aligned(4096, sizeof *params, "", &e),
          *grads = mem_new_aligned(4096, sizeof *grads, "", &e);
    ck_assert_msg(!machine_new(x->study, &o, NULL, params, grads, &m, &e), "%s", e.text);
    init_params(m->mg.g, 5, params);
    machine_feed_split(m, SPLIT_TRAIN, index, 4, 0, &e);
    ck_assert_msg(!machine_forward(m, 4, 0, 0, &e), "%s", e.text);
    int at_x = x->study->model->variable[0].role == VARIABLE_OBSERVED ? 0 : 1, at_z = 1 - at_x;
    const float *log_p = run_value(m->run, m->mg.log_p[at_x]),
                *kl = run_value(m->run, m->mg.kl[at_z]), *rows = run_value(m->run, m->mg.rows);
    for (size_t b = 0; b < 4; b++) {
      double want =
          ((double)log_p[b] + (double)log_p[4 + b] + (double)log_p[8 + b]) / 3 - (double)kl[b];
      ck_assert_msg(fabs((double)rows[b] - want) < 1e-5 * fmax(1, fabs(want)),
                    "row %zu: %g, not %g", b, (double)rows[b], want);
    }
    machine_free(m);
    mem_free(params);
    mem_free(grads);
  }
  elbo_experiment_free(x);
}
END_TEST

static const node *node_called(const graph *g, const char *name)
{
  for (int i = 0; i < graph_size(g); i++)
    if (!strcmp(graph_node(g, i)->name, name)) return graph_node(g, i);
  ck_abort_msg("no node %s", name);
  return NULL;
}

/* The KL comes behind hidden layers whose memory is free by then. */
#define DEEP                                                                                       \
  "name: deep\nseed: 1\ndata: {x: {builtin: linear_gaussian, rows: 30}}\nmodel:\n  p:\n"           \
  "    z: {family: normal, size: 2}\n    x: {family: normal, given: z, net: {hidden: [9, 7]}}\n"   \
  "  q:\n    z: {family: normal, given: x, net: {hidden: [5]}}\nestimator: sgvb_b\n"               \
  "train: {epochs: 1, batch_size: 4}\n"
static const char *const shapes[] = { SHARED, DEEP };

/* Other samples of a batch: the encoder is not run again, the decoder is, and every kept value is
   that of a run of its own. */
START_TEST(samples_of_one_batch)
{
  static const struct {
    const char *name;
    uint64_t calls;
  } nodes[] = { { "x", 1 },         { "q.z.net.0", 1 }, { "KL(z)", 1 },   { "z", 3 },
                { "p.x.net.0", 3 }, { "log p(x)", 3 },  { "log q(z)", 3 } };
  elbo_experiment *x = open_experiment(shapes[_i]);
  uint32_t index[] = { 7, 3, 20, 0 };
  error e = { 0 };
  machine *m, *anew;
  graph_options o = { .purpose = GRAPH_EVALUATE, .batch = 4, .samples = 3 };
  float *params = mem_new_aligned(4096, sizeof *params, "", &e);
  ck_assert(!machine_new(x->study, &o, NULL, params, NULL, &m, &e) &&
            !machine_new(x->study, &o, NULL, params, NULL, &anew, &e));
  init_params(m->mg.g, 5, params);
  run_profile(m->run, true);
  machine_feed_split(m, SPLIT_TRAIN, index, 4, 0, &e);
  machine_feed_split(anew, SPLIT_TRAIN, index, 4, 0, &e);
  for (uint64_t offset = 0; offset < 9; offset += 3)
    ck_assert(!machine_forward(m, 4, 0, offset, &e));
  step_args a = { .batch = 4, .sample_offset = 6, .kl_weight = 1, .feeds = anew->feeds };
  ck_assert(!run_forward(anew->run, &a, &e));
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    const node *n = node_called(m->mg.g, nodes[i].name);
    ck_assert_msg(run_cost(m->run, n->id, false).calls == nodes[i].calls, "%s", n->name);
  }
  for (int i = 0; i < graph_size(m->mg.g); i++) {
    const node *n = graph_node(m->mg.g, i);
    for (size_t k = 0; n->keep && k < run_rows(m->run, i); k++)
      ck_assert_msg(!memcmp(run_value(m->run, i) + k * n->ld, run_value(anew->run, i) + k * n->ld,
                            n->shape.cols * sizeof(float)),
                    "%s, row %zu", n->name, k);
  }
  machine_free(m), machine_free(anew);
  mem_free(params);
  elbo_experiment_free(x);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("infer/plan");
  TCase *t = tcase_create("plan");
  tcase_add_checked_fixture(t, fixture_start, fixture_end);
  tcase_add_test(t, says_what_was_decided);
  tcase_add_test(t, one_layout);
  tcase_add_test(t, rows_of_the_objective);
  tcase_add_loop_test(t, samples_of_one_batch, 0, 2);
  suite_add_tcase(s, t);
  return run_suite(s);
}
