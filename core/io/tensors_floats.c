/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/text.h"
#include "io/tensor_types.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "[3, 4]", as messages show it. */
typedef struct {
  char s[128];
} shape_words;

static shape_words name_shape(int rank, const size_t *dims)
{
  shape_words w = { "[" };
  size_t n = 1;
  for (int i = 0; i < rank && i < TENSOR_RANK; i++)
    n += (size_t)snprintf(w.s + n, sizeof w.s - n, "%s%zu", i ? ", " : "", dims[i]);
  snprintf(w.s + n, sizeof w.s - n, "]");
  return w;
}

static elbo_status check_shape(const tensor *t, int rank, const size_t *dims, error *e)
{
  if (t->rank == rank && memcmp(t->dims, dims, sizeof *dims * (size_t)rank) == 0) return ELBO_DONE;
  bool swapped = t->rank == 2 && rank == 2 && t->dims[0] == dims[1] && t->dims[1] == dims[0];
  return fail(e, ELBO_E_CHECKPOINT,
              "tensor '%s': has shape %s, expected %s%s; take the checkpoint of this experiment",
              t->name, name_shape(t->rank, t->dims).s, name_shape(rank, dims).s,
              swapped ? ": it is transposed" : "");
}

static double number_at(const tensor *t, size_t i)
{
  return t->type == TENSOR_F64 ? ((const double *)t->at)[i] : ((const float *)t->at)[i];
}

static elbo_status refuse_number(const tensor *t, size_t i, error *e)
{
  size_t index[TENSOR_RANK] = { 0 }, rest = i;
  for (int d = t->rank - 1; d >= 0; d--) {
    index[d] = rest % t->dims[d];
    rest /= t->dims[d];
  }
  text v = { 0 };
  text_number(&v, number_at(t, i), 9);
  fail(e, ELBO_E_CHECKPOINT,
       "tensor '%s': has %s at %s, expected finite floats; take an earlier checkpoint", t->name,
       v.s ? v.s : "no finite float", name_shape(t->rank, index).s);
  text_free(&v);
  return ELBO_E_CHECKPOINT;
}

static elbo_status copy(const tensor *t, int rank, const size_t *dims, float *out, error *e)
{
  if (t->type != TENSOR_F32 && t->type != TENSOR_F64)
    return fail(e, ELBO_E_CHECKPOINT,
                "tensor '%s': has dtype %s, expected F32 or F64; take the checkpoint of this "
                "experiment",
                t->name, tensor_type_rows[t->type].name);
  if (check_shape(t, rank, dims, e)) return ELBO_E_CHECKPOINT;
  for (size_t i = 0; i < t->count; i++) {
    out[i] = (float)number_at(t, i);
    if (!isfinite(out[i])) return refuse_number(t, i, e);
  }
  return ELBO_DONE;
}

elbo_status tensors_floats(const tensors *t, const char *name, int rank, const size_t *dims,
                           float *out, error *e)
{
  error here = { 0 };
  const tensor *found = tensors_find(t, name);
  if (found)
    copy(found, rank, dims, out, &here);
  else
    fail(&here, ELBO_E_CHECKPOINT,
         "tensor '%s': is missing; take the checkpoint of this experiment", name);
  if (!here.status) return ELBO_DONE;
  return fail(e, here.status, "%s: %s", tensors_path(t), here.text);
}
