/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The float kernels of the families against their double functions, at every level that this CPU
 * has: at most 8 units in the last place beyond what a relative change of 2^-24 of the inputs
 * does; and the same bits wherever an event stands. */
#include "plugins.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const char *const names[] = { "normal",      "bernoulli", "continuous_bernoulli",
                                     "laplace",     "gumbel",    "gamma",
                                     "exponential", "logistic",  "log_normal" };
enum { FAMILIES = sizeof names / sizeof names[0], MAX_IN = 4, COUNT = 20000 };

static uint64_t state;
static double uniform01(void)
{
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(state >> 11) * 0x1p-53;
}
static float between(double low, double high)
{
  return (float)(low + (high - low) * uniform01());
}

/* x, then the parameters, over what single precision can hold and the tables visit. */
static void random_event(const elbo_family *f, int i, float *in)
{
  double wide = i % 4 == 0 ? 8 : 2;
  in[0] = 0;
  bool located = !strcmp(f->params[0].name, "loc");
  in[1] = located            ? between(-5, 5)
          : f->n_params == 1 ? between(-40, 40) / (i % 3 ? 20 : 1)
                             : between(-6, 11);
  in[2] = between(-wide, wide);
  if (f->support.kind == ELBO_SUP_BINARY) in[0] = uniform01() < 0.5;
  if (f->support.kind == ELBO_SUP_UNIT) in[0] = between(0, 1);
  if (located) in[0] = in[1] + (float)(exp(in[2]) * between(-6, 6));
  if (!located && f->value_form == ELBO_X_LOG) in[0] = (i % 2 ? in[1] : 0) - in[2] + between(-4, 1);
  if (!strcmp(f->name, "exponential")) in[0] = (float)exp(-in[1] + between(-12, 2));
}

/* out: the value, then the gradients. */
static void exact(const elbo_family *f, const double *in, double *out)
{
  out[0] = f->log_prob(&test_call, in, in + 1, out + 1, out + 2);
}

static double ulp(double v)
{
  int e;
  frexp(fmax(fabs(v), FLT_MIN), &e);
  return ldexp(1, e - 24);
}

static void check_event(const elbo_family *f, const float *in, const float *got, double *worst)
{
  int n = 1 + (int)f->n_params;
  double at[MAX_IN], want[5], moved[5], slack[5] = { 0 };
  for (int i = 0; i < n; i++) at[i] = in[i];
  exact(f, at, want);
  for (int i = 0; i < n; i++) {
    double keep = at[i];
    if (i == 0 && f->support.kind >= ELBO_SUP_BINARY) continue;
    at[i] *= 1 + 0x1p-24;
    exact(f, at, moved);
    for (int k = 0; k <= n; k++) slack[k] += 2 * fabs(moved[k] - want[k]);
    at[i] = keep;
  }
  for (int k = 0; k <= n; k++) {
    double size = k == 0 ? fmax(1, fabs(want[k])) : want[k],
           off = (fabs(got[k] - want[k]) - slack[k]) / ulp(size);
    if (got[k] == (float)want[k]) continue;
    if (off > *worst) *worst = off;
    ck_assert_msg(off <= 8,
                  "%s output %d at %.9g %.9g %.9g: got %.9g, expected %.9g, %.1f units off",
                  f->name, k, (double)in[0], (double)in[1], n > 2 ? (double)in[2] : 0,
                  (double)got[k], want[k], off);
  }
}

/* in, out: by number, then by event; value [n]. */
static void call(const elbo_family *f, int level, size_t n, size_t d, float *const *in,
                 float *value, float *const *out)
{
  elbo_rows x = { in[0], d }, w[MAX_IN];
  float *dw[MAX_IN];
  for (uint32_t p = 0; p < f->n_params; p++) {
    w[p] = (elbo_rows){ in[1 + p], d };
    dw[p] = out ? out[1 + p] : NULL;
  }
  ck_assert_int_eq(
      f->log_prob_f32[level](&test_call, n, d, x, w, value, out ? out[0] : NULL, out ? dw : NULL),
      ELBO_OK);
}

