/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Opening a shared object runs its constructors and trusts its tables, and either can kill a
 * process. So a child tries all candidates in turn and writes one record for each; the first
 * without a record when the child dies, or takes too long, is the culprit, and another child goes
 * on behind it. */
#include "base/clock.h"
#include "base/coverage.h"
#include "plugin/inside.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_MS = 3000, CALLED_EXIT = 93 };

typedef struct {
  uint32_t index;
  char why[PLUGIN_WHY]; /* "": fine */
} record;
_Static_assert(sizeof(record) <= 4096, "a record goes through a pipe in one piece");

/* ---- what a constructor may not change */
enum { SIGNALS = 32 };
typedef struct {
  int rounding;
  unsigned control; /* of the vector unit: flush to zero and the like */
  char locale[256];
  void (*handler[SIGNALS])(int);
} process_state;

static void state_read(process_state *s)
{
  memset(s, 0, sizeof *s);
  s->rounding = fegetround();
#if defined(__SSE__)
  s->control = __builtin_ia32_stmxcsr() & ~0x3fu; /* without the sticky flags */
#endif
  snprintf(s->locale, sizeof s->locale, "%s", setlocale(LC_ALL, NULL));
  for (int i = 1; i < SIGNALS; i++) {
    struct sigaction a = { 0 };
    sigaction(i, NULL, &a);
    s->handler[i] = a.sa_handler;
  }
}

static const char *state_changed(const process_state *a, const process_state *b)
{
  if (a->rounding != b->rounding) return "the rounding mode";
  if (a->control != b->control) return "the floating-point mode (-ffast-math when linking?)";
  if (strcmp(a->locale, b->locale)) return "the locale";
  return memcmp(a->handler, b->handler, sizeof a->handler) ? "signal handlers" : NULL;
}

