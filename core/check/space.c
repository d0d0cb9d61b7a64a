/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events laid out over R^D, and expectations over them. A scalar's chart is y itself, log (y -
 * low), or the logit of its place between two ends; a point of a simplex is broken like a stick:
 * x_1 = s(v_1), x_2 = (1 - x_1) s(v_2), .. (s: the sigmoid). In a chart every density is smooth up
 * to its ends and its tails fall at least exponentially or as a power, which sinh takes care of. */
#include "check/inside.h"
#include "num/quadrature.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double softplus(double v)
{
  return fmax(v, 0) + log1p(exp(-fabs(v)));
}

double form_log_slope(uint32_t value_form, double y)
{
  if (value_form == ELBO_X_LOG || value_form == ELBO_X_LOG_SIMPLEX) return y;
  if (value_form == ELBO_X_LOGIT) return -softplus(y) - softplus(-y);
  return 0;
}

/* ---- charts */
static double stick(const space *s, const double *v, double *y)
{
  double rest = 0, slope = 0; /* log of what is left of the stick */
  for (int k = 0; k < s->D; k++) {
    y[k] = rest - softplus(-v[k]);
    slope += y[k] - softplus(v[k]);
    rest -= softplus(v[k]);
  }
  y[s->D] = rest;
  if (s->t->u.family->value_form == ELBO_X_PLAIN)
    for (int k = 0; k <= s->D; k++) y[k] = exp(y[k]);
  return slope;
}

double space_value(const space *s, const double *v, double *y)
{
  const elbo_family *f = s->t->u.family;
  if (f->support.kind == ELBO_SUP_SIMPLEX) return stick(s, v, y);
  if (f->event_rank) {
    double slope = 0;
    for (int k = 0; k < s->D; k++) slope += form_log_slope(f->value_form, y[k] = v[k]);
    return slope;
  }
  double slope = 0;
  y[0] = v[0];
  if (isfinite(s->low) && isfinite(s->high)) {
    double width = s->high - s->low, part = exp(-softplus(-v[0]));
    y[0] = v[0] < 0 ? s->low + width * part : s->high - width * exp(-softplus(v[0]));
    slope = log(width) - softplus(v[0]) - softplus(-v[0]);
  } else if (isfinite(s->low)) {
    y[0] = s->low + exp(v[0]);
    slope = v[0];
  } else if (isfinite(s->high)) {
    y[0] = s->high - exp(-v[0]);
    slope = -v[0];
  }
  return slope + form_log_slope(f->value_form, y[0]);
}

double space_density(const space *s, const double *v, double *y)
{
  double slope = space_value(s, v, y);
  return ask_log_prob(s->t, y, s->w, NULL, NULL) + slope;
}

/* ---- where the ends are */
static const double plain_ends[][2] = {
  [ELBO_SUP_REAL] = { -INFINITY, INFINITY },
  [ELBO_SUP_POSITIVE] = { 0, INFINITY },
  [ELBO_SUP_UNIT] = { 0, 1 },
  [ELBO_SUP_INTERVAL] = { -INFINITY, INFINITY },
  [ELBO_SUP_SIMPLEX] = { 0, 1 },
  [ELBO_SUP_CIRCLE] = { -M_PI, M_PI },
};

/* How near v may come to an end of y: beyond it y - end is lost in rounding. */
static double nearest_end(double end, double width)
{
  return end == 0 ? -700 : log(fabs(end) * DBL_EPSILON / width) + 5;
}

/* Of log |y|: room is left for a product with what is of moderate size. */
static const double reach = 670;

static void find_ends(space *s)
{
  const elbo_family *f = s->t->u.family;
  double x[2] = { plain_ends[f->support.kind][0], plain_ends[f->support.kind][1] };
  if (f->support.range) f->support.range(s->w, s->t->u.K, &x[0], &x[1]);
  value_from_plain(f->value_form, 1, &x[0], &s->low);
  value_from_plain(f->value_form, 1, &x[1], &s->high);
  for (int k = 0; k < s->D; k++) {
    s->first[k] = -1e15;
    s->last[k] = 1e15;
  }
  if (f->event_rank) return;
  bool low = isfinite(s->low), high = isfinite(s->high);
  double width = low && high ? s->high - s->low : 1;
  if (low) s->first[0] = nearest_end(s->low, width);
  if (high) s->last[0] = -nearest_end(s->high, width);
  if (low && !high) s->last[0] = reach;
  if (high && !low) s->first[0] = -reach;
}

/* ---- the mode along one coordinate: a grid that is dense at 0 and reaches far, then ever finer */
static double along(const space *s, double *v, int k, double at)
{
  double y[CHECK_MAX_E], keep = v[k];
  v[k] = fmin(fmax(at, s->first[k]), s->last[k]);
  double h = space_density(s, v, y);
  v[k] = keep;
  return h;
}

