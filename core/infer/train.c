/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A run: a trainer, its directory and its files. Whatever stops it, the directory holds the last
 * whole checkpoint and the metrics up to it. */
#include "base/clock.h"
#include "base/options.h"
#include "infer/context.h"
#include "infer/metrics.h"
#include "infer/run_inside.h"
#include "infer/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct session {
  elbo_experiment *x;
  const elbo_train_options *o;
  elbo_train_result *result;
  study *s;
  trainer *t;
  error *e;
  char *dir, *checkpoint, *best, *metrics;
  text versions;
  dir_lock *lock;
  line_log *log;
  double started;        /* clock at the start of this session */
  double seconds_before; /* spent by earlier sessions */
  double reported;       /* clock of the last progress call */
  int64_t keep;          /* bytes of the metrics file that the checkpoint knows of */
  uint64_t first_step;
  uint64_t rows_here;
} session;

/* ---- checkpoints */
static checkpoint_io io_of(session *s)
{
  const optimizer_kind *k = &optimizer_table[s->s->x->optimizer.kind];
  checkpoint_io io = { .graph = s->t->m->mg.g,
                       .params = s->t->params,
                       .at = s->t->at,
                       .versions = s->versions.s,
                       .experiment = s->s->digest };
  for (int i = 0; i < OPTIMIZER_STATES; i++)
    io.state[i] = s->t->state[i], io.state_names[i] = k->state_names[i];
  return io;
}

static elbo_status save(session *s, const char *path)
{
  checkpoint_io io = io_of(s);
  return checkpoint_write(path, &io, s->e);
}

static void keep_failed(session *s)
{
  error ignored = { 0 };
  char *path = NULL;
  text t = { 0 };
  text_format(&t, "%s.failed", s->checkpoint);
  path = t.s;
  checkpoint_io io = io_of(s);
  if (path && !checkpoint_write(path, &io, &ignored)) error_prefix(s->e, "state kept in %s", path);
  text_free(&t);
}

/* ---- the directory */
static elbo_status name_files(session *s)
{
  error *e = s->e;
  const char *name =
      s->o->run ? s->o->run : arena_format(s->s->x->arena, e, "runs/%s", s->s->x->name);
  s->dir = name ? path_absolute(name, e) : NULL;
  if (!s->dir) return e->status;
  s->checkpoint = path_join(s->dir, "checkpoint.safetensors", e);
  s->best = path_join(s->dir, "best.safetensors", e);
  s->metrics = path_join(s->dir, "metrics.jsonl", e);
  snprintf(s->result->run, sizeof s->result->run, "%s", name);
  return e->status;
}

static elbo_status look_for_run(session *s)
{
  bool there;
  if (file_look(s->checkpoint, &there, s->e)) return s->e->status;
  if (there && !s->o->resume)
    return fail(s->e, ELBO_E_FILES,
                "%s: a run stands there already; go on with it by --resume, or choose another "
                "directory by -o",
                s->result->run);
  if (!there && s->o->resume)
    return fail(s->e, ELBO_E_FILES,
                "%s: no checkpoint stands there to resume from; start the run without --resume",
                s->result->run);
  return ELBO_DONE;
}

/* Whatever would refuse the first checkpoint refuses before the first step. */
static elbo_status try_to_write(session *s)
{
  whole_file *w = whole_begin(s->checkpoint, s->e);
  whole_abandon(w);
  return s->e->status;
}

static elbo_status open_directory(session *s)
{
  if (dir_make(s->dir, s->e) || dir_writable(s->dir, s->e)) return s->e->status;
  s->lock = dir_lock_take(s->dir, s->e);
  if (!s->lock || look_for_run(s)) return s->e->status; /* another's may have ended meanwhile */
  return try_to_write(s);
}

static elbo_status write_experiment(session *s)
{
  char *path = path_join(s->dir, "experiment.yaml", s->e);
  if (path) file_write_whole(path, s->s->resolved.s, s->s->resolved.n, s->e);
  mem_free(path);
  return s->e->status;
}

