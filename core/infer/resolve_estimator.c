/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which estimator each latent has, and whether it applies: roads, supports that move, chains,
 * samples, one objective for all. */
#include "infer/resolve.h"

#include <math.h>
#include <string.h>

static void need_road(resolver *s, variable *v)
{
  error why = { 0 };
  if (!road_bind(s->m->registry, &v->q.use, v->q.spec->reparam, &v->q.road, &why)) return;
  place at = v->q.spec->reparam ? v->q.spec->reparam_at : v->q.spec->family_at;
  problem_add(
      s->problems, at, ELBO_E_USAGE,
      "%s: estimator %s differentiates through the draw, and %s can't be drawn that way: %s",
      v->name, v->estimator->name, v->q.spec->family, why.text);
}

static place estimator_place(const resolver *s, const variable *v)
{
  return v->q.spec->gradient ? v->q.spec->gradient_at : s->x->estimator.at;
}

/* The relaxed twin, which must serve p too. */
static void need_twin(resolver *s, variable *v)
{
  error why = { 0 };
  if (!v->estimator->relaxes && !v->estimator->controls) return;
  v->relax = arena_get(s->m->arena, 1, sizeof *v->relax, s->e);
  if (!v->relax) return;
  if (relax_bind(s->m->registry, &v->q.use, v->relax, &why))
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: estimator %s needs a relaxed twin: %s", v->name, v->estimator->name, why.text);
  if (v->p.use.family != v->q.use.family)
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: estimator %s needs one family in p and in q, and these are %s and %s", v->name,
                v->estimator->name, v->p.spec->family, v->q.spec->family);
}

/* Pairs of draws that are opposed by their logits. */
static void need_logits(resolver *s, const variable *v)
{
  const elbo_family *f = v->q.use.family;
  bool fits = f->support.kind == ELBO_SUP_BINARY && f->n_params == 1 &&
              f->params[0].constraint == ELBO_UNIT && draw_noise(&v->q.use) == 1;
  if (v->estimator->mirrors && !fits)
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: estimator %s is for binary draws by logits (bernoulli), and %s is none; "
                "take score_loo",
                v->name, v->estimator->name, v->q.spec->family);
}

static const estimator_kind *named_estimator(resolver *s, const char *name, place at)
{
  error why = { 0 };
  const estimator_kind *k = estimator_find(name);
  if (!k) {
    estimator_unknown(name, "", &why);
    problem_add(s->problems, at, ELBO_E_USAGE, "%s", why.text);
  }
  return k;
}

/* ---- auto: sgvb_b where a known KL can be used, else sgvb_a; score_loo for a latent that has no
 * road */
static bool has_road(resolver *s, const variable *v)
{
  road_use road;
  return !road_bind(s->m->registry, &v->q.use, v->q.spec->reparam, &road, NULL);
}

static void choose_auto(resolver *s)
{
  model *m = s->m;
  bool kl = false, road = m->n_q == 0;
  for (int i = 0; i < m->n_q; i++) {
    const variable *v = &m->variable[m->q_order[i]];
    road |= has_road(s, v);
    kl |= has_road(s, v) && !v->why_not_kl;
  }
  m->estimator = estimator_find(kl ? "sgvb_b" : road ? "sgvb_a" : "score_loo");
  m->estimator_reason = kl     ? "auto: a known KL can be used"
                        : road ? "auto: no latent has a KL that can be used"
                               : "auto: no latent has a reparametrizer";
  if (m->n_q && !kl && road && m->variable[m->q_order[0]].why_not_kl)
    m->estimator_reason = arena_format(m->arena, s->e, "%s: %s", m->estimator_reason,
                                       m->variable[m->q_order[0]].why_not_kl);
}

static const estimator_kind *estimator_of(resolver *s, const variable *v)
{
  const char *own = v->q.spec->gradient;
  bool chosen = is_auto(s->x->estimator.name);
  if (own && !is_auto(own)) return named_estimator(s, own, v->q.spec->gradient_at);
  return chosen && !has_road(s, v) ? estimator_find("score_loo") : s->m->estimator;
}

/* Latents with other roads beside it do not make it useful. */
static void refuse_useless_b(resolver *s)
{
  model *m = s->m;
  const variable *first = NULL;
  for (int i = m->n_q - 1; i >= 0; i--) {
    const variable *v = &m->variable[m->q_order[i]];
    if (v->uses_kl) return;
    if (v->estimator->uses_kl) first = v;
  }
  if (!first || is_auto(s->x->estimator.name)) return;
  problem_add(s->problems, estimator_place(s, first), ELBO_E_USAGE,
              "estimator sgvb_b applies to no latent: %s: %s; take `estimator: sgvb_a` (or `auto`)",
              first->name, first->why_not_kl);
}

