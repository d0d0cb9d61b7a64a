/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/check: the conformance engine, driven by a plugin's table alone. Depends on base, num,
 * plugin, dist, infer.
 *
 * inside.h - a trial is one property being tried on one plugin. A property is a row of a table
 * {name, function, help}; it holds unless its function says otherwise. Every call of the plugin
 * goes through an ask_*, which notes operation and arguments for the report of a crash. */
#ifndef ELBO_CHECK_INSIDE_H
#define ELBO_CHECK_INSIDE_H

#include "base/guard.h"
#include "dist/batch.h"
#include <elbo/check.h>

enum { CHECK_NOTED = 8, CHECK_MAX_W = 64, CHECK_MAX_E = 8 };

/* fence.c */
enum { CHECK_BUFFERS = 4096 };
typedef enum { BUFFER_INPUT, BUFFER_OUTPUT, BUFFER_GONE } buffer_state;
typedef struct {
  const char *name; /* a literal */
  guarded memory;
  ptrdiff_t count, size; /* of its numbers */
  buffer_state state;
} noted_buffer;

/* Shared with the child that tries the property. */
typedef struct board {
  elbo_check_row row;
  bool finished;
  const char *operation;     /* the call under way; a literal, so that parent and child agree */
  const elbo_family *family; /* of that call; the parent of the process has it at the same place */
  const char *nulls; /* the outputs of that call that were NULL: a literal, "" where none was */
  int n_x, n_w;
  double x[CHECK_NOTED], w[CHECK_NOTED];
  uintptr_t fault;  /* the address whose access killed it, or 0 */
  unsigned buffers; /* that were made; the last ones stand here, in a ring */
  noted_buffer buffer[CHECK_BUFFERS];
} board;

typedef struct trial {
  const registry *registry;
  const plugin *plugin;
  bool thorough;
  board *board;
  family_use u; /* kind family: bound to a dimension of check_dim */
} trial;

typedef struct property {
  const char *name;
  void (*run)(trial *);
  const char *help;
} property;
/* end with a row without a name */
extern const property family_properties[], reparam_properties[], backend_properties[];

