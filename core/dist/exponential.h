/* SPDX-License-Identifier: GPL-3.0-or-later */
/* exponential.h - what follows for every exponential family from its extension elbo.exponential/1:
 * the divergence of two of one carrier, and the entropy. */
#ifndef ELBO_DIST_EXPONENTIAL_H
#define ELBO_DIST_EXPONENTIAL_H

#include "dist/family.h"

/* NULL: the family has no such extension, or not a whole one. */
const elbo_exponential *exponential_of(const elbo_family *f);
/* Have both the extension, and one carrier? */
bool exponential_pair(const elbo_family *q, const elbo_family *p);
/* KL(q || p) of such a pair, both of one K; w [W of q], w2 [W of p], and the gradients by them or
 * NULL. [exec] */
double exponential_kl(const family_use *q, const family_use *p, const double *w, const double *w2,
                      double *dw, double *dw2);
/* false: no extension, or a base measure that is not 1. [exec] */
bool exponential_entropy(const family_use *u, const double *w, double *entropy);

#endif
