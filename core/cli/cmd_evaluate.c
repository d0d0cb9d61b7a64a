/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>

static const char *remark(const elbo_evaluation *e)
{
  return e->improper ? "  not a density" : "";
}

/* One line of the table; a number that is not there has no line. */
static void print_number(const cli *c, const elbo_evaluation *e, const char *name, double mean,
                         double se)
{
  if (isnan(mean)) return;
  printf("%s%-16s%s %12.4f", bold(c), name, plain(c), mean);
  if (!isnan(se)) printf(" +- %.4f", se);
  puts(remark(e));
}

static void print_latents(const cli *c, const elbo_evaluation *e)
{
  enum { PER_LINE = 8 };
  if (e->n_latents == 0) return;
  printf("%s%-16s%s", bold(c), "KL per latent", plain(c));
  for (size_t i = 0; i < e->n_latents; i++) {
    if (i && i % PER_LINE == 0) printf("\n%-16s", "");
    if (isnan(e->kl_per_latent[i]))
      printf(" %9s", "-");
    else
      printf(" %9.4f", e->kl_per_latent[i]);
  }
  puts(remark(e));
}

static void print_text(const cli *c, const elbo_evaluation *e)
{
  char with_samples[64];
  snprintf(with_samples, sizeof with_samples, "log p(x), K=%ld", e->samples);
  printf("%s%-16s%s %zu rows of %s, nats per row\n", bold(c), "data", plain(c), e->rows, e->split);
  printf("%s%-16s%s %s\n", bold(c), "likelihood", plain(c), e->likelihood);
  print_number(c, e, "ELBO", e->elbo, e->elbo_se);
  print_number(c, e, "reconstruction", e->reconstruction, NAN);
  print_number(c, e, "KL", e->kl, NAN);
  print_number(c, e, with_samples, e->log_likelihood, e->log_likelihood_se);
  print_number(c, e, "effective size", e->ess, NAN);
  print_number(c, e, "Pareto k", e->khat, NAN);
  if (!isnan(e->khat_heavy))
    printf("%s%-16s%s %10.2f %% of the rows (their log p(x) is not to be trusted)\n", bold(c),
           "  above 0.7", plain(c), 100 * e->khat_heavy);
  print_number(c, e, "bits per dim", e->bits_per_dim, NAN);
  if (e->bits_reason)
    printf("%s%-16s%s            - (%s)\n", bold(c), "bits per dim", plain(c), e->bits_reason);
  if (e->active_units >= 0)
    printf("%s%-16s%s %ld of %zu\n", bold(c), "active units", plain(c), e->active_units,
           e->n_numbers);
  print_latents(c, e);
}

static int print_json(cli *c, const elbo_evaluation *e)
{
  const char *text = elbo_evaluation_json(c->run, e);
  if (!text) return library_failed(c, ELBO_E_MEMORY);
  fputs(text, stdout);
  return 0;
}

static void show_progress(void *user, double fraction)
{
  char line[64];
  snprintf(line, sizeof line, "evaluating: %.0f %%", 100 * fraction);
  progress_show(user, line);
}

static elbo_status write_rows(cli *c, const elbo_evaluation *e)
{
  elbo_array a = { .values = e->row_figures, .rows = e->rows, .numbers = EVALUATION_FIGURES };
  return elbo_array_write(c->ctx, &a, c->o.rows_out, 0);
}

static int cmd_evaluate(cli *c)
{
  int failed = open_run(c);
  if (failed) return failed;
  elbo_evaluation result = { 0 };
  elbo_evaluate_options options = {
    .size = sizeof options,
    .samples = (long)c->o.samples,
    .seed = c->o.seed,
    .stop = signals_stop,
    .progress = show_progress,
    .user = c,
    .rows = c->o.rows_out != NULL,
  };
  signals_catch();
  elbo_status status = elbo_run_evaluate(c->run, &options, &result);
  progress_clear(c);
  if (status == ELBO_E_STOPPED && signals_status())
    return fail(c, signals_status(), "evaluate: stopped by %s; nothing was changed",
                signals_name());
  if (!status && c->o.rows_out) status = write_rows(c, &result);
  if (status) return library_failed(c, status);
  if (c->o.json) return print_json(c, &result);
  print_text(c, &result);
  return 0;
}

const command_row command_evaluate = {
  .name = "evaluate",
  .arguments = "RUN",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_SEED_OF_DRAWS) | OPTION(O_SAMPLES) | OPTION(O_DATA) |
             OPTION(O_ROWS_OUT),
  .summary = "the evidence lower bound of a trained model and its parts",
  .help = "Over the test rows, or the training rows where there are none; nats per\n"
          "row. The log likelihood is importance-sampled, log (1/K) sum p(x,z)/q(z|x),\n"
          "with its standard error over rows. The effective sample size and the Pareto\n"
          "shape k of the weights are means over rows; rows with k above 0.7 have too few\n"
          "samples for their log likelihood to be trusted. --rows-out writes float32\n"
          "[rows][6], NaN where there is no such figure.\n"
          "\n"
          "Example:\n"
          "  elbo evaluate runs/aevb-mnist --samples 1000\n"
          "  elbo evaluate runs/b --set model.p.x.family=continuous_bernoulli --json\n",
  .run = cmd_evaluate,
};
