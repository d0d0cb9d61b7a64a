/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inputs that the caller brings, in place of those of the test rows. */
#include "infer/run_inside.h"

#include <string.h>

static const variable *input_named(const elbo_run *r, const char *pair, size_t n, error *e)
{
  const model *m = r->study->model;
  const variable *found = NULL;
  text known = { 0 };
  for (int i = 0; i < m->n; i++) {
    const variable *v = &m->variable[i];
    bool named = strlen(v->name) == n && !memcmp(v->name, pair, n);
    if (named) found = v;
    if (v->role == VARIABLE_INPUT) text_format(&known, "%s%s", known.n ? ", " : "", v->name);
  }
  if (found && found->role != VARIABLE_INPUT)
    fail(e, ELBO_E_USAGE,
         "%s has a density, so it is drawn, not given; inputs of %s: %s. Parts of what is observed "
         "are given to `impute`",
         found->name, elbo_run_name(r), known.n ? known.s : "none");
  else if (!found)
    fail(e, ELBO_E_USAGE, "given \"%s\": expected VARIABLE=FILE with an input of %s: %s", pair,
         elbo_run_name(r), known.n ? known.s : "it has none");
  text_free(&known);
  return e->status ? NULL : found;
}

static elbo_status check_rows(const elbo_run *r, const variable *v, const array *a,
                              const char *path, error *e)
{
  if (a->D != v->numbers)
    return fail(e, ELBO_E_DATA, "%s: a row has %zu numbers, one of input %s %zu", path, a->D,
                v->name, v->numbers);
  if (r->given_rows && a->rows != r->given_rows)
    return fail(e, ELBO_E_DATA, "%s: %zu rows, but another input was given %zu", path, a->rows,
                r->given_rows);
  return ELBO_DONE;
}

static elbo_status prepare_rows(elbo_run *r, const variable *v, const array *a, error *e)
{
  dataset d =
      r->study->data[SPLIT_TRAIN][v->feed]; /* its preparation, with standardize's numbers */
  d.x = *a, d.first = 0, d.rows = a->rows;
  float *rows = mem_new(a->rows * v->numbers, sizeof *rows, "inputs", e);
  if (!rows) return e->status;
  for (size_t i = 0; i < a->rows; i++)
    dataset_rows(&d, &(uint32_t){ (uint32_t)i }, NULL, 1, RUN_VISIT, rows + i * v->numbers);
  mem_free(r->given[v->feed]);
  r->given[v->feed] = rows;
  r->given_rows = a->rows;
  return ELBO_DONE;
}

elbo_status elbo_run_give(elbo_run *r, const char *const *given)
{
  error *e = context_enter(r->ctx);
  for (int f = 0; f < MODEL_MAX_VARIABLES; f++) {
    mem_free(r->given[f]);
    r->given[f] = NULL;
  }
  r->given_rows = 0;
  for (; given && *given && !e->status; given++) {
    size_t n = strcspn(*given, "=");
    array a = { 0 };
    const variable *v = input_named(r, *given, n, e);
    if (!v) break;
    const char *path = *given + n + ((*given)[n] == '=');
    const data_columns *pick = &r->study->x->data[v->feed].columns;
    if (!array_read_columns(path, pick, 0, &a, e) && !check_rows(r, v, &a, path, e))
      prepare_rows(r, v, &a, e);
    array_free(&a);
  }
  return e->status;
}

elbo_status elbo_run_latent(elbo_run *r, const char *name, size_t *first, size_t *numbers)
{
  error *e = context_enter(r->ctx);
  const model *m = r->study->model;
  const char *names[MODEL_MAX_VARIABLES];
  int n = 0;
  *first = *numbers = 0;
  for (int k = 0; k < m->n_p; k++) {
    const variable *v = &m->variable[m->p_order[k]];
    if (v->role != VARIABLE_LATENT) continue;
    *numbers = v->numbers;
    if (!strcmp(v->name, name)) return ELBO_DONE;
    *first += v->numbers;
    names[n++] = v->name;
  }
  const char *near = nearest_word(name, names, n);
  return fail(e, ELBO_E_USAGE, "%s has no latent variable \"%s\"; %s is \"%s\"", elbo_run_name(r),
              name, near ? "the nearest" : "the first",
              near ? near
              : n  ? names[0]
                   : "");
}
