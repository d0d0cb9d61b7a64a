/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run_fixture.h"

/* x = 2 z + 1 + 0.1 noise in each of two numbers, z standard normal: every answer is known. */
#define PLANE_BY(PRIOR, SIZE, Q)                                                                   \
  "name: plane\nseed: 3\n"                                                                         \
  "data: {x: {builtin: pinwheel, rows: 60, test_rows: 40}}\n"                                      \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    z: {" PRIOR ", size: " SIZE "}\n"                                                           \
  "    x: {family: normal, given: z, net: {hidden: []}, scale: 0.1}\n"                             \
  "  q:\n"                                                                                         \
  "    z: {family: " Q ", given: x, net: {hidden: []}}\n"                                          \
  "estimator: {name: sgvb_a}\n"                                                                    \
  "train: {epochs: 1, batch_size: 20}\n"

#define PLANE(PRIOR, SIZE) PLANE_BY(PRIOR, SIZE, "normal")

static void set_plane(const graph *g, float *params)
{
  static const float w[4] = { 2, 0, 0, 2 };
  memcpy(tensor_of(g, params, "p.x.head.loc.weight"), w, sizeof w);
  for (int j = 0; j < 2; j++) tensor_of(g, params, "p.x.head.loc.bias")[j] = 1;
}

static void set_line(const graph *g, float *params)
{
  for (int j = 0; j < 2; j++) {
    tensor_of(g, params, "p.x.head.loc.weight")[j] = 2;
    tensor_of(g, params, "p.x.head.loc.bias")[j] = 1;
  }
}

static double normal_quantile(double u)
{
  double low = -10, high = 10;
  for (int i = 0; i < 100; i++) {
    double middle = 0.5 * (low + high);
    if (0.5 * erfc(-middle / sqrt(2)) < u)
      low = middle;
    else
      high = middle;
  }
  return low;
}

START_TEST(test_sample)
{
  elbo_run *r = make_run(PLANE("family: normal", "2"), set_plane);
  elbo_array a;
  double mean = 0, square = 0;
  float first[6];
  ck_assert_msg(!elbo_run_sample(r, 2500, 4, false, &a), "%s", elbo_last_error(context));
  ck_assert(a.rows == 2500 && a.numbers == 2 && a.height == 0);
  for (size_t i = 0; i < 5000; i++)
    mean += (double)a.values[i] / 5000, square += pow((double)a.values[i] - 1, 2) / 5000;
  ck_assert_double_eq_tol(mean, 1, 0.12);
  ck_assert_double_eq_tol(square, 4, 0.35);
  memcpy(first, a.values, sizeof first);
  ck_assert(!elbo_run_sample(r, 3, 4, true, &a));
  for (int i = 0; i < 6; i++) {
    ck_assert_float_ne(a.values[i], first[i]);
    ck_assert_float_eq_tol(a.values[i], first[i], 0.6f); /* six standard deviations of x given z */
  }
  ck_assert(!elbo_run_sample(r, 3, 5, false, &a));
  ck_assert_float_ne(a.values[0], first[0]);
  ck_assert_int_eq(elbo_run_sample(r, 0, 5, false, &a), ELBO_E_USAGE);
  elbo_run_free(r);
}
END_TEST

/* q is set to the exact inverse with almost no spread, so that a reconstruction is its original. */
static void set_inverse(const graph *g, float *params)
{
  set_plane(g, params);
  static const float w[4] = { 0.5f, 0, 0, 0.5f }, none[4] = { 0 };
  memcpy(tensor_of(g, params, "q.z.head.loc.weight"), w, sizeof w);
  memcpy(tensor_of(g, params, "q.z.head.log_scale.weight"), none, sizeof none);
  for (int j = 0; j < 2; j++) {
    tensor_of(g, params, "q.z.head.loc.bias")[j] = -0.5f;
    tensor_of(g, params, "q.z.head.log_scale.bias")[j] = -10;
  }
}

