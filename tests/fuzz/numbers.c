/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers as text, as the experiment, the command line, csv and queries read them. */
#include "fuzz.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  const char *s = (const char *)at;
  double v, again;
  int64_t i;
  if (number_read(s, n, &v)) {
    text t = { 0 };
    fuzz_want(isfinite(v), "a number is finite");
    text_shortest(&t, v);
    fuzz_want(number_read(t.s, t.n, &again) && again == v, "a number reads back");
    text_free(&t);
  }
  if (number_read_int(s, n, &i)) {
    char copy[1001];
    if (n < sizeof copy) {
      memcpy(copy, s, n);
      copy[n] = 0;
      fuzz_want(strtoll(copy, NULL, 10) == i, "a whole number is what libc reads");
    }
  }
  size_t step = utf8_step(s, n);
  fuzz_want(step <= n && step <= 4, "a character lies in the text");
  fuzz_want(!utf8_valid(s, n) || !n || step, "a valid text begins with a character");
  return 0;
}
