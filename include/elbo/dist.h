/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/dist.h - questions about distributions, in double precision: densities, tails, quantiles,
 * gradients, moments, divergences and draws of every family that is loaded. */
#ifndef ELBO_DIST_H
#define ELBO_DIST_H

#include <elbo/context.h>

#pragma GCC visibility push(default)

/* Answers questions; keeps its buffers and what it looked up between them. Borrows ctx; used by one
 * thread at a time. */
typedef struct elbo_dist elbo_dist;
elbo_status elbo_dist_new(elbo_context *ctx, elbo_dist **dist);
void elbo_dist_free(elbo_dist *dist);

/* One JSON object -> one JSON object without a newline, in *answer, valid until the next call with
 * `dist`:
 *   {"id":7,"family":"gamma","params":{"concentration":0.5,"rate":2},"op":"log_prob","x":0.3}
 *   {"id":7,"value":-0.22,"grad":{"x":-3.6,"concentration":0.76,"rate":-0.05}}
 * Numbers have 17 digits; "inf", "-inf" and "nan" stand for what JSON can't write, in questions
 * too. ELBO_E_CHECK: the answer is
 *   {"id":7,"error":{"code":"domain","message":".."}}
 * and the codes are syntax, unknown_family, unknown_parameter, missing_parameter, domain,
 * undefined, unsupported, shape. ELBO_E_MEMORY: there is no answer. */
elbo_status elbo_dist_query(elbo_dist *dist, const char *line, size_t n, const char **answer);

/* ---- the same, typed, for one distribution after the other. A value given: its name in any form
 * ("scale", "log_scale", "probs"), its numbers (K for a vector, K*K row by row for a plain Cholesky
 * factor). */
typedef struct {
  const char *name;
  const double *values;
  size_t n;
} elbo_dist_param;
/* Sets the distribution that the following calls are about. Those answer ELBO_E_USAGE when the
 * question can't be answered; the text of elbo_last_error says why, elbo_dist_code the code of the
 * list above. */
elbo_status elbo_dist_set(elbo_dist *dist, const char *family, const elbo_dist_param *params,
                          size_t n);
const char *elbo_dist_code(const elbo_dist *dist);
/* Numbers of one value of it: 1, or the K of a vector. */
size_t elbo_dist_numbers(const elbo_dist *dist);
/* x [numbers]. dx [numbers]; dparams[i]: as many numbers as param i was given (0 for a constant).
 * Either may be NULL. */
elbo_status elbo_dist_log_prob(elbo_dist *dist, const double *x, double *value, double *dx,
                               double *const *dparams);
elbo_status elbo_dist_cdf(elbo_dist *dist, double x, bool upper, double *value);
elbo_status elbo_dist_icdf(elbo_dist *dist, double u, double *value);
/* dx/dparameter along a constant cdf, of families of one dimension with a density. */
elbo_status elbo_dist_pathwise(elbo_dist *dist, double x, double *const *dparams);
/* which: an elbo_moment of plugin.h; out [1] for the entropy, else [numbers]. */
elbo_status elbo_dist_moment(elbo_dist *dist, elbo_moment which, double *out);
/* n draws: x [n][numbers]; the same bits for the same seed. */
elbo_status elbo_dist_sample(elbo_dist *dist, size_t n, uint64_t seed, double *x);

#pragma GCC visibility pop

#endif
