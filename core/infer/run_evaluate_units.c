/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each latent number adds to KL(q || p), and the means of q that tell which are active. */
#include "infer/run_evaluate.h"

static void side_views(const evaluator *v, const family_use *u, const node_id *w, size_t k,
                       size_t event, elbo_rows *out)
{
  for (uint32_t p = 0; p < u->family->n_params; p++)
    out[p] = evaluator_view(v, w[p], k, event * (size_t)u->width[p]);
}

static bool along_samples(const evaluator *v, node_id id)
{
  return evaluator_node(v, id)->shape.axis == AXIS_SAMPLE;
}

static elbo_status plugin_says(evaluator *v, const variable *z, const char *what, elbo_rc rc)
{
  return fail(v->e, ELBO_E_PLUGIN, "%s of latent %s, rows %zu to %zu: the plugin answered %d", what,
              z->name, v->first, v->first + v->batch - 1, (int)rc);
}

static void add_unit(evaluator *v, size_t unit, double factor, const float *x)
{
  for (size_t b = 0; b < v->batch; b++) v->unit_kl[unit] += factor * (double)x[b];
}

static elbo_status known_units(evaluator *v, int at, size_t unit, size_t k, double times)
{
  const variable *z = &v->m->variable[at];
  const model_graph *mg = &v->machine->mg;
  elbo_rows w[FAMILY_MAX_PARAMS], w2[FAMILY_MAX_PARAMS];
  for (size_t j = 0; j < z->d; j++) {
    side_views(v, &z->q.use, mg->q_param[at], k, j, w);
    side_views(v, &z->p.use, mg->p_param[at], k, j, w2);
    elbo_rc rc = batch_kl(&z->kl, v->batch, 1, w, w2, v->value, NULL, NULL);
    if (rc) return plugin_says(v, z, "KL", rc);
    add_unit(v, unit + j, times, v->value);
  }
  return ELBO_DONE;
}

/* The drawn values in the form of p's family: [batch][numbers]. */
static elbo_rows values_for_p(evaluator *v, int at, size_t k)
{
  const variable *z = &v->m->variable[at];
  elbo_rows x = evaluator_view(v, v->machine->mg.value[at], k, 0);
  if (z->q.use.family->value_form == z->p.use.family->value_form) return x;
  for (size_t b = 0; b < v->batch; b++)
    value_convert_f32(z->q.use.level, z->q.use.family->value_form, z->p.use.family->value_form,
                      z->numbers, x.at + b * x.stride, v->rows + b * z->numbers);
  return (elbo_rows){ v->rows, z->numbers };
}

static elbo_status sampled_units(evaluator *v, int at, size_t unit, size_t k)
{
  const variable *z = &v->m->variable[at];
  const model_graph *mg = &v->machine->mg;
  elbo_rows w[FAMILY_MAX_PARAMS], w2[FAMILY_MAX_PARAMS];
  elbo_rows x = evaluator_view(v, mg->value[at], k, 0), y = values_for_p(v, at, k);
  size_t E = z->numbers / z->d, q = z->q.d / z->d, p = z->p.d / z->d; /* of a unit */
  for (size_t j = 0; j < z->d; j++) {
    side_views(v, &z->q.use, mg->q_param[at], k, j * q, w);
    side_views(v, &z->p.use, mg->p_param[at], k, j * p, w2);
    elbo_rc rc = batch_log_prob(&z->q.use, v->batch, q, (elbo_rows){ x.at + j * E, x.stride }, w,
                                v->value, NULL, NULL);
    if (!rc)
      rc = batch_log_prob(&z->p.use, v->batch, p, (elbo_rows){ y.at + j * E, y.stride }, w2,
                          v->other, NULL, NULL);
    if (rc) return plugin_says(v, z, "log density", rc);
    add_unit(v, unit + j, 1, v->value);
    add_unit(v, unit + j, -1, v->other);
  }
  return ELBO_DONE;
}

/* E_q[z], where the family has one: an answer other than OK ends the count of active units, not the
   evaluation. */
static void add_means(evaluator *v, int at, size_t number, size_t k, double times)
{
  const variable *z = &v->m->variable[at];
  elbo_rows w[FAMILY_MAX_PARAMS];
  if (v->no_mean) return;
  side_views(v, &z->q.use, v->machine->mg.q_param[at], k, 0, w);
  v->no_mean = batch_moment(&z->q.use, ELBO_MEAN, v->batch, z->q.d, w, v->rows) != ELBO_OK;
  if (v->no_mean) return;
  for (size_t b = 0; b < v->batch; b++)
    for (size_t i = 0; i < z->numbers; i++)
      v->mean[b * v->numbers + number + i] += times * (double)v->rows[b * z->numbers + i];
}

static bool params_along_samples(const evaluator *v, const family_use *u, const node_id *w)
{
  bool any = false;
  for (uint32_t p = 0; p < u->family->n_params; p++) any |= along_samples(v, w[p]);
  return any;
}

/* What does not depend on the sample is computed once and counted K times. */
elbo_status evaluate_units(evaluator *v, size_t k)
{
  const model_graph *mg = &v->machine->mg;
  bool once = v->done + k == 0;
  size_t unit = 0, number = 0;
  for (int i = 0; i < v->m->n_q; i++) {
    int at = v->m->q_order[i];
    const variable *z = &v->m->variable[at];
    bool each = mg->kl[at] == NODE_NONE || along_samples(v, mg->kl[at]);
    double times = each ? 1 : (double)v->K;
    elbo_status status = ELBO_DONE;
    if (mg->kl[at] == NODE_NONE)
      status = sampled_units(v, at, unit, k);
    else if (each || once)
      status = known_units(v, at, unit, k, times);
    if (status) return status;
    each = params_along_samples(v, &z->q.use, mg->q_param[at]);
    if (each || once) add_means(v, at, number, k, each ? 1 : (double)v->K);
    unit += z->d;
    number += z->numbers;
  }
  return ELBO_DONE;
}
