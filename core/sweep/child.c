/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A cell in a process of its own: what it does there, and what is made of its end. */
#include "base/file.h"
#include "sweep/inside.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- in the child */
typedef struct {
  const elbo_sweep_options *o;
  const board *b;
} stopper;

static bool asked_to_stop(void *user)
{
  const stopper *s = user;
  return s->b->stop || (s->o->stop && s->o->stop(s->o->user));
}

static elbo_status train(elbo_sweep *s, const cell *c, board *b, stopper *stop)
{
  elbo_experiment *x = NULL;
  elbo_train_result result;
  char *checkpoint = path_join(c->of.run, "checkpoint.safetensors", &s->ctx->error);
  if (!checkpoint) return s->ctx->error.status;
  elbo_train_options options = { .size = sizeof options,
                                 .run = c->of.run,
                                 .resume = file_exists(checkpoint),
                                 .user = stop,
                                 .stop = asked_to_stop };
  mem_free(checkpoint);
  elbo_status status = elbo_experiment_open(s->ctx, s->file, c->applied, &x);
  if (!status) status = elbo_train(x, &options, &result);
  if (!status) {
    b->steps = result.steps, b->epochs = result.epochs;
    b->figures[ELBO_SWEEP_SECONDS] = result.seconds;
  }
  elbo_experiment_free(x);
  return status;
}

static elbo_status evaluate(elbo_sweep *s, const cell *c, board *b, stopper *stop)
{
  elbo_run *run = NULL;
  elbo_evaluation v;
  elbo_evaluate_options options = { .size = sizeof options,
                                    .samples = stop->o->samples,
                                    .seed = 1,
                                    .user = stop,
                                    .stop = asked_to_stop };
  elbo_status status = elbo_run_open(s->ctx, c->of.run, NULL, NULL, &run);
  if (!status) status = elbo_run_evaluate(run, &options, &v);
  if (!status) {
    b->figures[ELBO_SWEEP_ELBO] = v.elbo;
    b->figures[ELBO_SWEEP_LOG_LIKELIHOOD] = v.log_likelihood;
    b->figures[ELBO_SWEEP_RECONSTRUCTION] = v.reconstruction;
    b->figures[ELBO_SWEEP_KL] = v.kl;
    b->figures[ELBO_SWEEP_ACTIVE_UNITS] = v.active_units < 0 ? NAN : (double)v.active_units;
  }
  elbo_run_free(run);
  return status;
}

/* A parent that dies takes its children along, after they saved. */
static void child_run(elbo_sweep *s, const cell *c, board *b, const elbo_sweep_options *o,
                      pid_t parent)
{
  stopper stop = { o, b };
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  b->status = train(s, c, b, &stop);
  if (!b->status) b->status = evaluate(s, c, b, &stop);
  if (b->status) snprintf(b->reason, sizeof b->reason, "%s", elbo_last_error(s->ctx));
  b->finished = true;
  _exit(0);
}

/* ---- in the parent */
elbo_status job_start(elbo_sweep *s, job *j, cell *c, const elbo_sweep_options *o, int threads,
                      error *e)
{
  board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (b == MAP_FAILED) return fail(e, ELBO_E_MEMORY, "cell %s: no memory", c->of.name);
  for (int i = 0; i < ELBO_SWEEP_FIGURES; i++) b->figures[i] = NAN;
  pid_t parent = getpid(), pid = fork();
  if (pid < 0) {
    munmap(b, sizeof *b);
    return fail(e, ELBO_E_MEMORY, "cell %s: no process can be made (errno %d); take fewer --jobs",
                c->of.name, errno);
  }
  if (!pid) {
    s->ctx->threads = threads;
    child_run(s, c, b, o, parent);
  }
  *j = (job){ .pid = pid, .board = b, .cell = c };
  return ELBO_DONE;
}

/* A child that did not come to its end: by a signal, or left by a handler of the program's with one
   of our statuses. */
static void blame(board *b, int state)
{
  const char *again = "; look into it by `elbo train` with the cell's settings";
  b->status = ELBO_E_CHECK;
  if (WIFSIGNALED(state)) {
    snprintf(b->reason, sizeof b->reason, "its process was ended by signal %d (%s)%s",
             WTERMSIG(state), sigdescr_np(WTERMSIG(state)), again);
    return;
  }
  int left = WEXITSTATUS(state);
  if (left >= -ELBO_E_CHECK && left <= -ELBO_E_MEMORY) b->status = (elbo_status)-left;
  if (left > 128) b->status = ELBO_E_STOPPED;
  snprintf(b->reason, sizeof b->reason, "its process was left with status %d (%s)%s", left,
           elbo_status_text(b->status), again);
}

bool job_ended(job *j)
{
  int state = 0;
  pid_t got = waitpid(j->pid, &state, WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR)) return false;
  board *b = j->board;
  elbo_sweep_cell *c = &j->cell->of;
  if (!b->finished) blame(b, state);
  c->status = b->status;
  c->steps = b->steps, c->epochs = b->epochs;
  c->state = !b->status                    ? ELBO_CELL_DONE
             : b->status == ELBO_E_STOPPED ? ELBO_CELL_WAITING
                                           : ELBO_CELL_FAILED;
  for (int i = 0; i < ELBO_SWEEP_FIGURES; i++) c->figures[i] = b->status ? NAN : b->figures[i];
  return true;
}
