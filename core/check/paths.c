/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Derivatives of draws by parameters at a fixed value. In one dimension dz/dw = -(dF/dw)/f
 * (Figurnov, Mohamed and Mnih 2018, eq. 5). In any dimension the velocity field v = dz/dw must
 * carry the density: d log q/dw + div v + v . grad log q = 0, the continuity equation (Jankowiak
 * and Obermeyer 2018, eq. 8). */
#include "check/inside.h"

#include <math.h>
#include <string.h>

/* On a circle the cdf has no natural start. */
bool has_pathwise(const trial *t)
{
  const elbo_family *f = t->u.family;
  return f->cdf && !f->event_rank && !family_is_discrete(f) && f->support.kind != ELBO_SUP_CIRCLE;
}

/* ---- -(dF/dw)/f by differences of the smaller tail */
typedef struct {
  trial *t;
  double w[CHECK_MAX_W], y;
  int upper, k;
} tail_line;
static double tail_at(void *arg, double at)
{
  tail_line *l = arg;
  double keep = l->w[l->k];
  l->w[l->k] = at;
  double F = ask_cdf(l->t, l->y, l->w, l->upper, NULL);
  l->w[l->k] = keep;
  return F;
}

static int pathwise_at(trial *t, const elbo_reparam *r, tail_line *l)
{
  double dw[CHECK_MAX_W], one = 1, error;
  int n = 0;
  const elbo_family *f = t->u.family;
  double density =
      exp(ask_log_prob(t, &l->y, l->w, NULL, NULL) + form_log_slope(f->value_form, l->y));
  if (!(density > 1e-200) || isinf(density)) return 0;
  elbo_rc rc = ask_backward(t, r, &l->y, l->w, &one, dw);
  check_that(t, rc == ELBO_OK, "backward of %s answers %d at %s", r->name, (int)rc,
             place_of(t, &l->y, l->w).text);
  l->upper = ask_cdf(t, l->y, l->w, 0, NULL) > 0.5;
  for (l->k = 0; l->k < t->u.W && rc == ELBO_OK; l->k++) {
    if (!grid_learned(t, l->k)) continue;
    double d = difference(tail_at, l, l->w[l->k], &error), want = (l->upper ? 1 : -1) * d / density;
    error /= density;
    if (!(error <= 1e-4 * (fabs(want) + 1e-6))) continue;
    n++;
    check_that(t, fabs(dw[l->k] - want) <= 1e-6 * fabs(want) + 30 * error + 1e-12,
               "dz / d %s by %s: found %.12g, expected %.12g at %s%s", number_name(t, l->k).text,
               r->name, dw[l->k], want, place_of(t, &l->y, l->w).text,
               slip_of(t, l->k, l->w, dw[l->k], want));
  }
  return n;
}

int pathwise_of(trial *t, const elbo_reparam *r)
{
  tail_line l = { .t = t };
  int n = 0;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    space s;
    double v;
    if (!grid_at(t, i, l.w) || !space_open(&s, t, l.w)) continue;
    for (int k = 0; k < space_count(t); k++) {
      space_points(&s, k, &v);
      space_value(&s, &v, &l.y);
      n += pathwise_at(t, r, &l);
    }
  }
  return n;
}

static bool none_learned(const trial *t)
{
  for (int k = 0; k < t->u.W; k++)
    if (grid_learned(t, k)) return false;
  return true;
}

void check_pathwise(trial *t)
{
  const elbo_reparam *r = own_road(t);
  if (!r || !has_pathwise(t) || none_learned(t)) {
    check_absent(t, !r                 ? "it has no road to a gradient"
                    : !has_pathwise(t) ? "no cdf on a line: see continuity"
                                       : "no parameter is learned");
    return;
  }
  int n = pathwise_of(t, r);
  check_that(t, n > 0, "no derivative of the cdf could be resolved by differences");
  check_says(t, "%d derivatives by %s", n, r->name);
}

/* ---- the continuity equation, in coordinates c [D]: the value itself, or the log ratios of a
 * simplex to its last corner */
typedef struct {
  trial *t;
  const elbo_reparam *r;
  double w[CHECK_MAX_W], c[CHECK_MAX_E], y[CHECK_MAX_E];
  int D, j, k; /* along coordinate j; by working number k */
} flow;

static bool is_simplex(const flow *l)
{
  return l->t->u.family->support.kind == ELBO_SUP_SIMPLEX;
}

