/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Apart, for the target that sees nothing of the inside of the library. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_want(bool held, const char *promise)
{
  if (held) return;
  fprintf(stderr, "a promise was broken: %s\n", promise);
  abort();
}
