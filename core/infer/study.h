/* SPDX-License-Identifier: GPL-3.0-or-later */
/* study.h - an experiment with its data and its resolved model: what every command works on; and a
 * machine: one of the model's graphs, ready to run. */
#ifndef ELBO_INFER_STUDY_H
#define ELBO_INFER_STUDY_H

#include "base/text.h"
#include "data/feeder.h"
#include "infer/model.h"

typedef enum { SPLIT_TRAIN, SPLIT_VALIDATE, SPLIT_TEST, SPLITS } split_kind;
const char *split_name(split_kind k);

typedef struct study {
  const registry *registry;
  const elbo_backend *backend;
  int threads;
  experiment *x;   /* owned */
  text resolved;   /* the experiment with every default written out */
  char digest[20]; /* of what must be the same to resume: all of it but the number of epochs */
  model *model;    /* owned */
  /* [n_data] by feed, or empty (rows 0): the windows of validate share the training arrays. */
  dataset data[SPLITS][MODEL_MAX_VARIABLES];
  size_t rows[SPLITS];  /* 0: there is no such split */
  array labels[SPLITS]; /* u8 or f32 of rank 0; rows 0: none. Validate: those of train */
  label_words words;    /* of labels that are words; n 0: they are numbers */
  int n_data;
  bool shuffled_by_blocks; /* some training rows stay in their files, so all are in this order: */
  row_order order;
  double pass_seconds; /* that looking through files took */
  size_t pass_bytes;
} study;

/* Takes over x. Reads the data, collects facts, resolves. All problems go to `p` (with their
 *places) and the call returns their status; on error out is NULL. `overrides`: "VARIABLE=FILE"
 *pairs that replace the test data, or NULL. */
elbo_status study_open(const registry *r, const elbo_backend *backend, int threads, experiment *x,
                       const char *const *overrides, study **out, problems *p, error *e);
void study_free(study *s);
size_t study_data_bytes(const study *s);

/* A sealed graph of the study's model with its own run, pool and feeds. Parameters and gradients
 * are the caller's. */
typedef struct machine {
  study *study;
  model_graph mg;
  pool *pool;
  run *run;
  bool owns_pool;
  float *params, *grads; /* borrowed */
  /* what the feeds read: set before each run */
  const dataset *source[MODEL_MAX_VARIABLES];
  const uint32_t *index; /* [batch] rows of the split */
  /* the same rows as they were fetched, of sources that stay in their files; else NULL */
  const void *const *at[MODEL_MAX_VARIABLES];
  const void **room[MODEL_MAX_VARIABLES]; /* [batch] for at; NULL: no split stays in a file */
  void *fetched[MODEL_MAX_VARIABLES];     /* [batch] rows */
  uint32_t visit;
  /* dense [batch][numbers] instead of the data set, by feed; or NULL */
  const float *given[MODEL_MAX_VARIABLES * 2];
  struct feed_slot {
    struct machine *machine;
    int feed;
  } slots[MODEL_MAX_VARIABLES * 2];
  feed feeds[MODEL_MAX_VARIABLES * 2];
  size_t numbers[MODEL_MAX_VARIABLES * 2]; /* a row of each feed */
} machine;
/* pool NULL: one of the study's threads is made and owned. params NULL: the layout only (params of
 * graph_param_floats must be set before running). */
elbo_status machine_new(study *s, const graph_options *o, pool *shared, float *params, float *grads,
                        machine **out, error *e);
void machine_free(machine *m);
/* Reads from a split, at index[0..n). What stays in a file is fetched here. */
elbo_status machine_feed_split(machine *m, split_kind split, const uint32_t *index, size_t n,
                               uint32_t visit, error *e);
/* The same of training rows that were fetched: m->room[f] is filled where it is not NULL. */
void machine_feed_fetched(machine *m, const uint32_t *index, uint32_t visit);
/* Feed f (model->n_feeds + k: the k-th latent in p's order, of GRAPH_DECODE) takes these
 * numbers. */
void machine_feed_values(machine *m, int feed, const float *values);
elbo_status machine_forward(machine *m, size_t batch, uint64_t step, uint64_t sample_offset,
                            error *e);

/* difference.c: the first key that two resolved experiments do not share, as "KEY was A and is B";
   epochs, which may be more, are left out. false: there is none, or no memory for the words. */
bool experiment_difference(const char *was, const char *is, text *words);

#endif
