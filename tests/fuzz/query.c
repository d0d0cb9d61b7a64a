/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of `elbo dist batch`. */
#include "fuzz.h"
#include "io/json.h"
#include <elbo/elbo.h>

#include <string.h>

/* An id is handed back as it came, and our reader of JSON refuses some of what JSON allows. */
static bool is_beyond_reader(const char *why)
{
  static const char *const limits[] = { "more than", "too big", "overflow", "duplicate", "u0000" };
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
    if (strstr(why, limits[i])) return true;
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  static elbo_context *ctx;
  static elbo_dist *dist;
  const char *answer = NULL;
  char why[256];
  if (!ctx)
    fuzz_want(!elbo_context_new(fuzz_context(), &ctx) && !elbo_dist_new(ctx, &dist),
              "a context is made");
  elbo_status status = elbo_dist_query(dist, (const char *)at, n, &answer);
  fuzz_want(status == ELBO_DONE || status == ELBO_E_CHECK, "a line is answered or refused");
  json_value *v = json_read(answer, strlen(answer), why, sizeof why);
  fuzz_want(v || is_beyond_reader(why), "an answer is JSON");
  if (v) {
    fuzz_want(!status == !json_get(v, "error"), "a refusal, and only a refusal, says error");
    json_free(v);
  }
  return 0;
}
