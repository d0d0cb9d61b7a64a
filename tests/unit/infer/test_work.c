/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work, not time: what one training step of the examples takes is pinned, so that a fusion that is
 * lost, a pass that is added or an operand that is read twice shows on any machine. Products are
 * counted where they are called; nothing is multiplied. A row that changes on purpose is replaced
 * by the one that the failure prints. */
#include "study_fixture.h"
#include "base/mem.h"

#include <stdatomic.h>

static atomic_llong products, multiplied;

static void count_product(int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                          const float *b, int ldb, float beta, float *c, int ldc)
{
  (void)ta, (void)tb, (void)alpha, (void)a, (void)lda, (void)b, (void)ldb;
  atomic_fetch_add(&products, 1);
  atomic_fetch_add(&multiplied, 2LL * m * n * k);
  for (int i = 0; i < m && beta == 0; i++)
    memset(c + (size_t)i * (size_t)ldc, 0, (size_t)n * sizeof *c);
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

typedef struct work {
  long long products, flop; /* calls of the backend and what they multiply */
  int passes, pieces;       /* barriers; calls of an op between them */
  size_t kilobytes;         /* through memory, each operand of a pass once */
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
  ck_assert_msg(!trainer_new(x->study, 1, &t, &e), "%s: %s", row->name, e.text);
  ck_assert_msg(!trainer_step(t, &s, &e), "%s: %s", row->name, e.text);
  atomic_store(&products, 0), atomic_store(&multiplied, 0);
  uint64_t before = mem_count();
  ck_assert_msg(!trainer_step(t, &s, &e), "%s: %s", row->name, e.text);
  run_work w = run_count_work(t->m->run);
  work found = { atomic_load(&products),          atomic_load(&multiplied), w.passes, w.pieces,
                 w.floats * sizeof(float) / 1024, mem_count() - before };
  trainer_free(t);
  elbo_experiment_free(x);
  return found;
}

START_TEST(work_of_a_step)
{
  const work *want = &rows[_i].want;
  work w = count(&rows[_i]);
  ck_assert_msg(!memcmp(want, &w, sizeof w),
                "%s: a step's products, flop, passes, pieces, kB, allocations: expected "
                "{ %lld, %lld, %d, %d, %zu, %llu }, found\n{ %lld, %lld, %d, %d, %zu, %llu }",
                rows[_i].name, want->products, want->flop, want->passes, want->pieces,
                want->kilobytes, want->allocations, w.products, w.flop, w.passes, w.pieces,
                w.kilobytes, w.allocations);
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
