/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query.h - the inside of elbo/dist.h: a question read, its distribution bound, its answer. A
 * function that can fail answers true when it went well; else the code and the words stand in the
 * query. */
#ifndef ELBO_DIST_QUERY_H
#define ELBO_DIST_QUERY_H

#include "base/mem.h"
#include "base/text.h"
#include "dist/batch.h"
#include <elbo/dist.h>

typedef enum {
  Q_SYNTAX,
  Q_UNKNOWN_FAMILY,
  Q_UNKNOWN_PARAMETER,
  Q_MISSING_PARAMETER,
  Q_DOMAIN,
  Q_UNDEFINED,
  Q_UNSUPPORTED,
  Q_SHAPE,
  Q_FINE
} query_code;

/* ---- a question as it stands in the line */
typedef struct {
  const char *s; /* NULL: not there */
  size_t n;
} span;
typedef struct {
  const double *v; /* NULL: not there */
  int n, rows;     /* rows: of a list of lists */
  int rank; /* 0: a number, 1: a list, 2: a list of lists; RANK_ANY: numbers without brackets */
} numbers;
enum { RANK_ANY = -1, QUERY_MAX_PARAMS = 16 };
typedef struct {
  span name;
  numbers v;
} given;
typedef struct {
  span family;
  bool has_params;
  given params[QUERY_MAX_PARAMS];
  int n;
} asked_dist;
typedef struct {
  span id, op;
  asked_dist self, other;
  bool has_other, any_method;
  numbers x, u, n, seed;
} request;

/* ---- a distribution: a family, its working numbers, and the slopes of them by what was given */
typedef struct {
  family_use use;
  int n;
  struct {
    span name;
    numbers v;
    param_form form;
  } items[QUERY_MAX_PARAMS];
  const elbo_form_set *set; /* the given are this set's names, in its order; or NULL */
  double *w, *jac;          /* [W]; [W], or [W][W] of a form set; in buffer, as given */
  double *given;            /* [W] in the set's order; NULL: no set */
  double *buffer;
  size_t room;
  bool edge; /* a working number is infinite */
} bound;

/* What is known of a family by its name, kept from query to query. */
enum { QUERY_MAX_NAMES = 40 };
typedef struct {
  const elbo_family *family;
  family_use use; /* of the last K; family NULL: none yet */
  const char *names[QUERY_MAX_NAMES];
  param_form forms[QUERY_MAX_NAMES];
  int n_names;
  char text[2048];
} known_family;
enum { QUERY_KNOWN = 128 };

typedef struct {
  const char *method; /* NULL: exact */
  double value, error;
} estimate;

struct elbo_dist {
  elbo_context *ctx;
  const registry *registry;
  known_family *known[QUERY_KNOWN];
  request ask;
  bound self, other;
  double *numbers; /* of the line */
  size_t numbers_room;
  double *work; /* x, y, dx [E]; dw, dw2, wt [W] */
  size_t work_room;
  double *grad; /* by one item */
  size_t grad_room;
  char *names; /* of a distribution that was set */
  size_t names_room;
  bool set;
  query_code code;
  text why, out;
};
typedef struct elbo_dist query;

bool query_fail(query *q, query_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool query_no_memory(query *q);
const char *query_code_name(query_code code);

/* query_scan.c: a strict reading of one line; the id is there wherever it could be found. */
bool query_scan(query *q, const char *s, size_t n, request *r);
bool span_is(span s, const char *word);

/* query_bind.c */
bool query_bind(query *q, const asked_dist *d, bound *b);
/* Buffers of the query for E and W of b. */
typedef struct {
  double *x, *y, *dx, *dw, *dw2, *wt;
} workspace;
bool query_work(query *q, const bound *b, workspace *s);
/* Slopes by the working numbers at w -> dw [W]; false: they can't be had. */
typedef bool slopes_at(query *q, const bound *b, const double *w, double *dw, const void *state);
/* Where slopes come from: `at` is asked for more of them where a limit is looked for. by_given: of
 * a set with a density of its own, by the given numbers. */
typedef struct {
  slopes_at *at;
  const void *state;
  bool by_given;
} slope_source;
/* query_chain.c
 * dw [W] -> the gradient by item i of b, in the form it was given: to [items[i].v.n]. */
void query_chain(query *q, const bound *b, int i, const double *dw, const slope_source *from,
                 double *to);
bool query_has_gradient(const bound *b, int i);
/* What dw [W] adds for the numbers as they were given, whose logs w holds rounded. */
double query_unrounded(const bound *b, const double *dw);

#define END_SLACK 1e-14 /* relative, of an end of a support that parameters tell */
/* query_value.c: densities, tails, quantiles, pathwise derivatives, moments, draws */
bool query_take_x(query *q, const bound *b, const numbers *x);
void query_ends(const bound *b, const double *w, double *low, double *high);
/* dx, dw: NULL or wanted; of x itself, and by working numbers. */
bool query_log_prob(query *q, const bound *b, const double *x, const double *w, double *value,
                    double *dx, double *dw);
bool query_cdf(query *q, const bound *b, double x, bool upper, double *value);
bool query_icdf(query *q, const bound *b, double u, double *value);
bool query_pathwise(query *q, const bound *b, double x, const double *w, double *dw);
bool query_moment(query *q, const bound *b, int which, estimate *method, double *out);
/* One draw in the value form. */
typedef struct sampler {
  bool (*draw)(const struct sampler *s, elbo_noise *e, double *y);
  const bound *b;
  query *q;
  road_use road;
} sampler;
bool query_sampler(query *q, const bound *b, sampler *s);
slopes_at query_no_slopes;
/* Of a log density that came out as `value`, and along the cdf. */
slope_source query_log_prob_source(const bound *b, double value, const double *x);
slope_source query_pathwise_source(const bound *b, const double *x);

/* query_discrete.c */
bool discrete_cdf(query *q, const bound *b, double x, bool upper, double *value);
bool discrete_icdf(query *q, const bound *b, double u, double *value);
/* Sum of term(x) exp(log mass) over the support; estimate.error: what was left out, at most. */
typedef double expected(void *state, double y, double log_density);
bool discrete_expect(query *q, const bound *b, expected *g, void *state, estimate *e);

/* quadrature.c: E[g] of a density in one dimension; g is told the value form. */
bool density_expect(query *q, const bound *b, expected *g, void *state, estimate *e);

/* query_kl.c */
bool query_kl(query *q, const bound *from, const bound *to, bool any_method, estimate *e);
/* Slopes of a closed form by the numbers of one side; the state is a kl_side. */
typedef struct {
  const bound *other;
  bool of_p; /* by p, q is the other */
} kl_side;
slopes_at query_kl_slopes;

/* query_info.c: the op `info`; the distribution need not be given. */
bool query_info(query *q, const request *r);

/* query_answer.c: the op of the request -> q->out, after `{"id":..`. */
bool query_answer(query *q, const request *r);

#endif
