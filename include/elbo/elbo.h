/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * elbo/elbo.h - the whole library. Plugin authors include plugin.h alone. */
#ifndef ELBO_ELBO_H
#define ELBO_ELBO_H

#include <elbo/bench.h>
#include <elbo/check.h>
#include <elbo/compare.h>
#include <elbo/context.h>
#include <elbo/data.h>
#include <elbo/dist.h>
#include <elbo/experiment.h>
#include <elbo/report.h>
#include <elbo/run.h>
#include <elbo/sweep.h>

#endif
