/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A registry for the tests of core/dist: the built plugins, and made-up families whose
 * values are easy to say. It stands in for core/plugin's: all functions of registry.h are here,
 * and the linker then leaves the real one in its archive. */
#include "../plugins/plugins.h"
#include "dist/family.h"

#include <check.h>
#undef fail /* of check; here it is that of base/error.h */

#include <math.h>

const char plugin_dir[] = PLUGIN_DIR;

/* walk: a vector of K numbers, x_k - loc_k weighed by a Cholesky factor's diagonal. log f = -sum_k
 * (x_k - loc_k)^2 + the working numbers' sum. */
static const elbo_param walk_params[] = { { "loc", ELBO_REAL, ELBO_PER_CORNER, 0.5, "" },
                                          { "scale_tril", ELBO_CHOLESKY, 0, 2, "" } };
static double walk_log_prob(const elbo_call *c, const double *x, const double *w, double *dx,
                            double *dw)
{
  double sum = 0;
  int T = c->K * (c->K + 1) / 2;
  for (int k = 0; k < c->K; k++) {
    double r = x[k] - w[k];
    sum -= r * r;
    if (dx) dx[k] = -2 * r;
    if (dw) dw[k] = 2 * r;
  }
  for (int t = 0; t < T; t++) {
    sum += (t + 1) * w[c->K + t];
    if (dw) dw[c->K + t] = t + 1;
  }
  return sum;
}
/* x_k = loc_k + the k-th uniform of the event */
static elbo_rc walk_draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  for (int k = 0; k < c->K; k++) x[k] = w[k] + c->host->uniform(e);
  return ELBO_OK;
}
static elbo_rc walk_pull(const elbo_call *c, const double *x, const double *w, const double *dx,
                         double *dw)
{
  (void)x, (void)w;
  for (int k = 0; k < c->K; k++) dw[k] = dx[k];
  for (int t = 0; t < c->K * (c->K + 1) / 2; t++) dw[c->K + t] = 10 * dx[0];
  return ELBO_OK;
}
static elbo_rc walk_moment(const elbo_call *c, int which, const double *w, double *out)
{
  if (which != ELBO_MEAN) return ELBO_UNDEFINED;
  for (int k = 0; k < c->K; k++) out[k] = w[k] + 0.5;
  return ELBO_OK;
}
static double walk_kl(const elbo_call *c, const double *w, const double *w2, double *dw,
                      double *dw2)
{
  int W = c->K + c->K * (c->K + 1) / 2;
  double sum = 0;
  for (int i = 0; i < W; i++) {
    sum += (w[i] - w2[i]) * (i + 1);
    if (dw) dw[i] = i + 1;
    if (dw2) dw2[i] = -(i + 1);
  }
  return sum;
}
static const elbo_kl walk_kls[] = { { "walk", "walk", walk_kl, { NULL } } };
static const elbo_family walk = { ELBO_FAMILY_SIZES,
                                  .name = "walk",
                                  .summary = "",
                                  .params = walk_params,
                                  .n_params = 2,
                                  .event_rank = 1,
                                  .log_prob = walk_log_prob,
                                  .reparam = "composition",
                                  .draw = walk_draw,
                                  .pull = walk_pull,
                                  .moment = walk_moment,
                                  .kls = walk_kls,
                                  .n_kls = 1 };

static double no_density(const elbo_call *c, const double *x, const double *w, double *dx,
                         double *dw)
{
  (void)c, (void)x, (void)w, (void)dx, (void)dw;
  return 0;
}

/* mix: a point of a simplex, whose parameters are of every other sort. */
static const elbo_param mix_params[] = { { "logits", ELBO_SIMPLEX, 0, 0.2, "" },
                                         { "rate", ELBO_POSITIVE, ELBO_PER_CORNER, 2, "" },
                                         { "fraction", ELBO_UNIT, 0, 0.25, "" },
                                         { "levels", ELBO_INTEGER, ELBO_CONSTANT, 3, "" } };
static const elbo_family mix = { ELBO_FAMILY_SIZES,
                                 .name = "mix",
                                 .params = mix_params,
                                 .n_params = 4,
                                 .event_rank = 1,
                                 .value_form = ELBO_X_LOG_SIMPLEX,
                                 .support = { ELBO_SUP_SIMPLEX, 0, 0, NULL },
                                 .log_prob = no_density };

/* span: uniform on an interval, with a set of names. */
static const elbo_param span_params[] = { { "low", ELBO_REAL, ELBO_MOVES_SUPPORT, 0, "" },
                                          { "width", ELBO_POSITIVE, ELBO_MOVES_SUPPORT, 1, "" } };
