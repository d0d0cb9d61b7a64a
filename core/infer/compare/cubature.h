/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cubature.h - the exact expectation of a gradient where the model is linear and Gaussian. With
 * z = m + s e, e ~ N(0, 1), log p(x|z), log p(z) and log q(z) are quadratic in e, and so is every
 * derivative of them along the path. The mean over the 2 Z points that have one coordinate at
 * +-sqrt(Z) and the others at 0 (Z: numbers of all latents of a row) is exact for polynomials of
 * degree 3 in e (Stroud 1957; McNamee and Stenger 1967). */
#ifndef ELBO_COMPARE_CUBATURE_H
#define ELBO_COMPARE_CUBATURE_H

#include "infer/compare/sampler.h"

/* The conditions, all of them:
     every latent   is normal in p and in q, has no latent parent in either, and a pathwise
                    estimator of the ELBO that leaves no part of the gradient out (A or B);
     what is observed and has a latent parent   is normal, its loc by a net without hidden layers,
                    its scale by no net. */
bool cubature_is_exact(const model *m);
/* The expected gradient of the study's present model, for which cubature_is_exact, as the one
   estimate of `out`. */
elbo_status cubature_run(sampler *p, moments **out, error *e);

#endif
