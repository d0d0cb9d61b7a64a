/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checkpoints: as tensors alone, as parameters of a small model, and as all that a run resumes. */
#include "fuzz.h"
#include "infer/checkpoint.h"
#include "io/tensors.h"

#include <math.h>

enum { PARAMS = 64 };
static float params[PARAMS], m[PARAMS], v[PARAMS];

/* p.x.net.0.weight [2, 3] and q.z.bias [5] */
static graph *small_model(void)
{
  static graph *g;
  error e = { 0 };
  if (g) return g;
  g = graph_new(&e);
  node_id w = graph_param(g, "w", 2, 3, &e), b = graph_param(g, "b", 1, 5, &e);
  const named_tensor list[] = {
    { .name = "p.x.net.0.weight", .node = w, .count = 6, .rank = 2, .dims = { 2, 3 } },
    { .name = "q.z.bias", .node = b, .count = 5, .rank = 1, .dims = { 5 } }
  };
  for (int i = 0; i < 2; i++)
    fuzz_want(!graph_name_tensor(g, &list[i], &e), "a tensor gets a name");
  fuzz_want(graph_param_floats(g) <= PARAMS, "the model is small");
  return g;
}

static void look_at(const char *path)
{
  tensors *t;
  error e = { 0 };
  elbo_status status = tensors_read(path, 1 << 20, &t, &e);
  fuzz_answer(status, &e);
  unsigned sum = 0;
  for (size_t i = 0; !status && i < tensors_count(t); i++) {
    const tensor *x = tensors_at(t, i);
    size_t width = x->type == TENSOR_U8                             ? 1
                   : x->type == TENSOR_F32 || x->type == TENSOR_U32 ? 4
                                                                    : 8;
    for (size_t k = 0; k < x->count * width; k++) sum += ((const unsigned char *)x->at)[k];
  }
  fuzz_want(sum != 1u << 31, "the data can be read");
  tensors_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  error e = { 0 }, e2 = { 0 };
  char differ[64];
  const char *path = fuzz_file(at, n);
  checkpoint_io c = { .graph = small_model(),
                      .params = params,
                      .state = { m, v },
                      .state_names = { "m", "v" },
                      .versions = "{}",
                      .experiment = "digest" };
  look_at(path);
  elbo_status status = checkpoint_read(path, &c, differ, sizeof differ, &e);
  fuzz_answer(status, &e);
  if (!status) {
    fuzz_want(c.at.epoch >= 0 && c.at.epochs >= 0 && c.at.best_epoch <= c.at.epoch,
              "the state makes sense");
    for (size_t i = 0; i < graph_param_floats(c.graph); i++)
      fuzz_want(isfinite(params[i]), "all weights are finite");
  }
  fuzz_answer(checkpoint_read_params(path, c.graph, params, &c.at, &e2), &e2);
  return 0;
}
