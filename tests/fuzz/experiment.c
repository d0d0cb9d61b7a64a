/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Experiment files, YAML or JSON. What is read without a problem is written out, and that reads as
 * the same experiment. */
#include "fuzz.h"
#include "base/mem.h"
#include "config/config.h"

#include <string.h>

static registry *known;

static elbo_status read_it(const char *s, size_t n, experiment **x)
{
  problems p = { 0 };
  error e = { 0 };
  elbo_status status = experiment_read_text(s, n, "e.yaml", "/", NULL, 0, known, x, &p);
  fuzz_want(!status == !p.n, "an experiment is refused for what is wrong in it");
  problems_error(&p, &e);
  fuzz_answer(status, &e);
  problems_free(&p);
  return status;
}

static void write_it(const experiment *x, text *out)
{
  error e = { 0 };
  fuzz_want(!experiment_write(x, known, out, &e), "what was read can be written");
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  experiment *x = NULL, *again = NULL;
  error e = { 0 };
  if (!known) known = registry_new(fuzz_context(), &e);
  fuzz_want(known != NULL, "plugins are there");
  if (!read_it((const char *)at, n, &x)) {
    text first = { 0 }, second = { 0 };
    write_it(x, &first);
    fuzz_want(!read_it(first.s, first.n, &again), "what was written can be read");
    write_it(again, &second);
    fuzz_want(!strcmp(first.s, second.s), "what was written is the same experiment");
    text_free(&first);
    text_free(&second);
    experiment_free(again);
  }
  experiment_free(x);
  return 0;
}
