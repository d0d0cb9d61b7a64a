/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Discretized logistic(loc, scale, levels = L): x = j / (L-1), of mass F(x + h) - F(x - h), h = 1
 * / (2 (L-1)), F the logistic cdf, the outer bins open (Salimans, Karpathy, Chen and Kingma 2017,
 * eq. 2). With r = (x - loc) / scale, d = h / scale, a = r + d, b = r - d and s the sigmoid, the
 * mass is s(a) - s(b) = s(a) s(-b) (1 - e^(-2d)). */
#include "counts.h"

#define SNAP 1e-3 /* of a step: how far from its level a value may lie */
enum { LOC, LOG_SCALE, LEVELS };
static const elbo_param params[] = {
  { "loc", ELBO_REAL, 0, 0.0, "median of what is rounded" },
  { "scale", ELBO_POSITIVE, 0, 1.0, "of what is rounded" },
  { "levels", ELBO_INTEGER, ELBO_CONSTANT, 256.0, "number of levels from 0 to 1, at least 2" },
};
static double steps_of(const double *w)
{
  return w[LEVELS] - 1;
}

/* s(-a) - s(b), 0 where r = 0 */
static double lean(double r, double a, double b)
{
  return r > 0 ? expm1(-2 * r) * sigmoid(a) * sigmoid(b)
               : -expm1(2 * r) * sigmoid(-a) * sigmoid(-b);
}

/* Log mass of level j; dw: by loc and log scale. */
static double log_mass(double j, const double *w, double *dw)
{
  double steps = steps_of(w), i = exp(-w[LOG_SCALE]), r = (j / steps - w[LOC]) * i,
         d = 0.5 * i / steps, a = r + d, b = r - d;
  if (j == 0 || j == steps) {
    double t = j == 0 ? a : -b, sign = j == 0 ? -1 : 1, tail = sigmoid(-t);
    if (dw) {
      dw[LOC] = sign * i * tail;
      dw[LOG_SCALE] = tail > 0 ? -t * tail : 0;
    }
    return -softplus(-t);
  }
  if (dw) {
    double turn = lean(r, a, b), spread = d < 350 ? 2 * d / expm1(2 * d) : 0;
    dw[LOC] = -turn * i;
    dw[LOG_SCALE] = -r * turn - d * (sigmoid(-a) + sigmoid(b)) - (d > 0 ? spread : 1);
  }
  return -softplus(-a) - softplus(b) + log1mexp(-2 * d);
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  (void)c;
  double steps = steps_of(w), j = nearbyint(x[0] * steps);
  int inside = j >= 0 && j <= steps && fabs(x[0] * steps - j) <= SNAP;
  if (dx) dx[0] = 0;
  if (dw) dw[LOC] = dw[LOG_SCALE] = dw[LEVELS] = 0;
  return inside ? log_mass(j, w, dw) : -INFINITY;
}

/* F at the upper edge of level j. */
static double edge_cdf(double j, const double *w, int upper, double *dw)
{
  double i = exp(-w[LOG_SCALE]), a = ((j + 0.5) / steps_of(w) - w[LOC]) * i;
  double slope = (upper ? 1 : -1) * sigmoid(a) * sigmoid(-a);
  if (dw) {
    dw[LOC] = slope * i;
    dw[LOG_SCALE] = slope != 0 ? slope * a : 0;
  }
  return sigmoid(upper ? -a : a);
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  (void)c;
  double j = floor(x * steps_of(w) + SNAP);
  if (dw) dw[LOC] = dw[LOG_SCALE] = dw[LEVELS] = 0;
  if (j < 0 || j >= steps_of(w)) return (j < 0) == !!upper;
  return edge_cdf(j, w, upper, dw);
}

static double count_edges(const elbo_call *c, double j, const double *w, int upper, double *dw)
{
  return cdf(c, j / steps_of(w), w, upper, dw);
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double steps = steps_of(w), z = w[LOC] + exp(w[LOG_SCALE]) * (log(u) - log1p(-u));
  if (dw) dw[LOC] = dw[LOG_SCALE] = dw[LEVELS] = 0;
  return least_count(c, count_edges, u, w, ceil(z * steps - 0.5), steps) / steps;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = icdf(c, c->host->uniform(e), w, NULL);
  return ELBO_OK;
}

