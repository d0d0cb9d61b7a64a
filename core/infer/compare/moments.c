/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/compare/moments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- groups */
static int find_group(groups *g, const char *name, size_t n)
{
  for (int i = 0; i < g->n; i++)
    if (strlen(g->list[i].name) == n && !strncmp(g->list[i].name, name, n)) return i;
  if (g->n == GROUPS) return -1;
  group *to = &g->list[g->n];
  snprintf(to->name, sizeof to->name, "%.*s", (int)n, name);
  return g->n++;
}

/* "q.z.net.0.weight" -> "q.z.net"; "q.z.head.loc.bias" -> "q.z.head.loc"; "p.x.param.log_scale"
 * stays. */
static size_t leaf_length(const char *name)
{
  const char *net = strstr(name, ".net."), *last = strrchr(name, '.');
  if (net) return (size_t)(net - name) + 4;
  return strstr(name, ".head.") && last ? (size_t)(last - name) : strlen(name);
}

/* 64 random +-1 projections at the cost of one addition a number: a number falls into one of 64
   buckets with a random sign, and the projections are the rows of a Hadamard matrix times the
   buckets. */
static void draw_buckets(groups *g)
{
  philox_key key = philox_make_key(0, STREAM_DRAW * 9);
  for (size_t i = 0; i < g->P; i += 16) {
    uint32_t words[4];
    uint8_t bytes[16];
    philox_block(key, (uint32_t)(i / 16), 0, 0, 0, words);
    memcpy(bytes, words, sizeof bytes);
    for (size_t k = 0; k < 16 && i + k < g->P; k++) g->bucket[i + k] = bytes[k] & 127;
  }
}

static void set_leaf(groups *g, int leaf, size_t at, size_t count)
{
  g->list[leaf].leaves[leaf / 64] |= (uint64_t)1 << leaf % 64;
  memset(g->leaf_of + at, leaf, count);
}

static void add_unions(groups *g)
{
  static const char *const unions[] = { "all", "p", "q" };
  g->n_leaves = g->n;
  for (int u = 0; u < 3; u++) {
    int to = find_group(g, unions[u], strlen(unions[u]));
    for (int i = 0; i < g->n_leaves && to >= 0; i++)
      if (u == 0 || g->list[i].name[0] == unions[u][0])
        g->list[to].leaves[i / 64] |= (uint64_t)1 << i % 64;
  }
}

elbo_status groups_make(const graph *graph, groups *g, error *e)
{
  *g = (groups){ .P = graph_param_floats(graph) };
  g->leaf_of = mem_new(g->P, 1, "groups of parameters", e);
  g->bucket = mem_new(g->P, 1, "groups of parameters", e);
  if (!g->leaf_of || !g->bucket) return e->status;
  for (int i = 0; i < graph_tensor_count(graph); i++) {
    const named_tensor *t = graph_tensor(graph, i);
    int leaf = find_group(g, t->name, leaf_length(t->name));
    if (leaf < 0 || leaf >= GROUPS - 3)
      return fail(e, ELBO_E_USAGE,
                  "the model has more than %d networks, heads and free parameters to compare, `%s` "
                  "being one too many; compare a smaller model of the same kind",
                  GROUPS - 3, t->name);
    set_leaf(g, leaf, t->at, t->count);
  }
  add_unions(g);
  draw_buckets(g);
  return ELBO_DONE;
}

void groups_free(groups *g)
{
  mem_free(g->leaf_of);
  mem_free(g->bucket);
}

bool group_has_leaf(const groups *g, int k, int leaf)
{
  return g->list[k].leaves[leaf / 64] >> leaf % 64 & 1;
}

/* ---- accumulating */
elbo_status moments_new(const groups *g, long repeats, moments **out, error *e)
{
  moments *m = *out = mem_new(1, sizeof *m, "moments", e);
  if (!m) return e->status;
  m->g = g;
  m->block_length = repeats / BLOCKS < 2 ? 2 : repeats / BLOCKS;
  m->mean = mem_new(g->P, sizeof *m->mean, "moments", e);
  m->m2 = m->mean ? mem_new(3 * g->P, sizeof *m->m2, "moments", e) : NULL;
  if (!m->m2) return e->status;
  m->block_mean = m->m2 + g->P, m->block_m2 = m->block_mean + g->P;
  return ELBO_DONE;
}

void moments_free(moments *m)
{
  if (!m) return;
  mem_free(m->mean), mem_free(m->m2);
  mem_free(m);
}

