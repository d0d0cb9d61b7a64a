/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dist/exponential.h"

#include <string.h>

const elbo_exponential *exponential_of(const elbo_family *f)
{
  const elbo_exponential *x = f->extension ? f->extension(ELBO_EXPONENTIAL) : NULL;
  bool whole = x && x->size >= sizeof *x && x->carrier && x->natural && x->pull &&
               x->n <= FAMILY_MAX_NUMBERS;
  return whole ? x : NULL;
}

bool exponential_pair(const elbo_family *q, const elbo_family *p)
{
  const elbo_exponential *x = exponential_of(q), *y = exponential_of(p);
  return x && y && x->n == y->n && !strcmp(x->carrier, y->carrier);
}

double exponential_kl(const family_use *q, const family_use *p, const double *w, const double *w2,
                      double *dw, double *dw2)
{
  const elbo_exponential *x = exponential_of(q->family), *y = exponential_of(p->family);
  double eta[FAMILY_MAX_NUMBERS], mean[FAMILY_MAX_NUMBERS], eta2[FAMILY_MAX_NUMBERS],
      mean2[FAMILY_MAX_NUMBERS], none[FAMILY_MAX_NUMBERS];
  uint32_t n = x->n ? x->n : (uint32_t)q->K;
  double value = -x->natural(&q->call, w, eta, mean);
  value += y->natural(&p->call, w2, eta2, mean2);
  for (uint32_t i = 0; i < n; i++) {
    value -= (eta2[i] - eta[i]) * mean[i];
    eta[i] -= eta2[i];   /* the derivative by E_q T; that by eta_q itself is 0, as dA/deta = E T */
    mean2[i] -= mean[i]; /* the derivative by eta_p */
    none[i] = 0;
  }
  if (dw) x->pull(&q->call, w, none, eta, dw);
  if (dw2) y->pull(&p->call, w2, mean2, none, dw2);
  return value;
}

bool exponential_entropy(const family_use *u, const double *w, double *entropy)
{
  const elbo_exponential *x = exponential_of(u->family);
  double eta[FAMILY_MAX_NUMBERS], mean[FAMILY_MAX_NUMBERS];
  if (!x || !x->unit_base) return false;
  *entropy = x->natural(&u->call, w, eta, mean);
  uint32_t n = x->n ? x->n : (uint32_t)u->K;
  for (uint32_t i = 0; i < n; i++) *entropy -= eta[i] * mean[i];
  return true;
}
