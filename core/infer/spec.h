/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/infer: from a described experiment to numbers: resolving, building the objective,
 * estimators, optimizers, the trainer, and what is done with a trained model. Depends on nn, dist,
 * graph, data, io.
 *
 * spec.h - an experiment as plain data, exactly as its file says it, defaults filled in; config/
 * makes it from YAML and writes it back. All strings and arrays belong to the experiment's arena.
 * Every part remembers its place in the file, so that whatever is found wrong later is reported
 * there. */
#ifndef ELBO_INFER_SPEC_H
#define ELBO_INFER_SPEC_H

#include "base/error.h"
#include "base/mem.h"
#include "data/dataset.h"
#include "nn/net.h"

/* A parameter of a family as the file gives it; one that is not given is absent from the list. */
typedef enum { GIVEN_CONSTANT, GIVEN_LEARN, GIVEN_HEAD } given_kind;
typedef struct param_spec {
  const char *name; /* as given: "loc", "log_var", "probs" */
  place at;
  given_kind kind;
  /* constant: n_values numbers in the given form (1: for every event; else size of them, or size
   * K); learn: the `init`, n_values 0 or 1 or size */
  double *values;
  size_t n_values;
  bool share_event; /* head: one number for the whole event, {share: event} */
} param_spec;

/* One line of p or q: a variable given its parents. */
typedef struct conditional {
  const char *variable;
  place at;
  const char *family;
  place family_at;
  const char **given;
  int n_given;
  place given_at;
  int64_t size; /* independent events; 0: not written (q, observed) */
  place size_at;
  int64_t dim; /* K; 0: not written */
  net_spec net;
  param_spec *params;
  int n_params;
  const char *reparam; /* NULL: the family's own road */
  place reparam_at;
  const char *gradient; /* q only: estimator of this latent; NULL: the default */
  place gradient_at;
  bool improper; /* p, observed: `improper: allow` */
} conditional;

typedef struct data_spec {
  const char *variable;
  place at;
  const char *train, *test; /* absolute paths, or NULL */
  const char *builtin;      /* or NULL */
  int64_t rows, test_rows;  /* of a builtin; defaults 10000 and 1000 */
  int64_t limit;            /* data.x.limit; 0: none */
  data_columns columns;     /* of its text files; none: all */
  prepare prepare;
  place prepare_at;
  int64_t shape[3]; /* rank 0: not written */
  int shape_rank;
} data_spec;

typedef struct estimator_spec {
  const char *name; /* of estimator_table (infer/estimator.h), or "auto" */
  place at;
  int64_t samples; /* K, default 1 */
  /* a number t: from = to = t, epochs 0; from 0: not given */
  double temperature_from, temperature_to, temperature_epochs;
  place temperature_at;
  double scale; /* of rebar's control variate, default 1 */
  place scale_at;
  bool density_relaxed; /* density: discrete (default) | relaxed */
  place density_at;
  int noise; /* noise_kind, default iid */
  place noise_at;
} estimator_spec;

enum { OPTIMIZER_HYPERS = 6, SCHEDULE_HYPERS = 3 };
typedef struct optimizer_spec {
  int kind; /* row of optimizer_table (infer/optimizer.h); default adam */
  place at;
  double learning_rate;
  double hyper[OPTIMIZER_HYPERS]; /* in the order of the row's `hypers`, defaults filled in */
  double weight_decay;            /* default 0 */
  double clip;                    /* of the gradient's norm; 0: none */
  int schedule;                   /* row of schedule_table; default constant */
  double schedule_hyper[SCHEDULE_HYPERS];
} optimizer_spec;

typedef struct train_spec {
  place at;
  int64_t epochs, batch_size; /* defaults 10, 100 */
  place batch_at;
  int64_t log_every;                /* steps; 0: each epoch only */
  int64_t checkpoint_every;         /* steps; 0: each epoch */
  bool keep_best;                   /* keep: last (default) | best */
  int64_t patience;                 /* epochs; 0: none */
  double kl_from, kl_to, kl_epochs; /* a number b: from = to = b, epochs 0 */
} train_spec;

/* auto: when the numbers of all files would take more than STREAM_BYTES of memory. */
typedef enum { STREAM_AUTO, STREAM_NO, STREAM_YES } stream_kind;
enum { STREAM_BYTES = 1 << 30, BUFFER_BYTES = 1 << 28 };

typedef struct experiment {
  arena *arena;
  const char *file;   /* as named on the command line, for messages */
  const char *folder; /* absolute, of the file */
  const char *name;   /* default: the file's name without its ending */
  uint64_t seed;      /* default 1 */
  data_spec *data;
  int n_data;
  place data_at;
  const char *labels_train, *labels_test; /* absolute paths or NULL */
  data_columns labels_column;             /* of a text file: one, or none */
  place labels_at;
  int64_t limit;
  place limit_at;
  int stream;     /* stream_kind: do rows stay in their files? */
  int64_t buffer; /* rows held at a time; 0: BUFFER_BYTES of them */
  place stream_at;
  double validate; /* the last part of the training rows, 0 .. <1 */
  conditional *p, *q;
  int n_p, n_q;
  place model_at;
  bool has_weight_prior;
  conditional weight_prior; /* family and params only */
  estimator_spec estimator;
  optimizer_spec optimizer;
  train_spec train;
} experiment;

#endif
