/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_evaluate.h - an evaluation under way: run_evaluate.c sums what whole rows add up to, and
 * run_evaluate_units.c what each latent number does. Letters: B rows of a batch, K samples. */
#ifndef ELBO_INFER_RUN_EVALUATE_H
#define ELBO_INFER_RUN_EVALUATE_H

#include "infer/run_inside.h"
#include "io/json.h"

typedef struct evaluator {
  elbo_run *r;
  const model *m;
  machine *machine;
  error *e;
  elbo_evaluate_options o;
  size_t K, chunk, B;    /* B of the plan */
  size_t first, batch;   /* rows of this batch */
  size_t done;           /* samples before this chunk */
  size_t units, numbers; /* events and numbers of all latents */
  bool no_mean;
  uint32_t *index;                      /* [B] */
  double *reconstruction, *kl, *weight; /* [B] sums over k; log w of one sample */
  double *top, *sum, *squares; /* [B] sum_k w_k = sum exp(top), sum_k w_k^2 = squares exp(2 top) */
  size_t tail;                 /* largest weights of a row that are kept; 0: too few samples */
  double *tails, *fit;         /* [B][tail + 1] heaps of log w; [tail + 1] */
  float *figures;              /* [rows][EVALUATION_FIGURES], or NULL */
  double *mean;                /* [B][numbers] sums over k of E_q[z] */
  double *unit_kl;             /* [units] sums over rows and k */
  float *value, *other;        /* [B], [B]: of one unit */
  float *rows;                 /* [B][numbers] */
  row_moments all_elbo, all_reconstruction, all_kl, all_likelihood, all_ess, all_khat,
      *active;  /* over rows; active [numbers] */
  double heavy; /* rows of k-hat above 0.7 */
} evaluator;

/* ---- run_evaluate_json.c: the members of an object that is open */
void evaluation_members(json_out *j, const elbo_evaluation *v);

/* ---- looking at the graph */
static inline const node *evaluator_node(const evaluator *v, node_id id)
{
  return graph_node(v->machine->mg.g, id);
}

/* The rows of sample k of this chunk, from column `at` on: one row for all, the batch again for
   each sample, or row by row. */
static inline elbo_rows evaluator_view(const evaluator *v, node_id id, size_t k, size_t at)
{
  const node *n = evaluator_node(v, id);
  size_t have = run_rows(v->machine->run, id);
  const float *x = run_value(v->machine->run, id) + at;
  return (elbo_rows){ x + k * v->batch % have * n->ld, have == 1 ? 0 : n->ld };
}

/* One sample of this chunk: v->unit_kl and v->mean grow by it. */
elbo_status evaluate_units(evaluator *v, size_t k);

#endif
