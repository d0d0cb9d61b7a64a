/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/checkpoint.h"
#include "base/text.h"
#include "io/json.h"
#include "io/tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
  CHECKPOINT_LIMIT = 1u << 31
}; /* bytes of a checkpoint at most: what a header may claim is bounded by the file anyway */

static tensor tensor_of(const named_tensor *t, const char *name, const float *base)
{
  tensor out = {
    .name = name, .type = TENSOR_F32, .rank = t->rank, .count = t->count, .at = base + t->at
  };
  for (int k = 0; k < t->rank; k++) out.dims[k] = t->dims[k];
  return out;
}

static elbo_status list_tensors(const checkpoint_io *c, arena *a, tensor *list, size_t *n, error *e)
{
  for (int i = 0; i < graph_tensor_count(c->graph); i++) {
    const named_tensor *t = graph_tensor(c->graph, i);
    list[(*n)++] = tensor_of(t, t->name, c->params);
    for (int s = 0; s < OPTIMIZER_STATES; s++) {
      if (!c->state[s]) continue;
      char *name = arena_format(a, e, "optimizer.%s.%s", c->state_names[s], t->name);
      if (!name) return e->status;
      list[(*n)++] = tensor_of(t, name, c->state[s]);
    }
  }
  return ELBO_DONE;
}

static void write_sums(json_out *j, const char *key, const sums *s)
{
  json_open(j, key, '{');
  json_number(j, "objective", s->objective);
  json_number(j, "reconstruction", s->reconstruction);
  json_number(j, "kl", s->kl);
  json_number(j, "grad_norm", s->grad_norm);
  json_int(j, "rows", (int64_t)s->rows);
  json_int(j, "steps", (int64_t)s->steps);
  json_close(j, '}');
}

static elbo_status state_text(const progress_state *s, text *t, error *e)
{
  json_out j;
  json_begin(&j, t);
  json_open(&j, NULL, '{');
  json_int(&j, "step", (int64_t)s->step);
  json_int(&j, "epoch", s->epoch);
  json_int(&j, "epochs", s->epochs);
  json_number(&j, "best", s->best);
  json_int(&j, "best_epoch", s->best_epoch);
  json_number(&j, "baseline_sum", s->baseline.sum);
  json_number(&j, "baseline_mass", s->baseline.mass);
  json_bool(&j, "finished", s->finished);
  write_sums(&j, "of_epoch", &s->of_epoch);
  write_sums(&j, "of_line", &s->of_line);
  json_close(&j, '}');
  return t->failed ? fail(e, ELBO_E_MEMORY, "out of memory while writing a checkpoint") : ELBO_DONE;
}

elbo_status checkpoint_write(const char *path, const checkpoint_io *c, error *e)
{
  size_t n = 0, room = (1 + OPTIMIZER_STATES) * (size_t)graph_tensor_count(c->graph) + 1;
  char format[16];
  text state = { 0 };
  arena *a = arena_new(e);
  tensor *list = a ? arena_get(a, room, sizeof *list, e) : NULL;
  if (!list || list_tensors(c, a, list, &n, e) || state_text(&c->at, &state, e)) goto out;
  snprintf(format, sizeof format, "%d", CHECKPOINT_FORMAT);
  const char *const meta[] = { "elbo.format",     format,          "elbo.state",
                               state.s,           "elbo.versions", c->versions,
                               "elbo.experiment", c->experiment,   NULL };
  tensors_out out = { .list = list, .n = n, .meta = meta };
  tensors_write(path, &out, e);
out:
  text_free(&state);
  arena_free(a);
  return e->status;
}

/* ---- reading */
/* state: of the optimizer, by its name, or NULL: the parameters themselves */
static elbo_status read_tensors(const tensors *f, const graph *g, const char *state, float *to,
                                error *e)
{
  text name = { 0 };
  for (int i = 0; i < graph_tensor_count(g) && !e->status; i++) {
    const named_tensor *t = graph_tensor(g, i);
    name.n = 0;
    text_format(&name, "%s%s%s%s", state ? "optimizer." : "", state ? state : "", state ? "." : "",
                t->name);
    if (name.failed)
      fail(e, ELBO_E_MEMORY, "out of memory while reading a checkpoint");
    else
      tensors_floats(f, name.s, t->rank, t->dims, to + t->at, e);
  }
  text_free(&name);
  return e->status;
}

