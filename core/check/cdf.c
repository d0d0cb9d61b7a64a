/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Distribution functions: slope, tails, gradients, inverses. All of the smaller tail, whose digits
 * count. */
#include "check/inside.h"
#include "num/quadrature.h"

#include <float.h>
#include <math.h>

static bool has_cdf(trial *t)
{
  const elbo_family *f = t->u.family;
  if (f->event_rank)
    check_absent(t, "a vector event");
  else if (!f->cdf)
    check_absent(t, "cdf is not provided");
  return f->cdf && !f->event_rank;
}

static int smaller_tail(trial *t, double y, const double *w)
{
  return ask_cdf(t, y, w, 0, NULL) > 0.5;
}

/* ---- slope */
typedef struct {
  space s;
  double w[CHECK_MAX_W];
  int upper, k;
  double y;
} cdf_line;
static double along_value(void *arg, double v)
{
  cdf_line *l = arg;
  double y;
  space_value(&l->s, &v, &y);
  return ask_cdf(l->s.t, y, l->w, l->upper, NULL);
}

static double slope_at(trial *t, cdf_line *l, int i)
{
  double v, y, error;
  space_points(&l->s, i, &v);
  double f = exp(space_density(&l->s, &v, &y));
  l->upper = smaller_tail(t, y, l->w);
  double d = (l->upper ? -1 : 1) * difference_from(along_value, l, v, 0.1 * l->s.scale[0], &error);
  if (!(error <= 1e-5 * f && f > 1e-290)) return 0;
  check_that(t, fabs(d - f) <= 1e-7 * f + 30 * error,
             "the %s has the slope %.12g where the density is %.12g (in the chart) at %s%s",
             l->upper ? "sf" : "cdf", d, f, place_of(t, &y, l->w).text,
             f > 0 && fabs(d + f) < 1e-6 * f ? ": its sign is turned; `upper` asks for 1 - F"
                                             : underflow_of(y));
  return 1;
}

static int steps_at(trial *t, const double *w)
{
  enum { MOST = 200 };
  double before[2] = { 0, 1 }, x;
  int n = 0;
  for (; n < MOST && !isnan(x = discrete_point(t, (uint64_t)n, w)); n++) {
    double mass = exp(ask_log_prob(t, &x, w, NULL, NULL)), F = ask_cdf(t, x, w, 0, NULL),
           S = ask_cdf(t, x, w, 1, NULL);
    double step = F < 0.5 ? F - before[0] : before[1] - S;
    check_that(t, fabs(step - mass) <= 1e-10 * mass + 1e-13,
               "the cdf steps by %.12g where the mass is %.12g at %s", step, mass,
               place_of(t, &x, w).text);
    before[0] = F;
    before[1] = S;
  }
  return n;
}

void check_cdf_slope(trial *t)
{
  cdf_line l;
  int n = 0;
  if (!has_cdf(t)) return;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    if (!grid_at(t, i, l.w)) continue;
    if (family_is_discrete(t->u.family))
      n += steps_at(t, l.w);
    else if (space_open(&l.s, t, l.w))
      for (int k = 0; k < space_count(t); k++) n += (int)slope_at(t, &l, k);
  }
  check_that(t, n > 0, "no slope could be resolved by differences");
  check_says(t, "%d slopes", n);
}

/* ---- tails */
static double density_along(void *arg, double v)
{
  double y;
  return exp(space_density(arg, &v, &y));
}

/* Where the density has fallen by e^25 on one side, behind the last peak there. */
static double far_out(space *s, int side)
{
  int last = 0;
  for (int i = 1; i < s->peaks; i++)
    if (side * (s->peak[i] - s->peak[last]) > 0) last = i;
  double y, v = s->peak[last], top = space_density(s, &v, &y), step = s->width[last];
  for (int i = 0; i < 200; i++, step *= 1.3) {
    double u = v + side * step;
    if (u <= s->first[0]) return s->first[0];
    if (u >= s->last[0]) return s->last[0];
    if (space_density(s, &u, &y) < top - 25) return u;
  }
  return NAN;
}

static void tail(trial *t, space *s, int side)
{
  enum { MARKS = 16 };
  double v = far_out(s, side), at[MARKS], y, error, step = 0.01 * s->scale[0];
  if (isnan(v)) return;
  double slack = 1e-6;
  if (isfinite(s->low) && isfinite(s->high)) slack += 16 * DBL_EPSILON * exp(fabs(v));
  if (slack > 0.1) return;
  int n = 0;
  for (at[n++] = v; n < MARKS; n++, step *= 6) {
    at[n] = fmin(fmax(v + side * step, s->first[0]), s->last[0]);
    if (at[n] == at[n - 1]) break;
  }
  if (n < 2) return;
  if (density_along(s, at[n - 1]) > 1e-9 * density_along(s, v)) return; /* cut off by doubles */
  if (side < 0)
    for (int i = 0; i < n / 2; i++) {
      double keep = at[i];
      at[i] = at[n - 1 - i];
      at[n - 1 - i] = keep;
    }
  double want = quadrature(density_along, s, at, n, 1e-9, &error);
  space_value(s, &v, &y);
  double found = ask_cdf(t, y, s->w, side > 0, NULL);
  if (!(want > 1e-290)) return;
  check_that(t, fabs(found - want) <= slack * want + 10 * error,
             "the %s tail is %.9g, expected %.9g at %s", side > 0 ? "upper" : "lower", found, want,
             place_of(t, &y, s->w).text);
}

