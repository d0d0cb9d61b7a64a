/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The backends: every pair of transpositions against a sum in double, odd sizes and leading
 * dimensions; where the product comes from. */
#include "plugins.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static const char *const names[] = { "openblas", "reference" };
static const elbo_backend *open_backend(const char *name)
{
  const elbo_plugin *p = open_plugin("backend", name);
  ck_assert_ptr_nonnull(p);
  ck_assert_uint_eq(p->kind, ELBO_KIND_BACKEND);
  const elbo_backend *b = p->table;
  if (b->start) ck_assert_int_eq(b->start(&test_host), ELBO_OK);
  return b;
}

enum { M = 19, N = 71, K = 33, LD = 80 };

START_TEST(products)
{
  static float a[LD * LD], b[LD * LD], c[M * LD], before[M * LD];
  const elbo_backend *blas = open_backend(names[_i / 4]);
  int ta = _i & 1, tb = _i / 2 & 1;
  for (int i = 0; i < LD * LD; i++) {
    a[i] = (float)((i * 37) % 101 - 50) / 50;
    b[i] = (float)((i * 53) % 97 - 48) / 50;
  }
  for (int pass = 0; pass < 2; pass++) {
    float alpha = pass ? 0.5f : 1, beta = pass ? 2 : 0;
    for (int i = 0; i < M * LD; i++)
      before[i] = c[i] = pass ? (float)(i % 13) : NAN; /* beta = 0 overwrites */
    blas->sgemm(ta, tb, M, N, K, alpha, a, LD, b, LD, beta, c, LD);
    for (int i = 0; i < M; i++)
      for (int j = 0; j < LD; j++) {
        double sum = 0;
        for (int k = 0; k < K; k++)
          sum +=
              (double)(ta ? a[k * LD + i] : a[i * LD + k]) * (tb ? b[j * LD + k] : b[k * LD + j]);
        if (j < N)
          ck_assert_double_le(
              fabs(c[i * LD + j] - (alpha * sum + (pass ? beta * before[i * LD + j] : 0))), 1e-4);
        else
          ck_assert_mem_eq(&c[i * LD + j], &before[i * LD + j], sizeof *c);
      }
  }
}
END_TEST

/* GSL, which this program links, brings a slow cblas_sgemm: the plugin's product must come from
   OpenBLAS. */
START_TEST(openblas_is_openblas)
{
  char path[1024], text[128];
  snprintf(path, sizeof path, "%s/backend/openblas.so", plugin_dir);
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  ck_assert_ptr_nonnull(so);
  Dl_info at;
  ck_assert_int_ne(dladdr(dlsym(so, "sgemm_"), &at), 0);
  ck_assert_msg(strstr(at.dli_fname, "blas") && !strstr(at.dli_fname, "gslcblas"),
                "sgemm_ is from %s", at.dli_fname);
  ck_assert_ptr_eq(dlsym(dlopen(at.dli_fname, RTLD_NOW | RTLD_NOLOAD), "openblas_get_config"),
                   dlsym(so, "openblas_get_config"));
  const elbo_backend *b = open_backend("openblas");
  b->describe(text, sizeof text);
  ck_assert_msg(!strncmp(text, "OpenBLAS 0.", 11) && strlen(text) > 14, "describe says: %s", text);
  int (*threads)(void) = dlsym(so, "openblas_get_num_threads");
  ck_assert_int_eq(threads(), 1);
}
END_TEST

START_TEST(advice_on_the_environment)
{
  char text[256];
  const elbo_backend *b = open_backend("openblas");
  unsetenv("OPENBLAS_CORETYPE");
  unsetenv("OPENBLAS_L2_SIZE");
  b->advice(text, sizeof text);
  ck_assert_str_eq(text, "");
  setenv("OPENBLAS_CORETYPE", "Haswell", 1);
  b->advice(text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "OPENBLAS_CORETYPE in the environment sets"));
  ck_assert_ptr_nonnull(strstr(text, "1.4 to 1.8"));
}
END_TEST

int main(void)
{
  num_start();
  Suite *s = suite_create("backends");
  TCase *c = tcase_create("sgemm");
  tcase_add_loop_test(c, products, 0, 8);
  tcase_add_test(c, openblas_is_openblas);
  tcase_add_test(c, advice_on_the_environment);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