START_TEST(test_reconstruct)
{
  elbo_run *r = make_run(PLANE("family: normal", "2"), set_inverse);
  const float *x = r->study->data[SPLIT_TEST][0].x.f32;
  elbo_array a;
  ck_assert_msg(!elbo_run_reconstruct(r, 7, 1, &a), "%s", elbo_last_error(context));
  ck_assert_uint_eq(a.rows, 14);
  for (size_t i = 0; i < 7; i++)
    for (size_t j = 0; j < 2; j++) {
      ck_assert_float_eq(a.values[4 * i + j], x[2 * i + j]);
      ck_assert_float_eq_tol(a.values[4 * i + 2 + j], x[2 * i + j], 2e-3f);
    }
  ck_assert(!elbo_run_reconstruct(r, 1000, 1, &a));
  ck_assert_uint_eq(a.rows, 80);
  elbo_run_free(r);
}
END_TEST

START_TEST(test_traverse)
{
  elbo_run *r = make_run(PLANE("family: normal, loc: 3, scale: 0.5", "2"), set_plane);
  elbo_array a;
  ck_assert_msg(!elbo_run_traverse(r, 5, 0, 1, &a), "%s", elbo_last_error(context));
  ck_assert_uint_eq(a.rows, 25);
  for (size_t row = 0; row < 25; row++) {
    double z0 = 3 + 0.5 * normal_quantile(((double)(row % 5) + 0.5) / 5);
    double z1 = 3 + 0.5 * normal_quantile(((double)(row / 5) + 0.5) / 5);
    ck_assert_double_eq_tol(a.values[2 * row], 1 + 2 * z0, 1e-5);
    ck_assert_double_eq_tol(a.values[2 * row + 1], 1 + 2 * z1, 1e-5);
  }
  ck_assert_int_eq(elbo_run_traverse(r, 5, 0, 2, &a), ELBO_E_USAGE);
  ck_assert_int_eq(elbo_run_traverse(r, 5, 2, 2, &a), ELBO_E_USAGE);
  ck_assert_int_eq(elbo_run_traverse(r, 0, 0, 1, &a), ELBO_E_USAGE);
  elbo_run_free(r);
}
END_TEST

START_TEST(test_traverse_a_line)
{
  elbo_run *r = make_run(PLANE("family: normal, loc: learn", "1"), set_line);
  elbo_array a;
  ck_assert_msg(!elbo_run_traverse(r, 9, 0, 0, &a), "%s", elbo_last_error(context));
  ck_assert_uint_eq(a.rows, 9);
  for (size_t i = 0; i < 9; i++)
    ck_assert_double_eq_tol(a.values[2 * i], 1 + 2 * normal_quantile(((double)i + 0.5) / 9), 1e-5);
  elbo_run_free(r);
}
END_TEST

/* A prior whose values are worked with in log form: Gamma(1, rate 1) has the quantile -log(1 -
 * u). */
START_TEST(test_traverse_in_log_form)
{
  elbo_run *r = make_run(PLANE_BY("family: gamma", "1", "gamma"), set_line);
  elbo_array a;
  ck_assert_msg(!elbo_run_traverse(r, 6, 0, 0, &a), "%s", elbo_last_error(context));
  for (size_t i = 0; i < 6; i++)
    ck_assert_double_eq_tol(a.values[2 * i], 1 - 2 * log1p(-((double)i + 0.5) / 6), 1e-5);
  elbo_run_free(r);
}
END_TEST

/* A latent with parents: quantiles of its marginal N(0, 1 + 1), from draws. */
#define CHAIN                                                                                      \
  "name: chain\nseed: 3\n"                                                                         \
  "data: {x: {builtin: pinwheel, rows: 60, test_rows: 40}}\n"                                      \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    y: {family: normal, size: 1}\n"                                                             \
  "    z: {family: normal, size: 1, given: y, net: {hidden: []}, scale: 1}\n"                      \
  "    x: {family: normal, given: z, net: {hidden: []}, scale: 0.1}\n"                             \
  "  q:\n"                                                                                         \
  "    z: {family: normal, given: x, net: {hidden: []}}\n"                                         \
  "    y: {family: normal, given: z, net: {hidden: []}}\n"                                         \
  "estimator: {name: sgvb_a}\n"                                                                    \
  "train: {epochs: 1, batch_size: 20}\n"

