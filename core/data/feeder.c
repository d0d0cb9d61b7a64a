/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/feeder.h"
#include "base/mem.h"

#include <pthread.h>
#include <string.h>

/* ---- the order */
/* Neighbours that are read at once: enough for a disk to be asked for, few enough that a group
   mixes blocks from many places. */
enum { BLOCK_BYTES = 1 << 16, BLOCKS_MIXED = 32 };

static size_t at_least_one(size_t n)
{
  return n ? n : 1;
}

row_order row_order_make(uint64_t seed, size_t rows, size_t buffer, size_t row_bytes)
{
  size_t half = (buffer + 1) / 2, few = at_least_one(half / BLOCKS_MIXED);
  size_t block = at_least_one(BLOCK_BYTES / at_least_one(row_bytes));
  if (block > few) block = few;
  return (row_order){ .seed = seed,
                      .rows = rows,
                      .block = block,
                      .blocks = (rows + block - 1) / block,
                      .per_group = (half + block - 1) / block };
}

size_t row_order_group_rows(const row_order *o)
{
  return o->per_group * o->block;
}

size_t row_order_groups(const row_order *o)
{
  return (o->blocks + o->per_group - 1) / o->per_group;
}

static size_t rows_of_group(const row_order *o, size_t g)
{
  size_t most = row_order_group_rows(o), before = g * most;
  return o->rows - before < most ? o->rows - before : most;
}

/* ---- groups */
typedef struct {
  size_t n;
  uint32_t *row;   /* [most] which row lies where */
  uint32_t *order; /* [most] the place of the i-th in the order */
  void *raw[FEEDER_SETS];
  error error;
} group;

/* Group `loaded` is the next to be read, into slot loaded % 2; those from `oldest` on are still
   wanted. Both only grow, but where the caller starts elsewhere. */
struct feeder {
  row_order o;
  int n;
  const dataset *set[FEEDER_SETS];
  uint32_t *blocks; /* [blocks] the permutation of the thread's epoch */
  uint64_t epoch;   /* of blocks */
  uint32_t first_row;
  group slot[2];
  pthread_t thread;
  bool runs;
  pthread_mutex_t mutex; /* of what follows */
  pthread_cond_t changed;
  uint64_t oldest, loaded;
  bool started, reading, failed, quit;
};

/* The short block stays last; which rows it holds is drawn with the first row. */
static void permute_blocks(feeder *f, uint64_t epoch)
{
  const row_order *o = &f->o;
  if (f->epoch == epoch) return;
  size_t whole = o->rows / o->block;
  philox_shuffle(philox_make_key(o->seed, STREAM_BLOCKS), (uint32_t)epoch, (uint32_t)whole,
                 f->blocks);
  if (whole < o->blocks) f->blocks[whole] = (uint32_t)whole;
  f->first_row = philox_below(philox_make_key(o->seed, STREAM_FIRST_ROW), 0, (uint32_t)epoch,
                              (uint32_t)o->rows);
  f->epoch = epoch;
}

/* Rows [row, row + n) of every set to place `at` of the group. */
static elbo_status read_rows(feeder *f, group *g, size_t row, size_t n, size_t at)
{
  for (int k = 0; k < f->n; k++) {
    const dataset *d = f->set[k];
    char *to = (char *)g->raw[k] + at * array_row_bytes(&d->x);
    if (array_fetch(&d->x, d->first + row, n, to, &g->error)) return g->error.status;
  }
  for (size_t i = 0; i < n; i++) g->row[at + i] = (uint32_t)(row + i);
  return ELBO_DONE;
}

/* A block goes around the end of the rows at most once. */
static elbo_status read_block(feeder *f, group *g, size_t block)
{
  const row_order *o = &f->o;
  size_t from = block * o->block, n = o->rows - from < o->block ? o->rows - from : o->block;
  size_t row = (from + f->first_row) % o->rows, before = o->rows - row < n ? o->rows - row : n;
  if (read_rows(f, g, row, before, g->n) ||
      (before < n && read_rows(f, g, 0, n - before, g->n + before)))
    return g->error.status;
  g->n += n;
  return ELBO_DONE;
}

static bool told_to_quit(feeder *f)
{
  pthread_mutex_lock(&f->mutex);
  bool quit = f->quit;
  pthread_mutex_unlock(&f->mutex);
  return quit;
}

static elbo_status read_group(feeder *f, uint64_t number, group *g)
{
  const row_order *o = &f->o;
  uint64_t groups = row_order_groups(o), epoch = number / groups, which = number % groups;
  permute_blocks(f, epoch);
  g->n = 0;
  g->error = (error){ 0 };
  size_t from = which * o->per_group, to = from + o->per_group;
  for (size_t b = from; b < to && b < o->blocks && !told_to_quit(f); b++)
    if (read_block(f, g, f->blocks[b])) return g->error.status;
  philox_shuffle(philox_make_key(o->seed, which << 32 | STREAM_SHUFFLE), (uint32_t)epoch,
                 (uint32_t)g->n, g->order);
  return ELBO_DONE;
}

