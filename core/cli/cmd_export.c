/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

static int cmd_export(cli *c)
{
  const char *paths[] = { c->o.c_out, c->o.npz_out };
  elbo_arrays weights;
  if (!c->o.c_out && !c->o.npz_out)
    return fail(c, 2, "export: expected --c DIR, --npz F.npz, or both");
  if (c->o.c_name && !c->o.c_out)
    return fail(c, 2, "export: --name is of the functions in C; add --c DIR");
  int failed = open_run(c);
  if (failed) return failed;
  elbo_status status = c->o.c_out ? elbo_run_export_c(c->run, c->o.c_out, c->o.c_name) : ELBO_DONE;
  if (!status && c->o.npz_out && !(status = elbo_run_weights(c->run, &weights)))
    status = elbo_arrays_write(c->ctx, &weights, c->o.npz_out);
  if (status) return library_failed(c, status);
  for (int i = 0; i < 2; i++)
    if (paths[i]) c->o.outputs.items[c->o.outputs.n++] = paths[i];
  json j = json_start(stdout);
  if (c->o.json) json_object(&j, NULL);
  outputs_print(c, c->o.json ? &j : NULL);
  if (c->o.json) json_object_end(&j);
  return 0;
}

const command_row command_export = {
  .name = "export",
  .arguments = "RUN",
  .least = 1,
  .most = 1,
  .options = HOST | OPTION(O_C_OUT) | OPTION(O_C_NAME) | OPTION(O_NPZ_OUT),
  .summary = "the model as plain C, or its weights for Python",
  .help = "--c writes encoder, decoder and preparation as C11 that needs libm alone and\n"
          "compiles as C++ too; NAME.h says how they are called. --npz writes every\n"
          "learned tensor by its name in the checkpoint. Files of a run of the same name\n"
          "are written anew: two such runs, in one folder or in one program, are told\n"
          "apart by --name.\n"
          "\n"
          "Example:\n"
          "  elbo export runs/aevb-mnist --c model --npz weights.npz\n"
          "  elbo export runs/b --c model --name second\n",
  .run = cmd_export,
};
