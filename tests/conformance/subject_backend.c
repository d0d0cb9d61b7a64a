/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A right backend and wrong ones. */
#include <elbo/plugin.h>
#include <string.h>

enum { W_NOTHING, W_descriptor, W_product, W_strides, W_scales, W_threads, W_guard_pages };
#ifndef WRONG
#define WRONG W_NOTHING
#endif
#define IS(NAME) (WRONG == W_##NAME)

static int calls; /* what no plugin may have */

static void sgemm(int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                  const float *b, int ldb, float beta, float *c, int ldc)
{
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      double sum = IS(threads) ? 1e-3 * (calls++ % 1000) : 0;
      for (int p = 0; p < k; p++)
        sum += (double)(ta ? a[p * lda + i] : a[i * lda + p]) *
               (double)(tb ? b[j * ldb + p] : b[p * ldb + j]);
      float *to = &c[i * ldc + j];
      *to = (float)((double)alpha * sum) +
            (beta == 0 && !IS(product) ? 0 : (IS(scales) ? -beta : beta) * *to);
      if (IS(strides) && j == n - 1 && ldc > n) to[1] = 0;
      if (IS(guard_pages) && i == m - 1 && j == n - 1) to[1] = 0;
    }
}

static void describe(char *text, size_t n)
{
  if (n) text[0] = 0;
  if (!IS(descriptor)) strncat(text, "plain C", n ? n - 1 : 0);
}

static const elbo_backend subject = {
  .size = sizeof(elbo_backend),
  .name = "subject",
  .summary = "a backend to be judged",
  .sgemm = sgemm,
  .describe = describe,
};
ELBO_PLUGIN(ELBO_KIND_BACKEND, subject);