/* A schedule over the whole run was another one until here. */
static void warn_of_schedule(const session *s, int64_t epochs)
{
  const schedule_kind *k = &schedule_table[s->s->x->optimizer.schedule];
  if (k->whole_run && epochs != s->t->epochs)
    context_log(s->x->ctx, 1,
                "resuming, but not as an unbroken run of %lld epochs: the schedule %s depends on "
                "their number, and the steps done so far "
                "followed one of %lld",
                (long long)s->t->epochs, k->name, (long long)epochs);
}

/* Which key it is that differs, where the run's experiment file still tells. */
static elbo_status name_difference(session *s)
{
  const size_t most = (size_t)4 << 20; /* as of any experiment file */
  error unread = { 0 };
  text difference = { 0 };
  char *path = path_join(s->dir, "experiment.yaml", &unread), *was = NULL;
  size_t n;
  if (path && !file_read_all(path, most, ELBO_E_FILES, &was, &n, &unread) &&
      experiment_difference(was, s->s->resolved.s, &difference)) {
    error_clear(s->e);
    fail(s->e, ELBO_E_CHECKPOINT,
         "%s: it belongs to another experiment: %s; take that back, or another -o, or its weights "
         "alone by --init-from",
         s->checkpoint, difference.s);
  }
  text_free(&difference);
  mem_free(was);
  mem_free(path);
  return s->e->status;
}

static elbo_status resume(session *s)
{
  char differ[1024] = "";
  checkpoint_io io = io_of(s);
  if (checkpoint_read(s->checkpoint, &io, differ, sizeof differ, s->e))
    return io.other_experiment ? name_difference(s) : s->e->status;
  s->t->at = io.at;
  if (io.at.epoch != (int64_t)(io.at.step / s->t->per_epoch))
    return fail(s->e, ELBO_E_CHECKPOINT,
                "%s: header entry \"elbo.state\": epoch %lld can't have step %llu, an epoch has "
                "%llu; take an earlier checkpoint",
                s->checkpoint, (long long)io.at.epoch, (unsigned long long)io.at.step,
                (unsigned long long)s->t->per_epoch);
  if (metrics_cut(s->metrics, io.at.step, &s->keep, &s->seconds_before, s->e)) return s->e->status;
  if (io.at.step > (uint64_t)s->t->epochs * s->t->per_epoch)
    return fail(s->e, ELBO_E_CHECKPOINT, "%s: %llu steps are done, more than %lld epochs have",
                s->checkpoint, (unsigned long long)io.at.step, (long long)s->t->epochs);
  if (differ[0])
    context_log(s->x->ctx, 1,
                "resuming, but not bit for bit: the checkpoint was written by %s; this is %s",
                differ, s->versions.s);
  warn_of_schedule(s, io.at.epochs);
  s->t->at.epochs = s->t->epochs;
  return ELBO_DONE;
}

static elbo_status take_weights(session *s)
{
  char *path = path_join(s->o->init_from, "checkpoint.safetensors", s->e);
  if (path) checkpoint_read_params(path, s->t->m->mg.g, s->t->params, NULL, s->e);
  mem_free(path);
  return s->e->status;
}

/* ---- reports */
static elbo_progress report_of(session *s, const char *split, const sums *sums)
{
  double spent = clock_seconds() - s->started;
  uint64_t steps = (uint64_t)s->t->epochs * s->t->per_epoch, here = s->t->at.step - s->first_step;
  elbo_progress p = { .split = split,
                      .step = s->t->at.step,
                      .steps = steps,
                      .epochs = s->t->epochs,
                      .epoch = (double)s->t->at.step / (double)s->t->per_epoch,
                      .seconds = s->seconds_before + spent,
                      .rows_per_second = spent > 0 ? (double)s->rows_here / spent : 0,
                      .seconds_left =
                          here ? spent / (double)here * (double)(steps - s->t->at.step) : NAN };
  metrics_means(sums, &p);
  return p;
}

