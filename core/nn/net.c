/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn/net.h"
#include "graph/ops.h"

static elbo_status name_pair(graph *g, const char *stem, const net_spec *s, node_id weight,
                             node_id bias, size_t first, size_t rows, size_t in, error *e)
{
  named_tensor w = { .name = arena_format(graph_arena(g), e, "%s.weight", stem),
                     .node = weight,
                     .at = first * in,
                     .count = rows * in,
                     .rank = 2,
                     .dims = { rows, in },
                     .role = TENSOR_WEIGHT,
                     .fan_in = in,
                     .init = s->init,
                     .init_scale = s->init_scale };
  named_tensor b = { .name = arena_format(graph_arena(g), e, "%s.bias", stem),
                     .node = bias,
                     .at = first,
                     .count = rows,
                     .rank = 1,
                     .dims = { rows },
                     .role = TENSOR_BIAS,
                     .fan_in = in,
                     .init = s->init,
                     .init_scale = s->init_scale };
  if (!w.name || !b.name) return e->status;
  return graph_name_tensor(g, &w, e) ? e->status : graph_name_tensor(g, &b, e);
}

static elbo_status layer_params(graph *g, const char *stem, size_t out, size_t in, node_id *weight,
                                node_id *bias, error *e)
{
  *weight = graph_param(g, arena_format(graph_arena(g), e, "%s.weight", stem), out, in, e);
  *bias = graph_param(g, arena_format(graph_arena(g), e, "%s.bias", stem), 1, out, e);
  return *weight == NODE_NONE || *bias == NODE_NONE ? e->status : ELBO_DONE;
}

static elbo_status make_heads(graph *g, const char *prefix, const net_spec *s, size_t in,
                              const head_spec *heads, int n_heads, net_params *out, error *e)
{
  size_t total = 0;
  for (int i = 0; i < n_heads; i++) {
    out->first[i] = total, out->rows[i] = heads[i].rows;
    total += heads[i].rows;
  }
  out->n_heads = n_heads;
  if (!n_heads) return ELBO_DONE;
  node_id *w = &out->weight[s->n_hidden], *b = &out->bias[s->n_hidden];
  if (layer_params(g, arena_format(graph_arena(g), e, "%s.head", prefix), total, in, w, b, e))
    return e->status;
  for (int i = 0; i < n_heads; i++) {
    const char *stem = arena_format(graph_arena(g), e, "%s.head.%s", prefix, heads[i].name);
    out->name[i] = stem;
    if (!stem || name_pair(g, stem, s, *w, *b, out->first[i], heads[i].rows, in, e))
      return e->status;
  }
  return ELBO_DONE;
}

elbo_status net_make_params(graph *g, const char *prefix, const net_spec *s, size_t in,
                            const head_spec *heads, int n_heads, net_params *out, error *e)
{
  if (s->n_hidden > NET_MAX_LAYERS)
    return fail(e, ELBO_E_USAGE, "%s: %d hidden layers, at most %d are supported", prefix,
                s->n_hidden, NET_MAX_LAYERS);
  for (int i = 0; i < s->n_hidden; i++) {
    const char *stem = arena_format(graph_arena(g), e, "%s.net.%d", prefix, i);
    if (!stem || layer_params(g, stem, s->hidden[i], in, &out->weight[i], &out->bias[i], e) ||
        name_pair(g, stem, s, out->weight[i], out->bias[i], 0, s->hidden[i], in, e))
      return e->status;
    in = s->hidden[i];
  }
  return make_heads(g, prefix, s, in, heads, n_heads, out, e);
}

static node_id layer(graph *g, const char *name, node_id x, node_id weight, node_id bias, bool hold,
                     error *e)
{
  node_id in[] = { x, hold ? held(weight) : weight, hold ? held(bias) : bias };
  affine_attr attr = { .activation = -1 };
  return graph_add(g, &op_affine, name, in, 3, &attr, sizeof attr, e);
}

elbo_status net_build(graph *g, const char *prefix, const net_spec *s, const net_params *p,
                      node_id x, uint64_t dropout_stream, bool hold, node_id *heads, error *e)
{
  for (int i = 0; i < s->n_hidden; i++) {
    activation_attr act = { s->activation };
    dropout_attr drop = { s->dropout, dropout_stream + (uint64_t)i };
    const char *name = arena_format(graph_arena(g), e, "%s.net.%d", prefix, i);
    x = layer(g, name, x, p->weight[i], p->bias[i], hold, e);
    x = graph_add(g, &op_activation, name, &x, 1, &act, sizeof act, e);
    if (s->dropout > 0) x = graph_add(g, &op_dropout, name, &x, 1, &drop, sizeof drop, e);
  }
  const char *name = arena_format(graph_arena(g), e, "%s.head", prefix);
  if (p->n_heads) x = layer(g, name, x, p->weight[s->n_hidden], p->bias[s->n_hidden], hold, e);
  for (int i = 0; i < p->n_heads; i++) {
    slice_attr a = { p->first[i], p->rows[i] };
    heads[i] = p->n_heads == 1 ? x : graph_add(g, &op_slice, p->name[i], &x, 1, &a, sizeof a, e);
  }
  return x == NODE_NONE || (p->n_heads && heads[p->n_heads - 1] == NODE_NONE) ? e->status
                                                                              : ELBO_DONE;
}
