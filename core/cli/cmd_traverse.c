/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>

/* A number from 0 that ends at `stop`; *at moves behind it. */
static bool latent_number(const char **at, char stop, size_t *value)
{
  char *end = NULL;
  errno = 0;
  unsigned long v = strtoul(*at, &end, 10);
  if (**at < '0' || **at > '9' || *end != stop || errno) return false;
  *value = v;
  *at = end + (stop != '\0');
  return true;
}

static int cmd_traverse(cli *c)
{
  size_t i = 0, j = 1;
  const char *text = c->o.latents;
  if (text && !(latent_number(&text, ',', &i) && latent_number(&text, '\0', &j) && i != j))
    return fail(c, 2,
                "traverse: --latents: expected two different numbers from 0, as in 0,1, found %s",
                quote(c->o.latents).text);
  int failed = open_run(c);
  if (failed) return failed;
  elbo_array a;
  elbo_status status = ELBO_DONE;
  size_t first, numbers;
  if (c->o.latent && (status = elbo_run_latent(c->run, c->o.latent, &first, &numbers)))
    return library_failed(c, status);
  if (c->o.latent && (i >= numbers || (j >= numbers && numbers > 1)))
    return fail(c, 2, "traverse: --latents: %s has the numbers 0 to %zu", c->o.latent, numbers - 1);
  if (c->o.latent) i += first, j += first;
  if (c->o.latent && numbers == 1) j = i;
  status = elbo_run_traverse(c->run, c->o.side, i, j, &a);
  if (status) return library_failed(c, status);
  return array_write(c, &a, "traverse", c->o.side);
}

const command_row command_traverse = {
  .name = "traverse",
  .arguments = "RUN",
  .least = 1,
  .most = 1,
  .options = HOST | OPTION(O_ARRAY_OUT) | OPTION(O_SIDE) | OPTION(O_LATENTS) | OPTION(O_LATENT) |
             OPTION(O_GIVEN),
  .summary = "the decoder's means over a grid of two latent numbers",
  .help = "The grid lies at the quantiles of the prior; the other numbers of latents\n"
          "without latent parents stand at its median, and the latents below follow by\n"
          "their conditional means. --latent walks along a named one.\n"
          "\n"
          "Example:\n"
          "  elbo traverse runs/aevb-mnist --latents 0,3 --side 12\n"
          "  elbo traverse runs/two-layers --latent z2\n",
  .run = cmd_traverse,
};
