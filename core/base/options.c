/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/options.h"

#include <string.h>

elbo_status options_take(void *to, size_t size, const void *given, const char *type, error *e)
{
  size_t have = given ? *(const size_t *)given : 0;
  memset(to, 0, size);
  if (have) memcpy(to, given, have < size ? have : size);
  *(size_t *)to = size;
  if (!given || have) return ELBO_DONE;
  return fail(e, ELBO_E_USAGE, "%s.size is 0; set it to sizeof(%s)", type, type);
}
