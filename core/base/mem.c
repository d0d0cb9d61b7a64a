/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "base/torture.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static _Atomic uint64_t made;
static _Atomic int64_t live;
static torture faults;

uint64_t mem_count(void)
{
  return atomic_load_explicit(&made, memory_order_relaxed);
}

int64_t mem_live(void)
{
  return atomic_load_explicit(&live, memory_order_relaxed);
}

void mem_fail_at(uint64_t n, bool for_ever)
{
  torture_set(&faults, n, for_ever);
}

bool mem_size(size_t count, size_t size, size_t *bytes)
{
  return !__builtin_mul_overflow(count, size, bytes) && *bytes <= PTRDIFF_MAX;
}

/* Every allocation starts here: counted, and refused when a test wants it so. */
static bool allowed(void)
{
  if (torture_hit(&faults)) return false;
  atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
  return true;
}

/* Keeps the count of what stands. */
static void *born(void *p)
{
  if (p) atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
  return p;
}

static elbo_status refuse(error *e, const char *what, size_t count, size_t size)
{
  size_t bytes;
  if (!mem_size(count, size, &bytes))
    return fail(e, ELBO_E_MEMORY,
                "%s: %zu times %zu bytes are more than can be addressed; make it smaller", what,
                count, size);
  return fail(e, ELBO_E_MEMORY,
              "%s: out of memory, %zu bytes were asked for; free some memory or raise the limit "
              "(ulimit -v)",
              what, bytes);
}

void *mem_new(size_t count, size_t size, const char *what, error *e)
{
  size_t bytes;
  void *p = NULL;
  if (mem_size(count, size, &bytes) && allowed()) p = born(calloc(1, bytes ? bytes : 1));
  if (!p) refuse(e, what, count, size);
  return p;
}

void *mem_new_aligned(size_t count, size_t size, const char *what, error *e)
{
  size_t bytes;
  void *p = NULL;
  if (mem_size(count, size, &bytes) && bytes <= PTRDIFF_MAX - ALIGNMENT && allowed()) {
    bytes = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    p = born(aligned_alloc(ALIGNMENT, bytes));
    if (p) memset(p, 0, bytes);
  }
  if (!p) refuse(e, what, count, size);
  return p;
}

elbo_status mem_grow(void *at, size_t *room, size_t need, size_t size, const char *what, error *e)
{
  if (need <= *room) return ELBO_DONE;
  size_t wanted = *room > SIZE_MAX / 2 ? need : *room * 2;
  if (wanted < need) wanted = need;
  size_t bytes;
  void *old, *p = NULL;
  memcpy(&old, at, sizeof old); /* at: the address of a pointer of any type */
  if (mem_size(wanted, size, &bytes) && allowed()) p = realloc(old, bytes ? bytes : 1);
  if (!p) return refuse(e, what, wanted, size);
  if (!old) born(p);
  memset((char *)p + *room * size, 0, bytes - *room * size);
  memcpy(at, &p, sizeof p);
  *room = wanted;
  return ELBO_DONE;
}

void mem_free(void *p)
{
  if (p) atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
  free(p);
}

char *mem_copy_text(const char *s, size_t n, error *e)
{
  if (n == SIZE_MAX) {
    refuse(e, "a text", n, 1);
    return NULL;
  }
  char *copy = mem_new(n + 1, 1, "a text", e);
  if (copy && n) memcpy(copy, s, n);
  return copy;
}

char *mem_copy_string(const char *s, error *e)
{
  return mem_copy_text(s, strlen(s), e);
}
