/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Has a latent a KL in closed form that can be used, and why not. */
#include "dist/calls.h"
#include "infer/resolve.h"

#include <math.h>
#include <string.h>

static const char *kl_parent_problem(resolver *s, const variable *v)
{
  const model *m = s->m;
  for (int i = 0; i < v->p.n_parents; i++) {
    int parent = v->p.parent[i];
    if (m->variable[parent].role != VARIABLE_LATENT) continue;
    bool before = false;
    for (int k = 0; k < m->n_q && m->q_order[k] != (int)(v - m->variable); k++)
      before |= m->q_order[k] == parent;
    if (!before)
      return arena_format(m->arena, s->e, "its parent %s in p is drawn after it in q",
                          m->variable[parent].name);
  }
  return NULL;
}

/* The KL is used only where every p-parent is observed, an input, or comes before the latent in q's
 * order (estimators.md, B on chains). */
void find_kl(resolver *s, variable *v)
{
  bool alike = v->q.d == v->p.d;
  v->kl_known = alike && kl_find(s->m->registry, &v->q.use, &v->p.use, &v->kl);
  v->why_not_kl =
      v->kl_known ? kl_parent_problem(s, v)
      : !alike    ? arena_format(s->m->arena, s->e, "the events of %s and %s have different sizes",
                                 v->q.use.family->name, v->p.use.family->name)
                  : arena_format(s->m->arena, s->e, "no plugin knows KL(%s || %s)",
                                 v->q.use.family->name, v->p.use.family->name);
}

/* Is a closed form infinite at some parameters that training may meet? They are looked for on a
   grid around the standard values, whose working numbers are left and right of them by REACH: a
   factor of 7 in a scale. Constants stay what they are. */
enum { MOST_PROBED = 6, REACH = 2 };

static int probed_params(const side *s, double *w, double **at)
{
  int n = 0;
  for (uint32_t p = 0; p < s->use.family->n_params; p++) {
    if (s->param[p].kind == FROM_CONSTANT)
      w[s->use.offset[p]] = s->param[p].values[0];
    else
      at[n++] = &w[s->use.offset[p]];
  }
  return n;
}

static bool kl_may_be_infinite(const variable *v)
{
  const kl_use *k = &v->kl;
  double wq[FAMILY_MAX_PARAMS], wp[FAMILY_MAX_PARAMS], *at[2 * FAMILY_MAX_PARAMS],
      start[2 * FAMILY_MAX_PARAMS];
  int points = 1;
  if (k->q.W != (int)k->q.family->n_params || k->p.W != (int)k->p.family->n_params)
    return false; /* vectors: none is known to be */
  param_standard(&k->q, wq);
  param_standard(&k->p, wp);
  int n = probed_params(&v->q, wq, at);
  n += probed_params(&v->p, wp, at + n);
  if (n > MOST_PROBED) n = MOST_PROBED;
  for (int i = 0; i < n; i++, points *= 3) start[i] = *at[i];
  for (int point = 0; point < points; point++) {
    for (int i = 0, rest = point; i < n; i++, rest /= 3) *at[i] = start[i] + REACH * (rest % 3 - 1);
    if (call_kl(k, wq, wp, NULL, NULL) == INFINITY) return true;
  }
  return false;
}

/* `auto` leaves such a divergence to the draws: one infinite term would end the run
 * (decisions/012). */
void avoid_infinite_kl(resolver *s, variable *v)
{
  if (v->why_not_kl || (v->q.spec->gradient && !is_auto(v->q.spec->gradient)) ||
      !kl_may_be_infinite(v))
    return;
  v->why_not_kl =
      arena_format(s->m->arena, s->e, "KL(%s || %s) is infinite for some of their parameters",
                   v->q.use.family->name, v->p.use.family->name);
}
