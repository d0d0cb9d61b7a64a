/* SPDX-License-Identifier: GPL-3.0-or-later */
/* estimator.h - the estimators an experiment may name: an objective, a gradient road for each latent, and whether known KLs are used. Each is a row
 * in a file of its own in core/infer/estimators/; the table joins them. f_k = log p(x, z_k) - log q(z_k | x). */
#ifndef ELBO_INFER_ESTIMATOR_H
#define ELBO_INFER_ESTIMATOR_H

#include "graph/ops.h"

typedef struct estimator_kind {
  const char *name, *help, *source; /* source: author, year */
  const bound_rule *objective;      /* elbo or iwae, or the exact sum of enumerate */
  /* The road of a latent: one of the two. */
  bool pathwise;     /* through the draw: a reparametrizer is needed */
  score_rule *score; /* by grad log q: the weight of each sample; the draw itself has no derivative */
  bool uses_kl;      /* a known KL replaces the sampled term, by the per-latent rule */
  bool hold_q;       /* the weights of q are held still inside log q */
  bool scale_path;   /* the gradient by z is multiplied by the path weight once more (dreg) */
  bool enumerates;   /* samples are all points of the support, not draws */
  bool no_chains;    /* refused where a latent has a latent parent in q */
  int min_samples;   /* K at least */
} estimator_kind;
extern const estimator_kind *const estimator_table[];
extern const int n_estimators;
const estimator_kind *estimator_find(const char *name); /* NULL: not there */

/* Does it need a plain mean of f, differentiated as it stands? Then no weights are computed at all. */
static inline bool estimator_is_plain(const estimator_kind *k, const bound_rule *elbo)
{
  return k->pathwise && !k->score && k->objective == elbo && !k->scale_path;
}

/* ---- objectives, shared (estimators/bounds.c) */
extern const bound_rule bound_elbo; /* (1/K) sum f_k */
extern const bound_rule bound_iwae; /* log (1/K) sum exp f_k (Burda et al. 2016, eq. 8) */
double samples_mean(samples_view f);
/* log (1/K) sum exp f_k, without overflow; -inf where all are. */
double samples_log_mean_exp(samples_view f);

#endif
