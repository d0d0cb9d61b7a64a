/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encodings and imputations of models whose posterior is known. */
#include "run_fixture.h"

#include <unistd.h>

/* x = 2 z + 1 + 0.1 noise in each of two numbers, z standard normal: q is set to the exact
   posterior, normal of precision L = 1 + 2 * 2^2 / 0.1^2 = 801 and mean 200 (x1 - 1 + x2 - 1) / L.
 */
#define LINE                                                                                       \
  "name: line\nseed: 3\n"                                                                          \
  "data: {x: {builtin: pinwheel, rows: 60, test_rows: 40}}\n"                                      \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    z: {family: normal, size: 1}\n"                                                             \
  "    x: {family: normal, given: z, net: {hidden: []}, scale: 0.1}\n"                             \
  "  q:\n"                                                                                         \
  "    z: {family: normal, given: x, net: {hidden: []}}\n"                                         \
  "estimator: {name: sgvb_a}\n"                                                                    \
  "train: {epochs: 1, batch_size: 20}\n"

static const double precision = 801;

static void set_exact(const graph *g, float *params)
{
  for (int j = 0; j < 2; j++) {
    tensor_of(g, params, "p.x.head.loc.weight")[j] = 2;
    tensor_of(g, params, "p.x.head.loc.bias")[j] = 1;
    tensor_of(g, params, "q.z.head.loc.weight")[j] = (float)(200 / precision);
    tensor_of(g, params, "q.z.head.log_scale.weight")[j] = 0;
  }
  tensor_of(g, params, "q.z.head.loc.bias")[0] = (float)(-400 / precision);
  tensor_of(g, params, "q.z.head.log_scale.bias")[0] = (float)(-0.5 * log(precision));
}

#define ENCODE(first, from)                                                                        \
  &(elbo_encode_options)                                                                           \
  {                                                                                                \
    .size = sizeof(elbo_encode_options), .rows = first, .seed = from                               \
  }

static const elbo_named_array *found(const elbo_arrays *a, const char *name)
{
  const elbo_named_array *x = elbo_arrays_find(a, name);
  ck_assert_msg(x != NULL, "no array %s", name);
  return x;
}

START_TEST(test_encode)
{
  elbo_run *r = make_run(LINE, set_exact);
  const float *x = r->study->data[SPLIT_TEST][0].x.f32;
  elbo_arrays a;
  double off = 0;
  ck_assert_msg(!elbo_run_encode(r, ENCODE(0, 7), &a), "%s", elbo_last_error(context));
  const elbo_named_array *loc = found(&a, "z.loc"), *draw = found(&a, "z.sample");
  ck_assert(loc->rank == 2 && loc->dims[0] == 40 && loc->dims[1] == 1);
  for (size_t i = 0; i < 40; i++) {
    double mean = 200 * ((double)x[2 * i] + (double)x[2 * i + 1] - 2) / precision;
    ck_assert_double_eq_tol(loc->values[i], mean, 1e-5);
    ck_assert_double_eq_tol(found(&a, "z.scale")->values[i], sqrt(1 / precision), 1e-6);
    ck_assert_double_eq_tol(found(&a, "z.log_scale")->values[i], -0.5 * log(precision), 1e-6);
    off += precision * pow((double)draw->values[i] - mean, 2) / 40;
  }
  ck_assert_double_eq_tol(off, 1, 0.9); /* chi squared of 40 over 40: 0.22 is one deviation */
  ck_assert_ptr_nonnull(elbo_arrays_find(&a, "labels")); /* pinwheel has them */
  ck_assert_int_eq((int)found(&a, "labels")->rank, 1);
  ck_assert(!elbo_run_encode(r, ENCODE(3, 7), &a));
  ck_assert_uint_eq(found(&a, "z.loc")->dims[0], 3);
  elbo_run_free(r);
}
END_TEST

/* A vector family and a class beside it: shapes and plain forms. */
#define FORMS                                                                                      \
  "name: forms\nseed: 3\n"                                                                         \
  "data: {x: {builtin: pinwheel, rows: 60, test_rows: 40}}\n"                                      \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    z: {family: multivariate_normal, size: 2, dim: 3}\n"                                        \
  "    y: {family: categorical, size: 2, dim: 4}\n"                                                \
  "    x: {family: normal, given: [z, y], net: {hidden: [5]}}\n"                                   \
  "  q:\n"                                                                                         \
  "    z: {family: multivariate_normal, given: x, net: {hidden: []}}\n"                            \
  "    y: {family: categorical, given: x, net: {hidden: []}}\n"                                    \
  "estimator: {name: score}\n"                                                                     \
  "train: {epochs: 1, batch_size: 20}\n"

