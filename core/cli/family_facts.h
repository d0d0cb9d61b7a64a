/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a family's table says, in words: rows for each thing, nothing about any family. Strides are
 * the sizes that the plugin was compiled with. */
#ifndef ELBO_CLI_FAMILY_FACTS_H
#define ELBO_CLI_FAMILY_FACTS_H

#include <elbo/plugin.h>
#include <stdbool.h>
#include <stdio.h>

const elbo_param *family_param(const elbo_family *f, uint32_t i);
const elbo_form_set *family_form_set(const elbo_family *f, uint32_t i);
const elbo_kl *family_kl(const elbo_family *f, uint32_t i);

const char *support_words(const elbo_family *f);
const char *value_form_words(const elbo_family *f);
const char *constraint_words(const elbo_param *p);
/* The i-th name a parameter may be given by, the working form first; false behind the last. */
bool param_form(const elbo_param *p, size_t i, char *text, size_t n);
/* The i-th remark on a parameter, NULL behind the last. */
const char *param_remark(const elbo_param *p, size_t i);
/* The i-th thing a family may do beyond its density, NULL behind the last; *there: has it one. */
const char *family_ability(const elbo_family *f, size_t i, bool *there);
/* Name of level i of the fast kernels, and whether the family has a float density for it. */
const char *kernel_level(const elbo_family *f, size_t i, bool *there);

#endif
