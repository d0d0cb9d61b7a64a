/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run directory opened: its study, its parameters, what its numbers are about, and machines of
   bounded memory. */
#include "infer/run_inside.h"
#include "base/file.h"
#include "infer/checkpoint.h"

#include <math.h>
#include <string.h>

/* ---- opening */
/* `keep: best` has left the best parameters beside those to go on with. */
static elbo_status read_parameters(elbo_run *r, const char *directory, error *e)
{
  model_graph mg;
  text path = { 0 };
  text_format(&path, "%s/best.safetensors", directory);
  if (!r->study->x->train.keep_best || path.failed || !file_exists(path.s)) {
    text_free(&path);
    text_format(&path, "%s/checkpoint.safetensors", directory);
  }
  if (path.failed) return fail(e, ELBO_E_MEMORY, "no memory for the name of a checkpoint");
  elbo_status status =
      model_build(r->study->model,
                  &(graph_options){ .purpose = GRAPH_DECODE, .batch = 1, .samples = 1 }, &mg, e);
  if (!status) {
    r->params = mem_new_aligned(graph_param_floats(mg.g), sizeof(float), "the parameters", e);
    status = r->params ? checkpoint_read_params(path.s, mg.g, r->params, NULL, e) : ELBO_E_MEMORY;
  }
  model_graph_free(&mg);
  text_free(&path);
  return status;
}

/* Names of folders are easily mistaken: what a run has is said before its first file is missed. */
static elbo_status look_like_a_run(const char *directory, const char *file, error *e)
{
  bool there;
  if (file_look(file, &there, e) || there) return e->status;
  bool is_file = false;
  if (file_look(directory, &is_file, e)) return e->status;
  if (is_file)
    return fail(e, ELBO_E_USAGE,
                "%s: is a file, expected the directory of a run; `elbo train` leaves one from an "
                "experiment, runs/NAME or what its -o says",
                directory);
  return fail(e, ELBO_E_USAGE,
              "%s: %s; name the directory of a run, as `elbo train FILE -o %s` leaves it, with "
              "experiment.yaml and checkpoint.safetensors in it",
              directory,
              dir_exists(directory) ? "this is no run: it has no experiment.yaml"
                                    : "no such directory",
              directory);
}

elbo_status elbo_run_open(elbo_context *ctx, const char *directory, const char *const *settings,
                          const char *const *data, elbo_run **out)
{
  error *e = context_enter(ctx);
  *out = NULL;
  if (!directory || !*directory) return fail(e, ELBO_E_USAGE, "no run directory was named");
  elbo_run *r = mem_new(1, sizeof *r, "a run", e);
  if (!r) return e->status;
  text file = { 0 };
  text_format(&file, "%s/experiment.yaml", directory);
  r->ctx = ctx;
  elbo_status status = file.failed
                           ? fail(e, ELBO_E_MEMORY, "no memory for the name of an experiment file")
                           : look_like_a_run(directory, file.s, e);
  if (!status) status = study_from_file(ctx, file.s, settings, data, &r->study);
  if (!status) status = read_parameters(r, directory, e);
  text_free(&file);
  if (status)
    elbo_run_free(r);
  else
    *out = r;
  return status;
}

void elbo_run_free(elbo_run *r)
{
  if (!r) return;
  study_free(r->study);
  mem_free(r->params);
  mem_free(r->values);
  mem_free(r->latents);
  mem_free(r->figures);
  text_free(&r->json);
  for (int f = 0; f < MODEL_MAX_VARIABLES; f++) mem_free(r->given[f]);
  arena_free(r->kept);
  text_free(&r->likelihood);
  mem_free(r);
}

const char *elbo_run_name(const elbo_run *r)
{
  return r->study->x->name;
}

/* ---- what a row is */
split_kind run_split(const elbo_run *r)
{
  return r->study->rows[SPLIT_TEST] ? SPLIT_TEST : SPLIT_TRAIN;
}

const variable *run_observed(const elbo_run *r)
{
  const model *m = r->study->model;
  for (int i = 0; i < m->n; i++)
    if (m->variable[i].role == VARIABLE_OBSERVED) return &m->variable[i];
  return NULL;
}

/* [1, height, width] and [height, width, 1] are grey images too. */
void run_image(const variable *v, size_t *height, size_t *width)
{
  const int *dims = v->dims;
  bool first = v->rank == 3 && dims[0] == 1, last = v->rank == 3 && !first && dims[2] == 1;
  bool image = v->rank == 2 || first || last;
  *height = image ? (size_t)dims[first] : 0;
  *width = image ? (size_t)dims[first + 1] : 0;
}

static const variable *observed_named(elbo_run *r, const char *name, error *e)
{
  const model *m = r->study->model;
  const char *names[MODEL_MAX_VARIABLES];
  int n = 0;
  for (int i = 0; i < m->n; i++) {
    if (m->variable[i].role != VARIABLE_OBSERVED) continue;
    if (!name || !strcmp(m->variable[i].name, name)) return &m->variable[i];
    names[n++] = m->variable[i].name;
  }
  const char *near = name ? nearest_word(name, names, n) : NULL;
  if (!name)
    fail(e, ELBO_E_USAGE, "%s has no observed variable", elbo_run_name(r));
  else
    fail(e, ELBO_E_USAGE, "%s has no observed variable \"%s\"; the nearest is \"%s\"",
         elbo_run_name(r), name,
         near ? near
         : n  ? names[0]
              : "");
  return NULL;
}

elbo_status elbo_run_shape(elbo_run *r, const char *name, size_t *numbers, size_t *height,
                           size_t *width)
{
  error *e = context_enter(r->ctx);
  const variable *v = observed_named(r, name, e);
  if (!v) return e->status;
  *numbers = v->numbers;
  run_image(v, height, width);
  return ELBO_DONE;
}