/* ---- does it apply */
/* E[d log q/dp] is not 0 for a parameter that moves the support: then log q may not be
 * differentiated alone, nor left out. */
static void refuse_moving_support(resolver *s, const variable *v)
{
  if (!v->estimator->score && !v->estimator->hold_q) return;
  for (uint32_t p = 0; p < v->q.use.family->n_params; p++)
    if (v->q.use.family->params[p].flags & ELBO_MOVES_SUPPORT &&
        v->q.param[p].kind != FROM_CONSTANT)
      problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                  "%s: estimator %s needs a support that no learned parameter moves, and %s of %s "
                  "moves it; take sgvb_a, or give a number",
                  v->name, v->estimator->name, v->q.use.family->params[p].name, v->q.spec->family);
}

static void refuse_chain(resolver *s, const variable *v)
{
  for (int i = 0; v->estimator->no_chains && i < v->q.n_parents; i++)
    if (s->m->variable[v->q.parent[i]].role == VARIABLE_LATENT)
      problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                  "%s: estimator %s is refused where a latent has a latent parent in q, and %s "
                  "has %s: %s",
                  v->name, v->estimator->name, v->name, s->m->variable[v->q.parent[i]].name,
                  v->estimator->no_chains);
}

/* The weights of a draw and of log q of the next are not multiplied together in any identity that
 * is known. */
static void refuse_scaled_parent(resolver *s, const variable *v)
{
  for (int i = 0; v->estimator->score && i < v->q.n_parents; i++) {
    const variable *parent = &s->m->variable[v->q.parent[i]];
    if (parent->role == VARIABLE_LATENT && parent->estimator->scale_path)
      problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                  "%s: estimator %s is refused where its parent %s in q has %s, which scales the "
                  "path that log q sends there; take iwae for %s",
                  v->name, v->estimator->name, parent->name, parent->estimator->name, parent->name);
  }
}

static void count_points(resolver *s, const variable *v)
{
  enum { MOST = 100000 };
  size_t points = enumerate_points(&v->q.use);
  if (!points)
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: %s has no small finite support to enumerate (%s)", v->name, v->q.spec->family,
                family_support_text(v->q.use.family));
  for (size_t j = 0; points && j < v->q.d && s->m->samples <= MOST; j++) s->m->samples *= points;
  if (s->m->samples > MOST)
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: %zu numbers of %zu points each have more than %d combinations; "
                "take score_loo",
                v->name, v->q.d, points, MOST);
}

/* One objective for all latents, of which the exact sum is another way, and one rule of score
 * weights. */
static void join(resolver *s, const variable *v)
{
  model *m = s->m;
  const estimator_kind *k = v->estimator;
  if (k->enumerates) m->objective = k->objective;
  if (strcmp(k->objective->name, m->estimator->objective->name))
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: estimator %s climbs the %s bound, the experiment's %s the %s bound; "
                "one objective must serve all latents",
                v->name, k->name, k->objective->name, m->estimator->name,
                m->estimator->objective->name);
  if (k->score && m->score && k->score != m->score)
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: estimator %s weighs log q otherwise than another latent's does; take the "
                "same one for all latents on a score road",
                v->name, k->name);
  if (k->score) m->score = k->score;
  if (k->controls != m->controls && v != &m->variable[m->q_order[0]])
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: estimator rebar must be that of all latents: its control variate is f at "
                "relaxed values of all",
                v->name);
  m->controls |= k->controls;
  m->baseline |= k->baseline;
  m->enumerates |= k->enumerates;
  m->weighs |= k->score || k->scale_path || k->objective != &bound_elbo;
}

static bool can_be_drawn(resolver *s, const variable *v)
{
  return has_road(s, v) || v->q.use.family->draw || v->q.use.family->icdf;
}

static void check_latent(resolver *s, variable *v)
{
  if (v->estimator->pathwise && !v->estimator->relaxes) need_road(s, v);
  need_twin(s, v);
  need_logits(s, v);
  refuse_moving_support(s, v);
  refuse_chain(s, v);
  refuse_scaled_parent(s, v);
  join(s, v);
  if (v->estimator->enumerates) count_points(s, v);
  if (v->estimator->score && !v->estimator->enumerates && !can_be_drawn(s, v))
    problem_add(s->problems, v->q.spec->family_at, ELBO_E_USAGE,
                "%s: %s can't be drawn from: its plugin has no road, no `draw` and no `icdf`; "
                "another family of q is needed",
                v->name, v->q.spec->family);
  /* Who leaves the choice to `auto` has not chosen K either. */
  if (is_auto(s->x->estimator.name) && s->m->samples < (size_t)v->estimator->min_samples)
    s->m->samples = (size_t)v->estimator->min_samples;
  if (!is_auto(s->x->estimator.name) && !v->estimator->enumerates &&
      s->x->estimator.samples < v->estimator->min_samples)
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: estimator %s needs at least %d samples, and has %lld; write `estimator: "
                "{name: .., samples: %d}`",
                v->name, v->estimator->name, v->estimator->min_samples,
                (long long)s->x->estimator.samples, v->estimator->min_samples);
}

