/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Batches against the double functions, event by event; roads, samples, moments and their errors.
 * */
#include "registry.h"
#include "dist/batch.h"

#include <stdlib.h>

enum { ROWS = 3, D = 19, ROOM = ROWS * D * 16 };

/* A block for a family: x, and parameters of which the first has one row for all. */
typedef struct {
  family_use u;
  float x[ROOM], w[FAMILY_MAX_PARAMS][ROOM];
  elbo_rows rows[FAMILY_MAX_PARAMS];
  float value[ROWS], dx[ROOM], dw_at[FAMILY_MAX_PARAMS][ROOM], *dw[FAMILY_MAX_PARAMS];
} block;

static float wave(int i)
{
  return 0.9f * (float)sin(1.7 * i + 0.3);
}

static void fill(block *b, const char *family, int K)
{
  memset(b, 0, sizeof *b);
  b->u = bound(family, K);
  bool binary = b->u.family->support.kind == ELBO_SUP_BINARY,
       unit = b->u.family->support.kind == ELBO_SUP_UNIT;
  for (int i = 0; i < ROOM; i++)
    b->x[i] = binary ? (float)(i % 3 == 0) : unit ? 0.5f + wave(i) / 2 : wave(i);
  for (uint32_t p = 0; p < b->u.family->n_params; p++) {
    for (int i = 0; i < ROOM; i++) b->w[p][i] = wave(i + 100 * (int)p);
    b->rows[p] = (elbo_rows){ b->w[p], p ? (size_t)(D * b->u.width[p]) : 0 };
    b->dw[p] = b->dw_at[p];
  }
}

static elbo_rows x_rows(const block *b)
{
  return (elbo_rows){ b->x, (size_t)(D * b->u.E) };
}

/* The flat doubles of event j of row i. */
static void event(const block *b, int i, int j, double *x, double *w)
{
  for (int k = 0; k < b->u.E; k++) x[k] = b->x[(i * D + j) * b->u.E + k];
  for (uint32_t p = 0; p < b->u.family->n_params; p++)
    for (int k = 0; k < b->u.width[p]; k++)
      w[b->u.offset[p] + k] = b->w[p][(p ? i * D + j : j) * b->u.width[p] + k];
}

static void check_params_grad(const block *b, int i, int j, const double *gw)
{
  for (uint32_t p = 0; p < b->u.family->n_params; p++)
    for (int k = 0; k < b->u.width[p]; k++) {
      double got = b->dw[p][(i * D + j) * b->u.width[p] + k], want = gw[b->u.offset[p] + k];
      ck_assert_msg(fabs(got - want) <= 2e-5 * (1 + fabs(want)), "%s: dw[%u] %g, not %g",
                    b->u.family->name, p, got, want);
    }
}

static const struct {
  const char *name;
  int K;
} families[] = { { "normal", 1 }, { "laplace", 1 },   { "gumbel", 1 },
                 { "gamma", 1 },  { "bernoulli", 1 }, { "continuous_bernoulli", 1 },
                 { "walk", 3 } };
enum { FAMILIES = sizeof families / sizeof *families };

static void check_log_prob(block *b)
{
  double x[16], w[16], gx[16], gw[16];
  float bare[ROWS];
  ck_assert_int_eq(batch_log_prob(&b->u, ROWS, D, x_rows(b), b->rows, b->value, b->dx, b->dw),
                   ELBO_OK);
  ck_assert_int_eq(batch_log_prob(&b->u, ROWS, D, x_rows(b), b->rows, bare, NULL, NULL), ELBO_OK);
  for (int i = 0; i < ROWS; i++) {
    double sum = 0;
    for (int j = 0; j < D; j++) {
      event(b, i, j, x, w);
      sum += b->u.family->log_prob(&b->u.call, x, w, gx, gw);
      for (int k = 0; k < b->u.E; k++)
        ck_assert_double_eq_tol(b->dx[(i * D + j) * b->u.E + k], gx[k], 2e-5 * (1 + fabs(gx[k])));
      check_params_grad(b, i, j, gw);
    }
    ck_assert_double_eq_tol(b->value[i], sum, 2e-5 * (1 + fabs(sum)));
    ck_assert(b->value[i] == bare[i]);
  }
}

/* By the kernel and by the loop. */
START_TEST(log_prob)
{
  block b;
  fill(&b, families[_i].name, families[_i].K);
  ck_assert_int_eq(b.u.log_prob_f32 != NULL, strcmp(families[_i].name, "walk") != 0);
  check_log_prob(&b);
  b.u.log_prob_f32 = NULL;
  check_log_prob(&b);
}
END_TEST

