/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pool.h - threads of our own: fixed partitions, a barrier that spins a little and then sleeps. The
 * caller is one of the threads. */
#ifndef ELBO_GRAPH_POOL_H
#define ELBO_GRAPH_POOL_H

#include "base/error.h"

typedef struct pool pool;
/* threads >= 1, the caller included. ELBO_E_MEMORY when a thread can't be made, with the number
 * that could. */
pool *pool_new(int threads, error *e);
void pool_free(pool *p);
int pool_threads(const pool *p);
/* Calls fn(arg, part, parts) for every part in [0, parts), thread t taking a contiguous share;
   returns when all are done. One caller at a time. p NULL: the caller does all of them. */
void pool_run(pool *p, void (*fn)(void *arg, int part, int parts), void *arg, int parts);
int cpu_count(void); /* cores this process may use */

#endif
