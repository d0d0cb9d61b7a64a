/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Draws. The bounds are those of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990) and
 * of Hoeffding (1963), which hold for every n: a right plugin fails all properties of this file
 * together with a probability below 1e-6. */
#include "check/inside.h"
#include "base/sort.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 3000, MANY = 30000, TESTS = 400 };
static const double failure = 1e-6 / TESTS;

static int draws_count(const trial *t)
{
  return t->thorough ? MANY : DRAWS;
}

/* Grid points whose draws are tried. */
static int draws_points(const trial *t)
{
  int n = grid_size(t);
  return n < 12 ? n : 12;
}

static bool can_draw(trial *t)
{
  const elbo_family *f = t->u.family;
  bool can = own_road(t) || f->draw || (f->icdf && !f->event_rank);
  if (!can) check_absent(t, "it can't be drawn from");
  return can;
}

static bool draw_many(trial *t, const double *w, uint32_t seed, int n, double *y)
{
  for (int i = 0; i < n; i++) {
    elbo_noise e = check_noise(seed, (uint32_t)i);
    elbo_rc rc = ask_draw(t, &e, w, y + (size_t)i * (size_t)t->u.E);
    if (!check_that(t, rc == ELBO_OK, "a draw answers %d at %s", (int)rc,
                    place_of(t, NULL, w).text))
      return false;
  }
  return true;
}

/* ---- Kolmogorov and Smirnov */
static double distance(trial *t, const double *w, double *y, int n)
{
  double worst = 0;
  bool discrete = family_is_discrete(t->u.family);
  sort_doubles(y, (size_t)n);
  for (int i = 0, next; i < n; i = next) {
    for (next = i; next < n && y[next] == y[i]; next++) {
    }
    double F = ask_cdf(t, y[i], w, 0, NULL);
    worst = fmax(worst, fabs((double)next / n - F));
    if (!discrete) worst = fmax(worst, fabs((double)i / n - F));
  }
  return worst;
}

void check_draws_cdf(trial *t)
{
  double w[CHECK_MAX_W], worst = 0;
  int n = draws_count(t);
  double bound = sqrt(log(2 / failure) / (2.0 * n));
  if (!can_draw(t)) return;
  if (!t->u.family->cdf || t->u.family->event_rank) {
    check_absent(t, t->u.family->event_rank ? "a vector event" : "cdf is not provided");
    return;
  }
  double *y = malloc((size_t)n * sizeof *y);
  if (!check_that(t, y != NULL, "no memory")) return;
  for (int i = 0; i < draws_points(t) && !check_failed(t); i++) {
    if (!grid_at(t, i, w) || !space_reached(t, w) || !draw_many(t, w, 1000 + (uint32_t)i, n, y))
      continue;
    double d = distance(t, w, y, n);
    worst = fmax(worst, d);
    check_that(t, d <= bound, "%d draws lie %.4f from the cdf, allowed are %.4f, at %s", n, d,
               bound, place_of(t, NULL, w).text);
  }
  free(y);
  check_says(t, "worst distance %.4f of %.4f allowed, %d draws each", worst, bound, n);
}

/* ---- bounded functions of draws: tanh of each number, their squares and a product */
typedef struct {
  int E, which;
  double middle[CHECK_MAX_E], size[CHECK_MAX_E];
} bounded;
static double bounded_at(const bounded *b, const double *y)
{
  int k = b->which % b->E, kind = b->which / b->E;
  double s = tanh((y[k] - b->middle[k]) / b->size[k]);
  if (kind == 0) return s;
  if (kind == 1) return s * s;
  int j = (k + 1) % b->E;
  return s * tanh((y[j] - b->middle[j]) / b->size[j]);
}
static place_text bounded_name(const trial *t, const bounded *b)
{
  place_text p;
  int k = b->which % b->E, kind = b->which / b->E, j = (k + 1) % b->E;
  size_t at = (size_t)snprintf(p.text, sizeof p.text, "tanh((%s - %.3g) / %.3g)",
                               value_name(t, k).text, b->middle[k], b->size[k]);
  if (kind == 1) snprintf(p.text + at, sizeof p.text - at, "^2");
  if (kind > 1)
    snprintf(p.text + at, sizeof p.text - at, " tanh((%s - %.3g) / %.3g)", value_name(t, j).text,
             b->middle[j], b->size[j]);
  return p;
}
static double bounded_phi(void *arg, const double *y, double f)
{
  return (void)f, 2 + bounded_at(arg, y);
}