static float in_store[MAX_IN][COUNT], out_store[MAX_IN][COUNT], value_store[COUNT];
static float *in_at[MAX_IN], *out_at[MAX_IN];
static const elbo_family *prepare(int which)
{
  const elbo_family *f = open_family(names[which]);
  ck_assert_ptr_nonnull(f);
  state = 1;
  for (int i = 0; i < MAX_IN; i++) {
    in_at[i] = in_store[i];
    out_at[i] = out_store[i];
  }
  for (int i = 0; i < COUNT; i++) {
    float in[MAX_IN];
    random_event(f, i, in);
    for (int k = 0; k < 3; k++) in_store[k][i] = in[k];
  }
  return f;
}

START_TEST(units_in_the_last_place)
{
  const elbo_family *f = prepare(_i);
  for (int level = 0; level <= cpu_level(); level++) {
    double worst = 0;
    call(f, level, COUNT, 1, in_at, value_store, out_at);
    for (int i = 0; i < COUNT; i++) {
      float in[MAX_IN], got[5] = { value_store[i] };
      for (int k = 0; k < 3; k++) {
        in[k] = in_store[k][i];
        got[1 + k] = out_store[k][i];
      }
      check_event(f, in, got, &worst);
    }
    printf("%s level %d: worst %.2f units\n", f->name, level, worst);
  }
}
END_TEST

START_TEST(same_bits_wherever_an_event_stands)
{
  enum { ROWS = 7, D = 37 };
  static float single[MAX_IN][ROWS * D], value[ROWS], again[ROWS], alone[ROWS * D];
  const elbo_family *f = prepare(_i);
  for (int level = 0; level <= cpu_level(); level++) {
    float *single_at[MAX_IN] = { single[0], single[1], single[2], single[3] };
    call(f, level, ROWS, D, in_at, value, out_at);
    call(f, level, ROWS, D, in_at, again, NULL);
    ck_assert_mem_eq(value, again, sizeof value);
    call(f, level, ROWS * D, 1, in_at, alone, single_at);
    for (uint32_t k = 0; k <= f->n_params; k++)
      ck_assert_mem_eq(single[k], out_store[k], sizeof single[k]);
    for (int r = 0; r < ROWS; r++) {
      float *row[MAX_IN], one;
      for (int k = 0; k < MAX_IN; k++) row[k] = in_at[k] + r * D;
      call(f, level, 1, D, row, &one, NULL);
      ck_assert_mem_eq(&one, &value[r], sizeof one);
      double sum = 0, size = 0;
      for (int j = 0; j < D; j++) {
        sum += alone[r * D + j];
        size += fabs(alone[r * D + j]);
      }
      ck_assert_double_le(fabs(sum - value[r]), 4 * 0x1p-24 * size);
    }
  }
}
END_TEST

