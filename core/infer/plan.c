/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The resolved plan in words: what was decided, and every default and consequence that a reader of
 * the experiment file would not see. */
#include "infer/model.h"
#include "infer/optimizer.h"
#include "graph/activation.h"

#include <string.h>

static void add_prepare(const prepare *p, text *t)
{
  bool none = !p->dequantize && p->scale == 0 && !p->clip && !p->standardize &&
              p->binarize == BINARIZE_NONE;
  if (none) text_add(t, " as it is");
  if (p->dequantize) text_add(t, " dequantized by U(0,1),");
  if (p->scale != 0) {
    text_add(t, " divided by ");
    text_shortest(t, p->scale);
    text_add(t, ",");
  }
  if (p->clip) {
    text_add(t, " clipped to ");
    text_shortest(t, p->clip_low);
    text_add(t, " .. ");
    text_shortest(t, p->clip_high);
    text_add(t, ",");
  }
  if (p->standardize) text_add(t, " standardized by the training rows,");
  if (p->binarize != BINARIZE_NONE) text_format(t, " binarized (%s),", binarize_name(p->binarize));
  if (t->n && t->s[t->n - 1] == ',') t->s[--t->n] = 0;
}

static void add_columns(const data_columns *c, text *t)
{
  enum { SHOWN = 12 };
  for (size_t i = 0; i < c->n && i < SHOWN; i++) {
    text_add(t, i ? ", " : c->n > 1 ? " (columns " : " (column ");
    if (c->at[i].name)
      text_add(t, c->at[i].name);
    else
      text_format(t, "%zu", c->at[i].number);
  }
  if (c->n) text_add(t, c->n > SHOWN ? ", ..)" : ")");
}

static void add_data(const model *m, const variable *v, text *t)
{
  text_format(t, "data %s: %s, %zu rows of %zu number%s", v->name,
              v->role == VARIABLE_INPUT ? "an input" : "observed", v->facts.rows, v->facts.D,
              v->facts.D == 1 ? "" : "s");
  add_columns(&v->data->columns, t);
  for (int k = 0; k < v->rank && v->rank > 1; k++)
    text_format(t, "%s%d", k ? " x " : " (", v->dims[k]);
  text_add(t, v->rank > 1 ? ");" : ";");
  add_prepare(&v->data->prepare, t);
  text_add(t, v->facts.in_file ? "; rows stay in the file\n" : "\n");
  if (v->facts.constant_columns && v->role == VARIABLE_OBSERVED &&
      !family_is_discrete(v->p.use.family))
    text_format(t,
                "warning: %zu of %zu columns of %s are constant in the training rows; a family "
                "with a free scale has no bound there\n",
                v->facts.constant_columns, v->facts.D, v->name);
  (void)m;
}

static void add_param(const side *s, int p, text *t)
{
  const param_plan *plan = &s->param[p];
  size_t count = s->d * (size_t)s->use.width[p];
  bool same = plan->values != NULL;
  for (size_t i = 1; same && i < count; i++) same = plan->values[i] == plan->values[0];
  text_format(t, "%s%s", p ? ", " : "", plan->working_name);
  if (plan->kind == FROM_HEAD) {
    text_add(t, plan->shared ? " a head shared over the event" : " a head");
  } else if (plan->kind == FROM_LEARN) {
    text_add(t, " learned");
  } else if (same) {
    text_add(t, " = ");
    text_shortest(t, plan->values[0]);
    if (plan->standard) text_add(t, " (standard)");
  } else {
    text_add(t, " = given numbers");
  }
}

static void add_net(const model *m, const side *s, text *t)
{
  const net_spec *n = &s->spec->net;
  if (!n->present) return;
  text_format(t, "; net %zu", s->in);
  for (int i = 0; i < n->n_hidden; i++) text_format(t, "-%zu", n->hidden[i]);
  text_format(t, ", %s, init %s", n->n_hidden ? activation_table[n->activation].name : "linear",
              init_table[n->init].name);
  if (n->dropout > 0) {
    text_add(t, ", dropout ");
    text_shortest(t, n->dropout);
  }
  (void)m;
}

static void add_side(const model *m, const variable *v, const side *s, const char *list, text *t)
{
  text_format(t, "%s(%s", list, v->name);
  for (int i = 0; i < s->n_parents; i++)
    text_format(t, "%s%s", i ? ", " : " | ", m->variable[s->parent[i]].name);
  text_format(t, "): %s, %zu", s->spec->family, s->d);
  if (s->use.K > 1) text_format(t, " x %d", s->use.K);
  text_add(t, "; ");
  for (int p = 0; p < (int)s->use.family->n_params; p++) add_param(s, p, t);
  add_net(m, s, t);
  if (!s->use.log_prob_f32) text_add(t, "; no float kernel: the double function is looped over");
  if (s->spec->improper) text_add(t, "; improper: what is reported is NOT A DENSITY");
  text_add(t, "\n");
}

