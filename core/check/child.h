/* SPDX-License-Identifier: GPL-3.0-or-later */
/* child.h - one property tried in a process of its own, which the plugin may crash or keep busy. */
#ifndef ELBO_CHECK_CHILD_H
#define ELBO_CHECK_CHILD_H

#include "check/inside.h"

/* Fills *row. Fails only when no process or memory can be had. */
elbo_status child_try(const trial *t, const property *p, bool in_process, elbo_check_row *row,
                      error *e);

#endif
