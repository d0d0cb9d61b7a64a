/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * run_fixture.h - for the tests of what is done with a run: a run directory made of an experiment's
 * text and of parameters that the test sets. */
#ifndef TEST_RUN_FIXTURE_H
#define TEST_RUN_FIXTURE_H

#include "infer/checkpoint.h"
#include "infer/run_inside.h"
#include <elbo/elbo.h>

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char plugin_dir[]; /* the build folder of plugins/ */

static elbo_context *context;
static char folder[64];

static inline void fixture_start(void)
{
  const char *directories[] = { plugin_dir, NULL };
  elbo_context_options o = { .size = sizeof o,
                             .directories = directories,
                             .trust_plugins = true,
                             .backend = "openblas",
                             .threads = 2 };
  ck_assert_msg(!elbo_context_new(&o, &context), "%s", elbo_last_error(context));
  strcpy(folder, "/tmp/elbo-test-run-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline const char *in_folder(const char *name)
{
  static char path[4][128];
  static int i;
  char *p = path[i++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", folder, name);
  return p;
}

static inline void fixture_end(void)
{
  static const char *const names[] = { "experiment.yaml", "checkpoint.safetensors",
                                       "a.png",           "a.npy",
                                       "a.svg",           "a.csv" };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
  ck_assert_int_eq(rmdir(folder), 0);
  elbo_context_free(context);
}

static inline void write_text(const char *name, const char *words)
{
  FILE *f = fopen(in_folder(name), "w");
  ck_assert_ptr_nonnull(f);
  fputs(words, f);
  ck_assert_int_eq(fclose(f), 0);
}

/* A tensor's numbers in the parameter vector. */
static inline float *tensor_of(const graph *g, float *params, const char *name)
{
  for (int i = 0; i < graph_tensor_count(g); i++)
    if (!strcmp(graph_tensor(g, i)->name, name)) return params + graph_tensor(g, i)->at;
  ck_abort_msg("no tensor %s", name);
  return NULL;
}

/* Writes the run directory: `set` changes the parameters, which start as training would start
 * them. */
static inline elbo_run *make_run(const char *yaml, void (*set)(const graph *g, float *params))
{
  elbo_experiment *x;
  model_graph mg;
  elbo_run *r;
  error e = { 0 };
  write_text("experiment.yaml", yaml);
  ck_assert_msg(!elbo_experiment_open(context, in_folder("experiment.yaml"), NULL, &x), "%s",
                elbo_last_error(context));
  ck_assert_msg(
      !model_build(x->study->model, &(graph_options){ GRAPH_DECODE, 1, 1, false }, &mg, &e), "%s",
      e.text);
  float *params = mem_new_aligned(graph_param_floats(mg.g), sizeof *params, "parameters", &e);
  init_params(mg.g, x->study->x->seed, params);
  if (set) set(mg.g, params);
  checkpoint_io c = { .graph = mg.g, .params = params, .versions = "{}", .experiment = "" };
  ck_assert_msg(!checkpoint_write(in_folder("checkpoint.safetensors"), &c, &e), "%s", e.text);
  mem_free(params);
  model_graph_free(&mg);
  elbo_experiment_free(x);
  ck_assert_msg(!elbo_run_open(context, folder, NULL, NULL, &r), "%s", elbo_last_error(context));
  return r;
}

#endif
