/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Given numbers -> working numbers, by constraint and form, with their slopes. */
#include "dist/family.h"

#include <math.h>
#include <string.h>

static double same(double x)
{
  return x;
}
static double one(double x)
{
  return (void)x, 1.0;
}
static double inverse(double x)
{
  return 1 / x;
}
static double half(double x)
{
  return x / 2;
}
static double a_half(double x)
{
  return (void)x, 0.5;
}
static double half_log(double x)
{
  return log(x) / 2;
}
static double half_inverse(double x)
{
  return 0.5 / x;
}
static double logit(double x)
{
  return log(x) - log1p(-x);
}
static double logit_slope(double x)
{
  return 1 / (x * (1 - x));
}

static bool any(double x)
{
  return (void)x, true;
}
static bool positive(double x)
{
  return x > 0;
}
static bool unit(double x)
{
  return x >= 0 && x <= 1;
}
static bool whole(double x)
{
  return x >= 1 && x == floor(x);
}

/* One number of a form. At an edge that `fine` lets pass the working value is infinite and the
 * density exact. */
typedef struct {
  double (*to)(double), (*slope)(double);
  bool (*fine)(double);
  const char *must; /* what a number that is not fine is told */
} number_form;
static const number_form as_it_is = { same, one, any, "be a finite number" };
static const number_form constrained[] = {
  [ELBO_REAL] = { same, one, any, "be a finite number" },
  [ELBO_POSITIVE] = { log, inverse, positive, "be > 0" },
  [ELBO_UNIT] = { logit, logit_slope, unit, "be between 0 and 1" },
  [ELBO_SIMPLEX] = { log, inverse, unit, "be between 0 and 1" },
  [ELBO_CHOLESKY] = { log, inverse, positive, "be > 0" },
  [ELBO_INTEGER] = { same, one, whole, "be an integer >= 1" },
};
static const number_form variance[] = {
  [PARAM_LOG_VAR] = { half, a_half, any, "be a finite number" },
  [PARAM_VAR] = { half_log, half_inverse, positive, "be > 0" },
};

static const number_form *form_of(uint32_t constraint, int form)
{
  if (form >= PARAM_LOG_VAR) return &variance[form];
  return form == PARAM_CONSTRAINED || constraint == ELBO_INTEGER ? &constrained[constraint]
                                                                 : &as_it_is;
}

/* The name by which the number was given, for messages. */
static const char *given_name(const elbo_param *p, int form, char *text, size_t n)
{
  if (form == PARAM_WORKING) return param_working_name(p, text, n);
  if (form == PARAM_LOG_VAR) return "log_var";
  if (form == PARAM_VAR) return "var";
  return p->constraint == ELBO_SIMPLEX || !strcmp(p->name, "logits") ? "probs" : p->name;
}

/* A parameter under conversion. */
typedef struct {
  const family_use *use;
  const elbo_param *param;
  int form;
  const number_form *how;
} conversion;

static elbo_status refuse(const conversion *c, double x, int i, int of, error *e)
{
  char name[128];
  const char *must = isfinite(x) ? c->how->must : "be a finite number";
  const char *given = given_name(c->param, c->form, name, sizeof name);
  if (of == 1)
    return fail(e, ELBO_E_USAGE, "%s: %s must %s, got %.9g", c->use->family->name, given, must, x);
  return fail(e, ELBO_E_USAGE, "%s: %s must %s, got %.9g as number %d of %d", c->use->family->name,
              given, must, x, i + 1, of);
}

static elbo_status each_number(const conversion *c, int n, const double *given, double *w,
                               double *jac, error *e)
{
  for (int i = 0; i < n; i++) {
    if (!isfinite(given[i]) || !c->how->fine(given[i])) return refuse(c, given[i], i, n, e);
    w[i] = c->how->to(given[i]);
    if (jac) jac[i] = c->how->slope(given[i]);
  }
  return ELBO_DONE;
}

static elbo_status check_sum(const conversion *c, int n, const double *given, error *e)
{
  double sum = 0;
  for (int i = 0; i < n; i++) sum += given[i];
  if (fabs(sum - 1) <= FAMILY_SIMPLEX_SLACK) return ELBO_DONE;
  return fail(e, ELBO_E_USAGE, "%s: the %d numbers of probs must have the sum 1, got %.9g",
              c->use->family->name, n, sum);
}

/* given [K][K], the part above the diagonal 0 -> the lower triangle by rows, the diagonal in log.
 * */
