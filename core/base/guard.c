/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/guard.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BOTH = PROT_READ | PROT_WRITE };

static bool map_at(void *at, size_t bytes, int rights, int file)
{
  return mmap(at, bytes, rights, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED;
}

/* One range of addresses: page, the plugin's bytes, page, the host's. A file in memory gives both
 * views, so that no call of the system is needed from one use to the next. */
bool guarded_new(guarded *g, size_t bytes, guard_kind kind)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
  if (!whole) whole = page;
  *g = (guarded){ .room = whole, .mapped = 2 * (whole + page) };
  int file = memfd_create("guarded", MFD_CLOEXEC), rights = kind.read_only ? PROT_READ : BOTH;
  void *map = file >= 0 && !ftruncate(file, (off_t)whole)
                  ? mmap(NULL, g->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                  : MAP_FAILED;
  bool fine = map != MAP_FAILED;
  if (fine) {
    char *view = (char *)map + page, *host = view + whole + page;
    g->map = map;
    g->at = kind.before ? view : view + whole - bytes;
    g->host = kind.before ? host : host + whole - bytes;
    fine = map_at(view, whole, rights, file) && map_at(host, whole, BOTH, file);
  }
  if (file >= 0) close(file);
  return fine;
}

void guarded_free(guarded *g)
{
  if (g->map) munmap(g->map, g->mapped);
  g->map = NULL;
}

/* ---- sets */
enum { SLOTS = 18 }; /* value and dx, and the parameters of two families */
typedef struct slot {
  guarded memory;
  const char *name;
  void *to; /* of an output */
  size_t bytes;
} slot;

struct guard_set {
  guards *owner;
  guard_set *next;         /* of those that are free */
  const guard_set *around; /* the call within which this one is made */
  const char *operation;
  slot in[SLOTS], out[SLOTS];
  int n_in, n_out;
  bool is_short;
};

struct guards {
  pthread_mutex_t lock;
  guard_set *free;
};

/* As with a run's record of what is at work, a handler has no other way to know. */
static _Thread_local const guard_set *volatile within __attribute__((tls_model("initial-exec")));

guards *guards_new(error *e)
{
  guards *g = mem_new(1, sizeof *g, "the guards of plugins' calls", e);
  if (!g || !pthread_mutex_init(&g->lock, NULL)) return g;
  mem_free(g);
  fail(e, ELBO_E_MEMORY, "no lock can be made for the guards of plugins' calls");
  return NULL;
}

static void set_free(guard_set *s)
{
  for (int i = 0; i < SLOTS; i++) guarded_free(&s->in[i].memory), guarded_free(&s->out[i].memory);
  mem_free(s);
}

void guards_free(guards *g)
{
  if (!g) return;
  for (guard_set *s = g->free, *next; s; s = next) next = s->next, set_free(s);
  pthread_mutex_destroy(&g->lock);
  mem_free(g);
}

guard_set *guard_take(guards *g, const char *operation)
{
  pthread_mutex_lock(&g->lock);
  guard_set *s = g->free;
  if (s) g->free = s->next;
  pthread_mutex_unlock(&g->lock);
  if (!s && !(s = mem_new(1, sizeof *s, "the guards of a call", NULL))) return NULL;
  s->owner = g;
  s->operation = operation;
  s->n_in = s->n_out = 0;
  s->is_short = false;
  s->around = within;
  within = s;
  return s;
}

static void *fit(guard_set *s, slot *x, const char *name, size_t bytes, bool read_only)
{
  guarded *m = &x->memory;
  if (!m->map || bytes > m->room) {
    guarded_free(m);
    if (!guarded_new(m, bytes, (guard_kind){ .read_only = read_only })) {
      guarded_free(m);
      s->is_short = true;
      return NULL;
    }
  }
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  m->at = (char *)m->map + page + m->room - bytes;
  m->host = (char *)m->map + m->mapped - bytes;
  x->name = name;
  x->bytes = bytes;
  return m->at;
}

const void *guard_in(guard_set *s, const char *name, const void *from, size_t bytes)
{
  slot *x = &s->in[s->n_in];
  if (!from || !fit(s, x, name, bytes, true)) return NULL;
  s->n_in++;
  memcpy(x->memory.host, from, bytes);
  return x->memory.at;
}

void *guard_out(guard_set *s, const char *name, void *to, size_t bytes)
{
  slot *x = &s->out[s->n_out];
  if (!to || !fit(s, x, name, bytes, false)) return NULL;
  s->n_out++;
  x->to = to;
  return x->memory.at;
}

bool guard_short(const guard_set *s)
{
  return s->is_short;
}

void guard_give(guard_set *s)
{
  within = s->around;
  for (int i = 0; i < s->n_out; i++) memcpy(s->out[i].to, s->out[i].memory.at, s->out[i].bytes);
  pthread_mutex_lock(&s->owner->lock);
  s->next = s->owner->free;
  s->owner->free = s;
  pthread_mutex_unlock(&s->owner->lock);
}

/* ---- a fault */
static bool hit(const slot *x, uintptr_t at, const char *inside, const char *behind, guard_fault *f)
{
  uintptr_t from = (uintptr_t)x->memory.map, half = x->memory.mapped / 2,
            page = half - x->memory.room, end = from + half;
  if (at < from || at >= end + page) return false;
  f->deed = at < from + page ? "reached before the start of" : at >= end ? behind : inside;
  f->name = x->name;
  return true;
}

bool guard_broken(const void *address, guard_fault *f)
{
  const guard_set *s = within;
  if (!s) return false;
  f->operation = s->operation;
  for (int i = 0; i < s->n_in; i++)
    if (hit(&s->in[i], (uintptr_t)address, "wrote into its input",
            "reached past the end of its input", f))
      return true;
  for (int i = 0; i < s->n_out; i++)
    if (hit(&s->out[i], (uintptr_t)address, "touched its output",
            "wrote past the end of its output", f))
      return true;
  return false;
}
