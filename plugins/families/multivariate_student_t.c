/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * MultivariateStudentT(df = n, loc [K], scale_tril = L [K][K]): x = loc + L z / sqrt(chi-
 * squared(n) / n), z of K standard normals. n / (n + |L^-1 (x - loc)|^2) is Beta(n/2, K/2); df
 * moves x along its ray at constant cdf of the distance. L is of the scale matrix, not of the
 * covariance. */
#include "student.h"
#include "tril.h"

#define LOG_2 0.69314718055994530942

static const elbo_param params[] = {
  { "df", ELBO_POSITIVE, 0, 1.0, "degrees of freedom" },
  { "loc", ELBO_REAL, ELBO_PER_CORNER, 0.0, "centre and mode" },
  { "scale_tril", ELBO_CHOLESKY, 0, 1.0, "lower Cholesky factor of the scale matrix" },
};
static const char *const uses[] = { "gamma", NULL };
enum { MOST = 128 }; /* the greatest K for which scratch is at hand */

/* Of w [1 + K + K(K+1)/2]: its parts, z = L^-1 (x - loc), q = |z|^2 / n and its way to 1, t = q /
   (1 + q). */
typedef struct {
  double n, q, log_q, t, z[MOST];
  const double *loc, *l;
} standard;
static void standardise(int K, const double *x, const double *w, standard *s)
{
  double size = 0;
  s->n = exp(w[0]);
  s->loc = w + 1;
  s->l = w + 1 + K;
  for (int k = 0; k < K; k++) s->z[k] = x[k] - s->loc[k];
  tril_solve(K, s->l, s->z);
  for (int k = 0; k < K; k++) size = hypot(size, s->z[k]);
  s->q = size * size / s->n;
  s->log_q = 2 * log(size) - w[0];
  s->t = isinf(s->q) ? 1 : s->q / (1 + s->q);
}

/* -(d log f/dz) = z (n + K) / n / (1 + q), then by x. */
static void slopes(const elbo_call *c, const standard *s, double *g)
{
  double factor = (s->n + c->K) / s->n / (1 + s->q);
  for (int k = 0; k < c->K; k++) g[k] = s->z[k] * factor;
  tril_solve_transposed(c->K, s->l, g);
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  int K = c->K, inside = 1;
  double g[MOST];
  standard s;
  if (K > MOST) return NAN;
  for (int k = 0; k < K; k++) inside = inside && !isinf(x[k]);
  for (int k = 0; dx && k < K; k++) dx[k] = 0;
  for (size_t k = 0; dw && k < 1 + (size_t)K + tril_at(K, 0); k++) dw[k] = 0;
  if (!inside) return -INFINITY;
  standardise(K, x, w, &s);
  if (dx || dw) slopes(c, &s, g);
  for (int k = 0; dx && k < K; k++) dx[k] = -g[k];
  if (dw) {
    dw[0] = student_by_log_df(c->host, s.n, K, s.q, s.log_q, s.t);
    memcpy(dw + 1, g, (size_t)K * sizeof *g);
    tril_outer(K, s.l, g, s.z, dw + 1 + K);
    for (int k = 0; k < K; k++) dw[1 + K + (int)tril_at(k, k)] -= 1;
  }
  return student_norm(c->host, s.n, K) - student_fall(s.n, K, s.q, s.log_q) - tril_log_det(K, s.l);
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  elbo_call inner = inner_call(c);
  double half[2] = { w[0] - LOG_2, 0 }, g;
  for (int k = 0; k < c->K; k++) x[k] = c->host->normal(e);
  elbo_rc rc = c->uses[0]->draw(&inner, e, half, &g);
  if (rc != ELBO_OK) return rc;
  tril_times(c->K, w + 1 + c->K, x);
  for (int k = 0; k < c->K; k++) x[k] = w[1 + k] + x[k] * exp(0.5 * (half[0] - g));
  return ELBO_OK;
}

/* d log|z| / d log n = (1 - pull) / 2, as for student_t; dx_i/dL_ij = z_j. */
static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                    double *dw)
{
  int K = c->K;
  standard s;
  double along = 0, by_df = 0;
  if (K > MOST) return ELBO_UNSUPPORTED;
  standardise(K, x, w, &s);
  for (int k = 0; k < K; k++) along += dx[k] * (x[k] - s.loc[k]);
  if (s.q > 0) by_df = 0.5 * (1 - c->host->special3(ELBO_BETA_PULL, 0.5 * s.n, 0.5 * K, -s.log_q));
  dw[0] = along * by_df;
  memcpy(dw + 1, dx, (size_t)K * sizeof *dx);
  tril_outer(K, s.l, dx, s.z, dw + 1 + K);
  return ELBO_OK;
}

static void entropy(const elbo_call *c, const double *w, double *out)
{
  double n = exp(w[0]), K = c->K;
  out[0] = 0.5 * (n + K) * c->host->special(ELBO_DIGAMMA_GAP, 0.5 * n, 0.5 * K) -
           student_norm(c->host, n, K) + tril_log_det(c->K, w + 1 + c->K);
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  int K = c->K;
  double less2 = exp_minus_2(w[0]);
  if ((which == ELBO_MEAN && w[0] <= 0) || (which == ELBO_VARIANCE && less2 <= 0))
    return ELBO_UNDEFINED;
  if (which == ELBO_ENTROPY)
    entropy(c, w, out);
  else if (which == ELBO_VARIANCE)
    tril_variances(K, w + 1 + K, out);
  else
    memcpy(out, w + 1, (size_t)K * sizeof *w);
  for (int k = 0; which == ELBO_VARIANCE && k < K; k++) out[k] *= exp(w[0]) / less2;
  return ELBO_OK;
}

static const elbo_family multivariate_student_t = {
  ELBO_FAMILY_SIZES,
  .name = "multivariate_student_t",
  .summary = "correlated, with heavy tails",
  .params = params,
  .n_params = 3,
  .event_rank = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_REAL, 0, 0, NULL },
  .log_prob = log_prob,
  .reparam = "location_scale",
  .noise_per_event = 0,
  .uses = uses,
  .draw = draw,
  .pull = pull,
  .moment = moment,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, multivariate_student_t);
