/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model.h - a resolved model: every name bound, every size known, every combination that makes no
 * sense refused; and the graphs made from it. Resolving needs the experiment, the registry and
 * facts about the data, and allocates nothing of size. */
#ifndef ELBO_INFER_MODEL_H
#define ELBO_INFER_MODEL_H

#include "dist/ops.h"
#include "infer/estimator.h"
#include "infer/spec.h"

enum { MODEL_MAX_VARIABLES = 32 };

/* Where a working parameter comes from. */
typedef struct param_plan {
  enum { FROM_CONSTANT, FROM_LEARN, FROM_HEAD } kind; /* a standard value is a constant too */
  bool standard;                                      /* taken because nothing was given */
  bool shared;    /* a head of one event's width, for all events */
  double *values; /* constant, and start of learn: [d width] working numbers */
  char working_name[64];
} param_plan;

/* p(v | parents) or q(v | parents). */
typedef struct side {
  const conditional *spec; /* NULL: not there (observed in q, inputs in both) */
  family_use use;
  size_t d; /* independent events: the value's numbers as this family cuts them */
  param_plan param[FAMILY_MAX_PARAMS];
  int parent[MODEL_MAX_VARIABLES], n_parents; /* variables, in the order of `given` */
  size_t in;                                  /* numbers the net sees */
  road_use road; /* q: how it is drawn, where a pathwise estimator needs it */
  net_params net;
  node_id free[FAMILY_MAX_PARAMS]; /* parameter nodes of learned free parameters, per graph */
} side;

typedef enum { VARIABLE_LATENT, VARIABLE_OBSERVED, VARIABLE_INPUT } variable_role;
typedef struct variable {
  const char *name;
  variable_role role;
  const data_spec *data; /* observed, input */
  int feed;              /* index among data variables; -1 for a latent */
  size_t d; /* independent events; where p and q cut the numbers differently, the larger ones */
  int K;
  size_t numbers, seen; /* of a value; of what a network sees of it */
  int dims[4], rank;    /* image shape of an observed variable, rank 0: none */
  data_facts facts;     /* observed, input */
  side p, q;
  /* latent */
  const estimator_kind *estimator;
  relax_use *relax; /* of an estimator that relaxes; NULL: none does */
  noise_tie noise;  /* how its draws hang together in training */
  bool uses_kl;     /* the KL is known and may be used, by the per-latent rule */
  const char *why_not_kl;
  bool kl_known;
  kl_use kl;
} variable;

typedef struct model {
  const experiment *x;
  const registry *registry;
  arena *arena; /* of names and values */
  variable variable[MODEL_MAX_VARIABLES];
  int n;
  int p_order[MODEL_MAX_VARIABLES], n_p; /* variables with a p, parents first, else as written */
  int q_order[MODEL_MAX_VARIABLES], n_q; /* latents, parents first */
  int n_feeds;
  const estimator_kind *estimator; /* the default one; of `auto`: what it chose */
  const char *estimator_reason;    /* of `auto` */
  const bound_rule *objective;     /* what is climbed */
  score_rule *score;               /* of the latents on a score road; NULL: none is */
  /* samples are weighed one by one: not the plain mean of f along its paths */
  bool weighs;
  bool baseline; /* f is compared with a moving average */
  bool controls; /* f at relaxed values of all latents stands beside f */
  sobol *net;    /* of noise sobol, with so many coordinates in use; else NULL */
  size_t n_coordinates;
  bool enumerates; /* samples are all points of the latents' supports */
  size_t draws;   /* that all points stand for, each by its probability: compare/tuples.h; else 0 */
  size_t samples; /* K: as the experiment says, or the number of points */
  bool has_prior;
  family_use prior;
  double prior_values[FAMILY_MAX_PARAMS];
  size_t N; /* rows of the training data */
} model;

/* facts [n_data] in the order of x->data. Everything that is wrong goes to `p` at its place in the
 * file; the model is usable only if `p` stays empty. */
elbo_status model_resolve(const experiment *x, const registry *r, const data_facts *facts,
                          model **out, problems *p, error *e);
void model_free(model *m);
/* The resolved plan, a line each: what `elbo train` prints first. `batch`: with sizes of a sealed
 * graph, or NULL. */
/* Of relaxed values after so many epochs (with fraction). */
double model_temperature(const model *m, double epochs);
/* The family that a latent's training draws are of: its own, or the relaxed twin. */
const family_use *variable_drawn(const variable *v);
elbo_status model_plan(const model *m, text *lines, error *e);

/* ---- graphs of a model. All have the same parameters in the same order. */
typedef struct model_graph {
  graph *g;
  node_id data[MODEL_MAX_VARIABLES]; /* value of each data variable, by variable, plain form */
  /* value of each variable, in the form of the family that made it */
  node_id value[MODEL_MAX_VARIABLES];
  node_id plain[MODEL_MAX_VARIABLES]; /* the same in plain form */
  node_id q_param[MODEL_MAX_VARIABLES][FAMILY_MAX_PARAMS],
      p_param[MODEL_MAX_VARIABLES][FAMILY_MAX_PARAMS];
  /* E[v | parents] under p, or with `draw` a draw, plain form; NODE_NONE where not built */
  node_id p_mean[MODEL_MAX_VARIABLES];
  node_id p_draw[MODEL_MAX_VARIABLES]; /* with draw_too: a draw of it */
  node_id drawn[MODEL_MAX_VARIABLES];  /* the draws of latents, where a replay puts them */
  node_id score[MODEL_MAX_VARIABLES];  /* training, score roads: log q whose gradient is taken */
  /* training with a control variate: values of the twin */
  node_id relaxed[MODEL_MAX_VARIABLES], given[MODEL_MAX_VARIABLES];
  /* training, where samples are weighed: the first column those of the paths */
  node_id weights;
  /* [.][1]; NODE_NONE where not used */
  node_id log_p[MODEL_MAX_VARIABLES], log_q[MODEL_MAX_VARIABLES], kl[MODEL_MAX_VARIABLES];
  node_id rows, objective;
} model_graph;

typedef enum {
  GRAPH_TRAIN,       /* the estimator's objective with derivatives; terms kept */
  GRAPH_EVALUATE,    /* all of log p, log q and known KLs, forward only */
  GRAPH_RECONSTRUCT, /* q drawn (K samples) and the means of what is observed */
  /* ancestral: latents drawn from p, then means of what is observed, or draws with `draw` */
  GRAPH_SAMPLE,
  GRAPH_DECODE /* latents fed (feed n_feeds + index in p_order of the latent), means of what is
                  observed */
} graph_purpose;
typedef struct graph_options {
  graph_purpose purpose;
  size_t batch, samples;
  bool no_fuse, dense;   /* as of seal_options */
  bool draw;             /* what is observed is drawn, instead of its mean */
  bool draw_too;         /* GRAPH_RECONSTRUCT: it is drawn beside its mean (p_draw) */
  uint32_t mean_latents; /* GRAPH_DECODE: bit i: latent i is not fed but E[. | parents] under p */
} graph_options;
elbo_status model_build(model *m, const graph_options *o, model_graph *out, error *e);
void model_graph_free(model_graph *mg);

#endif
