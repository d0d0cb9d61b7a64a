/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/special.h"
#include "num/beta.h"
#include "num/continuous_bernoulli.h"
#include "num/gamma.h"
#include "num/von_mises.h"
#include <elbo/plugin.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sf_bessel.h>
#include <gsl/gsl_sf_psi.h>
#include <gsl/gsl_version.h>
#include <math.h>

#define SQRT_1_2 0.70710678118654752440
#define INV_SQRT_PI 0.56418958354775628695

void num_start(void)
{
  gsl_set_error_handler_off();
}

const char *special_library(void)
{
  return "GSL " GSL_VERSION;
}

double log_gamma(double a)
{
  int sign;
  return a > 0 ? lgamma_r(a, &sign) : NAN;
}

double digamma(double a)
{
  gsl_sf_result r;
  return a > 0 && gsl_sf_psi_e(a, &r) == GSL_SUCCESS ? r.val : NAN;
}

double trigamma(double a)
{
  gsl_sf_result r;
  if (a > 1e6) return 1 / a + trigamma_rest(a);
  return a > 0 && gsl_sf_psi_1_e(a, &r) == GSL_SUCCESS ? r.val : NAN;
}

/* exp(a^2) erfc(a). The rounding error of a^2 is given back; from 20 the asymptotic series
 * (DLMF 7.12.1). */
static double erfcx(double a)
{
  if (a < 20) {
    double square = a * a, lost = fma(a, a, -square);
    return square > 709.7 ? INFINITY : exp(square) * erfc(a) * (1 + lost);
  }
  double z = 0.5 / a / a, sum = 1;
  for (int k = 8; k >= 1; k--) sum = 1 - (2 * k - 1) * z * sum;
  return INV_SQRT_PI / a * sum;
}

static double log_ndtr(double a)
{
  if (a > -1) return log1p(-0.5 * erfc(a * SQRT_1_2));
  return log(0.5 * erfcx(-a * SQRT_1_2)) - 0.5 * a * a;
}

static double ndtri(double u)
{
  return u > 0 && u < 1 ? gsl_cdf_ugaussian_Pinv(u) : u == 0 ? -INFINITY : u == 1 ? INFINITY : NAN;
}

double bessel_i_scaled(int order, double k)
{
  gsl_sf_result r;
  int status = order ? gsl_sf_bessel_I1_scaled_e(k, &r) : gsl_sf_bessel_I0_scaled_e(k, &r);
  return status == GSL_SUCCESS || status == GSL_EUNDRFLW ? r.val : NAN;
}

static double gamma_p(double a, double z)
{
  return gamma_tail(a, z, 0);
}

static double gamma_q(double a, double z)
{
  return gamma_tail(a, z, 1);
}

typedef struct {
  double (*one)(double);
  double (*two)(double, double);
} special_row;
static const special_row table[] = {
  [ELBO_LGAMMA] = { .one = log_gamma },
  [ELBO_DIGAMMA] = { .one = digamma },
  [ELBO_TRIGAMMA] = { .one = trigamma },
  [ELBO_STIRLING] = { .one = stirling },
  [ELBO_STIRLING_DA] = { .one = stirling_da },
  [ELBO_BD0] = { .two = deviance },
  [ELBO_ERFC] = { .one = erfc },
  [ELBO_ERFCX] = { .one = erfcx },
  [ELBO_LOG_NDTR] = { .one = log_ndtr },
  [ELBO_NDTRI] = { .one = ndtri },
  [ELBO_GAMMA_P] = { .two = gamma_p },
  [ELBO_GAMMA_Q] = { .two = gamma_q },
  [ELBO_GAMMA_PULL] = { .two = gamma_pull },
  [ELBO_LGAMMA_BREGMAN] = { .two = lgamma_bregman },
  [ELBO_GAMMA_INV] = { .two = gamma_inv },
  [ELBO_GAMMA_INV_Q] = { .two = gamma_inv_q },
  [ELBO_DIGAMMA_GAP] = { .two = digamma_gap },
  [ELBO_DIGAMMA_REST] = { .two = digamma_rest },
  [ELBO_LBETA] = { .two = lbeta },
  [ELBO_STUDENT_PULL] = { .two = student_pull },
  [ELBO_LOG_I0E] = { .one = log_i0e },
  [ELBO_BESSEL_GAP] = { .one = bessel_gap },
  [ELBO_LOG_I0_BREGMAN] = { .two = log_i0_bregman },
  [ELBO_CB_NORM] = { .two = cb_norm },
  [ELBO_CB_NORM_EVEN] = { .two = cb_norm_even },
  [ELBO_CB_NORM_TAIL] = { .one = cb_norm_tail },
  [ELBO_LGAMMA_REST] = { .two = lgamma_rest },
  [ELBO_TRIGAMMA_REST] = { .one = trigamma_rest },
};
_Static_assert(sizeof table / sizeof table[0] == ELBO_SPECIAL_END, "a row for every elbo_special");

double special_call(uint32_t id, double a, double b)
{
  if (id < 1 || id >= ELBO_SPECIAL_END) return NAN;
  return table[id].one ? table[id].one(a) : table[id].two(a, b);
}

static double (*const table3[])(double, double, double) = {
  [ELBO_BETA_P] = beta_p,           [ELBO_BETA_Q] = beta_q,
  [ELBO_BETA_INV] = beta_inv,       [ELBO_BETA_LOG] = beta_log,
  [ELBO_BETA_SLOPE] = beta_slope,   [ELBO_BETA_PULL] = beta_pull,
  [ELBO_VON_MISES_P] = von_mises_p, [ELBO_VON_MISES_DA] = von_mises_da,
};
_Static_assert(sizeof table3 / sizeof table3[0] == ELBO_SPECIAL3_END,
               "a row for every elbo_special3");

double special3_call(uint32_t id, double a, double b, double c)
{
  return id >= 1 && id < ELBO_SPECIAL3_END ? table3[id](a, b, c) : NAN;
}

bool eigen_symmetric(size_t n, double *a, double *values, double *vectors)
{
  gsl_eigen_symmv_workspace *w = gsl_eigen_symmv_alloc(n);
  if (!w) return false;
  gsl_matrix_view m = gsl_matrix_view_array(a, n, n), v = gsl_matrix_view_array(vectors, n, n);
  gsl_vector_view d = gsl_vector_view_array(values, n);
  int status = gsl_eigen_symmv(&m.matrix, &d.vector, &v.matrix, w);
  gsl_eigen_symmv_free(w);
  return !status && !gsl_eigen_symmv_sort(&d.vector, &v.matrix, GSL_EIGEN_SORT_VAL_DESC);
}
