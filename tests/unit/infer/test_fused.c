/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the plan joins or lets share a place changes no bit: one step of the examples, objective and
 * gradients, against the plan without. Leaving out the zeros of data adds up in another order: that
 * agrees to rounding. */
#include "study_fixture.h"

static const struct {
  const char *example, *setting;
} rows[] = {
  { "quickstart", "seed=1" },
  { "quickstart", "estimator={name: iwae, samples: 5}" },
  { "quickstart", "model.p.x.net={hidden: [30], activation: gelu, dropout: 0.2}" },
  { "beta_latent", "seed=1" },
  { "categorical_latent", "seed=1" },
  { "compare_bernoulli", "estimator={name: rebar, samples: 4}" },
  { "compare_bernoulli", "estimator={name: vimco, samples: 4}" },
  { "linear_gaussian", "seed=1" },
  { "map", "seed=1" },
  { "two_layers", "seed=1" },
};

typedef struct step {
  float objective, *grads;
  size_t floats;
  size_t arena;
} step;

static step one_step(study *s, bool no_fuse, bool dense)
{
  error e = { 0 };
  machine *m;
  uint32_t index[20];
  size_t batch = (size_t)s->x->train.batch_size;
  graph_options o = { .purpose = GRAPH_TRAIN,
                      .batch = batch,
                      .samples = s->model->samples,
                      .no_fuse = no_fuse,
                      .dense = dense };
  for (uint32_t i = 0; i < batch; i++) index[i] = i;
  ck_assert_msg(!machine_new(s, &o, NULL, NULL, NULL, &m, &e), "%s", e.text);
  step out = { .floats = graph_param_floats(m->mg.g), .arena = graph_arena_bytes(m->mg.g) };
  float *params = mem_new_aligned(out.floats, sizeof *params, "parameters", &e);
  out.grads = mem_new_aligned(out.floats, sizeof *params, "gradients", &e);
  init_params(m->mg.g, s->x->seed, params);
  m->run->params = params, m->run->grads = out.grads;
  machine_feed_split(m, SPLIT_TRAIN, index, batch, 0, &e);
  step_args a = { .batch = batch, .kl_weight = 1, .training = true, .feeds = m->feeds };
  ck_assert_msg(!run_forward(m->run, &a, &e) && !run_backward(m->run, &e), "%s", e.text);
  out.objective = *run_value(m->run, m->mg.objective);
  mem_free(params);
  machine_free(m);
  return out;
}

/* The largest difference of gradients, over the largest gradient. */
static double apart_by(const step *a, const step *b)
{
  double worst = 0, largest = 0;
  for (size_t i = 0; i < a->floats; i++) {
    worst = fmax(worst, fabs((double)a->grads[i] - (double)b->grads[i]));
    largest = fmax(largest, fabs((double)b->grads[i]));
  }
  return worst / largest;
}

START_TEST(same_bits)
{
  const char *const settings[] = { "data.x.rows=60", "train.batch_size=20", rows[_i].setting,
                                   NULL };
  char path[512];
  elbo_experiment *x;
  snprintf(path, sizeof path, SOURCE_DIR "/docs/examples/%s.yaml", rows[_i].example);
  ck_assert_msg(!elbo_experiment_open(context, path, settings, &x), "%s: %s", path,
                elbo_last_error(context));
  step fused = one_step(x->study, false, true), apart = one_step(x->study, true, false);
  step skipping = one_step(x->study, false, false);
  ck_assert_uint_eq(fused.floats, apart.floats);
  ck_assert(isfinite(fused.objective) && fused.objective == apart.objective);
  double sum = 0;
  for (size_t i = 0; i < fused.floats; i++) sum += fabs((double)fused.grads[i]);
  ck_assert(isfinite(sum) && sum > 0);
  ck_assert_msg(!memcmp(fused.grads, apart.grads, fused.floats * sizeof(float)), "%s, %s", path,
                rows[_i].setting);
  ck_assert_msg(fused.arena <= apart.arena, "%s: the joined plan takes %zu bytes, apart %zu", path,
                fused.arena, apart.arena);
  ck_assert_double_eq_tol((double)skipping.objective / (double)apart.objective, 1, 2e-6);
  ck_assert_double_le(apart_by(&skipping, &apart), 2e-5);
  mem_free(fused.grads), mem_free(apart.grads), mem_free(skipping.grads);
  elbo_experiment_free(x);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("fused");
  TCase *c = tcase_create("fused");
  tcase_set_timeout(c, 60);
  tcase_add_unchecked_fixture(c, fixture_start, fixture_end);
  tcase_add_loop_test(c, same_bits, 0, (int)(sizeof rows / sizeof *rows));
  suite_add_tcase(s, c);
  return run_suite(s);
}
