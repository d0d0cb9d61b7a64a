/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forward_floor THREADS ROWS STEPS SIZE SIZE [SIZE]...: milliseconds in which `ROWS` rows go
 * through the bare products of a net of these sizes, forward alone: the median of nine stretches of
 * STEPS passes. Each thread has its share of the rows, and buffers of its own; no bias, no
 * activation, no noise. Built by `run`: gcc -O2 forward_floor.c -lopenblas -lpthread. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern void sgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
                   const float *alpha, const float *a, const int *lda, const float *b,
                   const int *ldb, const float *beta, float *c, const int *ldc);
extern void openblas_set_num_threads(int n);

enum { STRETCHES = 9, MOST_SIZES = 16, MOST_THREADS = 64 };

static int threads, rows, steps, sizes, size[MOST_SIZES];
static float *weights[MOST_SIZES];
static double ms[STRETCHES];
static pthread_barrier_t all;

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *floats(size_t n)
{
  float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);
  for (size_t i = 0; p && i < n; i++) p[i] = (float)(i * 2654435761u >> 22 & 1023) * 1e-4f;
  if (!p) exit(1);
  return p;
}

/* y [n][out] = x [n][in] w'; w [out][in]. */
static void product(int n, int in, int out, const float *x, const float *w, float *y)
{
  const float one = 1, zero = 0;
  sgemm_("T", "N", &out, &n, &in, &one, w, &in, x, &in, &zero, y, &out);
}

static void *work(void *arg)
{
  int t = (int)(size_t)arg, n = (int)((long)rows * (t + 1) / threads - (long)rows * t / threads);
  float *value[MOST_SIZES];
  cpu_set_t own;
  CPU_ZERO(&own);
  CPU_SET(t, &own);
  if (threads > 1) pthread_setaffinity_np(pthread_self(), sizeof own, &own);
  for (int i = 0; i < sizes; i++) value[i] = floats((size_t)n * (size_t)size[i]);
  for (int s = -1; s < STRETCHES; s++) {
    pthread_barrier_wait(&all);
    double from = now();
    for (int k = 0; k < steps; k++)
      for (int i = 0; i + 1 < sizes; i++)
        product(n, size[i], size[i + 1], value[i], weights[i], value[i + 1]);
    pthread_barrier_wait(&all);
    if (t == 0 && s >= 0) ms[s] = 1e3 * (now() - from) / steps;
  }
  for (int i = 0; i < sizes; i++) free(value[i]);
  return NULL;
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
  pthread_t thread[MOST_THREADS];
  if (argc < 6 || argc > 4 + MOST_SIZES) return 2;
  threads = atoi(argv[1]), rows = atoi(argv[2]), steps = atoi(argv[3]);
  if (threads < 1 || threads > MOST_THREADS || rows < threads || steps < 1) return 2;
  for (sizes = 0; 4 + sizes < argc; sizes++) size[sizes] = atoi(argv[4 + sizes]);
  for (int i = 0; i + 1 < sizes; i++) weights[i] = floats((size_t)size[i] * (size_t)size[i + 1]);
  openblas_set_num_threads(1);
  pthread_barrier_init(&all, NULL, (unsigned)threads);
  for (int t = 1; t < threads; t++) pthread_create(&thread[t], NULL, work, (void *)(size_t)t);
  work(NULL);
  for (int t = 1; t < threads; t++) pthread_join(thread[t], NULL);
  qsort(ms, STRETCHES, sizeof *ms, ascending);
  printf("{\"ms_median\": %.4f}\n", ms[STRETCHES / 2]);
  for (int i = 0; i + 1 < sizes; i++) free(weights[i]);
  return 0;
}