/* Middle and size from other draws than those that are judged. */
static bool bounded_from(trial *t, const double *w, bounded *b)
{
  enum { N = 101 };
  double y[N * CHECK_MAX_E], one[N];
  b->E = t->u.E;
  if (!draw_many(t, w, 555, N, y)) return false;
  for (int k = 0; k < b->E; k++) {
    for (int i = 0; i < N; i++) one[i] = y[i * b->E + k];
    sort_doubles(one, N);
    b->middle[k] = one[N / 2];
    b->size[k] = fmax((one[3 * N / 4] - one[N / 4]) / 2, 1e-3 * fmax(1e-6, fabs(one[N / 2])));
    if (!isfinite(b->size[k] + b->middle[k])) return false;
  }
  return true;
}

static double compare_means(trial *t, const double *w, bounded *b, const double *y, int n)
{
  double worst = 0;
  int functions = b->E > 1 ? 3 * b->E : 2;
  for (b->which = 0; b->which < functions; b->which++) {
    bool square = b->which / b->E == 1; /* between 0 and 1, the others between -1 and 1 */
    double mean = 0, bound = (square ? 1 : 2) * sqrt(log(2 / failure) / (2.0 * n));
    for (int i = 0; i < n; i++) mean += bounded_at(b, y + i * b->E) / n;
    expected e = expectation(t, w, bounded_phi, b);
    if (e.cut || !isfinite(e.value)) continue;
    double off = fabs(mean - (e.value - 2));
    worst = fmax(worst, off);
    check_that(
        t, off <= bound + 10 * e.error + 1e-6,
        "the mean of %s over %d draws is %.4f, by log_prob it is %.4f +- %.4f, at %s: is the draw "
        "wrong, or the density (`total`)?",
        bounded_name(t, b).text, n, mean, e.value - 2, bound, place_of(t, NULL, w).text);
  }
  return worst;
}

void check_draws_density(trial *t)
{
  double w[CHECK_MAX_W], worst = 0;
  int n = draws_count(t), K = t->u.family->support.kind == ELBO_SUP_SIMPLEX ? 3 : 2;
  if (!can_draw(t) || (t->u.family->event_rank && !check_dim(t, K))) return;
  double *y = malloc((size_t)n * CHECK_MAX_E * sizeof *y);
  if (!check_that(t, y != NULL, "no memory")) return;
  int points = !t->u.family->event_rank ? draws_points(t) : t->thorough ? 3 : 1;
  for (int i = 0; i < points && !check_failed(t); i++) {
    bounded b;
    bool vector = t->u.family->event_rank;
    if (!(vector ? grid_vector(t, i, w) : grid_at(t, i, w))) continue;
    if (!bounded_from(t, w, &b) || !draw_many(t, w, 2000 + (uint32_t)i, n, y)) continue;
    worst = fmax(worst, compare_means(t, w, &b, y, n));
  }
  free(y);
  check_says(t, "worst difference of means %.4f, %d draws each", worst, n);
}

/* ---- support */
static bool inside(trial *t, const double *y, const double *w)
{
  const elbo_family *f = t->u.family;
  double sum = 0;
  if (f->value_form == ELBO_X_PLAIN) {
    /* an end may be met by rounding where the support is open */
    return family_in_support(&t->u, y, w) || isfinite(ask_log_prob(t, y, w, NULL, NULL)) ||
           (f->support.kind != ELBO_SUP_REAL && ask_log_prob(t, y, w, NULL, NULL) == INFINITY);
  }
  for (int k = 0; k < t->u.E; k++) {
    if (!isfinite(y[k])) return false;
    sum += exp(y[k]);
  }
  return f->value_form != ELBO_X_LOG_SIMPLEX || fabs(sum - 1) < 1e-9;
}