START_TEST(test_forms)
{
  elbo_run *r = make_run(FORMS, NULL);
  elbo_arrays a;
  ck_assert_msg(!elbo_run_encode(r, ENCODE(5, 1), &a), "%s", elbo_last_error(context));
  const elbo_named_array *probs = found(&a, "y.probs"), *square = found(&a, "z.scale_tril");
  ck_assert(probs->rank == 3 && probs->dims[0] == 5 && probs->dims[1] == 2 && probs->dims[2] == 4);
  for (size_t i = 0; i < 10; i++) {
    const float *p = probs->values + 4 * i, *w = found(&a, "y.logits")->values + 4 * i;
    ck_assert_double_eq_tol((double)p[0] + p[1] + p[2] + p[3], 1, 1e-6);
    ck_assert_double_eq_tol(log((double)p[3] / p[1]), (double)w[3] - w[1], 1e-5);
  }
  ck_assert(square->rank == 4 && square->dims[2] == 3 && square->dims[3] == 3);
  const float *w = found(&a, "z.scale_tril_unconstrained")->values, *s = square->values;
  ck_assert(s[1] == 0 && s[2] == 0 && s[5] == 0 && s[3] == w[1] && s[6] == w[3] && s[7] == w[4]);
  ck_assert_double_eq_tol(s[8], exp((double)w[5]), 1e-5);
  ck_assert_uint_eq(found(&a, "z.sample")->dims[2], 3);
  elbo_run_free(r);
}
END_TEST

/* Given x1, x2 is normal with mean 1 + 2 * 200 (x1 - 1) / 401: the chain's limit, since q is
 * exact. */
START_TEST(test_impute)
{
  elbo_run *r = make_run(LINE, set_exact);
  const uint8_t mask[2] = { 1, 0 };
  elbo_impute_options o = {
    .size = sizeof o, .iterations = 4000, .seed = 5, .mask = mask, .mask_rows = 1
  };
  elbo_imputation p;
  double square = 0, start = 0;
  ck_assert_msg(!elbo_run_impute(r, &o, &p), "%s", elbo_last_error(context));
  ck_assert(p.rows == 40 && p.numbers == 2 && p.missing == 40 && p.iterations == 4000);
  const float *truth = found(&p.arrays, "truth")->values, *x = found(&p.arrays, "imputed")->values;
  ck_assert_int_eq(memcmp(truth, r->study->data[SPLIT_TEST][0].x.f32, 80 * sizeof *truth), 0);
  for (size_t i = 0; i < 40; i++) {
    ck_assert_float_eq(x[2 * i], truth[2 * i]);
    ck_assert_double_eq_tol(x[2 * i + 1], 1 + 400 * ((double)truth[2 * i] - 1) / 401, 0.02);
    square += pow((double)x[2 * i + 1] - (double)truth[2 * i + 1], 2) / 40;
  }
  ck_assert_double_eq_tol(p.error_imputed, sqrt(square), 1e-6);
  ck_assert_double_eq_tol(p.error[4000], p.error_imputed, 0.1);
  start = p.error[0];
  o.iterations = 2, o.rows = 6;
  ck_assert(!elbo_run_impute(r, &o, &p));
  ck_assert(p.rows == 6 && p.error[0] != start && found(&p.arrays, "error")->dims[0] == 3);
  elbo_run_free(r);
}
END_TEST

START_TEST(test_masks)
{
  elbo_run *r = make_run(LINE, set_exact);
  elbo_impute_options o = { .size = sizeof o, .iterations = 2, .mask_file = in_folder("a.csv") };
  char path[128];
  strcpy(path, in_folder("a.csv"));
  o.mask_file = path;
  elbo_imputation p;
  write_text("a.csv", "1,0\n");
  ck_assert_msg(!elbo_run_impute(r, &o, &p), "%s", elbo_last_error(context));
  ck_assert_uint_eq(p.missing, 40);
  write_text("a.csv", "1\n0\n"); /* the shape of one row */
  ck_assert_msg(!elbo_run_impute(r, &o, &p), "%s", elbo_last_error(context));
  ck_assert_uint_eq(p.missing, 40);
  write_text("a.csv", "1,0\n1,1\n0,0\n");
  ck_assert_int_eq(elbo_run_impute(r, &o, &p), ELBO_E_DATA);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), "3 rows for 40"));
  o.rows = 3;
  ck_assert_msg(!elbo_run_impute(r, &o, &p), "%s", elbo_last_error(context));
  ck_assert_uint_eq(p.missing, 3);
  ck_assert_float_eq(found(&p.arrays, "mask")->values[4], 0);
  write_text("a.csv", "1,0,1\n");
  ck_assert_int_eq(elbo_run_impute(r, &o, &p), ELBO_E_DATA);
  write_text("a.csv", "1,0.5\n");
  ck_assert_int_eq(elbo_run_impute(r, &o, &p), ELBO_E_DATA);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), "0.5 at index 1"));
  o.mask_file = NULL;
  ck_assert_int_eq(elbo_run_impute(r, &o, &p), ELBO_E_USAGE);
  elbo_run_free(r);
}
END_TEST

