/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * MultivariateNormal(loc [K], scale_tril = L [K][K]): x = loc + L z, z of K standard normals. The
 * working form of L is its lower triangle by rows, the diagonal in log. */
#include "exact.h"
#include "tril.h"

static const elbo_param params[] = {
  { "loc", ELBO_REAL, ELBO_PER_CORNER, 0.0, "mean" },
  { "scale_tril", ELBO_CHOLESKY, 0, 1.0, "lower Cholesky factor of the covariance" },
};
enum { MOST = 128 }; /* the greatest K for which scratch is at hand */

static void standardise(int K, const double *x, const double *w, double *z)
{
  for (int k = 0; k < K; k++) z[k] = x[k] - w[k];
  tril_solve(K, w + K, z);
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  int K = c->K, inside = 1;
  const double *l = w + K;
  double z[MOST], g[MOST], sum = 0;
  if (K > MOST) return NAN;
  standardise(K, x, w, z);
  for (int k = 0; k < K; k++) {
    inside = inside && !isinf(x[k]);
    sum += z[k] * z[k];
    g[k] = z[k];
  }
  for (int k = 0; dx && k < K; k++) dx[k] = 0;
  for (size_t k = 0; dw && k < (size_t)K + tril_at(K, 0); k++) dw[k] = 0;
  if (!inside) return -INFINITY;
  if (dx || dw) tril_solve_transposed(K, l, g);
  for (int k = 0; dx && k < K; k++) dx[k] = -g[k];
  if (dw) {
    memcpy(dw, g, (size_t)K * sizeof *g);
    tril_outer(K, l, g, z, dw + K);
    for (int k = 0; k < K; k++) dw[K + (int)tril_at(k, k)] -= 1;
  }
  return -0.5 * sum - tril_log_det(K, l) - K * HALF_LOG_2PI;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  for (int k = 0; k < c->K; k++) x[k] = c->host->normal(e);
  tril_times(c->K, w + c->K, x);
  for (int k = 0; k < c->K; k++) x[k] += w[k];
  return ELBO_OK;
}

/* dx_i/dL_ij = z_j */
static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                    double *dw)
{
  double z[MOST];
  if (c->K > MOST) return ELBO_UNSUPPORTED;
  standardise(c->K, x, w, z);
  memcpy(dw, dx, (size_t)c->K * sizeof *dx);
  tril_outer(c->K, w + c->K, dx, z, dw + c->K);
  return ELBO_OK;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  int K = c->K;
  if (which == ELBO_ENTROPY)
    out[0] = K * (HALF_LOG_2PI + 0.5) + tril_log_det(K, w + K);
  else if (which == ELBO_VARIANCE)
    tril_variances(K, w + K, out);
  else
    memcpy(out, w, (size_t)K * sizeof *w);
  return ELBO_OK;
}

/* Column j of q's triangle, divided by p's: m = P^-1 Q_j; the sum of squares counts half, on the
   diagonal as em1 of twice the difference of logs. */
static double kl_column(int K, int j, const double *q, const double *p, double *dq, double *dp)
{
  double m[MOST], g[MOST], sum = 0;
  for (int i = 0; i < K; i++) m[i] = i < j ? 0 : q[tril_at(i, j)];
  m[j] = exp(q[tril_at(j, j)]);
  tril_solve(K, p, m);
  memcpy(g, m, (size_t)K * sizeof *m);
  tril_solve_transposed(K, p, g);
  for (int i = j + 1; i < K; i++) sum += m[i] * m[i];
  for (int i = j; dq && i < K; i++)
    dq[tril_at(i, j)] = i == j ? g[i] * exp(q[tril_at(j, j)]) - 1 : g[i];
  for (int i = 0; dp && i < K; i++)
    for (int k = 0; k <= i; k++)
      dp[tril_at(i, k)] -= g[i] * m[k] * (i == k ? exp(p[tril_at(i, i)]) : 1);
  return 0.5 * (em1(2 * (q[tril_at(j, j)] - p[tril_at(j, j)])) + sum);
}

/* log|P| - log|Q| + (|P^-1 Q|^2 - K + |P^-1 (m_q - m_p)|^2) / 2 */
static double kl_same(const elbo_call *c, const double *q, const double *p, double *dq, double *dp)
{
  int K = c->K;
  double v[MOST], g[MOST], sum = 0;
  if (K > MOST) return NAN;
  for (int k = 0; k < K; k++) v[k] = q[k] - p[k];
  tril_solve(K, p + K, v);
  memcpy(g, v, (size_t)K * sizeof *v);
  tril_solve_transposed(K, p + K, g);
  if (dq) memcpy(dq, g, (size_t)K * sizeof *g);
  if (dp) tril_outer(K, p + K, g, v, dp + K);
  for (int k = 0; dp && k < K * (K + 1) / 2; k++) dp[K + k] = -dp[K + k];
  for (int k = 0; k < K; k++) {
    if (dp) dp[k] = -g[k];
    if (dp) dp[K + (int)tril_at(k, k)] += 1;
    sum += 0.5 * v[k] * v[k];
  }
  for (int j = 0; j < K; j++)
    sum += kl_column(K, j, q + K, p + K, dq ? dq + K : NULL, dp ? dp + K : NULL);
  return sum;
}

static const elbo_kl kls[] = {
  { "multivariate_normal", "multivariate_normal", kl_same, { NULL } },
};

static const elbo_family multivariate_normal = {
  ELBO_FAMILY_SIZES,
  .name = "multivariate_normal",
  .summary = "correlated normals",
  .params = params,
  .n_params = 2,
  .event_rank = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_REAL, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "location_scale",
  .noise_per_event = 0,
  .draw = draw,
  .pull = pull,
  .moment = moment,
  .mean_in_c = "for (int k = 0; k < K; k++) mean[k] = loc[k];",
  .kls = kls,
  .n_kls = sizeof kls / sizeof kls[0],
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, multivariate_normal);
