/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers of a report for a program. */
#include "infer/run_evaluate.h"
#include "report/inside.h"

static void add_run(json_out *j, const report_run *r)
{
  json_open(j, NULL, '{');
  json_string(j, "run", r->directory);
  json_string(j, "name", r->name);
  evaluation_members(j, &r->figures);
  json_close(j, '}');
}

static void add_difference(void *to, const char *path, const char *const *values, size_t n)
{
  json_out *j = to;
  json_open(j, NULL, '{');
  json_string(j, "key", path);
  json_open(j, "values", '[');
  for (size_t i = 0; i < n; i++) json_string(j, NULL, values[i]);
  json_close(j, ']');
  json_close(j, '}');
}

elbo_status report_write_json(elbo_report *r, error *e)
{
  json_out j;
  json_begin(&j, &r->json);
  json_open(&j, NULL, '{');
  json_string(&j, "path", r->o.output);
  json_open(&j, "runs", '[');
  for (size_t i = 0; i < r->n; i++) add_run(&j, &r->runs[i]);
  json_close(&j, ']');
  json_open(&j, "differences", '[');
  report_differences(r, &(key_taker){ &j, add_difference }, e);
  json_close(&j, ']');
  json_close(&j, '}');
  text_add(&r->json, "\n");
  if (r->json.failed) fail(e, ELBO_E_MEMORY, "no memory for the report as JSON; free some memory");
  return e->status;
}
