/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/nn: builders that put networks into a graph. Depends on graph.
 *
 * net.h - multilayer perceptrons with heads. A net is a list of layers to everything above; new
 * kinds of layer are new builders here. Parameters are made first and used afterwards, so that
 * every graph of a model, whatever it computes, has the same parameter vector. */
#ifndef ELBO_NN_NET_H
#define ELBO_NN_NET_H

#include "graph/graph.h"
#include "num/philox.h"

/* Initialisers: how a weight [out,in] starts; a bias starts at 0 unless the row says otherwise. */
typedef struct init_kind {
  const char *name, *help;
  /* The half-width of a uniform draw, or the standard deviation of a normal one (uniform 0), for
   * fan_in and fan_out. */
  double (*spread)(size_t fan_in, size_t fan_out, double scale);
  int uniform, biases; /* biases: they are drawn like the weights */
} init_kind;
extern const init_kind init_table[];
extern const int n_inits;

/* A net as an experiment file describes it. */
typedef struct net_spec {
  bool present;
  place at;
  size_t *hidden;
  int n_hidden;
  int activation;    /* row of activation_table; default tanh */
  int init;          /* row of init_table; default torch */
  double init_scale; /* of `normal`: standard deviation; default 0.01 */
  double dropout;    /* probability of dropping a hidden unit in training; default 0 */
} net_spec;

/* One output of a net: `rows` numbers, named by the working form of a parameter. */
typedef struct head_spec {
  const char *name;
  size_t rows;
} head_spec;

enum { NET_MAX_LAYERS = 32, NET_MAX_HEADS = 8 };
/* The parameters of a net: weight and bias of each hidden layer, and of all heads together, which
   lie one behind the other in one matrix so that they cost one product. */
typedef struct net_params {
  node_id weight[NET_MAX_LAYERS + 1], bias[NET_MAX_LAYERS + 1]; /* [n_hidden]: the heads */
  /* columns of each head in the last layer's output */
  size_t first[NET_MAX_HEADS], rows[NET_MAX_HEADS];
  const char *name[NET_MAX_HEADS]; /* "q.z.head.loc" */
  int n_heads;
} net_params;

/* Makes and names the parameters of a net on `in` numbers: PREFIX.net.I.weight [out,in],
 * PREFIX.net.I.bias, PREFIX.head.NAME.weight, .bias. */
elbo_status net_make_params(graph *g, const char *prefix, const net_spec *s, size_t in,
                            const head_spec *heads, int n_heads, net_params *out, error *e);
/* Puts the net into the graph: x [R][in] -> one node for each head, [R][rows]. dropout_stream: of
 * the first hidden layer; the following ones count up. hold: no gradient reaches the parameters. */
elbo_status net_build(graph *g, const char *prefix, const net_spec *s, const net_params *p,
                      node_id x, uint64_t dropout_stream, bool hold, node_id *heads, error *e);
/* First values of every tensor of the graph: a function of the seed, the tensor's name and the
 * element. */
void init_params(const graph *g, uint64_t seed, float *params);

#endif