static const struct {
  const char *q, *p;
  int K;
  bool fast;
} pairs[] = { { "normal", "normal", 1, true },
              { "gamma", "normal", 1, false },
              { "bernoulli", "bernoulli", 1, false },
              { "walk", "walk", 2, false } };

START_TEST(kl)
{
  block q, p;
  kl_use found, k;
  double x[16], w[16], w2[16], g[16], g2[16];
  fill(&q, pairs[_i].q, pairs[_i].K);
  fill(&p, pairs[_i].p, pairs[_i].K);
  for (int i = 0; i < ROOM; i++) p.w[0][i] += 0.25f;
  ck_assert(kl_find(&loaded, &q.u, &p.u, &found));
  k = found;
  memset(&found, 0, sizeof found);
  ck_assert_int_eq(k.f32 != NULL, pairs[_i].fast);
  ck_assert_int_eq(batch_kl(&k, ROWS, D, q.rows, p.rows, q.value, q.dw, p.dw), ELBO_OK);
  ck_assert_int_eq(batch_kl(&k, ROWS, D, q.rows, p.rows, p.value, NULL, NULL), ELBO_OK);
  for (int i = 0; i < ROWS; i++) {
    double sum = 0;
    for (int j = 0; j < D; j++) {
      event(&q, i, j, x, w);
      event(&p, i, j, x, w2);
      sum += k.row->kl(&k.call, w, w2, g, g2);
      check_params_grad(&q, i, j, g);
      check_params_grad(&p, i, j, g2);
    }
    ck_assert_double_eq_tol(q.value[i], sum, 2e-5 * (1 + fabs(sum)));
    ck_assert(q.value[i] == p.value[i]);
  }
}
END_TEST

/* A pair found in the plugin of p, and none. */
START_TEST(kl_of_either_side)
{
  elbo_kl row = { "laplace", "made", walk_kl, { NULL } };
  elbo_family made = *bound("normal", 1).family;
  family_use q = bound("laplace", 1), p = bound("normal", 1);
  kl_use k;
  made.name = "made";
  made.kls = &row;
  made.n_kls = 1;
  p.family = &made;
  p.call.K = 77;
  ck_assert(kl_find(&loaded, &q, &p, &k));
  ck_assert(k.row == &row && k.call.K == 77 && k.q.family == q.family && k.p.family == &made);
  ck_assert(!kl_find(&loaded, &p, &q, &k));
}
END_TEST

static void streams(elbo_noise_row *rows)
{
  for (int i = 0; i < ROWS; i++)
    rows[i] = (elbo_noise_row){ .key = philox_make_key(5, 1000),
                                .first = 2,
                                .row = (uint32_t)i,
                                .step = 9,
                                .level = cpu_level() };
}

static const struct {
  const char *family, *road;
  int K;
  bool fast;
} roads[] = {
  { "normal", NULL, 1, true },
  { "laplace", NULL, 1, true },
  { "gumbel", "location_scale", 1, true },
  { "normal", "inverse_cdf", 1, false },
  { "gamma", NULL, 1, false },
  { "continuous_bernoulli", NULL, 1, false },
  { "walk", NULL, 3, false },
};
enum { ROADS = sizeof roads / sizeof *roads };

static void check_road(block *b, const road_use *r)
{
  elbo_noise_row rows[ROWS];
  float z[ROOM], dz[ROOM];
  double x[16], w[16], g[16], dx[16];
  streams(rows);
  for (int i = 0; i < ROOM; i++) dz[i] = wave(i + 7);
  ck_assert_int_eq(batch_draw(r, ROWS, D, rows, b->rows, z), ELBO_OK);
  ck_assert_int_eq(batch_pull(r, ROWS, D, z, b->rows, dz, b->dw), ELBO_OK);
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < D; j++) {
      int E = b->u.E, at = (i * D + j) * E;
      elbo_noise e = { rows[i].key, 2 + (uint32_t)j, (uint32_t)i, 9, 0 };
      event(b, i, j, x, w);
      ck_assert_int_eq(r->reparam->forward(b->u.family, &b->u.call, &e, w, x), ELBO_OK);
      for (int k = 0; k < E; k++) ck_assert_double_eq_tol(z[at + k], x[k], 2e-5 * (1 + fabs(x[k])));
      for (int k = 0; k < E; k++) x[k] = z[at + k], dx[k] = dz[at + k];
      ck_assert_int_eq(r->reparam->backward(b->u.family, &b->u.call, x, w, dx, g), ELBO_OK);
      check_params_grad(b, i, j, g);
    }
}

START_TEST(road)
{
  block b;
  road_use r;
  error e = { 0 };
  fill(&b, roads[_i].family, roads[_i].K);
  ck_assert_msg(!road_bind(&loaded, &b.u, roads[_i].road, &r, &e), "%s", e.text);
  ck_assert_int_eq(r.forward && r.backward, roads[_i].fast);
  check_road(&b, &r);
  r.forward = NULL, r.backward = NULL;
  check_road(&b, &r);
}
END_TEST