static bool known(const graph *g, const char *name)
{
  for (int i = 0; i < graph_tensor_count(g); i++)
    if (!strcmp(graph_tensor(g, i)->name, name)) return true;
  return false;
}

static bool starts(const char *name, const char *with)
{
  return !strncmp(name, with, strlen(with));
}

/* c NULL: whatever an optimizer left is not asked for. */
static bool known_state(const graph *g, const checkpoint_io *c, const char *name)
{
  for (int s = 0; c && s < OPTIMIZER_STATES; s++) {
    size_t n = c->state[s] ? strlen(c->state_names[s]) : 0;
    if (n && !strncmp(name, c->state_names[s], n) && name[n] == '.' && known(g, name + n + 1))
      return true;
  }
  return !c;
}

static elbo_status refuse_extra(const tensors *f, const graph *g, const checkpoint_io *c, error *e)
{
  static const char optimizer[] = "optimizer.";
  for (size_t i = 0; i < tensors_count(f); i++) {
    const char *name = tensors_at(f, i)->name;
    if ((starts(name, "p.") || starts(name, "q.")) && !known(g, name))
      return fail(e, ELBO_E_CHECKPOINT,
                  "tensor %s: the model has no such parameter; is it another experiment's file?",
                  name);
    if (starts(name, optimizer) && !known_state(g, c, name + strlen(optimizer)))
      return fail(
          e, ELBO_E_CHECKPOINT,
          "tensor %s: the optimizer keeps no such numbers; is it another experiment's file?", name);
  }
  return ELBO_DONE;
}

static elbo_status check_format(const tensors *f, error *e)
{
  static const char *const checksums[] = { "elbo.crc32", "elbo.meta_crc32" };
  const char *format = tensors_meta(f, "elbo.format");
  double v;
  if (!format)
    return fail(e, ELBO_E_CHECKPOINT,
                "no \"elbo.format\" in the header: this is no checkpoint of elbo (its weights "
                "alone can be taken "
                "by --init-from)");
  if (!number_read(format, strlen(format), &v) || v < 1 || v > CHECKPOINT_FORMAT)
    return fail(e, ELBO_E_CHECKPOINT,
                "format %s, this program reads 1 to %d: a newer elbo wrote it", format,
                CHECKPOINT_FORMAT);
  for (int i = 0; i < 2; i++)
    if (!tensors_meta(f, checksums[i]))
      return fail(e, ELBO_E_CHECKPOINT,
                  "no \"%s\" in the header, which every checkpoint has: the file is damaged",
                  checksums[i]);
  return ELBO_DONE;
}

static double number_of(const json_value *v, const char *key)
{
  const json_value *at = json_get(v, key);
  return at && json_kind_of(at) == JSON_BOOL ? json_as_int(at) != 0 : json_number_of(at);
}

/* Older files have none: then the first lines after a resume are of what is left of their steps. */
static bool read_sums(const json_value *state, const char *key, sums *s)
{
  const json_value *v = json_get(state, key);
  double rows = v ? number_of(v, "rows") : 0, steps = v ? number_of(v, "steps") : 0;
  *s = (sums){ 0 };
  if (!v) return true;
  if (!(rows >= 0 && rows < 1e15 && steps >= 0 && steps < 1e15)) return false;
  *s = (sums){ number_of(v, "objective"),
               number_of(v, "reconstruction"),
               number_of(v, "kl"),
               number_of(v, "grad_norm"),
               (uint64_t)rows,
               (uint64_t)steps };
  return isfinite(s->objective) && isfinite(s->reconstruction) && isfinite(s->kl) &&
         isfinite(s->grad_norm);
}

