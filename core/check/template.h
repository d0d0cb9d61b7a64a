/* SPDX-License-Identifier: GPL-3.0-or-later */
/* template.h - the files of plugins/template, put into the library when it is built. */
#ifndef ELBO_CHECK_TEMPLATE_H
#define ELBO_CHECK_TEMPLATE_H

#include <stddef.h>

typedef struct {
  const char *kind, *text;
} check_template;
extern const check_template check_templates[]; /* ends with a row without a kind */

#endif
