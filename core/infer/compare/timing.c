/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/compare/contest.h"
#include "base/sort.h"

#include <math.h>
#include <string.h>

/* Puts x in order. */
static double median(double x[TIMING_ROUNDS])
{
  sort_doubles(x, TIMING_ROUNDS);
  return 0.5 * (x[(TIMING_ROUNDS - 1) / 2] + x[TIMING_ROUNDS / 2]);
}

/* The spread is the median distance from the median, times what makes it the deviation of normal
   values; the median of n of them varies by sqrt(pi / 2n) of that. */
timing timing_of(const double ms[TIMING_ROUNDS])
{
  const double of_normal = 1.4826, pi = 3.14159265358979323846;
  double x[TIMING_ROUNDS];
  memcpy(x, ms, sizeof x);
  timing t = { .median = median(x) };
  for (int i = 0; i < TIMING_ROUNDS; i++) x[i] = fabs(x[i] - t.median);
  t.se = of_normal * median(x) * sqrt(pi / 2 / TIMING_ROUNDS);
  return t;
}

/* Few beside those that are counted, and more than the one that warms up. */
static long repeats_a_round(const contest *c)
{
  long n = c->repeats / (5 * TIMING_ROUNDS);
  return n < 2 ? 2 : n;
}

static elbo_status time_entry(contest *c, entry *n, int round)
{
  char why[512] = "";
  if (contest_resolve(c, n->estimator, n->samples, n->reparam, why, sizeof why)) {
    n->refused = why[0];
    return n->refused ? ELBO_DONE : c->e->status;
  }
  long repeats = repeats_a_round(c);
  c->what = "milliseconds of each";
  c->weight = (double)((1 + repeats) * n->samples);
  if (round == 0) c->planned += c->weight * TIMING_ROUNDS;
  return sampler_time(&c->sampler, 1, repeats, &n->ms[round], c->e);
}

/* One model at a time is in memory: each is made anew in every round, which takes less than its
   gradients. */
elbo_status contest_time(contest *c)
{
  for (int round = 0; round < TIMING_ROUNDS; round++)
    for (size_t i = 0; i < c->n_entries; i++)
      if (!c->entries[i].refused && time_entry(c, &c->entries[i], round)) return c->e->status;
  return ELBO_DONE;
}