static elbo_rc span_set(const double *given, int K, double *w, double *jac)
{
  (void)K, (void)jac;
  w[0] = given[0];
  w[1] = log(given[1] - given[0]);
  return given[1] > given[0] ? ELBO_OK : ELBO_DOMAIN;
}
static const char *const span_names[] = { "low", "high", NULL };
static const elbo_form_set span_sets[] = { { span_names, span_set } };
static elbo_rc span_range(const double *w, int K, double *low, double *high)
{
  (void)K;
  *low = w[0];
  *high = w[0] + exp(w[1]);
  return ELBO_OK;
}
static const elbo_family span = { ELBO_FAMILY_SIZES,
                                  .name = "span",
                                  .params = span_params,
                                  .n_params = 2,
                                  .form_sets = span_sets,
                                  .n_form_sets = 1,
                                  .support = { ELBO_SUP_INTERVAL, 1, 1, span_range },
                                  .log_prob = no_density };

/* Families of one support each. */
static const elbo_param levels_param[] = { { "levels", ELBO_INTEGER, ELBO_CONSTANT, 5, "" } };
#define OF_SUPPORT(NAME, ...)                                                                      \
  static const elbo_family NAME = { ELBO_FAMILY_SIZES, .name = #NAME, .log_prob = no_density,      \
                                    .support = __VA_ARGS__ };
OF_SUPPORT(count, { ELBO_SUP_COUNT, 1, 0, NULL })
OF_SUPPORT(classes, { ELBO_SUP_CLASS, 1, 1, NULL })
OF_SUPPORT(circle, { ELBO_SUP_CIRCLE, 1, 1, NULL })
OF_SUPPORT(half, { ELBO_SUP_POSITIVE, 1, 0, NULL })
static const elbo_family grid = {
  ELBO_FAMILY_SIZES, .name = "grid",         .params = levels_param,
  .n_params = 1,     .log_prob = no_density, .support = { ELBO_SUP_GRID, 1, 1, NULL }
};

struct registry {
  plugin list[32];
  int n;
};

static void put(registry *r, const char *kind, const char *name, const void *table)
{
  if (table)
    r->list[r->n++] = (plugin){
      .info = { .name = name, .summary = "", .kind = kind, .path = "", .table = table }
    };
}

static registry loaded;
static void load(void)
{
  static const char *const families[] = { "normal", "laplace",     "gumbel",
                                          "gamma",  "bernoulli",   "continuous_bernoulli",
                                          "beta",   "half_cauchy", "triangular" };
  static const char *const roads[] = { "location_scale", "inverse_cdf", "composition", "implicit" };
  static const elbo_family *const made_up[] = { &walk,    &mix,    &span, &count,
                                                &classes, &circle, &half, &grid };
  loaded.n = 0;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    put(&loaded, "family", families[i], open_family(families[i]));
  for (size_t i = 0; i < sizeof roads / sizeof *roads; i++)
    put(&loaded, "reparam", roads[i], open_reparam(roads[i]));
  for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++)
    put(&loaded, "family", made_up[i]->name, made_up[i]);
}

registry *registry_new(const elbo_context_options *options, error *e)
{
  (void)options, (void)e;
  return &loaded;
}
void registry_free(registry *r)
{
  (void)r;
}
size_t registry_count(const registry *r)
{
  return (size_t)r->n;
}
const plugin *registry_at(const registry *r, size_t i)
{
  return &r->list[i];
}
const plugin *registry_find(const registry *r, uint32_t kind, const char *name, error *e)
{
  const char *wanted = kind == ELBO_KIND_FAMILY ? "family" : "reparam";
  for (int i = 0; i < r->n; i++)
    if (!strcmp(r->list[i].info.kind, wanted) && !strcmp(r->list[i].info.name, name))
      return &r->list[i];
  fail(e, ELBO_E_USAGE, "unknown %s \"%s\"", wanted, name);
  return NULL;
}
const elbo_host *registry_host(const registry *r)
{
  return (void)r, &test_host;
}
struct guards *registry_guards(const registry *r)
{
  return (void)r, NULL;
}
int registry_level(const registry *r)
{
  return (void)r, cpu_level();
}
size_t registry_refused_count(const registry *r)
{
  return (void)r, (size_t)0;
}
const elbo_plugin_refusal *registry_refused_at(const registry *r, size_t i)
{
  return (void)r, (void)i, NULL;
}
size_t registry_folder_count(const registry *r)
{
  return (void)r, (size_t)0;
}
const char *registry_folder_at(const registry *r, size_t i)
{
  return (void)r, (void)i, NULL;
}

static family_use bound(const char *name, int K)
{
  family_use u;
  error e = { 0 };
  ck_assert_msg(family_bind(&loaded, name, K, &u, &e) == ELBO_DONE, "%s", e.text);
  return u;
}
