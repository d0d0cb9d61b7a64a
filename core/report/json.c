/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The numbers of a report for a program; keys of a run as `elbo evaluate --json` has them. */
#include "io/json.h"
#include "report/inside.h"

static void add_mean(json_out *j, const char *key, double mean, double se)
{
  json_open(j, key, '{');
  json_number(j, "mean", mean);
  json_number(j, "se", se);
}

static void add_run(json_out *j, const report_run *r)
{
  const elbo_evaluation *v = &r->figures;
  json_open(j, NULL, '{');
  json_string(j, "run", r->directory);
  json_string(j, "name", r->name);
  json_int(j, "rows", (int64_t)v->rows);
  json_string(j, "split", v->split);
  add_mean(j, "elbo", v->elbo, v->elbo_se);
  json_close(j, '}');
  json_number(j, "reconstruction", v->reconstruction);
  json_number(j, "kl", v->kl);
  json_open(j, "kl_per_latent", '[');
  for (size_t i = 0; i < v->n_latents; i++) json_number(j, NULL, v->kl_per_latent[i]);
  json_close(j, ']');
  if (v->active_units < 0)
    json_null(j, "active_units");
  else
    json_int(j, "active_units", v->active_units);
  add_mean(j, "log_likelihood", v->log_likelihood, v->log_likelihood_se);
  json_int(j, "samples", v->samples);
  json_close(j, '}');
  json_number(j, "ess", v->ess);
  json_number(j, "khat", v->khat);
  json_number(j, "khat_heavy", v->khat_heavy);
  json_number(j, "bits_per_dim", v->bits_per_dim);
  json_string(j, "bits_reason", v->bits_reason); /* null where there is none */
  json_string(j, "likelihood", v->likelihood);
  json_bool(j, "improper", v->improper);
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
