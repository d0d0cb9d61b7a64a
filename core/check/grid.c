/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters to try, made from the constraints of the table alone. */
#include "check/inside.h"

#include <math.h>
#include <string.h>

/* Working numbers: the ends tried one at a time, the spread of moderate ones, and where they
 * lie. */
typedef struct {
  double low, high, middle, spread;
} reach;
static const reach reaches[] = {
  [ELBO_REAL] = { -40, 40, 0, 1.5 },   [ELBO_POSITIVE] = { -6.9, 9.2, 0, 0.9 },
  [ELBO_UNIT] = { -12, 12, 0, 2 },     [ELBO_SIMPLEX] = { -8, 8, 0, 1.5 },
  [ELBO_CHOLESKY] = { -3, 3, 0, 0.5 }, [ELBO_INTEGER] = { 2, 40, 6, 3 },
};

elbo_noise check_noise(uint32_t seed, uint32_t element)
{
  return (elbo_noise){ .key = philox_make_key(20140416, STREAM_SAMPLE),
                       .element = element,
                       .row = seed };
}

bool check_dim(trial *t, int K)
{
  return !family_bind(t->registry, t->plugin->info.name, K, &t->u, NULL) && t->u.W <= CHECK_MAX_W &&
         t->u.E <= CHECK_MAX_E;
}

int param_index(const trial *t, int k)
{
  int p = 0;
  while (p + 1 < (int)t->u.family->n_params && k >= t->u.offset[p + 1]) p++;
  return p;
}

bool grid_learned(const trial *t, int k)
{
  const elbo_param *p = &t->u.family->params[param_index(t, k)];
  return p->constraint != ELBO_INTEGER && !(p->flags & ELBO_CONSTANT);
}

static double whole(double v)
{
  return fmax(2, nearbyint(v));
}

/* Does `range` have an interval for them? */
static bool allowed(trial *t, const double *w)
{
  double low, high;
  const elbo_support *s = &t->u.family->support;
  if (!s->range) return true;
  note(t, "support.range", NULL, w);
  return s->range(w, t->u.K, &low, &high) == ELBO_OK && low < high;
}

bool grid_moderate(trial *t, uint32_t i, double *w)
{
  elbo_noise e = check_noise(77, i);
  for (int k = 0; k < t->u.W; k++) {
    const elbo_param *p = &t->u.family->params[param_index(t, k)];
    const reach *r = &reaches[p->constraint];
    w[k] = r->middle + r->spread * noise_normal(&e);
    if (p->constraint == ELBO_INTEGER) w[k] = whole(w[k]);
  }
  return allowed(t, w);
}

int grid_size(const trial *t)
{
  int ends = 2 * (int)t->u.family->n_params;
  return 1 + ends + (t->thorough ? 100 : 8);
}

static void put_end(trial *t, int p, bool high, double *w)
{
  const reach *r = &reaches[t->u.family->params[p].constraint];
  for (int k = 0; k < t->u.width[p]; k++)
    w[t->u.offset[p] + k] = (k % 2 == 0) == high ? r->high : r->low;
}

bool grid_at(trial *t, int i, double *w)
{
  const elbo_family *f = t->u.family;
  int ends = 2 * (int)f->n_params;
  param_standard(&t->u, w);
  for (int k = 0; k < t->u.W; k++)
    if (t->u.family->params[param_index(t, k)].constraint == ELBO_INTEGER) w[k] = whole(w[k]);
  if (i > 0 && i <= ends) put_end(t, (i - 1) / 2, (i - 1) % 2, w);
  if (i > ends) grid_moderate(t, (uint32_t)i, w);
  return allowed(t, w);
}
