/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t caught; /* a handler can reach nothing else */

static void on_signal(int number)
{
  if (caught) _exit(128 + number);
  caught = number;
}

/* ---- a line from within a handler: nothing but memory of its own and write() */
typedef struct {
  char text[512];
  size_t n;
} line;

static void add(line *l, const char *s)
{
  for (; *s && l->n < sizeof l->text; s++) l->text[l->n++] = *s;
}

static void add_number(line *l, uint64_t v)
{
  char digits[21], *at = digits + sizeof digits - 1;
  *at = '\0';
  do {
    *--at = (char)('0' + v % 10);
  } while (v /= 10);
  add(l, at);
}

static void add_work(line *l, const elbo_work *w)
{
  add(l, w->node);
  add(l, " (op ");
  add(l, w->op);
  if (w->plugin) {
    add(l, ", plugin ");
    add(l, w->plugin);
  }
  add(l, "), step ");
  add_number(l, w->step);
}

static void say(line *l)
{
  if (l->n == sizeof l->text) l->n--;
  l->text[l->n++] = '\n';
  (void)!write(STDERR_FILENO, l->text, l->n);
}

/* ---- a crash inside a plugin is named; any other is the system's to report */
static const struct {
  int number;
  const char *name;
} crashes[] = {
  { SIGSEGV, "SIGSEGV, an access to memory that is not its own" },
  { SIGBUS, "SIGBUS, an access to memory that is not there" },
  { SIGFPE, "SIGFPE, an integer division by zero" },
  { SIGILL, "SIGILL, an instruction that this CPU lacks" },
};
enum { CRASHES = sizeof crashes / sizeof *crashes };

/* What it did where that is known (--check-plugins), else what it ended by. */
static void add_deed(line *l, int number, const void *address)
{
  elbo_fault f;
  if (!elbo_at_fault(address, &f)) {
    add(l, "ended the program by ");
    for (size_t i = 0; i < CRASHES; i++)
      if (crashes[i].number == number) add(l, crashes[i].name);
    return;
  }
  add(l, f.deed);
  add(l, " ");
  add(l, f.name);
  add(l, " in ");
  add(l, f.operation);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
  elbo_work w;
  (void)context;
  if (!elbo_at_work(&w) || !w.plugin) {
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  line l = { .n = 0 };
  add(&l, "elbo: node ");
  add_work(&l, &w);
  add(&l, ": the plugin ");
  add_deed(&l, number, info->si_addr);
  add(&l, "; the last checkpoint is whole. Look into it by `elbo plugin check ");
  add(&l, w.plugin);
  add(&l, "`, then go on with --resume");
  say(&l);
  _exit(5);
}

void signals_name_culprit(void)
{
  static _Alignas(16) char own[1 << 16]; /* a stack that has run over can't carry the handler */
  stack_t stack = { .ss_sp = own, .ss_size = sizeof own };
  struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_ONSTACK | SA_SIGINFO };
  sigaltstack(&stack, NULL);
  for (size_t i = 0; i < CRASHES; i++) sigaction(crashes[i].number, &action, NULL);
}

/* ---- a piece of work that does not end */
static volatile sig_atomic_t watched_seconds;

static void on_tick(int number)
{
  static uint64_t serial;
  static long still;
  (void)number;
  elbo_work w;
  if (!elbo_at_work(&w) || w.serial != serial) {
    still = 0;
    serial = elbo_at_work(&w) ? w.serial : 0;
    return;
  }
  if (++still != watched_seconds) return;
  line l = { .n = 0 };
  add(&l, "elbo: no end after ");
  add_number(&l, (uint64_t)watched_seconds);
  add(&l, " s: node ");
  add_work(&l, &w);
  add(&l, "; wait, or interrupt twice: the last checkpoint is whole");
  say(&l);
}

/* The main thread is the one that the system hands the signal to: it computes, or waits for those
   who do. */
void signals_watch(unsigned seconds)
{
  struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
  struct itimerval second = { { 1, 0 }, { 1, 0 } };
  watched_seconds = (sig_atomic_t)seconds;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &second, NULL);
}

/* A reader that has gone and a file at its limit are errors of the write, which is told of them; a
   run is not lost to them. */
void signals_ignore_writes(void)
{
  struct sigaction action = { .sa_handler = SIG_IGN };
  sigaction(SIGPIPE, &action, NULL);
  sigaction(SIGXFSZ, &action, NULL);
}

/* Also where SIGINT was ignored at the start, as it is in a job that a script put into the
   background: the run is saved, so an explicit `kill -INT` costs nothing. */
void signals_catch(void)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

bool signals_stop(void *user)
{
  (void)user;
  return caught != 0;
}

int signals_status(void)
{
  return caught ? 128 + caught : 0;
}

const char *signals_name(void)
{
  return caught == SIGTERM ? "SIGTERM" : "SIGINT";
}
