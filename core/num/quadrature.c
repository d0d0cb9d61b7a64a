/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Globally adaptive 15-point Gauss-Kronrod quadrature, as QAG of Piessens, de Doncker-Kapenga,
 * Ueberhuber and Kahaner 1983 (QUADPACK), whose nodes and weights these are. */
#include "num/quadrature.h"

#include <math.h>

enum { MOST = 600, HALF = 7 };

typedef struct {
  double low, high, value, error;
} piece;

static const double node[HALF] = {
  0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
  0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
  0.586087235467691130294144691258130, 0.405845151377397166906606412076961,
  0.207784955007898467600689403773245
};
static const double kronrod[HALF + 1] = {
  0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
  0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
  0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
  0.204432940075298892414161999234649, 0.209482141084727828012999174891714
};
/* of every second node, and the middle */
static const double gauss[HALF / 2 + 1] = { 0.129484966168869693270611432679082,
                                            0.279705391489276667901467771423780,
                                            0.381830050505118944950369775488975,
                                            0.417959183673469387755102040816327 };

static piece integrate(integrand *f, void *state, double low, double high)
{
  double middle = low + (high - low) / 2, h = (high - low) / 2, at = f(state, middle);
  double k = kronrod[HALF] * at, g = gauss[HALF / 2] * at;
  for (int i = 0; i < HALF; i++) {
    double both = f(state, middle - h * node[i]) + f(state, middle + h * node[i]);
    k += kronrod[i] * both;
    if (i % 2) g += gauss[i / 2] * both;
  }
  return (piece){ low, high, k * h, fabs(k - g) * h };
}

static double total(const piece *p, int n, double *error, int *worst)
{
  double sum = 0;
  *error = 0;
  *worst = 0;
  for (int i = 0; i < n; i++) {
    sum += p[i].value;
    *error += p[i].error;
    if (p[i].error > p[*worst].error) *worst = i;
  }
  return sum;
}

double quadrature(integrand *f, void *state, const double *at, int n, double relative,
                  double *error)
{
  piece p[MOST];
  int pieces = 0, worst;
  for (int i = 0; i + 1 < n; i++) p[pieces++] = integrate(f, state, at[i], at[i + 1]);
  double sum = total(p, pieces, error, &worst);
  while (pieces < MOST && isfinite(sum) && *error > relative * fabs(sum)) {
    double low = p[worst].low, high = p[worst].high, middle = low + (high - low) / 2;
    if (!(middle > low && middle < high)) break;
    p[worst] = integrate(f, state, low, middle);
    p[pieces++] = integrate(f, state, middle, high);
    sum = total(p, pieces, error, &worst);
  }
  return sum;
}
