/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work, not time: what one training step of the examples takes is pinned, so that a fusion that is
 * lost, a pass that is added or an operand that is read twice shows on any machine. Products are
 * counted where they are called; nothing is multiplied. A row that changes on purpose is replaced
 * by the one that the failure prints. */
#include "study_fixture.h"
#include "base/mem.h"

#include <stdatomic.h>

static atomic_llong products, multiplied, kernels;

static void count_product(int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                          const float *b, int ldb, float beta, float *c, int ldc)
{
  (void)ta, (void)tb, (void)alpha, (void)a, (void)lda, (void)b, (void)ldb;
  atomic_fetch_add(&products, 1);
  atomic_fetch_add(&multiplied, 2LL * m * n * k);
  for (int i = 0; i < m && beta == 0; i++)
    memset(c + (size_t)i * (size_t)ldc, 0, (size_t)n * sizeof *c);
}

/* Float kernels of densities and divergences are counted on their way; which one is meant, the
 * plugin's surroundings tell. */
static struct {
  const elbo_call *call;
  elbo_log_prob_f32 *log_prob;
  elbo_kl_f32 *kl;
} own[3 * MODEL_MAX_VARIABLES];
static int n_own;

static int own_of(const elbo_call *call)
{
  int i = 0;
  while (own[i].call != call) i++;
  atomic_fetch_add(&kernels, 1);
  return i;
}

static elbo_rc count_log_prob(const elbo_call *c, size_t n, size_t d, elbo_rows x,
                              const elbo_rows *w, float *value, float *dx, float *const *dw)
{
  return own[own_of(c)].log_prob(c, n, d, x, w, value, dx, dw);
}

static elbo_rc count_kl(const elbo_call *c, size_t n, size_t d, const elbo_rows *w,
                        const elbo_rows *w2, float *value, float *const *dw, float *const *dw2)
{
  return own[own_of(c)].kl(c, n, d, w, w2, value, dw, dw2);
}

static void count_kernels(model *m)
{
  n_own = 0;
  for (int i = 0; i < m->n; i++) {
    family_use *uses[] = { &m->variable[i].p.use, &m->variable[i].q.use };
    kl_use *kl = &m->variable[i].kl;
    for (int k = 0; k < 2; k++) {
      if (!uses[k]->log_prob_f32) continue;
      own[n_own].call = &uses[k]->call;
      own[n_own++].log_prob = uses[k]->log_prob_f32;
      uses[k]->log_prob_f32 = count_log_prob;
    }
    if (!kl->f32) continue;
    own[n_own].call = &kl->call;
    own[n_own++].kl = kl->f32;
    kl->f32 = count_kl;
  }
}

/* M: the step of the paper's MNIST model, on built-in digits of its size. */
#define SMALL_DATA "data.x.rows=200"
static const char *const paper[] = { SMALL_DATA, "model.p.z.size=20",
                                     "model.p.x.net={hidden: [500], activation: tanh}",
                                     "model.q.z.net={hidden: [500], activation: tanh}", NULL };
static const char *const weighted[] = { SMALL_DATA,
                                        "model.p.z.size=50",
                                        "model.p.x.net={hidden: [200, 200], activation: tanh}",
                                        "model.q.z.net={hidden: [200, 200], activation: tanh}",
                                        "estimator={name: iwae, samples: 50}",
                                        "train.batch_size=20",
                                        NULL };
static const char *const fewer[] = { SMALL_DATA, NULL };
#define GREY SMALL_DATA, "data.x.prepare={scale: 255}"
static const char *const continuous[] = { GREY, "model.p.x.family=continuous_bernoulli", NULL };
static const char *const gaussian[] = { GREY, "model.p.x.family=normal", NULL };
#define FOUR(name)                                                                                 \
  {                                                                                                \
    SMALL_DATA, "estimator={name: " name ", samples: 4}", NULL                                     \
  }
static const char *const loo[] = FOUR("score_loo"), *const vimco[] = FOUR("vimco"),
                         *const rebar[] = FOUR("rebar"), *const concrete[] = FOUR("concrete"),
                         *const disarm[] = FOUR("disarm");

typedef struct work {
  long long products, flop; /* calls of the backend and what they multiply */
  int passes, pieces;       /* barriers; calls of an op between them */
  long long kernels;        /* calls of families' float kernels */
  size_t kilobytes;         /* through memory, each operand of a pass once */
  size_t arena;             /* kilobytes of values and gradients */
  unsigned long long allocations;
} work;

static const struct row {
  const char *name, *example;
  const char *const *settings;
  work want;
} rows[] = {
#include "work_rows.h"
};

static work count(const struct row *row)
{
  static elbo_backend counting;
  char path[512];
  error e = { 0 };
  elbo_experiment *x;
  trainer *t;
  sums s = { 0 };
  snprintf(path, sizeof path, SOURCE_DIR "/docs/examples/%s.yaml", row->example);
  ck_assert_msg(!elbo_experiment_open(context, path, row->settings, &x), "%s: %s", row->name,
                elbo_last_error(context));
  counting = *x->study->backend;
  counting.sgemm = count_product;
  x->study->backend = &counting;
  count_kernels(x->study->model);
  ck_assert_msg(!trainer_new(x->study, 1, &t, &e), "%s: %s", row->name, e.text);
  ck_assert_msg(!trainer_step(t, &s, &e), "%s: %s", row->name, e.text);
  atomic_store(&products, 0), atomic_store(&multiplied, 0), atomic_store(&kernels, 0);
  uint64_t before = mem_count();
  ck_assert_msg(!trainer_step(t, &s, &e), "%s: %s", row->name, e.text);
  run_work w = run_count_work(t->m->run);
  work found = { atomic_load(&products),
                 atomic_load(&multiplied),
                 w.passes,
                 w.pieces,
                 atomic_load(&kernels),
                 w.floats * sizeof(float) / 1024,
                 graph_arena_bytes(t->m->mg.g) / 1024,
                 mem_count() - before };
  trainer_free(t);
  elbo_experiment_free(x);
  return found;
}

START_TEST(work_of_a_step)
{
  const work *want = &rows[_i].want;
  work w = count(&rows[_i]);
  ck_assert_msg(!memcmp(want, &w, sizeof w),
                "%s: a step's products, flop, passes, pieces, kernel calls, kB, kB of arena, "
                "allocations: expected { %lld, %lld, %d, %d, %lld, %zu, %zu, %llu }, found\n"
                "{ %lld, %lld, %d, %d, %lld, %zu, %zu, %llu }",
                rows[_i].name, want->products, want->flop, want->passes, want->pieces,
                want->kernels, want->kilobytes, want->arena, want->allocations, w.products, w.flop,
                w.passes, w.pieces, w.kernels, w.kilobytes, w.arena, w.allocations);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("work");
  TCase *c = tcase_create("work");
  tcase_add_unchecked_fixture(c, fixture_start, fixture_end);
  tcase_add_loop_test(c, work_of_a_step, 0, (int)(sizeof rows / sizeof *rows));
  suite_add_tcase(s, c);
  return run_suite(s);
}