/* steps: those that the figures are of, up to now. */
static elbo_status write_line(session *s, const elbo_progress *p, uint64_t steps)
{
  uint64_t last = s->t->at.step - (steps > 0);
  return metrics_line(s->log, p, trainer_mean_kl_weight(s->t, steps),
                      trainer_learning_rate(s->t, last), s->e);
}

static void show(session *s, elbo_progress *p, bool epoch_end)
{
  p->epoch_end = epoch_end;
  if (s->o->progress) s->o->progress(s->o->user, p);
  s->reported = clock_seconds();
}

static bool stopped(const session *s)
{
  return s->o->stop && s->o->stop(s->o->user);
}

/* ---- the end of an epoch: means, held-out means, the best so far, the checkpoint */
static elbo_status test_split(session *s, split_kind split, double *elbo)
{
  sums held = { 0 };
  *elbo = NAN;
  if (!s->s->rows[split]) return ELBO_DONE;
  if (trainer_test(s->t, split, &held, s->e)) {
    if (s->e->status == ELBO_E_NOT_FINITE) keep_failed(s);
    return s->e->status;
  }
  elbo_progress p = report_of(s, split_name(split), &held);
  *elbo = p.elbo;
  if (write_line(s, &p, 0)) return s->e->status;
  show(s, &p, true);
  return ELBO_DONE;
}

static elbo_status keep_best(session *s, double validate)
{
  progress_state *at = &s->t->at;
  if (isnan(validate) || (!isnan(at->best) && validate <= at->best)) return ELBO_DONE;
  at->best = validate;
  at->best_epoch = at->epoch;
  return s->s->x->train.keep_best ? save(s, s->best) : ELBO_DONE;
}

static bool out_of_patience(const session *s)
{
  int64_t patience = s->s->x->train.patience;
  return patience > 0 && s->t->at.epoch - s->t->at.best_epoch >= patience;
}

static elbo_status end_epoch(session *s, bool *done)
{
  double validate;
  elbo_progress p = report_of(s, "train", &s->t->at.of_epoch);
  uint64_t steps = s->t->at.of_epoch.steps;
  s->t->at.of_epoch = (sums){ 0 };
  s->result->elbo_train = p.elbo;
  if (write_line(s, &p, steps)) return s->e->status;
  show(s, &p, true);
  if (test_split(s, SPLIT_VALIDATE, &validate) ||
      test_split(s, SPLIT_TEST, &s->result->elbo_test) || keep_best(s, validate))
    return s->e->status;
  *done = s->t->at.epoch >= s->t->epochs || out_of_patience(s);
  s->t->at.finished = *done;
  return save(s, s->checkpoint);
}

static void add(sums *to, const sums *one)
{
  to->objective += one->objective, to->reconstruction += one->reconstruction, to->kl += one->kl;
  to->grad_norm += one->grad_norm, to->rows += one->rows, to->steps += one->steps;
}

static elbo_status between_epochs(session *s)
{
  const train_spec *t = &s->s->x->train;
  if (t->log_every && s->t->at.step % (uint64_t)t->log_every == 0) {
    elbo_progress p = report_of(s, "train", &s->t->at.of_line);
    uint64_t steps = s->t->at.of_line.steps;
    s->t->at.of_line = (sums){ 0 };
    if (write_line(s, &p, steps)) return s->e->status;
  }
  if (clock_seconds() - s->reported > 0.1) {
    elbo_progress p = report_of(s, "train", &s->t->at.of_epoch);
    show(s, &p, false);
  }
  return ELBO_DONE;
}