/* What is wrong with a state; NULL: nothing. */
static const char *take_state(const json_value *v, progress_state *s)
{
  double step = number_of(v, "step"), epoch = number_of(v, "epoch"),
         best_epoch = number_of(v, "best_epoch"), epochs = number_of(v, "epochs");
  baseline b = { number_of(v, "baseline_sum"), number_of(v, "baseline_mass") };
  if (!(step >= 0 && step < 1e15 && epoch >= 0 && epoch < 1e15 && best_epoch >= 0 &&
        best_epoch <= epoch))
    return "step, epoch or best_epoch is";
  if (!isfinite(b.sum) || !(b.mass >= 0 && b.mass <= 1)) return "baseline_sum or baseline_mass is";
  if (!(epochs >= 0 && epochs < 1e15)) return "epochs is";
  *s = (progress_state){ .step = (uint64_t)step,
                         .epoch = (int64_t)epoch,
                         .epochs = (int64_t)epochs,
                         .best = number_of(v, "best"),
                         .best_epoch = (int64_t)best_epoch,
                         .baseline = b,
                         .finished = number_of(v, "finished") == 1 };
  if (!read_sums(v, "of_epoch", &s->of_epoch) || !read_sums(v, "of_line", &s->of_line))
    return "of_epoch or of_line is";
  return NULL;
}

static elbo_status read_state(const tensors *f, progress_state *s, error *e)
{
  char why[256] = "it is not there";
  const char *at = tensors_meta(f, "elbo.state");
  json_value *v = at ? json_read(at, strlen(at), why, sizeof why) : NULL;
  if (!v) return fail(e, ELBO_E_CHECKPOINT, "header entry \"elbo.state\": %s", why);
  const char *wrong = take_state(v, s);
  json_free(v);
  if (wrong)
    return fail(e, ELBO_E_CHECKPOINT, "header entry \"elbo.state\": %s missing or makes no sense",
                wrong);
  return ELBO_DONE;
}

static elbo_status check_digest(const tensors *f, checkpoint_io *c, error *e)
{
  const char *digest = tensors_meta(f, "elbo.experiment");
  c->other_experiment = c->experiment && (!digest || strcmp(digest, c->experiment));
  if (!c->other_experiment) return ELBO_DONE;
  return fail(e, ELBO_E_CHECKPOINT,
              "it belongs to another experiment: model, data, optimizer or seed differ (%s, "
              "expected %s); take another -o, or its weights alone by --init-from",
              digest ? digest : "no digest", c->experiment);
}

static elbo_status read_all(const tensors *f, checkpoint_io *c, char *differ, size_t n, error *e)
{
  if (check_format(f, e) || check_digest(f, c, e) ||
      read_tensors(f, c->graph, NULL, c->params, e) || read_state(f, &c->at, e))
    return e->status;
  for (int s = 0; s < OPTIMIZER_STATES; s++)
    if (c->state[s] && read_tensors(f, c->graph, c->state_names[s], c->state[s], e))
      return e->status;
  if (refuse_extra(f, c->graph, c, e)) return e->status;
  const char *versions = tensors_meta(f, "elbo.versions");
  if (differ)
    snprintf(differ, n, "%s",
             versions && c->versions && !strcmp(versions, c->versions) ? ""
             : versions                                                ? versions
                                                                       : "unknown");
  return ELBO_DONE;
}

elbo_status checkpoint_read(const char *path, checkpoint_io *c, char *versions_differ, size_t n,
                            error *e)
{
  tensors *f;
  if (tensors_read(path, CHECKPOINT_LIMIT, &f, e)) return e->status;
  if (read_all(f, c, versions_differ, n, e)) error_prefix(e, "%s", path);
  tensors_free(f);
  return e->status;
}

elbo_status checkpoint_read_params(const char *path, const graph *g, float *params,
                                   progress_state *at, error *e)
{
  tensors *f;
  if (tensors_read(path, CHECKPOINT_LIMIT, &f, e)) return e->status;
  if (read_tensors(f, g, NULL, params, e) || refuse_extra(f, g, NULL, e) ||
      (at && read_state(f, at, e)))
    error_prefix(e, "%s", path);
  tensors_free(f);
  return e->status;
}