static void rises(trial *t, space *s)
{
  double before = -1, y, v;
  for (int i = -40; i <= 40; i++) {
    v = s->mode[0] + s->scale[0] * sinh(0.15 * i);
    v = fmin(fmax(v, s->first[0]), s->last[0]);
    space_value(s, &v, &y);
    double F = ask_cdf(t, y, s->w, 0, NULL), S = ask_cdf(t, y, s->w, 1, NULL);
    check_that(t, F >= before * (1 - 1e-13), "the cdf falls from %.17g to %.17g at %s", before, F,
               place_of(t, &y, s->w).text);
    check_that(t, fabs(F + S - 1) <= 1e-12, "cdf %.17g and sf %.17g do not sum to 1 at %s", F, S,
               place_of(t, &y, s->w).text);
    before = F;
  }
}

/* Beyond the ends, of the value form: 0 and 1. */
static void beyond(trial *t, const double *w)
{
  double ends[] = { -INFINITY, INFINITY };
  for (int side = 0; side < 2; side++) {
    double F = ask_cdf(t, ends[side], w, 0, NULL), S = ask_cdf(t, ends[side], w, 1, NULL);
    check_that(t, F == side && S == 1 - side, "cdf %g and sf %g, expected %d and %d at %s", F, S,
               side, 1 - side, place_of(t, &ends[side], w).text);
  }
}

static void discrete_ends(trial *t, const double *w)
{
  double before = 0, x, below = discrete_point(t, 0, w) - 0.5;
  check_that(t, ask_cdf(t, below, w, 0, NULL) == 0 && ask_cdf(t, below, w, 1, NULL) == 1,
             "below the support the cdf is %g, expected 0 at %s", ask_cdf(t, below, w, 0, NULL),
             place_of(t, &below, w).text);
  for (int n = 0; n < 500 && !isnan(x = discrete_point(t, (uint64_t)n, w)); n++) {
    double F = ask_cdf(t, x, w, 0, NULL), S = ask_cdf(t, x, w, 1, NULL);
    check_that(t, F >= before * (1 - 1e-13) && fabs(F + S - 1) <= 1e-12,
               "cdf %.17g after %.17g, sf %.17g at %s", F, before, S, place_of(t, &x, w).text);
    before = F;
  }
}

void check_cdf_ends(trial *t)
{
  double w[CHECK_MAX_W];
  int n = 0;
  if (!has_cdf(t)) return;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++, n++) {
    space s;
    if (!grid_at(t, i, w)) continue;
    beyond(t, w);
    if (family_is_discrete(t->u.family)) discrete_ends(t, w);
    if (family_is_discrete(t->u.family) || !space_open(&s, t, w)) continue;
    rises(t, &s);
    tail(t, &s, 1);
    tail(t, &s, -1);
  }
  check_says(t, "%d parameters", n);
}

/* ---- gradients */
static double along_parameter(void *arg, double at)
{
  cdf_line *l = arg;
  double keep = l->w[l->k];
  l->w[l->k] = at;
  double F = ask_cdf(l->s.t, l->y, l->w, l->upper, NULL);
  l->w[l->k] = keep;
  return F;
}

static int gradient_at(trial *t, cdf_line *l)
{
  double dw[CHECK_MAX_W], error;
  int n = 0;
  l->upper = smaller_tail(t, l->y, l->w);
  double F = ask_cdf(t, l->y, l->w, l->upper, dw), alone = ask_cdf(t, l->y, l->w, l->upper, NULL);
  check_that(t, F == alone, "cdf is %.17g with gradient, %.17g without at %s", F, alone,
             place_of(t, &l->y, l->w).text);
  for (l->k = 0; l->k < t->u.W; l->k++) {
    if (!grid_learned(t, l->k)) continue;
    double d = difference(along_parameter, l, l->w[l->k], &error);
    if (!(error <= 1e-4 * fabs(d))) continue;
    n++;
    check_that(t, fabs(dw[l->k] - d) <= 1e-6 * fabs(d) + 30 * error,
               "d %s / d %s: found %.12g, expected %.12g at %s%s", l->upper ? "sf" : "cdf",
               number_name(t, l->k).text, dw[l->k], d, place_of(t, &l->y, l->w).text,
               slip_of(t, l->k, l->w, dw[l->k], d));
  }
  return n;
}

