/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What training leaves to look at: a hundred samples, and reconstructions beside their originals.
 * Data that are no image leave points (two numbers a row) or nothing. */
#include "base/file.h"
#include "infer/run_inside.h"

enum { SAMPLES = 100, RECONSTRUCTIONS = 50, COLUMNS = 10 };

static elbo_status leave(elbo_run *r, const elbo_array *a, const char *directory, const char *name,
                         error *e)
{
  char *path = path_join(directory, name, e);
  if (path) elbo_array_write(r->ctx, a, path, COLUMNS);
  mem_free(path);
  return e->status;
}

static elbo_status leave_all(elbo_run *r, const char *directory, error *e)
{
  elbo_array a;
  size_t numbers, height, width;
  if (elbo_run_shape(r, NULL, &numbers, &height, &width)) return e->status;
  bool image = height * width > 0;
  if (!image && numbers != 2) return ELBO_DONE;
  if (elbo_run_sample(r, image ? SAMPLES : 10 * SAMPLES, r->study->x->seed, !image, &a))
    return e->status;
  if (leave(r, &a, directory, image ? "samples.png" : "samples.svg", e) || !image) return e->status;
  size_t rows = r->study->rows[run_split(r)];
  if (elbo_run_reconstruct(r, rows < RECONSTRUCTIONS ? rows : RECONSTRUCTIONS, r->study->x->seed,
                           &a))
    return e->status;
  return leave(r, &a, directory, "reconstructions.png", e);
}

elbo_status run_leave_pictures(elbo_context *ctx, study *s, float *params, const char *directory,
                               error *e)
{
  elbo_run r = { .ctx = ctx, .study = s, .params = params };
  /* A plugin that can't answer gives no picture; that is no reason to lose the run. */
  if (leave_all(&r, directory, e) == ELBO_E_PLUGIN) {
    context_log(ctx, 0, "no pictures: %s", e->text);
    error_clear(e);
  }
  mem_free(r.values);
  mem_free(r.latents);
  text_free(&r.likelihood);
  return e->status;
}
