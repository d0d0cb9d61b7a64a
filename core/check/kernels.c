/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Float kernels: at every level that this CPU has, against the double functions on the same floats,
 * to 8 units in the last place beyond what a relative change of 2^-24 of each input does; and the
 * same bits wherever an event stands. */
#include "check/inside.h"
#include "num/special.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 1500, INPUTS = 1 + FAMILY_MAX_PARAMS, UNITS = 8 };

/* The unit in the last place of v as a float. */
static double float_ulp(double v)
{
  int e;
  frexp(fmax(fabs(v), FLT_MIN), &e);
  return ldexp(1, e - 24);
}

/* Rows of one kind of number: of the value, or of one parameter. in[i]: [n][width i]. */
typedef struct {
  int n, widths[INPUTS], inputs;
  float *in[INPUTS], *out[INPUTS], *value;
} batch;

static void batch_free(batch *b)
{
  for (int i = 0; i < b->inputs; i++) {
    free(b->in[i]);
    free(b->out[i]);
  }
  free(b->value);
}

static bool batch_new(trial *t, batch *b, int n)
{
  *b = (batch){ .n = n, .inputs = 1 + (int)t->u.family->n_params };
  bool fine = (b->value = calloc((size_t)n, sizeof(float))) != NULL;
  for (int i = 0; i < b->inputs; i++) {
    b->widths[i] = i ? t->u.width[i - 1] : t->u.E;
    size_t size = (size_t)n * (size_t)b->widths[i];
    b->in[i] = calloc(size, sizeof(float));
    b->out[i] = calloc(size, sizeof(float));
    fine = fine && b->in[i] && b->out[i];
  }
  if (!check_that(t, fine, "no memory")) batch_free(b);
  return fine;
}

/* Events that floats can hold: moderate parameters and a draw, or a spot of the support. */
static bool random_event(trial *t, uint32_t i, double *w, double *y)
{
  elbo_noise e = check_noise(61, i);
  const elbo_family *f = t->u.family;
  if (!grid_moderate(t, i, w)) return false;
  if (ask_draw(t, &e, w, y) == ELBO_OK) return true;
  if (family_is_discrete(f)) return !isnan(y[0] = discrete_point(t, i % 3, w));
  space s;
  double v[SPACE_MAX];
  if (!space_open(&s, t, w)) return false;
  space_points(&s, (int)i % space_count(t), v);
  space_value(&s, v, y);
  return true;
}

static void fill(trial *t, batch *b)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E];
  int at = 0;
  for (uint32_t i = 0; at < b->n && i < 4u * (uint32_t)b->n; i++) {
    if (!random_event(t, i, w, y)) continue;
    for (int k = 0; k < t->u.E; k++) b->in[0][at * t->u.E + k] = (float)y[k];
    for (int p = 1; p < b->inputs; p++)
      for (int k = 0; k < b->widths[p]; k++)
        b->in[p][at * b->widths[p] + k] = (float)w[t->u.offset[p - 1] + k];
    at++;
  }
  b->n = at;
}

/* Event i, widened. */
static void take(const trial *t, const batch *b, int i, double *y, double *w)
{
  for (int k = 0; k < t->u.E; k++) y[k] = (double)b->in[0][i * t->u.E + k];
  for (int p = 1; p < b->inputs; p++)
    for (int k = 0; k < b->widths[p]; k++)
      w[t->u.offset[p - 1] + k] = (double)b->in[p][i * b->widths[p] + k];
}

static elbo_rc call(trial *t, elbo_log_prob_f32 *kernel, size_t n, size_t d, const batch *b,
                    bool gradients)
{
  elbo_rows x = { b->in[0], d * (size_t)b->widths[0] }, w[INPUTS];
  float *dw[INPUTS];
  for (int p = 1; p < b->inputs; p++) {
    w[p - 1] = (elbo_rows){ b->in[p], d * (size_t)b->widths[p] };
    dw[p - 1] = b->out[p];
  }
  note(t, "log_prob_f32", NULL, NULL);
  return kernel(&t->u.call, n, d, x, w, b->value, gradients ? b->out[0] : NULL,
                gradients ? dw : NULL);
}

/* ---- against double. out: the value, dx [E], dw [W] */
enum { OUTPUTS = 1 + CHECK_MAX_E + CHECK_MAX_W };
static void exact(trial *t, const double *y, const double *w, double *out)
{
  out[0] = ask_log_prob(t, y, w, out + 1, out + 1 + t->u.E);
}

