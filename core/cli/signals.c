/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t caught; /* a handler can reach nothing else */

static void on_signal(int number)
{
  if (caught) _exit(128 + number);
  caught = number;
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
