/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real training step, timed: first whole, then once more with a clock at every node. */
#include "infer/bench.h"
#include "base/clock.h"
#include "base/sort.h"
#include "infer/context.h"

#include <math.h>
#include <stdio.h>
#include <sys/resource.h>

enum { WARM_UP = 20, LEAST_STEPS = 10, MOST_STEPS = 20000 };

/* Fills ms [MOST_STEPS]. */
static elbo_status time_steps(trainer *t, int64_t steps, double seconds, double *ms,
                              step_times *out, error *e)
{
  sums s = { 0 };
  double start = clock_seconds(), from = start;
  for (int i = 0; i < WARM_UP; i++) {
    if (trainer_step(t, &s, e)) return e->status;
    if (i == 0) out->first_ms = 1e3 * (clock_seconds() - start);
  }
  uint64_t before = mem_count();
  for (from = start = clock_seconds();
       out->n < MOST_STEPS &&
       (steps ? out->n < (size_t)steps : from - start < seconds || out->n < LEAST_STEPS);
       out->n++) {
    if (trainer_step(t, &s, e)) return e->status;
    double until = clock_seconds();
    ms[out->n] = 1e3 * (until - from);
    from = until;
  }
  out->allocations = (double)(mem_count() - before) / (double)out->n;
  out->mean_ms = 1e3 * (from - start) / (double)out->n;
  return ELBO_DONE;
}

elbo_status bench_steps(trainer *t, int64_t steps, double seconds, step_times *out, error *e)
{
  *out = (step_times){ 0 };
  double *ms = mem_new(MOST_STEPS, sizeof *ms, "the times", e);
  if (!ms) return e->status;
  if (!time_steps(t, steps, seconds, ms, out, e)) {
    sort_doubles(ms, out->n);
    out->median_ms = ms[out->n / 2], out->least_ms = ms[0];
  }
  mem_free(ms);
  return e->status;
}

/* "d q.z.net.0 (affine by non-zeros, 13 % of the products)": where data may be mostly zeros, the
 * share that was computed. */
static void name_op(const node *n, int backward, const node_cost *c, elbo_bench_op *op)
{
  char share[40] = "";
  if (n->op->skipped)
    snprintf(share, sizeof share, ", %.0f %% of the products",
             100 * c->gflop / (c->gflop + c->skipped));
  snprintf(op->name, sizeof op->name, "%s%.40s (%.20s%s)", backward ? "d " : "", n->name,
           n->op->name, share);
}

static elbo_status list_ops(elbo_experiment *x, trainer *t, size_t steps, elbo_bench_result *out,
                            error *e)
{
  const graph *g = t->m->mg.g;
  sums s = { 0 };
  run_profile(t->m->run, true);
  for (size_t i = 0; i < steps; i++)
    if (trainer_step(t, &s, e)) return e->status;
  mem_free(x->ops);
  x->ops = mem_new(2 * (size_t)graph_size(g) + 1, sizeof *x->ops, "the profile", e);
  if (!x->ops) return e->status;
  double all = 0, graph_ms = 0;
  for (int backward = 0; backward < 2; backward++)
    for (int i = 0; i < graph_size(g); i++) {
      node_cost c = run_cost(t->m->run, i, backward);
      if (!c.calls) continue;
      elbo_bench_op *op = &x->ops[out->n_ops++];
      name_op(graph_node(g, i), backward, &c, op);
      op->ms = 1e3 * c.seconds / (double)steps;
      op->gflop = c.gflop / (double)steps;
      all += op->gflop, graph_ms += op->ms;
    }
  run_profile(t->m->run, false);
  out->ops = x->ops;
  elbo_bench_op *rest = &x->ops[out->n_ops++];
  snprintf(rest->name, sizeof rest->name, "gradient norm, optimizer, batch order");
  rest->ms = fmax(0, out->ms_median - graph_ms);
  out->gflops = all / (1e-3 * out->ms_median);
  return ELBO_DONE;
}

elbo_status elbo_bench_step(elbo_experiment *x, int64_t steps, elbo_bench_result *out)
{
  error *e = context_enter(x->ctx);
  trainer *t = NULL;
  step_times times;
  struct rusage usage;
  *out = (elbo_bench_result){ 0 };
  if (!trainer_new(x->study, x->study->x->train.epochs, &t, e) &&
      !bench_steps(t, steps, 2, &times, e)) {
    out->ms_median = times.median_ms, out->ms_min = times.least_ms, out->ms_mean = times.mean_ms;
    out->allocations_per_step = times.allocations;
    list_ops(x, t, times.n < 200 ? times.n : 200, out, e);
    getrusage(RUSAGE_SELF, &usage);
    out->peak_rss_bytes = (size_t)usage.ru_maxrss * 1024;
  }
  trainer_free(t);
  return e->status;
}