/* Sets y; log dx/dc. */
static double place_flow(flow *l)
{
  const elbo_family *f = l->t->u.family;
  double slope = 0, top = 0, sum = 0;
  if (!is_simplex(l)) {
    for (int k = 0; k < l->D; k++) slope += form_log_slope(f->value_form, l->y[k] = l->c[k]);
    return slope;
  }
  for (int k = 0; k < l->D; k++) top = fmax(top, l->c[k]);
  for (int k = 0; k <= l->D; k++) sum += exp((k < l->D ? l->c[k] : 0) - top);
  for (int k = 0; k <= l->D; k++) {
    l->y[k] = (k < l->D ? l->c[k] : 0) - top - log(sum);
    slope += l->y[k];
    if (f->value_form == ELBO_X_PLAIN) l->y[k] = exp(l->y[k]);
  }
  return slope;
}

static double flow_density(void *arg, double at)
{
  flow *l = arg;
  double keep = l->c[l->j];
  l->c[l->j] = at;
  double slope = place_flow(l), f = ask_log_prob(l->t, l->y, l->w, NULL, NULL);
  l->c[l->j] = keep;
  return f + slope;
}

/* dc_j / dw_k: of a simplex the difference of two logs. */
static double velocity(void *arg, double at)
{
  flow *l = arg;
  double dx[CHECK_MAX_E] = { 0 }, dw[CHECK_MAX_W], keep = l->c[l->j];
  l->c[l->j] = at;
  place_flow(l);
  bool plain = is_simplex(l) && l->t->u.family->value_form == ELBO_X_PLAIN;
  dx[l->j] = plain ? 1 / l->y[l->j] : 1;
  if (is_simplex(l)) dx[l->D] = plain ? -1 / l->y[l->D] : -1;
  l->c[l->j] = keep;
  return ask_backward(l->t, l->r, l->y, l->w, dx, dw) == ELBO_OK ? dw[l->k] : NAN;
}

static int balance(flow *l)
{
  trial *t = l->t;
  double score[CHECK_MAX_W], e1, e2;
  place_flow(l);
  if (!isfinite(ask_log_prob(t, l->y, l->w, NULL, score))) return 0;
  double sum = score[l->k], size = fabs(sum), error = 0;
  for (l->j = 0; l->j < l->D; l->j++) {
    double v = velocity(l, l->c[l->j]), div = difference(velocity, l, l->c[l->j], &e1),
           grad = difference(flow_density, l, l->c[l->j], &e2);
    sum += div + v * grad;
    size += fabs(div) + fabs(v * grad);
    error += e1 + fabs(v) * e2;
  }
  if (!(error <= 1e-4 * (size + 1e-6))) return 0;
  place_flow(l);
  check_that(t, fabs(sum) <= 1e-6 * size + 30 * error + 1e-9,
             "by %s the density is not carried along: d log q / d %s + div v + v . "
             "grad log q = %.3g of %.3g at %s",
             l->r->name, number_name(t, l->k).text, sum, size, place_of(t, l->y, l->w).text);
  return 1;
}

/* A point of a simplex stays on it: the velocity has no part along the gradient of the sum of x. */
static void stays_on_simplex(flow *l)
{
  double dx[CHECK_MAX_E], dw[CHECK_MAX_W], size[CHECK_MAX_W];
  bool plain = l->t->u.family->value_form == ELBO_X_PLAIN;
  for (int k = 0; k < l->t->u.W; k++) size[k] = 0;
  for (int j = 0; j <= l->D; j++) {
    for (int k = 0; k <= l->D; k++) dx[k] = k == j ? (plain ? 1 : exp(l->y[k])) : 0;
    if (ask_backward(l->t, l->r, l->y, l->w, dx, dw) != ELBO_OK) return;
    for (int k = 0; k < l->t->u.W; k++) size[k] += fabs(dw[k]);
  }
  for (int k = 0; k <= l->D; k++) dx[k] = plain ? 1 : exp(l->y[k]);
  if (ask_backward(l->t, l->r, l->y, l->w, dx, dw) != ELBO_OK) return;
  for (int k = 0; k < l->t->u.W; k++)
    check_that(l->t, !grid_learned(l->t, k) || fabs(dw[k]) <= 1e-9 * (1 + size[k]),
               "by %s the sum of x does not stay 1: d (sum of x) / d %s = %.6g, expected 0 at %s",
               l->r->name, number_name(l->t, k).text, dw[k], place_of(l->t, l->y, l->w).text);
}

