/* SPDX-License-Identifier: GPL-3.0-or-later */
/* That what is timed is what it says; the times themselves only that they are there. */
#include "study_fixture.h"

static const char *const small[] = { "data.x.rows=120", "train.batch_size=20", NULL };

static const char *example(const char *name)
{
  static char path[512];
  snprintf(path, sizeof path, SOURCE_DIR "/docs/examples/%s.yaml", name);
  return path;
}

START_TEST(data_are_read_again)
{
  elbo_experiment *x;
  elbo_bench_load data[ELBO_BENCH_VARIABLES];
  size_t n;
  ck_assert(!elbo_experiment_open(context, example("linear_gaussian"), small, &x));
  ck_assert_msg(!elbo_bench_load_data(x, data, &n), "%s", elbo_last_error(context));
  ck_assert_uint_eq(n, 1);
  ck_assert_uint_eq(data->rows, 120);
  ck_assert_uint_eq(data->bytes, 120 * data->numbers * sizeof(float));
  ck_assert_uint_eq(data->batch, 20);
  ck_assert(!data->file && data->read_ms > 0 && data->facts_ms > 0 && data->batch_ms >= 0);
  elbo_experiment_free(x);
}
END_TEST

START_TEST(families)
{
  elbo_bench_family f;
  ck_assert(!elbo_bench_family_cost(context, "normal", &f));
  ck_assert(f.kernel && f.fast_draw && f.K == 1);
  ck_assert(f.f32.log_prob > 0 && f.f32.draw > 0);
#ifdef __OPTIMIZE__ /* else no loop takes several numbers at once */
  ck_assert(f.f32.log_prob < f.f64.log_prob && f.f32.draw < f.f64.draw);
#endif
  ck_assert(!elbo_bench_family_cost(context, "cauchy", &f));
  ck_assert(!f.kernel && f.f32.gradient > 0);
  ck_assert(!elbo_bench_family_cost(context, "dirichlet", &f)); /* refuses a dimension of 1 */
  ck_assert_int_gt(f.K, 1);
  ck_assert_int_eq(elbo_bench_family_cost(context, "gama", &f), ELBO_E_USAGE);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), "gamma"));
}
END_TEST

static int asked;
static bool stop_at_once(void *user)
{
  (void)user;
  return ++asked == 2;
}

START_TEST(scale_along_every_size)
{
  static elbo_bench_axis a[ELBO_BENCH_AXES];
  elbo_bench_scale_options o = { .size = sizeof o, .rounds = 1, .steps = 2 };
  const double want[ELBO_BENCH_AXES][ELBO_BENCH_POINTS] = {
    { 15, 30, 60, 120 },
    { 5, 10, 20, 40, 80 },
    { 2, 4, 8, 16, 32 },
    { 1, 2, 4, 8, 16 },
    { 0 },
    { 1, 2 },
  };
  const char *file = example("linear_gaussian");
  ck_assert_msg(!elbo_bench_scale(context, file, small, &o, a), "%s", elbo_last_error(context));
  for (int i = 0; i < ELBO_BENCH_AXES; i++)
    for (size_t k = 0; k < ELBO_BENCH_POINTS; k++) {
      /* N = 15 is less than a batch: refused, and said */
      size_t from = i == 0 ? k + 1 : k;
      double expected = from < ELBO_BENCH_POINTS ? want[i][from] : 0;
      ck_assert_double_eq(k < a[i].n ? a[i].points[k].value : 0, expected);
      ck_assert(k >= a[i].n || a[i].points[k].ms > 0);
    }
  ck_assert_msg(strstr(a[0].reason, "batch_size"), "%s", a[0].reason);
  ck_assert_msg(strstr(a[4].reason, "no such size"), "%s", a[4].reason); /* it has no networks */
  ck_assert(isfinite(a[1].exponent) && isnan(a[5].exponent));

  const char *written[] = { "plots/scale.svg", "plots/scale_N.svg", "plots/scale_threads.svg" };
  ck_assert(!elbo_bench_scale_write(context, "a title", a, in_folder("plots")));
  for (size_t k = 0; k < 3; k++) ck_assert(file_exists(in_folder(written[k])));
  ck_assert(!file_exists(in_folder("plots/scale_width.svg")));

  o.stop = stop_at_once;
  ck_assert_int_eq(elbo_bench_scale(context, file, small, &o, a), ELBO_E_STOPPED);
  ck_assert_int_eq(asked, 2);
}
END_TEST

/* Where the cost is known, so is the exponent: an epoch of N rows is N steps of one. */
START_TEST(exponents)
{
  static elbo_bench_axis a[ELBO_BENCH_AXES];
  elbo_bench_scale_options o = { .size = sizeof o, .rounds = 1, .steps = 50 };
  const char *const set[] = { "data.x.rows=40000", "train.batch_size=1", NULL };
  ck_assert_msg(!elbo_bench_scale(context, example("linear_gaussian"), set, &o, a), "%s",
                elbo_last_error(context));
  ck_assert_uint_eq(a[0].n, 4);
  ck_assert_msg(fabs(a[0].exponent - 1) < 0.5, "N^%g +- %g", a[0].exponent, a[0].exponent_se);
  ck_assert(a[0].exponent_se >= 0);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("bench");
  TCase *c = tcase_create("bench");
  tcase_set_timeout(c, 60);
  tcase_add_checked_fixture(c, fixture_start, fixture_end);
  tcase_add_test(c, data_are_read_again);
  tcase_add_test(c, families);
  tcase_add_test(c, scale_along_every_size);
  tcase_add_test(c, exponents);
  suite_add_tcase(s, c);
  return run_suite(s);
}
