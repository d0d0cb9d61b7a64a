/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - the options of public calls: structs that begin with their size and grow at their
 * end, so that a program built against an older header brings a shorter one. */
#ifndef ELBO_BASE_OPTIONS_H
#define ELBO_BASE_OPTIONS_H

#include "base/error.h"

#include <stddef.h>

/* *to, a struct of `size` bytes called `type`, from the caller's: what that does not have is 0.
 * given NULL: all 0. ELBO_E_USAGE: its size is 0, so it was not made as the header says; *to is all
 * 0 then. */
elbo_status options_take(void *to, size_t size, const void *given, const char *type, error *e);

#endif