typedef struct {
  double last;
  int calls, most;
} watch;

static bool enough(void *user)
{
  watch *w = user;
  return w->calls >= w->most;
}

static void count_calls(void *user, double fraction)
{
  watch *w = user;
  ck_assert(w->calls ? fraction > w->last : fraction == 0);
  ck_assert_double_lt(fraction, 1);
  w->last = fraction;
  w->calls++;
}

START_TEST(test_impute_stops)
{
  elbo_run *r = make_run(LINE, set_exact);
  const uint8_t mask[2] = { 1, 0 };
  watch w = { .most = 100 };
  elbo_impute_options o = { .size = sizeof o,
                            .iterations = 8,
                            .mask = mask,
                            .mask_rows = 1,
                            .stop = enough,
                            .progress = count_calls,
                            .user = &w };
  elbo_imputation p;
  ck_assert_msg(!elbo_run_impute(r, &o, &p), "%s", elbo_last_error(context));
  ck_assert_int_eq(w.calls, 8);
  w = (watch){ .most = 3 };
  ck_assert_int_eq(elbo_run_impute(r, &o, &p), ELBO_E_STOPPED);
  ck_assert_int_eq(w.calls, 3);
  /* A program compiled before there were the two is not asked. */
  o.size = offsetof(elbo_impute_options, stop);
  ck_assert(!elbo_run_impute(r, &o, &p));
  ck_assert_int_eq(w.calls, 3);
  elbo_run_free(r);
}
END_TEST

START_TEST(test_encode_stops)
{
  elbo_run *r = make_run(LINE, set_exact);
  watch w = { .most = 100 };
  elbo_encode_options o = { .size = sizeof o, .stop = enough, .progress = count_calls, .user = &w };
  elbo_arrays a;
  ck_assert_msg(!elbo_run_encode(r, &o, &a), "%s", elbo_last_error(context));
  ck_assert_int_ge(w.calls, 1);
  w = (watch){ .most = 0 };
  ck_assert_int_eq(elbo_run_encode(r, &o, &a), ELBO_E_STOPPED);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), "stopped after 0 of 40 rows"));
  ck_assert(!a.n && !a.arrays);
  o.size = 0;
  ck_assert_int_eq(elbo_run_encode(r, &o, &a), ELBO_E_USAGE);
  elbo_run_free(r);
}
END_TEST

