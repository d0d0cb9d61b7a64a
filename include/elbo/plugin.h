/* SPDX-License-Identifier: MIT-0
 *
 * elbo/plugin.h - the only header a plugin author needs. It includes nothing of elbo, and a plugin
 * links with nothing of elbo.
 *
 * Letters: E numbers in one event; K the family's own dimension (classes, corners; else 1); W
 * working parameters of one event, flat, in the order of the parameter table; n rows, d events in a
 * row. A value crosses this border in the family's *value form*; a density is always that of x
 * itself.
 *
 * Tags. [build] one thread, may fail with text. [exec] any thread, pure, no allocation, buffers
 * distinct, nothing kept. An argument is never NULL unless its comment says so.
 *
 * Growth: every struct starts with its size, or its array's owner tells it, and grows at its end;
 * what is absent (NULL, 0) is 'not provided'. A host takes plugins of its own major version and of
 * its own or an older minor one, so that no plugin meets a host that lacks what this header has. */
#ifndef ELBO_PLUGIN_H
#define ELBO_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define ELBO_ABI_MAJOR 1
#define ELBO_ABI_MINOR 1 /* 1: mean_in_c, and ids of elbo_special from ELBO_CB_NORM on */
#define ELBO_MAGIC "elbo/plugin\n" /* 12 characters and the NUL */

/* What a plugin function answers. */
typedef enum {
  ELBO_OK = 0,
  ELBO_UNSUPPORTED = -1,
  ELBO_UNDEFINED = -2,
  ELBO_DOMAIN = -3,
  ELBO_FAILED = -4
} elbo_rc;

/* ---- parameters. The working form is unconstrained; the host converts what is given and applies
 * the chain rule. */
typedef enum {
  ELBO_REAL,     /* NAME                                                        1 number  */
  ELBO_POSITIVE, /* log_NAME | NAME                                             1         */
  ELBO_UNIT,     /* logits | probs                                              1         */
  ELBO_SIMPLEX,  /* logits | probs, shift-invariant                             K         */
  ELBO_CHOLESKY, /* NAME_unconstrained | NAME: lower triangle by rows, diagonal in log  K(K+1)/2 */
  ELBO_INTEGER   /* NAME, a constant of the model, >= 1, no gradient            1         */
} elbo_constraint;
enum {
  ELBO_PER_CORNER = 1, /* K numbers of this constraint instead of one */
  /* never learned, never a head (bounds of truncated_normal, temperature) */
  ELBO_CONSTANT = 2,
  ELBO_MOVES_SUPPORT =
      4, /* E[d log q/dp] != 0: score functions, STL and DReG refuse it when learned */
  ELBO_VARIANCE_FORMS =
      8 /* a scale s that may also be given as log_var, var: s = exp(log_var / 2) */
};
typedef struct {
  const char *name;    /* the constrained name: "scale", not "log_scale" */
  uint32_t constraint; /* elbo_constraint */
  uint32_t flags;
  double standard; /* taken, in the constrained form, by a variable that gives none */
  const char *help;
} elbo_param;

typedef struct elbo_call elbo_call;
/* Another complete set of names for the same family, for parameters that constrain each other
 * (uniform: low, high). names: NULL-ended. to_working: given [W] -> w [W], or ELBO_DOMAIN; jac:
 * dw/dgiven [W][W] row-major, or NULL. [exec] Optional, both or none, for queries where the way
 * through w loses digits: log_prob and cdf as the family's, of x itself in one dimension, by the
 * given numbers and with the slopes by them. [exec] */
typedef struct {
  const char *const *names;
  elbo_rc (*to_working)(const double *given, int K, double *w, double *jac);
  double (*log_prob)(const elbo_call *, double x, const double *given, double *dx, double *dgiven);
  double (*cdf)(const elbo_call *, double x, const double *given, int upper, double *dgiven);
} elbo_form_set;

/* ---- values. PLAIN x; LOG y = log x; LOGIT y = logit x; LOG_SIMPLEX y_k = log x_k: what
 * underflows as x survives as y. */
