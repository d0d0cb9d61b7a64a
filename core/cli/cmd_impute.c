/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

static elbo_status write_imputation(elbo_context *ctx, const void *what, const char *path)
{
  return elbo_imputation_write(ctx, what, path);
}

static void print_json(const cli *c, const elbo_imputation *p)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  outputs_print(c, &j);
  json_count(&j, "rows", p->rows);
  json_count(&j, "missing", p->missing);
  json_count(&j, "iterations", p->iterations);
  json_array(&j, "error"); /* of the start, then of each iteration */
  for (size_t t = 0; t <= p->iterations; t++) json_number(&j, NULL, p->error[t]);
  json_array_end(&j);
  json_number(&j, "error_imputed", p->error_imputed);
  json_object_end(&j);
}

static void print_text(const cli *c, const elbo_imputation *p)
{
  if (!c->o.quiet)
    printf("%zu missing numbers in %zu rows; root mean square error: start %.4f, iteration 1 %.4f, "
           "iteration %zu %.4f, imputed %.4f\n",
           p->missing, p->rows, p->error[0], p->error[1], p->iterations, p->error[p->iterations],
           p->error_imputed);
  outputs_print(c, NULL);
}

static void show_progress(void *user, double fraction)
{
  char line[64];
  snprintf(line, sizeof line, "imputing: %.0f %%", 100 * fraction);
  progress_show(user, line);
}

static int cmd_impute(cli *c)
{
  int failed = open_run(c);
  if (failed) return failed;
  elbo_impute_options options = {
    .size = sizeof options,
    .rows = c->o.count,
    .iterations = c->o.iterations,
    .seed = c->o.seed,
    .mask_file = c->o.mask,
    .stop = signals_stop,
    .progress = show_progress,
    .user = c,
  };
  elbo_imputation result;
  signals_catch();
  elbo_status status = elbo_run_impute(c->run, &options, &result);
  progress_clear(c);
  if (status == ELBO_E_STOPPED && signals_status())
    return fail(c, signals_status(), "impute: stopped by %s; nothing was written", signals_name());
  if (status) return library_failed(c, status);
  failed = outputs_write(c, "imputed", &result, write_imputation);
  if (failed) return failed;
  if (c->o.json)
    print_json(c, &result);
  else
    print_text(c, &result);
  return 0;
}

const command_row command_impute = {
  .name = "impute",
  .arguments = "RUN",
  .least = 1,
  .most = 1,
  .options = HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_ALL_ROWS) | OPTION(O_ARRAYS_OUT) |
             OPTION(O_DATA) | OPTION(O_MASK) | OPTION(O_ITERATIONS),
  .required = OPTION(O_MASK),
  .summary = "the missing part of test rows, given the rest",
  .help = "A chain draws z from q(z|x) and what is missing from p(x|z), in turn (Rezende,\n"
          "Mohamed and Wierstra 2014, appendix F), and averages E[x|z] over its second\n"
          "half. Prints the root mean square error against what the rows really hold.\n"
          "Writes by the file's ending. .npz: truth, mask, imputed, chain (its last\n"
          "state), error; .npy: the rows imputed; .png: original, given and imputed side\n"
          "by side; .svg: the error over the iterations.\n"
          "\n"
          "Example:\n"
          "  elbo impute runs/aevb-mnist --mask left.npy -n 30 -o imputed.png\n",
  .run = cmd_impute,
};