/* ---- a record through the pipe, whatever signals come between. false: the other end is gone */
static bool record_put(int out, const record *r)
{
  for (size_t done = 0; done < sizeof *r;) {
    ssize_t n = write(out, (const char *)r + done, sizeof *r - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += (size_t)n;
  }
  return true;
}

static bool record_get(int in, record *r)
{
  for (size_t done = 0; done < sizeof *r;) {
    ssize_t n = read(in, (char *)r + done, sizeof *r - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += (size_t)n;
  }
  return true;
}

/* ---- the child */
static _Noreturn void child_leave(int status)
{
  coverage_keep();
  _exit(status);
}

static void leave(void)
{
  child_leave(CALLED_EXIT);
}

static int by_number(const void *a, const void *b)
{
  return *(const int *)a - *(const int *)b;
}

/* Nothing of the host's may be written or flushed by the child: all but `keep` is closed. */
static void close_others(int *keep, size_t n)
{
  unsigned from = 3;
  qsort(keep, n, sizeof *keep, by_number);
  for (size_t i = 0; i < n; i++) {
    if ((unsigned)keep[i] > from) close_range(from, (unsigned)keep[i] - 1, 0);
    if ((unsigned)keep[i] >= from) from = (unsigned)keep[i] + 1;
  }
  close_range(from, ~0u, 0);
}

/* Handlers of exit run last registered first, so that the host's are never reached. */
static void child_prepare(int *keep, size_t n, pid_t parent)
{
  struct rlimit none = { 0, 0 };
  sigset_t all;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  for (int i = 1; i < SIGNALS; i++) signal(i, SIG_DFL);
  sigemptyset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  setrlimit(RLIMIT_CORE, &none);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3 && null >= 0; fd++) dup2(null, fd);
  close_others(keep, n);
  atexit(leave);
  at_quick_exit(leave);
}

static void child_run(const search *s, size_t first, int out)
{
  process_state before, after;
  state_read(&before);
  for (size_t i = first; i < s->n; i++) {
    record r = { .index = (uint32_t)i };
    if (s->list[i].image < 0) continue;
    void *object = NULL;
    plugin_open(s->list[i].image, s->texts, r.why, &object, NULL);
    /* What is fine is closed again, so that destructors that would kill the host on its way out
     * kill the child here. */
    if (object && !r.why[0]) dlclose(object);
    state_read(&after);
    const char *changed = state_changed(&before, &after);
    if (changed)
      snprintf(r.why, sizeof r.why, "its constructor changes %s of the process", changed);
    if (!record_put(out, &r) || changed) child_leave(0);
  }
  child_leave(0);
}

/* ---- the host */
/* One record: 1; the child is gone: 0; the time is up: -1. */
static int next_record(int in, record *r)
{
  double end = clock_seconds() + 1e-3 * LIMIT_MS;
  for (;;) {
    int left = (int)(1e3 * (end - clock_seconds()));
    struct pollfd p = { in, POLLIN, 0 };
    if (left <= 0) return -1;
    if (poll(&p, 1, left) > 0) return record_get(in, r);
  }
}

static size_t next_image(const search *s, size_t i)
{
  while (i < s->n && s->list[i].image < 0) i++;
  return i;
}

/* Reads records until they end; *at: the first candidate without one. The answer is the last of
 * next_record's. */
static int read_records(search *s, int in, size_t *at, error *e, elbo_status *status)
{
  record r;
  int rc = 1;
  while (*at < s->n && !*status && (rc = next_record(in, &r)) == 1) {
    if (r.index != *at) return 0;
    r.why[PLUGIN_WHY - 1] = 0;
    if (r.why[0] && !(s->list[*at].why = arena_string(s->texts, r.why, e))) *status = ELBO_E_MEMORY;
    *at = next_image(s, *at + 1);
  }
  return rc;
}

static void describe_end(int state, bool late, char *why, size_t n)
{
  if (late)
    snprintf(why, n, "opening it took longer than %d s: does a constructor wait or loop?",
             LIMIT_MS / 1000);
  else if (WIFSIGNALED(state))
    snprintf(why, n, "opening it ended the probing process by signal %d (%s)", WTERMSIG(state),
             sigdescr_np(WTERMSIG(state)));
  else if (WIFEXITED(state) && WEXITSTATUS(state) == CALLED_EXIT)
    snprintf(why, n, "its constructor calls exit");
  else
    snprintf(why, n, "opening it ended the probing process");
}

/* A child that tries candidates from `at` on and writes what it finds; *in: to be read from. */
static elbo_status start_child(const search *s, size_t at, int *keep, pid_t *child, int *in,
                               error *e)
{
  int pipes[2];
  size_t n = 0;
  pid_t parent = getpid();
  if (pipe2(pipes, O_CLOEXEC))
    return fail(e, ELBO_E_FILES,
                "probing of plugins: no pipe can be made (errno %d); raise the limit of open files "
                "(ulimit -n)",
                errno);
  for (size_t i = at; i < s->n; i = next_image(s, i + 1)) keep[n++] = s->list[i].image;
  keep[n++] = pipes[1];
  *child = fork();
  if (!*child) {
    child_prepare(keep, n, parent);
    child_run(s, at, pipes[1]);
  }
  int why = errno;
  close(pipes[1]);
  *in = pipes[0];
  if (*child > 0) return ELBO_DONE;
  close(pipes[0]);
  return fail(e, ELBO_E_MEMORY,
              "probing of plugins: no process can be made (errno %d); raise the limit of "
              "processes (ulimit -u) or free memory",
              why);
}

static elbo_status probe_from(search *s, size_t *at, int *keep, error *e)
{
  int in = -1, state = 0;
  pid_t child = -1;
  elbo_status status = start_child(s, *at, keep, &child, &in, e);
  if (status) return status;
  size_t first = *at;
  int rc = read_records(s, in, at, e, &status);
  close(in);
  if (rc < 0 || status) kill(child, SIGKILL);
  while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  /* A child that left after a record on its own account (a changed process) has no culprit behind
   * it. */
  bool clean = rc == 0 && WIFEXITED(state) && WEXITSTATUS(state) == 0 && *at > first;
  if (status || *at >= s->n || clean) return status;
  char why[PLUGIN_WHY];
  describe_end(state, rc < 0, why, sizeof why);
  if (!(s->list[*at].why = arena_string(s->texts, why, e))) return ELBO_E_MEMORY;
  *at = next_image(s, *at + 1);
  return ELBO_DONE;
}

elbo_status probe_all(search *s, error *e)
{
  int *keep = mem_new(s->n + 1, sizeof *keep, "the list of plugins", e);
  elbo_status status = keep ? ELBO_DONE : ELBO_E_MEMORY;
  for (size_t at = next_image(s, 0); at < s->n && !status;) status = probe_from(s, &at, keep, e);
  mem_free(keep);
  return status;
}
