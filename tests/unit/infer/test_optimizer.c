/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Optimizers against the formulas of their papers in double, written the long way; and the
 * schedules. */
#include "infer/optimizer.h"
#include "num/special.h"

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { N = 37, STEPS = 25 };

/* One element's state in the papers' terms. */
typedef struct element {
  double w, a, b;
} element;

/* g: the gradient of what is maximised, so that the papers' descent has the other sign. h: the
 * hypers in the order of the row. */
static void sgd(element *x, const double *h, double rate, double g, int t)
{
  (void)h, (void)t, x->w += rate * g;
}

static void momentum(element *x, const double *h, double rate, double g, int t)
{
  (void)t;
  x->a = h[0] * x->a + g;
  x->w += rate * (h[1] != 0 ? g + h[0] * x->a : x->a);
}

static void adagrad(element *x, const double *h, double rate, double g, int t)
{
  (void)t;
  x->a += g * g;
  x->w += rate * g / (sqrt(x->a) + h[0]);
}

static void rmsprop(element *x, const double *h, double rate, double g, int t)
{
  (void)t;
  x->a = h[0] * x->a + (1 - h[0]) * g * g;
  x->w += rate * g / (sqrt(x->a) + h[1]);
}

/* Kingma and Ba 2015, algorithm 1 as it stands */
static void adam(element *x, const double *h, double rate, double g, int t)
{
  x->a = h[0] * x->a + (1 - h[0]) * g;
  x->b = h[1] * x->b + (1 - h[1]) * g * g;
  double m = x->a / (1 - pow(h[0], t)), v = x->b / (1 - pow(h[1], t));
  x->w += rate * m / (sqrt(v) + h[2]);
}

static const struct {
  const char *name;
  void (*step)(element *, const double *h, double rate, double g, int t);
  double hyper[6];
} cases[] = {
  { "sgd", sgd, { 0 } },
  { "momentum", momentum, { 0.9, 0 } },
  { "momentum", momentum, { 0.9, 1 } },
  { "momentum", momentum, { 0, 0 } },
  { "adagrad", adagrad, { 1e-8 } },
  { "adagrad", adagrad, { 0.1 } },
  { "rmsprop", rmsprop, { 0.9, 1e-8 } },
  { "rmsprop", rmsprop, { 0, 1e-3 } },
  { "adam", adam, { 0.9, 0.999, 1e-8 } },
  { "adam", adam, { 0.5, 0.9, 0.01 } },
  { "adam", adam, { 0, 0, 1e-3 } },
};
enum { CASES = sizeof cases / sizeof *cases };

static const optimizer_kind *find(const char *name)
{
  for (int i = 0; i < n_optimizers; i++)
    if (!strcmp(optimizer_table[i].name, name)) return &optimizer_table[i];
  ck_abort_msg("no optimizer %s", name);
  return NULL;
}

/* Gradients of all sizes, some 0 at every step. */
static float gradient(int i, int t)
{
  return i % 7 == 3 ? 0 : sinf((float)(i + 3 * t)) * powf(10, (float)(i % 5 - 2));
}

static void compare(int c, int level, double decay, float clip)
{
  const optimizer_kind *kind = find(cases[c].name);
  float w[N], g[N], s0[N] = { 0 }, s1[N] = { 0 };
  element x[N] = { { 0 } };
  for (int i = 0; i < N; i++) x[i].w = (double)(w[i] = 0.1f * (float)(i - 18));
  for (int t = 1; t <= STEPS; t++) {
    double rate = 0.01 / t;
    update_args a = { .decay = (float)(decay * rate), .clip = clip };
    kind->prepare(cases[c].hyper, rate, (uint64_t)t, &a);
    for (int i = 0; i < N; i++) {
      double before = x[i].w;
      g[i] = gradient(i, t);
      cases[c].step(&x[i], cases[c].hyper, rate, (double)clip * (double)g[i], t);
      x[i].w -= decay * rate * before; /* decoupled: Loshchilov and Hutter 2019, algorithm 2, by the
                                          weight before the step */
    }
    kind->update[level](&a, N, w, g, kind->n_state > 0 ? s0 : NULL, kind->n_state > 1 ? s1 : NULL);
  }
  for (int i = 0; i < N; i++)
    ck_assert_msg(fabs((double)w[i] - x[i].w) <= 3e-6 * fmax(1, fabs(x[i].w)),
                  "%s, level %d, number %d: %.9g, the paper's %.9g", kind->name, level, i,
                  (double)w[i], x[i].w);
}

START_TEST(like_the_papers)
{
  for (int level = 0; level <= cpu_level(); level++) {
    compare(_i, level, 0, 1);
    compare(_i, level, 0.1, 1);
    compare(_i, level, 0, 0.25f);
  }
}
END_TEST

