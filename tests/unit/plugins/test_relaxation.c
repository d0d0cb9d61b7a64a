/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The relaxed families beside their discrete twins: what "elbo.relaxation/1" promises, its
 * derivatives against differences at fixed noise, and the float kernel over classes. */
#include "plugins.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

enum { K = 4, N = 20000 };
/* temperature, then the discrete family's own parameters */
static const struct {
  const char *name;
  int numbers, working;
  double w[1 + K];
} twins[] = {
  { "bernoulli", 1, 1, { -0.4, 0.7 } },
  { "bernoulli", 1, 1, { 0.3, -2.0 } },
  { "categorical", K, K, { -0.4, 0.2, -1.0, 1.5, -0.5 } },
  { "categorical", K, K, { 0.5, 50.2, 50.3, 47.0, 50.0 } },
};
enum { TWINS = sizeof twins / sizeof twins[0] };

static elbo_call call_of(int i)
{
  elbo_call c = test_call;
  c.K = twins[i].numbers;
  return c;
}
static elbo_noise stream(uint32_t i)
{
  return (elbo_noise){ .key = philox_make_key(7, 3), .row = i };
}
static const elbo_relaxation *relaxation_of(int i, const elbo_family **twin)
{
  const elbo_family *f = open_family(twins[i].name);
  const elbo_relaxation *r = f->extension(ELBO_RELAXATION);
  ck_assert_ptr_nonnull(r);
  ck_assert_ptr_null(f->extension("elbo.relaxation/9"));
  *twin = open_family(r->twin);
  ck_assert_ptr_null(open_reparam("relaxation")->missing(*twin));
  ck_assert_pstr_eq(open_reparam("relaxation")->missing(f), "a positive parameter `temperature`");
  return r;
}

/* harden(draw of the twin) is a draw of the family; a draw given x hardens to x; and over such x it
   is a draw of the twin, by its means of |y_0| and y_0. */
START_TEST(relax_harden_relax)
{
  const elbo_family *twin;
  const elbo_relaxation *r = relaxation_of(_i, &twin);
  const elbo_family *f = open_family(twins[_i].name);
  const double *w = twins[_i].w;
  elbo_call c = call_of(_i);
  double y[K], g[K], x, again, sum[3] = { 0 }, squares[3] = { 0 }, count[K] = { 0 };
  for (uint32_t i = 0; i < N; i++) {
    elbo_noise a = stream(2 * i), b = stream(2 * i + 1);
    twin->draw(&c, &a, w, y);
    r->harden(&c, y, &x);
    r->draw_given(&c, &b, &x, w, g);
    r->harden(&c, g, &again);
    ck_assert(x == again);
    count[(int)x]++;
    double d[3] = { fabs(y[0]) - fabs(g[0]), y[0] - g[0], (y[0] > -1) - (g[0] > -1) };
    for (int k = 0; k < 3; k++) sum[k] += d[k], squares[k] += d[k] * d[k];
  }
  for (int k = 0; k < 3; k++) ck_assert_double_le(fabs(sum[k]), 5 * sqrt(squares[k]) + 1e-9);
  for (int k = 0; k < twins[_i].numbers; k++) {
    double at = k, p = exp(f->log_prob(&c, &at, w + 1, NULL, NULL));
    ck_assert_double_le(fabs(count[k] - N * p), 5 * sqrt(N * p * (1 - p)) + 1e-9);
  }
}
END_TEST

/* A draw at fixed noise, or one given the hard value. */
static void draw_at(int i, int given, uint32_t at, const double *w, double *y)
{
  const elbo_family *twin;
  const elbo_relaxation *r = relaxation_of(i, &twin);
  elbo_call c = call_of(i);
  elbo_noise e = stream(at);
  double x = at % (i < 2 ? 2 : K);
  if (given)
    r->draw_given(&c, &e, &x, w, y);
  else
    twin->draw(&c, &e, w, y);
}

