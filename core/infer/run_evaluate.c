/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Held-out figures. Rows go in batches, the samples of a batch in chunks; densities are floats for
 * each row and sample, everything made of them is summed in double, sample after sample, so that
 * the size of a chunk does not show. Letters: B rows of a batch, K samples.
 *
 *   reconstruction  mean over rows and k of log p(x|z_k), x all that is observed
 *   kl              KL(q || p) where it is known and may stand for its estimate, else the mean
 *                   over k of log q(z_k) - log p(z_k)
 *   elbo            reconstruction - kl
 *   log_likelihood  mean over rows of log (1/K) sum_k w_k, w_k = p(x, z_k) / q(z_k|x)
 *                   (Burda, Grosse and Salakhutdinov 2016, eq. 8)
 *   ess             mean over rows of (sum w)^2 / sum w^2
 *   khat            mean over rows of the Pareto shape of the weights' tail */
#include "infer/run_evaluate.h"
#include "base/options.h"
#include "infer/weights.h"

#include <math.h>
#include <string.h>

/* ---- memory */
static elbo_status evaluator_memory(evaluator *v)
{
  size_t B = v->B, wide;
  for (int i = 0; i < v->m->n_q; i++) {
    const variable *z = &v->m->variable[v->m->q_order[i]];
    v->units += z->d;
    v->numbers += z->numbers;
  }
  if (!mem_size(B, v->numbers, &wide))
    return fail(v->e, ELBO_E_MEMORY, "%zu latent numbers are too many", v->numbers);
  v->tail = v->o.samples ? weights_tail(v->K) : 0;
  v->tails = mem_new((B + 1) * (v->tail + 1), sizeof *v->tails, "evaluation", v->e);
  v->fit = v->tails ? v->tails + B * (v->tail + 1) : NULL;
  v->index = mem_new(B, sizeof *v->index, "evaluation", v->e);
  v->reconstruction = mem_new(6 * B + wide + v->units, sizeof(double), "evaluation", v->e);
  v->value = mem_new(2 * B + wide, sizeof(float), "evaluation", v->e);
  v->active = mem_new(v->numbers, sizeof *v->active, "evaluation", v->e);
  if (!v->index || !v->reconstruction || !v->value || !v->active || !v->tails) return v->e->status;
  v->kl = v->reconstruction + B, v->weight = v->kl + B, v->top = v->weight + B, v->sum = v->top + B;
  v->squares = v->sum + B, v->mean = v->squares + B, v->unit_kl = v->mean + wide;
  v->other = v->value + B, v->rows = v->other + B;
  return ELBO_DONE;
}

static void evaluator_free(evaluator *v)
{
  mem_free(v->index);
  mem_free(v->tails);
  mem_free(v->figures);
  mem_free(v->reconstruction);
  mem_free(v->value);
  mem_free(v->active);
  machine_free(v->machine);
}

/* Adds `factor` times a column of densities to one or two sums; what is not finite is an error. */
static elbo_status add_column(evaluator *v, node_id id, size_t k, double factor, double *to,
                              double *also)
{
  elbo_rows x = evaluator_view(v, id, k, 0);
  for (size_t b = 0; b < v->batch; b++) {
    double y = (double)x.at[b * x.stride];
    if (!isfinite(y))
      return fail(
          v->e, ELBO_E_NOT_FINITE,
          "%s is %g at row %zu (from 0) of the %s split, sample %zu, seed %llu: a value outside "
          "the support, or an overflow in a network; look at the row and the parameters",
          evaluator_node(v, id)->name, y, v->first + b, split_name(run_split(v->r)), v->done + k,
          (unsigned long long)v->o.seed);
    to[b] += factor * y;
    if (also) also[b] += y;
  }
  return ELBO_DONE;
}

/* ---- one sample of every row */
static elbo_status add_latent(evaluator *v, int at, size_t k)
{
  const model_graph *mg = &v->machine->mg;
  bool known = mg->kl[at] != NODE_NONE;
  if (add_column(v, mg->log_p[at], k, 1, v->weight, NULL) ||
      add_column(v, mg->log_q[at], k, -1, v->weight, NULL))
    return v->e->status;
  if (known) return add_column(v, mg->kl[at], k, 1, v->kl, NULL);
  if (add_column(v, mg->log_p[at], k, -1, v->kl, NULL)) return v->e->status;
  return add_column(v, mg->log_q[at], k, 1, v->kl, NULL);
}