typedef enum { ELBO_X_PLAIN, ELBO_X_LOG, ELBO_X_LOGIT, ELBO_X_LOG_SIMPLEX } elbo_value_form;
/* What a network sees of a value: itself (plain form), one-hot of K, or (cos, sin). */
typedef enum { ELBO_SEEN_RAW, ELBO_SEEN_ONE_HOT, ELBO_SEEN_CIRCLE } elbo_seen;
typedef enum {
  ELBO_SUP_REAL,     /* R */
  ELBO_SUP_POSITIVE, /* from 0 up */
  ELBO_SUP_UNIT,     /* between 0 and 1 */
  ELBO_SUP_INTERVAL, /* between two numbers that `range` tells */
  ELBO_SUP_SIMPLEX,  /* K positive numbers of sum 1 */
  ELBO_SUP_CIRCLE,   /* between -pi and pi, ends joined */
  ELBO_SUP_BINARY,   /* 0 or 1 */
  ELBO_SUP_CLASS,    /* 0 .. K-1 */
  ELBO_SUP_COUNT,    /* 0, 1, .. (to `range`'s high where there is one) */
  ELBO_SUP_GRID      /* 0, 1/(levels-1), .., 1 */
} elbo_support_kind;
typedef struct {
  uint32_t kind; /* elbo_support_kind */
  /* closed: the density is finite and positive there for every parameter */
  uint32_t closed_low, closed_high;
  /* where it depends on parameters, else NULL: its ends in plain form; ELBO_DOMAIN where they make
   * no interval. [exec] */
  elbo_rc (*range)(const double *w, int K, double *low, double *high);
} elbo_support;

/* ---- host services: a const table. */
/* one event's own counter-based stream; the host owns it */
typedef struct elbo_noise elbo_noise;
typedef struct elbo_noise_row elbo_noise_row; /* the streams of a whole row of events */
typedef struct elbo_family elbo_family;
typedef enum {
  ELBO_LGAMMA = 1,  /* log Gamma(a), a > 0 */
  ELBO_DIGAMMA,     /* psi(a) */
  ELBO_TRIGAMMA,    /* psi'(a) */
  ELBO_STIRLING,    /* lgamma(a) - ((a - 1/2) log a - a + log(2 pi)/2) */
  ELBO_STIRLING_DA, /* its derivative: psi(a) - log a + 1/(2a) */
  ELBO_BD0,         /* a log(a/b) + b - a (Loader 2000) */
  ELBO_ERFC,        /* erfc(a) */
  ELBO_ERFCX,       /* exp(a^2) erfc(a) */
  ELBO_LOG_NDTR,    /* log Phi(a) */
  ELBO_NDTRI,       /* Phi^-1(a) */
  /* regularised lower incomplete gamma P(a, b); below b = 1e-17 it is exp(a log b - lgamma(a + 1)),
     also where b itself underflows */
  ELBO_GAMMA_P,
  ELBO_GAMMA_Q, /* upper: 1 - P(a, b) */
  /* d log z / d log a along constant P(a, z), at log z = b: the implicit gradient of a Gamma(a, 1)
     draw */
  ELBO_GAMMA_PULL,
  ELBO_LGAMMA_BREGMAN, /* lgamma(a+b) - lgamma(a) - b psi(a) */
  ELBO_GAMMA_INV,      /* log z where P(a, z) = b */
  ELBO_GAMMA_INV_Q,    /* log z where Q(a, z) = b */
  ELBO_DIGAMMA_GAP,    /* psi(a+b) - psi(a) */
  ELBO_DIGAMMA_REST,   /* psi(a+b) - psi(a) - log(1 + b/a) */
  ELBO_LBETA,          /* log B(a, b) */
  /* d t / d log df along the constant cdf, of the standard Student t with a = df, at t = b */
  ELBO_STUDENT_PULL,
  ELBO_LOG_I0E,        /* log(I0(a) e^-a), a >= 0 */
  ELBO_BESSEL_GAP,     /* 1 - I1(a) / I0(a), a >= 0 */
  ELBO_LOG_I0_BREGMAN, /* log I0(a+b) - log I0(a) - b I1(a) / I0(a) */
  /* The b-th derivative by a, b from 0 to 3, of the continuous Bernoulli's log normaliser A(a) =
   * log((e^a - 1) / a): the 1st is the mean, the 2nd the variance. */
  ELBO_CB_NORM,
  ELBO_CB_NORM_EVEN, /* the same of A(a) - a/2 = log(sinh(a/2) / (a/2)), which is small near 0 */
  ELBO_CB_NORM_TAIL, /* A(a) - max(a, 0), which stays small where |a| is large */
  /* what is left of ELBO_LGAMMA_BREGMAN without that of x log x - x: its derivative by b is
     ELBO_DIGAMMA_REST */
  ELBO_LGAMMA_REST,
  ELBO_TRIGAMMA_REST, /* psi'(a) - 1/a */
  ELBO_SPECIAL_END
} elbo_special;
/* Of three arguments. y = logit x: exact in x and in 1 - x. t: an angle from the mode of the von
 * Mises density of concentration a. */
