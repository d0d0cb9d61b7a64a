/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public experiment: file to study to plan. What fails is reported whole, a line a problem. */
#include "base/zip.h"
#include "config/config.h"
#include "infer/context.h"
#include "infer/optimizer.h"
#include "num/special.h"

#include <stdio.h>

/* The digest leaves out the number of epochs, so that a run can be resumed with more of them. */
static elbo_status describe(study *s, error *e)
{
  text same = { 0 };
  int64_t epochs = s->x->train.epochs;
  if (experiment_write(s->x, s->registry, &s->resolved, e)) return e->status;
  s->x->train.epochs = 1;
  if (!experiment_write(s->x, s->registry, &same, e))
    snprintf(s->digest, sizeof s->digest, "%08x%08zx", crc32_of(0, same.s, same.n), same.n);
  s->x->train.epochs = epochs;
  text_free(&same);
  return e->status;
}

elbo_status study_from_file(elbo_context *ctx, const char *file, const char *const *settings,
                            const char *const *data, study **out)
{
  error *e = &ctx->error;
  problems p = { .file = file };
  experiment *x = NULL;
  int n = 0;
  *out = NULL;
  for (; settings && settings[n]; n++) {
  }
  elbo_status status = experiment_read(file, settings, n, ctx->registry, &x, &p);
  if (!p.n && !status)
    status = study_open(ctx->registry, ctx->backend, ctx->threads, x, data, out, &p, e);
  else
    experiment_free(x);
  problems_error(&p, e);
  problems_free(&p);
  if (*out && (*out)->pass_bytes)
    context_log(ctx, 0, "data: looked through %.3g GB of files for their range in %.1f s",
                (double)(*out)->pass_bytes * 1e-9, (*out)->pass_seconds);
  if (!e->status && status) fail(e, status, "%s: it could not be read", file);
  if (!e->status && describe(*out, e)) {
    study_free(*out);
    *out = NULL;
  }
  return e->status;
}

/* ---- the public object */
static elbo_status measure(elbo_experiment *x, error *e)
{
  study *s = x->study;
  graph_options o = { .purpose = GRAPH_TRAIN,
                      .batch = (size_t)s->x->train.batch_size,
                      .samples = s->model->samples };
  model_graph mg;
  if (!model_build(s->model, &o, &mg, e)) {
    size_t vectors = 2 + (size_t)optimizer_table[s->x->optimizer.kind].n_state;
    x->parameters = graph_param_count(mg.g);
    x->memory = study_data_bytes(s) + graph_arena_bytes(mg.g) +
                vectors * graph_param_floats(mg.g) * sizeof(float);
  }
  model_graph_free(&mg);
  return e->status;
}

elbo_status elbo_experiment_open(elbo_context *ctx, const char *file, const char *const *settings,
                                 elbo_experiment **out)
{
  error *e = context_enter(ctx);
  *out = NULL;
  elbo_experiment *x = mem_new(1, sizeof *x, "the experiment", e);
  if (!x) return e->status;
  x->ctx = ctx;
  if (study_from_file(ctx, file, settings, NULL, &x->study) ||
      model_plan(x->study->model, &x->plan, e) || measure(x, e)) {
    elbo_experiment_free(x);
    return e->status;
  }
  char products[256] = "";
  if (ctx->backend->describe) ctx->backend->describe(products, sizeof products);
  text_format(&x->plan, "size: %zu learned numbers, %zu bytes in all\n", x->parameters, x->memory);
  text_format(&x->plan, "machine: %d threads; products by %s; loops for %s\n", ctx->threads,
              products[0] ? products : ctx->backend->name,
              cpu_level_name(registry_level(ctx->registry)));
  if (x->plan.failed) {
    elbo_experiment_free(x);
    return fail(e, ELBO_E_MEMORY, "out of memory while the plan is written");
  }
  *out = x;
  return ELBO_DONE;
}

void elbo_experiment_free(elbo_experiment *x)
{
  if (!x) return;
  study_free(x->study);
  text_free(&x->plan);
  text_free(&x->dump);
  mem_free(x->ops);
  mem_free(x->compared);
  text_free(&x->compared_json);
  mem_free(x);
}

const char *elbo_experiment_name(const elbo_experiment *x)
{
  return x->study->x->name;
}

const char *elbo_experiment_plan(const elbo_experiment *x)
{
  return x->plan.s;
}

size_t elbo_experiment_parameters(const elbo_experiment *x)
{
  return x->parameters;
}

size_t elbo_experiment_memory(const elbo_experiment *x)
{
  return x->memory;
}

const char *elbo_experiment_text(const elbo_experiment *x)
{
  return x->study->resolved.s;
}

const char *elbo_experiment_graph(elbo_experiment *x, bool dot)
{
  error *e = context_enter(x->ctx);
  study *s = x->study;
  graph_options o = { .purpose = GRAPH_TRAIN,
                      .batch = (size_t)s->x->train.batch_size,
                      .samples = s->model->samples };
  model_graph mg;
  text_free(&x->dump);
  if (!model_build(s->model, &o, &mg, e)) graph_dump(mg.g, dot, &x->dump);
  model_graph_free(&mg);
  if (!e->status && x->dump.failed) fail(e, ELBO_E_MEMORY, "out of memory while drawing the graph");
  return e->status ? NULL : x->dump.s;
}

const char *elbo_experiment_keys(elbo_context *ctx)
{
  error *e = context_enter(ctx);
  text_free(&ctx->scratch);
  return experiment_keys(&ctx->scratch, e) ? NULL : ctx->scratch.s;
}
