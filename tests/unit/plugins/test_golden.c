/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The golden tables (tests/golden/README.md) against the plugins' double functions, without the
 * program in between. Rows that ask for an error are the host's and are left to the tests of the
 * program. */
#include "plugins.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const char *const names[] = { "normal",
                                     "bernoulli",
                                     "continuous_bernoulli",
                                     "laplace",
                                     "gumbel",
                                     "gamma",
                                     "exponential",
                                     "cauchy",
                                     "logistic",
                                     "rayleigh",
                                     "half_normal",
                                     "half_cauchy",
                                     "pareto",
                                     "weibull",
                                     "gompertz",
                                     "log_normal",
                                     "logit_normal",
                                     "kumaraswamy",
                                     "binomial",
                                     "poisson",
                                     "geometric",
                                     "negative_binomial",
                                     "discretized_logistic",
                                     "relaxed_bernoulli" };
enum { FAMILIES = sizeof names / sizeof names[0] };

static double number(const json_t *j)
{
  if (json_is_string(j)) return strtod(json_string_value(j), NULL);
  return j ? json_number_value(j) : NAN;
}

/* The forms in which the tables give a parameter: working value, and its derivative by the given
   one. */
typedef struct {
  double w, slope;
} working;
static working plain(double g)
{
  return (working){ g, 1 };
}
static working positive(double g)
{
  return (working){ log(g), 1 / g };
}
static working variance(double g)
{
  return (working){ log(g) / 2, 0.5 / g };
}
static working log_variance(double g)
{
  return (working){ g / 2, 0.5 };
}
static working unit(double g)
{
  return (working){ log(g) - log1p(-g), 1 / (g * (1 - g)) };
}
static const struct form {
  const char *given, *param;
  working (*to)(double);
} forms[] = {
  { "loc", "loc", plain },
  { "scale", "scale", positive },
  { "log_scale", "scale", plain },
  { "var", "scale", variance },
  { "log_var", "scale", log_variance },
  { "logits", "logits", plain },
  { "probs", "logits", unit },
  { "concentration", "concentration", positive },
  { "log_concentration", "concentration", plain },
  { "concentration1", "concentration1", positive },
  { "log_concentration1", "concentration1", plain },
  { "concentration0", "concentration0", positive },
  { "log_concentration0", "concentration0", plain },
  { "temperature", "temperature", positive },
  { "log_temperature", "temperature", plain },
  { "count", "count", plain },
  { "levels", "levels", plain },
  { "rate", "rate", positive },
  { "log_rate", "rate", plain },
};
enum { FORMS = sizeof forms / sizeof forms[0] };

/* w [n_params]; index and slope of each given name by its place in forms. */
typedef struct {
  double w[4];
  int index[FORMS];
  double slope[FORMS];
} given;
static void read_params(const elbo_family *f, const json_t *params, given *out)
{
  for (int i = 0; i < FORMS; i++) {
    out->index[i] = -1;
    const json_t *v = json_object_get(params, forms[i].given);
    for (uint32_t p = 0; v && p < f->n_params; p++)
      if (!strcmp(f->params[p].name, forms[i].param)) {
        working t = forms[i].to(number(v));
        out->w[p] = t.w;
        out->index[i] = (int)p;
        out->slope[i] = t.slope;
      }
  }
}

typedef struct {
  const char *family;
  int id, failed, checked;
  double worst;
} tally;
static void compare(tally *t, const char *what, double got, const json_t *want, const json_t *tol)
{
  if (!want) return;
  double w = number(want), allowed = tol ? number(tol) : 0, off = got == w ? 0 : fabs(got - w);
  t->checked++;
  if (allowed > 0 && off / allowed > t->worst) t->worst = off / allowed;
  if (off <= allowed) return;
  t->failed++;
  fprintf(stderr, "%s %d %s: got %.17g, expected %.17g +- %g\n", t->family, t->id, what, got, w,
          allowed);
}
static void compare_grads(tally *t, const given *g, const double *dw, const json_t *want,
                          const json_t *tol)
{
  for (int i = 0; i < FORMS; i++)
    if (g->index[i] >= 0 &&
        isfinite(g->slope[i])) /* at the edge of a form the limit is the host's */
      compare(t, forms[i].given, dw[g->index[i]] == 0 ? 0 : dw[g->index[i]] * g->slope[i],
              json_object_get(want, forms[i].given), json_object_get(tol, forms[i].given));
}

static double into_form(const elbo_family *f, double x)
{
  return f->value_form == ELBO_X_LOG     ? log(x)
         : f->value_form == ELBO_X_LOGIT ? log(x) - log1p(-x)
                                         : x;
}
static double out_of_form(const elbo_family *f, double y)
{
  return f->value_form == ELBO_X_LOG     ? exp(y)
         : f->value_form != ELBO_X_LOGIT ? y
         : y < 0                         ? exp(y) / (1 + exp(y))
                                         : 1 / (1 + exp(-y));
}
static double slope_of_form(const elbo_family *f, double x)
{
  return f->value_form == ELBO_X_LOG ? x : f->value_form == ELBO_X_LOGIT ? x * (1 - x) : 1;
} /* dx/dy */
/* The host's: x outside has no such value form. */
static bool has_form(const elbo_family *f, double x)
{
  return f->value_form == ELBO_X_PLAIN || (x >= 0 && (f->value_form == ELBO_X_LOG || x <= 1));
}