/* ---- the thread */
static bool has_work(const feeder *f)
{
  return f->started && !f->failed && f->loaded < f->oldest + 2;
}

static void *read_ahead(void *arg)
{
  feeder *f = arg;
  pthread_mutex_lock(&f->mutex);
  while (!f->quit) {
    if (!has_work(f)) {
      pthread_cond_wait(&f->changed, &f->mutex);
      continue;
    }
    uint64_t number = f->loaded;
    f->reading = true;
    pthread_mutex_unlock(&f->mutex);
    elbo_status status = read_group(f, number, &f->slot[number % 2]);
    pthread_mutex_lock(&f->mutex);
    f->reading = false;
    f->failed = status != ELBO_DONE;
    if (!status) f->loaded = number + 1;
    pthread_cond_broadcast(&f->changed);
  }
  pthread_mutex_unlock(&f->mutex);
  return NULL;
}

/* Lets go of the groups before `from` and waits until `to` is there. */
static elbo_status wait_for(feeder *f, uint64_t from, uint64_t to, error *e)
{
  pthread_mutex_lock(&f->mutex);
  if (!f->started || from < f->oldest || from > f->loaded) {
    while (f->reading) pthread_cond_wait(&f->changed, &f->mutex);
    f->loaded = from;
    f->started = true;
    f->failed = false;
  }
  f->oldest = from;
  pthread_cond_broadcast(&f->changed);
  while (f->loaded <= to && !f->failed) pthread_cond_wait(&f->changed, &f->mutex);
  bool there = f->loaded > to;
  const error *why = &f->slot[f->loaded % 2].error;
  if (!there) fail(e, why->status, "%s", why->text);
  pthread_mutex_unlock(&f->mutex);
  return there ? ELBO_DONE : e->status;
}

elbo_status feeder_take(feeder *f, uint64_t epoch, size_t first, size_t n, uint32_t *index,
                        const void **const *at, error *e)
{
  size_t most = row_order_group_rows(&f->o), g = first / most, place = first % most;
  uint64_t base = epoch * row_order_groups(&f->o);
  if (wait_for(f, base + g, base + (first + n - 1) / most, e)) return e->status;
  for (size_t i = 0; i < n; i++, place++) {
    if (place == rows_of_group(&f->o, g)) place = 0, g++;
    const group *from = &f->slot[(base + g) % 2];
    uint32_t p = from->order[place];
    index[i] = from->row[p];
    for (int k = 0; k < f->n; k++)
      at[k][i] = (const char *)from->raw[k] + p * array_row_bytes(&f->set[k]->x);
  }
  return ELBO_DONE;
}

/* ---- making */
static elbo_status make_group(const feeder *f, group *g, error *e)
{
  size_t most = row_order_group_rows(&f->o);
  g->row = mem_new(most, sizeof *g->row, "the buffer of rows", e);
  g->order = mem_new(most, sizeof *g->order, "the buffer of rows", e);
  for (int k = 0; k < f->n && !e->status; k++)
    g->raw[k] = mem_new(most, array_row_bytes(&f->set[k]->x), "the buffer of rows", e);
  return e->status;
}

static void free_group(group *g)
{
  mem_free(g->row);
  mem_free(g->order);
  for (int k = 0; k < FEEDER_SETS; k++) mem_free(g->raw[k]);
}

static elbo_status start_thread(feeder *f, error *e)
{
  char words[128];
  int rc = pthread_create(&f->thread, NULL, read_ahead, f);
  if (rc)
    return fail(e, ELBO_E_MEMORY,
                "the system gave no thread to read data ahead (%s); ask for fewer with --threads, "
                "or set `stream: false` in `data` where the rows fit into memory",
                strerror_r(rc, words, sizeof words));
  f->runs = true;
  return ELBO_DONE;
}

elbo_status feeder_new(const dataset *const *sets, int n, const row_order *o, feeder **out,
                       error *e)
{
  *out = NULL;
  feeder *f = mem_new(1, sizeof *f, "the reader of rows", e);
  if (!f) return e->status;
  f->o = *o;
  f->n = n;
  f->epoch = UINT64_MAX;
  for (int k = 0; k < n; k++) f->set[k] = sets[k];
  pthread_mutex_init(&f->mutex, NULL);
  pthread_cond_init(&f->changed, NULL);
  f->blocks = mem_new(o->blocks, sizeof *f->blocks, "the order of blocks", e);
  if (f->blocks && !make_group(f, &f->slot[0], e) && !make_group(f, &f->slot[1], e) &&
      !start_thread(f, e))
    *out = f;
  else
    feeder_free(f);
  return e->status;
}

void feeder_free(feeder *f)
{
  if (!f) return;
  pthread_mutex_lock(&f->mutex);
  f->quit = true;
  pthread_cond_broadcast(&f->changed);
  pthread_mutex_unlock(&f->mutex);
  if (f->runs) pthread_join(f->thread, NULL);
  pthread_cond_destroy(&f->changed);
  pthread_mutex_destroy(&f->mutex);
  mem_free(f->blocks);
  free_group(&f->slot[0]);
  free_group(&f->slot[1]);
  mem_free(f);
}
