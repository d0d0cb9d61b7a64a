/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn/net.h"

#include <math.h>
#include <string.h>

static double glorot(size_t in, size_t out, double scale)
{
  (void)scale;
  return sqrt(6.0 / (double)(in + out));
}

static double he(size_t in, size_t out, double scale)
{
  (void)out, (void)scale;
  return sqrt(2.0 / (double)in);
}

static double normal(size_t in, size_t out, double scale)
{
  (void)in, (void)out;
  return scale;
}

static double lecun(size_t in, size_t out, double scale)
{
  (void)out, (void)scale;
  return 1 / sqrt((double)in);
}

const init_kind init_table[] = {
  { "glorot", "uniform within sqrt(6 / (in + out)) (Glorot and Bengio 2010, eq. 16)", glorot, 1,
    0 },
  { "he", "normal of standard deviation sqrt(2 / in) (He et al. 2015, eq. 10)", he, 0, 0 },
  { "normal", "normal of standard deviation `scale` (0.01: Kingma and Welling 2014, section 5)",
    normal, 0, 0 },
  { "torch",
    "weights and biases uniform within 1 / sqrt(in): what PyTorch starts a linear layer with "
    "(after LeCun et al. 1998, section 4.6)",
    lecun, 1, 1 },
};
const int n_inits = sizeof init_table / sizeof *init_table;

/* FNV-1a (Fowler, Noll and Vo): a tensor's stream follows from its name, so that adding a layer
 * elsewhere moves nothing here. */
static uint64_t name_stream(const char *s)
{
  uint64_t h = 14695981039346656037u;
  for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
  return h;
}

static void init_drawn(const named_tensor *t, uint64_t seed, float *w)
{
  const init_kind *kind = &init_table[t->init];
  double spread = kind->spread(t->fan_in, t->dims[0], t->init_scale);
  elbo_noise n = { .key = philox_make_key(seed ^ STREAM_INIT, name_stream(t->name)) };
  for (size_t i = 0; i < t->count; i++) {
    n.element = (uint32_t)i;
    n.draw = 0;
    w[i] = (float)(spread * (kind->uniform ? 2 * noise_uniform(&n) - 1 : noise_normal(&n)));
  }
}

void init_params(const graph *g, uint64_t seed, float *params)
{
  memset(params, 0, graph_param_floats(g) * sizeof *params);
  for (int i = 0; i < graph_tensor_count(g); i++) {
    const named_tensor *t = graph_tensor(g, i);
    if (t->role == TENSOR_WEIGHT || (t->role == TENSOR_BIAS && init_table[t->init].biases))
      init_drawn(t, seed, params + t->at);
    if (t->start) memcpy(params + t->at, t->start, t->count * sizeof *params);
  }
}
