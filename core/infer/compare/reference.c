/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a bias is measured against: the sum over the support where there is one, or over all draws
 * of it, the exact expectation where the model is linear and Gaussian, else a long run of the least
 * variable unbiased estimator. An estimator is never its own reference: it would agree with itself,
 * however wrong. But those that go by a path (sgvb_a, sgvb_b, stl, and iwae, dreg) share one pull
 * through the draw, and are each other's references where nothing is exact: an error of the pull
 * is in both and cancels in part, often most of it. The whole of it shows at score_loo, which uses
 * no pull and is held against them. As a reference of theirs it would rarely decide: its variance
 * is up to tens of times theirs. */
#include "infer/compare/contest.h"
#include "infer/compare/cubature.h"
#include "infer/compare/tuples.h"

#include <stdio.h>
#include <string.h>

enum { FEWEST = 20, REFERENCE_TIMES = 4, REFERENCE_SAMPLES = 10, WAKE_TIMES = 64 };
static const uint64_t REFERENCE_STEPS = (uint64_t)1 << 30;

typedef struct candidate {
  const char *objective, *estimator;
  long samples; /* 0: those of the one that is compared */
  long times;   /* .. and times this; 0: once */
  enum {
    RUN,      /* many gradients, or, where all latents are enumerated, one */
    CUBATURE, /* the exact expectation, where cubature_is_exact */
    TUPLES,   /* that of K draws, where tuples_fit */
  } way;
} candidate;
/* In the order in which they are tried. rws reaches the wake objective's limit by phi as K grows.
 */
static const candidate candidates[] = {
  { "elbo", "enumerate", 1, 0, RUN },
  { "elbo", "sgvb_b", 1, 0, CUBATURE },
  { "elbo", "sgvb_a", 1, 0, CUBATURE },
  { "elbo", "sgvb_b", REFERENCE_SAMPLES, 0, RUN },
  { "elbo", "sgvb_a", REFERENCE_SAMPLES, 0, RUN },
  { "elbo", "score_loo", REFERENCE_SAMPLES, 0, RUN },
  { "elbo", "score", REFERENCE_SAMPLES, 0, RUN },
  { "iwae", "enumerate", 0, 0, TUPLES },
  { "iwae", "dreg", 0, 0, RUN },
  { "iwae", "iwae", 0, 0, RUN },
  { "iwae", "vimco", 0, 0, RUN },
  { "wake", "enumerate", 0, 0, TUPLES },
  { "wake", "rws", 0, WAKE_TIMES, RUN },
};

/* A latent may have a road of its own (`gradient:`), and then the sum is not over everything. */
static bool is_exact(const model *m)
{
  for (int i = 0; i < m->n_q; i++)
    if (!m->variable[m->q_order[i]].estimator->enumerates) return false;
  return true;
}

static elbo_status run_long(contest *c, const candidate *k, reference *r, long K)
{
  bool exact = is_exact(c->s->model);
  long repeats =
      REFERENCE_TIMES * c->repeats / (k->times ? k->times : 1); /* many samples need fewer */
  if (repeats < FEWEST) repeats = FEWEST;
  if (exact) repeats = 1;
  if (k->way == TUPLES)
    snprintf(r->name, sizeof r->name, "%s, all draws of K %ld", k->estimator, K);
  else if (exact)
    snprintf(r->name, sizeof r->name, "%s", k->estimator);
  else
    snprintf(r->name, sizeof r->name, "%s, K %ld, %ld gradients", k->estimator, K, repeats);
  c->what = r->name;
  c->weight = (double)K;
  c->planned += (double)repeats * c->weight;
  return sampler_run(&c->sampler, REFERENCE_STEPS, repeats, &r->m, c->e);
}

static elbo_status run_reference(contest *c, const candidate *k, reference *r, long samples)
{
  char why[512] = "";
  long K = (k->samples ? k->samples : samples) * (k->times ? k->times : 1);
  if (contest_resolve(c, k->estimator, K, NULL, why, sizeof why))
    return why[0] ? ELBO_DONE : c->e->status;
  if (k->way == CUBATURE && !cubature_is_exact(c->s->model)) return ELBO_DONE;
  if (k->way == TUPLES) {
    if (!tuples_fit(c->s->model, (size_t)K, c->sampler.batch)) return ELBO_DONE;
    tuples_take(c->s->model, strcmp(k->objective, "wake") ? &bound_iwae : &bound_wake, (size_t)K);
  }
  if (k->way != CUBATURE) return run_long(c, k, r, K);
  snprintf(r->name, sizeof r->name, "exact (linear-Gaussian), by %s", k->estimator);
  return cubature_run(&c->sampler, &r->m, c->e);
}

static bool may_be(const candidate *k, const char *objective, const char *without)
{
  return !strcmp(k->objective, objective) && (k->times || strcmp(k->estimator, without));
}

/* Was a candidate up to this place passed over, since it is the estimator itself? */
static bool passed_over(const char *objective, const char *estimator, size_t place)
{
  for (size_t i = 0; i <= place; i++)
    if (!strcmp(candidates[i].objective, objective) &&
        !may_be(&candidates[i], objective, estimator))
      return true;
  return false;
}

/* One reference serves all for which the same candidates come before it: the first that applies. */
static bool serves(const reference *r, const char *objective, long samples, const char *estimator)
{
  if (strcmp(r->objective, objective) || r->samples != samples) return false;
  return !strcmp(r->without, estimator) || (r->m && !passed_over(objective, estimator, r->place) &&
                                            !passed_over(objective, r->without, r->place));
}

const reference *contest_reference(contest *c, const char *objective, long samples,
                                   const char *estimator)
{
  long K = strcmp(objective, "elbo") ? samples : 0;
  for (reference *r = c->references; r; r = r->next)
    if (serves(r, objective, K, estimator)) return r;
  reference *r = mem_new(1, sizeof *r, "a reference", c->e);
  if (!r) return NULL;
  snprintf(r->objective, sizeof r->objective, "%s", objective);
  snprintf(r->without, sizeof r->without, "%s", estimator);
  r->samples = K;
  r->next = c->references;
  c->references = r;
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates && !r->m && !c->e->status; i++)
    if (may_be(&candidates[i], objective, estimator)) {
      r->place = i;
      run_reference(c, &candidates[i], r, samples);
    }
  return c->e->status ? NULL : r;
}

void contest_forget(contest *c, long samples)
{
  for (reference **at = &c->references, *r; (r = *at);) {
    if (r->samples == 0 || r->samples == samples) {
      at = &r->next;
      continue;
    }
    *at = r->next;
    moments_free(r->m);
    mem_free(r);
  }
}
