/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>
#include <string.h>

static void json_axis(json *j, const elbo_bench_axis *a)
{
  json_object(j, NULL);
  json_text(j, "axis", a->name);
  json_text(j, "size", a->what);
  json_text(j, "cost", a->cost);
  json_array(j, "points");
  for (size_t k = 0; k < a->n; k++) {
    json_object(j, NULL);
    json_number(j, "value", a->points[k].value);
    json_number(j, "ms", a->points[k].ms);
    json_number(j, "spread", a->points[k].spread);
    json_object_end(j);
  }
  json_array_end(j);
  json_number(j, "exponent", a->exponent);
  json_number(j, "exponent_se", a->exponent_se);
  if (a->reason[0]) json_text(j, "reason", a->reason);
  json_object_end(j);
}

static void print_json(const elbo_bench_axis *axes)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_array(&j, "axes");
  for (int i = 0; i < ELBO_BENCH_AXES; i++) json_axis(&j, &axes[i]);
  json_array_end(&j);
  json_object_end(&j);
}

static void print_axis(const cli *c, const elbo_bench_axis *a)
{
  printf("%s%s%s, %s; milliseconds of %s", bold(c), a->name, plain(c), a->what, a->cost);
  if (isfinite(a->exponent)) printf("; exponent %.2f +- %.2f", a->exponent, a->exponent_se);
  printf("\n");
  for (size_t k = 0; k < a->n; k++)
    printf("  %10.0f  %12.4f +- %.4f\n", a->points[k].value, a->points[k].ms, a->points[k].spread);
  if (a->reason[0]) printf("  left out: %s\n", a->reason);
}

static void show_progress(void *user, const char *axis, double fraction)
{
  char line[96];
  snprintf(line, sizeof line, "%s: %3.0f %%", axis, 100 * fraction);
  progress_show(user, line);
}

static int cmd_bench_scale(cli *c)
{
  elbo_bench_axis axes[ELBO_BENCH_AXES];
  elbo_bench_scale_options o = { .size = sizeof o,
                                 .rounds = (long)c->o.rounds,
                                 .steps = (long)c->o.steps,
                                 .stop = signals_stop,
                                 .progress = c->progress ? show_progress : NULL,
                                 .user = c };
  int failed = open_context(c);
  if (failed) return failed;
  signals_catch();
  elbo_status status = elbo_bench_scale(c->ctx, c->arguments[0], c->o.set.items, &o, axes);
  progress_clear(c);
  if (status == ELBO_E_STOPPED && signals_status())
    return fail(c, signals_status(), "bench scale: stopped by %s; nothing was written",
                signals_name());
  if (!status && c->o.output) {
    const char *folders = strrchr(c->arguments[0], '/'); /* pictures travel, paths do not */
    status =
        elbo_bench_scale_write(c->ctx, folders ? folders + 1 : c->arguments[0], axes, c->o.output);
  }
  if (status) return library_failed(c, status);
  if (c->o.json)
    print_json(axes);
  else
    for (int i = 0; i < ELBO_BENCH_AXES; i++) print_axis(c, &axes[i]);
  return 0;
}

const command_row command_bench_scale = {
  .name = "bench scale",
  .arguments = "EXP",
  .least = 1,
  .most = 1,
  .options = EXPERIMENT | OPTION(O_PLOTS_OUT) | OPTION(O_STEPS) | OPTION(O_ROUNDS),
  .summary = "how the cost grows with N, B, K, Z, width and threads",
  .help = "One size after the other is halved and doubled, the rest stays as the\n"
          "experiment has it. Of each a table and the exponent e of cost ~ size^e, fitted\n"
          "to the logarithms, with its standard error: 1 is proportional; where a part\n"
          "of the cost does not depend on the size it is less.\n"
          "\n"
          "Example:\n"
          "  elbo bench scale mnist.yaml -o scale\n",
  .run = cmd_bench_scale,
};