static elbo_status train_steps(session *s)
{
  int64_t every = s->s->x->train.checkpoint_every;
  for (bool done = s->t->at.epoch >= s->t->epochs; !done;) {
    sums one = { 0 };
    if (trainer_step(s->t, &one, s->e)) {
      if (s->e->status == ELBO_E_NOT_FINITE) keep_failed(s);
      return s->e->status;
    }
    add(&s->t->at.of_epoch, &one);
    add(&s->t->at.of_line, &one);
    s->rows_here += one.rows;
    if (between_epochs(s)) return s->e->status;
    bool end = s->t->at.step % s->t->per_epoch == 0;
    if (end && end_epoch(s, &done)) return s->e->status;
    if (!end && every && s->t->at.step % (uint64_t)every == 0 && save(s, s->checkpoint))
      return s->e->status;
    if (!done && stopped(s)) {
      if (!end && save(s, s->checkpoint)) return s->e->status;
      return fail(s->e, ELBO_E_STOPPED,
                  "stopped after step %llu; the state is saved: go on with --resume",
                  (unsigned long long)s->t->at.step);
    }
  }
  return ELBO_DONE;
}

/* ---- what is left behind */
static elbo_status take_best(session *s)
{
  bool there;
  if (!s->s->x->train.keep_best || file_look(s->best, &there, s->e) || !there) return s->e->status;
  return checkpoint_read_params(s->best, s->t->m->mg.g, s->t->params, NULL, s->e);
}

static void fill_result(session *s)
{
  elbo_train_result *r = s->result;
  double spent = r->already_finished ? 0 : clock_seconds() - s->started;
  r->steps = s->t->at.step;
  r->epochs = s->t->at.epoch;
  r->seconds = s->seconds_before + spent;
  r->rows_per_second = spent > 0 ? (double)s->rows_here / spent : 0;
}

static elbo_status finish(session *s)
{
  char *svg = path_join(s->dir, "curves.svg", s->e),
       *summary = path_join(s->dir, "summary.json", s->e);
  if (svg && summary && !metrics_summary(summary, s->s, s->result, s->versions.s, s->e))
    metrics_curves(s->metrics, svg, s->s->x->name, s->e);
  mem_free(svg);
  mem_free(summary);
  if (s->e->status || take_best(s)) return s->e->status;
  return run_leave_pictures(s->x->ctx, s->s, s->t->params, s->dir, s->e);
}

static elbo_status start(session *s)
{
  error *e = s->e;
  int64_t epochs = s->o->epochs ? s->o->epochs : s->s->x->train.epochs;
  if (epochs < 1) return fail(e, ELBO_E_USAGE, "epochs: %lld is not at least 1", (long long)epochs);
  if (name_files(s) || versions_text(s->x->ctx, &s->versions, e) || look_for_run(s) ||
      trainer_new(s->s, epochs, &s->t, e))
    return e->status;
  if (s->o->init_from && !s->o->resume && take_weights(s)) return e->status;
  if (open_directory(s) || (s->o->resume && resume(s))) return e->status;
  s->first_step = s->t->at.step;
  s->result->already_finished = s->o->resume && (s->t->at.epoch >= epochs || out_of_patience(s));
  if (s->result->already_finished) return ELBO_DONE;
  if (write_experiment(s)) return e->status;
  s->log = line_log_open(s->metrics, s->keep, e);
  return e->status;
}

elbo_status elbo_train(elbo_experiment *x, const elbo_train_options *options,
                       elbo_train_result *result)
{
  elbo_train_options o;
  session s = { .x = x,
                .o = &o,
                .result = result,
                .s = x->study,
                .e = context_enter(x->ctx),
                .started = clock_seconds() };
  *result = (elbo_train_result){ .elbo_train = NAN, .elbo_test = NAN };
  if (!options_take(&o, sizeof o, options, "elbo_train_options", s.e) && !start(&s)) {
    s.started = clock_seconds();
    elbo_status ended = s.result->already_finished ? ELBO_DONE : train_steps(&s);
    fill_result(&s);
    if (!ended && !s.result->already_finished) finish(&s);
  }
  error closing = { 0 };
  if (line_log_close(s.log, &closing) && !s.e->status)
    fail(s.e, closing.status, "%s", closing.text);
  dir_lock_release(s.lock);
  trainer_free(s.t);
  text_free(&s.versions);
  mem_free(s.dir), mem_free(s.checkpoint), mem_free(s.best), mem_free(s.metrics);
  return s.e->status;
}
