/* SPDX-License-Identifier: MIT-0
 *
 * The declarations of elbo/plugin.h in ABI 1.0, and nothing of its words. Never to be changed: what
 * was built against it must load for as long as the major version is 1 (conformance.py). */
#ifndef ELBO_PLUGIN_H
#define ELBO_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#define ELBO_ABI_MAJOR 1
#define ELBO_ABI_MINOR 0
#define ELBO_MAGIC "elbo/plugin\n"
typedef enum {
  ELBO_OK = 0,
  ELBO_UNSUPPORTED = -1,
  ELBO_UNDEFINED = -2,
  ELBO_DOMAIN = -3,
  ELBO_FAILED = -4
} elbo_rc;
typedef enum {
  ELBO_REAL,
  ELBO_POSITIVE,
  ELBO_UNIT,
  ELBO_SIMPLEX,
  ELBO_CHOLESKY,
  ELBO_INTEGER
} elbo_constraint;
enum { ELBO_PER_CORNER = 1, ELBO_CONSTANT = 2, ELBO_MOVES_SUPPORT = 4, ELBO_VARIANCE_FORMS = 8 };
typedef struct {
  const char *name;
  uint32_t constraint;
  uint32_t flags;
  double standard;
  const char *help;
} elbo_param;
typedef struct elbo_call elbo_call;
typedef struct {
  const char *const *names;
  elbo_rc (*to_working)(const double *given, int K, double *w, double *jac);
  double (*log_prob)(const elbo_call *, double x, const double *given, double *dx, double *dgiven);
  double (*cdf)(const elbo_call *, double x, const double *given, int upper, double *dgiven);
} elbo_form_set;
typedef enum { ELBO_X_PLAIN, ELBO_X_LOG, ELBO_X_LOGIT, ELBO_X_LOG_SIMPLEX } elbo_value_form;
typedef enum { ELBO_SEEN_RAW, ELBO_SEEN_ONE_HOT, ELBO_SEEN_CIRCLE } elbo_seen;
typedef enum {
  ELBO_SUP_REAL,
  ELBO_SUP_POSITIVE,
  ELBO_SUP_UNIT,
  ELBO_SUP_INTERVAL,
  ELBO_SUP_SIMPLEX,
  ELBO_SUP_CIRCLE,
  ELBO_SUP_BINARY,
  ELBO_SUP_CLASS,
  ELBO_SUP_COUNT,
  ELBO_SUP_GRID
} elbo_support_kind;
typedef struct {
  uint32_t kind;
  uint32_t closed_low, closed_high;
  elbo_rc (*range)(const double *w, int K, double *low, double *high);
} elbo_support;
typedef struct elbo_noise elbo_noise;
typedef struct elbo_noise_row elbo_noise_row;
typedef struct elbo_family elbo_family;
typedef enum {
  ELBO_LGAMMA = 1,
  ELBO_DIGAMMA,
  ELBO_TRIGAMMA,
  ELBO_STIRLING,
  ELBO_STIRLING_DA,
  ELBO_BD0,
  ELBO_ERFC,
  ELBO_ERFCX,
  ELBO_LOG_NDTR,
  ELBO_NDTRI,
  ELBO_GAMMA_P,
  ELBO_GAMMA_Q,
  ELBO_GAMMA_PULL,
  ELBO_LGAMMA_BREGMAN,
  ELBO_GAMMA_INV,
  ELBO_GAMMA_INV_Q,
  ELBO_DIGAMMA_GAP,
  ELBO_DIGAMMA_REST,
  ELBO_LBETA,
  ELBO_STUDENT_PULL,
  ELBO_LOG_I0E,
  ELBO_BESSEL_GAP,
  ELBO_LOG_I0_BREGMAN,
  ELBO_SPECIAL_END
} elbo_special;
typedef enum {
  ELBO_BETA_P = 1,
  ELBO_BETA_Q,
  ELBO_BETA_INV,
  ELBO_BETA_LOG,
  ELBO_BETA_SLOPE,
  ELBO_BETA_PULL,
  ELBO_VON_MISES_P,
  ELBO_VON_MISES_DA,
  ELBO_SPECIAL3_END
} elbo_special3;
typedef struct elbo_host {
  size_t size;
  void (*log)(const struct elbo_host *, int level, const char *text);
  double (*uniform)(elbo_noise *);
  double (*normal)(elbo_noise *);
  double (*exponential)(elbo_noise *);
  void (*uniform_f32)(const elbo_noise_row *, size_t d, float *out);
  void (*normal_f32)(const elbo_noise_row *, size_t d, float *out);
  double (*special)(uint32_t id, double a, double b);
  const elbo_family *(*family)(const struct elbo_host *, const char *name);
  double (*special3)(uint32_t id, double a, double b, double c);
} elbo_host;
struct elbo_call {
  size_t size;
  const elbo_host *host;
  int K;
  const elbo_family *const *uses;
};
typedef struct {
  const float *at;
  size_t stride;
} elbo_rows;
enum { ELBO_LEVELS = 3 };
typedef elbo_rc elbo_log_prob_f32(const elbo_call *, size_t n, size_t d, elbo_rows x,
                                  const elbo_rows *w, float *value, float *dx, float *const *dw);
