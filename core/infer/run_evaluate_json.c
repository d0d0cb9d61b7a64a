/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An evaluation as JSON, wherever it is written. */
#include "infer/run_evaluate.h"

static void add_mean(json_out *j, const char *key, double mean, double se)
{
  json_open(j, key, '{');
  json_number(j, "mean", mean);
  json_number(j, "se", se);
}

void evaluation_members(json_out *j, const elbo_evaluation *v)
{
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
}

const char *elbo_evaluation_json(elbo_run *r, const elbo_evaluation *v)
{
  error *e = context_enter(r->ctx);
  json_out j;
  text_free(&r->json);
  json_begin(&j, &r->json);
  json_open(&j, NULL, '{');
  evaluation_members(&j, v);
  json_close(&j, '}');
  text_add(&r->json, "\n");
  if (!r->json.failed) return r->json.s;
  fail(e, ELBO_E_MEMORY, "no memory for an evaluation as JSON; free some memory");
  return NULL;
}
