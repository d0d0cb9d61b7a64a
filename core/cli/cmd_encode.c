/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

static elbo_status write_encoding(elbo_context *ctx, const void *what, const char *path)
{
  return elbo_encoding_write(ctx, what, path);
}

static void print_json(const cli *c, const elbo_arrays *a)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  outputs_print(c, &j);
  json_count(&j, "rows", a->arrays[0].dims[0]);
  json_array(&j, "arrays");
  for (size_t i = 0; i < a->n; i++) {
    json_object(&j, NULL);
    json_text(&j, "name", a->arrays[i].name);
    json_array(&j, "shape");
    for (int k = 0; k < a->arrays[i].rank; k++) json_count(&j, NULL, a->arrays[i].dims[k]);
    json_array_end(&j);
    json_object_end(&j);
  }
  json_array_end(&j);
  json_object_end(&j);
}

static void show_progress(void *user, double fraction)
{
  char line[64];
  snprintf(line, sizeof line, "encoding: %.0f %%", 100 * fraction);
  progress_show(user, line);
}

static int cmd_encode(cli *c)
{
  int failed = open_run(c);
  if (failed) return failed;
  elbo_encode_options options = {
    .size = sizeof options,
    .rows = c->o.count,
    .seed = c->o.seed,
    .stop = signals_stop,
    .progress = show_progress,
    .user = c,
  };
  elbo_arrays a;
  signals_catch();
  elbo_status status = elbo_run_encode(c->run, &options, &a);
  progress_clear(c);
  if (status == ELBO_E_STOPPED && signals_status())
    return fail(c, signals_status(), "encode: stopped by %s; nothing was written", signals_name());
  if (status) return library_failed(c, status);
  failed = outputs_write(c, "encoded", &a, write_encoding);
  if (failed) return failed;
  if (c->o.json)
    print_json(c, &a);
  else
    outputs_print(c, NULL);
  return 0;
}

const command_row command_encode = {
  .name = "encode",
  .arguments = "RUN",
  .least = 1,
  .most = 1,
  .options =
      HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_ALL_ROWS) | OPTION(O_ARRAYS_OUT) | OPTION(O_DATA),
  .summary = "q(z|x) of the test rows: parameters, draws, labels",
  .help = "Writes by the file's ending. .npz: of every latent the parameters in working\n"
          "form (z.log_scale) and in plain form (z.scale), a draw (z.sample), and labels\n"
          "where there are some; numpy.load reads it. .npy: the draws of all latents\n"
          "side by side. .svg: two numbers of the draws, coloured by label.\n"
          "\n"
          "Example:\n"
          "  elbo encode runs/aevb-mnist -o codes.npz -o codes.svg\n",
  .run = cmd_encode,
};
