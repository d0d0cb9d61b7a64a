/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a data file is, and which loaded families have a density at its raw values. */
#include "infer/context.h"
#include "infer/resolve.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
  [KIND_IDX] = "idx", [KIND_NPY] = "npy", [KIND_CSV] = "csv", [KIND_BUILTIN] = "builtin"
};

/* "length,width" or "3,4": what is digits alone is a number. The names are cut out of `words`. */
static elbo_status split_columns(char *words, data_column *to, error *e)
{
  for (char *next; words; words = next, to++) {
    next = strchr(words, ',');
    if (next) *next++ = '\0';
    bool digits = words[0] && !words[strspn(words, "0123456789")];
    *to = digits ? (data_column){ .number = strtoul(words, NULL, 10) }
                 : (data_column){ .name = words };
    if (digits ? !to->number : !words[0])
      return fail(e, ELBO_E_USAGE,
                  "columns: found \"%s\", expected names or numbers from 1 with commas between "
                  "them, as in length,width",
                  words);
  }
  return ELBO_DONE;
}

static elbo_status read_columns(const char *file, const char *columns, array *a, error *e)
{
  data_columns pick = { .n = 1 };
  arena *kept = arena_new(e);
  if (!kept) return e->status;
  for (const char *s = columns; *s; s++) pick.n += *s == ',';
  char *words = arena_string(kept, columns, e);
  data_column *at = arena_get(kept, pick.n, sizeof *at, e);
  pick.at = at;
  if (words && at && !split_columns(words, at, e)) array_read_columns(file, &pick, 0, a, e);
  arena_free(kept);
  return e->status;
}

static elbo_status read_array(const char *file, const char *columns, array *a, error *e)
{
  enum { BUILTIN_ROWS = 1000 };
  const char *prefix = "builtin:";
  size_t n = strlen(prefix);
  bool builtin = !strncmp(file, prefix, n);
  if (builtin && columns)
    return fail(e, ELBO_E_USAGE, "%s: columns are picked from a csv file; a builtin has none",
                file);
  if (builtin) return builtin_make(file + n, 1, 0, BUILTIN_ROWS, a, NULL, e);
  if (columns) return read_columns(file, columns, a, e);
  if (array_open(file, 0, a, e) || a->file) return e->status;
  return array_read(file, 0, a, e);
}

static bool add_sum(const dataset *d, size_t skipped, void *user)
{
  const array *a = &d->x;
  double *sum = user;
  (void)skipped;
  for (size_t i = d->first * a->D, n = i + d->rows * a->D; i < n; i++)
    *sum += a->type == ARRAY_U8 ? (double)a->u8[i] : (double)a->f32[i];
  return true;
}

static void add_support(text *t, const data_facts *f)
{
  if (f->binary)
    text_add(t, "0 or 1");
  else if (f->integers)
    text_format(t, "whole numbers from %.9g to %.9g", f->low, f->high);
  else if (f->low >= 0 && f->high <= 1)
    text_format(t, "between 0 and 1, %zu values exactly 0 and %zu exactly 1", f->at_low,
                f->at_high);
  else if (f->low > 0)
    text_add(t, "positive numbers");
  else
    text_add(t, f->low == 0 ? "numbers from 0 up" : "real numbers");
}

static void add_families(text *t, const elbo_context *ctx, const data_facts *f)
{
  int classes = f->integers && f->low >= 0 && f->high < 1e6 ? (int)f->high + 1 : 1;
  const char *between = "";
  for (size_t i = 0; i < registry_count(ctx->registry); i++) {
    const plugin *p = registry_at(ctx->registry, i);
    const elbo_family *family = p->info.table;
    if (strcmp(p->info.kind, "family") != 0 || !support_fits(family, f, classes, NULL)) continue;
    text_format(t, "%s%s", between, family->name);
    between = ", ";
  }
}

static elbo_status add_words(elbo_context *ctx, const data_facts *f, elbo_data_info *info, error *e)
{
  text *t = &ctx->scratch;
  text_free(t);
  *t = (text){ 0 };
  add_support(t, f);
  text_add_n(t, "", 1); /* the NUL between the two */
  size_t families = t->n;
  add_families(t, ctx, f);
  if (t->failed) return fail(e, ELBO_E_MEMORY, "no memory for the words about a data file");
  info->support = t->s;
  info->families = t->s + families;
  return ELBO_DONE;
}

elbo_status elbo_data_inspect(elbo_context *ctx, const char *file, const char *columns,
                              elbo_data_info *info)
{
  error *e = context_enter(ctx);
  dataset d = { 0 };
  data_facts f;
  double sum = 0;
  if (read_array(file, columns, &d.x, e)) return e->status;
  d.rows = d.x.rows;
  if (dataset_facts(&d, &f, e)) {
    if (d.x.file) error_prefix(e, "%s", file);
  } else if (!dataset_pass(&d, add_sum, &sum, e)) {
    *info = (elbo_data_info){
      .kind = kind_names[d.x.kind],
      .compressed = d.x.compressed,
      .type = d.x.type == ARRAY_U8 ? "u8" : "f32",
      .rows = d.x.rows,
      .numbers = d.x.D,
      .rank = d.x.rank,
      .low = f.low,
      .high = f.high,
      .mean = sum / (double)(d.x.rows * d.x.D),
      .integers = f.integers,
      .binary = f.binary,
      .constant_columns = f.constant_columns,
    };
    memcpy(info->shape, d.x.dims, sizeof info->shape);
    add_words(ctx, &f, info, e);
  }
  array_free(&d.x);
  return e->status;
}