typedef struct {
  const elbo_family *f;
  const json_t *row, *expect, *tol;
  given g;
  double x; /* plain */
} query;

static void check_log_prob(tally *t, const query *q)
{
  const elbo_family *f = q->f;
  if (!has_form(f, q->x)) return;
  double y = into_form(f, q->x), dx, dw[4], s = slope_of_form(f, q->x);
  compare(t, "value", f->log_prob(&test_call, &y, q->g.w, &dx, dw),
          json_object_get(q->expect, "value"), json_object_get(q->tol, "value"));
  const json_t *want = json_object_get(q->expect, "grad"), *tol = json_object_get(q->tol, "grad");
  compare(t, "grad x", dx == 0 ? 0 : dx / s, json_object_get(want, "x"), json_object_get(tol, "x"));
  compare_grads(t, &q->g, dw, want, tol);
}

static void check_cdf(tally *t, const query *q, int upper)
{
  double y = has_form(q->f, q->x) ? into_form(q->f, q->x) : q->x < 0 ? -INFINITY : INFINITY;
  compare(t, upper ? "sf" : "cdf", q->f->cdf(&test_call, y, q->g.w, upper, NULL),
          json_object_get(q->expect, "value"), json_object_get(q->tol, "value"));
}
static void check_lower(tally *t, const query *q)
{
  check_cdf(t, q, 0);
}
static void check_upper(tally *t, const query *q)
{
  check_cdf(t, q, 1);
}

/* The table says icdf(0.1) = 1 at logits 1e-300, where F(x) = x + O(1e-300): 1e-300 was lost in
   its 1 + u expm1(logits). */
static bool is_wrong_row(const query *q, double u)
{
  return !strcmp(q->f->name, "continuous_bernoulli") && q->g.w[0] == 1e-300 && u == 0.1;
}
static void check_icdf(tally *t, const query *q)
{
  double u = number(json_object_get(q->row, "u"));
  if (is_wrong_row(q, u)) return;
  compare(t, "icdf", out_of_form(q->f, q->f->icdf(&test_call, u, q->g.w, NULL)),
          json_object_get(q->expect, "value"), json_object_get(q->tol, "value"));
}

/* By every reparametrizer that applies: they agree at the same value. */
static void check_pathwise(tally *t, const query *q)
{
  static const char *const roads[] = { "location_scale", "inverse_cdf", "implicit", "composition",
                                       "relaxation" };
  int applied = 0;
  for (int i = 0; i < 5; i++) {
    const elbo_reparam *r = open_reparam(roads[i]);
    ck_assert_ptr_nonnull(r);
    if (r->missing(q->f)) continue;
    double y = into_form(q->f, q->x), dx = slope_of_form(q->f, q->x), dw[4];
    if (r->backward(q->f, &test_call, &y, q->g.w, &dx, dw) != ELBO_OK) continue;
    applied++;
    compare_grads(t, &q->g, dw, json_object_get(q->expect, "grad"),
                  json_object_get(q->tol, "grad"));
  }
  if (!applied) t->failed++;
}

static void check_moment(tally *t, const query *q, int which)
{
  double out = NAN;
  elbo_rc rc = q->f->moment(&test_call, which, q->g.w, &out);
  if (rc == ELBO_UNSUPPORTED && json_object_get(q->row, "method_any")) return; /* by quadrature */
  ck_assert_int_eq(rc, ELBO_OK);
  compare(t, "moment", out, json_object_get(q->expect, "value"), json_object_get(q->tol, "value"));
}
static void check_entropy(tally *t, const query *q)
{
  check_moment(t, q, ELBO_ENTROPY);
}
static void check_mean(tally *t, const query *q)
{
  check_moment(t, q, ELBO_MEAN);
}
static void check_variance(tally *t, const query *q)
{
  check_moment(t, q, ELBO_VARIANCE);
}
static void check_mode(tally *t, const query *q)
{
  check_moment(t, q, ELBO_MODE);
}

static const elbo_kl *find_kl(const elbo_family *holder, const char *q, const char *p)
{
  for (uint32_t i = 0; holder && i < holder->n_kls; i++)
    if (!strcmp(holder->kls[i].q, q) && !strcmp(holder->kls[i].p, p)) return &holder->kls[i];
  return NULL;
}

