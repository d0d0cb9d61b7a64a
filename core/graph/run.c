/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a sealed plan: task after task, each in its parts on the pool; nothing is allocated or
 * decided. */
#include "base/clock.h"
#include "base/guard.h"
#include "graph/inside.h"
#include "graph/ops.h"
#include <elbo/run.h>

#include <stdatomic.h>
#include <string.h>

/* Below this a step takes less time than a pool's barriers do, let alone a wait for a sleeping
   thread: the caller runs all pieces. The pieces are the same, and so are the bits. */
static bool too_small_to_share(const run *r)
{
  const double worth = 4e6, flop_per_float = 30;
  run_work w = run_count_work(r);
  return w.flop + flop_per_float * (double)w.floats < worth;
}

run *run_new(const graph *g, const run_env *env, float *params, float *grads, error *e)
{
  run *r = mem_new(1, sizeof *r, "a run", e);
  if (!r) return NULL;
  r->graph = g, r->env = *env, r->params = params, r->grads = grads;
  r->full_batch = r->batch = g->options.batch;
  r->samples = g->options.samples;
  if (too_small_to_share(r)) r->env.pool = NULL;
  r->arena = mem_new_aligned(g->arena_floats, sizeof(float), "values and gradients", e);
  r->cost = mem_new(2 * (size_t)g->n + 1, sizeof *r->cost, "the profile", e);
  if (!r->arena || !r->cost) {
    run_free(r);
    return NULL;
  }
  return r;
}

void run_free(run *r)
{
  if (!r) return;
  mem_free(r->arena);
  mem_free(r->cost);
  mem_free(r);
}

const node *in_node(const run *r, const node *n, int i)
{
  return r->graph->nodes[n->in[i].node];
}

static const node *storage(const run *r, const node *n)
{
  while (n->op->alias) n = in_node(r, n, 0);
  return n;
}

float *node_value(const run *r, const node *n)
{
  const op *kind = storage(r, n)->op;
  if (kind == &op_param) return r->params + n->value_at;
  if (kind == &op_constant)
    return (float *)((const constant_attr *)storage(r, n)->attr)->values + n->value_at;
  return r->arena + n->value_at;
}

/* A parameter's gradient stands in `grads` where its value stands in `params`. */
float *node_grad(const run *r, const node *n)
{
  return storage(r, n)->op == &op_param ? r->grads + n->value_at : r->arena + n->grad_at;
}

float *node_saved(const run *r, const node *n)
{
  return r->arena + n->saved_at;
}

float *node_saved_of(const run *r, const node *n, int i)
{
  size_t before = 0;
  if (n->in[i].in_place) return node_grad(r, in_node(r, n, i));
  for (int k = 0; k < i; k++)
    if (!n->in[k].in_place) before += in_node(r, n, k)->shape.cols;
  return node_saved(r, n) + before * rows_of(r, n->shape);
}

const float *run_value(const run *r, node_id id)
{
  return node_value(r, r->graph->nodes[id]);
}

size_t run_rows(const run *r, node_id id)
{
  return rows_of(r, r->graph->nodes[id]->shape);
}

void run_plugin_failed(run *r, const node *n, elbo_rc rc)
{
  int none = 0;
  if (atomic_compare_exchange_strong(&r->failed_rc, &none, (int)rc)) r->failed_node = n->id;
}

typedef struct job {
  run *r;
  const node *n;
  const op_pass *pass;
} job;

/* What this thread does: the only way for a handler of a signal to know whose fault it was. Of the
 * static model, as a lazy one could allocate inside the handler. */
typedef struct duty {
  const run *volatile r;
  const node *volatile n;
  volatile uint64_t serial;
} duty;
static _Thread_local duty at_work __attribute__((tls_model("initial-exec")));

static void take_up(const run *r, const node *n)
{
  at_work.r = NULL;
  at_work.n = n;
  at_work.serial++;
  at_work.r = r;
}

bool elbo_at_work(elbo_work *work)
{
  const run *r = at_work.r;
  const node *n = at_work.n;
  if (!r) return false;
  *work = (elbo_work){ .node = n->name,
                       .op = n->op->name,
                       .plugin = n->op->plugin ? n->op->plugin(n) : NULL,
                       .step = r->args.step,
                       .serial = at_work.serial };
  return true;
}

bool elbo_at_fault(const void *address, elbo_fault *fault)
{
  guard_fault f;
  if (!guard_broken(address, &f)) return false;
  *fault = (elbo_fault){ f.operation, f.deed, f.name };
  return true;
}

