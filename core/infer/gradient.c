/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One step, replayed: parameters, batch and draws come from a file, objective and gradients go to
 * another. It is how gradients are compared with other systems, and how a step that was not finite
 * is looked into. */
#include "dist/ops.h"
#include "infer/context.h"
#include "io/tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct replay {
  study *s;
  tensors *file;
  machine *m;
  float *params, *grads;
  float *values[MODEL_MAX_VARIABLES]; /* by variable: data, or draws in their value form */
  const float **draws;                /* [graph_size] */
  size_t batch, samples;
  error *e;
} replay;

static const tensor *find(replay *r, const char *prefix, const variable *v)
{
  char name[512];
  snprintf(name, sizeof name, "%s.%s", prefix, v->name);
  const tensor *t = tensors_find(r->file, name);
  if (!t)
    fail(r->e, ELBO_E_CHECKPOINT, "tensor %s is not in the file; it has to be there for this model",
         name);
  return t;
}

static elbo_status load(replay *r, int i, const tensor *t, int rank, const size_t *dims)
{
  size_t count = 1;
  for (int k = 0; k < rank; k++) count *= dims[k];
  r->values[i] = mem_new(count ? count : 1, sizeof(float), "the replay", r->e);
  if (!r->values[i]) return r->e->status;
  return tensors_floats(r->file, t->name, rank, dims, r->values[i], r->e);
}

/* B is told by the first data tensor, K by the first draw. */
static elbo_status load_data(replay *r)
{
  const model *m = r->s->model;
  for (int i = 0; i < m->n; i++) {
    const variable *v = &m->variable[i];
    if (v->role == VARIABLE_LATENT) continue;
    const tensor *t = find(r, "data", v);
    if (!t) return r->e->status;
    if (!r->batch) r->batch = t->rank == 2 ? t->dims[0] : 0;
    if (!r->batch)
      return fail(r->e, ELBO_E_CHECKPOINT, "tensor %s: expected [B, %zu] with B >= 1", t->name,
                  v->numbers);
    if (load(r, i, t, 2, (size_t[]){ r->batch, v->numbers })) return r->e->status;
  }
  return ELBO_DONE;
}

static void to_value_form(const variable *v, size_t rows, float *z)
{
  double x[4096], y[4096];
  const family_use *u = variable_drawn(v);
  if (u->family->value_form == ELBO_X_PLAIN || u->E > 4096) return;
  for (size_t at = 0; at < rows * v->q.d * (size_t)u->E; at += (size_t)u->E) {
    for (int k = 0; k < u->E; k++) x[k] = (double)z[at + (size_t)k];
    value_from_plain(u->family->value_form, u->E, x, y);
    for (int k = 0; k < u->E; k++) z[at + (size_t)k] = (float)y[k];
  }
}

static elbo_status load_draws(replay *r)
{
  const model *m = r->s->model;
  for (int i = 0; i < m->n_q; i++) {
    const variable *v = &m->variable[m->q_order[i]];
    size_t numbers = v->q.d * (size_t)variable_drawn(v)->E;
    if (v->estimator->enumerates) continue;
    if (v->estimator->controls)
      return fail(r->e, ELBO_E_USAGE,
                  "%s: estimator %s takes more noise than a draw tells, so that a step can't be "
                  "replayed; replay another "
                  "estimator's",
                  v->name, v->estimator->name);
    const tensor *t = find(r, "draw", v);
    if (!t) return r->e->status;
    if (!r->samples) r->samples = t->rank == 3 ? t->dims[0] : 0;
    if (!r->samples)
      return fail(r->e, ELBO_E_CHECKPOINT, "tensor %s: expected [K, %zu, %zu] with K >= 1", t->name,
                  r->batch, numbers);
    if (load(r, m->q_order[i], t, 3, (size_t[]){ r->samples, r->batch, numbers }))
      return r->e->status;
    to_value_form(v, r->samples * r->batch, r->values[m->q_order[i]]);
  }
  if (!r->samples || m->enumerates) r->samples = m->samples;
  return ELBO_DONE;
}

