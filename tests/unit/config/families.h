/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A registry for tests of reading: the parameter tables of families without their functions,
 * so that no plugin file is needed. It stands in for core/plugin's: all functions of
 * registry.h are here, and the linker then leaves the real one in its archive. */
#include "dist/family.h"
#include "plugin/registry.h"

#include <string.h>

static const elbo_param loc_scale[] = { { "loc", ELBO_REAL, 0, 0, "" },
                                        { "scale", ELBO_POSITIVE, ELBO_VARIANCE_FORMS, 1, "" } };
static const elbo_param loc_scale_plain[] = { { "loc", ELBO_REAL, 0, 0, "" },
                                              { "scale", ELBO_POSITIVE, 0, 1, "" } };
static const elbo_param gamma_params[] = { { "concentration", ELBO_POSITIVE, 0, 1, "" },
                                           { "rate", ELBO_POSITIVE, 0, 1, "" } };
static const elbo_param beta_params[] = { { "concentration1", ELBO_POSITIVE, 0, 1, "" },
                                          { "concentration0", ELBO_POSITIVE, 0, 1, "" } };
static const elbo_param probs[] = { { "probs", ELBO_UNIT, 0, 0.5, "" } };
static const elbo_param rate[] = { { "rate", ELBO_POSITIVE, 0, 1, "" } };
static const elbo_param class_probs[] = { { "probs", ELBO_SIMPLEX, 0, 0, "" } };
static const elbo_param student[] = { { "df", ELBO_POSITIVE, 0, 1, "" },
                                      { "loc", ELBO_REAL, 0, 0, "" },
                                      { "scale", ELBO_POSITIVE, 0, 1, "" } };
static const elbo_param relaxed[] = { { "temperature", ELBO_POSITIVE, ELBO_CONSTANT, 1, "" },
                                      { "probs", ELBO_UNIT, 0, 0.5, "" } };
static const elbo_param erlang[] = { { "shape", ELBO_INTEGER, ELBO_CONSTANT, 1, "" },
                                     { "rate", ELBO_POSITIVE, 0, 1, "" } };
static const elbo_param mvn[] = { { "loc", ELBO_REAL, ELBO_PER_CORNER, 0, "" },
                                  { "scale_tril", ELBO_CHOLESKY, 0, 1, "" } };
static const elbo_param uniform[] = { { "low", ELBO_REAL, ELBO_MOVES_SUPPORT, 0, "" },
                                      { "width", ELBO_POSITIVE, ELBO_MOVES_SUPPORT, 1, "" } };

static elbo_rc low_high(const double *given, int K, double *w, double *jac)
{
  (void)K, (void)jac;
  w[0] = given[0];
  w[1] = given[1] - given[0];
  return given[1] > given[0] ? ELBO_OK : ELBO_DOMAIN;
}
static const char *const low_high_names[] = { "low", "high", NULL };
static const elbo_form_set uniform_sets[] = { { low_high_names, low_high } };

/* No test of reading asks for a density; a family without one would be refused. */
static double no_density(const elbo_call *c, const double *x, const double *w, double *dx,
                         double *dw)
{
  (void)c, (void)x, (void)w, (void)dx, (void)dw;
  return 0;
}

#define FAMILY(NAME, PARAMS, KIND)                                                                 \
  static const elbo_family family_##NAME = { ELBO_FAMILY_SIZES,                                    \
                                             .name = #NAME,                                        \
                                             .params = PARAMS,                                     \
                                             .n_params = sizeof PARAMS / sizeof *PARAMS,           \
                                             .support = { .kind = KIND },                          \
                                             .log_prob = no_density }
