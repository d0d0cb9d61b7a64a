/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/estimators/estimators.h"

/* c is f at relaxed values, with the discrete densities continued between their points, times the
   scale (their eta). Beside f: [f(z_k) - c(given z_k)] grad log q(z_k), and the paths of c at the
   relaxed values, plus, and at those given z_k, minus (their section 3; unbiased for every scale
   that does not depend on the draws: decisions/015). */
static void weigh(const row_samples *s, float *to, size_t stride)
{
  double share = 1 / (double)s->f.K, of_c = s->scale * share;
  for (size_t k = 0; k < s->f.K; k++) {
    float *w = to + k * stride;
    w[0] = (float)(share * (double)s->f.at[k * s->f.stride] -
                   of_c * (double)s->given.at[k * s->given.stride]);
    w[1] = (float)of_c;
    w[2] = -(float)of_c;
  }
}

const estimator_kind estimator_rebar = {
  .name = "rebar",
  .help = "score with f at relaxed values as the control variate",
  .source = "Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017, section 3",
  .objective = &bound_elbo,
  .score = weigh,
  .hold_q = true,
  .controls = true,
  .no_chains =
      "its draw follows its parents' draws and has no derivative by their relaxed values; take "
      "score_loo",
};