static elbo_status make_ready(replay *r)
{
  study *s = r->s;
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = r->batch, .samples = r->samples };
  model_graph layout;
  if (model_build(s->model, &o, &layout, r->e)) {
    model_graph_free(&layout);
    return r->e->status;
  }
  size_t floats = graph_param_floats(layout.g);
  model_graph_free(&layout);
  r->params = mem_new_aligned(floats, sizeof(float), "parameters", r->e);
  r->grads = mem_new_aligned(floats, sizeof(float), "gradients", r->e);
  if (!r->params || !r->grads || machine_new(s, &o, NULL, r->params, r->grads, &r->m, r->e))
    return r->e->status;
  r->draws = mem_new((size_t)graph_size(r->m->mg.g), sizeof *r->draws, "the replay", r->e);
  if (!r->draws) return r->e->status;
  for (int i = 0; i < s->model->n; i++) {
    const variable *v = &s->model->variable[i];
    if (v->role == VARIABLE_LATENT && r->values[i])
      r->draws[r->m->mg.drawn[i]] = r->values[i];
    else if (v->role != VARIABLE_LATENT)
      machine_feed_values(r->m, v->feed, r->values[i]);
  }
  for (int i = 0; i < graph_tensor_count(r->m->mg.g); i++) {
    const named_tensor *t = graph_tensor(r->m->mg.g, i);
    if (tensors_floats(r->file, t->name, t->rank, t->dims, r->params + t->at, r->e))
      return r->e->status;
  }
  return ELBO_DONE;
}

static elbo_status run_once(replay *r)
{
  step_args a = { .batch = r->batch, .kl_weight = 1, .feeds = r->m->feeds, .replay = r->draws };
  if (run_forward(r->m->run, &a, r->e)) return r->e->status;
  if (!isfinite(*run_value(r->m->run, r->m->mg.objective)))
    return run_find_nonfinite(r->m->run, &a, r->e);
  if (run_backward(r->m->run, r->e)) return r->e->status;
  for (size_t i = 0; i < graph_param_floats(r->m->mg.g); i++)
    if (!isfinite(r->grads[i])) return run_find_nonfinite(r->m->run, &a, r->e);
  return ELBO_DONE;
}

static elbo_status write_answer(replay *r, const char *path)
{
  const graph *g = r->m->mg.g;
  size_t n = 0, count = (size_t)graph_tensor_count(g) + 2;
  arena *a = arena_new(r->e);
  tensor *list = a ? arena_get(a, count, sizeof *list, r->e) : NULL;
  if (!list) goto out;
  list[n++] = (tensor){ .name = "objective",
                        .rank = 1,
                        .dims = { 1 },
                        .count = 1,
                        .at = run_value(r->m->run, r->m->mg.objective) };
  list[n++] = (tensor){ .name = "objective_rows",
                        .rank = 1,
                        .dims = { r->batch },
                        .count = r->batch,
                        .at = run_value(r->m->run, r->m->mg.rows) };
  for (int i = 0; i < graph_tensor_count(g); i++) {
    const named_tensor *t = graph_tensor(g, i);
    char *name = arena_format(a, r->e, "grad.%s", t->name);
    if (!name) goto out;
    list[n++] = (tensor){ .name = name,
                          .rank = t->rank,
                          .dims = { t->dims[0], t->dims[1] },
                          .count = t->count,
                          .at = r->grads + t->at };
  }
  tensors_out out = { .list = list, .n = n };
  tensors_write(path, &out, r->e);
out:
  arena_free(a);
  return r->e->status;
}

elbo_status elbo_gradient_replay(elbo_experiment *x, const char *path, const char *out)
{
  replay r = { .s = x->study, .e = context_enter(x->ctx) };
  if (tensors_read(path, (size_t)1 << 31, &r.file, r.e)) return r.e->status;
  if (load_data(&r) || load_draws(&r) || make_ready(&r) || run_once(&r)) {
    error_prefix(r.e, "%s", path);
    goto done;
  }
  write_answer(&r, out);
done:
  machine_free(r.m);
  tensors_free(r.file);
  for (int i = 0; i < MODEL_MAX_VARIABLES; i++) mem_free(r.values[i]);
  mem_free(r.draws);
  mem_free(r.params);
  mem_free(r.grads);
  return r.e->status;
}
