/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <string.h>

static void show_progress(void *user, const char *what, double fraction)
{
  char line[256];
  snprintf(line, sizeof line, "%3.0f %%  %.200s", 100 * fraction, what);
  progress_show(user, line);
}

/* report.html, of one run in its directory. */
static const char *output_path(cli *c)
{
  if (c->o.output || c->n_arguments > 1) return c->o.output ? c->o.output : "report.html";
  return c->own_path = in_run(c, "report", "html");
}

static int make_report(cli *c, const char *path, elbo_report **report)
{
  elbo_report_options options = {
    .size = sizeof options,
    .output = path,
    .samples = (long)c->o.samples,
    .rows = (size_t)c->o.rows,
    .seed = c->o.seed,
    .stop = signals_stop,
    .progress = show_progress,
    .user = c,
  };
  signals_catch();
  elbo_status status =
      elbo_report_make(c->ctx, c->arguments, (size_t)c->n_arguments, &options, report);
  progress_clear(c);
  if (status == ELBO_E_STOPPED && signals_status())
    return fail(c, signals_status(), "report: stopped by %s; nothing was written", signals_name());
  return status ? library_failed(c, status) : 0;
}

static int cmd_report(cli *c)
{
  elbo_report *report = NULL;
  const char *path = output_path(c), *ending = path ? strrchr(path, '.') : NULL;
  if (!path) return fail(c, 8, "no memory");
  if (!ending || (strcmp(ending, ".html") && strcmp(ending, ".htm")))
    return fail(c, 2,
                "report: --output: expected a name that ends in .html, found %s; a browser prints "
                "the page as PDF",
                quote(path).text);
  int failed = open_context(c);
  if (failed || (failed = make_report(c, path, &report))) return failed;
  if (c->o.json)
    fputs(elbo_report_json(report), stdout);
  else if (!c->o.quiet)
    puts(path);
  elbo_report_free(report);
  return 0;
}

const command_row command_report = {
  .name = "report",
  .arguments = "RUN...",
  .least = 1,
  .most = 64,
  .options = HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_PAGE_SAMPLES) | OPTION(O_PAGE_ROWS) |
             OPTION(O_PAGE_OUT),
  .summary = "one page of HTML on a run, or on several side by side",
  .help = "The page stands alone: plan, curves, samples, reconstructions, the manifold,\n"
          "q(z|x) in the plane, the KL of each latent, held-out figures and what they\n"
          "mean, versions, how to get it again; estimators where the run's folder has\n"
          "compare.json. Of several runs also what differs, and their curves together.\n"
          "An interrupt leaves the page that was there.\n"
          "\n"
          "Example:\n"
          "  elbo report runs/digits\n"
          "  elbo report runs/* -o report.html --samples 1000\n",
  .run = cmd_report,
};
