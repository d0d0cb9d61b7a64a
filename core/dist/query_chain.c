/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A gradient by working numbers -> by what was given. */
#include "dist/query.h"

#include <math.h>
#include <string.h>

bool query_has_gradient(const bound *b, int i)
{
  int p = b->items[i].form.param;
  if (p < 0) return true;
  const elbo_param *param = &b->use.family->params[p];
  return !(param->flags & ELBO_CONSTANT) && param->constraint != ELBO_INTEGER;
}

/* dv/dw_k times dw_k/dp at p = 0 or 1, from w_k = +-t, where dw_k/dp is e^t (1 + e^-t)^2. */
static double near_edge(query *q, const bound *b, int k, double t, const slope_source *from)
{
  workspace s = { 0 };
  if (!query_work(q, b, &s)) return NAN;
  memcpy(s.wt, b->w, (size_t)b->use.W * sizeof *s.wt);
  s.wt[k] = copysign(t, b->w[k]);
  if (!from->at(q, b, s.wt, s.dw2, from->state)) return NAN;
  return s.dw2[k] * exp(t) * (1 + exp(-t)) * (1 + exp(-t));
}

/* A product 0 x inf is the limit; where there is none it is infinite. */
static double limit(query *q, const bound *b, int k, const slope_source *from)
{
  double at = near_edge(q, b, k, 500, from), on = near_edge(q, b, k, 600, from);
  if (fabs(at - on) <= 1e-9 * fabs(on) + 1e-100) return on;
  return isnan(on) ? NAN : copysign(INFINITY, on);
}

static double chain_one(query *q, const bound *b, int k, double given, double dw,
                        const slope_source *from)
{
  double g = dw * b->jac[k];
  if (!isinf(b->jac[k])) return g;
  if (isinf(b->w[k])) return limit(q, b, k, from);
  return dw / given; /* a positive number so small that its inverse overflows */
}

static void chain_triangle(const bound *b, int at, const double *dw, double *to)
{
  int K = b->use.K;
  for (int i = 0; i < K; i++)
    for (int j = 0; j < K; j++) {
      to[i * K + j] = j > i ? 0 : dw[at] * b->jac[at];
      at += j <= i;
    }
}

void query_chain(query *q, const bound *b, int i, const double *dw, const slope_source *from,
                 double *to)
{
  const param_form *form = &b->items[i].form;
  int W = b->use.W;
  if (from->by_given) {
    to[0] = dw[form->member];
    return;
  }
  if (b->set) {
    to[0] = 0;
    for (int k = 0; k < W; k++)
      if (dw[k] != 0) to[0] += dw[k] * b->jac[k * W + form->member];
    return;
  }
  int at = b->use.offset[form->param];
  const elbo_param *p = &b->use.family->params[form->param];
  if (p->constraint == ELBO_CHOLESKY && form->form == PARAM_CONSTRAINED) {
    chain_triangle(b, at, dw, to);
    return;
  }
  for (int k = 0; k < b->items[i].v.n; k++)
    to[k] = chain_one(q, b, at + k, b->items[i].v.v[k], dw[at + k], from);
}

/* log x - w where w is log x rounded, by x = m 2^k with m about 1 and a log 2 in two parts, of
 * which k takes the first exactly (Cody and Waite 1980). */
static double log_rest(double x, double w)
{
  const long double high = 0x1.62e42feep-1L, low = 1.908214929270587816144e-10L;
  int k;
  double m = frexp(x, &k);
  if (m < M_SQRT1_2) {
    m *= 2;
    k--;
  }
  return (double)((k * high - w) + (logl(m) + k * low));
}

double query_unrounded(const bound *b, const double *dw)
{
  double sum = 0;
  for (int i = 0; i < b->n; i++) {
    const param_form *form = &b->items[i].form;
    if (b->set || form->form != PARAM_CONSTRAINED ||
        b->use.family->params[form->param].constraint != ELBO_POSITIVE)
      continue;
    for (int k = 0, at = b->use.offset[form->param]; k < b->items[i].v.n; k++, at++) {
      double more = dw[at] * log_rest(b->items[i].v.v[k], b->w[at]);
      if (isfinite(more)) sum += more;
    }
  }
  return sum;
}