/* The best of the spots at + step (-1 .. 1); *at moves there. */
static double finer(const space *s, double *v, int k, double *at, double step, double best)
{
  enum { FINE = 10 };
  double centre = *at;
  for (int i = -FINE; i <= FINE; i++) {
    double u = centre + step * i / FINE, h = along(s, v, k, u);
    if (!(h > best)) continue;
    best = h;
    *at = u;
  }
  return best;
}

/* Of one dimension to the last digit: a jump of the score lies at a kink, and what is integrated
 * from beside it misses as much as its height. */
static double refine(const space *s, double *v, int k, double at, double step, double best)
{
  int rounds = s->D > 1 ? 14 : 26;
  for (int r = 0; r < rounds; r++, step /= 5) best = finer(s, v, k, &at, step, best);
  v[k] = fmin(fmax(at, s->first[k]), s->last[k]);
  return best;
}

static const double ratio = 0.35; /* of a scan: spots at sinh(ratio i) */

static double climb(const space *s, double *v, int k)
{
  enum { FAR = 40 };
  double best = -INFINITY, at = 0, step = 1;
  for (int i = -FAR; i <= FAR; i++) {
    double u = sinh(ratio * i), h = along(s, v, k, u);
    if (!(h > best)) continue;
    best = h;
    at = u;
    step = sinh(ratio * (abs(i) + 1)) - sinh(ratio * abs(i));
  }
  return refine(s, v, k, at, step, best);
}

/* How far from the mode the log density has fallen by 1: the geometric mean of both sides. */
static double fall(const space *s, double *v, int k, double top)
{
  double product = 1;
  for (int side = -1; side <= 1; side += 2) {
    double far = 1e-9;
    while (far < 1e12 && !(along(s, v, k, v[k] + side * far) < top - 1)) far *= 1.5;
    product *= far;
  }
  return sqrt(product);
}

/* ---- further peaks, of one dimension */
static bool known(const space *s, double v)
{
  for (int i = 0; i < s->peaks; i++)
    if (fabs(v - s->peak[i]) <= 0.5 * s->width[i]) return true;
  return false;
}

static void add_peak(space *s, double v, double top)
{
  s->peak[s->peaks] = v;
  s->width[s->peaks++] = fall(s, &v, 0, top);
}

/* Seen from peak `from`, the spots that lie above both neighbours. Between two peaks the log
 * density dips, so that a scan whose steps grow with the distance meets every peak that is alone at
 * its distance; the others are met from there. Below e^-100 of the mode none matters. */
static void look_around(space *s, int from, double best)
{
  enum { FAR = 100 };
  double h[2 * FAR + 1], centre = s->peak[from], width = s->width[from];
  for (int i = 0; i <= 2 * FAR; i++) {
    double v = 0;
    h[i] = along(s, &v, 0, centre + width * sinh(ratio * (i - FAR)));
  }
  for (int i = 1; i < 2 * FAR && s->peaks < SPACE_PEAKS; i++) {
    double rise = h[i] - fmin(h[i - 1], h[i + 1]), v = centre + width * sinh(ratio * (i - FAR));
    if (!(h[i] > h[i - 1] && h[i] >= h[i + 1] && rise > 1e-3)) continue;
    double top = refine(s, &v, 0, v, width * ratio * cosh(ratio * (i - FAR)), h[i]);
    if (top > best - 100 && !known(s, v)) add_peak(s, v, top);
  }
}

static void find_peaks(space *s, double top)
{
  add_peak(s, s->mode[0], top);
  for (int i = 0; i < s->peaks; i++) look_around(s, i, top);
}

bool space_open(space *s, trial *t, const double *w)
{
  const elbo_family *f = t->u.family;
  *s = (space){ .t = t, .w = w, .D = 1 };
  if (f->event_rank) s->D = f->support.kind == ELBO_SUP_SIMPLEX ? t->u.E - 1 : t->u.E;
  if (family_is_discrete(f) || s->D > SPACE_MAX || s->D < 1) return false;
  find_ends(s);
  double top = -INFINITY;
  for (int round = 0; round < (s->D > 1 ? 6 : 1); round++)
    for (int k = 0; k < s->D; k++) top = climb(s, s->mode, k);
  for (int k = 0; k < s->D; k++) s->scale[k] = fall(s, s->mode, k, top);
  if (s->D == 1 && isfinite(top)) find_peaks(s, top);
  return isfinite(top);
}

int space_count(const trial *t)
{
  return t->thorough ? 41 : 11;
}

/* Nearer to an end than this a step of a difference is rounded away. */
enum { MARGIN = 20 };

/* Spots that avoid the mode itself, where a density may have a kink; the last two lie far out. */
int space_points(const space *s, int i, double *v)
{
  int n = space_count(s->t);
  elbo_noise e = check_noise(5, (uint32_t)i);
  for (int k = 0; k < s->D; k++) {
    double near = 1.3 * noise_normal(&e), far = (i % 2 ? 3.9 : -3.9) * (k % 2 ? -1 : 1);
    v[k] = s->mode[k] + s->scale[k] * sinh(i < n - 2 ? near : far);
    v[k] = fmin(fmax(v[k], s->first[k] + MARGIN), s->last[k] - MARGIN);
  }
  return s->D;
}