/* Streaming log-sum-exp of w and of w^2, and the largest weights. */
static void add_weights(evaluator *v)
{
  for (size_t b = 0; b < v->batch; b++) {
    double w = v->weight[b];
    if (w > v->top[b]) {
      double shrink = exp(v->top[b] - w);
      v->sum[b] = v->sum[b] * shrink + 1;
      v->squares[b] = v->squares[b] * shrink * shrink + 1;
      v->top[b] = w;
    } else {
      double share = exp(w - v->top[b]);
      v->sum[b] += share;
      v->squares[b] += share * share;
    }
    if (v->tail) largest_add(v->tails + b * (v->tail + 1), v->tail + 1, w);
  }
}

static elbo_status add_sample(evaluator *v, size_t k)
{
  const model_graph *mg = &v->machine->mg;
  memset(v->weight, 0, v->batch * sizeof *v->weight);
  for (int i = 0; i < v->m->n_p; i++) {
    int at = v->m->p_order[i];
    bool latent = v->m->variable[at].role == VARIABLE_LATENT;
    if (latent ? add_latent(v, at, k)
               : add_column(v, mg->log_p[at], k, 1, v->weight, v->reconstruction))
      return v->e->status;
  }
  add_weights(v);
  return ELBO_DONE;
}

/* ---- a batch */
static elbo_status start_batch(evaluator *v, size_t first, size_t rows)
{
  v->first = first;
  v->batch = rows - first < v->B ? rows - first : v->B;
  for (size_t b = 0; b < v->batch; b++) {
    v->index[b] = (uint32_t)(first + b);
    v->reconstruction[b] = v->kl[b] = v->sum[b] = v->squares[b] = 0;
    v->top[b] = -INFINITY;
  }
  for (size_t i = 0; i < v->batch * (v->tail + 1); i++) v->tails[i] = -INFINITY;
  memset(v->mean, 0, v->batch * v->numbers * sizeof *v->mean);
  return machine_feed_split(v->machine, run_split(v->r), v->index, v->batch, RUN_VISIT, v->e);
}

/* The figures of one row, in the order of a line of --rows-out. */
static void row_figures(evaluator *v, size_t b, double *to)
{
  double K = (double)v->K;
  bool sampled = v->o.samples > 0;
  to[0] = (v->reconstruction[b] - v->kl[b]) / K;
  to[1] = v->reconstruction[b] / K;
  to[2] = v->kl[b] / K;
  to[3] = sampled ? v->top[b] + log(v->sum[b] / K) : NAN;
  to[4] = sampled ? v->sum[b] * v->sum[b] / v->squares[b] : NAN;
  to[5] = v->tail ? weights_khat(v->tails + b * (v->tail + 1), v->tail, v->fit) : NAN;
}

static void add_row(evaluator *v, size_t b)
{
  double row[EVALUATION_FIGURES];
  row_moments *const to[] = { &v->all_elbo, &v->all_reconstruction,
                              &v->all_kl,   &v->all_likelihood,
                              &v->all_ess,  &v->all_khat };
  row_figures(v, b, row);
  for (int i = 0; i < EVALUATION_FIGURES; i++) {
    if (!isnan(row[i])) row_moments_add(to[i], row[i]);
    if (v->figures) v->figures[(v->first + b) * EVALUATION_FIGURES + (size_t)i] = (float)row[i];
  }
  v->heavy += row[5] > 0.7; /* Vehtari et al. 2024, section 3.2.4 */
}

static void end_batch(evaluator *v)
{
  for (size_t b = 0; b < v->batch; b++) {
    add_row(v, b);
    for (size_t i = 0; i < v->numbers; i++)
      row_moments_add(&v->active[i], v->mean[b * v->numbers + i] / (double)v->K);
  }
}

static elbo_status evaluate_chunk(evaluator *v, size_t step)
{
  size_t n = v->K - v->done < v->chunk ? v->K - v->done : v->chunk;
  v->machine->run->samples = n;
  if (machine_forward(v->machine, v->batch, step, v->done, v->e)) return v->e->status;
  for (size_t k = 0; k < n; k++)
    if (add_sample(v, k) || evaluate_units(v, k)) return v->e->status;
  v->done += n;
  return ELBO_DONE;
}

static elbo_status evaluate_rows(evaluator *v, size_t rows)
{
  for (size_t first = 0, step = 0; first < rows; first += v->batch, step++) {
    if (start_batch(v, first, rows)) return v->e->status;
    for (v->done = 0; v->done < v->K;) {
      if (v->o.stop && v->o.stop(v->o.user))
        return fail(v->e, ELBO_E_STOPPED, "evaluation was stopped after %zu of %zu rows", first,
                    rows);
      if (evaluate_chunk(v, step)) return v->e->status;
      double part = (double)v->batch * (double)v->done / (double)v->K;
      if (v->o.progress) v->o.progress(v->o.user, ((double)first + part) / (double)rows);
    }
    end_batch(v);
  }
  return ELBO_DONE;
}

