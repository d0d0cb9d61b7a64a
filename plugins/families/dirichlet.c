/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Dirichlet(concentration [K]) on the simplex: f(x) = prod x_k^(a_k - 1) / B(a), with respect to
 * dx_1 .. dx_{K-1}. The value form is y_k = log x_k. Drawn from K gammas in log space; x_k is
 * Beta(a_k, A - a_k), A the sum. */
#include "exact.h"

static const elbo_param params[] = {
  { "concentration", ELBO_POSITIVE, ELBO_PER_CORNER, 1.0, "pseudo-count of each corner" },
};
static const char *const uses[] = { "gamma", "beta", NULL };

static double total(int K, const double *w)
{
  double sum = 0;
  for (int k = 0; k < K; k++) sum += exp(w[k]);
  return sum;
}

/* A - a_k; the one that exceeds half of A would lose its digits. */
static double others(int K, const double *w, double all, int k)
{
  double a = exp(w[k]), sum = 0;
  if (a <= 0.5 * all) return all - a;
  for (int j = 0; j < K; j++) sum += j == k ? 0 : exp(w[j]);
  return sum;
}

/* Where some x_k are 0: a concentration above 1 there, then one below 1 decides. */
static int edge(int K, const double *y, const double *w, double *value)
{
  int above = 0, below = 0;
  for (int k = 0; k < K; k++) {
    above |= y[k] == INFINITY || (y[k] == -INFINITY && w[k] > 0);
    below |= y[k] == -INFINITY && w[k] < 0;
  }
  *value = above ? -INFINITY : INFINITY;
  return above || below;
}

/* a log(A x / a) in two parts: -(a log(a / (A x)) + A x - a), which is small near the mean, and A x
   - a, whose sum is A (sum x - 1). */
static double corner(const elbo_call *c, double a, double all, double y, double *rest)
{
  double m = all * exp(y);
  if (y < -600) return a * (y + log(all / a));
  *rest += m - a;
  return -c->host->special(ELBO_BD0, a, m);
}

/* Loader 2000, eq. 3, for K corners: the large log-gammas cancel against the powers on paper. */
static double density(const elbo_call *c, const double *y, const double *w, double all)
{
  double value =
             c->host->special(ELBO_STIRLING, all, 0) - 0.5 * log(all) - (c->K - 1) * HALF_LOG_2PI,
         rest = 0;
  for (int k = 0; k < c->K; k++) {
    double a = exp(w[k]);
    value += 0.5 * w[k] - c->host->special(ELBO_STIRLING, a, 0);
    value += y[k] == -INFINITY ? log(all) : corner(c, a, all, y[k], &rest) - y[k]; /* there a = 1 */
  }
  return value + rest;
}

static double log_prob(const elbo_call *c, const double *y, const double *w, double *dx, double *dw)
{
  double all = total(c->K, w), limit;
  int ends = edge(c->K, y, w, &limit);
  for (int k = 0; k < c->K; k++) {
    int inside = !ends && !isinf(y[k]);
    double a = exp(w[k]);
    if (dx) dx[k] = inside ? expm1(w[k]) : 0;
    if (dw)
      dw[k] =
          inside ? a * (y[k] + c->host->special(ELBO_DIGAMMA_GAP, a, others(c->K, w, all, k))) : 0;
  }
  return ends ? limit : density(c, y, w, all);
}

static int greatest(int K, const double *y)
{
  int top = 0;
  for (int k = 1; k < K; k++)
    if (y[k] > y[top]) top = k;
  return top;
}

/* log of the sum of exp(y_j) over the corners other than k. */
static double log_others(int K, const double *y, int k)
{
  double top = -INFINITY, sum = 0;
  for (int j = 0; j < K; j++)
    if (j != k) top = fmax(top, y[j]);
  if (top == -INFINITY) return top;
  for (int j = 0; j < K; j++)
    if (j != k) sum += exp(y[j] - top);
  return top + log(sum);
}

/* y_k = g_k - log sum exp g; next to a corner 1 - x_k is the sum of the others, so y_k comes from
 * it */
static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *y)
{
  elbo_call inner = inner_call(c);
  for (int k = 0; k < c->K; k++) {
    double g[2] = { w[k], 0 };
    elbo_rc rc = c->uses[0]->draw(&inner, e, g, &y[k]);
    if (rc != ELBO_OK) return rc;
  }
  int top = greatest(c->K, y);
  double log_top = y[top], more = log1p(exp(log_others(c->K, y, top) - log_top));
  for (int k = 0; k < c->K; k++) y[k] = (k == top ? 0 : y[k] - log_top) - more;
  return ELBO_OK;
}

