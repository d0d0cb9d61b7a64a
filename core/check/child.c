/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "check/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of computing, whatever else the machine does; and of waiting, should a plugin sleep. */
enum { LIMIT_S = 5, THOROUGH_LIMIT_S = 120, WAITING = 12 };

static int limit_of(const trial *t)
{
  return t->thorough ? THOROUGH_LIMIT_S : LIMIT_S;
}

static void run(trial *t, const property *p)
{
  bool family = !strcmp(t->plugin->info.kind, "family");
  int K = family && family_has_dim(t->u.family) ? 3 : 1;
  if (family && !check_dim(t, K))
    check_absent(t, "an event has more numbers than this engine lays out");
  else
    p->run(t);
  t->board->finished = true;
}

/* The child's own; a signal handler has no argument to find it by. */
static board *noted;

static void note_fault(int number, siginfo_t *info, void *context)
{
  (void)context;
  noted->fault = (uintptr_t)info->si_addr;
  signal(number, SIG_DFL); /* the access is made again, and kills */
}

static void child_run(trial *t, const property *p, pid_t parent)
{
  struct rlimit none = { 0, 0 };
  sigset_t all;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  for (int i = 1; i < 32; i++) signal(i, SIG_DFL);
  struct sigaction on_fault = { .sa_sigaction = note_fault, .sa_flags = SA_SIGINFO };
  noted = t->board;
  sigaction(SIGSEGV, &on_fault, NULL);
  sigemptyset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  setrlimit(RLIMIT_CORE, &none);
  setrlimit(RLIMIT_CPU, &(struct rlimit){ (rlim_t)limit_of(t), (rlim_t)limit_of(t) + 1 });
  run(t, p);
  _exit(0);
}

/* true: it ended by itself. */
static bool wait_for(pid_t child, int limit_s, int *state)
{
  int fd = pidfd_open(child, 0);
  double end = clock_seconds() + limit_s;
  bool ended = false;
  for (double left; fd >= 0 && !ended && (left = end - clock_seconds()) > 0;) {
    struct pollfd p = { fd, POLLIN, 0 };
    ended = poll(&p, 1, (int)(left * 1000) + 1) == 1;
  }
  if (fd >= 0) close(fd);
  if (!ended) kill(child, SIGKILL);
  while (waitpid(child, state, 0) < 0 && errno == EINTR) {
  }
  return ended;
}

/* What the child was doing when it ended before its time. */
static void blame(const trial *t, int state, bool ended)
{
  board *b = t->board;
  char how[96];
  if (!ended)
    snprintf(how, sizeof how, "no end after %d s of waiting", WAITING * limit_of(t));
  else if (WIFSIGNALED(state) && WTERMSIG(state) == SIGXCPU)
    snprintf(how, sizeof how, "no end after %d s of computing", limit_of(t));
  else if (WIFSIGNALED(state))
    snprintf(how, sizeof how, "signal %d (%s)", WTERMSIG(state), sigdescr_np(WTERMSIG(state)));
  else
    snprintf(how, sizeof how, "the process was left by exit(%d)", WEXITSTATUS(state));
  place_text p = place_of(t, b->n_x ? b->x : NULL, b->n_w ? b->w : NULL);
  char touched[120] = "";
  bool fault = ended && WIFSIGNALED(state) && WTERMSIG(state) == SIGSEGV,
       buffer = fault && fence_blame(b, touched, sizeof touched);
  const char *nulls = fault && !buffer && b->nulls ? b->nulls : "";
  b->row.verdict = ELBO_CHECK_FAIL;
  snprintf(b->row.detail, sizeof b->row.detail, "%.40s: %s%s%s%s%s%s%s",
           b->operation ? b->operation : "before the first call", how, nulls[0] ? " with " : "",
           nulls, p.text[0] ? " at " : "", p.text,
           nulls[0] ? ": NULL says not wanted; write through a pointer only where it is not NULL"
                    : "",
           touched);
}

static elbo_status try_in_child(trial *t, const property *p, error *e)
{
  int state = 0;
  pid_t parent = getpid(), child = fork();
  if (child < 0)
    return fail(e, ELBO_E_MEMORY, "checking %s: no process can be made (errno %d)",
                t->plugin->info.name, errno);
  if (!child) child_run(t, p, parent);
  bool ended = wait_for(child, WAITING * limit_of(t), &state);
  if (t->board->finished) return ELBO_DONE;
  /* the widths of an event are not known to the parent: enough for the notes */
  t->u.family = t->board->family;
  t->u.E = t->board->n_x;
  t->u.W = t->board->n_w;
  blame(t, state, ended);
  return ELBO_DONE;
}

elbo_status child_try(const trial *plugin, const property *p, bool in_process, elbo_check_row *row,
                      error *e)
{
  trial t = *plugin;
  t.board = mmap(NULL, sizeof *t.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (t.board == MAP_FAILED)
    return fail(e, ELBO_E_MEMORY, "checking %s: no memory", plugin->plugin->info.name);
  t.board->row.name = p->name;
  t.board->row.help = p->help;
  double start = clock_seconds();
  elbo_status status = ELBO_DONE;
  if (in_process)
    run(&t, p), fences_free(t.board);
  else
    status = try_in_child(&t, p, e);
  *row = t.board->row;
  row->seconds = clock_seconds() - start;
  munmap(t.board, sizeof *t.board);
  return status;
}
