/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/dist: the host side of the vtables: families bound to their size, forms of parameters and
 * values, divergences by pair, roads, and the batch loops that stand in where a plugin has no fast
 * kernel. Depends on base, num, plugin.
 *
 * family.h - a family bound to K, and the forms its parameters may be given in. */
#ifndef ELBO_DIST_FAMILY_H
#define ELBO_DIST_FAMILY_H

#include "plugin/registry.h"

/* the most that E and W may be: buffers of an event stand on the stack */
enum { FAMILY_MAX_PARAMS = 8, FAMILY_MAX_NUMBERS = 4096 };
/* How far from 1 the sum of given points of a simplex may be: room for a dozen of numbers written
 * with six digits. */
#define FAMILY_SIMPLEX_SLACK 1e-5

typedef struct family_use {
  const elbo_family *family;
  const plugin *plugin;
  elbo_call call; /* with K and uses */
  int K, E, W;    /* numbers of an event; working numbers of an event */
  int width[FAMILY_MAX_PARAMS], offset[FAMILY_MAX_PARAMS]; /* of each parameter, in w [W] */
  /* the kernel for this CPU, or NULL: the double function is looped over */
  elbo_log_prob_f32 *log_prob_f32;
  struct guards *guards; /* of --check-plugins; NULL: calls are made directly */
  int level;             /* registry_level */
} family_use;

/* K: 1 for a family that has no dimension. ELBO_E_USAGE: unknown name, or a K that makes no
 * sense. */
elbo_status family_bind(const registry *r, const char *name, int K, family_use *out, error *e);
/* Has the family a dimension of its own (a vector event, classes, a parameter per corner)? Then an
 * experiment must say `dim`. */
bool family_has_dim(const elbo_family *f);
bool family_is_discrete(const elbo_family *f);
/* "-inf < x < inf", "0 < x", "0 <= x <= 1", "x in {0, 1}" .. for messages. */
const char *family_support_text(const elbo_family *f);
/* Do all values that q can give lie in p's support (closures; discrete only with discrete)? false
 * with the reason in why [n]. */
bool family_support_within(const elbo_family *q, const elbo_family *p, char *why, size_t n);
/* Is a data value (plain form, one event) in the support, boundary by the closed flags? w: [W] or
 * NULL when the support does not depend on it. */
bool family_in_support(const family_use *u, const double *x, const double *w);

/* ---- forms of parameters. The working name of parameter i: "log_scale", "logits", "loc", "df"
 * .. */
const char *param_working_name(const elbo_param *p, char *text, size_t n);
/* A name as given ("scale", "log_var", "probs", or of a form set). false: unknown. */
typedef struct {
  int param;            /* index in the table, or -1 for a name of a form set */
  int form;             /* PARAM_WORKING .. */
  int form_set, member; /* of a form set */
} param_form;
enum { PARAM_WORKING, PARAM_CONSTRAINED, PARAM_LOG_VAR, PARAM_VAR };
bool param_find(const elbo_family *f, const char *given, param_form *out);
/* Its name in one form; false: the parameter has no such form. */
bool param_form_name(const elbo_param *p, int form, char *text, size_t n);
/* Numbers of parameter p of one event in the form PARAM_CONSTRAINED, and these numbers from its
   working ones w [width]: a Cholesky factor as [K][K], zero above the diagonal, the logits of a
   simplex as probabilities. */
int param_plain_width(const family_use *u, uint32_t p);
void param_to_plain(const family_use *u, uint32_t p, const double *w, double *plain);
/* All names that may be given, for messages and suggestions: at most n, returns how many. Strings
 * live as long as `text` [room]. */
int param_names(const elbo_family *f, const char **names, int n, char *text, size_t room);
/* One given value -> the working numbers of its parameter. given: as many numbers as the form has
   (K or K*K for the plain Cholesky); w [width]. jac: dw_i/dgiven_i on the diagonal where the form
   is elementwise, or NULL. Out of its constraint or not finite: ELBO_E_USAGE naming family,
   parameter, value and constraint. */
elbo_status param_to_working(const family_use *u, const param_form *form, const double *given,
                             double *w, double *jac, error *e);
/* The standard working values of the whole family: w [W]. */
void param_standard(const family_use *u, double *w);

/* ---- forms of values: one event of E numbers, in place. The density is always that of x. */
void value_from_plain(uint32_t value_form, int E, const double *x, double *y);
void value_to_plain(uint32_t value_form, int E, const double *y, double *x);
/* The same over float arrays, count numbers (elementwise: log, logit, log_simplex alike),
 * vectorised; and its gradient: dx -> dfrom. */
void value_convert_f32(int level, uint32_t from, uint32_t to, size_t count, const float *x,
                       float *y);
void value_convert_back_f32(int level, uint32_t from, uint32_t to, size_t count, const float *x,
                            const float *y, const float *dy, float *dx);

#endif
