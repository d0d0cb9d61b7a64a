/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nanoseconds an element, of the plugin and of the other families that are loaded. */
#include "check/inside.h"
#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ns an event of log_prob with gradients; the least of several goes. */
static double double_ns(trial *t)
{
  enum { CALLS = 500, GOES = 5 };
  double w[CHECK_MAX_W], y[CHECK_MAX_E], dx[CHECK_MAX_E], dw[CHECK_MAX_W], best = INFINITY;
  if (!some_event(t, 0, w, y)) return NAN;
  for (int g = 0; g < GOES; g++) {
    double start = clock_seconds();
    for (int i = 0; i < CALLS; i++) t->u.family->log_prob(&t->u.call, y, w, dx, dw);
    best = fmin(best, (clock_seconds() - start) * 1e9 / CALLS);
  }
  return best / t->u.E;
}

static double float_ns(trial *t)
{
  enum { EVENTS = 2048, GOES = 5 };
  double w[CHECK_MAX_W], y[CHECK_MAX_E], best = INFINITY;
  int n = 1 + (int)t->u.family->n_params;
  float *in[1 + FAMILY_MAX_PARAMS], *out[1 + FAMILY_MAX_PARAMS], value;
  elbo_rows rows[1 + FAMILY_MAX_PARAMS];
  if (!t->u.log_prob_f32 || !some_event(t, 0, w, y)) return NAN;
  bool fine = true;
  for (int i = 0; i < n; i++) {
    int width = i ? t->u.width[i - 1] : t->u.E;
    in[i] = malloc((size_t)(EVENTS * width) * sizeof(float));
    out[i] = malloc((size_t)(EVENTS * width) * sizeof(float));
    fine = fine && in[i] && out[i];
    for (int k = 0; fine && k < EVENTS * width; k++)
      in[i][k] = (float)(i ? w[t->u.offset[i - 1] + k % width] : y[k % width]);
    rows[i] = (elbo_rows){ in[i], 0 };
  }
  for (int g = 0; fine && g < GOES; g++) {
    double start = clock_seconds();
    t->u.log_prob_f32(&t->u.call, 1, EVENTS, rows[0], rows + 1, &value, out[0], out + 1);
    best = fmin(best, (clock_seconds() - start) * 1e9 / EVENTS);
  }
  for (int i = 0; i < n; i++) free(in[i]), free(out[i]);
  return best / t->u.E;
}

void check_speed(trial *t)
{
  double low = INFINITY, high = 0, own = double_ns(t), fast = float_ns(t);
  int others = 0;
  for (size_t i = 0; i < registry_count(t->registry); i++) {
    trial other = *t;
    other.plugin = registry_at(t->registry, i);
    if (other.plugin == t->plugin || strcmp(other.plugin->info.kind, "family")) continue;
    if (!check_dim(&other, family_has_dim(other.plugin->info.table) ? 3 : 1)) continue;
    double ns = double_ns(&other);
    if (isnan(ns)) continue;
    low = fmin(low, ns);
    high = fmax(high, ns);
    others++;
  }
  char kernel[64] = "no float kernel", beside[96] = "";
  if (!isnan(fast)) snprintf(kernel, sizeof kernel, "%.2f ns by the float kernel", fast);
  if (others)
    snprintf(beside, sizeof beside, "; %d other families %.0f to %.0f ns in double", others, low,
             high);
  check_that(t, !isnan(own), "no event to time");
  check_says(t, "%.0f ns an element in double, %s%s", own, kernel, beside);
}
