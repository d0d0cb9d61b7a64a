/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does it fit: data in the support of their family, q's support in p's, a road and a KL for each
 * latent's estimator. */
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

static bool fits_positive(const fit *f)
{
  return f->facts->low > 0 || (f->facts->low == 0 && f->support->closed_low);
}

static bool fits_unit(const fit *f)
{
  return fits_positive(f) &&
         (f->facts->high < 1 || (f->facts->high == 1 && f->support->closed_high));
}

static bool fits_all(const fit *f)
{
  (void)f;
  return true;
}

static bool fits_circle(const fit *f)
{
  return f->facts->low >= -3.1415927 && f->facts->high <= 3.1415927;
}

static bool fits_binary(const fit *f)
{
  return f->facts->binary;
}

static bool fits_count(const fit *f)
{
  return f->facts->integers && f->facts->low >= 0;
}

static bool fits_class(const fit *f)
{
  return fits_count(f) && f->facts->high < f->K;
}

/* Of several simplices in a row the sums are looked at in training, value by value. */
static bool fits_simplex(const fit *f)
{
  return fits_positive(f) && f->facts->high <= 1 &&
         (f->facts->sums_to_1 || f->facts->D != (size_t)f->K);
}

static bool fits_closed_unit(const fit *f)
{
  return f->facts->low >= 0 && f->facts->high <= 1;
}

/* ---- ends that parameters tell */
/* A parameter that the ends depend on. */
static bool moves_ends(const elbo_param *p)
{
  return p->flags & (ELBO_MOVES_SUPPORT | ELBO_CONSTANT) || p->constraint == ELBO_INTEGER;
}

/* Ends of event j's support on one side. false: learned numbers move them. The other parameters
   have their standard values, which don't matter. */
static bool find_ends(const side *s, size_t j, double *low, double *high)
{
  const elbo_family *f = s->use.family;
  double w[FAMILY_MAX_PARAMS];
  if (!f->support.range || s->use.W > FAMILY_MAX_PARAMS) return false;
  param_standard(&s->use, w);
  for (uint32_t p = 0; p < f->n_params; p++) {
    if (!moves_ends(&f->params[p])) continue;
    if (s->param[p].kind != FROM_CONSTANT || !s->param[p].values) return false;
    w[p] = s->param[p].values[j];
  }
  return f->support.range(w, s->use.K, low, high) == ELBO_OK;
}

/* Between the widest ends of the events, where they are known; in training value by value
 * otherwise. */
static bool fits_ends(const fit *f)
{
  double low, high, least = INFINITY, most = -INFINITY;
  for (size_t j = 0; f->v && j < f->v->p.d; j++) {
    if (!find_ends(&f->v->p, j, &low, &high)) return true;
    least = fmin(least, low);
    most = fmax(most, high);
  }
  bool low_ok = f->support->closed_low ? f->facts->low >= least : f->facts->low > least;
  bool high_ok = f->support->closed_high ? f->facts->high <= most : f->facts->high < most;
  return !f->v || (low_ok && high_ok);
}

static const struct {
  bool (*fits)(const fit *);
  const char *advice;
} support_rows[] = {
  [ELBO_SUP_REAL] = { fits_all, "" },
  [ELBO_SUP_POSITIVE] = { fits_positive,
                          "shift the data, or take a family on the whole line (normal, laplace)" },
  [ELBO_SUP_UNIT] = { fits_unit, "`prepare: {scale: ..}` brings data into it (255 for bytes); with "
                                 "exact 0 and 1 take continuous_bernoulli" },
  [ELBO_SUP_INTERVAL] = { fits_all, "widen the bounds" },
  [ELBO_SUP_SIMPLEX] = { fits_simplex, "every row must be positive and sum to 1" },
  [ELBO_SUP_CIRCLE] = { fits_circle, "angles are in radians from -pi to pi" },
  [ELBO_SUP_BINARY] = { fits_binary,
                        "binarize (`prepare: {binarize: dynamic}`, with `scale: 255` where they "
                        "are bytes) or take "
                        "continuous_bernoulli; `improper: allow` lets grey levels through, "
                        "and then what is reported is not a density" },
  [ELBO_SUP_CLASS] = { fits_class, "data of a categorical are indices 0 .. K-1; `dim: K` says how "
                                   "many classes" },
  [ELBO_SUP_COUNT] = { fits_count, "counts are whole numbers from 0 on" },
  [ELBO_SUP_GRID] = { fits_closed_unit,
                      "`prepare: {scale: 255}` brings bytes to the grid 0, 1/255, .., 1" },
};

