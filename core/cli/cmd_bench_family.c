/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>
#include <string.h>

static void json_costs(json *j, const char *key, const elbo_bench_costs *c)
{
  json_object(j, key);
  json_number(j, "log_prob", c->log_prob);
  json_number(j, "gradient", c->gradient);
  json_number(j, "draw", c->draw);
  json_object_end(j);
}

static void print_json(json *j, const char *name, const elbo_bench_family *f)
{
  json_object(j, NULL);
  json_text(j, "family", name);
  json_integer(j, "K", f->K);
  json_bool(j, "kernel", f->kernel);
  json_bool(j, "fast_draw", f->fast_draw);
  json_costs(j, "f32", &f->f32);
  json_costs(j, "f64", &f->f64);
  json_object_end(j);
}

static void print_heading(const cli *c)
{
  printf("%snanoseconds of an event    %-36s%s\n", bold(c),
         "as a step calls it               the double functions", plain(c));
  printf("%s%-24s %10s %10s %10s  %10s %10s %10s%s\n", bold(c), "family", "log_prob", "gradient",
         "draw", "log_prob", "gradient", "draw", plain(c));
}

static void print_cost(double ns)
{
  if (isnan(ns))
    printf(" %10s", "-");
  else
    printf(" %10.2f", ns);
}

static void print_text(const cli *c, const char *name, const elbo_bench_family *f, bool first)
{
  char label[64];
  if (first) print_heading(c);
  snprintf(label, sizeof label, f->K > 1 ? "%s, %d numbers" : "%s", name, f->K);
  printf("%-24s", label);
  print_cost(f->f32.log_prob), print_cost(f->f32.gradient), print_cost(f->f32.draw);
  printf(" ");
  print_cost(f->f64.log_prob), print_cost(f->f64.gradient), print_cost(f->f64.draw);
  printf("%s\n", f->kernel ? "" : "  no float kernel");
}

static int measure(cli *c, json *j, const char *name, int before)
{
  elbo_bench_family f;
  elbo_status status = elbo_bench_family_cost(c->ctx, name, &f);
  if (status) return library_failed(c, status);
  if (c->o.json)
    print_json(j, name, &f);
  else
    print_text(c, name, &f, !before);
  return 0;
}

static int cmd_bench_family(cli *c)
{
  bool all = !strcmp(c->arguments[0], "all");
  int n = 0, failed = open_context(c);
  if (failed) return failed;
  json j = json_start(stdout);
  if (c->o.json) json_object(&j, NULL), json_array(&j, "families");
  if (!all) failed = measure(c, &j, c->arguments[0], n);
  for (size_t i = 0; all && i < elbo_plugin_count(c->ctx) && !failed; i++) {
    elbo_plugin_info info;
    if (!elbo_plugin_at(c->ctx, i, &info) && !strcmp(info.kind, "family"))
      failed = measure(c, &j, info.name, n++);
  }
  if (c->o.json) json_array_end(&j), json_object_end(&j);
  return failed;
}

const command_row command_bench_family = {
  .name = "bench family",
  .arguments = "NAME|all",
  .least = 1,
  .most = 1,
  .options = LOADS,
  .summary = "nanoseconds of a family's functions",
  .help = "Log density, the same with all derivatives, and a draw: as a training step\n"
          "calls them (a float kernel where the family has one) and by the double\n"
          "functions alone, at the standard parameters and values drawn from them. A\n"
          "dash: the family has no such thing.\n"
          "\n"
          "Example:\n"
          "  elbo bench family gamma\n"
          "  elbo bench family all --json\n",
  .run = cmd_bench_family,
};