/* ---- noise: how a latent's draws hang together in training */
static const char *noise_problem(resolver *s, const variable *v, noise_kind kind)
{
  const estimator_kind *k = v->estimator;
  if (k->mirrors) return "its draws come in antithetic pairs already";
  if (!k->any_noise)
    return "it needs draws that are independent of each other; score, sgvb_a, sgvb_b and stl take "
           "others";
  if (!draw_noise(&v->q.use))
    return arena_format(s->m->arena, s->e, "a draw of %s takes no fixed number of noise values",
                        v->q.spec->family);
  if (kind == NOISE_SOBOL && s->m->n_coordinates + v->q.d * draw_noise(&v->q.use) > SOBOL_DIMS)
    return arena_format(
        s->m->arena, s->e,
        "the draws of a row take more than the %d coordinates that its sequence has", SOBOL_DIMS);
  return NULL;
}

static void tie_samples(resolver *s, variable *v)
{
  model *m = s->m;
  noise_kind kind = (noise_kind)s->x->estimator.noise;
  const char *why = kind == NOISE_IID ? NULL : noise_problem(s, v, kind);
  if (why)
    problem_add(s->problems, s->x->estimator.noise_at, ELBO_E_USAGE,
                "%s: noise %s does not go with estimator %s: %s", v->name, noise_names[kind],
                v->estimator->name, why);
  v->noise = (noise_tie){ .kind = v->estimator->mirrors ? NOISE_ANTITHETIC : kind,
                          .per_event = draw_noise(&v->q.use) };
  if (v->noise.kind == NOISE_ANTITHETIC && m->samples % 2)
    problem_add(s->problems, estimator_place(s, v), ELBO_E_USAGE,
                "%s: antithetic draws come in pairs, and there are %zu samples; write an even "
                "number, `estimator: {samples: %zu, ..}`",
                v->name, m->samples, m->samples + 1);
  if (v->noise.kind != NOISE_SOBOL) return;
  if (!m->net && (m->net = arena_get(m->arena, 1, sizeof *m->net, s->e))) sobol_start(m->net);
  v->noise.net = m->net;
  v->noise.first = (uint32_t)m->n_coordinates;
  m->n_coordinates += v->q.d * v->noise.per_event;
}

/* Enumerated latents take the place of samples: K is the number of points. */
static void choose_samples(resolver *s)
{
  model *m = s->m;
  bool enumerates = false;
  for (int i = 0; i < m->n_q; i++) enumerates |= m->variable[m->q_order[i]].estimator->enumerates;
  m->samples = enumerates ? 1 : (size_t)s->x->estimator.samples;
  m->objective = m->estimator->objective;
  for (int i = 0; i < m->n_q; i++) check_latent(s, &m->variable[m->q_order[i]]);
  for (int i = 0; i < m->n_q; i++) tie_samples(s, &m->variable[m->q_order[i]]);
}

void choose_estimators(resolver *s)
{
  model *m = s->m;
  for (int i = 0; i < m->n_q; i++) find_kl(s, &m->variable[m->q_order[i]]);
  if (is_auto(s->x->estimator.name)) {
    for (int i = 0; i < m->n_q; i++) avoid_infinite_kl(s, &m->variable[m->q_order[i]]);
    choose_auto(s);
  } else {
    m->estimator = named_estimator(s, s->x->estimator.name, s->x->estimator.at);
  }
  if (!m->estimator) return;
  for (int i = 0; i < m->n_q; i++) {
    variable *v = &m->variable[m->q_order[i]];
    v->estimator = estimator_of(s, v);
    if (!v->estimator) return;
    v->uses_kl = v->estimator->uses_kl && !v->why_not_kl;
  }
  choose_samples(s);
  refuse_useless_b(s);
}

/* A temperature that is not given: the lowest of Jang, Gu and Poole 2017's. From one to another it
 * goes as an exponential, as theirs. */
double model_temperature(const model *m, double epochs)
{
  const estimator_spec *e = &m->x->estimator;
  if (!(e->temperature_from > 0)) return 0.5;
  double done = e->temperature_epochs > 0 ? fmin(1, epochs / e->temperature_epochs) : 1;
  return e->temperature_from * pow(e->temperature_to / e->temperature_from, done);
}

const family_use *variable_drawn(const variable *v)
{
  return v->relax ? &v->relax->twin : &v->q.use;
}