/* ---- the verdict. The first failure stays. */
bool check_that(trial *t, bool holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_absent(trial *t, const char *why); /* not applicable, unless it has failed */
/* the numbers of a pass */
void check_says(trial *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool check_failed(const trial *t);

/* ---- words.c: for messages. "value = (..), working parameters (loc, log_scale) = (..)" */
typedef struct {
  char text[288];
} place_text;
place_text place_of(const trial *t, const double *x, const double *w);
/* of working number k: "log_scale", "logits[2]" */
typedef struct {
  char text[80];
} number_text;
number_text number_name(const trial *t, int k);
number_text value_name(const trial *t, int k); /* "value", "value[2]" */
/* What a derivative by working number k (-1: by something else) looks like that is not the expected
 * one: ": its sign is turned", or "". A guess from one place, so that it follows the numbers. */
const char *slip_of(const trial *t, int k, const double *w, double found, double want);
/* what may be amiss at a value so near 0, or "" */
const char *underflow_of(double y);

/* ---- calls of the plugin */
double ask_log_prob(trial *t, const double *x, const double *w, double *dx, double *dw);
double ask_cdf(trial *t, double x, const double *w, int upper, double *dw);
double ask_icdf(trial *t, double u, const double *w, double *dw);
elbo_rc ask_moment(trial *t, int which, const double *w, double *out);
/* by its road, `draw`, or icdf; ELBO_UNSUPPORTED: it has none */
elbo_rc ask_draw(trial *t, elbo_noise *e, const double *w, double *x);
elbo_rc ask_backward(trial *t, const elbo_reparam *r, const double *x, const double *w,
                     const double *dx, double *dw);
elbo_rc ask_forward(trial *t, const elbo_reparam *r, elbo_noise *e, const double *w, double *x);
void note(trial *t, const char *operation, const double *x, const double *w);
const elbo_reparam *own_road(const trial *t); /* NULL: it names none, or one that is not there */

/* ---- grid.c: parameters. Point 0 is the standard one; then each parameter at its ends; then
 * combinations. */
int grid_size(const trial *t);
/* false: parameters that the family's `range` refuses */
bool grid_at(trial *t, int i, double *w);
/* of small size, the i-th of many; false as grid_at */
bool grid_moderate(trial *t, uint32_t i, double *w);
int param_index(const trial *t, int k); /* of working number k, in the table */
/* of a vector event, the i-th moderate one whose tails fall fast; false: there are no more */
bool grid_vector(trial *t, int i, double *w);
/* may working number k be learned: neither an integer nor a constant */
bool grid_learned(const trial *t, int k);
elbo_noise check_noise(uint32_t seed, uint32_t element);
bool check_dim(trial *t, int K); /* binds u again; false: this family has no such dimension */

/* ---- space.c: a continuous event laid out over R^D so that neither ends nor scales matter: y =
 * value form, v = chart [D]. */
enum { SPACE_MAX = 3, SPACE_PEAKS = 8 };
typedef struct space {
  trial *t;
  const double *w;
  int D;
  double low, high;                         /* of y, scalar */
  double first[SPACE_MAX], last[SPACE_MAX]; /* of v */
  double mode[SPACE_MAX], scale[SPACE_MAX];
  /* every local maximum that was found of one dimension, the mode first, and how far each
   * reaches */
  int peaks;
  double peak[SPACE_PEAKS], width[SPACE_PEAKS];
} space;
bool space_open(space *s, trial *t, const double *w);             /* false: no density found */
double space_value(const space *s, const double *v, double *y);   /* y [E], and log dx/dv */
double space_density(const space *s, const double *v, double *y); /* log of the density of v */
/* the i-th of space_count() spots around the mode; y by space_value */
int space_points(const space *s, int i, double *v);
int space_count(const trial *t);
double form_log_slope(uint32_t value_form, double y); /* log dx/dy */

/* ---- expectation.c: E_q[phi(y)]; of a discrete family the sum. edge: the integrand where doubles
 * end; cut: it is so large that part of the mass lies beyond, and the value means little. */
typedef double event_function(void *arg, const double *y, double log_f);
typedef struct expected {
  double value, error, edge;
  bool cut;
} expected;
expected expectation(trial *t, const double *w, event_function *phi, void *arg);
/* does all the mass of plain values lie within the reach of doubles */
bool space_reached(trial *t, const double *w);
double discrete_point(trial *t, uint64_t i, const double *w); /* NaN after the last */

/* ---- difference.c: derivative by central differences extrapolated (Ridders 1982); *error: what is
 * left, INFINITY if nothing */
typedef double line_function(void *arg, double at);
double difference(line_function *f, void *arg, double at, double *error);
/* of a first step of this length */
double difference_from(line_function *f, void *arg, double at, double step, double *error);

/* ---- properties, by file */
void check_descriptor(trial *), check_forms(trial *), check_nulls(trial *), check_edges(trial *),
    check_finite(trial *);
void check_total(trial *), check_by_value(trial *), check_by_parameters(trial *),
    check_score(trial *), check_points(trial *);
void check_cdf_slope(trial *), check_cdf_ends(trial *), check_cdf_gradient(trial *),
    check_icdf(trial *);
void check_draws_cdf(trial *), check_draws_density(trial *), check_draws_support(trial *),
    check_same_bits(trial *), check_threads(trial *);
void check_pathwise(trial *), check_continuity(trial *), check_roads(trial *);
void check_entropy(trial *), check_mean(trial *), check_variance(trial *), check_mode(trial *);
void check_kl(trial *), check_kl_zero(trial *), check_kl_gradient(trial *);
void check_kernel(trial *), check_kernel_gradient(trial *), check_kernel_layout(trial *),
    check_kernel_kl(trial *), check_kernel_standard(trial *);
void check_guard(trial *), check_allocation(trial *), check_speed(trial *);

/* ---- paths.c: of one road; answer how many numbers were compared */
int pathwise_of(trial *t, const elbo_reparam *r);
int continuity_of(trial *t, const elbo_reparam *r);
bool has_pathwise(const trial *t); /* a scalar with a cdf, on a line */

/* ---- gap.c: the total of a vector event beyond three dimensions; how many were looked at */
int gap_test(trial *t);

/* ---- memory.c */
int guard_road(trial *t, const elbo_reparam *r);
/* a value and parameters at which something can be called */
bool some_event(trial *t, int i, double *w, double *y);

/* ---- fence.c */
typedef struct fence {
  void *at, *host; /* as the plugin sees it, and as it may always be written */
  guarded memory;
  noted_buffer *noted;
} fence;
/* `count` numbers of `size` bytes */
bool fence_new(trial *t, fence *f, const char *name, size_t count, size_t size, guard_kind kind);
void fence_shut(fence *f); /* the plugin has no right to it any more */
void fences_free(board *b);
/* ": it touched dw[2], and dw has 2 numbers", of b->fault; false: it lies in no buffer */
bool fence_blame(const board *b, char *to, size_t room);

/* ---- watch.c: calls of the allocator from the object that holds a function, through its own
 * linkage table */
typedef struct watch watch;
watch *watch_start(void (*function)(void)); /* NULL: it can't be watched here */
long watch_stop(watch *w);                  /* how many there were */

#endif