START_TEST(derivatives_at_fixed_noise)
{
  const elbo_family *twin;
  const elbo_relaxation *r = relaxation_of(_i, &twin);
  elbo_call c = call_of(_i);
  for (uint32_t at = 0; at < 40; at++)
    for (int given = 0; given < 2; given++) {
      double y[K], low[K], high[K], w[1 + K], dw[1 + K], dy[K] = { 1.0, -0.3, 0.7, 2.0 }, h = 1e-5;
      draw_at(_i, given, at, twins[_i].w, y);
      if (given)
        r->pull_given(&c, y, twins[_i].w, dy, dw);
      else
        twin->pull(&c, y, twins[_i].w, dy, dw);
      for (int p = 0; p <= twins[_i].working; p++) {
        double want = 0, size = 0;
        memcpy(w, twins[_i].w, sizeof w);
        w[p] += h;
        draw_at(_i, given, at, w, high);
        w[p] -= 2 * h;
        draw_at(_i, given, at, w, low);
        for (int k = 0; k < twins[_i].numbers; k++) {
          want += dy[k] * (high[k] - low[k]) / (2 * h);
          size += fabs(y[k]);
        }
        ck_assert_double_le(fabs(dw[p] - want), 1e-7 * (1 + size));
      }
    }
}
END_TEST

/* The kernel over classes: against the double function, at every level, for any number of them. */
START_TEST(classes_in_float)
{
  enum { MOST = 70, D = 5 };
  static const int classes[] = { 1, 2, 3, 10, 16, 17, 64, MOST };
  const elbo_family *f = open_family("categorical");
  elbo_call c = test_call;
  c.K = classes[_i];
  float x[D], l[D * MOST], value, dx[D], dl[D * MOST], *dw[1] = { dl };
  srand(5);
  for (int level = 0; level <= cpu_level(); level++)
    for (int round = 0; round < 50; round++) {
      double want = 0, g[MOST], wide[MOST], spread = round % 2 ? 200 : 2;
      double near = 1e-6 + 0x1p-24 * spread; /* of the differences of logits, rounded */
      for (int j = 0; j < D; j++) x[j] = (float)(rand() % c.K);
      for (int j = 0; j < D * c.K; j++)
        l[j] = (float)(rand() % 20001 - 10000) * (round % 2 ? 1e-2f : 1e-4f);
      elbo_rows at = { x, D }, w = { l, (size_t)(D * c.K) };
      ck_assert_int_eq(f->log_prob_f32[level](&c, 1, D, at, &w, &value, dx, dw), ELBO_OK);
      for (int j = 0; j < D; j++) {
        double class = x[j];
        for (int k = 0; k < c.K; k++) wide[k] = l[j * c.K + k];
        want += f->log_prob(&c, &class, wide, NULL, g);
        for (int k = 0; k < c.K; k++)
          ck_assert_double_le(fabs(dl[j * c.K + k] - g[k]), near * fabs(g[k]) + 1e-37);
        ck_assert(dx[j] == 0);
      }
      ck_assert_double_le(fabs(value - want), 1e-6 * fabs(want) + 1e-37); /* sums of one sign */
    }
  x[0] = (float)c.K;
  elbo_rows at = { x, D }, w = { l, (size_t)(D * c.K) };
  f->log_prob_f32[0](&c, 1, 1, at, &w, &value, dx, dw);
  ck_assert(value == -INFINITY);
  for (int k = 0; k < c.K; k++) ck_assert(dl[k] == 0);
}
END_TEST

int main(void)
{
  num_start();
  Suite *s = suite_create("relaxation");
  TCase *c = tcase_create("relaxation");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, relax_harden_relax, 0, TWINS);
  tcase_add_loop_test(c, derivatives_at_fixed_noise, 0, TWINS);
  tcase_add_loop_test(c, classes_in_float, 0, 8);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