typedef enum {
  ELBO_BETA_P = 1, /* (a, b, y): regularised incomplete beta I_x(a, b) */
  ELBO_BETA_Q,     /* (a, b, y): 1 - I_x(a, b) */
  ELBO_BETA_INV,   /* (a, b, u): the y where I_x(a, b) = u */
  ELBO_BETA_LOG,   /* (a, b, y): log(x^a (1-x)^b / B(a, b)), the log density of y */
  ELBO_BETA_SLOPE, /* (a, b, y): its derivative by a: log x - psi(a) + psi(a+b) */
  /* (a, b, y): d y / d log a along constant I_x(a, b); by log b it is -ELBO_BETA_PULL(b, a, -y) */
  ELBO_BETA_PULL,
  ELBO_VON_MISES_P,  /* (a, t, t'): the probability between the angles t <= t' <= t + 2 pi */
  ELBO_VON_MISES_DA, /* (a, t, t'): its derivative by a */
  ELBO_SPECIAL3_END
} elbo_special3;
typedef struct elbo_host {
  size_t size;
  void (*log)(const struct elbo_host *, int level, const char *text); /* [build] */
  /* The next draw of this event's stream. When noise_per_event is fixed the host may feed mirrored
   * or Sobol points. [exec] */
  double (*uniform)(elbo_noise *);     /* open interval (0,1) */
  double (*normal)(elbo_noise *);      /* mean 0, variance 1 */
  double (*exponential)(elbo_noise *); /* mean 1 */
  /* The first draw of the streams of events 0..d-1 of the row, rounded to float: out [d]. [exec] */
  void (*uniform_f32)(const elbo_noise_row *, size_t d, float *out);
  void (*normal_f32)(const elbo_noise_row *, size_t d, float *out);
  /* id: elbo_special. NaN for an unknown id or outside the domain. [exec] */
  double (*special)(uint32_t id, double a, double b);
  /* NULL when not there. [build] */
  const elbo_family *(*family)(const struct elbo_host *, const char *name);
  /* id: elbo_special3. NaN for an unknown id or outside the domain. [exec] */
  double (*special3)(uint32_t id, double a, double b, double c);
} elbo_host;

/* One call's surroundings. uses[i]: the family named in elbo_family.uses[i], resolved by the host
 * at load time. */
struct elbo_call {
  size_t size;
  const elbo_host *host;
  int K;
  const elbo_family *const *uses;
};

/* ---- the fast road: float kernels over a block of rows.
 * Row i of a view starts at `at + i * stride`; inside a row the numbers lie side by side; stride 0:
 * every row is the same one. A result may not depend on n, on the row's place, or on alignment, and
 * a row is summed in an order that depends on d alone (kernel.h has such a sum). One pointer per
 * level of the CPU: [0] any, [1] AVX2 and FMA, [2] AVX-512; the host takes the highest that the CPU
 * has and that is not NULL. kernel.h fills all three from one body. */
typedef struct {
  const float *at;
  size_t stride;
} elbo_rows;
enum { ELBO_LEVELS = 3 };

/* value [n]: the sum over the d events of a row. x: [n][d E]; w[p], dw[p]: [n][d widths of p]; dx
 * [n][d E] and dw[p] lie dense. dx and dw are both given or both NULL; then only the value is
 * wanted. [exec] */
typedef elbo_rc elbo_log_prob_f32(const elbo_call *, size_t n, size_t d, elbo_rows x,
                                  const elbo_rows *w, float *value, float *dx, float *const *dw);
/* value [n]: KL(q || p) summed over the events of a row. w: of q, w2: of p; gradients dense, all
 * given or all NULL. [exec] */
typedef elbo_rc elbo_kl_f32(const elbo_call *, size_t n, size_t d, const elbo_rows *w,
                            const elbo_rows *w2, float *value, float *const *dw, float *const *dw2);
/* A closed-form divergence of a pair of families, one of them this one; either side's plugin may
 * supply it. */
typedef struct {
  const char *q, *p; /* KL(q || p) */
  /* One event: the value, and the gradients by the working parameters of both (NULL: not wanted). A
     value that is infinite (the support of q exceeds that of p) is returned as such with zero
     gradients. [exec] */
  double (*kl)(const elbo_call *, const double *w, const double *w2, double *dw, double *dw2);
  elbo_kl_f32 *kl_f32[ELBO_LEVELS];
} elbo_kl;

