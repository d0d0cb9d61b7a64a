/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Poisson(rate = m): f(k) = m^k exp(-m) / k!, by Loader 2000, eq. 5: log f = -D(k, m) - s(k) -
 * log(2 pi k) / 2, D the deviance k log(k/m) + m - k and s Stirling's error. P(X > k) is the
 * incomplete gamma function P(k + 1, m) (DLMF 8.4.10). */
#include "counts.h"

static const elbo_param params[] = {
  { "rate", ELBO_POSITIVE, 0, 1.0, "mean" },
};

static double log_mass(const elbo_call *c, double k, const double *w)
{
  double m = exp(w[0]);
  if (k == 0) return -m;
  double d = m > 1e-290 ? c->host->special(ELBO_BD0, k, m) : k * (log(k) - w[0]) - k;
  return -d - c->host->special(ELBO_STIRLING, k, 0) - 0.5 * log(k) - HALF_LOG_2PI;
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  int inside = x[0] >= 0 && x[0] == floor(x[0]) && !isinf(x[0]);
  if (dx) dx[0] = 0;
  if (dw) dw[0] = inside ? x[0] - exp(w[0]) : 0;
  return inside ? log_mass(c, x[0], w) : -INFINITY;
}

/* The tail summed from its greatest term f(k) or f(k+1), the other tail as 1 less it. */
static double tail_sum(const elbo_call *c, double k, const double *w, int upper)
{
  int above = k + 1 > exp(w[0]);
  double m = exp(w[0]), j = above ? k + 1 : k, first = exp(log_mass(c, j, w)), term = 1, sum = 1;
  while (term > 1e-17 * sum) {
    term *= above ? m / ++j : j-- / m;
    sum += term;
  }
  return above == !!upper ? first * sum : 1 - first * sum;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  double k = floor(x), m = exp(w[0]);
  if (dw) dw[0] = 0;
  if (k < 0 || isinf(k)) return (k < 0) == !!upper;
  if (dw) dw[0] = (upper ? 1 : -1) * exp(w[0] + log_mass(c, k, w));
  double v = c->host->special(upper ? ELBO_GAMMA_P : ELBO_GAMMA_Q, k + 1, m);
  return isnan(v) ? tail_sum(c, k, w, upper) : v; /* NaN: it gave up, above rates of 1e6 */
}

static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  double m = exp(w[0]);
  if (dw) dw[0] = 0;
  return least_count(c, cdf, u, w, guess_count(c, u, m, sqrt(m), 1), INFINITY);
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = icdf(c, c->host->uniform(e), w, NULL);
  return ELBO_OK;
}

static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  double m = exp(w[0]);
  out[0] = which == ELBO_MODE      ? count_mode(m, MODE_SLACK)
           : which == ELBO_ENTROPY ? count_entropy(c, log_mass, w, floor(m), sqrt(m), INFINITY)
                                   : m;
  return isinf(out[0]) ? ELBO_UNDEFINED : ELBO_OK;
}

/* With t = log(m_p / m_q): m_q (e^t - 1 - t). */
static double kl_poisson(const elbo_call *c, const double *q, const double *p, double *dq,
                         double *dp)
{
  (void)c;
  double t = p[0] - q[0], m = exp(q[0]);
  if (dq) dq[0] = -m * t;
  if (dp) dp[0] = m * expm1(t);
  return m * em1(t);
}

static const elbo_kl kls[] = { { "poisson", "poisson", kl_poisson, { NULL } } };

static const elbo_family poisson = {
  ELBO_FAMILY_SIZES,
  .name = "poisson",
  .summary = "counts of independent events",
  .params = params,
  .n_params = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_COUNT, 1, 0, NULL },
  .log_prob = log_prob,
  .noise_per_event = 1,
  .icdf = icdf,
  .draw = draw,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "return exp(log_rate);",
  .kls = kls,
  .n_kls = 1,
  .support_point = count_point,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, poisson);