static void add_relaxed(const model *m, const variable *v, text *t)
{
  const estimator_spec *e = &m->x->estimator;
  text_format(t, ", %s%s %s, temperature ", v->estimator->controls ? "drawn, and " : "",
              v->relax->twin.family->name,
              v->estimator->controls ? "for the control variate" : "in place of its own draws");
  text_shortest(t, model_temperature(m, 0));
  if (e->temperature_epochs > 0) {
    text_add(t, " to ");
    text_shortest(t, e->temperature_to);
  }
  if (v->estimator->relaxes)
    text_format(t, ", %s; the training objective is the relaxed model's, NOT the ELBO",
                e->density_relaxed ? "densities of the twin"
                                   : "the "
                                     "discrete densities between their points");
  text_add(t, "\n");
}

static void add_latent(const model *m, const variable *v, text *t)
{
  text_format(t, "latent %s: %s", v->name, v->estimator->name);
  if (v->noise.kind != NOISE_IID) text_format(t, ", noise %s", noise_names[v->noise.kind]);
  if (v->relax) {
    add_relaxed(m, v, t);
    return;
  }
  if (v->estimator->enumerates || v->estimator->score) {
    text_add(t, v->estimator->enumerates ? ", every point of its support\n"
                                         : ", drawn; the gradient goes by log q\n");
    return;
  }
  if (v->q.road.reparam)
    text_format(t, ", drawn by %s%s", v->q.road.reparam->name,
                v->q.road.forward ? "" : " (event by event)");
  if (v->uses_kl)
    text_format(t, ", KL(%s || %s) in closed form\n", v->q.spec->family, v->p.spec->family);
  else if (v->estimator->uses_kl)
    text_format(t, ", A's sampled log q - log p, since %s\n", v->why_not_kl);
  else
    text_add(t, ", sampled log q - log p\n");
}

static void add_optimizer(const experiment *x, text *t)
{
  const optimizer_spec *o = &x->optimizer;
  const optimizer_kind *k = &optimizer_table[o->kind];
  text_format(t, "optimizer: %s, learning rate ", k->name);
  text_shortest(t, o->learning_rate);
  for (int i = 0; i < k->n_hypers; i++) {
    text_format(t, ", %s ", k->hypers[i].name);
    text_shortest(t, o->hyper[i]);
  }
  text_format(t, ", schedule %s", schedule_table[o->schedule].name);
  if (o->weight_decay > 0) {
    text_add(t, ", weight decay ");
    text_shortest(t, o->weight_decay);
  }
  if (o->clip > 0) {
    text_add(t, ", gradient clipped at norm ");
    text_shortest(t, o->clip);
  }
  text_add(t, "\n");
}

static void add_training(const model *m, text *t)
{
  const train_spec *s = &m->x->train;
  text_format(t, "train: %lld epochs of %zu rows in batches of %lld, K = %lld samples, seed %llu",
              (long long)s->epochs, m->N, (long long)s->batch_size, (long long)m->samples,
              (unsigned long long)m->x->seed);
  if (s->keep_best) text_add(t, ", keep the best by validation");
  text_add(t, "\n");
  if (s->kl_from != 1 || s->kl_to != 1) {
    text_add(t, "kl_weight: from ");
    text_shortest(t, s->kl_from);
    text_add(t, " to ");
    text_shortest(t, s->kl_to);
    text_add(t, "; while it is not 1 the objective is NOT the ELBO, which is reported beside it\n");
  }
}

static void add_stream(const model *m, text *t)
{
  bool some = false;
  for (int i = 0; i < m->n; i++) some |= m->variable[i].data && m->variable[i].facts.in_file;
  if (some)
    text_format(t,
                "stream: %lld rows in memory, half of them shuffled, half read ahead; each epoch "
                "takes the files in other blocks. Each start looks through the files first\n",
                (long long)m->x->buffer);
}

elbo_status model_plan(const model *m, text *t, error *e)
{
  text_format(t, "experiment: %s\n", m->x->name);
  for (int i = 0; i < m->n; i++)
    if (m->variable[i].data) add_data(m, &m->variable[i], t);
  add_stream(m, t);
  for (int i = 0; i < m->n_p; i++)
    add_side(m, &m->variable[m->p_order[i]], &m->variable[m->p_order[i]].p, "p", t);
  for (int i = 0; i < m->n_q; i++)
    add_side(m, &m->variable[m->q_order[i]], &m->variable[m->q_order[i]].q, "q", t);
  if (m->has_prior)
    text_format(t,
                "estimate: MAP, weight prior %s on every number of p; the objective holds log "
                "p(theta) / %zu, the reported ELBO does not\n",
                m->prior.family->name, m->N);
  text_format(t, "estimator: %s%s%s\n", m->estimator->name, m->estimator_reason ? "; " : "",
              m->estimator_reason ? m->estimator_reason : "");
  for (int i = 0; i < m->n_q; i++) add_latent(m, &m->variable[m->q_order[i]], t);
  add_optimizer(m->x, t);
  add_training(m, t);
  return t->failed ? fail(e, ELBO_E_MEMORY, "out of memory while writing the plan") : ELBO_DONE;
}
