/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Properties of a backend: products against plain sums in double. */
#include "check/inside.h"
#include "base/clock.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int ta, tb, m, n, k, more; /* more: of each leading dimension beyond its least */
  float alpha, beta;
} product;

typedef struct {
  float *a, *b, *c, *before;
  int lda, ldb, ldc;
  size_t na, nb, nc;
} matrices;

static const elbo_backend *backend_of(const trial *t)
{
  return t->plugin->info.table;
}

static float number(uint32_t seed, uint32_t i)
{
  elbo_noise e = check_noise(seed, i);
  return (float)noise_normal(&e);
}

static bool matrices_new(trial *t, const product *p, matrices *x)
{
  x->lda = (p->ta ? p->m : p->k) + p->more;
  x->ldb = (p->tb ? p->k : p->n) + p->more;
  x->ldc = p->n + p->more;
  x->na = (size_t)x->lda * (size_t)(p->ta ? p->k : p->m);
  x->nb = (size_t)x->ldb * (size_t)(p->tb ? p->n : p->k);
  x->nc = (size_t)x->ldc * (size_t)p->m;
  x->a = malloc(x->na * sizeof(float));
  x->b = malloc(x->nb * sizeof(float));
  x->c = malloc(x->nc * sizeof(float));
  x->before = malloc(x->nc * sizeof(float));
  if (!check_that(t, x->a && x->b && x->c && x->before, "no memory")) return false;
  for (size_t i = 0; i < x->na; i++) x->a[i] = number(1, (uint32_t)i);
  for (size_t i = 0; i < x->nb; i++) x->b[i] = number(2, (uint32_t)i);
  for (size_t i = 0; i < x->nc; i++) x->c[i] = p->beta == 0 ? NAN : number(3, (uint32_t)i);
  memcpy(x->before, x->c, x->nc * sizeof(float));
  return true;
}

static void matrices_free(matrices *x)
{
  free(x->a);
  free(x->b);
  free(x->c);
  free(x->before);
}

static void call(trial *t, const product *p, const matrices *x, float *c)
{
  note(t, "sgemm", NULL, NULL);
  backend_of(t)->sgemm(p->ta, p->tb, p->m, p->n, p->k, p->alpha, x->a, x->lda, x->b, x->ldb,
                       p->beta, c, x->ldc);
}

/* The error of a sum of k products is at most about k units of the sum of their sizes (Higham 2002,
 * section 3.1). */
static double compare(trial *t, const product *p, const matrices *x)
{
  double worst = 0;
  for (int i = 0; i < p->m; i++)
    for (int j = 0; j < p->n; j++) {
      double sum = 0, size = 0;
      for (int k = 0; k < p->k; k++) {
        double a = (double)(p->ta ? x->a[k * x->lda + i] : x->a[i * x->lda + k]),
               b = (double)(p->tb ? x->b[j * x->ldb + k] : x->b[k * x->ldb + j]);
        sum += a * b;
        size += fabs(a * b);
      }
      double was = p->beta == 0 ? 0 : (double)p->beta * (double)x->before[i * x->ldc + j],
             want = (double)p->alpha * sum + was, got = (double)x->c[i * x->ldc + j],
             bound = (p->k + 4) * 0x1p-24 * (fabs((double)p->alpha) * size + fabs(was));
      worst = fmax(worst, bound > 0 ? fabs(got - want) / bound : 0);
      check_that(
          t, fabs(got - want) <= bound,
          "C[%d][%d] = %.9g, expected %.9g (ta %d, tb %d, m %d, n %d, k %d, alpha %g, beta %g)", i,
          j, got, want, p->ta, p->tb, p->m, p->n, p->k, (double)p->alpha, (double)p->beta);
    }
  for (int i = 0; i < p->m; i++)
    check_that(t,
               !p->more || !memcmp(x->c + i * x->ldc + p->n, x->before + i * x->ldc + p->n,
                                   (size_t)p->more * sizeof(float)),
               "row %d of C is written beyond its %d columns", i, p->n);
  return worst;
}

static double try_product(trial *t, const product *p)
{
  matrices x;
  double worst = 0;
  if (matrices_new(t, p, &x)) {
    call(t, p, &x, x.c);
    worst = compare(t, p, &x);
  }
  matrices_free(&x);
  return worst;
}

static void over_shapes(trial *t, float alpha, float beta, int more)
{
  static const int shapes[][3] = { { 1, 1, 1 },    { 1, 17, 5 },   { 23, 1, 9 },    { 7, 5, 1 },
                                   { 16, 16, 16 }, { 31, 33, 65 }, { 100, 37, 200 } };
  double worst = 0;
  int n = 0;
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int turn = 0; turn < 4 && !check_failed(t); turn++, n++) {
      product p = {
        turn % 2, turn / 2, shapes[s][0], shapes[s][1], shapes[s][2], more, alpha, beta
      };
      worst = fmax(worst, try_product(t, &p));
    }
  check_says(t, "%d products, worst %.2f of the bound", n, worst);
}

