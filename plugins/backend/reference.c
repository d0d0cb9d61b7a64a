/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Matrix products in plain C, for tests: k in order, every element of C summed in the same way
 * wherever it stands. */
#include <elbo/plugin.h>
#include <stdio.h>

enum { BLOCK = 64 }; /* columns of C that stay in the first cache while k runs */

static void product(int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                    const float *b, int ldb, float beta, float *c, int ldc)
{
  for (int i = 0; i < m; i++)
    for (int j0 = 0; j0 < n; j0 += BLOCK) {
      float sum[BLOCK] = { 0 };
      int width = n - j0 < BLOCK ? n - j0 : BLOCK;
      for (int p = 0; p < k; p++) {
        float s = ta ? a[(size_t)p * lda + i] : a[(size_t)i * lda + p];
        for (int j = 0; j < width; j++)
          sum[j] += s * (tb ? b[(size_t)(j0 + j) * ldb + p] : b[(size_t)p * ldb + j0 + j]);
      }
      float *row = c + (size_t)i * ldc + j0;
      for (int j = 0; j < width; j++) row[j] = alpha * sum[j] + (beta == 0 ? 0 : beta * row[j]);
    }
}

static void describe(char *text, size_t n)
{
  snprintf(text, n, "plain C");
}

static const elbo_backend reference = {
  .size = sizeof(elbo_backend),
  .name = "reference",
  .summary = "plain C, for tests",
  .sgemm = product,
  .describe = describe,
};
ELBO_PLUGIN(ELBO_KIND_BACKEND, reference);