FAMILY(normal, loc_scale, ELBO_SUP_REAL);
FAMILY(laplace, loc_scale_plain, ELBO_SUP_REAL);
FAMILY(gumbel, loc_scale_plain, ELBO_SUP_REAL);
FAMILY(logistic, loc_scale_plain, ELBO_SUP_REAL);
FAMILY(log_normal, loc_scale_plain, ELBO_SUP_POSITIVE);
FAMILY(gamma, gamma_params, ELBO_SUP_POSITIVE);
FAMILY(beta, beta_params, ELBO_SUP_UNIT);
FAMILY(bernoulli, probs, ELBO_SUP_BINARY);
FAMILY(continuous_bernoulli, probs, ELBO_SUP_UNIT);
FAMILY(poisson, rate, ELBO_SUP_COUNT);
FAMILY(categorical, class_probs, ELBO_SUP_CLASS);
FAMILY(student_t, student, ELBO_SUP_REAL);
FAMILY(relaxed_bernoulli, relaxed, ELBO_SUP_UNIT);
FAMILY(erlang, erlang, ELBO_SUP_POSITIVE);
static const elbo_family family_multivariate_normal = {
  ELBO_FAMILY_SIZES, .name = "multivariate_normal", .params = mvn, .n_params = 2,
  .event_rank = 1,   .log_prob = no_density
};
static const elbo_family family_uniform = { ELBO_FAMILY_SIZES,
                                            .name = "uniform",
                                            .params = uniform,
                                            .n_params = 2,
                                            .form_sets = uniform_sets,
                                            .n_form_sets = 1,
                                            .support = { .kind = ELBO_SUP_INTERVAL },
                                            .log_prob = no_density };
static const elbo_reparam reparam_location_scale = { sizeof(elbo_reparam),
                                                     .name = "location_scale" };
static const elbo_reparam reparam_inverse_cdf = { sizeof(elbo_reparam), .name = "inverse_cdf" };

struct registry {
  int unused;
};
#define ROW(KIND, NAME)                                                                            \
  {                                                                                                \
    .info = {.name = #NAME, .summary = "", .kind = #KIND, .path = "", .table = &KIND##_##NAME }    \
  }
static const plugin plugins[] = { ROW(family, normal),
                                  ROW(family, laplace),
                                  ROW(family, gumbel),
                                  ROW(family, logistic),
                                  ROW(family, log_normal),
                                  ROW(family, gamma),
                                  ROW(family, beta),
                                  ROW(family, bernoulli),
                                  ROW(family, continuous_bernoulli),
                                  ROW(family, poisson),
                                  ROW(family, categorical),
                                  ROW(family, student_t),
                                  ROW(family, relaxed_bernoulli),
                                  ROW(family, erlang),
                                  ROW(family, multivariate_normal),
                                  ROW(family, uniform),
                                  ROW(reparam, location_scale),
                                  ROW(reparam, inverse_cdf) };
enum { N_PLUGINS = sizeof plugins / sizeof *plugins };

registry *registry_new(const elbo_context_options *options, error *e)
{
  (void)options, (void)e;
  return NULL;
}
void registry_free(registry *r)
{
  (void)r;
}
size_t registry_count(const registry *r)
{
  return (void)r, (size_t)N_PLUGINS;
}
const plugin *registry_at(const registry *r, size_t i)
{
  return (void)r, &plugins[i];
}
const plugin *registry_find(const registry *r, uint32_t kind, const char *name, error *e)
{
  const char *wanted = kind == ELBO_KIND_FAMILY ? "family" : "reparam";
  (void)r;
  for (int i = 0; i < N_PLUGINS; i++)
    if (!strcmp(plugins[i].info.kind, wanted) && !strcmp(plugins[i].info.name, name))
      return &plugins[i];
  if (e) fail(e, ELBO_E_USAGE, "unknown %s \"%s\"", wanted, name);
  return NULL;
}
const elbo_host *registry_host(const registry *r)
{
  static const elbo_host host = { .size = sizeof host };
  return (void)r, &host;
}
struct guards *registry_guards(const registry *r)
{
  return (void)r, NULL;
}
int registry_level(const registry *r)
{
  return (void)r, 0;
}
size_t registry_refused_count(const registry *r)
{
  return (void)r, (size_t)0;
}
const elbo_plugin_refusal *registry_refused_at(const registry *r, size_t i)
{
  (void)r, (void)i;
  return NULL;
}
size_t registry_folder_count(const registry *r)
{
  return (void)r, (size_t)0;
}
const char *registry_folder_at(const registry *r, size_t i)
{
  (void)r, (void)i;
  return NULL;
}
static const struct registry known;
