/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Relaxed categorical(temperature = t, logits l), the Concrete: log x = log softmax((l + G) / t),
 * G_k standard Gumbel. The value form is y_k = log x_k: at a low temperature x underflows. With
 * v_k = l_k - t y_k and s = softmax(v): log f(x) = log (K-1)! + (K-1) log t + sum (v_k - y_k) - K
 * log sum exp v_k (Maddison, Mnih and Teh 2017, eq. 10). */
#include "exact.h"

enum { LOG_T, LOGITS }; /* the K logits from there on */
static const elbo_param params[] = {
  { "temperature", ELBO_POSITIVE, 0, 1.0, "how far from the corners the values lie" },
  { "logits", ELBO_SIMPLEX, 0, 0.5, "log probabilities of the corners, up to a shift" },
};

static double greatest(int K, const double *l)
{
  double m = l[0];
  for (int k = 1; k < K; k++) m = fmax(m, l[k]);
  return m;
}

/* v_k, the logits less the greatest of them */
static double tilt(const double *y, const double *w, int k, double top, double t)
{
  return (w[LOGITS + k] - top) - t * y[k];
}

static void no_slope(int K, double *dx, double *dw)
{
  for (int k = 0; dx && k < K; k++) dx[k] = 0;
  for (int k = 0; dw && k <= K; k++) dw[k] = 0;
}

/* On the simplex sum x_k is 1; what the rounding of x and of y leaves of that is no matter. */
static int outside(int K, const double *y)
{
  double sum = 0;
  for (int k = 0; k < K; k++) sum += exp(y[k]);
  return !(fabs(sum - 1) < 1e-3);
}

/* The limit where m corners are 0, by y_k = Y -> -inf for them all: the density goes as
   exp(((K-m) t - m) Y). zeros: m. */
static double at_a_face(const elbo_call *c, const double *y, const double *w, int zeros)
{
  int K = c->K;
  double t = exp(w[LOG_T]), order = (K - zeros) * t - zeros, top = greatest(K, w + LOGITS), sum = 0,
         rest = 0;
  if (order != 0) return order > 0 ? -INFINITY : INFINITY;
  for (int k = 0; k < K; k++) {
    sum += (w[LOGITS + k] - top) - (isinf(y[k]) ? 0 : (t + 1) * y[k]);
    if (isinf(y[k])) rest += exp(w[LOGITS + k] - top);
  }
  return c->host->special(ELBO_LGAMMA, K, 0) + (K - 1) * w[LOG_T] + sum - K * log(rest);
}

/* The greatest v_k, its index, and the sum of the exponentials of the others less it. */
typedef struct {
  double t, top, m, rest;
  int at;
} weights;
static weights weigh(int K, const double *y, const double *w)
{
  weights s = { .t = exp(w[LOG_T]), .top = greatest(K, w + LOGITS) };
  s.m = tilt(y, w, 0, s.top, s.t);
  for (int k = 1; k < K; k++) {
    double v = tilt(y, w, k, s.top, s.t);
    if (v > s.m) s.m = v, s.at = k;
  }
  for (int k = 0; k < K; k++)
    if (k != s.at) s.rest += exp(tilt(y, w, k, s.top, s.t) - s.m);
  return s;
}

/* With e_k = K s_k - 1, for the greatest from 1 - s_k: by y_k, t e_k - 1; by l_k, -e_k; by log t,
   K - 1 + t sum e_k y_k. */
static void slopes(int K, const double *y, const double *w, const weights *s, double *dx,
                   double *dw)
{
  double sum = 0;
  for (int k = 0; k < K; k++) {
    double v = exp(tilt(y, w, k, s->top, s->t) - s->m) / (1 + s->rest),
           others = s->rest / (1 + s->rest);
    if (dx) dx[k] = k == s->at ? (s->t * (K - 1) - 1) - s->t * K * others : s->t * (K * v - 1) - 1;
    double e = k == s->at ? (K - 1) - K * others : K * v - 1;
    sum += e * y[k];
    if (dw) dw[LOGITS + k] = -e;
  }
  if (dw) dw[LOG_T] = (K - 1) + s->t * sum;
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  int K = c->K, zeros = 0, out = outside(K, y);
  for (int k = 0; k < K; k++) zeros += y[k] == -INFINITY;
  if (out || zeros) no_slope(K, dx, dw);
  if (out) return -INFINITY;
  if (zeros) return at_a_face(c, y, w, zeros);
  weights s = weigh(K, y, w);
  slopes(K, y, w, &s, dx, dw);
  double sum = 0;
  for (int k = 0; k < K; k++) sum += (tilt(y, w, k, s.top, s.t) - s.m) - y[k];
  return c->host->special(ELBO_LGAMMA, K, 0) + (K - 1) * w[LOG_T] + sum - K * log1p(s.rest);
}

/* y [K] less the log of the sum of their exponentials */
static void normalise(int K, double *y)
{
  double m = greatest(K, y), sum = 0;
  for (int k = 0; k < K; k++) sum += exp(y[k] - m);
  double shift = log(sum);
  for (int k = 0; k < K; k++) y[k] = (y[k] - m) - shift;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  double i = exp(-w[LOG_T]), top = greatest(c->K, w + LOGITS);
  for (int k = 0; k < c->K; k++) y[k] = ((w[LOGITS + k] - top) - log(c->host->exponential(e))) * i;
  normalise(c->K, y);
  return ELBO_OK;
}

/* dy_j/dl_k = (d_jk - x_k) / t; dy_j/dlog t = -(y_j - sum x_k y_k). */
static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dy,
                    double *dw)
{
  double i = exp(-w[LOG_T]), total = 0, mean = 0, by_t = 0;
  for (int k = 0; k < c->K; k++) {
    double x = exp(y[k]);
    total += dy[k];
    mean += x > 0 ? x * y[k] : 0;
  }
  for (int k = 0; k < c->K; k++) {
    by_t -= dy[k] != 0 ? dy[k] * (y[k] - mean) : 0;
    dw[LOGITS + k] = (dy[k] - exp(y[k]) * total) * i;
  }
  dw[LOG_T] = by_t;
  return ELBO_OK;
}

static const elbo_family relaxed_categorical = {
  ELBO_FAMILY_SIZES,
  .name = "relaxed_categorical",
  .summary = "Concrete, a one-hot vector made continuous",
  .params = params,
  .n_params = 2,
  .event_rank = 1,
  .value_form = ELBO_X_LOG_SIMPLEX,
  .support = { ELBO_SUP_SIMPLEX, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "relaxation",
  .draw = draw,
  .pull = pull,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, relaxed_categorical);
