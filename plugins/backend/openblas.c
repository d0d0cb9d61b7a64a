/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Matrix products by OpenBLAS. Its Fortran symbol is called, which libgslcblas lacks: the host
 * loads GSL and with it a cblas_sgemm that would be found first and is slow. Fortran's matrices
 * are column-major, so C' = op(B)' op(A)' is asked for. */
#include <elbo/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

extern void sgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
                   const float *alpha, const float *a, const int *lda, const float *b,
                   const int *ldb, const float *beta, float *c, const int *ldc);
extern void openblas_set_num_threads(int n);
extern char *openblas_get_config(void);
extern char *openblas_get_corename(void);

static void product(int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                    const float *b, int ldb, float beta, float *c, int ldc)
{
  sgemm_(tb ? "T" : "N", ta ? "T" : "N", &n, &m, &k, &alpha, b, &ldb, a, &lda, &beta, c, &ldc);
}

/* The configuration begins with "OpenBLAS 0.3.21 ..". */
static void describe(char *text, size_t n)
{
  char version[32] = "";
  sscanf(openblas_get_config(), "OpenBLAS %31s", version);
  snprintf(text, n, "OpenBLAS %s %s", version, openblas_get_corename());
}

static void advice(char *text, size_t n)
{
  const char *core = getenv("OPENBLAS_CORETYPE"), *l2 = getenv("OPENBLAS_L2_SIZE");
  if (n) text[0] = 0;
  if (!core && !l2) return;
  snprintf(text, n,
           "%s%s%s in the environment set%s OpenBLAS' kernels or blocking; where they do not fit "
           "the CPU, products take 1.4 to 1.8 "
           "times as long: unset %s",
           core ? "OPENBLAS_CORETYPE" : "", core && l2 ? " and " : "", l2 ? "OPENBLAS_L2_SIZE" : "",
           core && l2 ? "" : "s", core && l2 ? "them" : "it");
}

/* OpenBLAS 0.3.21 waits for ever for a buffer that the limit of the address space refuses it; one
 * is taken by each thread, at its first product, when data and parameters have their room
 * already. */
static int room_for_buffers(void)
{
  const size_t needed = (size_t)512 << 20;
  void *at = mmap(NULL, needed, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return 0;
  munmap(at, needed);
  return 1;
}

static elbo_rc start(const elbo_host *host)
{
  (void)host;
  if (!room_for_buffers()) return ELBO_FAILED;
  openblas_set_num_threads(1);
  return ELBO_OK;
}

static const elbo_backend openblas = {
  .size = sizeof(elbo_backend),
  .name = "openblas",
  .summary = "OpenBLAS on the calling thread",
  .sgemm = product,
  .describe = describe,
  .advice = advice,
  .start = start,
};
ELBO_PLUGIN(ELBO_KIND_BACKEND, openblas);
