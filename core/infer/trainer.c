/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/trainer.h"
#include "graph/vec.h"

#include <assert.h>
#include <math.h>

/* ---- making */
enum { TEST_BATCH = 500 };

static elbo_status layout_size(study *s, size_t *floats, error *e)
{
  graph_options o = { .purpose = GRAPH_TRAIN, .batch = 1, .samples = 1 };
  model_graph mg;
  if (!model_build(s->model, &o, &mg, e)) *floats = graph_param_floats(mg.g);
  model_graph_free(&mg);
  return e->status;
}

static elbo_status make_vectors(trainer *t, error *e)
{
  const optimizer_kind *kind = &optimizer_table[t->study->x->optimizer.kind];
  t->params = mem_new_aligned(t->floats, sizeof(float), "parameters", e);
  t->grads = mem_new_aligned(t->floats, sizeof(float), "gradients", e);
  for (int i = 0; i < kind->n_state; i++)
    t->state[i] = mem_new_aligned(t->floats, sizeof(float), "the optimizer's state", e);
  return e->status;
}

static elbo_status make_orders(trainer *t, error *e)
{
  const study *s = t->study;
  size_t rows = s->shuffled_by_blocks ? (size_t)s->x->train.batch_size : s->rows[SPLIT_TRAIN];
  t->order = mem_new(rows + 1, sizeof *t->order, "the order of rows", e);
  t->plain = mem_new(TEST_BATCH, sizeof *t->plain, "the order of rows", e);
  t->order_epoch = -1;
  return e->status;
}

static_assert((int)FEEDER_SETS >= MODEL_MAX_VARIABLES, "a set for each variable");

/* The training sets that stay in their files, in the order of their feeds. */
static elbo_status make_feeder(trainer *t, error *e)
{
  const study *s = t->study;
  const dataset *sets[FEEDER_SETS];
  int n = 0;
  if (!s->shuffled_by_blocks) return ELBO_DONE;
  for (int f = 0; f < s->n_data; f++)
    if (s->data[SPLIT_TRAIN][f].x.file) sets[n++] = &s->data[SPLIT_TRAIN][f];
  return feeder_new(sets, n, &s->order, &t->feeder, e);
}

static elbo_status make_machines(trainer *t, error *e)
{
  study *s = t->study;
  graph_options train = { .purpose = GRAPH_TRAIN,
                          .batch = (size_t)s->x->train.batch_size,
                          .samples = s->model->samples };
  graph_options test = { .purpose = GRAPH_EVALUATE, .batch = TEST_BATCH, .samples = 1 };
  t->pool = pool_new(s->threads, e);
  if (!t->pool || machine_new(s, &train, t->pool, t->params, t->grads, &t->m, e)) return e->status;
  if (s->rows[SPLIT_TEST] + s->rows[SPLIT_VALIDATE] == 0) return ELBO_DONE;
  return machine_new(s, &test, t->pool, t->params, NULL, &t->tester, e);
}

/* Shuffles and visits of a row are numbered in 32 bits, the last of which is that of the tests. */
static elbo_status check_numbers(const study *s, int64_t epochs, error *e)
{
  const unsigned long long most = UINT32_MAX, rows = s->rows[SPLIT_TRAIN];
  if (rows < most && epochs >= 0 && (unsigned long long)epochs < most) return ELBO_DONE;
  return fail(e, ELBO_E_USAGE,
              "%llu training rows for %lld epochs; fewer than %llu of each can be numbered; take "
              "fewer (`data: {limit: ..}`, `train: {epochs: ..}`)",
              rows, (long long)epochs, most);
}

elbo_status trainer_new(study *s, int64_t epochs, trainer **out, error *e)
{
  *out = NULL;
  if (check_numbers(s, epochs, e)) return e->status;
  trainer *t = mem_new(1, sizeof *t, "the trainer", e);
  if (!t) return e->status;
  t->study = s;
  t->epochs = t->at.epochs = epochs;
  size_t batch = (size_t)s->x->train.batch_size;
  t->per_epoch = (s->rows[SPLIT_TRAIN] + batch - 1) / batch;
  t->at.best = NAN;
  if (layout_size(s, &t->floats, e) || make_vectors(t, e) || make_orders(t, e) ||
      make_machines(t, e) || make_feeder(t, e)) {
    trainer_free(t);
    return e->status;
  }
  init_params(t->m->mg.g, s->x->seed, t->params);
  *out = t;
  return ELBO_DONE;
}

