/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the first number that is not finite: only after the objective or the gradient's norm was
   not, since BLAS may hide a NaN from a later look (0 times NaN) and a look at every node would
   cost every step. */
#include "graph/inside.h"
#include "graph/ops.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct spot {
  size_t row, col;
  float value;
} spot;

static bool first_bad(const run *r, const node *n, const float *at, spot *s)
{
  for (size_t row = 0, rows = rows_of(r, n->shape); row < rows; row++)
    for (size_t col = 0; col < n->shape.cols; col++)
      if (!isfinite(at[row * n->ld + col])) {
        *s = (spot){ row, col, at[row * n->ld + col] };
        return true;
      }
  return false;
}

static float extreme(const run *r, const node *n, size_t row)
{
  const float *at = node_value(r, n) + row % rows_of(r, n->shape) * n->ld;
  float worst = at[0];
  for (size_t i = 1; i < n->shape.cols; i++)
    if (!(fabsf(at[i]) <= fabsf(worst))) worst = at[i];
  return worst;
}

/* "loc: -3.2, scale: 1e+30": of each input the number largest in size in that row. */
static void describe_inputs(const run *r, const node *n, size_t row, char *to, size_t room)
{
  size_t used = 0;
  to[0] = 0;
  for (int i = 0; i < n->n_in && used + 1 < room; i++) {
    const node *x = in_node(r, n, i);
    if (!rows_of(r, x->shape)) continue;
    int m = snprintf(to + used, room - used, "%s%s up to %.6g", i ? ", " : "", x->name,
                     (double)extreme(r, x, row));
    used += m > 0 ? (size_t)m : 0;
  }
}

/* `inputs_live`: the node's inputs are still in memory. */
static elbo_status report(const run *r, const node *n, const char *what, bool inputs_live,
                          const spot *s, error *e)
{
  char inputs[1024] = "";
  if (inputs_live) describe_inputs(r, n, s->row, inputs, sizeof inputs);
  const char *axis_word = n->shape.axis == AXIS_FIXED   ? "row"
                          : n->shape.axis == AXIS_BATCH ? "batch row"
                                                        : "sample row";
  return fail(e, ELBO_E_NOT_FINITE,
              "node %s (op %s%s%s): its %s is %g in %s %zu, column %zu%s%s; step %llu, seed %llu. "
              "Try a smaller learning rate, clip the gradient, or look at the data in that row",
              n->name, n->op->name, n->op->plugin ? ", plugin " : "",
              n->op->plugin ? n->op->plugin(n) : "", what, (double)s->value, axis_word, s->row,
              s->col, inputs[0] ? "; largest inputs there: " : "", inputs,
              (unsigned long long)r->args.step, (unsigned long long)r->env.seed);
}

/* Of task i, once the last of its node's passes has run: what is not yet written may hold
 * anything. */
static elbo_status look_at_gradients(run *r, int i, error *e)
{
  const graph *g = r->graph;
  const node *n = g->nodes[g->backward[i].node];
  spot s;
  if (i + 1 < g->n_backward && g->backward[i + 1].node == n->id) return ELBO_DONE;
  for (int k = 0; k < n->n_in; k++) {
    const node *x = in_node(r, n, k);
    if (n->in[k].wants_grad && first_bad(r, x, node_grad(r, x), &s))
      return report(r, x, "gradient", x->op->vjp_reads_input, &s, e);
  }
  return ELBO_DONE;
}

static elbo_status look_at_params(const run *r, error *e)
{
  spot s;
  for (int i = 0; i < r->graph->n; i++) {
    const node *n = r->graph->nodes[i];
    if (n->op == &op_param && r->graph->live[i] && first_bad(r, n, node_value(r, n), &s))
      return report(r, n, "value", false, &s, e);
  }
  return ELBO_DONE;
}

/* What the step that failed has left: values that were kept, and the parameters' gradients. */
static const node *look_at_remains(const run *r, spot *s, const char **what)
{
  for (int i = 0; i < r->graph->n; i++) {
    const node *n = r->graph->nodes[i];
    if (!r->graph->live[i]) continue;
    *what = n->op == &op_param ? "gradient" : "value";
    if (n->op == &op_param ? n->has_grad && r->grads && first_bad(r, n, node_grad(r, n), s)
                           : n->keep && first_bad(r, n, node_value(r, n), s))
      return n;
  }
  return NULL;
}

/* The same step gave other numbers: some plugin is not a function of its arguments. */
static elbo_status report_changed(const run *r, const node *n, const char *what, const spot *s,
                                  error *e)
{
  char names[512] = "";
  for (int i = 0; i < r->graph->n; i++) {
    const op *o = r->graph->nodes[i]->op;
    const char *name = r->graph->live[i] && o->plugin ? o->plugin(r->graph->nodes[i]) : NULL;
    size_t used = strlen(names);
    if (name && !strstr(names, name))
      snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
  }
  return fail(
      e, ELBO_E_NOT_FINITE,
      "node %s (op %s): its %s was %g in row %zu, column %zu, at step %llu, seed %llu; the same "
      "step run again is finite, so a "
      "plugin does not answer the same twice: one of %s. `elbo plugin check` looks for that",
      n->name, n->op->name, what, (double)s->value, s->row, s->col,
      (unsigned long long)r->args.step, (unsigned long long)r->env.seed, names);
}

elbo_status run_find_nonfinite(run *r, const step_args *a, error *e)
{
  const graph *g = r->graph;
  spot s, left;
  const char *what = "";
  r->args = *a, r->batch = a->batch, r->failed_rc = 0;
  if (look_at_params(r, e)) return e->status;
  const node *remains = r->ran ? look_at_remains(r, &left, &what) : NULL;
  for (int i = 0; i < g->n_forward; i++) {
    run_task(r, &g->forward[i]);
    const node *n = g->nodes[g->forward[i].node];
    bool last = i + 1 == g->n_forward || g->forward[i + 1].node != n->id;
    if (last && first_bad(r, n, node_value(r, n), &s)) return report(r, n, "value", true, &s, e);
  }
  if (g->options.train) run_start_gradient(r);
  for (int i = 0; i < g->n_backward; i++) {
    run_task(r, &g->backward[i]);
    if (look_at_gradients(r, i, e)) return e->status;
  }
  if (remains) return report_changed(r, remains, what, &left, e);
  return fail(e, ELBO_E_NOT_FINITE,
              "step %llu, seed %llu: every value and gradient is finite, but their squares "
              "overflow; clip the "
              "gradient or lower the learning rate",
              (unsigned long long)a->step, (unsigned long long)r->env.seed);
}
