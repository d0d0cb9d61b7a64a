/* SPDX-License-Identifier: GPL-3.0-or-later */
/* torture.h - a countdown to a fault, for tests that fail the n-th allocation or file call for
 * every n. The two countdowns (mem.c, calls.c) are the only state of the process in the library;
 * they are off unless a test sets them. */
#ifndef ELBO_BASE_TORTURE_H
#define ELBO_BASE_TORTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  _Atomic uint64_t left; /* calls until the fault, this one included; 0: off */
  atomic_bool for_ever;
} torture;

static inline void torture_set(torture *t, uint64_t n, bool for_ever)
{
  atomic_store(&t->for_ever, for_ever);
  atomic_store(&t->left, n);
}

/* Is this the call that fails? */
static inline bool torture_hit(torture *t)
{
  uint64_t left = atomic_load_explicit(&t->left, memory_order_relaxed);
  while (left) {
    if (left == 1 && atomic_load(&t->for_ever)) return true;
    if (atomic_compare_exchange_weak(&t->left, &left, left - 1)) return left == 1;
  }
  return false;
}

#endif
