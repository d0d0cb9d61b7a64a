/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings of the command line: a line of the input is one KEY=VALUE. */
#include "fuzz.h"
#include "config/config.h"

#include <string.h>

static const char base[] =
    "name: tiny\nseed: 1\ndata: {x: {builtin: digits, rows: 200, prepare: {scale: 255, binarize: "
    "dynamic}}}\n"
    "model:\n  p:\n    z: {family: normal, size: 3}\n    x: {family: bernoulli, given: z, net: "
    "{hidden: [8]}}\n"
    "  q:\n    z: {family: normal, given: x, net: {hidden: [8]}}\n"
    "optimizer: {name: adam, learning_rate: 0.001}\ntrain: {epochs: 2, batch_size: 50}\n";

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  enum { MOST = 8, ROOM = 4096 };
  static registry *known;
  char lines[ROOM];
  const char *settings[MOST];
  int count = 0;
  experiment *x = NULL;
  problems p = { 0 };
  error e = { 0 };
  if (!known) known = registry_new(fuzz_context(), &e);
  fuzz_want(known != NULL, "plugins are there");
  if (n >= ROOM) return 0;
  memcpy(lines, at, n);
  lines[n] = 0;
  for (char *line = lines, *end; line && count < MOST; line = end) {
    end = strchr(line, '\n');
    if (end) *end++ = 0;
    settings[count++] = line;
  }
  elbo_status status =
      experiment_read_text(base, sizeof base - 1, "e.yaml", "/", settings, count, known, &x, &p);
  problems_error(&p, &e);
  fuzz_answer(status, &e);
  problems_free(&p);
  experiment_free(x);
  return 0;
}