START_TEST(edges)
{
  static const struct {
    const char *family;
    float in[3], value, grad[3];
  } rows[] = {
    { "normal", { INFINITY, 0, 0 }, -INFINITY, { 0, 0, 0 } },
    { "laplace", { -INFINITY, 0, 0 }, -INFINITY, { 0, 0, 0 } },
    { "laplace", { 2, 2, 0 }, -0.69314718f, { 0, 0, -1 } },
    { "gumbel", { INFINITY, 0, 0 }, -INFINITY, { 0, 0, 0 } },
    { "bernoulli", { 1, 700, 0 }, 0, { 0, 0, 0 } },
    { "bernoulli", { 0, 700, 0 }, -700, { 0, -1, 0 } },
    { "bernoulli", { 1, INFINITY, 0 }, 0, { 0, 0, 0 } },
    { "bernoulli", { 0, INFINITY, 0 }, -INFINITY, { 0, -1, 0 } },
    { "bernoulli", { 0.5f, 0, 0 }, -INFINITY, { 0, 0, 0 } },
    { "continuous_bernoulli", { 1.5f, 2, 0 }, -INFINITY, { 0, 0, 0 } },
    { "continuous_bernoulli", { 0.25f, 0, 0 }, 0, { 0, -0.25f, 0 } },
    { "continuous_bernoulli", { 1, 700, 0 }, 6.5510803f, { 700, 1 / 700.0f, 0 } },
    { "gamma", { -INFINITY, 1, 0 }, -INFINITY, { 0, 0, 0 } },
    { "gamma", { -INFINITY, -1, 0 }, INFINITY, { 0, 0, 0 } },
    { "gamma", { -INFINITY, 0, 2 }, 2, { 0, 0, 0 } },
    { "gamma", { INFINITY, -1, 0 }, -INFINITY, { 0, 0, 0 } },
    { "exponential", { -1, 0, 0 }, -INFINITY, { 0, 0, 0 } },
    { "exponential", { INFINITY, 0, 0 }, -INFINITY, { 0, 0, 0 } },
    { "exponential", { 0, 2, 0 }, 2, { -7.3890561f, 1, 0 } },
    { "logistic", { INFINITY, 0, 0 }, -INFINITY, { 0, 0, 0 } },
    { "logistic", { 90, 0, 0 }, -90, { -1, 1, 89 } },
    { "log_normal", { -INFINITY, 0, 0 }, -INFINITY, { 0, 0, 0 } },
    { "log_normal", { INFINITY, 0, 0 }, -INFINITY, { 0, 0, 0 } },
  };
  const elbo_family *f = open_family(rows[_i].family);
  float in[3], out[3], *at[MAX_IN] = { &in[0], &in[1], &in[2] },
                       *to[MAX_IN] = { &out[0], &out[1], &out[2] }, value;
  memcpy(in, rows[_i].in, sizeof in);
  for (int level = 0; level <= cpu_level(); level++) {
    memset(out, 0, sizeof out);
    call(f, level, 1, 1, at, &value, to);
    ck_assert(value == rows[_i].value || fabsf(value - rows[_i].value) < 1e-6f * fabsf(value));
    for (int k = 0; k < 3; k++) ck_assert_float_eq_tol(out[k], rows[_i].grad[k], 1e-9f);
  }
}
END_TEST

START_TEST(divergence_of_normals)
{
  enum { N = 4000 };
  static float w[4][N], g[4][N], value[N];
  const elbo_family *f = open_family("normal");
  const elbo_kl *k = &f->kls[0];
  state = 3;
  for (int i = 0; i < N; i++)
    for (int p = 0; p < 4; p++)
      w[p][i] = p >= 2 && i % 2 ? w[p - 2][i] + between(-1e-2, 1e-2) : between(-3, 3);
  elbo_rows q[2] = { { w[0], 1 }, { w[1], 1 } }, p[2] = { { w[2], 1 }, { w[3], 1 } };
  float *dq[2] = { g[0], g[1] }, *dp[2] = { g[2], g[3] };
  for (int level = 0; level <= cpu_level(); level++) {
    ck_assert_int_eq(k->kl_f32[level](&test_call, N, 1, q, p, value, dq, dp), ELBO_OK);
    for (int i = 0; i < N; i++) {
      double a[2] = { w[0][i], w[1][i] }, b[2] = { w[2][i], w[3][i] }, d[4],
             v = k->kl(&test_call, a, b, d, d + 2);
      ck_assert_double_le(fabs(value[i] - v), 2e-6 * v);
      for (int j = 0; j < 4; j++)
        ck_assert_double_le(fabs(g[j][i] - d[j]), 2e-6 * (fabs(d[j]) + (j == 3 ? fabs(d[1]) : 0)));
    }
  }
}
END_TEST

int main(void)
{
  num_start();
  Suite *s = suite_create("kernels");
  TCase *c = tcase_create("log_prob_f32");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, units_in_the_last_place, 0, FAMILIES);
  tcase_add_loop_test(c, same_bits_wherever_an_event_stands, 0, FAMILIES);
  tcase_add_loop_test(c, edges, 0, 23);
  tcase_add_test(c, divergence_of_normals);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
