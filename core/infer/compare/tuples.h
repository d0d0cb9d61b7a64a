/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tuples.h - the exact expectation of objectives of K draws where all latents can be enumerated.
 * With q_s and w_s of the n states of a row,
 *   iwae   E[log (1/K) sum_k w_k], the sum over all K-tuples of states of their probability times
 *          their bound; equal tuples but for the order are taken together, C(n + K - 1, K) of them
 *   wake   theta climbs the same; phi climbs -KL(p(z|x) || q), whose gradient is the sum of
 *          p(s|x) grad log q_s (Bornschein and Bengio 2015, eq. 5, as K grows) */
#ifndef ELBO_COMPARE_TUPLES_H
#define ELBO_COMPARE_TUPLES_H

#include "infer/model.h"

/* Are all latents enumerated, and so few that a row takes no longer than some tenths of a second?
 */
bool tuples_fit(const model *m, size_t draws, size_t rows);
/* Makes the objective of a model of which they are that of `draws` draws: bound_iwae or
 * bound_wake. */
void tuples_take(model *m, const bound_rule *objective, size_t draws);

#endif
