/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a plugin allocates. It calls malloc through the linkage table of its own shared object;
 * there, and nowhere else, the entries of the allocator are exchanged for counters. What libraries
 * behind it allocate is not seen. */
#include "check/inside.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_SLOTS = 64 };

/* The counters have no argument to find their watch by; a property runs alone, in a process of its
 * own. */
static atomic_long calls;

static void *count_malloc(size_t n)
{
  calls++;
  return malloc(n);
}
static void *count_calloc(size_t n, size_t size)
{
  calls++;
  return calloc(n, size);
}
static void *count_realloc(void *p, size_t n)
{
  calls++;
  return realloc(p, n);
}
static void *count_aligned(size_t to, size_t n)
{
  calls++;
  return aligned_alloc(to, n);
}
static int count_posix(void **at, size_t to, size_t n)
{
  calls++;
  return posix_memalign(at, to, n);
}
static char *count_copy(const char *s)
{
  calls++;
  return strdup(s);
}

typedef void anything(void);
static const struct {
  const char *name;
  anything *counter;
} counters[] = {
  { "malloc", (anything *)count_malloc },    { "calloc", (anything *)count_calloc },
  { "realloc", (anything *)count_realloc },  { "aligned_alloc", (anything *)count_aligned },
  { "memalign", (anything *)count_aligned }, { "posix_memalign", (anything *)count_posix },
  { "strdup", (anything *)count_copy },      { "__strdup", (anything *)count_copy },
};

struct watch {
  int n;
  anything **slot[MOST_SLOTS], *was[MOST_SLOTS];
};

static void put(anything **slot, anything *to)
{
  uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE), page = (uintptr_t)slot / size * size;
  /* relocations are read-only once they are done */
  if (!mprotect((void *)page, size, PROT_READ | PROT_WRITE)) *slot = to;
}

typedef struct {
  const ElfW(Sym) * symbols;
  const char *strings;
  const ElfW(Rela) * list[2]; /* of functions, of data */
  size_t bytes[2];
} tables;

static tables tables_of(const struct link_map *map)
{
  tables t = { 0 };
  for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
    if (d->d_tag == DT_SYMTAB) t.symbols = (const void *)d->d_un.d_ptr;
    if (d->d_tag == DT_STRTAB) t.strings = (const void *)d->d_un.d_ptr;
    if (d->d_tag == DT_JMPREL) t.list[0] = (const void *)d->d_un.d_ptr;
    if (d->d_tag == DT_PLTRELSZ) t.bytes[0] = d->d_un.d_val;
    if (d->d_tag == DT_RELA) t.list[1] = (const void *)d->d_un.d_ptr;
    if (d->d_tag == DT_RELASZ) t.bytes[1] = d->d_un.d_val;
  }
  return t;
}

static void exchange(watch *w, const struct link_map *map, const ElfW(Rela) * r, const char *name)
{
  for (size_t i = 0; i < sizeof counters / sizeof *counters && w->n < MOST_SLOTS; i++) {
    if (strcmp(name, counters[i].name) != 0) continue;
    anything **slot = (anything **)(map->l_addr + r->r_offset);
    w->slot[w->n] = slot;
    w->was[w->n++] = *slot;
    put(slot, counters[i].counter);
  }
}

watch *watch_start(anything *function)
{
  Dl_info info;
  struct link_map *map = NULL;
  if (sizeof(void *) != 8 ||
      !dladdr1((const void *)(uintptr_t)function, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
    return NULL;
  tables t = tables_of(map);
  watch *w = t.symbols && t.strings ? calloc(1, sizeof *w) : NULL;
  for (int k = 0; w && k < 2; k++)
    for (size_t i = 0; t.list[k] && i < t.bytes[k] / sizeof(ElfW(Rela)); i++) {
      size_t symbol = ELF64_R_SYM(t.list[k][i].r_info);
      if (symbol) exchange(w, map, &t.list[k][i], t.strings + t.symbols[symbol].st_name);
    }
  calls = 0;
  return w;
}

long watch_stop(watch *w)
{
  long n = calls;
  for (int i = 0; i < w->n; i++) put(w->slot[i], w->was[i]);
  free(w);
  return n;
}