static void slack_of(trial *t, double *y, double *w, const double *want, double *slack)
{
  double moved[OUTPUTS];
  int outputs = 1 + t->u.E + t->u.W;
  memset(slack, 0, sizeof(double) * (size_t)outputs);
  for (int i = 0; i < t->u.E + t->u.W; i++) {
    double *at = i < t->u.E ? &y[i] : &w[i - t->u.E], keep = *at;
    if (i < t->u.E ? family_is_discrete(t->u.family) : !grid_learned(t, i - t->u.E)) continue;
    for (int side = -1; side <= 1; side += 2) {
      *at = keep * (1 + side * 0x1p-24);
      exact(t, y, w, moved);
      for (int k = 0; k < outputs; k++)
        if (isfinite(moved[k])) slack[k] += fabs(moved[k] - want[k]);
    }
    *at = keep;
  }
}

static float found_at(const trial *t, const batch *b, int i, int k)
{
  if (!k) return b->value[i];
  if (k <= t->u.E) return b->out[0][i * t->u.E + k - 1];
  int number = k - 1 - t->u.E, p = 1;
  while (p + 1 < b->inputs && number >= t->u.offset[p]) p++;
  return b->out[p][i * b->widths[p] + number - t->u.offset[p - 1]];
}

static double units_off(trial *t, const batch *b, int i, bool gradients, int level)
{
  double y[CHECK_MAX_E], w[CHECK_MAX_W], want[OUTPUTS], slack[OUTPUTS], worst = 0;
  take(t, b, i, y, w);
  exact(t, y, w, want);
  slack_of(t, y, w, want, slack);
  int first = gradients ? 1 : 0, last = gradients ? t->u.E + t->u.W : 0;
  for (int k = first; k <= last; k++) {
    float got = found_at(t, b, i, k);
    if (k > t->u.E && !grid_learned(t, k - 1 - t->u.E)) continue;
    if (got == (float)want[k] || (isnan(got) && isnan(want[k]))) continue;
    double size = k ? want[k] : fmax(1, fabs(want[k])),
           off = (fabs((double)got - want[k]) - slack[k]) / float_ulp(size);
    worst = fmax(worst, off);
    if (!(off <= UNITS))
      check_that(
          t, false,
          "level %d, output %d (value, dx, dw): found %.9g, expected %.9g, %.1f units off at %s",
          level, k, (double)got, want[k], off, place_of(t, y, w).text);
  }
  return worst;
}

static bool has_kernel(trial *t)
{
  const elbo_family *f = t->u.family;
  if (!f->log_prob_f32[0]) check_absent(t, "no float kernel: the double function is looped over");
  return f->log_prob_f32[0];
}

static void against_double(trial *t, bool gradients)
{
  batch b;
  double worst = 0;
  if (!has_kernel(t) || !batch_new(t, &b, EVENTS)) return;
  fill(t, &b);
  for (int level = 0; level <= registry_level(t->registry) && !check_failed(t); level++) {
    elbo_log_prob_f32 *kernel = t->u.family->log_prob_f32[level];
    if (!kernel) continue;
    elbo_rc rc = call(t, kernel, (size_t)b.n, 1, &b, gradients);
    check_that(t, rc == ELBO_OK, "level %d answers %d", level, (int)rc);
    for (int i = 0; i < b.n && !check_failed(t); i++)
      worst = fmax(worst, units_off(t, &b, i, gradients, level));
  }
  check_says(t, "worst %.2f units beyond the condition, %d events, levels 0 to %d", worst, b.n,
             registry_level(t->registry));
  batch_free(&b);
}

void check_kernel(trial *t)
{
  against_double(t, false);
}
void check_kernel_gradient(trial *t)
{
  against_double(t, true);
}

/* ---- layout */
enum { ROWS = 5, D = 37 };

/* Rows spread out, each number one float away from where it was aligned. */
static bool spread(const batch *b, batch *to)
{
  *to = *b;
  bool fine = true;
  for (int i = 0; i < b->inputs; i++) {
    size_t row = D * (size_t)b->widths[i], stride = row + 3;
    float *at = calloc(ROWS * stride + 1, sizeof *at);
    to->in[i] = at;
    to->out[i] = calloc(ROWS * row + 1, sizeof(float));
    fine = fine && at && to->out[i];
    for (size_t r = 0; fine && r < ROWS; r++)
      memcpy(at + 1 + r * stride, b->in[i] + r * row, row * sizeof *at);
  }
  to->value = calloc(ROWS + 1, sizeof(float));
  return fine && to->value;
}