static void descriptor(trial *t)
{
  char text[256] = "";
  const elbo_backend *b = backend_of(t);
  check_that(t, b->summary[0], "the summary is empty");
  note(t, "describe", NULL, NULL);
  b->describe(text, sizeof text);
  check_that(t, memchr(text, 0, sizeof text) && text[0] && !strchr(text, '\n'),
             "describe gives no line of text");
  char tiny[4] = "xxx";
  b->describe(tiny, 2);
  check_that(t, (!tiny[0] || !tiny[1]) && tiny[2] == 'x',
             "describe writes beyond its 2 characters");
  check_says(t, "%s", text);
}

static void products(trial *t)
{
  over_shapes(t, 1, 0, 0);
}
static void strides(trial *t)
{
  over_shapes(t, 1, 0, 3);
}
static void scales(trial *t)
{
  over_shapes(t, -0.75f, 1.5f, 2);
}

/* ---- the same bits, on several threads at once */
enum { THREADS = 4 };
typedef struct {
  trial t;
  board board;
  const product *p;
  const matrices *x;
  float *c;
} work;
static void *one_product(void *arg)
{
  work *k = arg;
  for (int i = 0; i < 5; i++) call(&k->t, k->p, k->x, k->c);
  return NULL;
}

static void threads(trial *t)
{
  static const product p = { 0, 1, 96, 80, 200, 0, 1, 0 };
  matrices x;
  pthread_t thread[THREADS];
  int started = 0;
  work *k = calloc(THREADS, sizeof *k);
  if (!check_that(t, k != NULL, "no memory") || !matrices_new(t, &p, &x)) {
    free(k);
    return;
  }
  call(t, &p, &x, x.c);
  for (int i = 0; i < THREADS; i++) {
    k[i] = (work){ .t = *t, .p = &p, .x = &x, .c = calloc(x.nc, sizeof(float)) };
    k[i].t.board = &k[i].board;
  }
  while (started < THREADS && k[started].c &&
         !pthread_create(&thread[started], NULL, one_product, &k[started]))
    started++;
  for (int i = 0; i < started; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < started; i++)
    check_that(t, !memcmp(k[i].c, x.c, x.nc * sizeof(float)),
               "thread %d of %d computes other bits than one thread alone", i, started);
  for (int i = 0; i < THREADS; i++) free(k[i].c);
  free(k);
  matrices_free(&x);
  check_says(t, "%d threads", started);
}

/* ---- pages */
static void guard(trial *t)
{
  static const product p = { 0, 0, 13, 11, 17, 0, 1, 0 };
  for (int before = 0; before < 2; before++) {
    fence a, b, c;
    guard_kind input = { before, true }, output = { before, false };
    matrices x;
    if (!matrices_new(t, &p, &x)) return;
    if (fence_new(t, &a, "a", x.na, sizeof(float), input) &&
        fence_new(t, &b, "b", x.nb, sizeof(float), input) &&
        fence_new(t, &c, "c", x.nc, sizeof(float), output)) {
      memcpy(a.host, x.a, x.na * sizeof(float));
      memcpy(b.host, x.b, x.nb * sizeof(float));
      matrices on = x;
      on.a = a.at;
      on.b = b.at;
      call(t, &p, &on, c.at);
      fence_shut(&a);
      fence_shut(&b);
      fence_shut(&c);
    }
    matrices_free(&x);
  }
  check_says(t, "%d x %d x %d", p.m, p.n, p.k);
}

static void speed(trial *t)
{
  static const product p = { 0, 0, 256, 256, 256, 0, 1, 0 };
  matrices x;
  double best = INFINITY;
  if (!matrices_new(t, &p, &x)) return;
  for (int i = 0; i < 5; i++) {
    double start = clock_seconds();
    call(t, &p, &x, x.c);
    best = fmin(best, (clock_seconds() - start) * 1e9);
  }
  matrices_free(&x);
  check_says(t, "%.1f GFLOP/s on one thread (256 x 256 x 256)", 2.0 * 256 * 256 * 256 / best);
}

const property backend_properties[] = {
  { "descriptor", descriptor, "names and descriptions say what they mean" },
  { "product", products, "products of all shapes and transposes; beta = 0 overwrites" },
  { "strides", strides, "leading dimensions beyond the least; nothing else is written" },
  { "scales", scales, "alpha and beta" },
  { "threads", threads, "the same bits on many threads at once" },
  { "guard_pages", guard, "no matrix is overrun or, if an input, written" },
  { "speed", speed, "products a second" },
  { .name = NULL },
};