/* ---- machines */
static elbo_status arena_bytes(elbo_run *r, const graph_options *o, size_t *bytes, error *e)
{
  model_graph mg;
  elbo_status status = model_build(r->study->model, o, &mg, e);
  *bytes = status ? 0 : graph_arena_bytes(mg.g);
  model_graph_free(&mg);
  return status;
}

/* The sizes depend on the model alone, never on threads or on free memory: that of a batch is part
   of what numbers the noise. As many samples at a time as a cache may hold: what a product leaves
   is read by the next pass. */
static elbo_status fit_memory(elbo_run *r, graph_options *o, error *e)
{
  const size_t limit = (size_t)64 << 20, cached = (size_t)16 << 20;
  size_t one, two, most = o->samples;
  if (o->batch > RUN_BATCH) o->batch = RUN_BATCH;
  o->samples = 1;
  if (arena_bytes(r, o, &one, e)) return e->status;
  while (one > limit && o->batch > 1) {
    o->batch = (o->batch + 1) / 2;
    if (arena_bytes(r, o, &one, e)) return e->status;
  }
  if (most < 2) return ELBO_DONE;
  o->samples = 2;
  if (arena_bytes(r, o, &two, e)) return e->status;
  size_t fit = two > one ? cached / (two - one) : most;
  o->samples = fit < 1 ? 1 : fit < most ? fit : most;
  return ELBO_DONE;
}

elbo_status run_machine(elbo_run *r, const graph_options *most, uint64_t seed, machine **out,
                        size_t *batch, size_t *chunk, error *e)
{
  graph_options o = *most;
  *out = NULL;
  if (fit_memory(r, &o, e)) return e->status;
  if (r->chunk && r->chunk < o.samples) o.samples = r->chunk;
  if (machine_new(r->study, &o, NULL, r->params, NULL, out, e)) return e->status;
  (*out)->run->env.seed = seed;
  *batch = o.batch;
  *chunk = o.samples;
  return ELBO_DONE;
}

/* ---- what the likelihood is */
bool run_improper(const variable *v)
{
  return v->p.spec->improper && v->p.use.family->support.kind == ELBO_SUP_BINARY &&
         !v->facts.binary;
}

static void add_words(text *t, const variable *v)
{
  const elbo_family *f = v->p.use.family;
  const prepare *how = &v->data->prepare;
  text_format(t, "%s%s: ", t->n ? "; " : "", v->name);
  if (run_improper(v))
    text_format(t, "not a density: %s on grey levels", f->name);
  else if (how->binarize != BINARIZE_NONE)
    text_format(t, "%s on binarized data (%s)", f->name, binarize_name(how->binarize));
  else if (family_is_discrete(f))
    text_format(t, "%s probability of %s", f->name, family_support_text(f));
  else
    text_format(t, "%s density%s on %s", f->name, how->dequantize ? " of dequantized data" : "",
                f->support.kind == ELBO_SUP_UNIT && f->support.closed_low && f->support.closed_high
                    ? "[0,1]"
                    : family_support_text(f));
}

elbo_status run_words(elbo_run *r, bool *improper, error *e)
{
  const model *m = r->study->model;
  text_free(&r->likelihood);
  r->likelihood = (text){ 0 };
  *improper = false;
  for (int i = 0; i < m->n; i++) {
    if (m->variable[i].role != VARIABLE_OBSERVED) continue;
    add_words(&r->likelihood, &m->variable[i]);
    *improper |= run_improper(&m->variable[i]);
  }
  return r->likelihood.failed ? fail(e, ELBO_E_MEMORY, "no memory for the words of a likelihood")
                              : ELBO_DONE;
}

/* Why bits can't be counted; NULL: they can. */
static const char *bits_problem(const variable *v)
{
  const prepare *how = &v->data->prepare;
  if (run_improper(v)) return "the likelihood is not a density";
  if (family_is_discrete(v->p.use.family)) return NULL;
  if (how->clip) return "clipped values have no density";
  return how->dequantize && how->binarize == BINARIZE_NONE
             ? NULL
             : "a density of continuous data is no probability; `dequantize: true` makes whole "
               "numbers comparable";
}

const char *run_bits_problem(const elbo_run *r)
{
  const model *m = r->study->model;
  const char *why = NULL;
  for (int i = 0; i < m->n && !why; i++)
    if (m->variable[i].role == VARIABLE_OBSERVED) why = bits_problem(&m->variable[i]);
  return why;
}

/* A density of dequantized data v = (x + u) / (scale s_j) bounds the probability of the discrete x:
   log P(x) >= E_u log p(x + u) = E_u log p(v) - D log scale - sum_j log s_j
   (Theis, van den Oord and Bethge 2016, section 3.1), s_j those of standardize. Clipped values have
   no such density. */
static double log_volume(const elbo_run *r, const variable *v)
{
  const prepare *how = &v->data->prepare;
  const dataset *d = &r->study->data[run_split(r)][v->feed];
  if (bits_problem(v)) return NAN;
  if (family_is_discrete(v->p.use.family)) return 0;
  double sum = how->scale != 0 ? (double)v->numbers * log(how->scale) : 0;
  for (size_t j = 0; how->standardize && d->scale && j < v->numbers; j++)
    sum += log((double)d->scale[j]);
  return sum;
}

double run_bits(const elbo_run *r, double log_likelihood)
{
  const model *m = r->study->model;
  double dims = 0;
  for (int i = 0; i < m->n; i++) {
    const variable *v = &m->variable[i];
    if (v->role != VARIABLE_OBSERVED) continue;
    log_likelihood -= log_volume(r, v);
    dims += (double)v->numbers;
  }
  return -log_likelihood / (dims * log(2));
}
