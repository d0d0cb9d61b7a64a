/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expectations under a density in one dimension. The support is mapped onto the real line (log of
 * the distance from an end, or log odds between two), and that by y = m + s sinh(t), m and s the
 * median and the spread of y: any tail, also an algebraic one, falls exponentially in t. */
#include "num/quadrature.h"
#include "base/sort.h"
#include "dist/query.h"

#include <math.h>

enum { PILOTS = 255 };

typedef struct {
  const bound *b;
  expected *g;
  void *state;
  double low, high; /* of the support; the line is that of its value form */
  double m, s;
} line;

/* x, and the log of dx/dy, of a coordinate y of the line. */
static double from_line(const line *l, double y, double *log_slope)
{
  bool below = isfinite(l->low), above = isfinite(l->high);
  double a = fabs(y), e = exp(-a);
  *log_slope = below && above ? log(l->high - l->low) - a - 2 * log1p(e)
               : below        ? y
               : above        ? -y
                              : 0;
  double far = (l->high - l->low) * e / (1 + e), x = y;
  if (below && above)
    x = y < 0 ? l->low + far : l->high - far;
  else if (below || above)
    x = below ? l->low + exp(y) : l->high - exp(-y);
  /* Next to an end, never on it, where another density may be infinite. */
  if (below && x <= l->low) return nextafter(l->low, INFINITY);
  return above && x >= l->high ? nextafter(l->high, -INFINITY) : x;
}

static double to_line(const line *l, double x)
{
  bool below = isfinite(l->low), above = isfinite(l->high);
  if (below && above) return log(x - l->low) - log(l->high - x);
  return below ? log(x - l->low) : above ? -log(l->high - x) : x;
}

/* The value form already is the line for LOG and LOGIT; no digit is lost on the way. */
static double value_at(const line *l, double y, double *log_slope)
{
  uint32_t form = l->b->use.family->value_form;
  if (form == ELBO_X_PLAIN) return from_line(l, y, log_slope);
  *log_slope = form == ELBO_X_LOG ? y : -fabs(y) - 2 * log1p(exp(-fabs(y)));
  return y;
}

static double under(void *state, double t)
{
  const line *l = state;
  const family_use *u = &l->b->use;
  double log_slope, v = value_at(l, l->m + l->s * sinh(t), &log_slope);
  if (!isfinite(v)) return 0;
  double log_density = u->family->log_prob(&u->call, &v, l->b->w, NULL, NULL);
  double weight = exp(log_density + log_slope + log(l->s) + log(cosh(t)));
  if (!(weight > 0) || isinf(log_density)) return 0;
  double term = l->g(l->state, v, log_density);
  return isinf(term) && weight < 1e-260 ? 0 : weight * term;
}

/* Median and spread of y from a few draws of a fixed seed: they steer, the integral decides. */
static bool settle(query *q, line *l)
{
  double y[PILOTS];
  int n = 0;
  sampler s;
  if (!query_sampler(q, l->b, &s)) return false;
  for (uint32_t i = 0; i < PILOTS; i++) {
    elbo_noise e = { .key = philox_make_key(1, STREAM_SAMPLE), .row = i };
    double v;
    if (!s.draw(&s, &e, &v)) continue;
    if (l->b->use.family->value_form == ELBO_X_PLAIN) v = to_line(l, v);
    if (isfinite(v)) y[n++] = v;
  }
  if (!n)
    return query_fail(q, Q_UNSUPPORTED,
                      "%s: its draws are not finite, so that quadrature can't "
                      "begin",
                      l->b->use.family->name);
  sort_doubles(y, (size_t)n);
  l->m = y[n / 2];
  l->s = (y[n * 3 / 4] - y[n / 4]) / 2;
  if (!(l->s > 0)) l->s = fmax(fabs(l->m), 1) * 1e-8;
  return true;
}

/* On a line that is a logarithm, exp(y) overflows near |y| = 709, and what would come after is
 * lost. A term that still counts where hardly any probability is left grows as fast as the density
 * falls, and would have gone on for ever. */
static bool runs_away(const line *l, double value)
{
  static const double at[] = { -700, -650, -600, 600, 650, 700 };
  static const double HARDLY_ANY = 1e-100;
  bool logarithm =
      l->b->use.family->value_form != ELBO_X_PLAIN || isfinite(l->low) || isfinite(l->high);
  for (size_t i = 0; logarithm && i < sizeof at / sizeof *at; i++) {
    const family_use *u = &l->b->use;
    double log_slope, v = value_at(l, at[i], &log_slope);
    double log_density = u->family->log_prob(&u->call, &v, l->b->w, NULL, NULL),
           weight = exp(log_density + log_slope);
    if (!(weight > 0 && weight < HARDLY_ANY)) continue;
    double term = weight * l->g(l->state, v, log_density);
    if (isfinite(term) && fabs(term) > 1e-9 * fabs(value)) return true;
  }
  return false;
}

bool density_expect(query *q, const bound *b, expected *g, void *state, estimate *e)
{
  static const double at[] = { -40, -12, -7, -4, -2, -1, 0, 1, 2, 4, 7, 12, 40 };
  static const double left[] = { -690, -300, -100, -40 }, right[] = { 40, 100, 300, 690 };
  enum { RELATIVE_DIGITS = 11 };
  line l = { .b = b, .g = g, .state = state };
  double error[3], relative = pow(10, -RELATIVE_DIGITS);
  if (b->use.family->event_rank)
    return query_fail(q, Q_UNSUPPORTED, "%s: quadrature is for one dimension", b->use.family->name);
  query_ends(b, b->w, &l.low, &l.high);
  if (!settle(q, &l)) return false;
  double middle = quadrature(under, &l, at, sizeof at / sizeof *at, relative, &error[0]);
  double below = quadrature(under, &l, left, 4, relative, &error[1]);
  double above = quadrature(under, &l, right, 4, relative, &error[2]);
  double far = fabs(quadrature(under, &l, left, 2, relative, &(double){ 0 })) +
               fabs(quadrature(under, &l, right + 2, 2, relative, &(double){ 0 }));
  e->value = middle + below + above;
  /* What is not done at e^300 spreads from the median never ends. */
  if (far > 1e-6 * fabs(e->value) || runs_away(&l, e->value))
    e->value = copysign(INFINITY, e->value);
  e->error = isfinite(e->value) ? error[0] + error[1] + error[2] : 0;
  if (isnan(e->value))
    return query_fail(q, Q_UNDEFINED, "%s: the integral is not finite", b->use.family->name);
  return true;
}
