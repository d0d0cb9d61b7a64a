/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "graph/pool.h"
#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/* One round: the caller publishes a job by raising `round`; every worker takes its share and counts
   itself out in `left`. A worker waits by spinning SPINS times and then sleeping on the condition;
   small models finish a step inside the spin. With more threads than cores a spinning thread keeps
   a core from the one that is waited for: then FEW times. */
enum { SPINS = 4000, FEW = 20 };

typedef struct worker {
  pool *pool;
  int index;
  pthread_t thread;
} worker;

struct pool {
  int threads, spins;
  worker *workers; /* [threads - 1]; worker i is thread i + 1 */
  void (*fn)(void *, int, int);
  void *arg;
  int parts;
  _Alignas(64) atomic_uint round;
  _Alignas(64) atomic_int left;
  _Alignas(64) atomic_int sleepers;
  atomic_bool quit;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

static inline void relax(void)
{
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void take_share(pool *p, int t)
{
  int from = (int)((long)p->parts * t / p->threads),
      to = (int)((long)p->parts * (t + 1) / p->threads);
  for (int i = from; i < to; i++) p->fn(p->arg, i, p->parts);
}

static void sleep_until_round(pool *p, unsigned seen)
{
  pthread_mutex_lock(&p->mutex);
  atomic_fetch_add(&p->sleepers, 1);
  while (atomic_load(&p->round) == seen) pthread_cond_wait(&p->wake, &p->mutex);
  atomic_fetch_sub(&p->sleepers, 1);
  pthread_mutex_unlock(&p->mutex);
}

static void *work(void *arg)
{
  worker *w = arg;
  pool *p = w->pool;
  for (unsigned seen = 0;;) {
    for (int i = 0; i < p->spins && atomic_load_explicit(&p->round, memory_order_acquire) == seen;
         i++)
      relax();
    if (atomic_load(&p->round) == seen) sleep_until_round(p, seen);
    if (atomic_load(&p->quit)) return NULL;
    seen = atomic_load(&p->round);
    take_share(p, w->index + 1);
    atomic_fetch_sub_explicit(&p->left, 1, memory_order_release);
  }
}

static void publish(pool *p)
{
  atomic_fetch_add(&p->round, 1);
  if (atomic_load(&p->sleepers) == 0) return;
  pthread_mutex_lock(&p->mutex);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->mutex);
}

static elbo_status start_waiting(pool *p, error *e)
{
  int rc = pthread_mutex_init(&p->mutex, NULL);
  if (!rc && (rc = pthread_cond_init(&p->wake, NULL))) pthread_mutex_destroy(&p->mutex);
  char words[128];
  return rc ? fail(e, ELBO_E_MEMORY, "the thread pool: no lock can be made (%s)",
                   strerror_r(rc, words, sizeof words))
            : ELBO_DONE;
}

pool *pool_new(int threads, error *e)
{
  if (threads < 1 || threads > 1024) {
    fail(e, ELBO_E_USAGE, "threads: %d is not between 1 and 1024", threads);
    return NULL;
  }
  pool *p = mem_new_aligned(1, sizeof *p, "the thread pool", e);
  if (!p) return NULL;
  p->threads = 1;
  p->spins = threads > cpu_count() ? FEW : SPINS;
  if (start_waiting(p, e)) {
    mem_free(p);
    return NULL;
  }
  p->workers = mem_new((size_t)threads, sizeof *p->workers, "the thread pool", e);
  if (!p->workers) goto fail;
  for (int i = 0; i + 1 < threads; i++) {
    p->workers[i] = (worker){ .pool = p, .index = i };
    char words[128];
    int rc = pthread_create(&p->workers[i].thread, NULL, work, &p->workers[i]);
    if (rc) {
      fail(e, ELBO_E_MEMORY, "threads: the system gave %d of %d (%s); ask for fewer with --threads",
           i + 1, threads, strerror_r(rc, words, sizeof words));
      goto fail;
    }
    p->threads = i + 2;
  }
  return p;
fail:
  pool_free(p);
  return NULL;
}

void pool_free(pool *p)
{
  if (!p) return;
  atomic_store(&p->quit, true);
  publish(p);
  for (int i = 0; i + 1 < p->threads; i++) pthread_join(p->workers[i].thread, NULL);
  pthread_cond_destroy(&p->wake);
  pthread_mutex_destroy(&p->mutex);
  mem_free(p->workers);
  mem_free(p);
}

int pool_threads(const pool *p)
{
  return p->threads;
}

/* Longer than the spin: a worker has no core, so it is offered this one. */
static void wait_for_all(pool *p)
{
  for (int i = 0; atomic_load_explicit(&p->left, memory_order_acquire); i++)
    if (i < p->spins)
      relax();
    else
      sched_yield();
}

void pool_run(pool *p, void (*fn)(void *, int, int), void *arg, int parts)
{
  if (!p || p->threads == 1 || parts == 1) {
    for (int i = 0; i < parts; i++) fn(arg, i, parts);
    return;
  }
  p->fn = fn, p->arg = arg, p->parts = parts;
  atomic_store_explicit(&p->left, p->threads - 1, memory_order_relaxed);
  publish(p);
  take_share(p, 0);
  wait_for_all(p);
}

int cpu_count(void)
{
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set)) return 1;
  int n = CPU_COUNT(&set);
  return n < 1 ? 1 : n > 64 ? 64 : n;
}
