/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Supports: as text, against each other, and against values. */
#include "dist/family.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { KINDS = ELBO_SUP_GRID + 1 };
#define BIT(KIND) (1u << ELBO_SUP_##KIND)

#define ALWAYS(TEXT)                                                                               \
  {                                                                                                \
    TEXT, TEXT, TEXT, TEXT                                                                         \
  }

/* low, high: bounds that hold for every parameter. text: by closed_low + 2 closed_high. within: the
 * kinds whose closure holds this one's. */
typedef struct {
  double low, high;
  const char *text[4];
  uint32_t within;
} kind_row;
/* clang-format off */
static const kind_row kinds[KINDS] = {
  [ELBO_SUP_REAL] = { -INFINITY, INFINITY, ALWAYS("-inf < x < inf"), BIT(REAL) },
  [ELBO_SUP_POSITIVE] = { 0, INFINITY, { "0 < x", "0 <= x", "0 < x", "0 <= x" },
                          BIT(REAL) | BIT(POSITIVE) },
  [ELBO_SUP_UNIT] = { 0, 1, { "0 < x < 1", "0 <= x < 1", "0 < x <= 1", "0 <= x <= 1" },
                      BIT(REAL) | BIT(POSITIVE) | BIT(UNIT) | BIT(CIRCLE) },
  [ELBO_SUP_INTERVAL] = { -INFINITY, INFINITY, { "low < x < high", "low <= x < high",
                                                 "low < x <= high", "low <= x <= high" },
                          BIT(REAL) },
  [ELBO_SUP_SIMPLEX] = { 0, 1, { "x_k > 0 of sum 1", "x_k >= 0 of sum 1",
                                 "x_k > 0 of sum 1", "x_k >= 0 of sum 1" },
                         BIT(SIMPLEX) },
  [ELBO_SUP_CIRCLE] = { -M_PI, M_PI, { "-pi < x < pi", "-pi <= x < pi",
                                       "-pi < x <= pi", "-pi <= x <= pi" },
                        BIT(REAL) | BIT(CIRCLE) },
  [ELBO_SUP_BINARY] = { 0, 1, ALWAYS("x in {0, 1}"),
                        BIT(BINARY) | BIT(CLASS) | BIT(COUNT) | BIT(GRID) },
  [ELBO_SUP_CLASS] = { 0, INFINITY, ALWAYS("x in {0, .., dim - 1}"), BIT(CLASS) | BIT(COUNT) },
  [ELBO_SUP_COUNT] = { 0, INFINITY, ALWAYS("x in {0, 1, 2, ..}"), BIT(COUNT) },
  [ELBO_SUP_GRID] = { 0, 1, ALWAYS("x in {0, 1/(levels - 1), .., 1}"), BIT(GRID) },
};
/* clang-format on */

static uint32_t kind_of(const elbo_family *f)
{
  return f->support.kind < KINDS ? f->support.kind : ELBO_SUP_REAL;
}

const char *family_support_text(const elbo_family *f)
{
  return kinds[kind_of(f)].text[!!f->support.closed_low + 2 * !!f->support.closed_high];
}

/* Does the support depend on parameters, other than by a count that is at least 1? */
static bool moves(const elbo_family *f)
{
  bool m = f->support.kind == ELBO_SUP_INTERVAL;
  for (uint32_t p = 0; p < f->n_params; p++) m |= !!(f->params[p].flags & ELBO_MOVES_SUPPORT);
  return m;
}

static bool refuse(char *why, size_t n, const elbo_family *q, const elbo_family *p,
                   const char *because)
{
  snprintf(why, n, "%s gives %s, %s has %s%s", q->name, family_support_text(q), p->name,
           family_support_text(p), because);
  return false;
}

bool family_support_within(const elbo_family *q, const elbo_family *p, char *why, size_t n)
{
  bool bounded =
      p->support.kind == ELBO_SUP_COUNT && p->support.range && q->support.kind != ELBO_SUP_BINARY;
  if (!strcmp(q->name, p->name)) return true;
  if (family_is_discrete(q) != family_is_discrete(p))
    return refuse(why, n, q, p,
                  family_is_discrete(q) ? ": one is discrete, the other has a density"
                                        : ": one has a density, the other is discrete");
  if (moves(p) || bounded) return refuse(why, n, q, p, ", whose bounds depend on its parameters");
  if (kinds[kind_of(q)].within & (1u << kind_of(p))) return true;
  return refuse(why, n, q, p, ", which is not all of it");
}

/* The levels of a grid: its integer parameter. 0: not known. */
static double levels_of(const family_use *u, const double *w)
{
  for (uint32_t p = 0; w && p < u->family->n_params; p++)
    if (u->family->params[p].constraint == ELBO_INTEGER) return w[u->offset[p]];
  return 0;
}

static bool on_grid(const family_use *u, double x, const double *w)
{
  double steps = levels_of(u, w) - 1;
  return steps < 1 ||
         fabs(x * steps - nearbyint(x * steps)) <= 1e-3; /* families.md: within 1e-3 of a step */
}

static bool between(const family_use *u, double x, double low, double high)
{
  const elbo_support *s = &u->family->support;
  bool discrete = family_is_discrete(u->family), end_low = s->closed_low || discrete,
       end_high = s->closed_high || discrete;
  return isfinite(x) && (end_low ? x >= low : x > low) && (end_high ? x <= high : x < high);
}

static bool sum_is_1(const family_use *u, const double *x)
{
  double sum = 0;
  for (int k = 0; k < u->E; k++) sum += x[k];
  return fabs(sum - 1) <= FAMILY_SIMPLEX_SLACK;
}

bool family_in_support(const family_use *u, const double *x, const double *w)
{
  const elbo_support *s = &u->family->support;
  uint32_t kind = kind_of(u->family);
  double low = kinds[kind].low, high = kind == ELBO_SUP_CLASS ? u->K - 1 : kinds[kind].high;
  if (s->range && w && s->range(w, u->K, &low, &high) != ELBO_OK) return false;
  for (int k = 0; k < u->E; k++) {
    if (!between(u, x[k], low, high)) return false;
    if (kind == ELBO_SUP_GRID ? !on_grid(u, x[k], w)
                              : family_is_discrete(u->family) && x[k] != floor(x[k]))
      return false;
  }
  return kind != ELBO_SUP_SIMPLEX || sum_is_1(u, x);
}
