/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

static void weigh(const row_samples *s, float *to, size_t stride)
{
  bound_wake.path(s, to, stride);
}

/* phi climbs -KL(p(z|x) || q), theta the iwae bound, which is the number reported. */
const estimator_kind estimator_rws = {
  .name = "rws",
  .help = "wake phase: sum of normalised weights times grad log q; BIASED at finite K",
  .source = "Bornschein and Bengio 2015, eq. 5",
  .objective = &bound_wake,
  .score = weigh,
  .hold_q = true,
  .owns_log_q = true,
};
