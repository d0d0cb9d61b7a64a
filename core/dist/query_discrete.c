/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Discrete families by their points: tails summed where the plugin has no cdf, quantiles by a
 * search in the cdf, expectations as sums. */
#include "dist/query.h"

#include <math.h>

enum { MOST_POINTS = 20000000, MOST_SUMMED = 1 << 20 };

static double point(const bound *b, uint64_t i)
{
  return b->use.family->support_point(&b->use.call, i, b->w);
}

static double log_mass(const bound *b, double x)
{
  return b->use.family->log_prob(&b->use.call, &x, b->w, NULL, NULL);
}

static bool no_points(query *q, const bound *b, const char *what)
{
  return query_fail(q, Q_UNSUPPORTED, "%s: its plugin provides no %s", b->use.family->name, what);
}

/* Over the points of a finite support that lie up to x, or beyond it. */
bool discrete_cdf(query *q, const bound *b, double x, bool upper, double *value)
{
  double sum = 0, at;
  if (!b->use.family->support_point || isnan(point(b, 0))) return no_points(q, b, "cdf");
  if (!isnan(point(b, MOST_SUMMED)))
    return query_fail(q, Q_UNSUPPORTED,
                      "%s: its plugin provides no cdf, and its support is too large to be summed",
                      b->use.family->name);
  for (uint64_t i = 0; !isnan(at = point(b, i)); i++)
    if (upper == (at > x)) sum += exp(log_mass(b, at));
  *value = fmin(sum, 1);
  return true;
}

/* Is cdf(point i) >= u? From the tail that keeps the digits of u. Behind the last point: yes. */
static bool reaches(query *q, const bound *b, uint64_t i, double u, bool *yes)
{
  double at = point(b, i), tail;
  bool upper = u > 0.5;
  *yes = true;
  if (isnan(at)) return true;
  if (!query_cdf(q, b, at, upper, &tail)) return false;
  *yes = upper ? tail <= 1 - u : tail >= u;
  return true;
}

bool discrete_icdf(query *q, const bound *b, double u, double *value)
{
  uint64_t below = 0, at = 0; /* point `below` - 1 does not reach u */
  bool yes = false;
  if (!b->use.family->support_point) return no_points(q, b, "icdf");
  if (!reaches(q, b, 0, u, &yes)) return false;
  while (!yes) {
    below = at + 1;
    if (at >= (uint64_t)1 << 53) break;
    at = 2 * at + 1;
    if (!reaches(q, b, at, u, &yes)) return false;
  }
  while (below < at) {
    uint64_t middle = below + (at - below) / 2;
    if (!reaches(q, b, middle, u, &yes)) return false;
    if (yes)
      at = middle;
    else
      below = middle + 1;
  }
  *value = point(b, at);
  if (isnan(*value) && at) *value = point(b, at - 1); /* rounding: the last point carries all */
  return true;
}

/* The sum runs from the first point until what is left of the mass is below 1e-18 of a tail whose
 * terms fall; terms of mass 0 count nothing. */
bool discrete_expect(query *q, const bound *b, expected *g, void *state, estimate *e)
{
  double sum = 0, lost = 0, size = 0, mass = 0, at, before = 0;
  if (!b->use.family->support_point) return no_points(q, b, "points of its support");
  for (uint64_t i = 0; !isnan(at = point(b, i)); i++) {
    if (i == MOST_POINTS)
      return query_fail(q, Q_UNSUPPORTED,
                        "%s: its mass lies on more than %d points, too many to sum",
                        b->use.family->name, MOST_POINTS);
    double l = log_mass(b, at), m = exp(l), term = m > 0 ? m * g(state, at, l) : 0;
    double with = term - lost, next = sum + with; /* Kahan 1965 */
    lost = isfinite(next) ? (next - sum) - with : 0;
    sum = next;
    size += fabs(term);
    mass += m;
    if (isinf(sum)) break;
    bool falling = m < before && mass > 0.5;
    if (falling && m < 1e-22 && fabs(term) <= 1e-20 * size) break;
    before = m;
  }
  e->value = sum;
  e->error = isfinite(sum) ? 1e-15 * size : 0;
  return true;
}