static int flow_at(flow *l, uint32_t i)
{
  int n = 0;
  elbo_noise e = check_noise(41, i);
  if (ask_forward(l->t, l->r, &e, l->w, l->y) != ELBO_OK) return 0;
  for (int k = 0; k < l->D; k++) {
    bool plain = l->t->u.family->value_form == ELBO_X_PLAIN;
    l->c[k] = !is_simplex(l) ? l->y[k] : plain ? log(l->y[k] / l->y[l->D]) : l->y[k] - l->y[l->D];
    if (!isfinite(l->c[k])) return 0;
  }
  if (is_simplex(l)) stays_on_simplex(l);
  for (l->k = 0; l->k < l->t->u.W; l->k++)
    if (grid_learned(l->t, l->k)) n += balance(l);
  return n;
}

int continuity_of(trial *t, const elbo_reparam *r)
{
  flow l = { .t = t, .r = r };
  bool vector = t->u.family->event_rank;
  int n = 0, spots = t->thorough ? 20 : vector ? 2 : 5;
  l.D = is_simplex(&l) ? t->u.E - 1 : t->u.E;
  for (int i = 0; i < (vector ? 3 : grid_size(t)) && !check_failed(t); i++) {
    if (!(vector ? grid_moderate(t, (uint32_t)i, l.w) : grid_at(t, i, l.w))) continue;
    for (int k = 0; k < spots; k++) n += flow_at(&l, (uint32_t)(100 * i + k));
  }
  return n;
}

void check_continuity(trial *t)
{
  const elbo_reparam *r = own_road(t);
  if (!r || family_is_discrete(t->u.family) || none_learned(t)) {
    check_absent(t, !r                ? "it has no road to a gradient"
                    : none_learned(t) ? "no parameter is learned"
                                      : "a discrete support");
    return;
  }
  int n = continuity_of(t, r);
  check_that(t, n > 0, "no derivative could be resolved by differences");
  check_says(t, "%d balances by %s", n, r->name);
}

/* ---- roads against each other */
static int roads_at(trial *t, const elbo_reparam *a, const elbo_reparam *b, const double *w,
                    uint32_t i)
{
  double y[CHECK_MAX_E], one = 1, da[CHECK_MAX_W], db[CHECK_MAX_W];
  elbo_noise e = check_noise(43, i);
  if (ask_forward(t, i % 2 ? a : b, &e, w, y) != ELBO_OK) return 0;
  if (ask_backward(t, a, y, w, &one, da) || ask_backward(t, b, y, w, &one, db)) return 0;
  for (int k = 0; k < t->u.W; k++)
    check_that(t, !grid_learned(t, k) || fabs(da[k] - db[k]) <= 1e-8 * fabs(da[k]) + 1e-12,
               "dz / d %s: %.15g by %s, %.15g by %s at %s", number_name(t, k).text, da[k], a->name,
               db[k], b->name, place_of(t, y, w).text);
  return 1;
}

static int two_roads(trial *t, const elbo_reparam *a, const elbo_reparam *b)
{
  double w[CHECK_MAX_W];
  int n = 0;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    if (!grid_at(t, i, w) || !space_reached(t, w)) continue;
    for (uint32_t k = 0; k < 20; k++) n += roads_at(t, a, b, w, k);
  }
  return n;
}

void check_roads(trial *t)
{
  const elbo_family *f = t->u.family;
  const elbo_reparam *own = own_road(t);
  int n = 0, roads = 0;
  if (!own || f->event_rank || family_is_discrete(f) || f->support.kind == ELBO_SUP_CIRCLE) {
    check_absent(t, !own ? "it has no road to a gradient" : "not a scalar on a line");
    return;
  }
  for (size_t i = 0; i < registry_count(t->registry); i++) {
    const plugin *p = registry_at(t->registry, i);
    const elbo_reparam *r = p->info.table;
    if (strcmp(p->info.kind, "reparametrizer") || r == own || r->missing(f)) continue;
    n += two_roads(t, own, r);
    roads++;
  }
  check_says(t, "%d other roads, %d values", roads, n);
  if (!roads) check_absent(t, "no other reparametrizer applies");
}