static void hadamard(double *x)
{
  for (int h = 1; h < PROJECTIONS; h *= 2)
    for (int i = 0; i < PROJECTIONS; i += 2 * h)
      for (int j = i; j < i + h; j++) {
        double a = x[j], b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
}

static void project(moments *m, const float *gradient)
{
  const groups *g = m->g;
  static const int mask = PROJECTIONS - 1;
  double leaf[GROUPS][PROJECTIONS];
  memset(leaf, 0, sizeof(double) * PROJECTIONS * (size_t)g->n_leaves);
  for (size_t i = 0; i < g->P; i++)
    leaf[g->leaf_of[i]][g->bucket[i] & mask] +=
        g->bucket[i] & PROJECTIONS ? -(double)gradient[i] : (double)gradient[i];
  for (int k = 0; k < g->n; k++) {
    double x[PROJECTIONS] = { 0 };
    for (int l = 0; l < g->n_leaves; l++)
      for (int j = 0; group_has_leaf(g, k, l) && j < PROJECTIONS; j++) x[j] += leaf[l][j];
    hadamard(x);
    for (int j = 0; j < PROJECTIONS; j++) {
      double d = x[j] - m->projected_mean[k][j];
      m->projected_mean[k][j] += d / (double)m->n;
      m->projected_m2[k][j] += d * (x[j] - m->projected_mean[k][j]);
    }
  }
}

/* ---- groups out of numbers */
typedef struct leaf_sums {
  double squares, m2, ratios, counted;
} leaf_sums;

static void add_leaf(leaf_sums *to, const leaf_sums *one)
{
  to->squares += one->squares, to->m2 += one->m2, to->ratios += one->ratios,
      to->counted += one->counted;
}

/* One pass over the numbers for the leaves, and sums of leaves for the rest. */
static void read_groups(const groups *g, const double *mean, const double *m2, double n,
                        group_moments *out)
{
  leaf_sums leaf[GROUPS] = { { 0 } };
  for (size_t i = 0; i < g->P; i++) {
    leaf_sums one = { .squares = mean[i] * mean[i], .m2 = m2[i] };
    if (m2[i] > 0) one.ratios = fabs(mean[i]) * sqrt((n - 1) / m2[i]), one.counted = 1;
    add_leaf(&leaf[g->leaf_of[i]], &one);
  }
  for (int k = 0; k < g->n; k++) {
    leaf_sums sum = { 0 };
    for (int l = 0; l < g->n_leaves; l++)
      if (group_has_leaf(g, k, l)) add_leaf(&sum, &leaf[l]);
    double trace = n > 1 ? sum.m2 / (n - 1) : NAN;
    out[k] = (group_moments){ .squared_norm = sum.squares - (n > 1 ? trace / n : 0),
                              .trace = trace,
                              .snr = sum.counted > 0 ? sum.ratios / sum.counted : NAN };
  }
}

/* ---- blocks */
static void merge_block(moments *m)
{
  double nb = (double)m->in_block, na = (double)(m->n - m->in_block), n = na + nb;
  for (size_t i = 0; i < m->g->P; i++) {
    double d = m->block_mean[i] - m->mean[i];
    m->mean[i] += d * (nb / n);
    m->m2[i] += m->block_m2[i] + d * d * (na * nb / n);
    m->block_mean[i] = m->block_m2[i] = 0;
  }
}

/* What is left over after the last whole block counts in the whole, not as a block. */
static void end_block(moments *m)
{
  if (m->in_block == m->block_length && m->blocks < BLOCKS)
    read_groups(m->g, m->block_mean, m->block_m2, (double)m->in_block, m->block[m->blocks++]);
  if (m->in_block) merge_block(m);
  m->in_block = 0;
}

void moments_add(moments *m, const float *gradient)
{
  double *restrict mean = m->block_mean, *restrict m2 = m->block_m2,
                   share = 1 / (double)++m->in_block;
  m->n++;
  for (size_t i = 0; i < m->g->P; i++) {
    double x = (double)gradient[i], d = x - mean[i];
    mean[i] += d * share;
    m2[i] += d * (x - mean[i]);
  }
  project(m, gradient);
  if (m->in_block == m->block_length) end_block(m);
}

void moments_finish(moments *m)
{
  end_block(m);
  read_groups(m->g, m->mean, m->m2, (double)m->n, m->all);
  mem_free(m->m2);
  m->m2 = m->block_mean = m->block_m2 = NULL;
}

/* ---- reading */
static double spread(const moments *m, int k, size_t member)
{
  double sum = 0, squares = 0;
  for (int b = 0; b < m->blocks; b++)
    sum += *(const double *)((const char *)&m->block[b][k] + member) / m->blocks;
  for (int b = 0; b < m->blocks; b++) {
    double d = *(const double *)((const char *)&m->block[b][k] + member) - sum;
    squares += d * d;
  }
  return m->blocks > 1 ? sqrt(squares / (m->blocks - 1) / m->blocks) : NAN;
}

void moments_read(const moments *m, group_moments all[GROUPS], group_moments se[GROUPS])
{
  if (all) memcpy(all, m->all, sizeof m->all);
  for (int k = 0; se && k < m->g->n; k++)
    se[k] = (group_moments){ .squared_norm = spread(m, k, offsetof(group_moments, squared_norm)),
                             .trace = spread(m, k, offsetof(group_moments, trace)),
                             .snr = spread(m, k, offsetof(group_moments, snr)) };
}
