/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * builtin.c - data that need no file. Row i of split s is a function of (seed, set, s, i): a
 * longer set begins with the shorter one. */
#include "base/mem.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/made.h"
#include <math.h>
#include <string.h>

/* ---- digits */

static void digits_row(philox_key key, uint32_t split, uint32_t row, array *x, uint8_t *label)
{
  *label = digit_draw(key, split, row, x->u8 + (size_t)row * x->D);
}

/* ---- linear_gaussian: z ~ N(0, I) in 2 dimensions, x = W z + b + SIGMA noise in 5; so x ~ N(b,
   W W' + SIGMA^2 I). */

enum { LG_D = 5, LG_Z = 2 };
static const double LG_W[LG_D][LG_Z] = {
  { 1.0, 0.0 }, { 0.5, -1.0 }, { -0.8, 0.6 }, { 0.0, 1.2 }, { 0.7, 0.7 }
};
static const double LG_B[LG_D] = { 0.5, -1.0, 0.0, 2.0, -0.3 };
static const double LG_SIGMA = 0.5;

static void linear_gaussian_row(philox_key key, uint32_t split, uint32_t row, array *x,
                                uint8_t *label)
{
  elbo_noise noise = { .key = key, .row = row, .step = split };
  double z[LG_Z];
  (void)label;
  for (int k = 0; k < LG_Z; k++) z[k] = noise_normal(&noise);
  for (int j = 0; j < LG_D; j++) {
    double v = LG_B[j] + LG_SIGMA * noise_normal(&noise);
    for (int k = 0; k < LG_Z; k++) v += LG_W[j][k] * z[k];
    x->f32[(size_t)row * LG_D + (size_t)j] = (float)v;
  }
}

/* Lower Cholesky factor of W W' + SIGMA^2 I. */
static void linear_gaussian_factor(double L[LG_D][LG_D])
{
  for (int i = 0; i < LG_D; i++)
    for (int j = 0; j <= i; j++) {
      double s = i == j ? LG_SIGMA * LG_SIGMA : 0;
      for (int k = 0; k < LG_Z; k++) s += LG_W[i][k] * LG_W[j][k];
      for (int k = 0; k < j; k++) s -= L[i][k] * L[j][k];
      L[i][j] = i == j ? sqrt(s) : s / L[j][j];
    }
}

double builtin_linear_gaussian_evidence(const array *x)
{
  double L[LG_D][LG_D] = { { 0 } }, sum = 0, constant = -0.5 * LG_D * log(2 * M_PI);
  linear_gaussian_factor(L);
  for (int i = 0; i < LG_D; i++) constant -= log(L[i][i]);
  for (size_t row = 0; row < x->rows; row++) {
    double u[LG_D];
    for (int i = 0; i < LG_D; i++) {
      u[i] = (double)x->f32[row * LG_D + (size_t)i] - LG_B[i];
      for (int k = 0; k < i; k++) u[i] -= L[i][k] * u[k];
      u[i] /= L[i][i];
      sum -= 0.5 * u[i] * u[i];
    }
  }
  return constant + sum / (double)x->rows;
}

/* ---- pinwheel (Johnson, Duvenaud, Wiltschko, Datta and Adams 2016, section 1): blobs stretched
 * along the radius, turned by an angle that grows with it; radial deviation 0.3, tangential 0.05,
 * rate 0.25, five arms, ten times enlarged, as in their code. */

enum { ARMS = 5 };

static void pinwheel_row(philox_key key, uint32_t split, uint32_t row, array *x, uint8_t *label)
{
  elbo_noise noise = { .key = key, .row = row, .step = split };
  int arm = (int)(noise_uniform(&noise) * ARMS);
  double along = 1 + 0.3 * noise_normal(&noise), across = 0.05 * noise_normal(&noise);
  double angle = 2 * M_PI * arm / ARMS + 0.25 * exp(along);
  float *to = x->f32 + (size_t)row * 2;
  to[0] = (float)(10 * (along * cos(angle) + across * sin(angle)));
  to[1] = (float)(10 * (across * cos(angle) - along * sin(angle)));
  *label = (uint8_t)arm;
}

/* ---- the table */

typedef struct {
  const char *name;
  array_type type;
  int rank;
  size_t dims[2];
  bool labels;
  void (*row)(philox_key key, uint32_t split, uint32_t row, array *x, uint8_t *label);
} maker;

static const maker makers[] = {
  { "digits", ARRAY_U8, 2, { DIGIT_SIDE, DIGIT_SIDE }, true, digits_row },
  { "linear_gaussian", ARRAY_F32, 1, { LG_D }, false, linear_gaussian_row },
  { "pinwheel", ARRAY_F32, 1, { 2 }, true, pinwheel_row },
};
enum { MAKERS = sizeof makers / sizeof *makers };

static int find(const char *name)
{
  int i = 0;
  while (i < MAKERS && strcmp(makers[i].name, name) != 0) i++;
  return i;
}

static elbo_status unknown(const char *name, error *e)
{
  const char *words[MAKERS];
  for (int i = 0; i < MAKERS; i++) words[i] = makers[i].name;
  const char *near = nearest_word(name, words, MAKERS);
  return fail(
      e, ELBO_E_USAGE,
      "no built-in set is called \"%.60s\"%s%s%s: expected digits, linear_gaussian or pinwheel",
      name, near ? "; the nearest is \"" : "", near ? near : "", near ? "\"" : "");
}

static elbo_status allocate(const maker *m, size_t rows, array *out, array *labels, error *e)
{
  array x = { .kind = KIND_BUILTIN, .type = m->type, .rows = rows, .rank = m->rank, .D = 1 };
  array y = { .kind = KIND_BUILTIN, .type = ARRAY_U8, .rows = rows, .D = 1 };
  size_t count;
  for (int k = 0; k < m->rank; k++) x.D *= x.dims[k] = m->dims[k];
  if (rows == 0 || rows > UINT32_MAX || !mem_size(rows, x.D, &count))
    return fail(e, ELBO_E_USAGE, "built-in %s: %zu rows: expected 1 to 2^32 - 1", m->name, rows);
  x.at = mem_new(count, m->type == ARRAY_U8 ? 1 : sizeof(float), "the built-in data", e);
  y.at = x.at && labels ? mem_new(rows, 1, "the built-in labels", e) : NULL;
  if (!x.at || (labels && !y.at)) {
    mem_free(x.at);
    return ELBO_E_MEMORY;
  }
  *out = x;
  if (labels) *labels = y;
  return ELBO_DONE;
}

elbo_status builtin_make(const char *name, uint64_t seed, int split, size_t rows, array *out,
                         array *labels, error *e)
{
  int which = find(name);
  if (which == MAKERS) return unknown(name, e);
  const maker *m = &makers[which];
  if (labels) *labels = (array){ 0 }; /* and so they stay where the set has none */
  labels = m->labels ? labels : NULL;
  elbo_status status = allocate(m, rows, out, labels, e);
  if (status != ELBO_DONE) return status;
  philox_key key = philox_make_key(seed, (uint64_t)(which + 1) << 32 | STREAM_BUILTIN);
  for (size_t i = 0; i < rows; i++) {
    uint8_t label;
    m->row(key, (uint32_t)split, (uint32_t)i, out, &label);
    if (labels) labels->u8[i] = label;
  }
  return ELBO_DONE;
}