static void set_chain(const graph *g, float *params)
{
  set_line(g, params);
  tensor_of(g, params, "p.z.head.loc.weight")[0] = 1;
  tensor_of(g, params, "p.z.head.loc.bias")[0] = 0;
}

START_TEST(test_traverse_a_chain)
{
  elbo_run *r = make_run(CHAIN, set_chain);
  elbo_array a;
  ck_assert_msg(!elbo_run_traverse(r, 3, 0, 1, &a), "%s", elbo_last_error(context));
  for (size_t row = 0; row < 9; row++) {
    double z = sqrt(2) * normal_quantile(((double)(row / 3) + 0.5) / 3);
    ck_assert_double_eq_tol(a.values[2 * row], 1 + 2 * z, 0.3);
  }
  /* a line along y alone: z is E[z|y] = y */
  size_t first, numbers;
  ck_assert(!elbo_run_latent(r, "y", &first, &numbers) && first == 0 && numbers == 1);
  ck_assert_msg(!elbo_run_traverse(r, 5, 0, 0, &a), "%s", elbo_last_error(context));
  ck_assert_uint_eq(a.rows, 5);
  for (size_t i = 0; i < 5; i++)
    ck_assert_double_eq_tol(a.values[2 * i], 1 + 2 * normal_quantile(((double)i + 0.5) / 5), 1e-5);
  ck_assert(!elbo_run_latent(r, "z", &first, &numbers) && first == 1 && numbers == 1);
  ck_assert_int_eq(elbo_run_latent(r, "zz", &first, &numbers), ELBO_E_USAGE);
  elbo_run_free(r);
}
END_TEST

#define DIGITS                                                                                     \
  "name: digits\nseed: 2\n"                                                                        \
  "data: {x: {builtin: digits, rows: 100, test_rows: 30, prepare: {scale: 255}}}\n"                \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    z: {family: normal, size: 2}\n"                                                             \
  "    x: {family: continuous_bernoulli, given: z, net: {hidden: [4]}}\n"                          \
  "  q:\n"                                                                                         \
  "    z: {family: normal, given: x, net: {hidden: [4]}}\n"                                        \
  "train: {epochs: 1, batch_size: 50}\n"

START_TEST(test_write)
{
  elbo_run *r = make_run(DIGITS, NULL);
  elbo_array a;
  size_t numbers, height, width;
  ck_assert_str_eq(elbo_run_name(r), "digits");
  ck_assert(!elbo_run_shape(r, NULL, &numbers, &height, &width));
  ck_assert(numbers == 784 && height == 28 && width == 28);
  ck_assert_int_eq(elbo_run_shape(r, "y", &numbers, &height, &width), ELBO_E_USAGE);
  ck_assert(!elbo_run_sample(r, 10, 1, false, &a));
  ck_assert(a.height == 28 && a.width == 28 && a.low == 0 && a.high == 1);
  ck_assert_msg(!elbo_array_write(context, &a, in_folder("a.png"), 5), "%s",
                elbo_last_error(context));
  ck_assert_msg(!elbo_array_write(context, &a, in_folder("a.npy"), 0), "%s",
                elbo_last_error(context));
  array back;
  error e = { 0 };
  ck_assert_msg(!array_read(in_folder("a.npy"), 0, &back, &e), "%s", e.text);
  ck_assert(back.rows == 10 && back.rank == 2 && back.dims[0] == 28);
  ck_assert_int_eq(memcmp(back.f32, a.values, 7840 * sizeof(float)), 0);
  array_free(&back);
  ck_assert_int_eq(elbo_array_write(context, &a, in_folder("a.svg"), 0), ELBO_E_USAGE);
  ck_assert_int_eq(elbo_array_write(context, &a, in_folder("a.jpg"), 0), ELBO_E_USAGE);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), ".npy"));
  elbo_array points = { .values = a.values, .rows = 100, .numbers = 2 };
  ck_assert_msg(!elbo_array_write(context, &points, in_folder("a.svg"), 0), "%s",
                elbo_last_error(context));
  ck_assert_int_eq(elbo_array_write(context, &points, in_folder("a.png"), 0), ELBO_E_USAGE);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), "shape"));
  elbo_run_free(r);
}
END_TEST

