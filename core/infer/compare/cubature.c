/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/compare/cubature.h"

#include <math.h>
#include <string.h>

enum { LOC, LOG_SCALE };

/* ---- does it apply? */
/* Known by what defines it: two parameters, and d log p / dx = -(x - loc) / scale^2. */
static bool is_normal(const family_use *u)
{
  static const double at[][3] = {
    { 0.5, 0, 0 }, { -1.5, 0.25, 0.75 }, { 3, -2, -0.5 }, { 0, 1, 2 }
  };
  if (u->family->value_form != ELBO_X_PLAIN || u->family->n_params != 2 || u->W != 2 || u->E != 1)
    return false;
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    double x = at[i][0], dx = NAN, score = -(x - at[i][1]) * exp(-2 * at[i][2]);
    u->family->log_prob(&u->call, &x, &at[i][1], &dx, NULL);
    if (!(fabs(dx - score) <= 1e-12 * fabs(score))) return false;
  }
  return true;
}

static bool has_latent_parent(const model *m, const side *s)
{
  for (int i = 0; i < s->n_parents; i++)
    if (m->variable[s->parent[i]].role == VARIABLE_LATENT) return true;
  return false;
}

static bool latent_fits(const model *m, const variable *v)
{
  return is_normal(&v->p.use) && is_normal(&v->q.use) && !has_latent_parent(m, &v->p) &&
         !has_latent_parent(m, &v->q) && v->estimator->pathwise && !v->estimator->hold_q &&
         !v->relax;
}

static bool observed_fits(const model *m, const variable *v)
{
  if (!v->p.spec || !has_latent_parent(m, &v->p)) return true;
  return is_normal(&v->p.use) && v->p.spec->net.n_hidden == 0 &&
         v->p.param[LOG_SCALE].kind != FROM_HEAD;
}

bool cubature_is_exact(const model *m)
{
  if (m->weighs || !m->n_q) return false;
  for (int i = 0; i < m->n; i++) {
    const variable *v = &m->variable[i];
    if (!(v->role == VARIABLE_LATENT ? latent_fits(m, v) : observed_fits(m, v))) return false;
  }
  return true;
}

/* ---- the points: draws for two samples, which are the two ends of one coordinate */
typedef struct cubature {
  sampler *p;
  machine *looks, *learns; /* forward only, to see loc and scale of q; and with derivatives */
  float *draws[MODEL_MAX_VARIABLES]; /* [2][B][d] by latent */
  const float **replay;              /* [graph_size] */
  size_t Z;                          /* numbers of all latents */
  error *e;
} cubature;

static double working(const cubature *c, int at, int param, size_t row, size_t j)
{
  node_id id = c->looks->mg.q_param[at][param];
  const node *n = graph_node(c->looks->mg.g, id);
  size_t rows = run_rows(c->looks->run, id);
  return (double)run_value(c->looks->run, id)[row % rows * n->ld + j];
}

static void set_draws(cubature *c, int at, size_t coordinate)
{
  size_t B = c->p->batch, d = c->p->s->model->variable[at].d;
  for (size_t k = 0; k < 2; k++)
    for (size_t b = 0; b < B; b++)
      for (size_t j = 0; j < d; j++) {
        double e = j == coordinate ? (k ? -1 : 1) * sqrt((double)c->Z) : 0;
        c->draws[at][(k * B + b) * d + j] =
            (float)(working(c, at, LOC, b, j) + exp(working(c, at, LOG_SCALE, b, j)) * e);
      }
}

static elbo_status start(cubature *c)
{
  const model *m = c->p->s->model;
  graph_options look = { .purpose = GRAPH_EVALUATE, .batch = c->p->batch, .samples = 1 },
                learn = { .purpose = GRAPH_TRAIN, .batch = c->p->batch, .samples = 2 };
  if (machine_new(c->p->s, &look, c->p->pool, c->p->params, NULL, &c->looks, c->e) ||
      machine_new(c->p->s, &learn, c->p->pool, c->p->params, c->p->grads, &c->learns, c->e))
    return c->e->status;
  if (machine_feed_split(c->looks, SPLIT_TRAIN, c->p->order, c->p->batch, 0, c->e) ||
      machine_feed_split(c->learns, SPLIT_TRAIN, c->p->order, c->p->batch, 0, c->e))
    return c->e->status;
  c->replay = mem_new((size_t)graph_size(c->learns->mg.g), sizeof *c->replay, "a reference", c->e);
  for (int i = 0; c->replay && i < m->n_q; i++) {
    int at = m->q_order[i];
    size_t d = m->variable[at].d;
    c->Z += d;
    c->draws[at] = mem_new(2 * c->p->batch * d, sizeof(float), "a reference", c->e);
    c->replay[c->learns->mg.drawn[at]] = c->draws[at];
  }
  return c->e->status ? c->e->status : machine_forward(c->looks, c->p->batch, 0, 0, c->e);
}

static void finish(cubature *c)
{
  for (int i = 0; i < MODEL_MAX_VARIABLES; i++) mem_free(c->draws[i]);
  mem_free(c->replay);
  machine_free(c->looks), machine_free(c->learns);
}

/* ---- the mean over all points */
static elbo_status add_pair(cubature *c, double *sum)
{
  step_args a = {
    .batch = c->p->batch, .kl_weight = 1, .feeds = c->learns->feeds, .replay = c->replay
  };
  if (run_forward(c->learns->run, &a, c->e) || run_backward(c->learns->run, c->e))
    return c->e->status;
  for (size_t i = 0; i < c->p->groups.P; i++) sum[i] += (double)c->p->grads[i] / (double)c->Z;
  return ELBO_DONE;
}

static elbo_status add_points(cubature *c, double *sum)
{
  const model *m = c->p->s->model;
  for (int i = 0; i < m->n_q; i++) set_draws(c, m->q_order[i], SIZE_MAX);
  for (int i = 0; i < m->n_q; i++) {
    int at = m->q_order[i];
    for (size_t j = 0; j < m->variable[at].d; j++) {
      set_draws(c, at, j);
      if (add_pair(c, sum)) return c->e->status;
    }
    set_draws(c, at, SIZE_MAX);
  }
  return ELBO_DONE;
}

elbo_status cubature_run(sampler *p, moments **out, error *e)
{
  cubature c = { .p = p, .e = e };
  double *sum = mem_new(p->groups.P, sizeof *sum, "a reference", e);
  *out = NULL;
  memset(p->grads, 0, p->groups.P * sizeof *p->grads);
  if (sum && !start(&c) && !add_points(&c, sum) && !moments_new(&p->groups, 1, out, e)) {
    for (size_t i = 0; i < p->groups.P; i++) p->grads[i] = (float)sum[i];
    moments_add(*out, p->grads);
    moments_finish(*out);
  }
  finish(&c);
  mem_free(sum);
  if (e->status) moments_free(*out), *out = NULL;
  return e->status;
}