typedef elbo_rc elbo_kl_f32(const elbo_call *, size_t n, size_t d, const elbo_rows *w,
                            const elbo_rows *w2, float *value, float *const *dw, float *const *dw2);
typedef struct {
  const char *q, *p;
  double (*kl)(const elbo_call *, const double *w, const double *w2, double *dw, double *dw2);
  elbo_kl_f32 *kl_f32[ELBO_LEVELS];
} elbo_kl;
typedef enum { ELBO_ENTROPY, ELBO_MEAN, ELBO_VARIANCE, ELBO_MODE } elbo_moment;
struct elbo_family {
  size_t size, param_size, form_set_size, kl_size;
  const char *name, *summary;
  const elbo_param *params;
  uint32_t n_params;
  uint32_t event_rank;
  const elbo_form_set *form_sets;
  uint32_t n_form_sets;
  uint32_t value_form;
  elbo_support support;
  uint32_t seen;
  double (*log_prob)(const elbo_call *, const double *x, const double *w, double *dx, double *dw);
  const char *reparam;
  uint32_t noise_per_event;
  const char *const *uses;
  double (*standard)(const elbo_call *, elbo_noise *);
  double (*icdf)(const elbo_call *, double u, const double *w, double *dw);
  elbo_rc (*draw)(const elbo_call *, elbo_noise *, const double *w, double *x);
  elbo_rc (*pull)(const elbo_call *, const double *x, const double *w, const double *dx,
                  double *dw);
  double (*cdf)(const elbo_call *, double x, const double *w, int upper, double *dw);
  elbo_rc (*moment)(const elbo_call *, int which, const double *w, double *out);
  const elbo_kl *kls;
  uint32_t n_kls;
  double (*support_point)(const elbo_call *, uint64_t i, const double *w);
  elbo_log_prob_f32 *log_prob_f32[ELBO_LEVELS];
  elbo_rc (*standard_f32[ELBO_LEVELS])(const elbo_call *, const elbo_noise_row *, size_t d,
                                       float *out);
  const void *(*extension)(const char *id);
};
typedef struct {
  size_t size;
  const char *name, *summary;
  const char *(*missing)(const elbo_family *);
  elbo_rc (*forward)(const elbo_family *, const elbo_call *, elbo_noise *, const double *w,
                     double *x);
  elbo_rc (*backward)(const elbo_family *, const elbo_call *, const double *x, const double *w,
                      const double *dx, double *dw);
  elbo_rc (*forward_f32[ELBO_LEVELS])(const elbo_family *, const elbo_call *,
                                      const elbo_noise_row *, size_t d, const float *const *w,
                                      float *x);
  elbo_rc (*backward_f32[ELBO_LEVELS])(const elbo_family *, const elbo_call *, size_t d,
                                       const float *x, const float *const *w, const float *dx,
                                       float *const *dw);
} elbo_reparam;
typedef struct {
  size_t size;
  const char *name, *summary;
  void (*sgemm)(int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                const float *b, int ldb, float beta, float *c, int ldc);
  void (*describe)(char *text, size_t n);
  void (*advice)(char *text, size_t n);
  elbo_rc (*start)(const elbo_host *);
} elbo_backend;
#define ELBO_RELAXATION "elbo.relaxation/1"
typedef struct {
  size_t size;
  const char *twin;
  elbo_rc (*harden)(const elbo_call *, const double *y, double *x);
  elbo_rc (*draw_given)(const elbo_call *, elbo_noise *, const double *x, const double *w,
                        double *y);
  elbo_rc (*pull_given)(const elbo_call *, const double *y, const double *w, const double *dy,
                        double *dw);
} elbo_relaxation;
enum { ELBO_KIND_FAMILY = 1, ELBO_KIND_REPARAM, ELBO_KIND_BACKEND, ELBO_KIND_ESTIMATOR };
typedef struct {
  char magic[16];
  uint32_t abi_major, abi_minor, size, kind;
  char build[32];
  const void *table;
} elbo_plugin;
#if defined(__GNUC__)
#define ELBO_EXPORT __attribute__((visibility("default")))
#else
#define ELBO_EXPORT
#endif
#define ELBO_PLUGIN(KIND, TABLE)                                                                   \
  ELBO_EXPORT extern const elbo_plugin elbo_plugin_entry;                                          \
  const elbo_plugin elbo_plugin_entry = { ELBO_MAGIC,     ELBO_ABI_MAJOR,                          \
                                          ELBO_ABI_MINOR, sizeof(elbo_plugin),                     \
                                          KIND,           "C " __VERSION__,                        \
                                          &(TABLE) }
#define ELBO_FAMILY_SIZES                                                                          \
  .size = sizeof(elbo_family), .param_size = sizeof(elbo_param),                                   \
  .form_set_size = sizeof(elbo_form_set), .kl_size = sizeof(elbo_kl)
#endif