bool support_fits(const elbo_family *f, const data_facts *facts, int K, const variable *v)
{
  fit it = { facts, &f->support, K, v };
  return f->support.kind < sizeof support_rows / sizeof *support_rows &&
         support_rows[f->support.kind].fits(&it) && fits_ends(&it);
}

void check_data(resolver *s, const variable *v)
{
  const elbo_support *sup = &v->p.use.family->support;
  if (support_fits(v->p.use.family, &v->facts, v->K, v)) return;
  if (v->p.spec->improper && sup->kind == ELBO_SUP_BINARY && v->facts.low >= 0 &&
      v->facts.high <= 1)
    return;
  problem_add(s->problems, v->p.spec->family_at, ELBO_E_DATA,
              "%s: the data do not lie in the support of %s, which is %s: they go from %.9g to "
              "%.9g%s, with %zu values exactly 0 and %zu exactly 1; %s",
              v->name, v->p.use.family->name, family_support_text(v->p.use.family), v->facts.low,
              v->facts.high, v->facts.integers ? " in whole numbers" : "", v->facts.at_low,
              v->facts.at_high, support_rows[sup->kind].advice);
}

/* ---- q against p */
/* Ends that hold for every parameter; of a lattice they are enough, since what is compared are
 * lattices of whole numbers. */
static bool known_ends(const side *s, size_t j, double *low, double *high)
{
  static const double ends[][2] = {
    [ELBO_SUP_REAL] = { -INFINITY, INFINITY },
    [ELBO_SUP_POSITIVE] = { 0, INFINITY },
    [ELBO_SUP_UNIT] = { 0, 1 },
    [ELBO_SUP_CIRCLE] = { -M_PI, M_PI },
    [ELBO_SUP_BINARY] = { 0, 1 },
    [ELBO_SUP_COUNT] = { 0, INFINITY },
    [ELBO_SUP_CLASS] = { 0, INFINITY },
  };
  uint32_t kind = s->use.family->support.kind;
  if (s->use.family->support.range) return find_ends(s, j, low, high);
  if (kind >= sizeof ends / sizeof *ends || ends[kind][0] == ends[kind][1])
    return false; /* simplex, grid */
  *low = ends[kind][0];
  *high = kind == ELBO_SUP_CLASS ? s->use.K - 1 : ends[kind][1];
  return true;
}

/* Constants may bring a support that moves within another, number by number. */
static bool ends_within(const variable *v)
{
  double q[2], p[2];
  if (family_is_discrete(v->q.use.family) != family_is_discrete(v->p.use.family)) return false;
  for (size_t i = 0; i < v->numbers; i++)
    if (!known_ends(&v->q, i / (size_t)v->q.use.E, &q[0], &q[1]) ||
        !known_ends(&v->p, i / (size_t)v->p.use.E, &p[0], &p[1]) || q[0] < p[0] || q[1] > p[1])
      return false;
  return true;
}

void check_supports(resolver *s, const variable *v)
{
  char why[512] = "their bounds depend on parameters: p's must be constants, and q's within them";
  if (!v->q.spec || !v->p.spec) return;
  bool within = family_support_within(v->q.use.family, v->p.use.family, why, sizeof why);
  if ((within && !v->p.use.family->support.range) || ends_within(v)) return;
  problem_add(s->problems, v->q.spec->family_at, ELBO_E_USAGE,
              "%s: q's family %s can give values where p's family %s has no density (%s), so the "
              "ELBO would be -inf; choose families "
              "with the same support",
              v->name, v->q.use.family->name, v->p.use.family->name, why);
}