/* The middle level nearest to loc, or an outer one that has gathered more; of a tie the smaller. */
static double mode(const double *w)
{
  double steps = steps_of(w), middle = ceil(w[LOC] * steps - 0.5),
         best = w[LOC] * steps > steps / 2 ? steps : 0;
  if (steps < 2) return best;
  middle = fmin(fmax(middle, 1), steps - 1);
  double gain = log_mass(middle, w, NULL) - log_mass(best, w, NULL);
  return (gain > 0 || (gain == 0 && middle < best) ? middle : best) / steps;
}

/* Sums over the levels. The mean is that of the upper tails: sum of 1 - F(edge) over steps. */
enum { MOST_LEVELS = 1 << 16 };
static double mean(const double *w)
{
  double sum = 0;
  for (double j = 0; j < steps_of(w); j++) sum += edge_cdf(j, w, 1, NULL);
  return sum / steps_of(w);
}
static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  (void)c;
  double m = 0, sum = 0;
  if (which != ELBO_MODE && w[LEVELS] > MOST_LEVELS) return ELBO_UNSUPPORTED;
  if (which == ELBO_MEAN || which == ELBO_VARIANCE) m = mean(w);
  for (double j = 0; j <= steps_of(w) && (which == ELBO_ENTROPY || which == ELBO_VARIANCE); j++) {
    double l = log_mass(j, w, NULL), off = j / steps_of(w) - m;
    sum += l > -750 ? exp(l) * (which == ELBO_ENTROPY ? -l : off * off) : 0;
  }
  out[0] = which == ELBO_MODE ? mode(w) : which == ELBO_MEAN ? m : sum;
  return ELBO_OK;
}

static double support_point(const elbo_call *c, uint64_t i, const double *w)
{
  (void)c;
  return (double)i < w[LEVELS] ? (double)i / steps_of(w) : NAN;
}

ELBO_INLINE float log_bin_f(float t)
{
  float near = elbo_logf(-elbo_expm1f(-t)), far = elbo_log1pf(-elbo_exp_below_f(-t));
  return t < 0.69314718f ? near : far;
}
/* sigmoid(t) * sigmoid(u) and the like stay finite: every exponential is of what is not positive.
   A value in float may miss its level by its own rounding too. */
ELBO_INLINE float event(const float in[4], float grad[4])
{
  float steps = in[3] - 1.0f, at = in[0] * steps, j = (at + 8388608.0f) - 8388608.0f;
  int inside = j >= 0.0f && j <= steps && elbo_absf(at - j) <= 1e-3f + 1.2e-7f * at;
  float i = elbo_expf(-in[2]), r = (in[0] - in[1]) * i, d = 0.5f * i / steps;
  /* r is rounded here, whether gradients are wanted or not: a product that only sums use would be
     contracted into them. */
  r = r == r ? r : ELBO_NANF;
  float a = r + d, b = r - d, sa = elbo_sigmoidf(-a), sb = elbo_sigmoidf(b);
  int low = j == 0.0f, high = j == steps;
  float t = low ? a : -b, tail = low ? sa : sb; /* of an outer bin */
  float outer_loc = low ? -tail * i : tail * i, outer_scale = tail > 0.0f ? -t * tail : 0.0f;
  float far = elbo_absf(r), turn = elbo_expm1f(-2.0f * far) * elbo_sigmoidf(r > 0.0f ? a : -a) *
                                   elbo_sigmoidf(r > 0.0f ? b : -b);
  turn = r > 0.0f ? turn : -turn;
  float spread = d < 44.0f ? 2.0f * d / elbo_expm1f(2.0f * d) : 0.0f;
  float inner_scale = -r * turn - d * (sa + sb) - (d > 0.0f ? spread : 1.0f);
  float inner = -elbo_softplusf(-a) - elbo_softplusf(b) + log_bin_f(2.0f * d);
  float value = low || high ? -elbo_softplusf(-t) : inner;
  grad[0] = 0.0f;
  grad[1] = !inside ? 0.0f : low || high ? outer_loc : -turn * i;
  grad[2] = !inside ? 0.0f : low || high ? outer_scale : inner_scale;
  grad[3] = 0.0f;
  return inside ? value : -ELBO_INFF;
}
ELBO_KERNEL_LOG_PROB(rows, event, 3)

static const elbo_family discretized_logistic = {
  ELBO_FAMILY_SIZES,
  .name = "discretized_logistic",
  .summary = "a logistic rounded to levels between 0 and 1",
  .params = params,
  .n_params = 3,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_GRID, 1, 1, NULL },
  .log_prob = log_prob,
  .noise_per_event = 1,
  .icdf = icdf,
  .draw = draw,
  .cdf = cdf,
  .moment = moment,
  .support_point = support_point,
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, discretized_logistic);
