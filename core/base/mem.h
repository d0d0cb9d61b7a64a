/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mem.h - the one choke point of allocation, and arenas on top of it. Sizes are count times size
 * through one checked multiply. */
#ifndef ELBO_BASE_MEM_H
#define ELBO_BASE_MEM_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* count * size into *bytes; false on overflow. All sizes that come from a file pass here. */
bool mem_size(size_t count, size_t size, size_t *bytes);
/* Zeroed array of count elements; NULL and ELBO_E_MEMORY in e (naming `what` and the bytes) when
 * it can't be had. count 0 gives a valid pointer. */
void *mem_new(size_t count, size_t size, const char *what, error *e);
/* Same, aligned to 64 bytes and padded to a multiple of 64 bytes; freed by mem_free. */
void *mem_new_aligned(size_t count, size_t size, const char *what, error *e);
/* Grows *at (elements [0,*room)) to hold at least `need`, doubling; what is new is zeroed. */
elbo_status mem_grow(void *at, size_t *room, size_t need, size_t size, const char *what, error *e);
void mem_free(void *p);
char *mem_copy_string(const char *s, error *e);         /* NUL-ended copy */
char *mem_copy_text(const char *s, size_t n, error *e); /* of n bytes */
/* Allocations made by this process so far: what `bench step` and the tests count. */
uint64_t mem_count(void);
int64_t mem_live(void); /* of those, the ones not freed yet: what the tests look for leaks by */
/* Torture: the n-th allocation from now on fails (once, or all from there). n = 0: off. For
 * tests; the library never calls it. */
void mem_fail_at(uint64_t n, bool for_ever);

/* An arena: many small things that die together. Allocations are zeroed and aligned to 16. */
typedef struct arena arena;
arena *arena_new(error *e);
void *arena_get(arena *a, size_t count, size_t size, error *e); /* NULL and e when out of memory */
char *arena_string(arena *a, const char *s, error *e);
char *arena_format(arena *a, error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void arena_free(arena *a);

#endif