typedef enum { ELBO_ENTROPY, ELBO_MEAN, ELBO_VARIANCE, ELBO_MODE } elbo_moment;

/* ---- the family. dx [E], dw [W]: NULL = not wanted, else overwritten. An author must supply both
 * when asked. */
struct elbo_family {
  /* ELBO_FAMILY_SIZES: as compiled. Of a family that comes from the host they are the host's: step
   * through its arrays by them. */
  size_t size, param_size, form_set_size, kl_size;
  const char *name, *summary;
  const elbo_param *params;
  uint32_t n_params;
  uint32_t event_rank; /* 0: scalar, E = 1. 1: vector, E = K */
  const elbo_form_set *form_sets;
  uint32_t n_form_sets;
  uint32_t value_form; /* elbo_value_form */
  elbo_support support;
  uint32_t seen; /* elbo_seen */
  /* REQUIRED. Log density of one event. x: the event in the value form, w: [W]. -inf and zero
   * gradients outside the support. [exec] */
  double (*log_prob)(const elbo_call *, const double *x, const double *w, double *dx, double *dw);

  /* ONE ROAD to a gradient, or none (then: observed, enumerated, or trained by score functions). */
  /* name of a reparametrizer plugin; other roads are tried by `reparam:` in an experiment */
  const char *reparam;
  uint32_t noise_per_event; /* draws from the stream per event; 0 = a rejection loop, unbounded */
  const char *const *uses;  /* families drawn from, NULL-ended, or NULL */
  /* location_scale (parameters loc, scale alone): the standard variate. [exec] */
  double (*standard)(const elbo_call *, elbo_noise *);
  /* inverse_cdf: the value where F = u, in its value form, and dw along constant u. [exec] */
  double (*icdf)(const elbo_call *, double u, const double *w, double *dw);
  /* composition, implicit, relaxation, and what has no road: a draw. [exec] */
  elbo_rc (*draw)(const elbo_call *, elbo_noise *, const double *w, double *x);
  /* dw = dx . (dx/dw at fixed noise), from x alone: no noise is kept, so rejection is harmless and
   * steps may be replayed. dw is never NULL here. [exec] */
  elbo_rc (*pull)(const elbo_call *, const double *x, const double *w, const double *dx,
                  double *dw);

  /* OPTIONAL, in the order in which they pay. [exec] */
  /* F(x), with `upper` 1 - F(x), each to its own digits, of x in its value form; dw: by the
   * parameters, or NULL. [exec] */
  double (*cdf)(const elbo_call *, double x, const double *w, int upper, double *dw);
  /* which: elbo_moment, of x itself, out [1] (entropy) or [E]; ELBO_UNDEFINED where it is infinite
   * or does not exist. [exec] */
  elbo_rc (*moment)(const elbo_call *, int which, const double *w, double *out);
  const elbo_kl *kls;
  uint32_t n_kls;
  /* i-th point of a discrete support, rising; NaN after the last. [exec] */
  double (*support_point)(const elbo_call *, uint64_t i, const double *w);
  elbo_log_prob_f32 *log_prob_f32[ELBO_LEVELS];
  /* location_scale in bulk: the standard variates of a row's d events: out [d]. [exec] */
  elbo_rc (*standard_f32[ELBO_LEVELS])(const elbo_call *, const elbo_noise_row *, size_t d,
                                       float *out);
  /* rare abilities by their id: "elbo.relaxation/1", "elbo.exponential/1"; NULL for an id that is
   * not known. [build] */
  const void *(*extension)(const char *id);
  /* The mean of one event in C, for exported models: the body of a function of the working
   * parameters by their names, a double each, that returns it; it may call libm. In a family of
   * vectors, or with a parameter of several numbers, they are const float * [width], and the body
   * fills `mean`, float [E], with `K` an int. NULL: not given, as where the mean may not exist. */
  const char *mean_in_c;
};

/* ---- the reparametrizer: z = g(noise, parameters), and back. It uses the family's hooks and
 * nothing else. */