static elbo_status triangle(const conversion *c, const double *given, double *w, double *jac,
                            error *e)
{
  int K = c->use->K, at = 0;
  for (int i = 0; i < K; i++)
    for (int j = 0; j < K; j++) {
      double x = given[i * K + j];
      if (!isfinite(x)) return refuse(c, x, i * K + j, K * K, e);
      if (i == j && x <= 0)
        return fail(e, ELBO_E_USAGE,
                    "%s: the diagonal of %s must be > 0, got %.9g in row %d, column %d",
                    c->use->family->name, c->param->name, x, i + 1, j + 1);
      if (j > i && x != 0)
        return fail(e, ELBO_E_USAGE,
                    "%s: %s must be 0 above the diagonal, got %.9g in row %d, column %d",
                    c->use->family->name, c->param->name, x, i + 1, j + 1);
      if (j > i) continue;
      if (jac) jac[at] = i == j ? 1 / x : 1;
      w[at++] = i == j ? log(x) : x;
    }
  return ELBO_DONE;
}

elbo_status param_to_working(const family_use *u, const param_form *form, const double *given,
                             double *w, double *jac, error *e)
{
  if (form->param < 0)
    return fail(e, ELBO_E_USAGE, "%s: %s is one of a set of names; give the whole set",
                u->family->name, u->family->form_sets[form->form_set].names[form->member]);
  const elbo_param *p = &u->family->params[form->param];
  conversion c = { u, p, form->form, form_of(p->constraint, form->form) };
  int n = u->width[form->param];
  if (p->constraint == ELBO_CHOLESKY && form->form == PARAM_CONSTRAINED)
    return triangle(&c, given, w, jac, e);
  if (each_number(&c, n, given, w, jac, e)) return ELBO_E_USAGE;
  if (p->constraint == ELBO_SIMPLEX && form->form == PARAM_CONSTRAINED)
    return check_sum(&c, n, given, e);
  return ELBO_DONE;
}

/* Logits of a simplex do not see a shift: equal ones are 0. A Cholesky factor is `standard` on its
 * diagonal. */
static void standard_of(const elbo_param *p, int K, int width, double *w)
{
  double v = p->constraint == ELBO_SIMPLEX ? 0 : constrained[p->constraint].to(p->standard);
  if (p->constraint != ELBO_CHOLESKY) {
    for (int i = 0; i < width; i++) w[i] = v;
    return;
  }
  for (int i = 0, at = 0; i < K; i++)
    for (int j = 0; j <= i; j++) w[at++] = i == j ? v : 0;
}

void param_standard(const family_use *u, double *w)
{
  for (uint32_t p = 0; p < u->family->n_params; p++)
    standard_of(&u->family->params[p], u->K, u->width[p], w + u->offset[p]);
}

/* ---- and back */
static double sigmoid(double y)
{
  return y < 0 ? exp(y) / (1 + exp(y)) : 1 / (1 + exp(-y));
}

static double (*const to_plain[])(double) = {
  [ELBO_REAL] = same,   [ELBO_POSITIVE] = exp, [ELBO_UNIT] = sigmoid,
  [ELBO_SIMPLEX] = exp, [ELBO_CHOLESKY] = exp, [ELBO_INTEGER] = same,
};

int param_plain_width(const family_use *u, uint32_t p)
{
  return u->family->params[p].constraint == ELBO_CHOLESKY ? u->K * u->K : u->width[p];
}

static void softmax(int n, const double *w, double *plain)
{
  double top = w[0], sum = 0;
  for (int i = 1; i < n; i++) top = fmax(top, w[i]);
  for (int i = 0; i < n; i++) sum += plain[i] = exp(w[i] - top);
  for (int i = 0; i < n; i++) plain[i] /= sum;
}

static void square(int K, const double *w, double *plain)
{
  for (int i = 0, at = 0; i < K; i++)
    for (int j = 0; j < K; j++) {
      double x = j > i ? 0 : w[at++];
      plain[i * K + j] = i == j ? exp(x) : x;
    }
}

void param_to_plain(const family_use *u, uint32_t p, const double *w, double *plain)
{
  uint32_t constraint = u->family->params[p].constraint;
  if (constraint == ELBO_SIMPLEX) {
    softmax(u->width[p], w, plain);
    return;
  }
  if (constraint == ELBO_CHOLESKY) {
    square(u->K, w, plain);
    return;
  }
  for (int i = 0; i < u->width[p]; i++) plain[i] = to_plain[constraint](w[i]);
}