static elbo_rc call_spread(trial *t, elbo_log_prob_f32 *kernel, const batch *s)
{
  elbo_rows w[INPUTS], x = { s->in[0] + 1, D * (size_t)s->widths[0] + 3 };
  float *dw[INPUTS];
  for (int p = 1; p < s->inputs; p++) {
    w[p - 1] = (elbo_rows){ s->in[p] + 1, D * (size_t)s->widths[p] + 3 };
    dw[p - 1] = s->out[p] + 1;
  }
  note(t, "log_prob_f32 on strided rows", NULL, NULL);
  return kernel(&t->u.call, ROWS, D, x, w, s->value + 1, s->out[0] + 1, dw);
}

static void strided(trial *t, elbo_log_prob_f32 *kernel, const batch *b)
{
  batch s;
  if (check_that(t, spread(b, &s), "no memory") && call_spread(t, kernel, &s) == ELBO_OK) {
    check_that(t, !memcmp(s.value + 1, b->value, ROWS * sizeof(float)),
               "values of strided, unaligned rows are other bits than those of dense ones");
    for (int i = 0; i < b->inputs; i++)
      check_that(
          t, !memcmp(s.out[i] + 1, b->out[i], ROWS * D * (size_t)b->widths[i] * sizeof(float)),
          "gradients (%d) of strided, unaligned rows are other bits than those of dense ones", i);
  }
  batch_free(&s);
}

/* Each row alone, the value alone, and one row of parameters for all. */
static void alone(trial *t, elbo_log_prob_f32 *kernel, const batch *b)
{
  float value, only[ROWS], all[ROWS];
  batch one = *b;
  one.value = all;
  call(t, kernel, ROWS, D, &one, false);
  one.value = &value;
  for (int r = 0; r < ROWS; r++) {
    for (int i = 0; i < b->inputs; i++) one.in[i] = b->in[i] + r * D * b->widths[i];
    call(t, kernel, 1, D, &one, false);
    check_that(t, !memcmp(&value, &all[r], sizeof value),
               "row %d alone gives %.9g, in a batch %.9g", r, (double)value, (double)all[r]);
    double off = fabs((double)all[r] - (double)b->value[r]) / float_ulp((double)all[r]);
    check_that(t, !(off > UNITS), "row %d: %.9g without gradients, %.9g with them", r,
               (double)all[r], (double)b->value[r]);
  }
  elbo_rows x = { b->in[0], D * (size_t)b->widths[0] }, w[INPUTS];
  for (int p = 1; p < b->inputs; p++) w[p - 1] = (elbo_rows){ b->in[p], 0 };
  note(t, "log_prob_f32 on broadcast rows", NULL, NULL);
  kernel(&t->u.call, ROWS, D, x, w, only, NULL, NULL);
  for (int r = 0; r < ROWS; r++) {
    elbo_rows row = { b->in[0] + r * D * b->widths[0], 0 };
    kernel(&t->u.call, 1, D, row, w, &value, NULL, NULL);
    check_that(t, !memcmp(&value, &only[r], sizeof value),
               "row %d with broadcast parameters gives %.9g, alone %.9g", r, (double)only[r],
               (double)value);
  }
}

void check_kernel_layout(trial *t)
{
  batch b;
  if (!has_kernel(t) || !batch_new(t, &b, ROWS * D)) return;
  fill(t, &b);
  if (!check_that(t, b.n == ROWS * D, "too few events could be drawn")) return;
  for (int level = 0; level <= registry_level(t->registry) && !check_failed(t); level++) {
    elbo_log_prob_f32 *kernel = t->u.family->log_prob_f32[level];
    if (!kernel) continue;
    call(t, kernel, ROWS, D, &b, true);
    strided(t, kernel, &b);
    alone(t, kernel, &b);
  }
  batch_free(&b);
  check_says(t, "%d rows of %d events", ROWS, D);
}

/* ---- divergences: n pairs of events, d = 1 */
typedef struct {
  trial q, p;
  const elbo_kl *row;
} kl_pair;