START_TEST(test_inspect)
{
  elbo_data_info info;
  ck_assert_msg(!elbo_data_inspect(context, "builtin:digits", NULL, &info), "%s",
                elbo_last_error(context));
  ck_assert_str_eq(info.kind, "builtin");
  ck_assert_str_eq(info.type, "u8");
  ck_assert(info.rows == 1000 && info.numbers == 784 && info.rank == 2 && info.shape[1] == 28);
  ck_assert(info.low == 0 && info.high == 255 && info.integers && !info.binary);
  ck_assert_ptr_nonnull(strstr(info.families, "normal"));
  ck_assert_ptr_null(strstr(info.families, "bernoulli"));
  write_text("a.csv", "0,1\n1,1\n0,1\n");
  ck_assert_msg(!elbo_data_inspect(context, in_folder("a.csv"), NULL, &info), "%s",
                elbo_last_error(context));
  ck_assert_str_eq(info.kind, "csv");
  ck_assert(info.rows == 3 && info.numbers == 2 && info.binary && info.constant_columns == 1);
  ck_assert_double_eq_tol(info.mean, 4.0 / 6, 1e-12);
  ck_assert_str_eq(info.support, "0 or 1");
  ck_assert_ptr_nonnull(strstr(info.families, "bernoulli"));
  write_text("a.csv", "length,kind,width\n1,oak,2\n3,elm,4\n");
  ck_assert_int_eq(elbo_data_inspect(context, in_folder("a.csv"), NULL, &info), ELBO_E_DATA);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), "columns"));
  ck_assert_msg(!elbo_data_inspect(context, in_folder("a.csv"), "width,1", &info), "%s",
                elbo_last_error(context));
  ck_assert(info.rows == 2 && info.numbers == 2 && info.low == 1 && info.high == 4);
  static const char *const wrong[] = { "", "width,", "0", "4", "width,width", "1,length", "widht" };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    ck_assert_int_ne(elbo_data_inspect(context, in_folder("a.csv"), wrong[i], &info), ELBO_DONE);
  ck_assert_int_ne(elbo_data_inspect(context, "builtin:digits", "1", &info), ELBO_DONE);
  ck_assert_int_ne(elbo_data_inspect(context, in_folder("none"), NULL, &info), ELBO_DONE);
  ck_assert_int_ne(elbo_data_inspect(context, "builtin:digit", NULL, &info), ELBO_DONE);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), "digits"));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("run_pictures");
  TCase *c = tcase_create("run_pictures");
  tcase_add_checked_fixture(c, fixture_start, fixture_end);
  tcase_set_timeout(c, 60);
  tcase_add_test(c, test_sample);
  tcase_add_test(c, test_reconstruct);
  tcase_add_test(c, test_traverse);
  tcase_add_test(c, test_traverse_a_line);
  tcase_add_test(c, test_traverse_in_log_form);
  tcase_add_test(c, test_traverse_a_chain);
  tcase_add_test(c, test_write);
  tcase_add_test(c, test_inspect);
  suite_add_tcase(s, c);
  SRunner *run_all = srunner_create(s);
  srunner_run_all(run_all, CK_NORMAL);
  int failed = srunner_ntests_failed(run_all);
  srunner_free(run_all);
  return failed != 0;
}