void trainer_free(trainer *t)
{
  if (!t) return;
  feeder_free(t->feeder);
  machine_free(t->m);
  machine_free(t->tester);
  pool_free(t->pool);
  mem_free(t->params);
  mem_free(t->grads);
  for (int i = 0; i < OPTIMIZER_STATES; i++) mem_free(t->state[i]);
  mem_free(t->order);
  mem_free(t->plain);
  mem_free(t);
}

/* ---- schedules, by epochs done with fraction */
static double epochs_before(const trainer *t, uint64_t step)
{
  return (double)step / (double)t->per_epoch;
}

double trainer_kl_weight(const trainer *t, uint64_t step)
{
  const train_spec *s = &t->study->x->train;
  if (s->kl_epochs <= 0) return s->kl_to;
  return s->kl_from + (s->kl_to - s->kl_from) * fmin(1, epochs_before(t, step) / s->kl_epochs);
}

double trainer_mean_kl_weight(const trainer *t, uint64_t steps)
{
  double first = trainer_kl_weight(t, t->at.step - steps), more = 0;
  for (uint64_t i = 1; i < steps; i++) more += trainer_kl_weight(t, t->at.step - steps + i) - first;
  return steps ? first + more / (double)steps : first;
}

static double trainer_temperature(const trainer *t)
{
  return model_temperature(t->study->model, epochs_before(t, t->at.step));
}

double trainer_learning_rate(const trainer *t, uint64_t step)
{
  const optimizer_spec *o = &t->study->x->optimizer;
  return o->learning_rate * schedule_table[o->schedule].factor(
                                o->schedule_hyper, epochs_before(t, step), (double)t->epochs);
}

/* ---- sums */
/* Of samples the mean, or, where they are the points of a support, the sum with their
 * probabilities; one row stands for all of the batch. */
static double sum_rows(const machine *m, node_id id)
{
  if (id == NODE_NONE) return 0;
  const node *n = graph_node(m->mg.g, id);
  const float *at = run_value(m->run, id);
  bool points =
      m->study->model->enumerates && m->mg.weights != NODE_NONE && n->shape.axis == AXIS_SAMPLE;
  const float *weight = points ? run_value(m->run, m->mg.weights) : NULL;
  size_t rows = run_rows(m->run, id);
  double sum = 0;
  size_t apart = points ? graph_node(m->mg.g, m->mg.weights)->ld : 0;
  for (size_t i = 0; i < rows; i++)
    sum += (double)at[i * n->ld] * (points ? (double)weight[apart * i] : 1);
  return points ? sum : sum * (double)m->run->batch / (double)rows;
}

static void add_sums(const machine *m, sums *s)
{
  const model *mo = m->study->model;
  for (int i = 0; i < mo->n_p; i++) {
    int at = mo->p_order[i];
    if (mo->variable[at].role == VARIABLE_OBSERVED)
      s->reconstruction += sum_rows(m, m->mg.log_p[at]);
    else if (m->mg.kl[at] != NODE_NONE)
      s->kl += sum_rows(m, m->mg.kl[at]);
    else
      s->kl += sum_rows(m, m->mg.log_q[at]) - sum_rows(m, m->mg.log_p[at]);
  }
  s->rows += m->run->batch;
  s->steps++;
}

/* ---- the step */
static void squares_part(void *arg, int part, int parts)
{
  trainer *t = arg;
  size_t from, to;
  part_range(t->floats, 16, part, parts, &from, &to);
  t->norm[part] = vec_squares(t->m->run->env.level, to - from, t->grads + from);
}

static double grad_norm(trainer *t)
{
  double sum = 0;
  pool_run(t->m->run->env.pool, squares_part, t, NORM_PARTS);
  for (int i = 0; i < NORM_PARTS; i++) sum += t->norm[i];
  return sqrt(sum);
}

static void update_part(void *arg, int part, int parts)
{
  trainer *t = arg;
  size_t from, to;
  part_range(t->floats, 16, part, parts, &from, &to);
  optimizer_table[t->study->x->optimizer.kind].update[t->m->run->env.level](
      &t->update, to - from, t->params + from, t->grads + from,
      t->state[0] ? t->state[0] + from : NULL, t->state[1] ? t->state[1] + from : NULL);
}

