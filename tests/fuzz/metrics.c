/* SPDX-License-Identifier: GPL-3.0-or-later */
/* metrics.jsonl, as a resumed run and the drawing of curves read it. The first byte is the step
 * that was reached; the curves are drawn for one in 64 of them, as that writes a file. */
#include "fuzz.h"
#include "infer/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char svg[4096];

static void leave(void)
{
  unlink(svg);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  error e = { 0 };
  int64_t keep;
  double seconds;
  if (!n) return 0;
  const char *path = fuzz_file(at + 1, n - 1);
  fuzz_answer(metrics_cut(path, at[0], &keep, &seconds, &e), &e);
  fuzz_want(keep >= 0 && keep <= (int64_t)n - 1, "what is kept lies in the file");
  fuzz_want(!keep || at[keep] == '\n', "what is kept is whole lines");
  fuzz_want(seconds >= 0 && isfinite(seconds), "the time is a number");
  if (at[0] % 64) return 0;
  if (!svg[0]) {
    const char *folder = getenv("TMPDIR");
    snprintf(svg, sizeof svg, "%s/elbo-fuzz-%ld.svg", folder ? folder : "/tmp", (long)getpid());
    atexit(leave);
  }
  fuzz_answer(metrics_curves(path, svg, "title", &e), &e);
  return 0;
}