/* dx_j/da_k = (dB_k/da_k) (d_jk - x_j) / (1 - x_k), B_k the beta variate of corner k (Jankowiak and
   Obermeyer 2018): with v_k = d logit x_k / d log a_k, dy_j/dlog a_k = v_k (d_jk - x_k). Of the
   greatest x_k what is left to 1 is told by the others: from x_k itself it has no digits near 1. */
static elbo_rc pull(const elbo_call *c, const double *y, const double *w, const double *dx,
                    double *dw)
{
  elbo_call inner = inner_call(c);
  double all = total(c->K, w), sum = 0, one = 1;
  int top = greatest(c->K, y);
  for (int k = 0; k < c->K; k++) sum += k == top ? 0 : dx[k];
  for (int k = 0; k < c->K; k++) {
    double left = k == top ? log_others(c->K, y, k) : log(-expm1(y[k])), x = exp(y[k]),
           logit = y[k] - left, v[2], rest = k == top ? sum : sum - dx[k] + dx[top],
           marginal[2] = { w[k], log(others(c->K, w, all, k)) };
    elbo_rc rc = c->uses[1]->pull(&inner, &logit, marginal, &one, v);
    if (rc != ELBO_OK) return rc;
    dw[k] = v[0] * (exp(left) * dx[k] - x * rest);
  }
  return ELBO_OK;
}

/* log B + (A-K) psi(A) - sum of (a-1) psi(a), by Stirling's errors, the large logs cancelled. */
static void entropy(const elbo_call *c, const double *w, double all, double *out)
{
  double (*f)(uint32_t, double, double) = c->host->special;
  int K = c->K;
  double h = (K - 1) * (HALF_LOG_2PI + 0.5) - f(ELBO_STIRLING, all, 0) - (K - 0.5) * log(all) +
             0.5 * K / all + (all - K) * f(ELBO_STIRLING_DA, all, 0);
  for (int k = 0; k < K; k++) {
    double a = exp(w[k]);
    h += f(ELBO_STIRLING, a, 0) + 0.5 * w[k] - 0.5 / a - expm1(w[k]) * f(ELBO_STIRLING_DA, a, 0);
  }
  out[0] = h;
}

/* The marginal means and variances. */
static void mean(const elbo_call *c, const double *w, double all, double *out)
{
  for (int k = 0; k < c->K; k++) out[k] = exp(w[k]) / all;
}
static void variance(const elbo_call *c, const double *w, double all, double *out)
{
  for (int k = 0; k < c->K; k++)
    out[k] = exp(w[k]) / all * (others(c->K, w, all, k) / all) / (all + 1);
}

/* (a-1) / (A-K); below a concentration of 1 the density has no greatest point. */
static elbo_rc mode(const elbo_call *c, const double *w, double *out)
{
  double sum = 0;
  for (int k = 0; k < c->K; k++) {
    if (w[k] < 0) return ELBO_UNDEFINED;
    sum += expm1(w[k]);
  }
  for (int k = 0; k < c->K; k++) out[k] = expm1(w[k]) / sum;
  return sum > 0 ? ELBO_OK : ELBO_UNDEFINED;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  static void (*const moments[])(const elbo_call *, const double *, double, double *) = {
    [ELBO_ENTROPY] = entropy, [ELBO_MEAN] = mean, [ELBO_VARIANCE] = variance
  };
  if (which == ELBO_MODE) return mode(c, w, out);
  moments[which](c, w, total(c->K, w), out);
  return ELBO_OK;
}

static double kl_dirichlet(const elbo_call *c, const double *q, const double *p, double *dq,
                           double *dp)
{
  return kl_dirichlets(c, c->K, q, p, dq, dp);
}

static const elbo_kl kls[] = { { "dirichlet", "dirichlet", kl_dirichlet, { NULL } } };

static const elbo_family dirichlet = {
  ELBO_FAMILY_SIZES,
  .name = "dirichlet",
  .summary = "probability vectors",
  .params = params,
  .n_params = 1,
  .event_rank = 1,
  .value_form = ELBO_X_LOG_SIMPLEX,
  .support = { ELBO_SUP_SIMPLEX, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "composition",
  .noise_per_event = 0,
  .uses = uses,
  .draw = draw,
  .pull = pull,
  .moment = moment,
  .mean_in_c =
      "double most = log_concentration[0], sum = 0;\n"
      "for (int k = 1; k < K; k++)\n"
      "  most = log_concentration[k] > most ? log_concentration[k] : most;\n"
      "for (int k = 0; k < K; k++) sum += exp(log_concentration[k] - most);\n"
      "for (int k = 0; k < K; k++) mean[k] = (float)(exp(log_concentration[k] - most) / sum);",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, dirichlet);
