/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arrays with names: made in a run's arena, looked up, written as npz. */
#include "infer/arrays.h"
#include "io/picture.h"

#include <string.h>
#include <strings.h>

float *arrays_add(arrays_out *o, const char *name, int rank, const size_t *dims)
{
  size_t count = 1;
  if (o->n == ARRAYS_MOST)
    return fail(o->e, ELBO_E_USAGE, "more than %d arrays", ARRAYS_MOST), NULL;
  elbo_named_array *a = &o->list[o->n];
  a->name = name;
  a->rank = rank;
  for (int i = 0; i < rank; i++) {
    a->dims[i] = dims[i];
    if (mem_size(count, dims[i], &count)) continue;
    fail(o->e, ELBO_E_USAGE, "%s: too many numbers; ask for fewer rows", name);
    return NULL;
  }
  float *values = name ? arena_get(o->arena, count, sizeof *values, o->e) : NULL;
  if (!values) return NULL;
  a->values = values;
  o->n++;
  return values;
}

elbo_status arrays_begin(arrays_out *o, arena *a, error *e)
{
  *o = (arrays_out){ .arena = a, .e = e };
  if (!a) return e->status;
  o->list = arena_get(a, ARRAYS_MOST, sizeof *o->list, e);
  return e->status;
}

const elbo_named_array *elbo_arrays_find(const elbo_arrays *a, const char *name)
{
  for (size_t i = 0; i < a->n; i++)
    if (!strcmp(a->arrays[i].name, name)) return &a->arrays[i];
  return NULL;
}

static double gib(uint64_t bytes)
{
  return (double)bytes / (1 << 30);
}

/* Before the first byte is written: do they fit into one archive? */
static elbo_status check_npz(const elbo_arrays *a, const char *path, error *e)
{
  uint64_t all = 0, most = 0;
  size_t at = 0;
  for (size_t i = 0; i < a->n; i++) {
    const elbo_named_array *x = &a->arrays[i];
    uint64_t bytes = npz_bytes(x->name, x->rank, x->dims);
    if (bytes > most) most = bytes, at = i;
    all = bytes < UINT64_MAX - all ? all + bytes : UINT64_MAX;
  }
  if (all < NPZ_MOST) return ELBO_DONE;
  return fail(e, ELBO_E_USAGE,
              "%s: %zu arrays of %.1f GiB together, \"%s\" alone %.1f GiB; an .npz file holds less "
              "than 4 GiB; take fewer rows (-n), or .npy, which has no such limit",
              path, a->n, gib(all), a->arrays[at].name, gib(most));
}

elbo_status arrays_as_npz(const elbo_arrays *a, const char *path, error *e)
{
  npz *z = check_npz(a, path, e) ? NULL : npz_begin(path, e);
  if (!z) return e->status;
  for (size_t i = 0; i < a->n; i++) {
    const elbo_named_array *x = &a->arrays[i];
    if (!npz_add(z, x->name, x->values, x->rank, x->dims, e)) continue;
    npz_abandon(z);
    return e->status;
  }
  return npz_commit(z, e);
}

elbo_status elbo_arrays_write(elbo_context *ctx, const elbo_arrays *a, const char *path)
{
  error *e = context_enter(ctx);
  size_t n = strlen(path);
  if (n < 5 || strcasecmp(path + n - 4, ".npz"))
    return fail(e, ELBO_E_USAGE, "%s: several arrays go into one file ending in .npz", path);
  return arrays_as_npz(a, path, e);
}

elbo_status arrays_by_ending(const arrays_writer *writers, size_t n, const void *what,
                             const char *path, error *e)
{
  text known = { 0 };
  size_t length = strlen(path);
  for (size_t i = 0; i < n; i++) {
    size_t m = strlen(writers[i].ending);
    if (length > m && !strcasecmp(path + length - m, writers[i].ending))
      return text_free(&known), writers[i].write(what, path, e);
    text_format(&known, "%s%s (%s)", i ? ", " : "", writers[i].ending, writers[i].holds);
  }
  fail(e, ELBO_E_USAGE, "%s: the ending says what is written; known are %s", path,
       known.s ? known.s : "");
  text_free(&known);
  return e->status;
}