static void update(trainer *t, double norm)
{
  const optimizer_spec *o = &t->study->x->optimizer;
  double rate = trainer_learning_rate(t, t->at.step);
  t->update = (update_args){ .decay = (float)(o->weight_decay * rate),
                             .clip = o->clip > 0 && norm > o->clip ? (float)(o->clip / norm) : 1 };
  optimizer_table[o->kind].prepare(o->hyper, rate, t->at.step + 1, &t->update);
  pool_run(t->m->run->env.pool, update_part, t, NORM_PARTS);
}

static elbo_status fetch_batch(trainer *t, uint32_t epoch, size_t first, size_t n, error *e)
{
  const void **at[FEEDER_SETS];
  int sets = 0;
  for (int f = 0; f < t->study->n_data; f++)
    if (t->study->data[SPLIT_TRAIN][f].x.file) at[sets++] = t->m->room[f];
  if (feeder_take(t->feeder, epoch, first, n, t->order, at, e)) return e->status;
  machine_feed_fetched(t->m, t->order, epoch);
  return ELBO_DONE;
}

static elbo_status next_batch(trainer *t, size_t *n, error *e)
{
  const study *s = t->study;
  size_t rows = s->rows[SPLIT_TRAIN], batch = (size_t)s->x->train.batch_size;
  int64_t epoch = (int64_t)(t->at.step / t->per_epoch);
  size_t first = (size_t)(t->at.step % t->per_epoch) * batch;
  *n = rows - first < batch ? rows - first : batch;
  if (t->feeder) return fetch_batch(t, (uint32_t)epoch, first, *n, e);
  if (t->order_epoch != epoch) {
    philox_shuffle(philox_make_key(s->x->seed, STREAM_SHUFFLE), (uint32_t)epoch, (uint32_t)rows,
                   t->order);
    t->order_epoch = epoch;
  }
  return machine_feed_split(t->m, SPLIT_TRAIN, t->order + first, *n, (uint32_t)epoch, e);
}

static double mean_of_rows(const machine *m)
{
  double sum = 0;
  for (size_t b = 0; b < m->run->batch; b++) sum += (double)run_value(m->run, m->mg.rows)[b];
  return sum / (double)m->run->batch;
}

elbo_status trainer_step(trainer *t, sums *s, error *e)
{
  run *r = t->m->run;
  size_t batch;
  if (next_batch(t, &batch, e)) return e->status;
  step_args a = { .batch = batch,
                  .step = t->at.step,
                  .kl_weight = trainer_kl_weight(t, t->at.step),
                  .temperature = trainer_temperature(t),
                  .baseline = baseline_value(&t->at.baseline),
                  .training = true,
                  .feeds = t->m->feeds };
  if (run_forward(r, &a, e)) return e->status;
  double objective = (double)*run_value(r, t->m->mg.objective);
  if (!isfinite(objective)) return run_find_nonfinite(r, &a, e);
  if (run_backward(r, e)) return e->status;
  double norm = grad_norm(t);
  if (!isfinite(norm)) return run_find_nonfinite(r, &a, e);
  update(t, norm);
  if (t->study->model->baseline) baseline_see(&t->at.baseline, mean_of_rows(t->m));
  t->at.step++;
  t->at.epoch = (int64_t)(t->at.step / t->per_epoch);
  s->objective += objective;
  s->grad_norm += norm;
  add_sums(t->m, s);
  return ELBO_DONE;
}

/* Step numbers from the top, which training never reaches: test draws are other draws, and the same
 * each time. */
elbo_status trainer_test(trainer *t, split_kind split, sums *s, error *e)
{
  for (size_t first = 0, rows = t->study->rows[split]; first < rows; first += TEST_BATCH) {
    size_t n = rows - first < TEST_BATCH ? rows - first : TEST_BATCH;
    for (size_t i = 0; i < n; i++) t->plain[i] = (uint32_t)(first + i);
    if (machine_feed_split(t->tester, split, t->plain, n, UINT32_MAX, e)) return e->status;
    uint64_t step = UINT32_MAX - first / TEST_BATCH;
    if (machine_forward(t->tester, n, step, 0, e)) return e->status;
    add_sums(t->tester, s);
    if (!isfinite(s->reconstruction - s->kl)) {
      step_args a = { .batch = n, .step = step, .kl_weight = 1, .feeds = t->tester->feeds };
      run_find_nonfinite(t->tester->run, &a, e);
      return error_prefix(e, "%s rows %zu to %zu, after step %llu", split_name(split), first,
                          first + n - 1, (unsigned long long)t->at.step);
    }
  }
  s->objective = s->reconstruction - s->kl;
  return ELBO_DONE;
}