static double kl_units(trial *t, kl_pair *k, elbo_kl_f32 *kernel, uint32_t i)
{
  double w[2][CHECK_MAX_W], moved;
  float wf[2][CHECK_MAX_W], dwf[2][CHECK_MAX_W], value;
  elbo_rows rows[2][FAMILY_MAX_PARAMS];
  float *out[2][FAMILY_MAX_PARAMS];
  trial *side[2] = { &k->q, &k->p };
  for (int s = 0; s < 2; s++) {
    grid_moderate(side[s], i + 50u * (uint32_t)s, w[s]);
    for (int j = 0; j < side[s]->u.W; j++) w[s][j] = (double)(wf[s][j] = (float)w[s][j]);
    for (uint32_t p = 0; p < side[s]->u.family->n_params; p++) {
      rows[s][p] = (elbo_rows){ wf[s] + side[s]->u.offset[p], 0 };
      out[s][p] = dwf[s] + side[s]->u.offset[p];
    }
  }
  note(t, "kl_f32", NULL, w[0]);
  kernel(&t->u.call, 1, 1, rows[0], rows[1], &value, out[0], out[1]);
  double want = k->row->kl(&t->u.call, w[0], w[1], NULL, NULL), slack = 0;
  for (int s = 0; s < 2; s++)
    for (int j = 0; j < side[s]->u.W; j++) {
      double keep = w[s][j];
      w[s][j] *= 1 + 0x1p-24;
      moved = k->row->kl(&t->u.call, w[0], w[1], NULL, NULL);
      slack += 2 * fabs(moved - want);
      w[s][j] = keep;
    }
  double off = (fabs((double)value - want) - slack) / float_ulp(fmax(1, fabs(want)));
  check_that(t, off <= UNITS, "KL(%s || %s): found %.9g, expected %.9g, %.1f units off at %s",
             k->row->q, k->row->p, (double)value, want, off, place_of(t, NULL, w[0]).text);
  return off;
}

void check_kernel_kl(trial *t)
{
  const elbo_family *f = t->u.family;
  double worst = 0;
  int n = 0;
  for (uint32_t i = 0; i < f->n_kls; i++)
    for (int level = 0; level <= registry_level(t->registry); level++) {
      kl_pair k = { *t, *t, &f->kls[i] };
      const plugin *q = registry_find(t->registry, ELBO_KIND_FAMILY, k.row->q, NULL),
                   *p = registry_find(t->registry, ELBO_KIND_FAMILY, k.row->p, NULL);
      if (!f->kls[i].kl_f32[level] || !q || !p) continue;
      k.q.plugin = q;
      k.p.plugin = p;
      if (!check_dim(&k.q, t->u.K) || !check_dim(&k.p, t->u.K)) continue;
      for (uint32_t j = 0; j < 200 && !check_failed(t); j++, n++)
        worst = fmax(worst, kl_units(t, &k, f->kls[i].kl_f32[level], j));
    }
  check_says(t, "worst %.2f units over %d values", worst, n);
  if (!n) check_absent(t, "no float divergences: the double functions are looped over");
}

/* ---- standard variates. A uniform rounded to float moves a variate in the far tail more than
 * 1e-5. */
void check_kernel_standard(trial *t)
{
  enum { N = 4096 };
  static const double most = 0.05, usual = 1e-5;
  const elbo_family *f = t->u.family;
  float out[N];
  int off = 0;
  double worst = 0;
  if (!f->standard_f32[0] || !f->standard) {
    check_absent(t, "no float kernel of the standard variate");
    return;
  }
  for (int level = 0; level <= registry_level(t->registry); level++) {
    elbo_noise first = check_noise(9, 0);
    elbo_noise_row row = { .key = first.key, .row = first.row, .step = first.step, .level = level };
    if (!f->standard_f32[level]) continue;
    note(t, "standard_f32", NULL, NULL);
    f->standard_f32[level](&t->u.call, &row, N, out);
    for (uint32_t j = 0; j < N; j++) {
      elbo_noise e = check_noise(9, j);
      double want = f->standard(&t->u.call, &e), d = fabs((double)out[j] - want) / (1 + fabs(want));
      off += d > usual;
      worst = fmax(worst, d);
      check_that(t, d <= most, "level %d, element %u: found %.9g, expected %.9g", level, j,
                 (double)out[j], want);
    }
  }
  check_that(t, off <= (registry_level(t->registry) + 1) * N / 20,
             "%d of %d variates are off by more than %g", off,
             (registry_level(t->registry) + 1) * N, usual);
  check_says(t, "worst difference %.1e of 1 + |z|", worst);
}
