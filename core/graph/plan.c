/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory plan: every value, gradient and saved block gets a lifetime on the time line of one
   step (forward of node p at time p, its vjp at 2 L - 1 - p) and a place in one arena, so that
   blocks whose lives do not meet share memory. Largest first, lowest place. */
#include "graph/inside.h"
#include "graph/ops.h"

#include <stdlib.h>

typedef struct block {
  size_t floats, at;
  size_t *to; /* where the offset goes */
  int from, until;
} block;

typedef struct planner {
  graph *g;
  block *blocks;
  int n;
  int *time;  /* [nodes] forward time */
  int *until; /* [nodes] last time the value is read */
  int *first; /* [nodes] first time the gradient is written */
  int end;
} planner;

static node_id owner(const graph *g, node_id id)
{
  while (g->nodes[id]->op->alias) id = g->nodes[id]->in[0].node;
  return id;
}

static int later(int a, int b)
{
  return a > b ? a : b;
}
static int sooner(int a, int b)
{
  return a < b ? a : b;
}

static bool has_vjp(const graph *g, const node *n)
{
  return g->options.train && n->has_grad && n->needs_grad && n->op->vjp[0].run;
}

static void find_lives(planner *p)
{
  graph *g = p->g;
  for (int i = 0, t = 0; i < g->n; i++) {
    p->time[i] = p->until[i] = g->live[i] ? t++ : 0;
    p->first[i] = p->end;
  }
  for (int i = 0; i < g->n; i++) {
    const node *n = g->nodes[i];
    if (!g->live[i]) continue;
    int back = p->end - 1 - p->time[i], own = owner(g, i);
    if (n->keep) p->until[own] = p->end;
    if (has_vjp(g, n) && n->op->vjp_reads_value) p->until[own] = later(p->until[own], back);
    for (int k = 0; k < n->n_in; k++) {
      int from = owner(g, n->in[k].node);
      p->until[from] =
          later(p->until[from], has_vjp(g, n) && n->op->vjp_reads_input ? back : p->time[i]);
      int written = n->in[k].in_place ? p->time[i] : back;
      if (n->in[k].wants_grad && !n->op->alias) p->first[from] = sooner(p->first[from], written);
    }
  }
}

static void want(planner *p, size_t floats, size_t *to, int from, int until)
{
  p->blocks[p->n++] =
      (block){ .floats = (floats + 15) / 16 * 16, .to = to, .from = from, .until = until };
}

/* Numbers a row that are saved in the node's own block. */
static size_t own_saved_cols(const graph *g, const node *n)
{
  size_t cols = n->saved_cols;
  for (int k = 0; k < n->n_in; k++)
    if (n->in[k].in_place) cols -= g->nodes[n->in[k].node]->shape.cols;
  return cols;
}

static elbo_status list_blocks(planner *p, error *e)
{
  graph *g = p->g;
  for (int i = 0; i < g->n; i++) {
    node *n = g->nodes[i];
    size_t floats, saved;
    if (!g->live[i] || n->op->alias || n->op == &op_param) continue;
    if (!mem_size(full_rows(g, n->shape), n->shape.cols, &floats) ||
        !mem_size(full_rows(g, n->shape), own_saved_cols(g, n), &saved) || floats > SIZE_MAX / 64 ||
        saved > SIZE_MAX / 64)
      return fail(e, ELBO_E_MEMORY, "%s: %zu x %zu numbers are too many", n->name,
                  full_rows(g, n->shape), n->shape.cols);
    int back = p->end - 1 - p->time[i];
    int from = n->keep && !g->by_sample[i] ? 0 : p->time[i]; /* a later run finds it there */
    bool vjp = has_vjp(g, n);
    if (n->op != &op_constant) want(p, floats, &n->value_at, from, p->until[i]);
    if (vjp) {
      int seed = g->zero_grad[i] || i == g->options.objective ? p->end / 2 : p->first[i];
      want(p, floats, &n->grad_at, sooner(seed, back), back);
    }
    if (saved && (vjp || n->op->reads_saved))
      want(p, saved, &n->saved_at, p->time[i], vjp ? back : p->time[i]);
  }
  return ELBO_DONE;
}

static int larger_first(const void *a, const void *b)
{
  const block *x = a, *y = b;
  if (x->floats != y->floats) return x->floats < y->floats ? 1 : -1;
  return (x->to > y->to) - (x->to < y->to);
}

/* The lowest place where block i meets none of those placed before it. Each collision moves it up,
 * so the loop ends. */
static void put(block *b, int i)
{
  b[i].at = 0;
  for (int k = 0; k < i; k++) {
    bool meet = b[k].from <= b[i].until && b[i].from <= b[k].until &&
                b[k].at < b[i].at + b[i].floats && b[i].at < b[k].at + b[k].floats;
    if (!meet) continue;
    b[i].at = b[k].at + b[k].floats;
    k = -1;
  }
}

static void follow_aliases(graph *g)
{
  for (int i = 0; i < g->n; i++) {
    node *n = g->nodes[i];
    if (!n->op->alias) continue;
    const node *from = g->nodes[n->in[0].node];
    size_t shift = n->op == &op_slice ? ((const slice_attr *)n->attr)->first : 0;
    n->value_at = from->value_at + shift;
    n->grad_at = from->grad_at + shift;
    n->ld = from->ld;
  }
}

elbo_status plan_memory(graph *g, error *e)
{
  planner p = { .g = g };
  size_t n = (size_t)g->n + 1;
  p.blocks = mem_new(3 * n, sizeof *p.blocks, "the memory plan", e);
  p.time = mem_new(3 * n, sizeof *p.time, "the memory plan", e);
  if (!p.blocks || !p.time) goto out;
  p.until = p.time + n, p.first = p.until + n;
  for (int i = 0; i < g->n; i++) p.end += 2 * g->live[i];
  find_lives(&p);
  if (list_blocks(&p, e)) goto out;
  qsort(p.blocks, (size_t)p.n, sizeof *p.blocks, larger_first);
  g->arena_floats = 0;
  for (int i = 0; i < p.n; i++) {
    put(p.blocks, i);
    *p.blocks[i].to = p.blocks[i].at;
    if (p.blocks[i].at + p.blocks[i].floats > g->arena_floats)
      g->arena_floats = p.blocks[i].at + p.blocks[i].floats;
  }
  follow_aliases(g);
out:
  mem_free(p.blocks);
  mem_free(p.time);
  return e->status;
}
