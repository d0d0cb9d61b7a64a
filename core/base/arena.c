/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/format.h"
#include "base/mem.h"

#include <stdarg.h>
#include <string.h>

enum { GRAIN = 16, BLOCK = 16384 };

typedef struct block {
  struct block *next;
  size_t used, size; /* bytes of data */
  _Alignas(GRAIN) unsigned char data[];
} block;

/* Things are cut from the first block; one too large for a common block gets its own, behind the
 * first. */
struct arena {
  block *first;
};

arena *arena_new(error *e)
{
  return mem_new(1, sizeof(arena), "an arena", e);
}

static block *new_block(size_t size, error *e)
{
  if (size > SIZE_MAX - sizeof(block)) {
    fail(e, ELBO_E_MEMORY, "an arena: %zu bytes are more than can be addressed; make it smaller",
         size);
    return NULL;
  }
  block *b = mem_new(1, sizeof(block) + size, "an arena", e);
  if (b) b->size = size;
  return b;
}

static void *get_alone(arena *a, size_t bytes, error *e)
{
  block *b = new_block(bytes, e);
  if (!b) return NULL;
  b->used = bytes;
  if (a->first) {
    b->next = a->first->next;
    a->first->next = b;
  } else {
    a->first = b;
  }
  return b->data;
}

void *arena_get(arena *a, size_t count, size_t size, error *e)
{
  size_t bytes;
  if (!mem_size(count, size, &bytes) || bytes > PTRDIFF_MAX - GRAIN) {
    fail(e, ELBO_E_MEMORY,
         "an arena: %zu times %zu bytes are more than can be addressed; make it smaller", count,
         size);
    return NULL;
  }
  bytes = bytes ? (bytes + GRAIN - 1) / GRAIN * GRAIN : GRAIN;
  if (bytes > BLOCK / 4) return get_alone(a, bytes, e);
  if (!a->first || a->first->size - a->first->used < bytes) {
    block *b = new_block(BLOCK, e);
    if (!b) return NULL;
    b->next = a->first;
    a->first = b;
  }
  void *p = a->first->data + a->first->used;
  a->first->used += bytes;
  return p;
}

char *arena_string(arena *a, const char *s, error *e)
{
  size_t n = strlen(s) + 1;
  char *copy = arena_get(a, n, 1, e);
  if (copy) memcpy(copy, s, n);
  return copy;
}

char *arena_format(arena *a, error *e, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  size_t n = format_into(NULL, 0, format, args);
  va_end(args);
  char *s = arena_get(a, n + 1, 1, e);
  if (!s) return NULL;
  va_start(args, format);
  format_into(s, n + 1, format, args);
  va_end(args);
  return s;
}

void arena_free(arena *a)
{
  if (!a) return;
  for (block *b = a->first, *next; b; b = next) {
    next = b->next;
    mem_free(b);
  }
  mem_free(a);
}