typedef struct {
  size_t size;
  const char *name, *summary;
  const char *(*missing)(const elbo_family *); /* NULL = applies; else what is missing. [build] */
  /* [exec] */
  elbo_rc (*forward)(const elbo_family *, const elbo_call *, elbo_noise *, const double *w,
                     double *x);
  /* dw [W] = dx . dx/dw, from the value alone. [exec] */
  elbo_rc (*backward)(const elbo_family *, const elbo_call *, const double *x, const double *w,
                      const double *dx, double *dw);
  /* The fast road, optional, both or none: one row of d events; x, dx [d E], w[p] and dw[p] [d
     widths of p]. May answer ELBO_UNSUPPORTED for a family that lacks the hook: then the host loops
     over the two above. [exec] */
  elbo_rc (*forward_f32[ELBO_LEVELS])(const elbo_family *, const elbo_call *,
                                      const elbo_noise_row *, size_t d, const float *const *w,
                                      float *x);
  elbo_rc (*backward_f32[ELBO_LEVELS])(const elbo_family *, const elbo_call *, size_t d,
                                       const float *x, const float *const *w, const float *dx,
                                       float *const *dw);
} elbo_reparam;

/* ---- the backend: matrix products on the calling thread; the threads are the host's. */
typedef struct {
  size_t size;
  const char *name, *summary;
  /* C [m][n] = alpha op(A) op(B) + beta C, row-major, op(A) [m][k], op(B) [k][n]; ta, tb:
     transposed. Sizes are checked by the host; beta = 0 overwrites. The result depends on the
     arguments alone. [exec] */
  void (*sgemm)(int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                const float *b, int ldb, float beta, float *c, int ldc);
  /* One line: the library's version and the kernel set in use ("OpenBLAS 0.3.21 Cooperlake"): text
   * [n], NUL-ended. [build] */
  void (*describe)(char *text, size_t n);
  /* What the environment or the build costs, one line, or "" : text [n]. NULL: nothing to say.
   * [build] */
  void (*advice)(char *text, size_t n);
  /* before the first product: threads of its own off, and the like. NULL: nothing. [build] */
  elbo_rc (*start)(const elbo_host *);
} elbo_backend;

/* ---- extension "elbo.relaxation/1" of a discrete family: its continuous twin, a family whose
 * parameters are a temperature and then this family's own, in their order. y [E of the twin] in the
 * twin's value form, w: the twin's working parameters. The twin's own draw followed by `harden` is
 * a draw of this family; Concrete needs no more, REBAR and RELAX the draw given the hard value too
 * (Tucker et al. 2017; Grathwohl et al. 2018). */
#define ELBO_RELAXATION "elbo.relaxation/1"
typedef struct {
  size_t size;
  const char *twin; /* its name; elbo_host.family finds it */
  /* the value x that y stands for. [exec] */
  elbo_rc (*harden)(const elbo_call *, const double *y, double *x);
  /* y given that x. [exec] */
  elbo_rc (*draw_given)(const elbo_call *, elbo_noise *, const double *x, const double *w,
                        double *y);
  /* dw = dy . (dy/dw at fixed noise of draw_given), from y alone, which tells x. [exec] */
  elbo_rc (*pull_given)(const elbo_call *, const double *y, const double *w, const double *dy,
                        double *dw);
} elbo_relaxation;

/* ---- extension "elbo.exponential/1" of an exponential family f(x) = h(x) exp(eta . T(x) - A(eta))
 * with n statistics T. From it the host has KL(q || p) = A(eta_p) - A(eta_q) - (eta_p - eta_q) .
 * E_q T for every two families of one carrier (Nielsen and Nock 2010, eq. 13), with its gradients,
 * and the entropy A - eta . E T where h = 1. A divergence in `kls` and an entropy in `moment` come
 * first: they can keep digits between near equals that this difference has not. */
#define ELBO_EXPONENTIAL "elbo.exponential/1"
typedef struct {
  size_t size;
  const char *carrier; /* names T, in their order, and h: "log x, x" */
  uint32_t n;          /* of T; 0: K of them */
  uint32_t unit_base;  /* h = 1 */
  /* eta [n] and E T [n]; the answer is A(eta). [exec] */
  double (*natural)(const elbo_call *, const double *w, double *eta, double *mean);
  /* dw [W] = deta . (deta/dw) + dmean . (d E T/dw), overwritten. [exec] */
  void (*pull)(const elbo_call *, const double *w, const double *deta, const double *dmean,
               double *dw);
} elbo_exponential;

/* ---- the one exported symbol: `const elbo_plugin elbo_plugin_entry`. Plain data up to `build`;
 * pointers only after it. */
enum {
  ELBO_KIND_FAMILY = 1,
  ELBO_KIND_REPARAM,
  ELBO_KIND_BACKEND,
  ELBO_KIND_ESTIMATOR /* reserved */
};
typedef struct {
  char magic[16];
  uint32_t abi_major, abi_minor, size, kind;
  char build[32]; /* the compiler, for messages only */
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