void check_draws_support(trial *t)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E];
  int n = 0;
  if (!can_draw(t)) return;
  for (int i = 0; i < grid_size(t) && !check_failed(t); i++) {
    bool vector = t->u.family->event_rank;
    if (!(vector ? grid_moderate(t, (uint32_t)i, w) : grid_at(t, i, w)) || !space_reached(t, w))
      continue;
    for (int k = 0; k < draws_count(t) / 10; k++, n++) {
      elbo_noise e = check_noise(3000 + (uint32_t)i, (uint32_t)k);
      if (ask_draw(t, &e, w, y) != ELBO_OK) continue;
      if (!inside(t, y, w))
        check_that(t, false, "a draw is not in %s, or the density there is 0: %s",
                   family_support_text(t->u.family), place_of(t, y, w).text);
    }
  }
  check_says(t, "%d draws", n);
}

/* ---- the same bits */
void check_same_bits(trial *t)
{
  enum { N = 64 };
  double w[CHECK_MAX_W], forth[N][CHECK_MAX_E] = { { 0 } }, back[N][CHECK_MAX_E] = { { 0 } };
  const elbo_family *f = t->u.family;
  if (!can_draw(t)) return;
  for (int i = 0; i < draws_points(t) && !check_failed(t); i++) {
    uint32_t used = 0;
    if (!grid_at(t, i, w)) continue;
    for (int k = 0; k < N; k++) {
      elbo_noise e = check_noise(7, (uint32_t)k);
      ask_draw(t, &e, w, forth[k]);
      used = e.draw > used ? e.draw : used;
    }
    for (int k = N - 1; k >= 0; k--) {
      elbo_noise e = check_noise(7, (uint32_t)k);
      ask_draw(t, &e, w, back[k]);
    }
    check_that(t, !memcmp(forth, back, sizeof forth),
               "draws from the same streams in another order differ at %s",
               place_of(t, NULL, w).text);
    check_that(t, !f->noise_per_event || !f->reparam || used <= f->noise_per_event,
               "an event takes %u draws of its stream, noise_per_event says %u", used,
               f->noise_per_event);
  }
  check_says(t, "%d draws in two orders", N);
}

/* ---- threads */
enum { THREADS = 4, EVENTS = 300 };
typedef struct {
  trial t;
  board board;
  double sum[EVENTS][3 + CHECK_MAX_E + CHECK_MAX_W];
} work;

static void one_event(trial *t, int i, double *out)
{
  double w[CHECK_MAX_W], y[CHECK_MAX_E] = { 0 }, dx[CHECK_MAX_E];
  elbo_noise e = check_noise(8, (uint32_t)i);
  const elbo_family *f = t->u.family;
  if (!grid_at(t, i % grid_size(t), w) || ask_draw(t, &e, w, y) != ELBO_OK) return;
  memcpy(out + 3, y, (size_t)t->u.E * sizeof *y);
  out[0] = ask_log_prob(t, y, w, dx, out + 3 + CHECK_MAX_E);
  if (f->cdf && !f->event_rank) out[1] = ask_cdf(t, out[3], w, 0, NULL);
  if (f->moment) ask_moment(t, ELBO_ENTROPY, w, out + 2);
}

static void *all_events(void *arg)
{
  work *k = arg;
  for (int i = 0; i < EVENTS; i++) one_event(&k->t, i, k->sum[i]);
  return NULL;
}

void check_threads(trial *t)
{
  pthread_t thread[THREADS];
  int started = 0;
  if (!can_draw(t)) return;
  work *k = calloc(THREADS + 1, sizeof *k);
  if (!check_that(t, k != NULL, "no memory")) return;
  for (int i = 0; i <= THREADS; i++) {
    k[i].t = *t;
    k[i].t.board = &k[i].board;
  }
  all_events(&k[THREADS]);
  note(t, "functions on several threads", NULL, NULL);
  while (started < THREADS && !pthread_create(&thread[started], NULL, all_events, &k[started]))
    started++;
  for (int i = 0; i < started; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < started; i++)
    check_that(t, !memcmp(k[i].sum, k[THREADS].sum, sizeof k[i].sum),
               "thread %d of %d computes other bits than one thread alone: is there a static "
               "variable?",
               i, started);
  free(k);
  check_says(t, "%d events on %d threads", EVENTS, started);
}
