/* SPDX-License-Identifier: GPL-3.0-or-later */
/* contest.h - one comparison under way: the estimators take turns as the study's model. */
#ifndef ELBO_COMPARE_CONTEST_H
#define ELBO_COMPARE_CONTEST_H

#include "base/clock.h"
#include "infer/compare/sampler.h"
#include "infer/compare/timing.h"
#include "infer/context.h"

#include <elbo/compare.h>

/* The exact expectation, or a long run of an unbiased estimator, on steps of its own. */
typedef struct reference {
  char objective[32], without[32], name[64]; /* `without`: the estimator it may not be */
  size_t place;                              /* among the candidates */
  long samples;                              /* of objectives that depend on K, else 0 */
  /* NULL: no other estimator of this objective applies */
  moments *m;
  struct reference *next;
} reference;

/* One that is compared: an estimator, its number of samples and, or NULL, its road. */
typedef struct entry {
  const char *estimator, *reparam;
  long samples;
  bool refused; /* it does not apply */
  double ms[TIMING_ROUNDS];
} entry;

typedef struct contest {
  study *s;
  elbo_compare_options o;
  error *e;
  data_facts facts[MODEL_MAX_VARIABLES];
  model *own; /* the experiment's, put back at the end */
  estimator_spec own_estimator;
  const char *own_roads[MODEL_MAX_VARIABLES];
  sampler sampler;
  long repeats;
  entry *entries;
  size_t n_entries, entry_room;
  reference *references;
  elbo_compare_row *rows;
  size_t n, room;
  elbo_compare_curve *curves;
  size_t n_curves, curve_room;
  /* progress */
  const char *what;
  double done, planned; /* estimates, weighed by their samples */
  double weight;        /* of one estimate of the present run */
  double started, shown;
} contest;

/* The study's model becomes that of an estimator; reparam NULL: the experiment's own roads. One
   that refuses the experiment's noise gets iid, which the study's experiment then says.
   ELBO_E_USAGE with `why` filled: it does not apply, and the context has no error. */
elbo_status contest_resolve(contest *c, const char *estimator, long samples, const char *reparam,
                            char *why, size_t n);
/* Fills every entry's ms, and says which are refused. */
elbo_status contest_time(contest *c);
/* The reference of an objective that is not a run of the same estimator; NULL with an error. */
const reference *contest_reference(contest *c, const char *objective, long samples,
                                   const char *estimator);
/* Lets go of those of bounds of another number of samples. */
void contest_forget(contest *c, long samples);
/* Trains every estimator that applies for the time in which the cheapest does `epochs`; fills the
 * curves. */
elbo_status contest_train(contest *c);
elbo_status contest_stopped(contest *c);
void contest_report(contest *c, double fraction, double seconds_left);

#endif
