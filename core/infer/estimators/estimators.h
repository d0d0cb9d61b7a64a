/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/infer/estimators: one estimator a file. */
#ifndef ELBO_INFER_ESTIMATORS_H
#define ELBO_INFER_ESTIMATORS_H

#include "infer/estimator.h"

extern const estimator_kind estimator_sgvb_a, estimator_sgvb_b, estimator_stl, estimator_score,
    estimator_score_loo, estimator_iwae, estimator_iwae_stl, estimator_dreg, estimator_vimco,
    estimator_rws, estimator_enumerate, estimator_score_baseline, estimator_concrete,
    estimator_rebar, estimator_disarm;

#endif