/* ---- the call */
static double variance(const row_moments *m)
{
  return m->n > 1 ? m->squares / (m->n - 1) : 0;
}

static long active_units(const evaluator *v)
{
  long n = 0;
  for (size_t i = 0; i < v->numbers; i++) n += variance(&v->active[i]) > EVALUATION_ACTIVE;
  return v->no_mean ? -1 : n;
}

/* What the run owns until the next evaluation: KL of each unit, then the spread of each mean. */
static elbo_status keep_latents(evaluator *v, size_t rows)
{
  double *latents = mem_new(v->units + v->numbers, sizeof *latents, "evaluation", v->e);
  if (!latents) return v->e->status;
  for (size_t j = 0; j < v->units; j++) latents[j] = v->unit_kl[j] / ((double)rows * (double)v->K);
  for (size_t i = 0; i < v->numbers; i++)
    latents[v->units + i] = v->no_mean ? NAN : variance(&v->active[i]);
  mem_free(v->r->latents);
  v->r->latents = latents;
  return ELBO_DONE;
}

static const float *keep_figures(evaluator *v)
{
  const float *figures = v->figures;
  if (!figures) return NULL;
  mem_free(v->r->figures);
  v->r->figures = v->figures;
  v->figures = NULL;
  return figures;
}

static elbo_status report(evaluator *v, size_t rows, elbo_evaluation *out)
{
  elbo_run *r = v->r;
  bool sampled = v->o.samples > 0, improper;
  if (run_words(r, &improper, v->e) || keep_latents(v, rows)) return v->e->status;
  *out = (elbo_evaluation){
    .rows = rows,
    .split = split_name(run_split(r)),
    .elbo = v->all_reconstruction.mean - v->all_kl.mean,
    .elbo_se = row_moments_se(&v->all_elbo),
    .reconstruction = v->all_reconstruction.mean,
    .kl = v->all_kl.mean,
    .kl_per_latent = r->latents,
    .n_latents = v->units,
    .active_units = active_units(v),
    .mean_variance = r->latents + v->units,
    .n_numbers = v->numbers,
    .samples = v->o.samples,
    .ess = sampled ? v->all_ess.mean : NAN,
    .khat = v->all_khat.n > 0 ? v->all_khat.mean : NAN,
    .khat_heavy = v->all_khat.n > 0 ? v->heavy / v->all_khat.n : NAN,
    .log_likelihood = sampled ? v->all_likelihood.mean : NAN,
    .log_likelihood_se = sampled ? row_moments_se(&v->all_likelihood) : NAN,
    .likelihood = r->likelihood.s,
    .improper = improper,
    .row_figures = keep_figures(v),
    .bits_reason = run_bits_problem(r),
  };
  out->bits_per_dim = run_bits(r, sampled ? out->log_likelihood : out->elbo);
  return ELBO_DONE;
}

static elbo_status read_options(const elbo_evaluate_options *given, elbo_evaluate_options *o,
                                error *e)
{
  if (options_take(o, sizeof *o, given, "elbo_evaluate_options", e)) return e->status;
  const long most = (long)(UINT32_MAX / RUN_BATCH); /* noise rows are numbered in 32 bits */
  if (o->samples < 0 || o->samples > most)
    return fail(e, ELBO_E_USAGE, "%ld importance samples; expected 0 (no log likelihood) to %ld",
                o->samples, most);
  return ELBO_DONE;
}

elbo_status elbo_run_evaluate(elbo_run *r, const elbo_evaluate_options *options,
                              elbo_evaluation *out)
{
  error *e = context_enter(r->ctx);
  evaluator v = { .r = r, .m = r->study->model, .e = e };
  size_t rows = r->study->rows[run_split(r)];
  if (read_options(options, &v.o, e)) return e->status;
  v.K = v.o.samples ? (size_t)v.o.samples : 1;
  graph_options most = { .purpose = GRAPH_EVALUATE, .batch = rows, .samples = v.K };
  if (v.o.rows) {
    v.figures = mem_new(rows, EVALUATION_FIGURES * sizeof *v.figures, "the figures of each row", e);
    if (!v.figures) return e->status;
  }
  if (!run_machine(r, &most, v.o.seed, &v.machine, &v.B, &v.chunk, e) && !evaluator_memory(&v) &&
      !evaluate_rows(&v, rows))
    report(&v, rows, out);
  evaluator_free(&v);
  return e->status;
}
