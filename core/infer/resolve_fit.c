/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does it fit: data in the support of their family, q's support in p's, a road and a KL for each latent's estimator. */
#include "infer/resolve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- data against the support of the family */
typedef struct fit {
  const data_facts *facts;
  const elbo_support *support;
  int K;
  const variable *v;
} fit;

static bool fits_positive(const fit *f) { return f->facts->low > 0 || (f->facts->low == 0 && f->support->closed_low); }

static bool fits_unit(const fit *f)
{
  return fits_positive(f) && (f->facts->high < 1 || (f->facts->high == 1 && f->support->closed_high));
}

static bool fits_all(const fit *f)
{
  (void)f;
  return true;
}

static bool fits_circle(const fit *f) { return f->facts->low >= -3.1415927 && f->facts->high <= 3.1415927; }

static bool fits_binary(const fit *f) { return f->facts->binary; }

static bool fits_count(const fit *f) { return f->facts->integers && f->facts->low >= 0; }

static bool fits_class(const fit *f) { return fits_count(f) && f->facts->high < f->K; }

static bool fits_closed_unit(const fit *f) { return f->facts->low >= 0 && f->facts->high <= 1; }

/* Between the numbers that `range` tells, where the parameters are constants; in training value by value otherwise. */
static bool fits_interval(const fit *f)
{
  double w[FAMILY_MAX_PARAMS] = { 0 }, low, high;
  for (uint32_t p = 0; f->v && p < f->v->p.use.family->n_params; p++) {
    if (f->v->p.param[p].kind != FROM_CONSTANT) return true;
    w[p] = f->v->p.param[p].values[0];
  }
  return !f->v || !f->support->range || f->support->range(w, f->K, &low, &high) ||
         (f->facts->low >= low && f->facts->high <= high);
}

static const struct {
  bool (*fits)(const fit *);
  const char *advice;
} support_rows[] = {
  [ELBO_SUP_REAL] = { fits_all, "" },
  [ELBO_SUP_POSITIVE] = { fits_positive, "shift the data, or take a family on the whole line (normal, laplace)" },
  [ELBO_SUP_UNIT] = { fits_unit, "`prepare: {scale: ..}` brings data into it (255 for bytes); with exact 0 and 1 take continuous_bernoulli" },
  [ELBO_SUP_INTERVAL] = { fits_interval, "widen the bounds" },
  [ELBO_SUP_SIMPLEX] = { fits_closed_unit, "every row must be positive and sum to 1" },
  [ELBO_SUP_CIRCLE] = { fits_circle, "angles are in radians from -pi to pi" },
  [ELBO_SUP_BINARY] = { fits_binary, "binarize (`prepare: {binarize: dynamic}`, with `scale: 255` where they are bytes) or take "
                                     "continuous_bernoulli; `improper: allow` lets grey levels through, "
                                     "and then what is reported is not a density" },
  [ELBO_SUP_CLASS] = { fits_class, "data of a categorical are indices 0 .. K-1; `dim: K` says how many classes" },
  [ELBO_SUP_COUNT] = { fits_count, "counts are whole numbers from 0 on" },
  [ELBO_SUP_GRID] = { fits_closed_unit, "`prepare: {scale: 255}` brings bytes to the grid 0, 1/255, .., 1" },
};

bool support_fits(const elbo_family *f, const data_facts *facts, int K, const variable *v)
{
  fit it = { facts, &f->support, K, v };
  return f->support.kind < sizeof support_rows / sizeof *support_rows && support_rows[f->support.kind].fits(&it);
}

void check_data(resolver *s, const variable *v)
{
  const elbo_support *sup = &v->p.use.family->support;
  if (support_fits(v->p.use.family, &v->facts, v->K, v)) return;
  if (v->p.spec->improper && sup->kind == ELBO_SUP_BINARY && v->facts.low >= 0 && v->facts.high <= 1) return;
  problem_add(s->problems, v->p.spec->family_at, ELBO_E_DATA,
              "%s: the data do not lie in the support of %s, which is %s: they go from %.9g to %.9g%s, with %zu values exactly 0 and %zu exactly 1; %s",
              v->name, v->p.use.family->name, family_support_text(v->p.use.family), v->facts.low, v->facts.high,
              v->facts.integers ? " in whole numbers" : "", v->facts.at_low, v->facts.at_high, support_rows[sup->kind].advice);
}

/* ---- q against p */
void check_supports(resolver *s, const variable *v)
{
  char why[512];
  if (!v->q.spec || !v->p.spec) return;
  if (family_support_within(v->q.use.family, v->p.use.family, why, sizeof why)) return;
  problem_add(s->problems, v->q.spec->family_at, ELBO_E_USAGE,
              "%s: q's family %s can give values where p's family %s has no density (%s), so the ELBO would be -inf; choose families "
              "with the same support", v->name, v->q.use.family->name, v->p.use.family->name, why);
}