/* Without the family's own bulk variates the reparametrizer's kernel says so, and the loop stands
 * in. */
START_TEST(road_without_bulk)
{
  block b;
  road_use r;
  elbo_family slow;
  fill(&b, "normal", 1);
  slow = *b.u.family;
  memset(slow.standard_f32, 0, sizeof slow.standard_f32);
  b.u.family = &slow;
  ck_assert(!road_bind(&loaded, &b.u, NULL, &r, NULL));
  ck_assert(!r.forward && !r.backward);
  check_road(&b, &r);
  /* the kernel's answer is heeded also then */
  r.forward = r.reparam->forward_f32[0], r.backward = r.reparam->backward_f32[0];
  check_road(&b, &r);
}
END_TEST

static const struct {
  const char *family, *road, *part;
} refusals[] = {
  { "bernoulli", NULL, "bernoulli has no reparametrizer" },
  { "bernoulli", "inverse_cdf",
    "bernoulli can't be drawn by inverse_cdf, which needs a continuous support" },
  { "gamma", "location_scale",
    "gamma can't be drawn by location_scale, which needs values in their plain form; its own "
    "reparametrizer is implicit" },
  { "normal", "nowhere", "unknown reparam \"nowhere\"" },
};

START_TEST(road_refused)
{
  family_use u = bound(refusals[_i].family, 1);
  road_use r;
  error e = { 0 };
  ck_assert_int_eq(road_bind(&loaded, &u, refusals[_i].road, &r, &e), ELBO_E_USAGE);
  ck_assert_msg(strstr(e.text, refusals[_i].part) == e.text, "%s", e.text);
}
END_TEST

/* By the family's road, by `draw`, by icdf, and by nothing. */
START_TEST(sample)
{
  block b;
  road_use r;
  elbo_noise_row rows[ROWS];
  float z[ROOM], want[ROOM];
  elbo_family bare;
  streams(rows);
  fill(&b, "normal", 1);
  ck_assert(!road_bind(&loaded, &b.u, NULL, &r, NULL));
  ck_assert(!batch_draw(&r, ROWS, D, rows, b.rows, want));
  ck_assert(!batch_sample(&loaded, &b.u, ROWS, D, rows, b.rows, z));
  ck_assert_mem_eq(z, want, ROWS * D * sizeof *z);

  fill(&b, "bernoulli", 1);
  ck_assert(!batch_sample(&loaded, &b.u, ROWS, D, rows, b.rows, want));
  bare = *b.u.family;
  b.u.family = &bare;
  bare.draw = NULL;
  ck_assert(!batch_sample(&loaded, &b.u, ROWS, D, rows, b.rows, z));
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < D; j++) {
      elbo_noise e = { rows[i].key, 2 + (uint32_t)j, (uint32_t)i, 9, 0 };
      double u = noise_uniform(&e), p = 1 / (1 + exp(-b.w[0][j]));
      ck_assert(want[i * D + j] == (u < p));
      ck_assert(z[i * D + j] == (u > 1 - p));
    }
  bare.icdf = NULL;
  ck_assert_int_eq(batch_sample(&loaded, &b.u, ROWS, D, rows, b.rows, z), ELBO_UNSUPPORTED);
}
END_TEST

START_TEST(moment)
{
  block b;
  float out[ROOM];
  fill(&b, "walk", 3);
  ck_assert_int_eq(batch_moment(&b.u, ELBO_VARIANCE, ROWS, D, b.rows, out), ELBO_UNDEFINED);
  ck_assert_int_eq(batch_moment(&b.u, ELBO_MEAN, ROWS, D, b.rows, out), ELBO_OK);
  for (int i = 0; i < ROWS * D * 3; i++)
    ck_assert_float_eq_tol(out[i], b.w[0][i % (D * 3)] + 0.5f, 1e-6);
  b.u = bound("span", 1);
  ck_assert_int_eq(batch_moment(&b.u, ELBO_MEAN, ROWS, D, b.rows, out), ELBO_UNSUPPORTED);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("dist/batch");
  TCase *t = tcase_create("batch");
  load();
  tcase_add_loop_test(t, log_prob, 0, FAMILIES);
  tcase_add_loop_test(t, kl, 0, (int)(sizeof pairs / sizeof *pairs));
  tcase_add_test(t, kl_of_either_side);
  tcase_add_loop_test(t, road, 0, ROADS);
  tcase_add_test(t, road_without_bulk);
  tcase_add_loop_test(t, road_refused, 0, (int)(sizeof refusals / sizeof *refusals));
  tcase_add_test(t, sample);
  tcase_add_test(t, moment);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
