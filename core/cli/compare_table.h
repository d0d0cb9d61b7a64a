/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compare_table.h - a comparison of estimators on the terminal: what one has to look at, in 100
 * columns; every number, each with its standard error, is in --json and compare.csv. */
#ifndef ELBO_CLI_COMPARE_TABLE_H
#define ELBO_CLI_COMPARE_TABLE_H

#include "cli.h"

#include <elbo/compare.h>

/* The whole gradient of each estimator; with --verbose every group, and what biases are against.
 * Below, why the others do not apply. */
void compare_table_print(const cli *c, const elbo_compare_result *result);

#endif
