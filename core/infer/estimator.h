/* SPDX-License-Identifier: GPL-3.0-or-later */
/* estimator.h - the estimators an experiment may name: an objective, a gradient road for each
 * latent, and whether known KLs are used. Each is a row in a file of its own in
 * core/infer/estimators/; the table joins them. f_k = log p(x, z_k) - log q(z_k | x). */
#ifndef ELBO_INFER_ESTIMATOR_H
#define ELBO_INFER_ESTIMATOR_H

#include "graph/ops.h"
#include "num/philox.h"

typedef struct estimator_kind {
  const char *name, *help, *source; /* source: author, year */
  const bound_rule *objective;      /* elbo, iwae or wake, or the exact sum of enumerate */
  /* The road of a latent: one of the two. */
  bool pathwise; /* through the draw: a reparametrizer is needed */
  /* by grad log q: the weight of each sample; the draw itself has no derivative */
  score_rule *score;
  bool uses_kl; /* a known KL replaces the sampled term, by the per-latent rule */
  bool hold_q;  /* the weights of q are held still inside log q */
  /* log q's own part of the gradient of f is in the score weights: log q in f has none, not even
   * by a parent that is on a path */
  bool owns_log_q;
  bool scale_path; /* the gradient by z is multiplied by the path weight once more (dreg) */
  bool enumerates; /* samples are all points of the support, not draws */
  bool relaxes;    /* the value is that of the family's relaxed twin */
  bool controls;   /* f at relaxed values is a control variate; then of all latents */
  /* samples come in antithetic pairs, whose difference takes the place of grad log q */
  bool mirrors;
  bool baseline;  /* f is compared with a moving average */
  bool any_noise; /* samples may hang together: antithetic, sobol */
  /* why it is refused where a latent has a latent parent in q; NULL: it is not */
  const char *no_chains;
  int min_samples; /* K at least */
} estimator_kind;
extern const estimator_kind *const estimator_table[];
extern const int n_estimators;
const estimator_kind *estimator_find(const char *name); /* NULL: not there */
/* Says so, with the nearest and all that are known; `more` ends the message. */
elbo_status estimator_unknown(const char *name, const char *more, error *e);

/* Does it need a plain mean of f, differentiated as it stands? Then no weights are computed at
 * all. */
static inline bool estimator_is_plain(const estimator_kind *k, const bound_rule *elbo)
{
  return k->pathwise && !k->score && k->objective == elbo && !k->scale_path;
}

/* ---- objectives, shared (estimators/bounds.c) */
extern const bound_rule bound_elbo; /* (1/K) sum f_k */
extern const bound_rule bound_iwae; /* log (1/K) sum exp f_k (Burda et al. 2016, eq. 8) */
extern const bound_rule bound_wake; /* the same for theta; phi climbs -KL(p(z|x) || q) */
double samples_mean(samples_view f);
/* log (1/K) sum exp f_k, without overflow; -inf where all are. */
double samples_log_mean_exp(samples_view f);
void score_mean(const row_samples *s, float *to, size_t stride); /* a score_rule: f_k / K */

/* ---- the moving average of f that excludes the present draws, in nats */
typedef struct baseline {
  double sum, mass; /* of past means of f with weights that fade, and of the weights */
} baseline;
double baseline_value(const baseline *b); /* 0 before the first step */
void baseline_see(baseline *b, double mean_f);

/* ---- noise, by noise_kind */
extern const char *const noise_names[];
extern const int n_noises;

#endif