/* The derivatives, which the tables lack, against central differences. */
static void check_kl_grads(tally *t, const elbo_kl *k, const double *w, const double *w2,
                           double value)
{
  double at[8], dw[4] = { 0 }, dw2[4] = { 0 };
  k->kl(&test_call, w, w2, dw, dw2);
  for (int i = 0; i < 4; i++) {
    double h = 1e-4, side[2];
    bool first = i < 2;
    for (int s = 0; s < 2; s++) {
      memcpy(at, w, 2 * sizeof *w);
      memcpy(at + 4, w2, 2 * sizeof *w);
      at[first ? i : 2 + i] += s ? h : -h;
      side[s] = k->kl(&test_call, at, at + 4, NULL, NULL);
    }
    double got = first ? dw[i] : dw2[i - 2], want = (side[1] - side[0]) / (2 * h);
    t->checked++;
    if (fabs(got - want) <= 1e-5 * (fabs(want) + fabs(value) + 1e-2) || !isfinite(want)) continue;
    t->failed++;
    fprintf(stderr, "%s %d kl gradient %d: got %.9g, by differences %.9g\n", t->family, t->id, i,
            got, want);
  }
}

static void check_kl(tally *t, const query *q)
{
  const json_t *other = json_object_get(q->row, "other");
  const char *name = json_string_value(json_object_get(other, "family"));
  bool ours = false;
  for (int i = 0; i < FAMILIES; i++) ours = ours || !strcmp(name, names[i]);
  const elbo_family *p = ours ? open_family(name) : NULL;
  const elbo_kl *k = find_kl(q->f, q->f->name, name);
  if (!k) k = find_kl(p, q->f->name, name);
  if (!k || !p) return;
  given g = { { 0 }, { 0 }, { 0 } };
  read_params(p, json_object_get(other, "params"), &g);
  double value = k->kl(&test_call, q->g.w, g.w, NULL, NULL);
  compare(t, "kl", value, json_object_get(q->expect, "value"), json_object_get(q->tol, "value"));
  if (q->f->params[0].constraint == ELBO_INTEGER) return; /* a constant: it has no derivative */
  if (isfinite(value) && isfinite(q->g.w[0]) && fabs(q->g.w[0]) < 30 && fabs(g.w[0]) < 30)
    check_kl_grads(t, k, q->g.w, g.w, value);
}

static const struct {
  const char *op;
  void (*check)(tally *, const query *);
} ops[] = {
  { "log_prob", check_log_prob }, { "cdf", check_lower },
  { "sf", check_upper },          { "icdf", check_icdf },
  { "pathwise", check_pathwise }, { "entropy", check_entropy },
  { "mean", check_mean },         { "variance", check_variance },
  { "mode", check_mode },         { "kl", check_kl },
};

static void check_row(tally *t, const elbo_family *f, const json_t *row)
{
  query q = {
    .f = f, .row = row, .expect = json_object_get(row, "expect"), .tol = json_object_get(row, "tol")
  };
  t->id = (int)json_integer_value(json_object_get(row, "id"));
  if (json_object_get(q.expect, "error")) return;
  q.x = number(json_object_get(row, "x"));
  read_params(f, json_object_get(row, "params"), &q.g);
  const char *op = json_string_value(json_object_get(row, "op"));
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
    if (!strcmp(op, ops[i].op)) ops[i].check(t, &q);
}

START_TEST(golden_rows)
{
  const elbo_family *f = open_family(names[_i]);
  ck_assert_ptr_nonnull(f);
  char path[1024], line[8192];
  snprintf(path, sizeof path, "%s/%s.jsonl", golden_dir, f->name);
  FILE *in = fopen(path, "r");
  ck_assert_msg(in != NULL, "%s: cannot be opened", path);
  tally t = { .family = f->name };
  while (fgets(line, sizeof line, in)) {
    json_t *row = json_loads(line, 0, NULL);
    ck_assert_msg(row != NULL, "%s: not JSON: %s", path, line);
    check_row(&t, f, row);
    json_decref(row);
  }
  fclose(in);
  printf("%s: %d numbers, worst %.3g of its tolerance\n", f->name, t.checked, t.worst);
  ck_assert_int_gt(t.checked, 200);
  ck_assert_int_eq(t.failed, 0);
}
END_TEST

/* Of near equals of one rate the slope by log b is b (psi(b) - psi(a)) = b t (1 + 1/(2a)), t =
   log(b / a), to terms in t^2 and 1/a^2. */
START_TEST(gamma_slope_of_near_equals)
{
  const elbo_kl *k = find_kl(open_family("gamma"), "gamma", "gamma");
  double a = exp(18.5), w[2] = { 18.5, 0.7 }, w2[2] = { 18.5 + 0x1p-40, 0.7 }, dw2[2];
  double t = w2[0] - w[0], want = exp(w2[0]) * t * (1 + 0.5 / a);
  k->kl(&test_call, w, w2, NULL, dw2);
  ck_assert_double_eq_tol(dw2[0], want, 1e-11 * want);
}
END_TEST

int main(void)
{
  num_start();
  Suite *s = suite_create("golden");
  TCase *c = tcase_create("rows");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, golden_rows, 0, FAMILIES);
  tcase_add_test(c, gamma_slope_of_near_equals);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