/* The caller's share leaves its record: it waits for the others, and for them alone. */
static void do_part(void *arg, int part, int parts)
{
  const job *j = arg;
  bool callers = at_work.r == j->r;
  if (!callers) take_up(j->r, j->n);
  j->pass->run(j->r, j->n, part, parts);
  if (!callers) at_work.r = NULL;
}

void run_task(run *r, const task *t)
{
  job j = { r, r->graph->nodes[t->node], t->pass };
  int parts = t->pass->parts ? t->pass->parts(r, j.n) : 1;
  take_up(r, j.n);
  pool_run(r->env.pool, do_part, &j, parts);
  at_work.r = NULL;
}

static void do_tasks(run *r, const task *tasks, int n, bool backward)
{
  if (!r->profiling) {
    for (int i = 0; i < n; i++) run_task(r, &tasks[i]);
    return;
  }
  double from = clock_seconds();
  for (int i = 0; i < n; i++) {
    const node *at = r->graph->nodes[tasks[i].node];
    run_task(r, &tasks[i]);
    double until = clock_seconds();
    node_cost *c = &r->cost[2 * at->id + backward];
    double (*flop)(const run *, const node *) = backward ? at->op->vjp_flop : at->op->flop;
    bool first = tasks[i].pass == (backward ? at->op->vjp : at->op->forward);
    c->seconds += until - from;
    c->calls += first;
    if (flop && first) {
      double skipped = at->op->skipped ? at->op->skipped(r, at, backward) : 0;
      c->gflop += 1e-9 * (flop(r, at) - skipped);
      c->skipped += 1e-9 * skipped;
    }
    from = until;
  }
}

static elbo_status plugin_error(run *r, error *e)
{
  static const char *const said[] = { "ok", "unsupported", "undefined",
                                      "a value or parameter outside its domain", "failed" };
  const node *n = r->graph->nodes[r->failed_node];
  int code = -r->failed_rc;
  r->failed_rc = 0;
  return fail(e, ELBO_E_PLUGIN, "node %s (op %s), step %llu: the plugin %s answered: %s", n->name,
              n->op->name, (unsigned long long)r->args.step,
              n->op->plugin ? n->op->plugin(n) : "behind it",
              code >= 0 && code < 5 ? said[code] : "an unknown code");
}

static void set_args(run *r, const step_args *a)
{
  r->args = *a;
  r->batch = a->batch;
  r->failed_rc = 0;
}

elbo_status run_forward(run *r, const step_args *a, error *e)
{
  set_args(r, a);
  r->ran = true;
  const graph *g = r->graph;
  if (a->same_batch)
    do_tasks(r, g->again, g->n_again, false);
  else
    do_tasks(r, g->forward, g->n_forward, false);
  return r->failed_rc ? plugin_error(r, e) : ELBO_DONE;
}

void run_start_gradient(run *r)
{
  const graph *g = r->graph;
  for (int i = 0; i < g->n; i++)
    if (g->zero_grad[i])
      memset(node_grad(r, g->nodes[i]), 0,
             rows_of(r, g->nodes[i]->shape) * g->nodes[i]->ld * sizeof(float));
  const node *objective = g->nodes[g->options.objective];
  if (objective->needs_grad) *node_grad(r, objective) = 1;
}

elbo_status run_backward(run *r, error *e)
{
  run_start_gradient(r);
  do_tasks(r, r->graph->backward, r->graph->n_backward, true);
  return r->failed_rc ? plugin_error(r, e) : ELBO_DONE;
}

void run_profile(run *r, bool on)
{
  r->profiling = on;
  memset(r->cost, 0, 2 * (size_t)r->graph->n * sizeof *r->cost);
}

node_cost run_cost(const run *r, node_id id, bool backward)
{
  return r->cost[2 * id + backward];
}

void part_range(size_t n, size_t unit, int part, int parts, size_t *from, size_t *to)
{
  size_t units = (n + unit - 1) / unit;
  *from = units * (size_t)part / (size_t)parts * unit;
  *to = units * ((size_t)part + 1) / (size_t)parts * unit;
  if (*to > n) *to = n;
  if (*from > n) *from = n;
}

int parts_for(double work, size_t most)
{
  enum { WORTH = 30000, MOST = 16 };
  double parts = work / WORTH;
  if (parts > MOST) parts = MOST;
  if (parts > (double)most) parts = (double)most;
  return parts < 2 ? 1 : (int)parts;
}