/* Shapes tell that they don't fit: no number is read, and no file begun. */
START_TEST(test_npz_beyond_4_gib)
{
  static const float one[1] = { 1 };
  const char *path = in_folder("big.npz");
  elbo_named_array list[2] = {
    { .name = "z.loc", .values = one, .rank = 1, .dims = { 1 } },
    { .name = "z.scale_tril", .values = one, .rank = 3, .dims = { 1 << 20, 32, 32 } }
  };
  elbo_arrays a = { list, 2 };
  ck_assert_int_eq(elbo_arrays_write(context, &a, path), ELBO_E_USAGE);
  const char *words[] = { "big.npz", "2 arrays of 4.0 GiB", "\"z.scale_tril\" alone 4.0 GiB",
                          "less than 4 GiB", "fewer rows" };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    ck_assert_msg(strstr(elbo_last_error(context), words[i]) != NULL, "%s",
                  elbo_last_error(context));
  ck_assert_int_ne(access(path, F_OK), 0);
  list[1].dims[0] = SIZE_MAX; /* more bytes than can be counted */
  ck_assert_int_eq(elbo_arrays_write(context, &a, path), ELBO_E_USAGE);
  list[1] = list[0], list[1].name = "z.scale";
  ck_assert_msg(!elbo_arrays_write(context, &a, path), "%s", elbo_last_error(context));
  ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(test_files)
{
  elbo_run *r = make_run(LINE, set_exact);
  const uint8_t mask[2] = { 1, 0 };
  elbo_impute_options o = { .size = sizeof o, .iterations = 2, .mask = mask, .mask_rows = 1 };
  elbo_arrays a;
  elbo_imputation p;
  array back;
  error e = { 0 };
  ck_assert(!elbo_run_encode(r, ENCODE(0, 1), &a));
  ck_assert_msg(!elbo_encoding_write(context, &a, in_folder("a.npy")), "%s",
                elbo_last_error(context));
  ck_assert_msg(!array_read(in_folder("a.npy"), 0, &back, &e), "%s", e.text);
  ck_assert_int_eq(memcmp(back.f32, found(&a, "z.sample")->values, 40 * sizeof(float)), 0);
  array_free(&back);
  ck_assert_int_eq(elbo_encoding_write(context, &a, in_folder("a.svg")), ELBO_E_USAGE);
  ck_assert_int_eq(elbo_encoding_write(context, &a, in_folder("a.jpg")), ELBO_E_USAGE);
  ck_assert_ptr_nonnull(strstr(elbo_last_error(context), ".npz (parameters"));
  ck_assert(!elbo_run_impute(r, &o, &p));
  ck_assert(!elbo_imputation_write(context, &p, in_folder("a.svg")));
  ck_assert_int_eq(elbo_imputation_write(context, &p, in_folder("a.png")), ELBO_E_USAGE);
  elbo_run_free(r);
}
END_TEST

/* ---- inputs that are given: x is y itself */
#define CONDITIONAL                                                                                \
  "name: conditional\nseed: 3\n"                                                                   \
  "data: {x: {train: x.csv}, y: {train: x.csv, prepare: {standardize: true}}}\n"                   \
  "model:\n"                                                                                       \
  "  p:\n"                                                                                         \
  "    z: {family: normal, size: 1}\n"                                                             \
  "    x: {family: normal, given: [z, y], net: {hidden: []}}\n"                                    \
  "  q:\n"                                                                                         \
  "    z: {family: normal, given: [x, y], net: {hidden: []}}\n"                                    \
  "train: {epochs: 1, batch_size: 2}\n"

static void set_copy(const graph *g, float *params)
{
  static const float w[] = { 0, 1, 0, 0, 0, 1 };
  memcpy(tensor_of(g, params, "p.x.head.loc.weight"), w, sizeof w);
  memset(tensor_of(g, params, "p.x.head.loc.bias"), 0, 2 * sizeof(float));
}

START_TEST(test_given)
{
  char path[128], given[160];
  strcpy(path, in_folder("x.csv"));
  write_text("x.csv", "1,10\n3,20\n5,60\n"); /* means 3, 30; deviations sqrt(8/3), sqrt(1400/3) */
  elbo_run *r = make_run(CONDITIONAL, set_copy);
  elbo_array a;
  write_text("a.csv", "3,30\n6,51.602469\n");
  snprintf(given, sizeof given, "y=%s", in_folder("a.csv"));
  const char *pairs[] = { given, NULL };
  ck_assert_msg(!elbo_run_give(r, pairs), "%s", elbo_last_error(context));
  ck_assert_msg(!elbo_run_sample(r, 3, 1, false, &a), "%s", elbo_last_error(context));
  for (int i = 0; i < 3; i += 2) /* the third row is the first again */
    ck_assert(fabsf(a.values[2 * i]) < 1e-6f && fabsf(a.values[2 * i + 1]) < 1e-6f);
  ck_assert_double_eq_tol(a.values[2], 3 / sqrt(8.0 / 3), 1e-5);
  ck_assert_double_eq_tol(a.values[3], 1, 1e-5);
  ck_assert(!elbo_run_give(r, NULL) && !elbo_run_sample(r, 1, 1, false, &a));
  ck_assert_double_eq_tol(a.values[0], -2 / sqrt(8.0 / 3), 1e-5);
  const char *wrong[][2] = { { "x=a.csv" }, { "w=a.csv" }, { "y" } };
  for (int i = 0; i < 2; i++) ck_assert_int_eq(elbo_run_give(r, wrong[i]), ELBO_E_USAGE);
  write_text("a.csv", "1,2,3\n");
  ck_assert_int_eq(elbo_run_give(r, pairs), ELBO_E_DATA);
  elbo_run_free(r);
  unlink(path);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("run_encode");
  TCase *c = tcase_create("run_encode");
  tcase_add_checked_fixture(c, fixture_start, fixture_end);
  tcase_set_timeout(c, 60);
  tcase_add_test(c, test_encode);
  tcase_add_test(c, test_forms);
  tcase_add_test(c, test_impute);
  tcase_add_test(c, test_impute_stops);
  tcase_add_test(c, test_encode_stops);
  tcase_add_test(c, test_npz_beyond_4_gib);
  tcase_add_test(c, test_masks);
  tcase_add_test(c, test_files);
  tcase_add_test(c, test_given);
  suite_add_tcase(s, c);
  SRunner *all = srunner_create(s);
  srunner_run_all(all, CK_NORMAL);
  int failed = srunner_ntests_failed(all);
  srunner_free(all);
  return failed != 0;
}