/* Elements do not know each other: any cut of the vector gives the same bits. */
START_TEST(cuts_change_nothing)
{
  const optimizer_kind *kind = find(cases[_i].name);
  float w[2][N], g[N], s0[2][N] = { { 0 } }, s1[2][N] = { { 0 } };
  update_args a = { .decay = 1e-3f, .clip = 0.7f };
  kind->prepare(cases[_i].hyper, 0.01, 3, &a);
  for (int i = 0; i < N; i++) w[0][i] = w[1][i] = (float)i / 7, g[i] = gradient(i, 1);
  int level = cpu_level();
  kind->update[level](&a, N, w[0], g, s0[0], s1[0]);
  kind->update[level](&a, 16, w[1], g, s0[1], s1[1]);
  kind->update[level](&a, N - 16, w[1] + 16, g + 16, s0[1] + 16, s1[1] + 16);
  ck_assert_mem_eq(w[0], w[1], sizeof w[0]);
}
END_TEST

START_TEST(every_optimizer_has_a_case)
{
  for (int i = 0; i < n_optimizers; i++) {
    bool there = false;
    for (int c = 0; c < CASES; c++) there |= !strcmp(cases[c].name, optimizer_table[i].name);
    ck_assert_msg(there, "%s is not tested", optimizer_table[i].name);
    for (int h = 0; h < optimizer_table[i].n_hypers; h++) {
      const hyper *k = &optimizer_table[i].hypers[h];
      ck_assert_msg(k->standard >= k->low && k->standard <= k->high,
                    "%s: the default of %s is out of its range", optimizer_table[i].name, k->name);
    }
  }
}
END_TEST

static double factor(const char *name, const double *h, double epoch, double epochs)
{
  for (int i = 0; i < n_schedules; i++)
    if (!strcmp(schedule_table[i].name, name)) return schedule_table[i].factor(h, epoch, epochs);
  ck_abort_msg("no schedule %s", name);
  return NAN;
}

START_TEST(schedules)
{
  static const struct {
    const char *name;
    double h[3], epoch, epochs, want;
  } rows[] = {
    { "constant", { 0 }, 7.5, 10, 1 },
    { "step", { 10, 0.1, 1 }, 0, 30, 1 },
    { "step", { 10, 0.1, 1 }, 9.999, 30, 1 },
    { "step", { 10, 0.1, 1 }, 10, 30, 0.1 },
    { "step", { 10, 0.1, 1 }, 29.5, 30, 0.01 },
    { "step", { 0.5, 0.5, 1 }, 1.25, 30, 0.25 },
    { "step", { 0.1, 0.5, 1 }, 3.0 / 10, 30, 0.125 }, /* 0.3 / 0.1 is below 3 */
    { "step", { 0.1, 0.5, 1 }, 0.299999, 30, 0.25 },
    { "step", { 0.1, 0.5, 2 }, 7.0 / 10, 30, 0.125 }, /* 0.1 + 0.2 + 0.4 is above 0.7 */
    { "step", { 1, 0.5, 3 }, 0.999, 3280, 1 },
    { "step", { 1, 0.5, 3 }, 1, 3280, 0.5 },
    { "step", { 1, 0.5, 3 }, 3.999, 3280, 0.5 },
    { "step", { 1, 0.5, 3 }, 4, 3280, 0.25 }, /* 1 + 3 */
    { "step", { 1, 0.5, 3 }, 1092.999, 3280, 0.015625 },
    { "step", { 1, 0.5, 3 }, 1093, 3280, 0.0078125 }, /* 1 + 3 + .. + 3^6 */
    { "cosine", { 0 }, 0, 20, 1 },
    { "cosine", { 0 }, 5, 20, 0.853553390593273762 }, /* (1 + cos(pi/4)) / 2 */
    { "cosine", { 0 }, 10, 20, 0.5 },
    { "cosine", { 0 }, 20, 20, 0 },
    { "cosine", { 0.1 }, 10, 20, 0.55 },
    { "cosine", { 0.1 }, 25, 20, 0.1 }, /* beyond the end it stays there */
    { "exponential", { 0.5 }, 2, 9, 0.25 },
    { "exponential", { 0.5 }, 0.5, 9, 0.707106781186547524 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double got = factor(rows[i].name, rows[i].h, rows[i].epoch, rows[i].epochs);
    ck_assert_msg(fabs(got - rows[i].want) < 1e-12, "%s at %g of %g: %g, not %g", rows[i].name,
                  rows[i].epoch, rows[i].epochs, got, rows[i].want);
  }
  for (int k = 0; k < n_schedules; k++) {
    bool there = false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
      there |= !strcmp(rows[i].name, schedule_table[k].name);
    ck_assert_msg(there, "%s is not tested", schedule_table[k].name);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("infer/optimizer");
  TCase *t = tcase_create("optimizer");
  tcase_add_loop_test(t, like_the_papers, 0, CASES);
  tcase_add_loop_test(t, cuts_change_nothing, 0, CASES);
  tcase_add_test(t, every_optimizer_has_a_case);
  tcase_add_test(t, schedules);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