void check_cdf_gradient(trial *t)
{
  cdf_line l;
  double v;
  int n = 0;
  if (!has_cdf(t)) return;
  bool discrete = family_is_discrete(t->u.family);
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    if (!grid_at(t, i, l.w)) continue;
    l.s.t = t;
    if (!discrete && !space_open(&l.s, t, l.w)) continue;
    for (int k = 0; k < (discrete ? 5 : space_count(t) / 2); k++) {
      if (discrete && isnan(l.y = discrete_point(t, (uint64_t)k, l.w))) break;
      if (!discrete) space_points(&l.s, k, &v), space_value(&l.s, &v, &l.y);
      n += gradient_at(t, &l);
    }
  }
  check_says(t, "%d derivatives", n);
}

/* ---- inverse */
static const double probabilities[] = { 1e-12, 1e-6, 0.003, 0.1,   0.37,
                                        0.5,   0.63, 0.9,   0.999, 1 - 0x1p-40 };
enum { PROBABILITIES = sizeof probabilities / sizeof *probabilities };

static double inverse_at(void *arg, double at)
{
  cdf_line *l = arg;
  double keep = l->w[l->k];
  l->w[l->k] = at;
  double y = ask_icdf(l->s.t, l->y, l->w, NULL);
  l->w[l->k] = keep;
  return y;
}

/* Does the value lie nearer to an end than doubles do? So it is told by an infinite y, or by the
 * end itself where the next double already lies beyond u. */
static bool beyond_doubles(trial *t, const double *w, double u, double y)
{
  double inner = nextafter(y, u > 0.5 ? -INFINITY : INFINITY);
  if (isinf(y)) return true;
  if (isfinite(ask_log_prob(t, &y, w, NULL, NULL))) return false;
  return u > 0.5 ? ask_cdf(t, inner, w, 1, NULL) >= 1 - u : ask_cdf(t, inner, w, 0, NULL) >= u;
}

static void back_again(trial *t, const double *w, double u)
{
  double y = ask_icdf(t, u, w, NULL), least = fmin(u, 1 - u);
  if (beyond_doubles(t, w, u, y)) return;
  double F = ask_cdf(t, y, w, u > 0.5, NULL), want = u > 0.5 ? 1 - u : u,
         dy = 4 * DBL_EPSILON * fabs(y),
         /* what the rounding of y makes of it, also where the density is infinite */
      change = fabs(ask_cdf(t, y + dy, w, u > 0.5, NULL) - ask_cdf(t, y - dy, w, u > 0.5, NULL));
  double slack = 1e-9 * least + change + 4 * DBL_EPSILON * want;
  check_that(t, fabs(F - want) <= slack, "%s(icdf(%.17g)) = %.17g (icdf %.17g) at %s%s",
             u > 0.5 ? "sf" : "cdf", u, F, y, place_of(t, NULL, w).text, underflow_of(y));
}

static void least_point(trial *t, const double *w, double u)
{
  double x = ask_icdf(t, u, w, NULL), tiny = 1e-13;
  check_that(t, family_in_support(&t->u, &x, w), "icdf(%g) = %g is not in %s at %s", u, x,
             family_support_text(t->u.family), place_of(t, NULL, w).text);
  double step = 1, first = discrete_point(t, 0, w), second = discrete_point(t, 1, w);
  if (!isnan(second)) step = second - first;
  check_that(t,
             ask_cdf(t, x, w, 0, NULL) >= u * (1 - tiny) - 1e-15 &&
                 (x <= first || ask_cdf(t, x - step, w, 0, NULL) <= u * (1 + tiny) + 1e-15),
             "icdf(%.17g) = %g is not the least value whose cdf reaches it at %s", u, x,
             place_of(t, NULL, w).text);
}

static int inverse_gradient(trial *t, cdf_line *l)
{
  double dw[CHECK_MAX_W], error, y = ask_icdf(t, l->y, l->w, dw);
  int n = 0;
  if (!isfinite(y)) return 0;
  for (l->k = 0; l->k < t->u.W; l->k++) {
    if (!grid_learned(t, l->k)) continue;
    double d = difference(inverse_at, l, l->w[l->k], &error);
    if (!(error <= 1e-5 * (fabs(d) + 1e-3))) continue;
    n++;
    check_that(t, fabs(dw[l->k] - d) <= 1e-6 * fabs(d) + 30 * error + 1e-9,
               "d icdf(%g) / d %s: found %.12g, expected %.12g at %s%s", l->y,
               number_name(t, l->k).text, dw[l->k], d, place_of(t, NULL, l->w).text,
               slip_of(t, l->k, l->w, dw[l->k], d));
  }
  return n;
}

void check_icdf(trial *t)
{
  cdf_line l = { .s.t = t };
  int n = 0, slopes = 0;
  if (!t->u.family->icdf) {
    check_absent(t, "icdf is not provided");
    return;
  }
  bool discrete = family_is_discrete(t->u.family);
  if (!has_cdf(t)) return;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    if (!grid_at(t, i, l.w)) continue;
    for (int k = 0; k < PROBABILITIES; k++, n++) {
      l.y = probabilities[k];
      if (discrete)
        least_point(t, l.w, l.y);
      else
        back_again(t, l.w, l.y);
      if (!discrete && k % 3 == 1) slopes += inverse_gradient(t, &l);
    }
  }
  check_says(t, "%d values, %d derivatives", n, slopes);
}
